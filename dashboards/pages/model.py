"""A model's page, and the list of models."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()

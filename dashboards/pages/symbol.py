"""One share: its prices, news, holders and trades."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()

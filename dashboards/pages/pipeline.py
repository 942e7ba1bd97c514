"""How the arena itself fares: schedules, freshness, checks, vendors, costs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()

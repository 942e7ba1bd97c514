"""What a session knew: watchlist, momentum, briefings, articles."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()

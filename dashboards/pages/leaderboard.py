"""The board of a day: how the models stand, and how sure that is."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import models
from arena_pipeline.scoring.metrics import MIN_DAYS
from dashboards.shell import ShellOf

HERE = "/leaderboard"
router = APIRouter()


@router.get("/leaderboard")
def leaderboard(shell: ShellOf) -> HTMLResponse:
    board = models.board(shell.reading)
    mature = any(line["days"] >= MIN_DAYS for line in board["models"])
    return shell.page("leaderboard.html", here=HERE, board=board, min_days=MIN_DAYS, mature=mature)

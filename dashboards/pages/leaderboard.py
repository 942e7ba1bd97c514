"""The board of a day: how the models stand, and how sure that is."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import Document, models
from arena_pipeline.errors import DataError
from arena_pipeline.scoring.metrics import MIN_DAYS
from dashboards import board, equity
from dashboards.shell import ShellOf, chosen

HERE = "/leaderboard"
router = APIRouter()


@router.get("/leaderboard")
def leaderboard(shell: ShellOf) -> HTMLResponse:
    asked = shell.request.query_params
    live = shell.live("board") if not asked.get("as_of") else None
    as_of = _day(asked.get("as_of"))
    days = chosen(asked.get("days"), (models.CLEAN, models.ALL_DAYS), models.CLEAN)
    sort = chosen(asked.get("sort"), board.SORTS, "rank")
    found, refused = _board(shell, as_of, days)
    lines = found["models"]
    terms = found["assessment"]["terms"] if found["assessment"] else None
    return shell.page(
        "leaderboard.html",
        here=HERE,
        live=live,
        board=found,
        refused=refused,
        as_of=as_of,
        around=models.days_around(shell.reading, found["as_of"]),
        days=days,
        sort=sort,
        columns=board.COLUMNS,
        next_sort=board.next_sort,
        lines=board.in_order(lines, sort),
        marks=board.return_marks(lines),
        tied=board.tied(lines),
        surface=board.surface(found["robustness"], terms),
        min_days=MIN_DAYS,
        mature=any(line["days"] >= MIN_DAYS for line in lines),
        benchmark_name=equity.benchmark_name(shell.reading.settings.universe.benchmark),
    )


def _board(shell: ShellOf, as_of: date | None, days: str) -> tuple[Document, str]:
    """The board, and why it is not the one asked for."""
    try:
        return models.board(shell.reading, as_of, days=days), ""
    except DataError as error:
        return models.board(shell.reading, as_of), str(error)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None

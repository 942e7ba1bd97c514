"""Two models side by side."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import Document, duels, models
from dashboards.difference import drawn
from dashboards.equity import benchmark_name
from dashboards.shell import ShellOf, chosen

HERE = "/duel"
router = APIRouter()

WIDE, NARROW = (860, 300), (300, 220)
"""The picture of a desk and of a phone, in the SVG's own units."""
SESSIONS, TRADES = 12, 20
"""So many are shown."""


@router.get("/duel")
def duel(shell: ShellOf) -> HTMLResponse:
    board = models.board(shell.reading)
    known = [each["id"] for each in models.models(shell.reading)["models"]]
    first, second = _sides(board, known, shell.request.query_params)
    name = benchmark_name(shell.reading.settings.universe.benchmark)
    if first is None or second is None:
        return shell.page("duel.html", here=HERE, known=known, duel=None, first=first, second=second)
    found = duels.duel(shell.reading, first, second)
    curve = (found["difference"], found["low"], found["high"])
    return shell.page(
        "duel.html",
        here=HERE,
        known=known,
        first=first,
        second=second,
        duel=found,
        wide=drawn(*curve, width=WIDE[0], height=WIDE[1]),
        narrow=drawn(*curve, width=NARROW[0], height=NARROW[1]),
        benchmark_name=name,
        most_sessions=SESSIONS,
        most_trades=TRADES,
    )


def _sides(board: Document, known: list[str], asked: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The models asked for; where none is, the best language models, and then the best of all."""
    best = [line["model"] for line in sorted(board["models"], key=lambda line: line["kind"] != "llm")]
    order = [*best, *(each for each in known if each not in best)]
    first = chosen(asked.get("a"), known, None)
    second = chosen(asked.get("b"), known, None)
    first = first or next((each for each in order if each != second), None)
    second = second or next((each for each in order if each != first), None)
    return first, second

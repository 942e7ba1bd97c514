"""Which news a vendor does not have on our plan: learned from its refusals, and left alone for a while.

The memory is that of the figures, the table `coverage`, under the subject "news".
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from arena_pipeline.arena import Arena
from arena_pipeline.errors import NotCovered, PremiumOnly
from arena_pipeline.research.coverage import NOT_ASKED_AGAIN, Ask, Coverage, Learned
from arena_pipeline.warehouse import coverage

SUBJECT = "news"
MARKET = "market"
"""Stands for a symbol where news of the market as a whole were asked for."""


class NewsCoverage:
    """What is known at `at` (UTC) of the vendors' news, and what one collection adds to it.

    A replay asks as if nothing were known: what was not asked is not in its archive.
    """

    def __init__(self, arena: Arena, at: datetime) -> None:
        self._arena, self._at = arena, at
        self._learned: list[Learned] = []
        known = [] if arena.origin is not None else coverage.learned(arena.store)
        newest = {entry.ask: entry for entry in known if entry.ask.subject == SUBJECT and entry.at <= at}
        self._refused = {
            ask
            for ask, entry in newest.items()
            if entry.coverage in {Coverage.NOT_COVERED, Coverage.PREMIUM} and at - entry.at < NOT_ASKED_AGAIN
        }

    def is_worth_asking(self, vendor: str, symbol: str) -> bool:
        return Ask(vendor, symbol, SUBJECT) not in self._refused

    def answered(self, vendor: str, symbol: str) -> None:
        self._learn(vendor, symbol, Coverage.COVERED, "")

    def refused(self, vendor: str, symbol: str, error: NotCovered) -> None:
        outcome = Coverage.PREMIUM if isinstance(error, PremiumOnly) else Coverage.NOT_COVERED
        self._learn(vendor, symbol, outcome, str(error))

    def enter(self, connection: Connection) -> None:
        """Write what was learned, in the transaction of the articles."""
        coverage.enter(self._arena.store, connection, self._learned)

    def _learn(self, vendor: str, symbol: str, outcome: Coverage, reason: str) -> None:
        self._learned.append(Learned(Ask(vendor, symbol, SUBJECT), outcome, self._at, reason))

"""Which vendor is asked for what on a day: the few calls of a free plan, spent where they tell most.

What a vendor does not cover is remembered and not asked for again for a while. The plan of a day follows from
the day and from what had been learned before it, never from a clock: made again, it is the same.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NOT_ASKED_AGAIN = timedelta(days=30)
"""For how long "not covered" and "premium" are believed."""


class Coverage(enum.StrEnum):
    """What a vendor's answer says about one subject of one share."""

    COVERED = "covered"
    NOT_COVERED = "not_covered"
    PREMIUM = "premium"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """One call: `subject` of `symbol` (ours, such as SAP.DE) at `vendor`."""

    vendor: str
    symbol: str
    subject: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What an answer said at `at` (UTC). `reason` is ours, never the vendor's own text."""

    ask: Ask
    coverage: Coverage
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of answer that a vendor gives, and after how long it is worth asking again."""

    name: str
    refresh: timedelta


@dataclass(frozen=True, slots=True)
class Offer:
    """What a vendor can be asked on one day: its subjects, most telling first, for the shares that it knows
    under some name, with at most `calls` calls."""

    vendor: str
    subjects: tuple[Subject, ...]
    symbols: frozenset[str]
    calls: int


def plan(
    offer: Offer,
    *,
    begins: datetime,
    focus: Iterable[str],
    symbols: Sequence[str],
    learned: Iterable[Learned],
) -> tuple[Ask, ...]:
    """The calls of the day that begins at `begins` (UTC), the most important first.

    Shares in `focus` (on the watchlist, or held) come before the rest of `symbols`; then what was never
    asked before what was, and the oldest attempt first; then the order of the subjects. Left out: what was
    answered more recently than its `refresh`, and what was learned not to be covered. What was learned at
    `begins` or later does not count.

    An answer that could not be read is an attempt and no answer: the question stays due. Its share's place in
    `focus` does not bring it forward until it is answered, so that what always fails waits for its turn and
    keeps no other question from it.
    """
    answered: dict[Ask, Learned] = {}
    attempted: dict[Ask, Learned] = {}
    for entry in sorted(learned, key=lambda entry: entry.at):
        if entry.at < begins:
            attempted[entry.ask] = entry
            if entry.coverage is not Coverage.UNKNOWN:
                answered[entry.ask] = entry
    wanted = frozenset(focus)
    due: list[tuple[bool, bool, datetime, int, Ask]] = []
    for rank, subject in enumerate(offer.subjects):
        for symbol in sorted(offer.symbols & frozenset(symbols)):
            ask = Ask(offer.vendor, symbol, subject.name)
            tried, last = attempted.get(ask), answered.get(ask)
            if last is not None and begins - last.at < (
                subject.refresh if last.coverage is Coverage.COVERED else NOT_ASKED_AGAIN
            ):
                continue
            failed = tried is not None and tried.coverage is Coverage.UNKNOWN
            later = symbol not in wanted or failed
            due.append((later, tried is not None, tried.at if tried else begins, rank, ask))
    return tuple(ask for *_, ask in sorted(due)[: offer.calls])


def not_covered(learned: Iterable[Learned], at: datetime) -> frozenset[Ask]:
    """What was last learned, before `at`, not to be covered, and is not worth asking for again yet."""
    newest = {entry.ask: entry for entry in sorted(learned, key=lambda entry: entry.at) if entry.at < at}
    return frozenset(
        ask
        for ask, entry in newest.items()
        if entry.coverage in {Coverage.NOT_COVERED, Coverage.PREMIUM} and at - entry.at < NOT_ASKED_AGAIN
    )

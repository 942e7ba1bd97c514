"""Vintages of bars: what is appended when a vendor changes its mind, and what was known when."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from arena_pipeline.market.bars import Bar


@dataclass(frozen=True, slots=True)
class Restatement:
    """A bar whose values changed after they had been stored."""

    before: Bar
    after: Bar


def append_vintages(
    stored: Sequence[Bar], incoming: Iterable[Bar], *, seen_at: datetime
) -> tuple[list[Bar], list[Restatement]]:
    """The stored bars with what is new in `incoming`.

    A bar seen for the first time keeps its own `known_at`. Changed values become the next vintage, known
    from `seen_at`; the same values change nothing.
    """
    latest = {(bar.symbol, bar.start): bar for bar in sorted(stored, key=lambda bar: bar.vintage)}
    bars, restatements = list(stored), []
    for bar in incoming:
        known = latest.get((bar.symbol, bar.start))
        if known is not None:
            if _values(known) == _values(bar):
                continue
            bar = replace(bar, vintage=known.vintage + 1, known_at=max(seen_at, known.known_at))
            restatements.append(Restatement(known, bar))
        latest[bar.symbol, bar.start] = bar
        bars.append(bar)
    return bars, restatements


class BarHistory:
    """All vintages of some bars, to be asked what was known at a time."""

    def __init__(self, bars: Iterable[Bar]) -> None:
        by_symbol: dict[str, list[Bar]] = defaultdict(list)
        for bar in bars:
            by_symbol[bar.symbol].append(bar)
        self._bars = {
            symbol: sorted(entries, key=lambda bar: (bar.start, bar.vintage))
            for symbol, entries in by_symbol.items()
        }
        self._starts = {symbol: [bar.start for bar in entries] for symbol, entries in self._bars.items()}
        self._restated = {
            symbol for symbol, entries in self._bars.items() if any(bar.vintage > 1 for bar in entries)
        }

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self._bars))

    def known(self, symbol: str, before: datetime, *, since: date | None = None) -> list[Bar]:
        """The bars of a symbol as known before a time (exclusive), oldest first, one vintage each."""
        starts = self._starts.get(symbol, [])
        first = 0 if since is None else bisect.bisect_left(starts, since, key=datetime.date)
        bars = self._bars.get(symbol, [])[first : bisect.bisect_left(starts, before)]
        if symbol not in self._restated:
            return [bar for bar in bars if bar.known_at < before]
        return list({bar.start: bar for bar in bars if bar.known_at < before}.values())

    def is_restated(self, symbol: str) -> bool:
        """Whether any bar of the symbol has more than one vintage."""
        return symbol in self._restated

    def all(self, symbol: str) -> Sequence[Bar]:
        """Every vintage of a symbol, oldest bar first."""
        return self._bars.get(symbol, [])

    def restated_between(self, symbol: str, first: datetime, last: datetime) -> list[datetime]:
        """The times within [first, last] at which a vintage after the first became known."""
        return sorted(
            {
                bar.known_at
                for bar in self._bars.get(symbol, [])
                if bar.vintage > 1 and first <= bar.known_at <= last
            }
        )


def _values(bar: Bar) -> tuple[object, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.adjustment, bar.stale)

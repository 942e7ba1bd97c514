"""Vintages of bars: what is appended when a vendor changes its mind, and what was known when."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from arena_pipeline.market.bars import Bar
from arena_pipeline.market.splits import Splits


@dataclass(frozen=True, slots=True)
class Restatement:
    """A bar whose values changed after they had been stored."""

    before: Bar
    after: Bar

    def __str__(self) -> str:
        names = ("open", "high", "low", "close", "volume", "adjustment", "stale")
        pairs = ((name, getattr(self.before, name), getattr(self.after, name)) for name in names)
        told = [f"{name} {before} as {after}" for name, before, after in pairs if before != after]
        return f"{self.after.id} restates {', '.join(told)}"


@dataclass(frozen=True, slots=True)
class Missed:
    """What was not there while it could have been known: whatever would be known before `until` is known from
    `since`, which is not earlier."""

    until: datetime
    since: datetime


def same_values(known: Bar, bar: Bar) -> bool:
    return _values(known) == _values(bar)


def append_vintages(
    stored: Sequence[Bar],
    incoming: Iterable[Bar],
    *,
    seen_at: datetime,
    looked_at: datetime | None = None,
    missed: Missed | None = None,
    same: Callable[[Bar, Bar], bool] = same_values,
) -> tuple[list[Bar], list[Restatement]]:
    """The stored bars with what is new in `incoming`.

    A bar seen for the first time keeps its own `known_at`, unless it was `missed`, or `looked_at`, when the
    stored ones were last read, is not before its end: it was not there then, and is known from `seen_at`.
    Changed values, those that are not the `same`, become the next vintage, known from `seen_at`; the same
    values change nothing.
    """
    latest = {(bar.symbol, bar.start): bar for bar in sorted(stored, key=lambda bar: bar.vintage)}
    bars, restatements = list(stored), []
    for bar in incoming:
        known = latest.get((bar.symbol, bar.start))
        if known is None:
            if looked_at is not None and looked_at >= bar.end:
                bar = replace(bar, known_at=max(seen_at, bar.known_at))
            elif missed is not None and bar.known_at < missed.until:
                bar = replace(bar, known_at=missed.since)
        else:
            if same(known, bar):
                continue
            bar = replace(bar, vintage=known.vintage + 1, known_at=max(seen_at, known.known_at))
            restatements.append(Restatement(known, bar))
        latest[bar.symbol, bar.start] = bar
        bars.append(bar)
    return bars, restatements


class BarHistory:
    """All vintages of some bars, to be asked what was known at a time; and their splits."""

    def __init__(self, bars: Iterable[Bar], splits: Splits | None = None) -> None:
        self.splits = splits or Splits()
        by_symbol: dict[str, list[Bar]] = defaultdict(list)
        for bar in bars:
            by_symbol[bar.symbol].append(bar)
        self._bars = {
            symbol: sorted(entries, key=lambda bar: (bar.start, bar.vintage))
            for symbol, entries in by_symbol.items()
        }
        self._starts = {symbol: [bar.start for bar in entries] for symbol, entries in self._bars.items()}
        self._restated = {
            symbol for symbol, entries in self._bars.items() if any(_is_late(bar) for bar in entries)
        }

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self._bars))

    def known(self, symbol: str, before: datetime, *, since: date | None = None) -> list[Bar]:
        """The bars of a symbol as known before a time (exclusive), oldest first, one vintage each, at the
        prices of their own days."""
        starts = self._starts.get(symbol, [])
        first = 0 if since is None else bisect.bisect_left(starts, since, key=datetime.date)
        bars = self._bars.get(symbol, [])[first : bisect.bisect_left(starts, before)]
        if symbol not in self._restated:
            return [bar for bar in bars if bar.known_at < before]
        return list({bar.start: bar for bar in bars if bar.known_at < before}.values())

    def comparable(self, symbol: str, before: datetime, *, since: date | None = None) -> list[Bar]:
        """As `known`, all on the scale in force at that time: the splits known by then are worked in."""
        bars = self.known(symbol, before, since=since)
        if symbol not in self.splits:
            return bars
        return [self.splits.on_scale_of(bar, before) for bar in bars]

    def is_settled(self, symbol: str) -> bool:
        """Whether every bar is known since its end, as it was then, and on one scale with the others."""
        return symbol not in self._restated and symbol not in self.splits

    def all(self, symbol: str) -> Sequence[Bar]:
        """Every vintage of a symbol, oldest bar first."""
        return self._bars.get(symbol, [])

    def changed_between(self, symbol: str, first: datetime, last: datetime) -> list[datetime]:
        """The times within [first, last] at which the past became another: a later vintage, a bar that came
        late, a split."""
        late = {
            bar.known_at
            for bar in self._bars.get(symbol, [])
            if first <= bar.known_at <= last and _is_late(bar)
        }
        return sorted(late | self.splits.known_between(symbol, first, last))


def _is_late(bar: Bar) -> bool:
    return bar.vintage > 1 or bar.known_at > bar.end


def _values(bar: Bar) -> tuple[object, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.adjustment, bar.stale)

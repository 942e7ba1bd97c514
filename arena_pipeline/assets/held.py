"""Briefings shared: those of the watchlist, and those of held shares, written when a model first needs one.

Each briefing of a held share is a partition of its own: runs of two models may write at once, and the first
one written stands. It serves later sessions for a time, unless something happens to the share
(`research/sharing.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from arena_pipeline.arena import Arena
from arena_pipeline.assets.briefing_rows import briefing_from, partition_of
from arena_pipeline.assets.research import HELD, ResearchDesk, by_session
from arena_pipeline.assets.step import Run
from arena_pipeline.market.calendar import Session
from arena_pipeline.research.briefing import Briefing
from arena_pipeline.research.sharing import Why, ended_by
from arena_pipeline.warehouse.store import Row


@dataclass(frozen=True, slots=True)
class Shown:
    """A briefing as a decision is shown it, and why this one."""

    briefing: Briefing
    why: Why


class SharingDesk(ResearchDesk):
    """A research desk that models come to for what they hold."""

    def __init__(self, arena: Arena, sessions: Sequence[Session], run: Run) -> None:
        self._researched = set(arena.store.partitions("briefings"))
        self._anchors: dict[tuple[str, str], tuple[Session, Why]] = {}
        times = {
            each.key: each
            for session in sessions
            for each in (session, *_before(arena, session, self._researched))
        }
        super().__init__(arena, sorted(times.values(), key=lambda session: session.time), run)

    def prepare(self, session: Session, held: Iterable[str]) -> None:
        """Write, in one go, what is missing of the briefings of some held shares, and keep it."""
        missing: dict[str, list[str]] = defaultdict(list)
        for symbol in sorted(set(held) - self._shared.get(session.key, {}).keys()):
            since, _ = self._since(session, symbol)
            if self._kept(since, symbol) is None:
                missing[since.key].append(symbol)
        for key, symbols in missing.items():
            self._arena.store.write_frames(
                HELD,
                [
                    replace(partition_of(key, [briefing]), key=f"{key}|{briefing.symbol}")
                    for briefing, _ in self.write(key, symbols)
                ],
                run_id=self._run.id,
                now=self._arena.clock(),
                first_stands=True,
            )
            self._held[key] = by_session(self._arena, HELD, [key])[key]

    def briefings_for(self, session: Session, held: Iterable[str]) -> list[Shown]:
        """The session's briefings and those of held shares, which `prepare` must have seen."""
        shared = self._shared.get(session.key, {})
        shown = [Shown(briefing_from(row), Why.WATCHLIST) for row in shared.values()]
        for symbol in sorted(set(held) - shared.keys()):
            since, why = self._since(session, symbol)
            row = self._kept(since, symbol)
            if row is None:
                raise LookupError(f"no briefing of {symbol} was prepared for {session.key}")
            shown.append(Shown(briefing_from(row), why))
        return shown

    def _kept(self, session: Session, symbol: str) -> Row | None:
        on_list = self._shared.get(session.key, {}).get(symbol)
        return self._held.get(session.key, {}).get(symbol) if on_list is None else on_list

    def _since(self, session: Session, symbol: str) -> tuple[Session, Why]:
        """The session whose briefing of a held share is shown, and written if it is missing: the earliest
        within the time to live since which nothing has happened to the share."""
        if (session.key, symbol) not in self._anchors:
            self._anchors[session.key, symbol] = self._found(session, symbol)
        return self._anchors[session.key, symbol]

    def _found(self, session: Session, symbol: str) -> tuple[Session, Why]:
        limits = self._arena.settings.research
        found, why = session, Why.TOO_OLD
        for earlier in _before(self._arena, session, self._researched):
            told = self._news.known(session.time, since=earlier.time)
            ended = ended_by(
                (article for article in told if symbol in article.symbols),
                self._price_at(earlier, symbol),
                self._price_at(session, symbol),
                gap=limits.price_gap,
            )
            if ended is not None:
                return (found, why) if found is not session else (session, ended)
            found, why = earlier, Why.STILL_GOOD
        return found, why

    def _price_at(self, session: Session, symbol: str) -> float | None:
        """The last price known before a session, of its own day if there is one."""
        quarters = self._arena.intraday_bars().known(symbol, session.time, since=session.day)
        bars = [bar for bar in quarters if not bar.stale] or self._bars(session, symbol)
        return float(bars[-1].close) if bars else None

    @cached_property
    def _shared(self) -> dict[str, dict[str, Row]]:
        return by_session(self._arena, "briefings", self._keys)

    @cached_property
    def _held(self) -> dict[str, dict[str, Row]]:
        return by_session(self._arena, HELD, self._keys)


def _before(arena: Arena, session: Session, researched: Collection[str]) -> list[Session]:
    """The researched sessions within the time to live before one, the latest first."""
    lasts = timedelta(hours=arena.settings.research.held_ttl_hours)
    first = (session.time - lasts).astimezone(arena.calendar.zone).date()
    return [
        each
        for each in reversed(arena.calendar.sessions(max(first, arena.start), session.day))
        if session.time - lasts <= each.time < session.time and each.key in researched
    ]

"""Group *fundamentals*: figures of the companies, by the trading day on which they were asked for.

Source: Alpha Vantage (25 calls a day on the free plan), Finnhub (60 a minute, listings in New York), or the
sandbox behind the same formats.

The vendors tell only what holds today. So they are asked on the day itself, and a figure is known from the
moment it was read; a past day that is backfilled has no figures of theirs. What is asked follows from a plan
over the watchlist and the held shares (`research/coverage.py`), which is archived beside the answers: a
replay asks what was asked. The sandbox answers as of any day and is asked by a fixed rota, so that there a
backfill asks like a live arena.

A share that a vendor does not cover is a normal outcome, noted as such and remembered.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from arena_pipeline.arena import FIGURE_KEYS, Arena
from arena_pipeline.assets.found import off
from arena_pipeline.assets.searching import SUBJECT, VENDORS
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.errors import (
    ArchiveMissing,
    KeyRefused,
    NotCovered,
    PremiumOnly,
    RateLimited,
    SourceError,
)
from arena_pipeline.research.coverage import Ask, Coverage, Learned, Offer, not_covered, plan
from arena_pipeline.research.figures import COMPARED_WITHIN, Figure, disagreement, unify
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.sources.vendors import FigureVendor, symbol_map
from arena_pipeline.warehouse import coverage
from arena_pipeline.warehouse.recorder import Collection, RecordedCollection
from arena_pipeline.warehouse.rows import figure_from, figure_row
from arena_pipeline.warehouse.store import Partition, Row

ASKED_AT = time(8, 0)
"""When, on the market's clock, the sandbox's figures of a day became known."""

PLANNER = "plan"
"""The vendor under which a plan is archived."""


def financials(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Company figures: market value, ratios, yields, earnings, statements, analysts' opinions.

    One row per share, vendor and figure, with unit and period. What a vendor did not answer has one row that
    says why in `note`; so does a figure that another vendor gives otherwise, on that day or in the weeks
    before it. The row of the earlier day stays as it was known then.
    """
    if arena.settings.fundamentals.source == "none":
        written = arena.store.write_frames(
            "financials", [Partition(key, []) for key in keys], run_id=run.id, now=arena.clock()
        )
        return [Outcome(entry, {"asked": 0, "source": "none configured"}) for entry in written]
    collection = arena.collection("financials", keys)
    desk = _Desk(arena.figure_vendors(collection), run)
    simulated = arena.settings.fundamentals.source == "sandbox"
    days = {
        key: _simulated(arena, desk, key) if simulated else _asked(arena, desk, collection, key)
        for key in keys
    }

    def remember(connection: Connection) -> None:
        collection.enter(connection, run.id)
        coverage.enter(arena.store, connection, desk.learned)

    written = arena.store.write_frames(
        "financials",
        [Partition(key, days[key].rows) for key in keys],
        run_id=run.id,
        now=arena.clock(),
        within=remember,
    )
    return [
        Outcome(
            entry,
            days[entry.key].figures,
            [{name: row[name] for name in ("symbol", "name", "value")} for row in days[entry.key].rows[:8]],
        )
        for entry in written
    ]


@dataclass
class _Desk:
    """Asks the vendors, and keeps what was learned on the way. A vendor whose limit is reached, or that does
    not take the key, is not asked again."""

    vendors: tuple[FigureVendor, ...]
    run: Run
    learned: list[Learned] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)

    def ask(self, ask: Ask, at: datetime) -> list[Figure] | str:
        """The figures of one call, as they stood at `at`, or why there are none."""
        if ask.vendor in self.closed:
            return f"not fetched: {self.closed[ask.vendor]}"
        (vendor,) = [entry for entry in self.vendors if entry.name == ask.vendor]
        try:
            figures = vendor.figures(ask.symbol, ask.subject, at)
        except NotCovered as error:
            premium = isinstance(error, PremiumOnly)
            self._learn(ask, Coverage.PREMIUM if premium else Coverage.NOT_COVERED, at, str(error))
            return f"not covered: {error}"
        except (RateLimited, KeyRefused) as error:
            self.closed[ask.vendor] = str(error)
            self.run.report(f"financials: {error}")
            return f"not fetched: {error}"
        except SourceError as error:
            self._learn(ask, Coverage.UNKNOWN, at, str(error))
            self.run.report(f"financials of {ask.symbol}: {error}")
            return f"failed: {error}"
        self._learn(ask, Coverage.COVERED, at, "")
        return figures

    def _learn(self, ask: Ask, outcome: Coverage, at: datetime, reason: str) -> None:
        self.learned.append(Learned(ask, outcome, at, reason))


@dataclass(frozen=True, slots=True)
class _Day:
    """What became of a day's calls: the rows of its partition, and figures about them."""

    rows: list[Row]
    figures: dict[str, int | str]


def _simulated(arena: Arena, desk: _Desk, key: str) -> _Day:
    day = date.fromisoformat(key)
    at = datetime.combine(day, ASKED_AT, tzinfo=arena.calendar.zone).astimezone(UTC)
    asks = rota(arena, desk.vendors, day)
    rows: dict[str, Row] = {}
    for ask in asks:
        answer = desk.ask(ask, at)
        if isinstance(answer, list):
            answer = [replace(figure, known_at=at) for figure in answer]
        _put(rows, ask, day, at, answer)
    return _noted(rows, len(asks))


def _asked(arena: Arena, desk: _Desk, collection: Collection | RecordedCollection, key: str) -> _Day:
    """The rows that the partition has already, and those of what is planned and not answered yet.

    What is missing is known to be missing since the collection's time, which a replay knows too.
    """
    day, at = date.fromisoformat(key), collection.at
    rows = {row["id"]: row for row in _stored(arena, key)}
    answered = _answered(arena, day)
    asks = [ask for ask in _planned(arena, desk, collection, day) if ask not in answered]
    for ask in asks:
        _put(rows, ask, day, at, desk.ask(ask, at))
    return _noted(rows, len(asks), _before(arena, day))


def rota(arena: Arena, vendors: Iterable[FigureVendor], day: date) -> list[Ask]:
    """What the sandbox is asked on a trading day: everything on the first, then each subject of each share
    whenever as many trading days have passed as its `refresh` says."""
    number = len(arena.calendar.days(arena.start, day))
    return [
        Ask(vendor.name, symbol, subject.name)
        for vendor in vendors
        for subject in vendor.subjects
        for symbol in arena.symbols
        if vendor.vendor_symbol(symbol) is not None
        and (day == arena.start or (number + _place(symbol)) % subject.refresh.days == 0)
    ]


def _place(symbol: str) -> int:
    return int.from_bytes(hashlib.sha256(symbol.encode()).digest()[:4], "big")


def _planned(arena: Arena, desk: _Desk, collection: Collection | RecordedCollection, day: date) -> list[Ask]:
    """The plan of a day: archived when it is made, on the day itself; read from the archive in a replay.

    None is made for a day that is not today.
    """
    request = f"/financials/{day}"
    if arena.origin is not None:
        try:
            made = collection.recall(PLANNER, request)
        except ArchiveMissing:
            return []
        return [Ask(*entry) for entry in json.loads(made.body)] if made else []
    if not arena.is_today(day):
        return []
    if not desk.vendors:
        names = " and ".join(FIGURE_KEYS[name] for name in arena.figure_vendor_names)
        desk.run.report(f"financials: nobody was asked, {names} is not set")
        return []
    memory, focus = coverage.learned(arena.store), coverage.focus(arena.store, day)
    asks = [
        ask
        for vendor in desk.vendors
        for ask in plan(
            _offer(arena, vendor, day, memory),
            begins=_midnight(arena, day),
            focus=focus,
            symbols=arena.symbols,
            learned=memory,
        )
    ]
    body = json.dumps([[ask.vendor, ask.symbol, ask.subject] for ask in asks]).encode()
    collection.record(PLANNER, request, Recorded(200, body, arena.clock()))
    return asks


def _offer(arena: Arena, vendor: FigureVendor, day: date, memory: Iterable[Learned]) -> Offer:
    covered = frozenset(symbol for symbol in arena.symbols if vendor.vendor_symbol(symbol) is not None)
    calls = vendor.calls_a_day - _kept_for_news(arena, vendor.name, day, memory)
    return Offer(vendor.name, vendor.subjects, covered, max(calls, 1))


def _kept_for_news(arena: Arena, vendor: str, day: date, memory: Iterable[Learned]) -> int:
    """The calls of a day that its sessions may spend on the vendor's news: figures are asked for first, and
    would leave none."""
    if vendor not in VENDORS or off(arena):
        return 0
    uncovered, listed = not_covered(memory, _midnight(arena, day)), symbol_map(VENDORS[vendor])
    worth_asking = sum(
        listed.vendor_symbol(symbol) is not None and Ask(vendor, symbol, SUBJECT) not in uncovered
        for symbol in arena.symbols
    )
    a_session = min(arena.settings.research.alphavantage_news, worth_asking)
    return a_session * len(arena.calendar.sessions_of(day))


def _answered(arena: Arena, day: date) -> set[Ask]:
    """What was answered on a day already, by an earlier collection of it."""
    begins = _midnight(arena, day)
    return {
        entry.ask
        for entry in coverage.learned(arena.store)
        if begins <= entry.at < begins + timedelta(days=1) and entry.coverage is not Coverage.UNKNOWN
    }


def _midnight(arena: Arena, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=arena.calendar.zone).astimezone(UTC)


def _stored(arena: Arena, key: str) -> list[Row]:
    if key not in arena.store.partitions("financials"):
        return []
    return [
        {name: value for name, value in row.items() if name != "partition"}
        for row in arena.store.rows("financials", "partition = $key", key=key)
    ]


def _put(rows: dict[str, Row], ask: Ask, day: date, at: datetime, answer: list[Figure] | str) -> None:
    """Enter the rows of one call; where there are no figures, one row that says why.

    One that says the same already stays, known since then: a collection that brought nothing new is not
    entered, so a replay could not give the row a later time.
    """
    empty = f"figure:{ask.symbol}:{ask.vendor}:no-{ask.subject}:{day}"
    stored = rows.pop(empty, None)
    if isinstance(answer, str):
        if stored is not None and stored["note"] == answer:
            rows[empty] = stored
            return
        rows[empty] = {
            "id": empty,
            "symbol": ask.symbol,
            "name": "none",
            "value": None,
            "unit": "",
            "period": "",
            "source": ask.vendor,
            "known_at": at,
            "raw": "",
            "note": answer,
        }
        return
    for figure in answer:
        rows[figure.id] = figure_row(
            figure, None if figure.value is not None else "the vendor sent no number"
        )


def _before(arena: Arena, day: date) -> list[Figure]:
    """The figures of the days before that those of `day` may be compared with."""
    rows = arena.store.rows(
        "financials",
        "partition >= $first AND partition < $day AND value IS NOT NULL",
        first=str(day - COMPARED_WITHIN - timedelta(days=1)),
        day=str(day),
    )
    return [figure_from(row) for row in rows]


def _noted(rows: dict[str, Row], calls: int, before: Iterable[Figure] = ()) -> _Day:
    """The day's rows, each that another vendor contradicts, on the day or `before`, with what that says."""
    by_symbol: dict[str, list[Figure]] = defaultdict(list)
    for figure in (*before, *(figure_from(row) for row in rows.values() if row["value"] is not None)):
        by_symbol[figure.symbol].append(figure)
    disputes = 0
    for figures in by_symbol.values():
        for entry in unify(figures):
            said = {entry.preferred.id: entry.note} | {
                other.id: disagreement(other, entry.preferred) for other in entry.disputed
            }
            own = {name: note for name, note in said.items() if name in rows and note}
            disputes += bool(own)
            for name, note in own.items():
                rows[name]["note"] = note
    notes = [str(row["note"]) for row in rows.values() if row["name"] == "none"]
    return _Day(
        list(rows.values()),
        {
            "asked": calls,
            "not_covered": sum(note.startswith("not covered") for note in notes),
            "not_fetched": sum(note.startswith(("not fetched", "failed")) for note in notes),
            "disputed": disputes,
        },
    )

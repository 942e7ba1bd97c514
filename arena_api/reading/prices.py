"""Daily bars in force, as stored and on one scale for a chart; and the benchmark's closes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from arena_api.reading import Document, Reading
from arena_api.reading.stored import asset_state
from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import Adjustment, Bar
from arena_pipeline.market.splits import WHOLE, Split, Splits
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.rows import bar_from
from arena_pipeline.warehouse.store import ArenaStore


def benchmark_closes(reading: Reading, store: ArenaStore) -> list[tuple[date, Decimal]]:
    """The benchmark's closes by day, each in its last vintage, without stale bars."""
    symbol = reading.settings.universe.benchmark
    return reading.remembered(
        ("closes", symbol),
        asset_state(store, "daily_bars"),
        lambda: [
            (row["day"], row["close"])
            for row in _last_vintages(store, "symbol = $symbol AND NOT stale", symbol=symbol)
        ],
    )


def bars(reading: Reading, symbol: str, first: date, last: date) -> Document:
    """A share's or the benchmark's daily bars in a span, each in its last vintage. Raises DataError for a
    symbol that the arena does not know."""
    return _document(reading, symbol, _in_force(reading, symbol, first, last))


@dataclass(frozen=True, slots=True)
class Scale:
    """What puts a share's prices on the scale of now: those of `days` (as traded) before a split are divided
    by its ratio. `splits` are those that divide any of them, in order."""

    symbol: str
    now: datetime
    splits: Sequence[Split]
    days: Collection[date]

    def ratio(self, day: date) -> Fraction:
        """Shares now for one share of a day."""
        return Splits(self.splits).ratio(self.symbol, day, self.now) if day in self.days else WHOLE


def bars_on_one_scale(reading: Reading, symbol: str) -> tuple[Document, Scale]:
    """The document of `bars`, of all days, with prices and volumes on the scale of now."""
    store, now = reading.store(), reading.clock()
    rows = _in_force(reading, symbol, date.min, date.max)
    known = [] if store is None else _splits(reading, store)
    as_traded = {row["day"] for row in rows if row["adjustment"] == Adjustment.RAW}
    own = sorted(
        split
        for split in known
        if split.symbol == symbol and split.known_at < now and any(day < split.ex_date for day in as_traded)
    )
    splits = Splits(own)
    if own:
        rows = [_on_scale(row, splits.on_scale_of(bar_from(row), now)) for row in rows]
    return _document(reading, symbol, rows), Scale(symbol, now, own, as_traded)


def _on_scale(row: Document, bar: Bar) -> Document:
    return {**row, **{name: getattr(bar, name) for name in ("open", "high", "low", "close", "volume")}}


def _in_force(reading: Reading, symbol: str, first: date, last: date) -> list[Document]:
    universe = reading.settings.universe
    if symbol not in (*universe.symbols, universe.benchmark):
        raise DataError(f"{symbol!r} is no share of this arena", remedy="see [universe] in arena.toml")
    store = reading.store()
    if store is None:
        return []
    return reading.remembered(
        ("bars", symbol, first, last),
        asset_state(store, "daily_bars"),
        lambda: _last_vintages(
            store,
            "symbol = $symbol AND day BETWEEN $first AND $last",
            symbol=symbol,
            first=first,
            last=last,
        ),
    )


def _document(reading: Reading, symbol: str, rows: Sequence[Document]) -> Document:
    return {
        "simulated": reading.simulated,
        "as_of": rows[-1]["day"].isoformat() if rows else None,
        "provenance": None,
        "symbol": symbol,
        "currency": reading.settings.arena.currency,
        "bars": [
            {
                "id": row["id"],
                "day": row["day"].isoformat(),
                **{name: str(row[name]) for name in ("open", "high", "low", "close")},
                "volume": row["volume"],
                "adjustment": row["adjustment"],
                "stale": row["stale"],
                "vintage": row["vintage"],
                "known_at": row["known_at"].isoformat(),
                "source": row["source"],
            }
            for row in rows
        ],
    }


def _splits(reading: Reading, store: ArenaStore) -> list[Split]:
    state = asset_state(store, "corporate_actions")
    return reading.remembered(("splits",), state, lambda: readers.splits(store))


def indicator_lines(reading: Reading, symbol: str, first: date, last: date) -> dict[str, list[float | None]]:
    """Averages, bands and RSI after each daily bar in force of a span, on the scale of now, from the series
    that a session's indicators begin with. pandas is loaded when first asked."""
    from arena_pipeline.market import indicators

    store = reading.store()
    if store is None:
        return {name: [] for name in indicators.DRAWN}

    def compute() -> dict[str, list[float | None]]:
        rows = _last_vintages(
            store,
            "symbol = $symbol AND day BETWEEN $first AND $last",
            symbol=symbol,
            first=indicators.indicator_anchor(first),
            last=last,
        )
        known = Splits(_splits(reading, store))
        bars = [known.on_scale_of(bar_from(row), reading.clock()) for row in rows]
        shown = sum(1 for bar in bars if bar.day >= first)
        return {name: line[len(line) - shown :] for name, line in indicators.lines(bars).items()}

    state = asset_state(store, "daily_bars", "corporate_actions")
    return reading.remembered(("lines", symbol, first, last), state, compute)


def _last_vintages(store: ArenaStore, where: str, **parameters: object) -> list[Document]:
    newest: dict[date, Document] = {}
    for row in store.rows("daily_bars", where, **parameters):
        held = newest.get(row["day"])
        if held is None or row["vintage"] > held["vintage"]:
            newest[row["day"]] = row
    return [newest[day] for day in sorted(newest)]

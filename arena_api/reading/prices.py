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
from arena_pipeline.market.bars import Adjustment, price
from arena_pipeline.market.splits import WHOLE, Split, Splits
from arena_pipeline.warehouse.readers import splits
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
    universe = reading.settings.universe
    if symbol not in (*universe.symbols, universe.benchmark):
        raise DataError(f"{symbol!r} is no share of this arena", remedy="see [universe] in arena.toml")
    store = reading.store()
    rows = (
        []
        if store is None
        else reading.remembered(
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
    )
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


@dataclass(frozen=True, slots=True)
class Scale:
    """What puts a share's prices on the scale of now: those of `days` (as traded) before a split are divided
    by its ratio. `splits` are known by now, in order."""

    symbol: str
    now: datetime
    splits: Sequence[Split]
    days: Collection[str]

    def ratio(self, day: str) -> Fraction:
        """Shares now for one share of a day (YYYY-MM-DD)."""
        if day not in self.days:
            return WHOLE
        return Splits(self.splits).ratio(self.symbol, date.fromisoformat(day), self.now)


def on_one_scale(reading: Reading, found: Document) -> tuple[Document, Scale]:
    """The document of `bars` with prices and volumes on the scale of now."""
    store, symbol, now = reading.store(), found["symbol"], reading.clock()
    known = [] if store is None else _splits(reading, store)
    own = sorted(split for split in known if split.symbol == symbol and split.known_at < now)
    as_traded = {bar["day"] for bar in found["bars"] if bar["adjustment"] == Adjustment.RAW}
    scale = Scale(symbol, now, own, as_traded)
    return {**found, "bars": [_divided(bar, scale.ratio(bar["day"])) for bar in found["bars"]]}, scale


def _divided(bar: Document, ratio: Fraction) -> Document:
    if ratio == WHOLE:
        return bar
    prices = {
        name: str(price(Decimal(bar[name]) * ratio.denominator / ratio.numerator))
        for name in ("open", "high", "low", "close")
    }
    return {**bar, **prices, "volume": round(bar["volume"] * ratio)}


def _splits(reading: Reading, store: ArenaStore) -> list[Split]:
    state = asset_state(store, "corporate_actions")
    return reading.remembered(("splits",), state, lambda: splits(store))


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

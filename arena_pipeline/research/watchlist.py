"""The watchlist: the shares that get a briefing in a session, the same for every model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from arena_pipeline.news.momentum import MomentumRow

SIZE = 10


@dataclass(frozen=True, slots=True)
class WatchlistRow:
    """A place on the list. `rank` counts from 1; `score` is what it was ranked by; `why` says it in words."""

    symbol: str
    rank: int
    score: float
    why: str


def watchlist(
    momenta: Iterable[MomentumRow],
    indicators: Mapping[str, Mapping[str, float | None]],
    *,
    size: int = SIZE,
) -> list[WatchlistRow]:
    """The `size` most moving shares: by |momentum score|, then |change_5d|, then symbol.

    `indicators` holds, by symbol, `change_5d` (a fraction), `atr_14` and `close` (both in the market's
    currency). Without news about any share the order is by |change_5d| over the average daily range, so that
    a calm share's move counts for more than the same move of a restless one.
    """
    rows = {row.symbol: row for row in momenta}
    symbols = sorted({*rows, *indicators})
    changes = {symbol: _finite(indicators.get(symbol, {}).get("change_5d")) for symbol in symbols}
    if any(row.articles for row in rows.values()):
        scores = {symbol: rows[symbol].score if symbol in rows else 0.0 for symbol in symbols}
        whys = {symbol: _news_reason(rows.get(symbol), changes[symbol]) for symbol in symbols}
    else:
        scores = {symbol: _relative_move(indicators.get(symbol, {})) for symbol in symbols}
        whys = {symbol: _price_reason(changes[symbol], scores[symbol]) for symbol in symbols}
    order = sorted(symbols, key=lambda symbol: (-abs(scores[symbol]), -abs(changes[symbol] or 0.0), symbol))
    return [
        WatchlistRow(symbol, rank, round(scores[symbol], 6), whys[symbol])
        for rank, symbol in enumerate(order[:size], start=1)
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _relative_move(row: Mapping[str, float | None]) -> float:
    """The 5-day change in average daily ranges (ATR 14 / close); unscaled where that is unknown."""
    change, atr, close = (_finite(row.get(name)) for name in ("change_5d", "atr_14", "close"))
    if change is None:
        return 0.0
    daily_range = atr / close if atr and close else 0.0
    move = change / daily_range if daily_range else change
    return move if math.isfinite(move) else change


def _news_reason(row: MomentumRow | None, change: float | None) -> str:
    move = "5-day change unknown" if change is None else f"5-day change {change:+.1%}"
    if row is None or not row.articles:
        return f"{row.reason if row and row.reason else 'no news'}; {move}"
    stories = "1 article" if row.articles == 1 else f"{row.articles} articles"
    return f"news momentum {row.score:+.2f} from {stories}; {move}"


def _price_reason(change: float | None, relative: float) -> str:
    if change is None:
        return "no news about any share; 5-day change unknown"
    return f"no news about any share; 5-day change {change:+.1%}, {abs(relative):.1f} against its daily range"

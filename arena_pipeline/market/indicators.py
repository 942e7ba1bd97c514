"""Technical indicators from daily bars, by pandas-ta-classic, under our own names, units and null rules.

Definitions: RSI, ADX and ATR after Wilder, "New Concepts in Technical Trading Systems" (1978); MACD, moving
averages, Bollinger bands (population deviation) and the slow stochastic as TA-Lib computes them.

Wilder's and exponential averages depend on where their series begins. Here it begins at the first bar of
1 January two years before the session's year (`indicator_anchor`), and every formula looks backwards only.
So a backfill that computes a year at once and a live session that computes one row give equal numbers.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import pandas as pd
import pandas_ta_classic as ta

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import Bar, Interval

logging.getLogger("pandas_ta_classic").setLevel(logging.ERROR)  # short history is no warning: it gives None

LEAST_BARS = 15
"""Below this not even the RSI is defined."""

OBV_WINDOW = 20
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
_STOCHASTIC = 14


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """What the daily bars say about one share before one session's day.

    `close`, bands, averages, MACD and ATR are in the price's currency; `change_*` are fractions; RSI,
    stochastic, ADX and DI run from 0 to 100; `obv_slope_20` is the least-squares slope of the on-balance
    volume per bar over 20 bars, divided by their mean volume. `cross_age` counts the bars since the 50-day
    average last crossed the 200-day one, 0 on the bar of the crossing. None: too little history, or undefined
    (an RSI without any change). `reason` says why a row is empty. `first_bar` and `last_bar` are ids of the
    series.
    """

    symbol: str
    day: date
    last_bar: str | None
    first_bar: str | None
    bars_used: int
    stale_skipped: int
    reason: str | None = None
    close: float | None = None
    change_1d: float | None = None
    change_5d: float | None = None
    change_20d: float | None = None
    rsi_14: float | None = None
    macd: float | None = None
    macd_signal: float | None = None
    macd_histogram: float | None = None
    bollinger_lower: float | None = None
    bollinger_middle: float | None = None
    bollinger_upper: float | None = None
    sma_20: float | None = None
    sma_50: float | None = None
    sma_200: float | None = None
    ema_12: float | None = None
    ema_26: float | None = None
    stochastic_k: float | None = None
    stochastic_d: float | None = None
    adx_14: float | None = None
    plus_di: float | None = None
    minus_di: float | None = None
    atr_14: float | None = None
    cross_age: float | None = None
    obv_slope_20: float | None = None


VALUES = tuple(field.name for field in fields(IndicatorRow))[7:]
"""The figures of a row, in order: everything behind `reason`."""


def indicator_anchor(day: date) -> date:
    """Where the series of every session in `day`'s year begins."""
    return date(day.year - 2, 1, 1)


def indicators(bars: Sequence[Bar], days: Sequence[date], *, symbol: str | None = None) -> list[IndicatorRow]:
    """One row for each day, in the order given, from the bars before that day.

    `bars` are the daily bars of one symbol as they are known, one per day, in any order; stale ones are
    counted and skipped. `symbol` is needed only when there are no bars. Raises DataError for bars of several
    symbols, of another interval, or two of one day.
    """
    symbol = _only_symbol(bars, symbol)
    ordered = sorted(bars, key=lambda bar: bar.day)
    rows: dict[date, IndicatorRow] = {}
    for anchor in sorted({indicator_anchor(day) for day in days}):
        wanted = sorted({day for day in days if indicator_anchor(day) == anchor})
        series = [bar for bar in ordered if anchor <= bar.day < wanted[-1]]
        for row in _rows(symbol, series, wanted):
            rows[row.day] = row
    return [rows[day] for day in days]


DRAWN = ("sma_20", "sma_50", "sma_200", "bollinger_lower", "bollinger_upper", "rsi_14")
"""The figures that make a line over time."""


def lines(bars: Sequence[Bar]) -> dict[str, list[float | None]]:
    """The figures of `DRAWN` after each bar of one symbol, in the order of days; a stale bar has those of the
    bar before it."""
    used = [bar for bar in bars if not bar.stale]
    if len(used) < LEAST_BARS:
        return {name: [None] * len(bars) for name in DRAWN}
    frame = _frame(used)
    counts = list(itertools.accumulate(0 if bar.stale else 1 for bar in bars))
    return {name: [_finite(frame[name][count - 1]) if count else None for count in counts] for name in DRAWN}


def _only_symbol(bars: Sequence[Bar], symbol: str | None) -> str:
    symbols = {bar.symbol for bar in bars} | ({symbol} if symbol else set())
    if len(symbols) != 1:
        raise DataError(f"indicators are computed for one symbol at a time, not for {len(symbols)}")
    if any(bar.interval is not Interval.DAILY for bar in bars):
        raise DataError("indicators are computed from daily bars")
    if len({bar.day for bar in bars}) != len(bars):
        raise DataError(f"{symbols} has two bars of one day", remedy="pass one vintage of each")
    return symbols.pop()


def _rows(symbol: str, series: Sequence[Bar], days: Sequence[date]) -> list[IndicatorRow]:
    """Rows for the days of one anchor; `series` holds that anchor's bars, stale ones included."""
    used = [bar for bar in series if not bar.stale]
    used_days = [bar.day for bar in used]
    all_days = [bar.day for bar in series]
    frame = _frame(used) if len(used) >= LEAST_BARS else {}
    rows = []
    for day in days:
        count = bisect.bisect_left(used_days, day)
        skipped = bisect.bisect_left(all_days, day) - count
        last = used[count - 1].id if count else None
        first = used[0].id if count else None
        if count < LEAST_BARS:
            reason = f"too little history: {count} bars"
            rows.append(IndicatorRow(symbol, day, last, first, count, skipped, reason))
            continue
        values = {name: _finite(frame[name][count - 1]) for name in VALUES if name != "obv_slope_20"}
        slope = _obv_slope(frame["obv"][:count], frame["volume"][:count])
        rows.append(
            IndicatorRow(symbol, day, last, first, count, skipped, None, **values, obv_slope_20=slope)
        )
    return rows


def _frame(bars: Sequence[Bar]) -> dict[str, Numbers]:
    """Every series over all bars; row `i` uses the bars up to `i` only."""
    length = len(bars)
    high, low, close, volume = (
        pd.Series([float(getattr(bar, name)) for bar in bars], dtype="float64")
        for name in ("high", "low", "close", "volume")
    )
    columns: dict[str, pd.Series | None] = {
        "close": close,
        "volume": volume,
        "change_1d": close.pct_change(1, fill_method=None),
        "change_5d": close.pct_change(5, fill_method=None),
        "change_20d": close.pct_change(20, fill_method=None),
        "rsi_14": ta.rsi(close, length=14, talib=False),
        "sma_20": ta.sma(close, length=20, talib=False),
        "sma_50": ta.sma(close, length=50, talib=False),
        "sma_200": ta.sma(close, length=200, talib=False),
        "ema_12": ta.ema(close, length=12, talib=False),
        "ema_26": ta.ema(close, length=26, talib=False),
        "atr_14": ta.atr(high, low, close, length=14, talib=False),
        "obv": ta.obv(close, volume, talib=False),
    }
    macd = ta.macd(close, fast=12, slow=26, signal=9, talib=False)
    columns |= _named(macd, macd="MACD_", macd_signal="MACDs_", macd_histogram="MACDh_")
    bands = ta.bbands(close, length=20, std=2, ddof=0, talib=False)
    columns |= _named(bands, bollinger_lower="BBL_", bollinger_middle="BBM_", bollinger_upper="BBU_")
    stochastic = ta.stoch(high, low, close, k=_STOCHASTIC, d=3, smooth_k=3, talib=False)
    columns |= _named(stochastic, stochastic_k="STOCHk_", stochastic_d="STOCHd_")
    directional = ta.adx(high, low, close, length=14, talib=False)
    columns |= _named(directional, adx_14="ADX_", plus_di="DMP_", minus_di="DMN_")
    rangeless = high.rolling(_STOCHASTIC).max() == low.rolling(_STOCHASTIC).min()
    for name, smoothing in (("stochastic_k", 3), ("stochastic_d", 5)):
        series = columns[name]
        if series is not None:  # without any range the position within it is undefined, not zero
            columns[name] = series.mask(rangeless.rolling(smoothing, min_periods=1).max() > 0)
    missing = np.full(length, np.nan)
    frame = {
        name: missing if series is None else series.to_numpy(dtype="float64", na_value=np.nan)
        for name, series in columns.items()
    }
    return frame | {"cross_age": _cross_age(frame["sma_50"] - frame["sma_200"])}


def _named(frame: pd.DataFrame | None, **prefixes: str) -> dict[str, pd.Series | None]:
    """Columns by our names; the library's carry the parameters behind a prefix. None where it gave none."""
    if frame is None:
        return dict.fromkeys(prefixes)
    found: dict[str, pd.Series | None] = {}
    for name, prefix in prefixes.items():
        (column,) = [label for label in frame.columns if str(label).startswith(prefix)]
        found[name] = frame[column]
    return found


def _cross_age(gap: Numbers) -> Numbers:
    """Bars since the sign of a gap last changed; a gap of exactly zero is no change yet."""
    ages = np.full(len(gap), np.nan)
    side, age = 0.0, math.nan
    for place, width in enumerate(gap.tolist()):
        if math.isnan(width):
            continue
        now = float(np.sign(width))
        age = 0.0 if now * side < 0 else age + 1
        side = now or side
        ages[place] = age
    return ages


def _obv_slope(obv: Numbers, volume: Numbers) -> float | None:
    if len(obv) < OBV_WINDOW:
        return None
    window = obv[-OBV_WINDOW:] - obv[-OBV_WINDOW]
    mean_volume = float(volume[-OBV_WINDOW:].mean())
    steps = np.arange(OBV_WINDOW) - (OBV_WINDOW - 1) / 2
    if mean_volume <= 0:
        return None
    return _finite(float((steps * window).sum() / (steps * steps).sum()) / mean_volume)


def _finite(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None

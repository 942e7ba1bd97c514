"""Indicators against recorded figures, against TA-Lib, and against themselves computed day by day."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import Adjustment, Bar, Interval, price
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.market.indicators import (
    VALUES,
    IndicatorRow,
    indicator_anchor,
    indicators,
)

XETR = trading_calendar()


def bar(day: date, opening: float, high: float, low: float, close: float, volume: int = 1000) -> Bar:
    hours = XETR.hours(XETR.next_day(day))
    return Bar(
        symbol="SAP.DE",
        interval=Interval.DAILY,
        day=day,
        start=hours.opens_at,
        end=hours.closes_at,
        open=price(opening),
        high=price(high),
        low=price(low),
        close=price(close),
        volume=volume,
        adjustment=Adjustment.SPLIT,
        stale=False,
        known_at=hours.closes_at,
        vintage=1,
        source="test",
        raw="00",
    )


def walk(days: Sequence[date], seed: int = 7) -> list[Bar]:
    """A random walk with daily ranges and volumes."""
    dice = random.Random(seed)
    bars, close = [], 100.0
    for day in days:
        opening = close * math.exp(dice.gauss(0, 0.005))
        close = opening * math.exp(dice.gauss(0, 0.015))
        high = max(opening, close) * (1 + abs(dice.gauss(0, 0.004)))
        low = min(opening, close) * (1 - abs(dice.gauss(0, 0.004)))
        bars.append(bar(day, opening, high, low, close, dice.randrange(100_000, 900_000)))
    return bars


def row_after(bars: Sequence[Bar]) -> IndicatorRow:
    (row,) = indicators(bars, [bars[-1].day + timedelta(days=1)])
    return row


@pytest.fixture(scope="module")
def spy(recorded_data: Path) -> list[Bar]:
    with (recorded_data / "indicators_reference" / "quotes_default.csv").open(encoding="utf-8") as file:
        return [
            bar(
                date.fromisoformat(row["date"]),
                float(row["open"]),
                float(row["high"]),
                float(row["low"]),
                float(row["close"]),
                int(row["volume"]),
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def spy_rows(spy: list[Bar]) -> list[IndicatorRow]:
    """Row `i` uses SPY's bars up to and including bar `i`."""
    return indicators(spy, [found.day + timedelta(days=1) for found in spy])


def reference(folder: Path, name: str) -> list[dict[str, Any]]:
    file = folder / "indicators_reference" / f"{name}.standard.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("ours", "file", "theirs"),
    [
        ("rsi_14", "rsi", "rsi"),
        ("macd", "macd", "macd"),
        ("macd_signal", "macd", "signal"),
        ("macd_histogram", "macd", "histogram"),
        ("ema_12", "macd", "fastEma"),
        ("ema_26", "macd", "slowEma"),
        ("bollinger_lower", "bb", "lowerBand"),
        ("bollinger_middle", "bb", "sma"),
        ("bollinger_upper", "bb", "upperBand"),
        ("sma_20", "sma", "sma"),
        ("stochastic_k", "stoch", "k"),
        ("stochastic_d", "stoch", "d"),
        ("atr_14", "atr", "atr"),
    ],
)
def test_every_row_equals_the_recorded_figures(
    spy_rows: list[IndicatorRow], recorded_data: Path, ours: str, file: str, theirs: str
) -> None:
    """The recorded stochastic is the slow one, 14-3-3, the recorded bands use the population deviation."""
    for row, expected in zip(spy_rows, reference(recorded_data, file), strict=True):
        if row.reason is None:
            assert getattr(row, ours) == pytest.approx(expected[theirs], abs=1e-9)


@pytest.mark.recorded
def test_directional_movement_meets_the_recorded_figures_after_its_warm_up(
    spy_rows: list[IndicatorRow], recorded_data: Path
) -> None:
    """The record seeds Wilder's sums with 14 movements; TA-Lib, and so we, with 13: 0.8 points at bar 33."""
    pairs = list(zip(spy_rows, reference(recorded_data, "adx"), strict=True))
    assert spy_rows[26].adx_14 is None
    for after, tolerance in ((28, 1.0), (100, 0.02), (250, 1e-6)):
        for row, expected in pairs[after:]:
            assert row.adx_14 == pytest.approx(expected["adx"], abs=tolerance)
            assert row.plus_di == pytest.approx(expected["pdi"], abs=tolerance)
            assert row.minus_di == pytest.approx(expected["mdi"], abs=tolerance)


@pytest.mark.recorded
def test_the_obv_slope_is_that_of_the_recorded_obv(
    spy: list[Bar], spy_rows: list[IndicatorRow], recorded_data: Path
) -> None:
    obv = [float(row["obv"]) for row in reference(recorded_data, "obv")]
    for last in range(19, len(spy), 37):
        window = slice(last - 19, last + 1)
        slope = np.polyfit(np.arange(20), obv[window], 1)[0]
        expected = slope / np.mean([found.volume for found in spy[window]])
        assert spy_rows[last].obv_slope_20 == pytest.approx(expected, rel=1e-9)


def test_indicators_equal_talib_after_250_bars() -> None:
    bars = walk(XETR.days(date(2021, 1, 1), date(2022, 12, 31)))
    rows = indicators(bars, [found.day + timedelta(days=1) for found in bars])
    high, low, close = (
        np.array([float(getattr(found, name)) for found in bars]) for name in ("high", "low", "close")
    )
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    k, d = talib.STOCH(high, low, close, fastk_period=14, slowk_period=3, slowd_period=3)
    expected = {
        "rsi_14": talib.RSI(close, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "bollinger_lower": lower,
        "bollinger_middle": middle,
        "bollinger_upper": upper,
        "sma_20": talib.SMA(close, 20),
        "sma_50": talib.SMA(close, 50),
        "sma_200": talib.SMA(close, 200),
        "ema_12": talib.EMA(close, 12),
        "ema_26": talib.EMA(close, 26),
        "stochastic_k": k,
        "stochastic_d": d,
        "adx_14": talib.ADX(high, low, close, 14),
        "plus_di": talib.PLUS_DI(high, low, close, 14),
        "minus_di": talib.MINUS_DI(high, low, close, 14),
        "atr_14": talib.ATR(high, low, close, 14),
    }
    for name, series in expected.items():
        for number in range(250, len(bars)):
            assert getattr(rows[number], name) == pytest.approx(series[number], abs=1e-9), name


def test_a_year_computed_at_once_equals_each_day_computed_alone_exactly() -> None:
    bars = walk(XETR.days(date(2022, 6, 1), date(2025, 2, 28)))
    bars[400] = replace(bars[400], stale=True)
    days = XETR.days(date(2024, 12, 16), date(2025, 1, 17))
    at_once = indicators(bars, days)
    alone = [indicators([found for found in bars if found.day < day], [day])[0] for day in days]
    assert at_once == alone
    assert all(getattr(row, name) is not None for row in at_once for name in VALUES)


def test_a_series_begins_on_1_january_two_years_before() -> None:
    assert indicator_anchor(date(2025, 10, 24)) == date(2023, 1, 1)
    bars = walk(XETR.days(date(2022, 6, 1), date(2025, 1, 10)))
    before, after = indicators(bars, [date(2024, 12, 30), date(2025, 1, 2)])
    assert before.first_bar == "bar:SAP.DE:2022-06-01:1"
    assert after.first_bar == "bar:SAP.DE:2023-01-02:1"
    assert after.last_bar == "bar:SAP.DE:2024-12-30:1"
    assert after.bars_used == len(XETR.days(date(2023, 1, 1), date(2025, 1, 1)))


def test_a_row_does_not_see_the_bar_of_its_own_day() -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 6, 28)))
    last = bars[-1]
    crash = replace(last, close=price("1"), low=price("1"))
    assert indicators([*bars[:-1], crash], [last.day]) == indicators(bars, [last.day])


def test_stale_bars_are_counted_and_skipped() -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 6, 28)))
    stale = replace(bars[-1], stale=True, close=price("999"))
    row = row_after([*bars[:-1], stale])
    assert row.stale_skipped == 1
    assert row.last_bar == bars[-2].id
    assert row.close == float(bars[-2].close)


def test_changes_are_fractions_of_the_close_so_many_bars_before() -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 6, 28)))
    row = row_after(bars)
    for name, back in (("change_1d", 1), ("change_5d", 5), ("change_20d", 20)):
        expected = float(bars[-1].close) / float(bars[-1 - back].close) - 1
        assert getattr(row, name) == pytest.approx(expected, abs=1e-12)


def test_a_price_that_never_moves_has_averages_and_no_oscillators() -> None:
    row = row_after([bar(day, 50, 50, 50, 50) for day in XETR.days(date(2024, 1, 1), date(2024, 12, 30))])
    assert (row.sma_200, row.ema_26, row.bollinger_upper) == (50.0, 50.0, 50.0)
    assert (row.rsi_14, row.adx_14, row.stochastic_k, row.stochastic_d) == (None, None, None, None)
    assert (row.change_20d, row.macd, row.obv_slope_20) == (0.0, 0.0, 0.0)
    assert row.atr_14 == pytest.approx(0, abs=1e-12)


def test_without_any_volume_the_obv_slope_is_undefined() -> None:
    bars = [replace(found, volume=0) for found in walk(XETR.days(date(2024, 1, 1), date(2024, 3, 28)))]
    assert row_after(bars).obv_slope_20 is None


@pytest.mark.parametrize("count", [0, 1, 14])
def test_too_little_history_gives_an_empty_row_with_its_reason(count: int) -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 3, 28)))[:count]
    (row,) = indicators(bars, [date(2024, 4, 2)], symbol="SAP.DE")
    assert row.reason == f"too little history: {count} bars"
    assert [getattr(row, name) for name in VALUES] == [None] * len(VALUES)
    assert (row.last_bar is None) == (count == 0)


@pytest.mark.parametrize("count", [15, 25, 26, 33, 34, 199, 200])
def test_short_history_leaves_the_long_indicators_out_and_no_nan_behind(count: int) -> None:
    row = row_after(walk(XETR.days(date(2024, 1, 1), date(2024, 12, 30)))[:count])
    present = [value for name in VALUES if (value := getattr(row, name)) is not None]
    assert all(math.isfinite(value) for value in present)
    assert row.rsi_14 is not None
    assert (row.macd is None, row.macd_signal is None, row.sma_200 is None) == (
        count < 26,
        count < 34,
        count < 200,
    )


def test_bars_of_two_symbols_are_refused() -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 3, 28)))
    with pytest.raises(DataError, match="one symbol"):
        indicators([bars[0], replace(bars[1], symbol="SIE.DE")], [date(2024, 4, 2)])


def test_two_vintages_of_one_day_are_refused() -> None:
    bars = walk(XETR.days(date(2024, 1, 1), date(2024, 3, 28)))
    with pytest.raises(DataError, match="two bars of one day"):
        indicators([*bars, replace(bars[0], vintage=2)], [date(2024, 4, 2)])


def test_the_age_of_a_cross_counts_from_the_bar_on_which_the_averages_changed_sides() -> None:
    """Falls for 230 bars, then rises: the 50-day average crosses the 200-day one from below, once."""
    calendar = trading_calendar("XETR")
    closes = [300 - 0.5 * n for n in range(230)] + [185 + 2.0 * n for n in range(90)]
    days = calendar.days(date(2024, 1, 2), date(2025, 12, 30))[: len(closes)]
    series = [bar(day, close, close, close, close) for day, close in zip(days, closes, strict=True)]
    rows = indicators(series, [calendar.next_day(day) for day in days if day.year == 2025])
    gaps = [row.sma_50 - row.sma_200 for row in rows if row.sma_50 is not None and row.sma_200 is not None]
    crossed = next(place for place, gap in enumerate(gaps) if gap > 0)
    assert len(gaps) == len(rows)
    assert crossed > 0
    assert [row.cross_age for row in rows[:crossed]] == [None] * crossed
    assert [row.cross_age for row in rows[crossed:]] == [float(n) for n in range(len(rows) - crossed)]

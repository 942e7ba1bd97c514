"""The technical section: levels, breakouts, trend, volume and range, traceable to the bars given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.research.chart import YEAR_BARS, chart, swings
from arena_pipeline.research.readings import Reading, Signal, Source
from arena_pipeline.research.technical import technical

FIRST = date(2024, 1, 2)
FEATURES = ["support", "resistance", "breakout", "trend", "volume", "obv_divergence", "52_weeks"]


def bar(
    place: int, close: float, *, high: float | None = None, low: float | None = None, volume: int = 1000
) -> Bar:
    day = FIRST + timedelta(days=place)
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    price = Decimal(f"{close:.2f}")
    return Bar(
        "SAP.DE", Interval.DAILY, day, at, at + timedelta(hours=9), price,
        price if high is None else Decimal(f"{high:.2f}"), price if low is None else Decimal(f"{low:.2f}"),
        price, volume, Adjustment.SPLIT, False, at + timedelta(hours=9), 1, "test", "raw",
    )  # fmt: skip


def bars(closes: Sequence[float], volumes: Sequence[int] | None = None) -> list[Bar]:
    volumes = volumes or [1000] * len(closes)
    return [
        bar(n, close, volume=volume) for n, (close, volume) in enumerate(zip(closes, volumes, strict=True))
    ]


def read(found: Sequence[Bar]) -> dict[str, Reading]:
    return {reading.name: reading for reading in chart(found)}


def test_support_and_resistance_are_the_nearest_confirmed_swings() -> None:
    closes = [100, 104, 108, 112, 108, 104, 100, 96, 92, 96, 100, 104, 107, 110]
    closes += [107, 104, 101, 98, 95, 98, 101, 103]
    found = read(bars(closes))
    assert found["resistance"].text == "resistance 110.00, 6.8% above the close, a swing high 8 bars ago"
    assert found["support"].text == "support 95.00, 7.8% below the close, a swing low 3 bars ago"
    assert (found["support"].value, found["support"].signal) == (95.0, None)


def test_a_swing_counts_only_when_the_bars_after_it_have_confirmed_it() -> None:
    rise = [100.0, 101, 102, 103, 110, 104, 103]
    assert read(bars(rise))["resistance"].text is None
    assert read(bars([*rise, 102]))["resistance"].value == 110.0


def test_without_a_swing_on_that_side_there_is_a_reason() -> None:
    found = read(bars([100 + n for n in range(30)]))
    assert (found["resistance"].text, found["support"].text) == (None, None)
    assert found["resistance"].reason == "no swing high above the close in 30 bars"


@pytest.mark.parametrize(
    ("last", "text", "signal"),
    [
        (111, "breakout upwards: close 111.00 above 110.00, the high of the 20 bars before", Signal.BULLISH),
        (99, "breakout downwards: close 99.00 below 100.00, the low of the 20 bars before", Signal.BEARISH),
        (110, "no breakout: close 110.00 within 100.00 to 110.00 of the 20 bars before", Signal.NEUTRAL),
    ],
)
def test_a_breakout_is_a_close_beyond_the_bars_before(last: int, text: str, signal: Signal) -> None:
    reading = read(bars([100, 110] * 10 + [last]))["breakout"]
    assert (reading.text, reading.signal) == (text, signal)


def test_the_trend_is_the_order_of_the_averages_and_their_slope() -> None:
    up = read(bars([100 + n / 2 for n in range(250)]))["trend"]
    assert up.signal is Signal.BULLISH
    assert up.text == (
        "up trend: means of 20, 50 and 200 closes 219.75, 212.25 and 174.75, each above the next, "
        "the one of 50 +4.9% in 20 bars"
    )
    assert read(bars([300 - n / 2 for n in range(250)]))["trend"].signal is Signal.BEARISH
    assert read(bars([100, 101] * 125))["trend"].signal is Signal.NEUTRAL


@pytest.mark.parametrize(
    ("volume", "last", "signal"),
    [
        (3000, 101, Signal.BULLISH),
        (3000, 99, Signal.BEARISH),
        (1400, 101, Signal.NEUTRAL),
        (9000, 100, Signal.NEUTRAL),
    ],
)
def test_only_a_heavy_day_has_a_signal_that_of_its_price(volume: int, last: int, signal: Signal) -> None:
    reading = read(bars([100] * 21 + [last], [1000] * 21 + [volume]))["volume"]
    assert (reading.value, reading.signal) == (volume / 1000, signal)


def test_without_volume_its_readings_have_a_reason() -> None:
    found = read(bars([100] * 30, [0] * 30))
    assert found["volume"].reason == "no volume in the 20 bars before"
    assert found["obv_divergence"].reason == "no volume in 20 bars"


def test_volume_that_goes_against_the_price_is_a_divergence() -> None:
    closes = [100 - n * 0.2 + (0.3 if n % 2 else 0) for n in range(21)]
    volumes = [5000 if n % 2 else 1000 for n in range(21)]
    reading = read(bars(closes, volumes))["obv_divergence"]
    assert reading.text is not None
    assert reading.text.startswith("divergence: on-balance volume +67%")
    assert reading.signal is Signal.BULLISH


def test_the_52_week_range_needs_a_year() -> None:
    assert read(bars([100] * (YEAR_BARS - 1)))["52_weeks"].reason == "239 bars, 240 are needed"
    closes = [100.0] * 100 + [200.0] + [150.0] * 150
    assert read(bars(closes))["52_weeks"].text == "52-week range 100.00 to 200.00, close at 50% of it"


def test_short_history_gives_reasons_and_no_number() -> None:
    found = read(bars([100, 101]))
    assert [reading.name for reading in found.values()] == FEATURES
    assert all(
        reading.text is None and reading.value is None and reading.reason for reading in found.values()
    )
    assert chart([]) == []


def test_the_overall_reading_counts_the_signals_of_indicators_and_bars() -> None:
    rising = bars([100 + n / 2 for n in range(250)])
    readings = technical({"rsi_14": 25.0, "macd_histogram": 0.5}, rising)
    said = [reading for reading in readings if reading.text is not None]
    signals = [reading.signal for reading in said[:-1] if reading.signal is not None]
    assert said[-1].name == "overall"
    assert said[-1].text == (
        f"overall bullish: {signals.count(Signal.BULLISH)} of {len(signals)} signals bullish, 0 bearish"
    )
    assert {reading.source for reading in said} == {Source.INDICATORS, Source.BARS}


def test_an_indicator_without_its_values_has_a_reason() -> None:
    found = {reading.name: reading for reading in technical({"close": 100.0, "rsi_14": None})}
    assert found["rsi"].reason == "no rsi_14: too little history"
    assert found["sma_200"].reason == "no sma_200: too little history"
    assert found["overall"].reason == "no reading has a signal"


walks = st.lists(
    st.tuples(st.floats(1, 500), st.floats(0, 20), st.floats(0, 20), st.integers(0, 10**6)),
    min_size=1,
    max_size=280,
).map(
    lambda rows: [
        bar(n, close, high=close + up, low=max(close - down, 0.01), volume=volume)
        for n, (close, up, down, volume) in enumerate(rows)
    ]
)


@given(walks)
def test_levels_are_prices_of_the_bars_on_their_side_of_the_close(found: list[Bar]) -> None:
    readings, close = read(found), float(found[-1].close)
    if readings["support"].value is not None:
        assert readings["support"].value in {float(each.low) for each in found}
        assert readings["support"].value < close
    if readings["resistance"].value is not None:
        assert readings["resistance"].value in {float(each.high) for each in found}
        assert readings["resistance"].value > close


@given(walks)
def test_a_reading_has_either_a_text_with_its_number_or_a_reason(found: list[Bar]) -> None:
    for reading in chart(found):
        assert (reading.text is None) == (reading.value is None) == (reading.reason is not None)
        if reading.text is not None:
            assert re.fullmatch(r"[A-Za-z0-9 .,:%+\-]{1,240}", reading.text)
            assert "nan" not in reading.text


@given(walks)
def test_bars_older_than_the_look_back_change_no_level(found: list[Bar]) -> None:
    """Levels, breakouts and volume look back a fixed number of bars; more history behind changes nothing."""
    long = [*found]
    while len(long) < 130:
        last = long[-1]
        long.append(bar(len(long), float(last.close) * 1.001, volume=last.volume + 1))
    trimmed = long[len(long) - 120 :]
    for name in ("support", "resistance", "breakout", "volume", "obv_divergence"):
        assert read(long)[name] == read(trimmed)[name]


@given(st.lists(st.integers(1, 9), min_size=7, max_size=60))
def test_a_swing_is_above_its_neighbours(values: list[int]) -> None:
    for place in swings(values):
        assert values[place] == max(values[place - 3 : place + 4])
        assert values[place] > max(values[place - 3 : place])

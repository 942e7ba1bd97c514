"""What daily bars show by themselves: levels, breakouts, trend, volume and the 52-week range.

Every figure looks back a fixed number of bars from the last one that it is given, so that a session that is
backfilled reads what it would have read live. A swing counts once the bars after it have confirmed it. The
thresholds are conventions, not findings; nothing here was fitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from arena_pipeline.market.bars import Bar
from arena_pipeline.research.readings import Reading, Said, Signal, Source, by_sign

SPAN = timedelta(days=365)
"""How far back bars are looked at, from the session's day."""

YEAR_BARS = 240
"""Fewer bars than this are no 52 weeks."""

SWING_BARS, SWING_LOOK_BACK = 3, 120
"""A swing high is above the three bars on each side of it, within so many bars."""

BREAKOUT_BARS = VOLUME_BARS = OBV_BARS = SLOPE_BARS = 20
STACK = (20, 50, 200)
HEAVY = 1.5
"""So many times the mean volume is a heavy day."""

MOVED = 0.01
"""A change smaller than this fraction is none."""


@dataclass(frozen=True, slots=True)
class Series:
    """The bars' columns as numbers, oldest first."""

    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    volume: Sequence[int]

    def __len__(self) -> int:
        return len(self.close)


Feature = Callable[[Series], Said | str]
"""What is said, or the reason why nothing is."""


def chart(bars: Sequence[Bar]) -> list[Reading]:
    """One reading per feature from daily bars, oldest first, without stale ones; none where there are no
    bars."""
    if not bars:
        return []
    series = Series(
        [float(bar.high) for bar in bars],
        [float(bar.low) for bar in bars],
        [float(bar.close) for bar in bars],
        [bar.volume for bar in bars],
    )
    readings = []
    for name, least, feature in _FEATURES:
        said = feature(series) if len(series) >= least else f"{len(series)} bars, {least} are needed"
        if isinstance(said, str):
            readings.append(Reading.missing(name, Source.BARS, said))
        else:
            readings.append(Reading(name, Source.BARS, *said))
    return readings


def swings(values: Sequence[float]) -> list[int]:
    """Positions whose value is above the three on each side, of equal ones the first; negate the values for
    lows."""
    found = []
    for place in range(SWING_BARS, len(values) - SWING_BARS):
        before = values[place - SWING_BARS : place]
        after = values[place + 1 : place + 1 + SWING_BARS]
        if values[place] > max(before) and values[place] >= max(after):
            found.append(place)
    return found


def _support(series: Series) -> Said | str:
    close, lows = series.close[-1], series.low[-SWING_LOOK_BACK:]
    levels = [place for place in swings([-low for low in lows]) if lows[place] < close]
    if not levels:
        return f"no swing low below the close in {len(lows)} bars"
    place = max(levels, key=lambda place: (lows[place], place))
    below = 1 - lows[place] / close
    text = f"support {lows[place]:.2f}, {below:.1%} below the close, a swing low {_ago(lows, place)}"
    return text, lows[place], None


def _resistance(series: Series) -> Said | str:
    close, highs = series.close[-1], series.high[-SWING_LOOK_BACK:]
    levels = [place for place in swings(highs) if highs[place] > close]
    if not levels:
        return f"no swing high above the close in {len(highs)} bars"
    place = min(levels, key=lambda place: (highs[place], -place))
    above = highs[place] / close - 1
    text = f"resistance {highs[place]:.2f}, {above:.1%} above the close, a swing high {_ago(highs, place)}"
    return text, highs[place], None


def _ago(values: Sequence[float], place: int) -> str:
    return f"{len(values) - 1 - place} bars ago"


def _breakout(series: Series) -> Said:
    close = series.close[-1]
    high = max(series.high[-BREAKOUT_BARS - 1 : -1])
    low = min(series.low[-BREAKOUT_BARS - 1 : -1])
    before = f"of the {BREAKOUT_BARS} bars before"
    if close > high:
        text = f"breakout upwards: close {close:.2f} above {high:.2f}, the high {before}"
        return text, close, Signal.BULLISH
    if close < low:
        text = f"breakout downwards: close {close:.2f} below {low:.2f}, the low {before}"
        return text, close, Signal.BEARISH
    return f"no breakout: close {close:.2f} within {low:.2f} to {high:.2f} {before}", close, Signal.NEUTRAL


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _trend(series: Series) -> Said:
    """The order of the averages, and which way the middle one leans."""
    short, middle, long = (_mean(series.close[-bars:]) for bars in STACK)
    earlier = _mean(series.close[-STACK[1] - SLOPE_BARS : -SLOPE_BARS])
    slope = middle / earlier - 1 if earlier > 0 else 0.0
    means = f"means of {STACK[0]}, {STACK[1]} and {STACK[2]} closes {short:.2f}, {middle:.2f} and {long:.2f}"
    lean = f"the one of {STACK[1]} {slope:+.1%} in {SLOPE_BARS} bars"
    if short > middle > long and slope > 0:
        return f"up trend: {means}, each above the next, {lean}", slope, Signal.BULLISH
    if short < middle < long and slope < 0:
        return f"down trend: {means}, each below the next, {lean}", slope, Signal.BEARISH
    return f"no settled trend: {means}, {lean}", slope, Signal.NEUTRAL


def _volume(series: Series) -> Said | str:
    usual = _mean(series.volume[-VOLUME_BARS - 1 : -1])
    if usual <= 0:
        return f"no volume in the {VOLUME_BARS} bars before"
    ratio, moved = series.volume[-1] / usual, series.close[-1] - series.close[-2]
    day = "a rising day" if moved > 0 else "a falling day" if moved < 0 else "an unchanged day"
    signal = by_sign(moved) if ratio >= HEAVY else Signal.NEUTRAL
    return f"volume {ratio:.1f} times the mean of the {VOLUME_BARS} bars before, on {day}", ratio, signal


def _obv(series: Series) -> Said | str:
    """The on-balance volume's way over the window, beside the price's: together, or apart."""
    closes, volumes = series.close[-OBV_BARS - 1 :], series.volume[-OBV_BARS:]
    traded = sum(volumes)
    if traded <= 0 or closes[0] <= 0:
        return f"no volume in {OBV_BARS} bars"
    signs = [(now > then) - (now < then) for then, now in itertools.pairwise(closes)]
    flow = sum(sign * volume for sign, volume in zip(signs, volumes, strict=True)) / traded
    change = closes[-1] / closes[0] - 1
    volume_says, price_says = by_sign(flow, margin=0.05), by_sign(change, margin=MOVED)
    opposed = {volume_says, price_says} == {Signal.BULLISH, Signal.BEARISH}
    relation = "divergence" if opposed else "no divergence"
    text = f"{relation}: on-balance volume {flow:+.0%} of the volume of {OBV_BARS} bars, price {change:+.1%}"
    return text, flow, volume_says if opposed else Signal.NEUTRAL


def _year(series: Series) -> Said | str:
    high, low, close = max(series.high), min(series.low), series.close[-1]
    if high <= low:
        return "no range in 52 weeks"
    place = (close - low) / (high - low)
    return f"52-week range {low:.2f} to {high:.2f}, close at {place:.0%} of it", place, None


_FEATURES: tuple[tuple[str, int, Feature], ...] = (
    ("support", 2 * SWING_BARS + 1, _support),
    ("resistance", 2 * SWING_BARS + 1, _resistance),
    ("breakout", BREAKOUT_BARS + 1, _breakout),
    ("trend", max(STACK[2], STACK[1] + SLOPE_BARS), _trend),
    ("volume", VOLUME_BARS + 1, _volume),
    ("obv_divergence", OBV_BARS + 1, _obv),
    ("52_weeks", YEAR_BARS, _year),
)

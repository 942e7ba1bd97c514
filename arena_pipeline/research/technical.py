"""The technical section of a briefing: what indicators and bars say of a share, in words with their numbers.

Pure arithmetic on what it is given. Each reading names what it was computed from, so that its number can be
found again: the session's row of `indicators`, or the run of bars. Where there is too little, a reading has
no text and a reason instead; nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from arena_pipeline.market.bars import Bar
from arena_pipeline.research.chart import chart
from arena_pipeline.research.readings import Reading, Said, Signal, Source, by_sign

Values = Mapping[str, float]
Rule = Callable[[Values], Said | None]


def technical(indicators: Mapping[str, float | None], bars: Sequence[Bar] = ()) -> tuple[Reading, ...]:
    """One reading per indicator and per feature of the chart, and last the overall one.

    `indicators` are one row's values by name, changes as fractions. `bars` are the daily bars known at the
    session from `chart.SPAN` before it on, oldest first, without stale ones.
    """
    values = {
        name: float(value) for name, value in indicators.items() if value is not None and math.isfinite(value)
    }
    readings = [_read(name, needs, rule, values) for name, needs, rule in _RULES]
    readings += chart(bars)
    return (*readings, _overall([reading.signal for reading in readings if reading.signal is not None]))


def _read(name: str, needs: tuple[str, ...], rule: Rule, values: Values) -> Reading:
    missing = [need for need in needs if need not in values]
    if missing:
        return Reading.missing(name, Source.INDICATORS, f"no {', '.join(missing)}: too little history")
    said = rule(values)
    if said is None:
        return Reading.missing(name, Source.INDICATORS, f"undefined for {', '.join(needs)} as they are")
    return Reading(name, Source.INDICATORS, *said)


def _overall(signals: Sequence[Signal]) -> Reading:
    if not signals:
        return Reading.missing("overall", Source.INDICATORS, "no reading has a signal")
    bullish, bearish = signals.count(Signal.BULLISH), signals.count(Signal.BEARISH)
    signal = by_sign(bullish - bearish, margin=1)
    text = f"overall {signal}: {bullish} of {len(signals)} signals bullish, {bearish} bearish"
    return Reading("overall", Source.INDICATORS, text, (bullish - bearish) / len(signals), signal)


def _change(v: Mapping[str, float]) -> Said | None:
    spans = (("change_1d", "1 day"), ("change_5d", "5 days"), ("change_20d", "20 days"))
    parts = [f"{v[name]:+.1%} in {span}" for name, span in spans if name in v]
    if not parts:
        return None
    return f"close {v['close']:.2f}: {', '.join(parts)}", v["close"], None


def _rsi(v: Mapping[str, float]) -> Said | None:
    rsi = v["rsi_14"]
    if rsi > 70:
        return f"RSI {rsi:.1f} above 70: overbought", rsi, Signal.BEARISH
    if rsi < 30:
        return f"RSI {rsi:.1f} below 30: oversold", rsi, Signal.BULLISH
    return f"RSI {rsi:.1f} between 30 and 70: neutral", rsi, Signal.NEUTRAL


def _macd(v: Mapping[str, float]) -> Said | None:
    histogram = v["macd_histogram"]
    side = "above" if histogram > 0 else "below" if histogram < 0 else "on"
    return f"MACD {side} its signal line, histogram {histogram:+.2f}", histogram, by_sign(histogram)


def _bollinger(v: Mapping[str, float]) -> Said | None:
    width = v["bollinger_upper"] - v["bollinger_lower"]
    if width <= 0:
        return None
    position = (v["close"] - v["bollinger_lower"]) / width
    if position > 1:
        return f"above the upper Bollinger band, position {position:.2f}: stretched", position, Signal.BEARISH
    if position < 0:
        return f"below the lower Bollinger band, position {position:.2f}: stretched", position, Signal.BULLISH
    return f"inside the Bollinger bands, position {position:.2f} of 1", position, Signal.NEUTRAL


def _average(name: str, days: int) -> Rule:
    def rule(v: Mapping[str, float]) -> Said | None:
        if v[name] <= 0:
            return None
        distance = v["close"] / v[name] - 1
        side = "above" if distance > 0 else "below" if distance < 0 else "on"
        text = f"close {abs(distance):.1%} {side} the {days}-day average {v[name]:.2f}"
        return text, distance, by_sign(distance, margin=0.002)

    return rule


def _cross(v: Mapping[str, float]) -> Said | None:
    gap = v["sma_50"] - v["sma_200"]
    order, pattern = ("above", "golden cross") if gap > 0 else ("below", "death cross")
    since = f"{pattern} {v['cross_age']:.0f} trading days ago" if "cross_age" in v else f"{pattern} in force"
    text = f"50-day average {v['sma_50']:.2f} {order} the 200-day average {v['sma_200']:.2f}: {since}"
    return text, gap, by_sign(gap)


def _stochastic(v: Mapping[str, float]) -> Said | None:
    k = v["stochastic_k"]
    if k > 80:
        return f"stochastic %K {k:.1f} above 80: overbought", k, Signal.BEARISH
    if k < 20:
        return f"stochastic %K {k:.1f} below 20: oversold", k, Signal.BULLISH
    return f"stochastic %K {k:.1f} between 20 and 80", k, Signal.NEUTRAL


def _trend(v: Mapping[str, float]) -> Said | None:
    adx, gap = v["adx_14"], v["plus_di"] - v["minus_di"]
    if adx < 25:
        return f"ADX {adx:.1f} below 25: no clear trend", adx, Signal.NEUTRAL
    return f"ADX {adx:.1f} at or above 25: {'up' if gap > 0 else 'down'} trend", adx, by_sign(gap)


def _range(v: Mapping[str, float]) -> Said | None:
    if v["close"] <= 0:
        return None
    share = v["atr_14"] / v["close"]
    return f"average daily range {share:.1%} of the price", share, None


def _volume(v: Mapping[str, float]) -> Said | None:
    slope = v["obv_slope_20"]
    side = "rising" if slope > 0 else "falling" if slope < 0 else "flat"
    return f"on-balance volume {side} over 20 days, slope {slope:+.2f}", slope, by_sign(slope, margin=0.05)


_RULES: tuple[tuple[str, tuple[str, ...], Rule], ...] = (
    ("change", ("close",), _change),
    ("rsi", ("rsi_14",), _rsi),
    ("macd", ("macd_histogram",), _macd),
    ("bollinger", ("close", "bollinger_lower", "bollinger_upper"), _bollinger),
    ("sma_20", ("close", "sma_20"), _average("sma_20", 20)),
    ("sma_50", ("close", "sma_50"), _average("sma_50", 50)),
    ("sma_200", ("close", "sma_200"), _average("sma_200", 200)),
    ("cross", ("sma_50", "sma_200"), _cross),
    ("stochastic", ("stochastic_k",), _stochastic),
    ("adx", ("adx_14", "plus_di", "minus_di"), _trend),
    ("range", ("close", "atr_14"), _range),
    ("obv", ("obv_slope_20",), _volume),
)

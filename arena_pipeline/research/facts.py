"""The facts about one share at one session: what a briefing may be built from, and nothing else.

No text from outside is in a fact. A news fact says what kind of event an article reports, in which direction,
by whom and how long ago; its title and summary stay in the archive. So a hostile headline can move a number
between -1 and 1 and choose one of a closed set of event classes, and that is all.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from arena_pipeline.errors import DataError
from arena_pipeline.news.articles import Article
from arena_pipeline.news.sentiment import event_class
from arena_pipeline.research.figures import LONGEST_LINE

MAX_NEWS_FACTS = 12
OPINION_THRESHOLD = 0.15
"""Sentiment nearer to zero than this has no direction."""

_FIGURE_TEXT = re.compile(rf"[A-Za-z0-9 .,:;%/()+\-€$&']{{1,{LONGEST_LINE}}}")


class Signal(enum.StrEnum):
    """Which way a fact points, by the usual reading of its kind."""

    BULLISH = "bullish"
    NEUTRAL = "neutral"
    BEARISH = "bearish"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `id` is unique in its briefing (T technical, N news, F figures); `evidence` is the id of the
    row, article or figure it was derived from."""

    id: str
    text: str
    value: float | str | None
    evidence: str
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts about `symbol` at `session` (its key), in a fixed order."""

    symbol: str
    name: str
    session: str
    technical: tuple[Fact, ...]
    news: tuple[Fact, ...]
    figures: tuple[Fact, ...]

    @property
    def all(self) -> tuple[Fact, ...]:
        return (*self.technical, *self.news, *self.figures)

    def document(self) -> dict[str, Any]:
        """As JSON-ready mapping, for prompts and storage."""
        return asdict(self)


def signal_of(sentiment: float) -> Signal:
    if sentiment >= OPINION_THRESHOLD:
        return Signal.BULLISH
    return Signal.BEARISH if sentiment <= -OPINION_THRESHOLD else Signal.NEUTRAL


def build_facts(
    *,
    symbol: str,
    name: str,
    session: str,
    at: datetime,
    indicators: Mapping[str, float | None],
    indicators_id: str,
    articles: Sequence[Article],
    figures: Mapping[str, str],
) -> Facts:
    """The facts known at `at` (UTC). `indicators` are one row's values by name (changes as fractions) and
    `indicators_id` that row's id; `figures` maps a figure's id to its text ("P/E ratio 18.2 (2025-Q2)").

    Articles known at or after `at`, or not about `symbol`, are left out; the newest are kept. Raises
    DataError when a figure's text holds anything but plain words and numbers.
    """
    known = [article for article in articles if article.known_at < at and symbol in article.symbols]
    newest = sorted(known, key=lambda article: (article.known_at, article.id), reverse=True)
    return Facts(
        symbol=symbol,
        name=name,
        session=session,
        technical=_technical(indicators, indicators_id),
        news=tuple(_news(n, article, at) for n, article in enumerate(newest[:MAX_NEWS_FACTS], start=1)),
        figures=tuple(
            _figure(number, evidence, figures[evidence])
            for number, evidence in enumerate(sorted(figures), start=1)
        ),
    )


def _news(number: int, article: Article, at: datetime) -> Fact:
    signal = signal_of(article.sentiment)
    direction = {Signal.BULLISH: "positive", Signal.NEUTRAL: "neutral", Signal.BEARISH: "negative"}[signal]
    hours = int((at - article.known_at).total_seconds() // 3600)
    copies = "" if article.copies == 1 else f", {article.copies} copies"
    kind = event_class(article.title, article.summary).replace("_", " ")
    text = f"{direction} news, event {kind}, sentiment {article.sentiment:+.2f}, {hours} hours old{copies}"
    return Fact(f"N{number}", f"{text}, from {article.source}", article.sentiment, article.id, signal)


def _figure(number: int, evidence: str, text: str) -> Fact:
    if not _FIGURE_TEXT.fullmatch(text):
        raise DataError(f"the text of figure {evidence} is not plain: {text[:80]!r}")
    return Fact(f"F{number}", text, text, evidence)


def _technical(indicators: Mapping[str, float | None], evidence: str) -> tuple[Fact, ...]:
    values = {
        name: float(value) for name, value in indicators.items() if value is not None and math.isfinite(value)
    }
    readings = [reading for rule in _RULES if (reading := rule(values)) is not None]
    facts = [
        Fact(f"T{number}", text, value, evidence, signal)
        for number, (text, value, signal) in enumerate(readings, start=1)
    ]
    signals = [fact.signal for fact in facts if fact.signal is not None]
    if signals:
        bullish, bearish = signals.count(Signal.BULLISH), signals.count(Signal.BEARISH)
        overall = _by_sign(bullish - bearish, margin=1)
        text = f"overall {overall}: {bullish} of {len(signals)} signals bullish, {bearish} bearish"
        facts.append(Fact(f"T{len(facts) + 1}", text, (bullish - bearish) / len(signals), evidence, overall))
    return tuple(facts)


_Reading = tuple[str, float, Signal | None]


def _by_sign(value: float, *, margin: float = 0.0) -> Signal:
    if value > margin:
        return Signal.BULLISH
    return Signal.BEARISH if value < -margin else Signal.NEUTRAL


def _change(v: Mapping[str, float]) -> _Reading | None:
    spans = (("change_1d", "1 day"), ("change_5d", "5 days"), ("change_20d", "20 days"))
    parts = [f"{v[name]:+.1%} in {span}" for name, span in spans if name in v]
    if not parts or "close" not in v:
        return None
    return f"close {v['close']:.2f}: {', '.join(parts)}", v["close"], None


def _rsi(v: Mapping[str, float]) -> _Reading | None:
    if "rsi_14" not in v:
        return None
    rsi = v["rsi_14"]
    if rsi > 70:
        return f"RSI {rsi:.1f} above 70: overbought", rsi, Signal.BEARISH
    if rsi < 30:
        return f"RSI {rsi:.1f} below 30: oversold", rsi, Signal.BULLISH
    return f"RSI {rsi:.1f} between 30 and 70: neutral", rsi, Signal.NEUTRAL


def _macd(v: Mapping[str, float]) -> _Reading | None:
    if "macd_histogram" not in v:
        return None
    histogram = v["macd_histogram"]
    side = "above" if histogram > 0 else "below" if histogram < 0 else "on"
    return f"MACD {side} its signal line, histogram {histogram:+.2f}", histogram, _by_sign(histogram)


def _bollinger(v: Mapping[str, float]) -> _Reading | None:
    if not {"close", "bollinger_lower", "bollinger_upper"} <= v.keys():
        return None
    width = v["bollinger_upper"] - v["bollinger_lower"]
    if width <= 0:
        return None
    position = (v["close"] - v["bollinger_lower"]) / width
    if position > 1:
        return f"above the upper Bollinger band, position {position:.2f}: stretched", position, Signal.BEARISH
    if position < 0:
        return f"below the lower Bollinger band, position {position:.2f}: stretched", position, Signal.BULLISH
    return f"inside the Bollinger bands, position {position:.2f} of 1", position, Signal.NEUTRAL


def _average(name: str, days: int) -> Any:
    def rule(v: Mapping[str, float]) -> _Reading | None:
        if name not in v or "close" not in v or v[name] <= 0:
            return None
        distance = v["close"] / v[name] - 1
        side = "above" if distance > 0 else "below" if distance < 0 else "on"
        text = f"close {abs(distance):.1%} {side} the {days}-day average {v[name]:.2f}"
        return text, distance, _by_sign(distance, margin=0.002)

    return rule


def _cross(v: Mapping[str, float]) -> _Reading | None:
    if "sma_50" not in v or "sma_200" not in v:
        return None
    gap = v["sma_50"] - v["sma_200"]
    order, pattern = ("above", "golden cross") if gap > 0 else ("below", "death cross")
    since = f"{pattern} {v['cross_age']:.0f} trading days ago" if "cross_age" in v else f"{pattern} in force"
    text = f"50-day average {v['sma_50']:.2f} {order} the 200-day average {v['sma_200']:.2f}: {since}"
    return text, gap, _by_sign(gap)


def _stochastic(v: Mapping[str, float]) -> _Reading | None:
    if "stochastic_k" not in v:
        return None
    k = v["stochastic_k"]
    if k > 80:
        return f"stochastic %K {k:.1f} above 80: overbought", k, Signal.BEARISH
    if k < 20:
        return f"stochastic %K {k:.1f} below 20: oversold", k, Signal.BULLISH
    return f"stochastic %K {k:.1f} between 20 and 80", k, Signal.NEUTRAL


def _trend(v: Mapping[str, float]) -> _Reading | None:
    if not {"adx_14", "plus_di", "minus_di"} <= v.keys():
        return None
    adx, gap = v["adx_14"], v["plus_di"] - v["minus_di"]
    if adx < 25:
        return f"ADX {adx:.1f} below 25: no clear trend", adx, Signal.NEUTRAL
    return f"ADX {adx:.1f} at or above 25: {'up' if gap > 0 else 'down'} trend", adx, _by_sign(gap)


def _range(v: Mapping[str, float]) -> _Reading | None:
    if "atr_14" not in v or v.get("close", 0.0) <= 0:
        return None
    share = v["atr_14"] / v["close"]
    return f"average daily range {share:.1%} of the price", share, None


def _volume(v: Mapping[str, float]) -> _Reading | None:
    if "obv_slope_20" not in v:
        return None
    slope = v["obv_slope_20"]
    side = "rising" if slope > 0 else "falling" if slope < 0 else "flat"
    return f"on-balance volume {side} over 20 days, slope {slope:+.2f}", slope, _by_sign(slope, margin=0.05)


_RULES = (
    _change,
    _rsi,
    _macd,
    _bollinger,
    _average("sma_20", 20),
    _average("sma_50", 50),
    _average("sma_200", 200),
    _cross,
    _stochastic,
    _trend,
    _range,
    _volume,
)

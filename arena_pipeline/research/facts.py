"""The facts about one share at one session: what a briefing may be built from, and nothing else.

No text from outside is in a fact. A news fact says what kind of event an article reports, in which direction,
by whom and how long ago; its title and summary stay in the archive. So a hostile article can move a number
between -1 and 1 and choose one of a closed set of event classes, and that is all, whoever reads it: the rules
of the lexicon, or a model whose reading was checked (`research/extraction.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from arena_pipeline.errors import DataError
from arena_pipeline.news.articles import Article
from arena_pipeline.news.sentiment import event_class
from arena_pipeline.research.extraction import Reading as ArticleReading
from arena_pipeline.research.figures import LONGEST_LINE
from arena_pipeline.research.readings import Reading, Signal, Source

MAX_NEWS_FACTS = 12
OPINION_THRESHOLD = 0.15
"""Sentiment nearer to zero than this has no direction."""

_FIGURE_TEXT = re.compile(rf"[A-Za-z0-9 .,:;%/()+\-€$&']{{1,{LONGEST_LINE}}}")


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
    technical: Sequence[Reading],
    evidence: Mapping[Source, str],
    articles: Sequence[Article],
    figures: Mapping[str, str],
    read: Mapping[str, ArticleReading] | None = None,
) -> Facts:
    """The facts known at `at` (UTC). `technical` are the readings of the technical section and `evidence` the
    ids of what they were computed from; `figures` maps a figure's id to its text ("P/E ratio 18.2"). `read`
    are checked readings by the article's id; an article without one is read by the rules.

    Articles known at or after `at`, or not about `symbol`, are left out; the newest are kept. Raises
    DataError when a figure's text holds anything but plain words and numbers.
    """
    known = [article for article in articles if article.known_at < at and symbol in article.symbols]
    news = newest(known)
    return Facts(
        symbol=symbol,
        name=name,
        session=session,
        technical=_technical(technical, evidence),
        news=tuple(
            _news(number, article, (read or {}).get(article.id), at)
            for number, article in enumerate(news, start=1)
        ),
        figures=tuple(
            _figure(number, evidence, figures[evidence])
            for number, evidence in enumerate(sorted(figures), start=1)
        ),
    )


def newest(articles: Sequence[Article]) -> list[Article]:
    """Those that a briefing uses, newest first."""
    by_time = sorted(articles, key=lambda article: (article.known_at, article.id), reverse=True)
    return by_time[:MAX_NEWS_FACTS]


def _news(number: int, article: Article, reading: ArticleReading | None, at: datetime) -> Fact:
    sentiment = article.sentiment if reading is None else reading.sentiment
    event = event_class(article.title, article.summary) if reading is None else reading.event.value
    signal = signal_of(sentiment)
    direction = {Signal.BULLISH: "positive", Signal.NEUTRAL: "neutral", Signal.BEARISH: "negative"}[signal]
    hours = int((at - article.known_at).total_seconds() // 3600)
    said = [f"{direction} news", f"event {event.replace('_', ' ')}", f"sentiment {sentiment:+.2f}"]
    if reading is not None and reading.percent is not None:
        said.append(f"states {abs(reading.percent):g} percent")
    if reading is not None and reading.day is not None:
        said.append(f"of {reading.day.isoformat()}")
    said.append(f"{hours} hours old")
    if article.copies > 1:
        said.append(f"{article.copies} copies")
    said.append(f"from {article.source}")
    return Fact(f"N{number}", ", ".join(said), sentiment, article.id, signal)


def _figure(number: int, evidence: str, text: str) -> Fact:
    if not _FIGURE_TEXT.fullmatch(text):
        raise DataError(f"the text of figure {evidence} is not plain: {text[:80]!r}")
    return Fact(f"F{number}", text, text, evidence)


def _technical(readings: Sequence[Reading], evidence: Mapping[Source, str]) -> tuple[Fact, ...]:
    said = [reading for reading in readings if reading.text is not None]
    return tuple(
        Fact(f"T{number}", str(reading.text), reading.value, evidence[reading.source], reading.signal)
        for number, reading in enumerate(said, start=1)
    )

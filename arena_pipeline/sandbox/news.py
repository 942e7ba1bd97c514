"""News of the simulated market: each event told by fictional newspapers, and noise around it.

The sources are invented ("Sandbox Wire"), every address ends in `.invalid`, which no resolver answers
(RFC 2606). The words carry the event's direction most of the time: a share MIXED of the stories hides it.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import numpy as np

from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.market.universe import dax40
from arena_pipeline.sandbox.events import Event, EventKind
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.returns import EPOCH, generator

SOURCES = {
    "en": ("Sandbox Wire", "Fictional Finance", "The Pretend Post"),
    "de": ("Sandkasten Wirtschaft", "Börsenblatt Nirgendwo", "Der Scheinanleger"),
}
ALSO = {"en": "Also in focus: {other}.", "de": "Auch {other} steht im Blick."}
MIXED = 0.08
SYNDICATED = 0.15
SYNDICATION_DELAY_MINUTES = (5, 90)
UNDATED = 0.03
NAMES_ANOTHER = 0.06
NOISE_CHANCE = {"weekday": 0.25, "weekend": 0.08}


@dataclass(frozen=True, slots=True)
class SandboxArticle:
    """One published item.

    `published_at` is UTC; a feed does not show it when `dated` is false. `direction` is the event's
    (+1, -1) or 0 for noise, and never leaves the sandbox.
    """

    title: str
    summary: str
    url: str
    published_at: datetime
    source: str
    language: str
    symbol: str
    direction: int
    dated: bool = True


@functools.cache
def _headlines() -> Mapping[str, Any]:
    return tomllib.loads((resources.files(__package__) / "headlines.toml").read_text(encoding="utf-8"))


def articles(market: SandboxMarket, symbol: str, first: date, last: date) -> list[SandboxArticle]:
    """Items about one share published from `first` to `last` (Berlin dates, both included), oldest first."""
    if symbol == market.benchmark:
        return []
    found = [*_event_articles(market, symbol, first, last), *_noise(market, symbol, first, last)]
    inside = [item for item in found if first <= item.published_at.astimezone(BERLIN).date() <= last]
    return sorted(inside, key=lambda item: (item.published_at, item.url))


def _event_articles(market: SandboxMarket, symbol: str, first: date, last: date) -> Iterator[SandboxArticle]:
    for event in market.events(symbol, first - timedelta(days=1), last + timedelta(days=1)):
        random = generator(market.seed, "news", symbol, event.day)
        told = _told(market, event, random)
        yield told
        if random.random() < SYNDICATED:
            yield _syndicated(told, random)


def _told(market: SandboxMarket, event: Event, random: np.random.Generator) -> SandboxArticle:
    chapter: str = event.event_type
    if random.random() < MIXED:
        chapter = "mixed"
    elif event.kind is EventKind.LAGGING and random.random() < 0.6:
        chapter = "moved"
    told = _headlines()[chapter]["good" if event.direction > 0 else "bad"]
    numbers = {
        "percent": f"{event.magnitude * random.uniform(1.2, 2.4):.1f}",
        "amount": str(int(event.magnitude * random.integers(40, 300))),
    }
    article = _printed(market, event.symbol, told, numbers, event.published_at, random)
    return replace(article, direction=event.direction)


def _printed(
    market: SandboxMarket,
    symbol: str,
    templates: list[list[str]],
    numbers: Mapping[str, str],
    published_at: datetime,
    random: np.random.Generator,
) -> SandboxArticle:
    language, title, summary = templates[int(random.integers(len(templates)))]
    name, other = market.company(symbol).name, _neighbour(market, symbol, random)
    if language == "de":
        numbers = {**numbers, "percent": numbers.get("percent", "").replace(".", ",")}
    title = title.format(name=name, other=other, **numbers)
    summary = summary.format(name=name, other=other, **numbers)
    if random.random() < NAMES_ANOTHER and other not in title:
        summary += f" {ALSO[language].format(other=other)}"
    sources = SOURCES[language]
    source = sources[int(random.integers(len(sources)))]
    return SandboxArticle(
        title=title,
        summary=summary,
        url=_address(source, f"{symbol} {published_at.isoformat()} {title}"),
        published_at=published_at,
        source=source,
        language=language,
        symbol=symbol,
        direction=0,
        dated=bool(random.random() >= UNDATED),
    )


def _address(source: str, story: str) -> str:
    name = source.lower().replace(" ", "-").replace("ö", "oe")
    return f"https://sandbox.invalid/{name}/{hashlib.sha256(story.encode()).hexdigest()[:16]}"


def _neighbour(market: SandboxMarket, symbol: str, random: np.random.Generator) -> str:
    """Another company of the same sector, or of any if there is none."""
    sector = market.company(symbol).sector
    others = [company for company in dax40().values() if company.symbol != symbol]
    near = [company for company in others if company.sector == sector] or others
    return near[int(random.integers(len(near)))].name


def _syndicated(article: SandboxArticle, random: np.random.Generator) -> SandboxArticle:
    others = [source for source in SOURCES[article.language] if source != article.source]
    source = others[int(random.integers(len(others)))]
    later = article.published_at + timedelta(minutes=int(random.integers(*SYNDICATION_DELAY_MINUTES)))
    title = f"{article.title} - {source}"
    return replace(
        article,
        title=title,
        source=source,
        published_at=later,
        dated=True,
        url=_address(source, title + article.url),
    )


def _noise(market: SandboxMarket, symbol: str, first: date, last: date) -> Iterator[SandboxArticle]:
    day = max(first, EPOCH)
    while day <= last:
        random = generator(market.seed, "noise", symbol, day)
        chance = NOISE_CHANCE["weekend" if day.weekday() >= 5 else "weekday"]
        if random.random() < chance:
            moment = datetime(day.year, day.month, day.day, 6, tzinfo=BERLIN).astimezone(UTC)
            moment += timedelta(minutes=int(random.integers(0, 16 * 60)))
            numbers = {"number": str(int(random.integers(2, 140)))}
            yield _printed(market, symbol, _headlines()["noise"]["items"], numbers, moment, random)
        day += timedelta(days=1)

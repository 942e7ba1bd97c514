"""News momentum of one share: how much is being written about it just now, and in which direction.

`weighted` is the mean sentiment with weights 0.5^(age / 12 h) * (1 + ln copies): fresh and widely carried
stories count more. `score` = weighted * ln(1 + articles): direction times attention; its sign is the
direction. `volume_ratio` compares the articles per day with those of the 20 days before the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from arena_pipeline.news.articles import Article, deduplicate

WINDOW = timedelta(hours=24)
BASELINE_WINDOW = timedelta(days=20)
HALF_LIFE = timedelta(hours=12)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MomentumRow:
    """Momentum of `symbol` at one moment. `articles` counts stories, `baseline` is stories per day before.

    `mean_sentiment` and `weighted` lie in [-1, 1]. `baseline` and `volume_ratio` are None without history.
    `inputs` are the ids of the articles counted; `reason` says why there are none.
    """

    symbol: str
    articles: int
    distinct_sources: int
    mean_sentiment: float | None
    weighted: float
    volume_ratio: float | None
    baseline: float | None
    score: float
    inputs: tuple[str, ...]
    reason: str | None


def momentum(
    articles: Iterable[Article],
    *,
    symbol: str,
    at: datetime,
    window: timedelta = WINDOW,
    since: datetime | None = None,
    covered_since: datetime | None = None,
) -> MomentumRow:
    """Momentum from articles known before `at` (UTC) and not before `since`, by default `at - window`.

    `articles` may be about any share and of any time; they are made one per story here, so that only copies
    known before `at` count. For a Monday `since` is the session before, so that the weekend is not lost.
    `covered_since` is when news of any share was first read, by default the time of the first of `articles`.
    """
    start = since if since is not None else at - window
    known = [article for article in articles if article.known_at < at]
    about = deduplicate(article for article in known if symbol in article.symbols)
    current = [article for article in about if article.known_at >= start]
    earliest = covered_since or min((article.known_at for article in known), default=start)
    baseline = _baseline(about, start, earliest)
    if not current:
        return MomentumRow(symbol, 0, 0, None, 0.0, 0.0 if baseline else None, baseline, 0.0, (), "no news")
    weights = [
        0.5 ** ((at - article.known_at) / HALF_LIFE) * (1 + math.log(article.copies)) for article in current
    ]
    total = sum(weight * article.sentiment for weight, article in zip(weights, current, strict=True))
    weighted = round(total / sum(weights), 6)
    per_day = len(current) / max((at - start) / _DAY, 1.0)
    return MomentumRow(
        symbol=symbol,
        articles=len(current),
        distinct_sources=len({article.source for article in current}),
        mean_sentiment=round(sum(article.sentiment for article in current) / len(current), 6),
        weighted=weighted,
        volume_ratio=round(per_day / baseline, 6) if baseline else None,
        baseline=baseline,
        score=round(weighted * math.log1p(len(current)), 6),
        inputs=tuple(article.id for article in current),
        reason=None,
    )


def _baseline(about: list[Article], start: datetime, earliest: datetime) -> float | None:
    """Stories per day over the days before the window that are covered at all; None when there are none."""
    first = max(start - BASELINE_WINDOW, earliest)
    stories = sum(first <= article.known_at < start for article in about)
    days = (start - first) / _DAY
    return round(stories / max(days, 1.0), 6) if stories else None

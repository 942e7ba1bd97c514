"""How long a briefing of a held share stays good, and what ends that early.

Whether it does follows from articles and prices alone, never from which briefings happen to be stored: so
models asked in any order, and a replay, are shown the same ones.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from arena_pipeline.news.articles import Article
from arena_pipeline.news.sentiment import event_class

IMPACT = 0.6
"""An article whose sentiment by the lexicon is further from zero is of high impact."""

WEIGHTY = frozenset({"earnings", "guidance", "deal", "legal"})
"""Events that are of high impact whatever the words sound like."""


class Why(enum.StrEnum):
    """Why a decision was shown this briefing of a share."""

    WATCHLIST = "watchlist"
    STILL_GOOD = "held: nothing has happened since"
    NEWS = "held: news since the session before"
    PRICE_GAP = "held: a price gap since the session before"
    TOO_OLD = "held: the session before is too long ago"


def is_high_impact(article: Article) -> bool:
    return abs(article.sentiment) >= IMPACT or event_class(article.title, article.summary) in WEIGHTY


def ended_by(
    articles: Iterable[Article], price_then: float | None, price_now: float | None, *, gap: float
) -> Why | None:
    """What ended a briefing: `articles` about the share that became known since, and the last known prices
    then and now, of which a change by the fraction `gap` is a gap. None: it is still good."""
    if any(is_high_impact(article) for article in articles):
        return Why.NEWS
    if price_then and price_now and abs(price_now / price_then - 1) >= gap:
        return Why.PRICE_GAP
    return None

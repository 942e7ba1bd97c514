"""How feeds answered, and what that says about a share without news.

A feed that did not answer with a feed is *broken*; one that did and holds nothing is *empty*. Only where
every feed answered does a share without articles have no news.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

STALE_AFTER = timedelta(days=5)
"""A feed whose newest item is older than this is stale: longer than any run of holidays without trading."""


class FeedState(enum.StrEnum):
    HEALTHY = "healthy"
    STALE = "stale"
    EMPTY = "empty"
    PARTLY_BROKEN = "partly_broken"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What came of one request to a feed; `symbol` for a feed per share.

    `status` is HTTP's, 0 when no answer came, 304 when the feed has not changed since its last answer, whose
    items count again. `newest` is when its newest item up to `asked_at` was published. `broken` is the
    reason, None for a feed that answered. `known_at` is from when a session may know of it. Times are UTC.
    """

    feed: str
    symbol: str | None
    status: int
    items: int
    rejected: int
    newest: datetime | None
    broken: str | None
    asked_at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """One feed, over all its requests. `age_hours` is how old its newest item was when it was read, None
    without a dated item; `reason` is the first request's that is broken."""

    feed: str
    state: FeedState
    requests: int
    broken: int
    status: int
    items: int
    rejected: int
    newest: datetime | None
    age_hours: float | None
    reason: str | None


def in_force(answers: Iterable[FeedAnswer], before: datetime | None = None) -> list[FeedAnswer]:
    """The last answer to each request, by feed and symbol, of those known before a time (exclusive).

    Of answers from the same time the one that was read counts, and the one with most items.
    """
    known = [answer for answer in answers if before is None or answer.known_at < before]
    known.sort(
        key=lambda a: (a.feed, a.symbol or "", a.known_at, a.broken is None, a.items, a.status, a.rejected)
    )
    return list({(answer.feed, answer.symbol): answer for answer in known}.values())


def feed_health(answers: Iterable[FeedAnswer]) -> list[FeedHealth]:
    """The health of each feed, by name, from the answers in force."""
    by_feed: defaultdict[str, list[FeedAnswer]] = defaultdict(list)
    for answer in in_force(answers):
        by_feed[answer.feed].append(answer)
    return [_health(feed, some) for feed, some in sorted(by_feed.items())]


def _health(feed: str, answers: Sequence[FeedAnswer]) -> FeedHealth:
    broken = [answer for answer in answers if answer.broken is not None]
    dated = [answer for answer in answers if answer.newest is not None]
    newest = max((answer.newest for answer in dated if answer.newest), default=None)
    age = max(answer.asked_at for answer in answers) - newest if newest else None
    items = sum(answer.items for answer in answers)
    if len(broken) == len(answers):
        state = FeedState.BROKEN
    elif broken:
        state = FeedState.PARTLY_BROKEN
    elif not items:
        state = FeedState.EMPTY
    elif age is not None and age > STALE_AFTER:
        state = FeedState.STALE
    else:
        state = FeedState.HEALTHY
    return FeedHealth(
        feed=feed,
        state=state,
        requests=len(answers),
        broken=len(broken),
        status=(broken or list(answers))[0].status,
        items=items,
        rejected=sum(answer.rejected for answer in answers),
        newest=newest,
        age_hours=round(age / timedelta(hours=1), 2) if age is not None else None,
        reason=broken[0].broken if broken else None,
    )


def blindness(answers: Iterable[FeedAnswer]) -> str | None:
    """Why nothing can be known of the news, None where at least one feed could be read."""
    asked = list(answers)
    if not asked:
        return "blind: no feed was read"
    if all(answer.broken for answer in asked):
        return f"blind: none of {len(asked)} feed requests was answered with a feed"
    return None


def silence(answers: Iterable[FeedAnswer], symbol: str) -> str:
    """Why a share has no articles: no news only where every feed that could carry some was read."""
    asked = [answer for answer in answers if answer.symbol in {None, symbol}]
    blind = blindness(asked)
    if blind:
        return blind
    broken = sorted({answer.feed for answer in asked if answer.broken})
    if broken:
        return f"no news in the feeds that answered; broken: {', '.join(broken)}"
    return "no news"

"""Events of the simulated market, and the documented signal that hides in their news.

On each day each share has an event with probability EVENT_CHANCE. Its news either *leads* the price (the
two trading days after publication drift in its direction) or *lags* it (it tells of the day that has just
ended and moves nothing). Whoever tells the two apart, or just follows the news, has a small real edge;
`docs/sandbox.md` states its size.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.market.calendar import BERLIN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EVENT_CHANCE = 0.12
LEADING_SHARE = 0.60
DRIFT_PER_MAGNITUDE = 0.004
"""Log return over DRIFT_DAYS per step of magnitude, inside trading hours, half of it on each day."""
DRIFT_DAYS = 2
MAGNITUDE_WEIGHTS = (0.5, 0.3, 0.2)
LARGE_MOVE = 1.0
"""A lagging event takes the sign of its day if the return passed this many daily volatilities."""
NEWS_EVENING = time(17, 45)
LEADING_WINDOW = timedelta(hours=13, minutes=45)
"""From the evening before the day to 07:30, Europe/Berlin: known to the day's first session."""
LAGGING_WINDOW = timedelta(hours=4, minutes=15)


class EventKind(enum.StrEnum):
    LEADING = "leading"
    LAGGING = "lagging"


class EventType(enum.StrEnum):
    EARNINGS = "earnings"
    GUIDANCE = "guidance"
    ORDER = "order"
    RATING = "rating"
    LEGAL = "legal"
    MANAGEMENT = "management"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one share.

    `day` is the trading day that a leading event moves first, or that a lagging event tells of;
    `direction` is +1 or -1, `magnitude` 1 to 3, `published_at` UTC.
    """

    symbol: str
    day: date
    direction: int
    magnitude: int
    kind: EventKind
    published_at: datetime
    event_type: EventType


@dataclass(frozen=True, slots=True, eq=False)
class EventDraws:
    """What chance decided for each day of one share's year; a lagging event may still follow the price."""

    leading: NDArray[np.bool_]
    lagging: NDArray[np.bool_]
    direction: Ints
    magnitude: Ints
    delay: Floats
    topic: Ints


def draw_events(random: np.random.Generator, size: int) -> EventDraws:
    happens, leads = random.random(size) < EVENT_CHANCE, random.random(size) < LEADING_SHARE
    return EventDraws(
        leading=happens & leads,
        lagging=happens & ~leads,
        direction=random.choice(np.array([-1, 1]), size),
        magnitude=random.choice(np.array([1, 2, 3]), size, p=MAGNITUDE_WEIGHTS),
        delay=random.random(size),
        topic=random.integers(0, len(EventType), size),
    )


def event_drift(draws: EventDraws, before: EventDraws | None) -> Floats:
    """The log return that leading events add to each day, including what last year's final day left."""
    per_day = draws.leading * draws.direction * draws.magnitude * (DRIFT_PER_MAGNITUDE / DRIFT_DAYS)
    last = (
        before.leading[-1] * before.direction[-1] * before.magnitude[-1] * (DRIFT_PER_MAGNITUDE / DRIFT_DAYS)
        if before
        else 0.0
    )
    drift: Floats = per_day + np.concatenate([[last], per_day[:-1]])
    return drift


def events_of_year(
    symbol: str,
    days: list[date],
    closes: Ints,
    draws: EventDraws,
    total: Floats,
    volatility: Floats,
) -> list[Event]:
    """The events of one share's year, in order of their day. `closes` are unix seconds."""
    topics = list(EventType)
    events = []
    for index in np.flatnonzero(draws.leading | draws.lagging).tolist():
        day = days[index]
        direction, magnitude = int(draws.direction[index]), int(draws.magnitude[index])
        if draws.leading[index]:
            kind, window = EventKind.LEADING, LEADING_WINDOW
            begins = datetime.combine(day - timedelta(days=1), NEWS_EVENING)
        else:
            kind, window = EventKind.LAGGING, LAGGING_WINDOW
            closed = datetime.fromtimestamp(int(closes[index]), BERLIN).replace(tzinfo=None)
            begins = max(datetime.combine(day, NEWS_EVENING), closed)
            size = abs(total[index]) / volatility[index]
            if size >= LARGE_MOVE:
                direction = 1 if total[index] > 0 else -1
                magnitude = int(min(max(round(float(size)), 1), 3))
        minutes = int(draws.delay[index] * (window.total_seconds() / 60))
        published = (begins + timedelta(minutes=minutes)).replace(tzinfo=BERLIN)
        events.append(
            Event(
                symbol,
                day,
                direction,
                magnitude,
                kind,
                published.astimezone(UTC),
                topics[int(draws.topic[index])],
            )
        )
    return events

"""Trading days, sessions and models as Dagster partitions, and the mappings between them.

Both time definitions are anchored at the first session of a day, in the market's own time (XETR: 08:30,
Europe/Berlin). Anchored at midnight, a trading day would also claim the afternoon session before it.
`end_offset` makes partitions exist before they begin: a trading day is collected before its first session,
and news is searched ahead of a session. It counts from the last one that has begun, or where times are
excluded from the one after it. So later ones exist too, and nothing may ask for "the last partition".

Concept: https://docs.dagster.io/guides/build/partitions-and-backfills
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dagster import (
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    MultiPartitionKey,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    TimeWindowPartitionsDefinition,
)

from arena_pipeline.market.calendar import (
    DAY_FORMAT,
    LAST_YEAR,
    SESSION_FORMAT,
    TradingCalendar,
)
from arena_pipeline.settings import Settings

MODEL, SESSION, TRADING_DAY = "model", "session", "trading_day"


@dataclass(frozen=True)
class Partitions:
    """The four definitions of one arena."""

    trading_days: TimeWindowPartitionsDefinition
    sessions: TimeWindowPartitionsDefinition
    model_sessions: MultiPartitionsDefinition
    model_days: MultiPartitionsDefinition


def trading_day_partitions(calendar: TradingCalendar, start: date) -> TimeWindowPartitionsDefinition:
    """One partition per trading day from `start`, keyed `2025-10-24`."""
    closed = calendar.closed_weekdays(start, date(LAST_YEAR, 12, 28))
    first = min(calendar.profile.session_times.values())
    return TimeWindowPartitionsDefinition(
        cron_schedule=f"{first.minute} {first.hour} * * 1-5",
        start=datetime.combine(start, first),
        fmt=DAY_FORMAT,
        timezone=calendar.zone.key,
        end_offset=2,
        exclusions=[datetime.combine(day, first) for day in closed],
    )


def session_partitions(calendar: TradingCalendar, start: date) -> TimeWindowPartitionsDefinition:
    """Two partitions per trading day from `start`, keyed `2025-10-24T08:30`; one on a day whose trading ends
    before the second."""
    last = date(LAST_YEAR, 12, 28)
    closed = calendar.closed_weekdays(start, last)
    times = sorted(calendar.profile.session_times.values())
    minutes, hours = sorted({at.minute for at in times}), sorted({at.hour for at in times})
    return TimeWindowPartitionsDefinition(
        cron_schedule=f"{_listed(minutes)} {_listed(hours)} * * 1-5",
        start=datetime.combine(start, times[0]),
        fmt=SESSION_FORMAT,
        timezone=calendar.zone.key,
        end_offset=2,
        exclusions=[
            *(
                f"{minute} {hour} * * *"
                for minute in minutes
                for hour in hours
                if (hour, minute) not in {(at.hour, at.minute) for at in times}
            ),
            *(datetime.combine(day, at) for day in closed for at in times),
            *(
                datetime.combine(day, times[-1])
                for day in calendar.early_closes(start, last)
                if len(calendar.sessions_of(day)) < len(times)
            ),
        ],
    )


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def partitions(settings: Settings, calendar: TradingCalendar) -> Partitions:
    """The definitions of an arena: its days from `arena.start`, its models from `[[models]]`."""
    days = trading_day_partitions(calendar, settings.arena.start)
    sessions = session_partitions(calendar, settings.arena.start)
    models = StaticPartitionsDefinition([model.id for model in settings.models])
    return Partitions(
        trading_days=days,
        sessions=sessions,
        model_sessions=MultiPartitionsDefinition({MODEL: models, SESSION: sessions}),
        model_days=MultiPartitionsDefinition({MODEL: models, TRADING_DAY: days}),
    )


def previous_session() -> MultiPartitionMapping:
    """The same model, one session earlier."""
    return MultiPartitionMapping(
        {
            MODEL: DimensionPartitionMapping(MODEL, IdentityPartitionMapping()),
            SESSION: DimensionPartitionMapping(
                SESSION, TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
            ),
        }
    )


def sessions_of_the_day() -> MultiPartitionMapping:
    """The same model, the sessions of its trading day."""
    return MultiPartitionMapping(
        {
            MODEL: DimensionPartitionMapping(MODEL, IdentityPartitionMapping()),
            SESSION: DimensionPartitionMapping(TRADING_DAY, TimeWindowPartitionMapping()),
        }
    )


def every_model(dimension: str) -> MultiToSingleDimensionPartitionMapping:
    """All models at one time, or one time for a model."""
    return MultiToSingleDimensionPartitionMapping(partition_dimension_name=dimension)


def model_key(model: str, dimension: str, time_key: str) -> MultiPartitionKey:
    """`model|2025-10-24T08:30` or `model|2025-10-24`."""
    return MultiPartitionKey({MODEL: model, dimension: time_key})

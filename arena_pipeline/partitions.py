"""Trading days, sessions and models as Dagster partitions, and the mappings between them.

Both time definitions are anchored at 08:30 Europe/Berlin. Anchored at midnight, a trading day would also
claim the afternoon session before it. `end_offset` makes partitions exist before they end: a session from
its own time on (1), a trading day from the day before on (2), for it is collected at 08:15, before it starts.
So later ones exist too, and nothing may ask for "the last partition".

Concept: https://docs.dagster.io/guides/build/partitions-and-backfills
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

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
    SESSION_TIMES,
    SessionName,
    TradingCalendar,
)
from arena_pipeline.settings import Settings

TIMEZONE = "Europe/Berlin"
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
    return TimeWindowPartitionsDefinition(
        cron_schedule="30 8 * * 1-5",
        start=datetime.combine(start, time(8, 30)),
        fmt=DAY_FORMAT,
        timezone=TIMEZONE,
        end_offset=2,
        exclusions=[datetime.combine(day, time(8, 30)) for day in closed],
    )


def session_partitions(calendar: TradingCalendar, start: date) -> TimeWindowPartitionsDefinition:
    """Two partitions per trading day from `start`, keyed `2025-10-24T08:30`.

    A day whose trading ends by 14:00 has one.
    """
    last = date(LAST_YEAR, 12, 28)
    closed = calendar.closed_weekdays(start, last)
    afternoon = SESSION_TIMES[SessionName.AFTERNOON]
    return TimeWindowPartitionsDefinition(
        cron_schedule="0,30 8,14 * * 1-5",
        start=datetime.combine(start, time(8, 30)),
        fmt=SESSION_FORMAT,
        timezone=TIMEZONE,
        end_offset=1,
        exclusions=[
            "0 8 * * *",
            "30 14 * * *",
            *(datetime.combine(day, at) for day in closed for at in SESSION_TIMES.values()),
            *(
                datetime.combine(day, afternoon)
                for day in calendar.early_closes(start, last)
                if len(calendar.sessions_of(day)) < len(SESSION_TIMES)
            ),
        ],
    )


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

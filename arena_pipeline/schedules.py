"""When things happen: six schedules in the market's own time, on trading days only, and the sensors
between jobs. On XETR (Europe/Berlin):

| tick | asks for |
|---|---|
| 08:15, 13:45 | collection: bars, actions, articles, figures of the day, in time for the session |
| 08:20, 13:50 | scouting: the watchlist of the session, and a search for news of its shares |
| 08:30, 14:00 | research of the session; when it has succeeded, one decision run per model |
| every 15 minutes from 09:15 to a quarter after the close | 15-minute bars, fills of open orders, marks |
| 17:35 | bars of the day, snapshots, leaderboard |
| 18:05 | the official close: snapshots and leaderboard marked again |

A tick asks for exactly the partitions of its own time. One that comes late still asks for those: as-of
readers keep it from seeing more, and decisions made late are marked so. A mark that is late is skipped, for
the next one covers it. Nothing is decided from "the last partition", which may lie in the future.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DAY_STEPS, SCOUT_STEPS, SESSION_STEPS, names
from arena_pipeline.market.calendar import Session, TradingCalendar
from arena_pipeline.partitions import MODEL, SESSION, TRADING_DAY, model_key
from arena_pipeline.settings import Settings

QUARTER = timedelta(minutes=15)
"""The length of an intraday bar, and how long before a session its inputs are collected."""

AHEAD = timedelta(minutes=10)
"""How long before a session its watchlist is searched for: after the collection, and long enough for the
search."""

SENSOR_SECONDS = 30


def automation(settings: Settings, calendar: TradingCalendar) -> dg.Definitions:
    """The jobs, schedules and sensors of an arena."""
    day_jobs = {
        "collect": _job("collect", names(DAY_STEPS)),
        "mark": _job("mark", ("intraday_bars", "position_marks")),
        "close": _job("close", ("daily_bars", "intraday_bars", "corporate_actions")),
        "official": _job("official", ("daily_bars", "intraday_bars")),
    }
    scout = _job("scout", names(SCOUT_STEPS))
    research = _job("research", names(SESSION_STEPS))
    decide = _job("decide", ("decisions",))
    settle = _job("settle", names(BOOK_STEPS))
    rank = _job("rank", names(BOARD_STEPS))
    models = [model.id for model in settings.models]
    profile = calendar.profile
    before_sessions = [earlier(at, QUARTER) for at in profile.session_times.values()]
    return dg.Definitions(
        jobs=[*day_jobs.values(), scout, research, decide, settle, rank],
        schedules=[
            _day_schedule("collect", before_sessions, day_jobs["collect"], settings, calendar),
            _session_schedule("scout", AHEAD, scout, settings, calendar),
            _session_schedule("research", timedelta(0), research, settings, calendar),
            _mark_schedule(day_jobs["mark"], settings, calendar),
            _day_schedule("close", [profile.closing], day_jobs["close"], settings, calendar),
            _day_schedule("official", [profile.official], day_jobs["official"], settings, calendar),
        ],
        sensors=[
            _fan_out("decide_when_researched", [research], decide, SESSION, models),
            _fan_out(
                "settle_when_collected",
                [day_jobs["mark"], day_jobs["close"], day_jobs["official"]],
                settle,
                TRADING_DAY,
                models,
            ),
            _rank_when_settled(settle, rank),
        ],
    )


def _job(name: str, selection: Sequence[str]) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(name, selection=list(selection), tags={"arena/job": name})


def earlier(at: time, by: timedelta) -> time:
    """A time of day, some time before another; not across midnight."""
    return (datetime.combine(date.max, at) - by).time()


def _weekdays(at: time) -> str:
    return f"{at.minute} {at.hour} * * 1-5"


def closed_reason(settings: Settings, calendar: TradingCalendar, day: date) -> str | None:
    """Why nothing happens on a day, or None."""
    if not calendar.is_trading_day(day):
        return f"{calendar.code} is closed on {day}"
    if day < settings.arena.start:
        return f"the arena starts on {settings.arena.start}"
    return None


def session_at(calendar: TradingCalendar, moment: datetime) -> Session | None:
    """The session whose time this is."""
    local = moment.astimezone(calendar.zone)
    if not calendar.is_trading_day(local.date()):
        return None
    return next((s for s in calendar.sessions_of(local.date()) if s.time == moment.astimezone(UTC)), None)


def _day_schedule(
    name: str,
    times: Sequence[time],
    job: dg.UnresolvedAssetJobDefinition,
    settings: Settings,
    calendar: TradingCalendar,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{name}_schedule",
        cron_schedule=[_weekdays(at) for at in times],
        execution_timezone=calendar.zone.key,
        job=job,
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(calendar.zone)
        closed = closed_reason(settings, calendar, tick.date())
        if closed:
            return dg.SkipReason(closed)
        if name == "collect" and session_at(calendar, tick + QUARTER) is None:
            session = f"{tick + QUARTER:%H:%M}"
            return dg.SkipReason(
                f"{calendar.code} closes early on {tick.date()}: no session at {session} to collect for"
            )
        return dg.RunRequest(run_key=f"{name}:{tick.isoformat()}", partition_key=tick.date().isoformat())

    return _schedule


def _session_schedule(
    name: str,
    ahead: timedelta,
    job: dg.UnresolvedAssetJobDefinition,
    settings: Settings,
    calendar: TradingCalendar,
) -> dg.ScheduleDefinition:
    """Asks for each session, some time ahead of it."""

    @dg.schedule(
        name=f"{name}_schedule",
        cron_schedule=[_weekdays(earlier(at, ahead)) for at in calendar.profile.session_times.values()],
        execution_timezone=calendar.zone.key,
        job=job,
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time + ahead
        day = at.astimezone(calendar.zone).date()
        closed = closed_reason(settings, calendar, day)
        if closed:
            return dg.SkipReason(closed)
        session = session_at(calendar, at)
        if session is None:
            return dg.SkipReason(f"{calendar.code} closes early on {day}: there is no afternoon session")
        return dg.RunRequest(run_key=f"{name}:{session.key}", partition_key=session.key)

    return _schedule


def _mark_schedule(
    job: dg.UnresolvedAssetJobDefinition, settings: Settings, calendar: TradingCalendar
) -> dg.ScheduleDefinition:
    profile = calendar.profile

    @dg.schedule(
        name="mark_schedule",
        cron_schedule=f"*/15 {min(profile.session_times.values()).hour}-{profile.closing.hour} * * 1-5",
        execution_timezone=calendar.zone.key,
        job=job,
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(calendar.zone)
        closed = closed_reason(settings, calendar, tick.date())
        if closed:
            return dg.SkipReason(closed)
        hours = calendar.hours(tick.date())
        if not hours.opens_at < tick <= hours.closes_at + QUARTER:
            return dg.SkipReason(f"no 15-minute bar ends at {tick:%H:%M}: {calendar.code} is not open")
        if datetime.now(UTC) - tick > QUARTER:
            return dg.SkipReason(f"the mark of {tick:%H:%M} is late; the next one covers it")
        return dg.RunRequest(run_key=f"mark:{tick.isoformat()}", partition_key=tick.date().isoformat())

    return _schedule


def _fan_out(
    name: str,
    monitored: Sequence[dg.UnresolvedAssetJobDefinition],
    target: dg.UnresolvedAssetJobDefinition,
    dimension: str,
    models: Sequence[str],
) -> dg.SensorDefinition:
    """When a shared run has succeeded, one run per model for the same time."""

    @dg.run_status_sensor(
        name=name,
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=list(monitored),
        request_job=target,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest]:
        key = context.dagster_run.tags.get("dagster/partition")
        if key is None:
            return
        for model in models:
            yield dg.RunRequest(
                run_key=f"{target.name}:{context.dagster_run.run_id}:{model}",
                partition_key=model_key(model, dimension, key),
                tags={MODEL: model},
            )

    return _sensor


def _rank_when_settled(
    settle: dg.UnresolvedAssetJobDefinition, rank: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name="rank_when_settled",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[settle],
        request_job=rank,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest]:
        key = context.dagster_run.tags.get("dagster/partition/trading_day")
        if key is not None:
            yield dg.RunRequest(run_key=f"rank:{context.dagster_run.run_id}", partition_key=key)

    return _sensor

"""Health, the market's hours, the scheduler, costs, and what is wrong with the data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from arena_api.documents.common import DAY, SIMULATED, TIME, Day, Document, Moment, Session, Shape

USD = "US dollars, text with six decimals; null when not known"


class NewestDays(Shape):
    bars: str | None = Field(description=f"newest {DAY}, with daily bars")
    snapshots: str | None = Field(description=f"newest {DAY}, with a book's value")
    leaderboard: str | None = Field(description=f"newest {DAY}, with a leaderboard")


class Health(Shape):
    status: Literal["ok", "degraded"]
    reason: str | None = Field(description="why it is degraded, or empty")
    version: str
    simulated: bool = Field(description=SIMULATED)
    newest: NewestDays


class Ready(Shape):
    ready: bool
    simulated: bool = Field(description=SIMULATED)
    newest_partition: Moment | None = Field(description=f"when the newest partition was stored: {TIME}")
    age_seconds: float | None = Field(description="seconds since then")


class NextSession(Shape):
    key: Session
    name: str = Field(description="pre_market or afternoon")
    time: Moment


class MarketStatus(Document):
    """As of the time of the answer. Times are on the exchange's clock."""

    market: str = Field(description="code of exchange_calendars", examples=["XETR"])
    exchange: str = Field(examples=["Xetra"])
    time_zone: str = Field(examples=["Europe/Berlin"])
    open: bool = Field(description="whether it trades now")
    phase: Literal["not_a_trading_day", "before_open", "open", "after_close"]
    trading_day: Day | None = Field(description="today, if the exchange trades")
    opens_at: Moment | None = Field(description="today")
    closes_at: Moment | None = Field(description="today")
    early_close: bool = Field(description="whether it closes early today")
    next_open: Moment
    next_close: Moment
    next_session: NextSession
    previous_trading_day: Day


class CalendarDay(Shape):
    day: Day
    opens_at: Moment
    closes_at: Moment
    early_close: bool
    sessions: list[Session]


class MarketDays(Document):
    market: str
    time_zone: str
    days: list[CalendarDay]


class Bill(Shape):
    calls: int
    prompt_tokens: int
    completion_tokens: int
    tokens: int
    cost_usd: str | None = Field(description=USD)
    cost_unknown: int = Field(description="calls whose cost nobody knows")


class Costs(Document):
    """As of the newest session with a call."""

    sessions: list[dict[str, Any]] = Field(description="a bill per session, model and purpose")
    days: list[dict[str, Any]] = Field(description="a bill per day")
    models: list[dict[str, Any]] = Field(description="a bill per model, and a month's at its mean")
    month: dict[str, Any] | None = Field(description="21 trading days of all models together")


class CheckResult(Shape):
    asset: str | None = Field(description="that it is about; null where it was told before it was named")
    check: str
    passed: bool
    severity: Literal["WARN", "ERROR"] = Field(description="of a failure: ERROR blocks what builds on it")
    at: Moment = Field(description=f"when it ran: {TIME}")
    run_id: str


class Quality(Document):
    bars: str | None = Field(description="the newest day with bars")
    checks: list[CheckResult] = Field(description="what each asset check last found, by its name")
    findings: list[dict[str, Any]] = Field(description="of the checks of its bars")
    feeds: list[dict[str, Any]] = Field(description="how each feed fared when last read")
    models: list[dict[str, Any]] = Field(description="the models in use, as their endpoint last listed them")
    coverage: list[dict[str, Any]] = Field(description="what each vendor was last found to cover")
    decisions: dict[str, int] = Field(description="how many were decided, and abstained from")


class Schedule(Shape):
    name: str
    cron: str = Field(description="in `time_zone`; several are separated by semicolons")
    time_zone: str | None
    running: bool = Field(description="whether it is switched on")
    last_tick: Moment | None
    last_status: str | None = Field(description="SUCCESS, SKIPPED, FAILURE or STARTED")
    last_reason: str | None = Field(description="why it was skipped")
    next_tick: Moment | None


class LastRun(Shape):
    run_id: str
    job: str
    status: str
    started_at: Moment | None
    ended_at: Moment | None
    url: str


class SchedulerStatus(Document):
    """As of the time of the answer, from Dagster's webserver."""

    state: Literal["running", "daemon_down", "unknown"] = Field(
        description="unknown: Dagster does not answer; daemon_down: it does, and nothing ticks"
    )
    reason: str | None
    dagster_url: str
    schedules: list[Schedule]
    runs: list[LastRun] = Field(description="the newest")

"""Starting runs: the research of a session, and a backfill of trading days.

See: https://docs.dagster.io/api/graphql#launch-a-run
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from arena_api.errors import DagsterRefused
from arena_api.runs.graphql import Dagster
from arena_pipeline.market.calendar import TradingCalendar

log = logging.getLogger(__name__)

RESEARCH = "research"
ACTIVE_RUNS = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING", "MANAGED")
ACTIVE_BACKFILLS = ("REQUESTED", "CANCELING", "FAILING")
DAYS = (
    "daily_bars",
    "intraday_bars",
    "corporate_actions",
    "articles",
    "feed_health",
    "financials",
    "model_catalog",
    "position_marks",
    "leaderboard",
)
SESSIONS = ("indicators", "momentum", "watchlist", "found_articles", "briefings")
MODEL_SESSIONS = ("decisions",)
MODEL_DAYS = ("trades", "portfolio_snapshots")
ASSETS = (*DAYS, *SESSIONS, *MODEL_SESSIONS, *MODEL_DAYS)
"""Every asset that can be backfilled, by what its partitions are."""

BOOKS = (*MODEL_DAYS, "position_marks", "leaderboard")
"""Made of a whole trading day."""

RUNS = """
query ArenaRuns($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 1) { __typename ... on Runs { results { runId status } } }
}
"""
BACKFILL = """
query ArenaBackfillStatus($id: String!) {
  partitionBackfillOrError(backfillId: $id) { __typename ... on PartitionBackfill { status } }
}
"""
LAUNCH = """
mutation ArenaLaunch($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
LAUNCH_BACKFILL = """
mutation ArenaBackfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}
"""


def active_research(dagster: Dagster, session: str) -> str | None:
    """The run that is researching a session now, whoever started it."""
    wanted = {
        "pipelineName": RESEARCH,
        "statuses": list(ACTIVE_RUNS),
        "tags": [{"key": "dagster/partition", "value": session}],
    }
    found = dagster.ask(RUNS, filter=wanted)["runsOrError"].get("results", [])
    return found[0]["runId"] if found else None


def is_active_run(dagster: Dagster, run_id: str) -> bool:
    found = dagster.ask(RUNS, filter={"runIds": [run_id]})["runsOrError"].get("results", [])
    return bool(found) and found[0]["status"] in ACTIVE_RUNS


def is_active_backfill(dagster: Dagster, backfill_id: str) -> bool:
    found = dagster.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
    return found.get("status") in ACTIVE_BACKFILLS


def launch_research(dagster: Dagster, session: str, tags: dict[str, str]) -> str:
    """The id of a new run of the job `research` for a session; decisions follow when it has succeeded. Raises
    DagsterRefused."""
    params = {
        "selector": {**dagster.repository(), "jobName": RESEARCH},
        "runConfigData": {},
        "executionMetadata": {"tags": _tags({**tags, "dagster/partition": session})},
    }
    found = dagster.ask(LAUNCH, params=params)["launchRun"]
    if found["__typename"] != "LaunchRunSuccess":
        raise _refusal(found, "the run")
    run_id: str = found["run"]["runId"]
    return run_id


def launch_backfill(
    dagster: Dagster,
    calendar: TradingCalendar,
    days: Sequence[date],
    models: Sequence[str],
    assets: Sequence[str],
    tags: dict[str, str],
    *,
    now: datetime,
) -> str:
    """The id of a new backfill of some assets over trading days: sessions as far as their time has come,
    books and boards of days that have closed. Raises DagsterRefused."""
    sessions = [session.key for day in days for session in calendar.sessions_of(day) if session.time <= now]
    closed = [day for day in days if calendar.hours(day).closes_at <= now]
    ranges = {asset: _ranges(asset, closed if asset in BOOKS else days, sessions, models) for asset in assets}
    params = {
        "partitionsByAssets": [
            {"assetKey": {"path": [asset]}, "partitions": {"ranges": found}}
            for asset, found in ranges.items()
            if found
        ],
        "tags": _tags(tags),
        "title": f"{days[0]} to {days[-1]}, through the API",
    }
    found = dagster.ask(LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
    if found["__typename"] != "LaunchBackfillSuccess":
        raise _refusal(found, "the backfill")
    backfill_id: str = found["backfillId"]
    return backfill_id


def _ranges(
    asset: str, days: Sequence[date], sessions: Sequence[str], models: Sequence[str]
) -> list[dict[str, str]]:
    if not days:
        return []
    if asset in DAYS:
        return [{"start": days[0].isoformat(), "end": days[-1].isoformat()}]
    if not sessions and asset in (*SESSIONS, *MODEL_SESSIONS):
        return []
    if asset in SESSIONS:
        return [{"start": sessions[0], "end": sessions[-1]}]
    first, last = (
        (sessions[0], sessions[-1])
        if asset in MODEL_SESSIONS
        else (days[0].isoformat(), days[-1].isoformat())
    )
    return [{"start": f"{model}|{first}", "end": f"{model}|{last}"} for model in models]


def _refusal(found: dict[str, Any], what: str) -> DagsterRefused:
    log.error("Dagster did not start %s: %s: %s", what, found["__typename"], found.get("message", ""))
    return DagsterRefused(f"Dagster did not start {what}: {found['__typename']}", remedy="its log says why")


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]

"""What Dagster's schedules did last and do next, and the newest runs."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from typing import Any

from arena_api.errors import DagsterRefused, DagsterUnreachable
from arena_api.reading import Document, Reading
from arena_api.runs.graphql import Dagster, dagster_url

SCHEDULER = "SCHEDULER"
STATUS = """
query ArenaStatus($repository: RepositorySelector!) {
  schedulesOrError(repositorySelector: $repository) { __typename ... on Schedules { results {
    name cronSchedule executionTimezone
    scheduleState { status ticks(limit: 1) { timestamp status skipReason } }
    futureTicks(limit: 1) { results { timestamp } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  runsOrError(limit: 10) { __typename ... on Runs { results {
    runId jobName status startTime endTime } } }
}
"""


def scheduler_status(reading: Reading) -> Document:
    """Each schedule's last and next tick. `state` is unknown, with the reason, where nobody answers."""
    url = dagster_url(reading.settings)
    found: Document = {
        "simulated": reading.simulated,
        "as_of": reading.clock().isoformat(timespec="seconds"),
        "provenance": None,
        "state": "unknown",
        "reason": None,
        "dagster_url": url,
        "schedules": [],
        "runs": [],
    }
    try:
        with Dagster(url) as dagster:
            answer = dagster.ask(STATUS, repository=dagster.repository())
            runs = answer["runsOrError"].get("results", [])
            found |= {
                "schedules": [_schedule(each) for each in answer["schedulesOrError"].get("results", [])],
                "runs": [_run(each, dagster) for each in runs],
            }
    except DagsterUnreachable as error:
        return found | {"reason": f"unknown, {error}"}
    except DagsterRefused as error:
        return found | {"reason": str(error)}
    daemons = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    ticking = any(each["daemonType"] == SCHEDULER and each["healthy"] for each in daemons)
    if ticking:
        return found | {"state": "running"}
    return found | {"state": "daemon_down", "reason": "Dagster's daemon is not running: nothing ticks"}


def _schedule(found: dict[str, Any]) -> Document:
    ticks = found["scheduleState"]["ticks"]
    last = ticks[0] if ticks else None
    following = found["futureTicks"]["results"]
    running = found["scheduleState"]["status"] == "RUNNING"
    return {
        "name": found["name"],
        "cron": _cron(found["cronSchedule"]),
        "time_zone": found["executionTimezone"],
        "running": running,
        "last_tick": _time(last["timestamp"]) if last else None,
        "last_status": last["status"] if last else None,
        "last_reason": last["skipReason"] if last else None,
        "next_tick": _time(following[0]["timestamp"]) if running and following else None,
    }


def _cron(text: str) -> str:
    """Dagster words several expressions as a list in Python's notation."""
    return "; ".join(ast.literal_eval(text)) if text.startswith("[") else text


def _run(found: dict[str, Any], dagster: Dagster) -> Document:
    return {
        "run_id": found["runId"],
        "job": found["jobName"],
        "status": found["status"],
        "started_at": _time(found["startTime"]),
        "ended_at": _time(found["endTime"]),
        "url": dagster.run_link(found["runId"]),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

"""A stand-in for Dagster's webserver on loopback: GraphQL as 1.13.27 answers it, and what was asked."""

from __future__ import annotations

import json
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

REPOSITORY = {
    "repositoriesOrError": {
        "__typename": "RepositoryConnection",
        "nodes": [
            {
                "name": "__repository__",
                "location": {"name": "arena_pipeline.definitions"},
                "jobs": [{"name": "collect"}, {"name": "research"}],
            }
        ],
    }
}
STATUS = {
    "schedulesOrError": {
        "__typename": "Schedules",
        "results": [
            {
                "name": "research_schedule",
                "cronSchedule": "['30 8 * * 1-5', '0 14 * * 1-5']",
                "executionTimezone": "Europe/Berlin",
                "scheduleState": {
                    "status": "RUNNING",
                    "ticks": [{"timestamp": 1758004200.0, "status": "SKIPPED", "skipReason": "closed"}],
                },
                "futureTicks": {"results": [{"timestamp": 1758024000.0}]},
            }
        ],
    },
    "instance": {
        "daemonHealth": {
            "allDaemonStatuses": [{"daemonType": "SCHEDULER", "required": True, "healthy": True}]
        }
    },
    "runsOrError": {
        "__typename": "Runs",
        "results": [
            {
                "runId": "r1",
                "jobName": "collect",
                "status": "SUCCESS",
                "startTime": 1758003300.5,
                "endTime": None,
            }
        ],
    },
}


class DagsterStandIn:
    """`runs` are those that were launched; `launch_answer` replaces the answer to a launch."""

    def __init__(self, server: HTTPServer) -> None:
        self.asked: list[dict[str, Any]] = []
        self.launched: list[dict[str, Any]] = []
        self.active: list[str] = []
        self.launch_answer: dict[str, Any] | None = None
        self.daemon_healthy = True
        self.url = server.url_for("").rstrip("/")
        server.expect_request("/graphql", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        asked = json.loads(request.get_data())
        self.asked.append(asked)
        return Response(json.dumps({"data": self._data(asked)}), content_type="application/json")

    def _data(self, asked: dict[str, Any]) -> dict[str, Any]:
        query, variables = asked["query"], asked["variables"]
        if "query ArenaStatus" in query:
            found = json.loads(json.dumps(STATUS))
            found["instance"]["daemonHealth"]["allDaemonStatuses"][0]["healthy"] = self.daemon_healthy
            return found
        if "query ArenaRuns" in query:
            return {
                "runsOrError": {
                    "__typename": "Runs",
                    "results": [{"runId": run, "status": "STARTED"} for run in self.active],
                }
            }
        if "query ArenaBackfillStatus" in query:
            state = "REQUESTED" if variables["id"] in self.active else "COMPLETED"
            return {"partitionBackfillOrError": {"__typename": "PartitionBackfill", "status": state}}
        if "mutation ArenaLaunch" in query:
            self.launched.append(variables["params"])
            identity = f"run-{len(self.launched)}"
            if self.launch_answer is None:
                self.active.append(identity)
            return {
                "launchRun": self.launch_answer
                or {"__typename": "LaunchRunSuccess", "run": {"runId": identity}}
            }
        if "mutation ArenaBackfill" in query:
            self.launched.append(variables["params"])
            identity = f"backfill-{len(self.launched)}"
            if self.launch_answer is None:
                self.active.append(identity)
            return {
                "launchPartitionBackfill": self.launch_answer
                or {"__typename": "LaunchBackfillSuccess", "backfillId": identity}
            }
        return REPOSITORY

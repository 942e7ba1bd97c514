"""The one connection to Dagster's webserver: GraphQL over HTTP, with a short deadline.

See: https://docs.dagster.io/api/graphql
"""

from __future__ import annotations

import logging
import os
from typing import Any

import httpx

from arena_api.errors import DagsterRefused, DagsterUnreachable
from arena_pipeline.settings import Settings

log = logging.getLogger(__name__)

URL_VARIABLE = "ARENA_DAGSTER_URL"
DEADLINE = httpx.Timeout(10.0, connect=1.0)
MOST_BYTES = 5_000_000

REPOSITORY = """
query Arena { repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } } } }
"""


def dagster_url(settings: Settings) -> str:
    """Where Dagster's webserver is: ARENA_DAGSTER_URL, else `dagster_url` in `[api]`."""
    return (os.environ.get(URL_VARIABLE) or settings.api.dagster_url).rstrip("/")


class Dagster:
    """Asks the webserver at `url`. Use it in one request; it holds a connection while it is open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(timeout=DEADLINE, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Dagster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of an answer. Raises DagsterUnreachable when there is none, DagsterRefused when the
        webserver does not understand the question."""
        try:
            answer = self._client.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
            answer.raise_for_status()
            if len(answer.content) > MOST_BYTES:
                raise ValueError("the answer is too long")
            document = answer.json()
            data: dict[str, Any] = document["data"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("Dagster at %s does not answer: %s", self.url, type(error).__name__)
            raise DagsterUnreachable(
                f"Dagster is not running at {self.url}", remedy="start it with `arena up`, or set dagster_url"
            ) from error
        if data is None or document.get("errors"):
            log.error("Dagster at %s: %s", self.url, document.get("errors"))
            raise DagsterRefused(f"Dagster at {self.url} does not understand what it was asked")
        return data

    def repository(self) -> dict[str, str]:
        """The selector of the repository that has the arena's jobs. Raises DagsterRefused when none has."""
        found = self.ask(REPOSITORY)["repositoriesOrError"]
        for node in found.get("nodes", ()):
            if "research" in {job["name"] for job in node["jobs"]}:
                return {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]}
        raise DagsterRefused(
            f"Dagster at {self.url} has no arena loaded", remedy="see its Deployment page for the reason"
        )

    def run_link(self, run_id: str) -> str:
        return f"{self.url}/runs/{run_id}"

    def backfill_link(self, backfill_id: str) -> str:
        return f"{self.url}/runs/b/{backfill_id}"

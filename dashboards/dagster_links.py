"""Addresses in Dagster's own pages, where it is known where they are."""

from __future__ import annotations

import os
from urllib.parse import quote

from arena_api.runs.graphql import URL_VARIABLE
from arena_pipeline.settings import Settings


def base(settings: Settings) -> str | None:
    """Where Dagster's pages are: ARENA_DAGSTER_URL (`arena up` sets it), else `dagster_url` in `[api]`; None
    where neither is set, for then nobody says that Dagster runs at all."""
    named = os.environ.get(URL_VARIABLE)
    if not named and "dagster_url" in settings.api.model_fields_set:
        named = settings.api.dagster_url
    return named.rstrip("/") if named else None


def run(settings: Settings, run_id: str) -> str | None:
    """The page of a run."""
    address = base(settings)
    return address and f"{address}/runs/{quote(run_id, safe='')}"


def partition(settings: Settings, asset: str, key: str) -> str | None:
    """The page of an asset's partition."""
    address = base(settings)
    return address and f"{address}/assets/{quote(asset)}?view=partitions&partition={quote(key, safe='')}"

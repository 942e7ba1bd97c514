"""How the arena itself fares: schedules, freshness, checks, vendors, feeds, budgets, runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import Document, operations, pipeline
from arena_api.runs.status import scheduler_status
from dashboards import dagster_links
from dashboards.shell import ShellOf

HERE = "/pipeline"
FINDINGS = 20
"""So many are shown."""

router = APIRouter()


@router.get("/pipeline")
def page(shell: ShellOf) -> HTMLResponse:
    reading = shell.reading
    live = shell.live("run", "check", "board")
    quality = operations.quality(reading)
    freshness = pipeline.freshness(reading)
    behind = [each["behind"] for each in freshness["assets"] if each["behind"] is not None]
    return shell.page(
        "pipeline.html",
        here=HERE,
        live=live,
        health=operations.health(reading),
        readiness=operations.readiness(reading),
        scheduler=scheduler_status(reading),
        dagster=dagster_links.base(reading.settings),
        freshness=freshness,
        all_behind=min(behind, default=0),
        quality=quality,
        coverage=_coverage(quality),
        vendors=pipeline.vendors(reading),
        runs=pipeline.runs(reading),
        budget=pipeline.budget(reading),
        costs=operations.costs(reading),
        findings=FINDINGS,
    )


def _coverage(quality: Document) -> list[dict[str, Any]]:
    """How many shares and subjects each vendor was found to cover, and not to."""
    counted: dict[str, Counter[str]] = {}
    for entry in quality["coverage"]:
        counted.setdefault(entry["vendor"], Counter())[entry["outcome"]] += 1
    return [
        {"vendor": vendor, "outcomes": sorted(found.items())} for vendor, found in sorted(counted.items())
    ]

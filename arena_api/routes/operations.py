"""Health, costs and the quality of the data."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from arena_api.documents import operations as shapes
from arena_api.reading import operations as readers
from arena_api.routes.parameters import Read, uncached
from arena_api.runs.status import scheduler_status

router = APIRouter(tags=["operations"])
probes = APIRouter(tags=["operations"], dependencies=[Depends(uncached)])


@probes.get("/health", response_model=shapes.Health)
def health(read: Read) -> dict[str, Any]:
    """That the server answers, and how far the arena has come."""
    return readers.health(read)


@probes.get("/ready", response_model=shapes.Ready)
def ready(read: Read) -> dict[str, Any]:
    """Whether ledger and lake can be read, and the age of the newest data."""
    return readers.readiness(read)


@router.get("/scheduler/status", response_model=shapes.SchedulerStatus, dependencies=[Depends(uncached)])
def scheduler(read: Read) -> dict[str, Any]:
    """Each schedule's last and next tick, and the newest runs, as Dagster's webserver tells."""
    return scheduler_status(read)


@router.get("/costs", response_model=shapes.Costs, response_model_exclude_unset=True)
def costs(read: Read) -> dict[str, Any]:
    """What the language models cost, by model, session and day, and what a month would come to."""
    return readers.costs(read)


@router.get("/quality", response_model=shapes.Quality, response_model_exclude_unset=True)
def quality(read: Read) -> dict[str, Any]:
    """What is wrong with the newest data, and how feeds, vendors and models answer."""
    return readers.quality(read)

"""A step: what one asset does for some of its partitions, without Dagster.

A step takes the arena and partition keys, oldest first, and returns what it wrote. Dagster runs it as an
asset (`build.py`); the replay and the benchmarks call it directly: there is one path, not two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arena_pipeline.arena import Arena
from arena_pipeline.warehouse.store import Written


@dataclass(frozen=True, slots=True)
class Run:
    """Which run does this. `reports` collects what the run should say aloud."""

    id: str
    reports: list[str] = field(default_factory=list)

    def report(self, text: str) -> None:
        self.reports.append(text)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One partition written, with figures worth reading; `preview` is a few rows to look at."""

    written: Written
    figures: Mapping[str, Any] = field(default_factory=dict)
    preview: Sequence[Mapping[str, Any]] = ()


Step = Callable[[Arena, Sequence[str], Run], list[Outcome]]

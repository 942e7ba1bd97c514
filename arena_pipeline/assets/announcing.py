"""Tells listeners when a run works on an asset and what a check found: from the process that does it, so that
it arrives at once, and in a backfill without Dagster's daemon too. A process that is killed tells no more.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from arena_pipeline.arena import Arena
from arena_pipeline.assets.resource import ArenaResource
from arena_pipeline.warehouse.outbox import announce
from arena_pipeline.warehouse.store import Written, utc_text

Check = Callable[[dg.AssetCheckExecutionContext, ArenaResource], dg.AssetCheckResult]


@contextmanager
def announced(arena: Arena, run_id: str, asset: str, keys: Sequence[str]) -> Iterator[list[Written]]:
    """Announce that a run begins with an asset, and how it ends; the body adds what was written. Of a failure
    only its kind is told: its words are in the run's log."""
    about = {
        "run_id": run_id,
        "asset": asset,
        "partitions": len(keys),
        "first": keys[0] if keys else None,
        "last": keys[-1] if keys else None,
    }
    written: list[Written] = []
    _tell(arena, "run", {**about, "state": "started"})
    try:
        yield written
    except BaseException as error:
        _tell(arena, "run", {**about, "state": "failed", "failure": type(error).__name__})
        raise
    changed = sum(entry.changed for entry in written)
    rows = sum(entry.rows for entry in written if entry.changed)
    _tell(arena, "run", {**about, "state": "succeeded", "changed": changed, "rows": rows})


def announcing(check: Check) -> Check:
    """An asset check that also tells listeners what it found."""

    @functools.wraps(check)
    def announced_check(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
        result = check(context, arena)
        (key,) = context.op_execution_context.assets_def.check_keys
        found: dict[str, Any] = {
            "asset": key.asset_key.to_user_string(),
            "check": check.__name__,
            "run_id": context.run.run_id,
            "passed": result.passed,
            "severity": result.severity.value,
        }
        _tell(arena.get(), "check", found)
        return result

    return announced_check


def _tell(arena: Arena, kind: str, data: dict[str, Any]) -> None:
    with arena.store.ledger.transaction() as connection:
        announce(connection, kind, data, at=utc_text(arena.clock()))

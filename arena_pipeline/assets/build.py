"""Makes Dagster assets out of steps.

Every asset is partitioned, runs a whole range in one run, and says on each partition how many rows it
holds, their digest, and whether this run changed them.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import dagster as dg

from arena_pipeline.assets.announcing import announced
from arena_pipeline.assets.resource import ArenaResource
from arena_pipeline.assets.step import Outcome, Run, Step

OWNERS = ["team:arena"]
PREVIEW_PARTITIONS = 5
"""A run over more partitions than this leaves the previews out: they would outgrow the event log."""


def rules_version(*modules: ModuleType) -> str:
    """The code version of an asset: the hash of the modules that hold its rules."""
    source = "".join(inspect.getsource(module) for module in modules)
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def arena_asset(
    step: Step,
    *,
    group: str,
    partitions: dg.PartitionsDefinition[Any],
    deps: Sequence[dg.AssetDep | str] = (),
    kinds: Iterable[str] = ("python",),
    version: str,
    pool: str | None = None,
    sort_key: Callable[[str], Any] = str,
) -> dg.AssetsDefinition:
    """The asset of a step; its name is the step's, its description the step's docstring."""

    @dg.asset(
        name=step.__name__,
        group_name=group,
        partitions_def=partitions,
        deps=list(deps),
        kinds=set(kinds),
        owners=OWNERS,
        description=inspect.getdoc(step),
        code_version=version,
        pool=pool,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=None,
    )
    def _asset(context: dg.AssetExecutionContext, arena: ArenaResource) -> None:
        keys = sorted(context.partition_keys, key=sort_key)
        run = Run(context.run.run_id)
        with announced(arena.get(), context.run.run_id, step.__name__, keys) as written:
            outcomes = step(arena.get(), keys, run)
            written += [outcome.written for outcome in outcomes]
        for text in run.reports:
            context.log.warning(text)
        few = len(outcomes) <= PREVIEW_PARTITIONS
        for outcome in outcomes:
            context.add_asset_metadata(_metadata(outcome, few), partition_key=outcome.written.key)

    return _asset


def _metadata(outcome: Outcome, preview: bool) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": outcome.written.rows,
        "digest": outcome.written.digest,
        "version": outcome.written.version,
        "changed": outcome.written.changed,
        **outcome.figures,
    }
    if preview and outcome.preview:
        metadata["preview"] = dg.MetadataValue.md(_markdown(outcome.preview))
    return metadata


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(rows[0])
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(_cell(row[column]) for column in columns) for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    for character in "\\`*_[]<>|&\n":
        text = text.replace(character, f"&#{ord(character)};")
    return text

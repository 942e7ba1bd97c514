"""Asset checks: what must hold of the tables in force. An ERROR blocks what builds on the asset.

A check of what is collected reads the rows of the run's partitions, or of the newest one when it is run by
itself; one of books reads all of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from sqlalchemy import func, select

from arena_pipeline.arena import HISTORY
from arena_pipeline.assets.announcing import announcing
from arena_pipeline.assets.books import registered_models
from arena_pipeline.assets.found import NOT_INSTALLED
from arena_pipeline.assets.gaps import KEEP_GAPS, owed
from arena_pipeline.assets.resource import ArenaResource
from arena_pipeline.assets.searching import ANSWERED, NOTHING_FOUND, OPEN, PAGE, SKIPPED
from arena_pipeline.market.checks import FindingKind
from arena_pipeline.news.health import FeedState
from arena_pipeline.warehouse.store import Row
from arena_pipeline.warehouse.tables import decisions, leaderboard, positions, snapshots

EXPIRES_SOON = timedelta(days=14)
"""A model that is taken off its endpoint's list within this is reported."""

NAMED = 20
"""So many offenders are named in a check's metadata."""

_PRICE = pa.Column(float, pa.Check.gt(0))
BARS = pa.DataFrameSchema(
    dict.fromkeys(("open", "high", "low", "close"), _PRICE) | {"volume": pa.Column(int, pa.Check.ge(0))},
    checks=[
        pa.Check(
            lambda bars: bars["high"] >= bars[["open", "close", "low"]].max(axis=1), name="high is highest"
        ),
        pa.Check(
            lambda bars: bars["low"] <= bars[["open", "close", "high"]].min(axis=1), name="low is lowest"
        ),
        pa.Check(lambda bars: bars["known_at"] >= bars["end"], name="known only when ended"),
        pa.Check(lambda bars: ~bars.duplicated(["symbol", "start", "vintage"]), name="one bar per vintage"),
    ],
)


def asset_checks() -> list[dg.AssetChecksDefinition]:
    return [
        bars_are_possible,
        bars_are_fresh,
        nothing_is_owed,
        feeds_answer,
        searches_answer,
        models_exist,
        models_answer,
        books_balance,
        every_model_is_ranked,
    ]


@dg.asset_check(asset="daily_bars", blocking=True)
@announcing
def bars_are_possible(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """High is highest, low is lowest, prices are positive, and no bar is known before it ended."""
    rows = arena.get().store.rows("daily_bars", "list_contains($keys, partition)", keys=_keys(context, arena))
    if not rows:
        return dg.AssetCheckResult(passed=True, metadata={"bars": 0})
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("open", "high", "low", "close"), float))
    try:
        BARS.validate(frame, lazy=True)
    except SchemaErrors as error:
        failures = error.failure_cases.head(NAMED).astype(str).to_dict("records")
        return dg.AssetCheckResult(passed=False, metadata={"bars": len(rows), "failures": failures})
    return dg.AssetCheckResult(passed=True, metadata={"bars": len(rows)})


@dg.asset_check(asset="daily_bars")
@announcing
def bars_are_fresh(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """No stale bar, no row in quarantine, no share that the vendor failed on and no changed past; a warning,
    for the arena goes on."""
    store = arena.get().store
    found = store.rows("bar_findings", "list_contains($keys, partition)", keys=_keys(context, arena))
    found.sort(key=lambda row: row["kind"] == FindingKind.CHANGED_HISTORY)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "findings": len(found),
            "quarantined": sum(row["quarantined"] for row in found),
            "first": [
                f"{row['symbol']} {row['day']}: {row['kind']}: {row['detail']}" for row in found[:NAMED]
            ],
        },
    )


@dg.asset_check(asset="corporate_actions")
@announcing
def nothing_is_owed(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """No share that the vendor failed on waits for its splits, dividends or quarter hours; every reading asks
    for them again."""
    store = arena.get().store
    owing = {f"{asset}: {line}": line.since for asset in KEEP_GAPS for line in owed(store, asset).values()}
    return dg.AssetCheckResult(
        passed=not owing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"owed": len(owing), "first": sorted(owing, key=lambda line: owing[line])[:NAMED]},
    )


@dg.asset_check(asset="feed_health")
@announcing
def feeds_answer(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """Every feed answered with a feed, and its newest item is recent. Broken is not without news."""
    store = arena.get().store
    rows = store.rows("feed_health", "list_contains($keys, partition)", keys=_keys(context, arena))
    rows.sort(key=lambda row: (row["partition"], row["feed"]))
    broken = [row["reason"] for row in rows if row["broken"]]
    stale = [row["feed"] for row in rows if row["state"] == FeedState.STALE]
    return dg.AssetCheckResult(
        passed=not broken and not stale,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "feeds": len(rows),
            "items": sum(row["items"] for row in rows),
            "broken": list(dict.fromkeys(broken))[:NAMED],
            "stale": list(dict.fromkeys(stale))[:NAMED],
            "each": [_feed_line(row) for row in rows[:NAMED]],
        },
    )


def _feed_line(row: Row) -> str:
    age = "no dated item" if row["age_hours"] is None else f"newest {row['age_hours']:.1f} h old"
    return f"{row['feed']}: {row['state']}, status {row['status']}, {row['items']} items, {age}"


@dg.asset_check(asset="found_articles")
@announcing
def searches_answer(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """Every question of a search was answered. Broken, refused or not asked is not "nothing found"."""
    opened = arena.get()
    rows = opened.store.rows(
        "found_answers", "list_contains($keys, partition)", keys=_keys(context, arena, "found_articles")
    )
    optional = NOT_INSTALLED if opened.settings.research.search == "auto" else ""
    questions = [row for row in rows if row["vendor"] not in {"", PAGE} and row["reason"] != optional]
    pages = [row for row in rows if row["vendor"] == PAGE]
    broken = [row for row in questions if row["outcome"] in OPEN]
    told = Counter((row["vendor"], row["outcome"], row["reason"]) for row in broken)
    return dg.AssetCheckResult(
        passed=not broken,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "questions": len(questions),
            "nothing_found": sum(row["outcome"] == NOTHING_FOUND for row in questions),
            "broken": [
                f"{vendor} {outcome} ({count}): {reason}" for (vendor, outcome, reason), count in told.items()
            ][:NAMED],
            "pages": len(pages),
            "pages_unread": sum(row["outcome"] != ANSWERED for row in pages),
            "skipped": sorted({row["reason"] for row in rows if row["outcome"] == SKIPPED}),
        },
    )


@dg.asset_check(asset="model_catalog")
@announcing
def models_exist(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """Every model in use is on its endpoint's list, stays there for two weeks, and answers in a set form.

    A missing or expired model is an error. What an endpoint does not tell is no finding.
    """
    store = arena.get().store
    rows = store.rows("model_catalog", "list_contains($keys, partition)", keys=_keys(context, arena))
    found = [finding for row in rows if (finding := model_finding(row))]
    severe = any(finding.severity is dg.AssetCheckSeverity.ERROR for finding in found)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        metadata={
            "models": len({row["model"] for row in rows if row["used_by"]}),
            "findings": sorted({finding.text for finding in found})[:NAMED],
            "not_covered": sorted({row["model"] for row in rows if row["found"] is None and row["used_by"]}),
        },
    )


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """What is wrong with a model in use, and how bad that is."""

    severity: dg.AssetCheckSeverity
    text: str


def model_finding(row: dict[str, Any]) -> ModelFinding | None:
    """The worst that a row of `model_catalog` says of its model, as of the row's trading day."""
    who = f"{row['model']} ({', '.join(row['used_by'])})"
    if str(row["note"] or "").startswith("failed"):
        return ModelFinding(dg.AssetCheckSeverity.WARN, f"{who}: {row['note']}")
    if row["found"] is False:
        return ModelFinding(dg.AssetCheckSeverity.ERROR, f"{who} is not on the endpoint's list")
    if row["expires"] is not None:
        days = (row["expires"] - date.fromisoformat(row["partition"])).days
        if days <= 0:
            return ModelFinding(dg.AssetCheckSeverity.ERROR, f"{who} expired on {row['expires']}")
        if days <= EXPIRES_SOON.days:
            return ModelFinding(dg.AssetCheckSeverity.WARN, f"{who} expires on {row['expires']}")
    if row["structured"] is False:
        return ModelFinding(dg.AssetCheckSeverity.WARN, f"{who} is not known for structured output")
    return None


@dg.asset_check(asset="decisions")
@announcing
def models_answer(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """No model abstained for want of a usable answer: in this run; by itself, ever."""
    of_run = {*_keys(context, arena, "decisions")} if _has_partitions(context) else None
    with arena.get().store.ledger.read() as connection:
        rows = [
            row
            for row in connection.execute(select(decisions.c.model, decisions.c.session, decisions.c.outcome))
            if of_run is None or f"{row.model}|{row.session}" in of_run
        ]
    abstained = Counter(row.model for row in rows if row.outcome == "abstained")
    return dg.AssetCheckResult(
        passed=not abstained,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"decisions": len(rows), "abstained": dict(abstained)},
    )


@dg.asset_check(asset="portfolio_snapshots", blocking=True)
@announcing
def books_balance(context: dg.AssetCheckExecutionContext, arena: ArenaResource) -> dg.AssetCheckResult:
    """Net asset value is cash, dividends receivable and the positions' values, to the cent."""
    with arena.get().store.ledger.read() as connection:
        values = (
            select(positions.c.partition, func.sum(positions.c.value_cents).label("value"))
            .where(positions.c.superseded_at.is_(None))
            .group_by(positions.c.partition)
            .subquery()
        )
        rows = connection.execute(
            select(
                snapshots.c.id,
                snapshots.c.nav_cents,
                snapshots.c.cash_cents + snapshots.c.receivable_cents + func.coalesce(values.c.value, 0),
            )
            .outerjoin(values, values.c.partition == snapshots.c.partition)
            .where(snapshots.c.superseded_at.is_(None))
        ).all()
    wrong = [f"{identity}: {nav} is not {total}" for identity, nav, total in rows if nav != total]
    return dg.AssetCheckResult(passed=not wrong, metadata={"snapshots": len(rows), "wrong": wrong[:NAMED]})


@dg.asset_check(asset="leaderboard", blocking=True)
@announcing
def every_model_is_ranked(
    context: dg.AssetCheckExecutionContext, arena: ArenaResource
) -> dg.AssetCheckResult:
    """The newest board has a line for every registered model."""
    store = arena.get().store
    with store.ledger.read() as connection:
        newest = select(func.max(leaderboard.c.trading_day)).where(leaderboard.c.superseded_at.is_(None))
        ranked = set(
            connection.scalars(
                select(leaderboard.c.model).where(
                    leaderboard.c.superseded_at.is_(None),
                    leaderboard.c.trading_day == newest.scalar_subquery(),
                )
            )
        )
    missing = sorted({model for model, _ in registered_models(store)} - ranked)
    return dg.AssetCheckResult(passed=not missing, metadata={"ranked": len(ranked), "missing": missing})


def _has_partitions(context: dg.AssetCheckExecutionContext) -> bool:
    """Whether a check runs with the partitions that it is about."""
    return bool({"dagster/partition", "dagster/asset_partition_range_start"} & context.run.tags.keys())


def _keys(
    context: dg.AssetCheckExecutionContext, arena: ArenaResource, asset: str = "daily_bars"
) -> Sequence[str]:
    """The partitions of this run; without any, the newest of an asset."""
    tags: dict[str, Any] = dict(context.run.tags)
    if "dagster/partition" in tags:
        return [tags["dagster/partition"]]
    stored = sorted(key for key in arena.get().store.partitions(asset) if key != HISTORY)
    first, last = (
        tags.get("dagster/asset_partition_range_start"),
        tags.get("dagster/asset_partition_range_end"),
    )
    if first and last:
        return [key for key in stored if first <= key <= last]
    return stored[-1:]

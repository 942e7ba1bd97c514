"""The asset checks notice what must not be in force, and name it."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
import pytest
from sqlalchemy import select

from arena_pipeline.assets.books import register_models
from arena_pipeline.assets.found import NOT_INSTALLED
from arena_pipeline.assets.step import Run
from arena_pipeline.definitions import build
from arena_pipeline.settings import Model, ModelKind
from arena_pipeline.strategies import Strategy
from arena_pipeline.warehouse.outbox import outbox
from arena_pipeline.warehouse.store import Partition
from arena_pipeline.warehouse.tables import decisions, snapshots

NOW = datetime(2025, 3, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def days(world):
    return world.days()[:2]


@pytest.fixture
def arena(world, ready, days):
    ready(world, days)
    return world.arena()


@pytest.fixture
def check(arena):
    """Runs one check by itself, as its button in the UI does, or after a partition was made."""

    def _check(asset, name, *, partition=None):
        definitions = build(arena.settings)
        checks = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(asset), name))
        job = dg.define_asset_job("check", selection=checks)
        merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        with dg.DagsterInstance.ephemeral() as instance:
            result = merged.resolve_job_def("check").execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags={"dagster/partition": partition} if partition else None,
            )
            (evaluation,) = result.get_asset_check_evaluations()
        return evaluation

    return _check


def replace_bar(arena, day, **changes):
    rows = arena.store.rows("daily_bars", "partition = $key", key=str(day))
    rows = [row | changes if row["symbol"] == "SAP.DE" else row for row in rows]
    arena.store.write_frames("daily_bars", [Partition(str(day), rows)], run_id="test", now=NOW)


def test_the_bars_of_the_files_are_possible(check):
    evaluation = check("daily_bars", "bars_are_possible")
    assert evaluation.passed
    assert evaluation.blocking
    assert evaluation.metadata["bars"].value == 4


def test_what_a_check_found_is_told_with_its_asset(arena, check):
    check("daily_bars", "bars_are_possible")
    with arena.store.ledger.read() as connection:
        told = connection.scalar(select(outbox.c.data).where(outbox.c.kind == "check"))
    assert json.loads(told) | {"run_id": ""} == {
        "asset": "daily_bars",
        "check": "bars_are_possible",
        "run_id": "",
        "passed": True,
        "severity": "ERROR",
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"high": Decimal("1.0000")}, "high is highest"),
        ({"low": Decimal("9999.0000")}, "low is lowest"),
        ({"close": Decimal("-1.0000")}, "greater_than(0)"),
        ({"known_at": datetime(2025, 3, 4, 9, 0, tzinfo=UTC)}, "known only when ended"),
    ],
    ids=["high", "low", "negative", "known too early"],
)
def test_an_impossible_bar_is_noticed_and_named(arena, check, days, changes, named):
    replace_bar(arena, days[-1], **changes)
    evaluation = check("daily_bars", "bars_are_possible")
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert named in str(evaluation.metadata["failures"].value)


def test_the_same_vintage_twice_is_noticed(arena, check, days):
    rows = arena.store.rows("daily_bars", "partition = $key", key=str(days[-1]))
    twice = [*rows, rows[0] | {"id": "bar:again"}]
    arena.store.write_frames("daily_bars", [Partition(str(days[-1]), twice)], run_id="test", now=NOW)
    assert "one bar per vintage" in str(check("daily_bars", "bars_are_possible").metadata["failures"].value)


def test_a_stale_bar_is_a_warning_that_names_it(world, steps, check, arena, days):
    day = world.prices["SIE.DE"][days[1]]
    day.open = day.high = day.low = day.close = world.prices["SIE.DE"][days[0]].close
    day.volume = 0
    steps.collected(world.arena(), days, Run("later"))
    evaluation = check("daily_bars", "bars_are_fresh")
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert f"SIE.DE {days[1]}: stale" in evaluation.metadata["first"].value[0]


def test_books_that_balance_pass(check):
    evaluation = check("portfolio_snapshots", "books_balance")
    assert evaluation.passed
    assert evaluation.metadata["snapshots"].value == 4


def test_a_snapshot_that_is_off_by_a_cent_is_named(arena, check, days):
    key = f"equal-weight|{days[-1]}"
    with arena.store.ledger.transaction() as connection:
        row = connection.execute(
            select(snapshots).where(snapshots.c.partition == key, snapshots.c.superseded_at.is_(None))
        ).one()
        stored = {"row_id", "partition", "recorded_at", "superseded_at"}
        wrong = {k: v for k, v in row._mapping.items() if k not in stored} | {"nav_cents": row.nav_cents + 1}
        arena.store.write_rows(
            connection, "portfolio_snapshots", key, {"snapshots": [wrong]}, run_id="test", now=NOW
        )
    evaluation = check("portfolio_snapshots", "books_balance")
    assert not evaluation.passed
    assert evaluation.blocking
    assert evaluation.metadata["wrong"].value == [
        f"snapshot:equal-weight:{days[-1]}: {row.nav_cents + 1} is not {row.nav_cents}"
    ]


def test_a_board_with_every_model_passes(check):
    assert check("leaderboard", "every_model_is_ranked").passed


def test_a_model_that_is_missing_from_the_board_is_named(arena, check):
    newcomer = Model(id="newcomer", kind=ModelKind.BASELINE, strategy=Strategy.CASH)
    settings = arena.settings
    arena.settings = settings.model_copy(update={"models": (*settings.models, newcomer)})
    with arena.store.ledger.transaction() as connection:
        register_models(arena, connection)
    arena.settings = settings
    evaluation = check("leaderboard", "every_model_is_ranked")
    assert not evaluation.passed
    assert evaluation.metadata["missing"].value == ["newcomer"]


def test_a_feed_that_is_broken_is_a_warning_and_not_silence(arena, check, days):
    row = {"id": "feed:wire", "feed": "wire", "status": 503, "items": 0, "rejected": 0, "requests": 1}
    broken = [
        row
        | {
            "state": "broken",
            "broken": 1,
            "newest": None,
            "age_hours": None,
            "reason": "wire: status 503",
        }
    ]
    arena.store.write_frames("feed_health", [Partition(str(days[-1]), broken)], run_id="test", now=NOW)
    evaluation = check("feed_health", "feeds_answer")
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.metadata["broken"].value == ["wire: status 503"]
    assert evaluation.metadata["each"].value == ["wire: broken, status 503, 0 items, no dated item"]


def test_a_share_that_the_vendor_owes_is_named_with_its_day(arena, check, days):
    assert check("corporate_actions", "nothing_is_owed").passed
    row = {"id": "gap:SIE.DE", "symbol": "SIE.DE", "gap": "no_answer", "reason": "yahoo: status 500"}
    for day in days:
        arena.store.write_frames("corporate_actions_gaps", [Partition(str(day), [row])], run_id="t", now=NOW)
    evaluation = check("corporate_actions", "nothing_is_owed")
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    said = f"corporate_actions: SIE.DE since {days[0]}: yahoo: status 500"
    assert evaluation.metadata["first"].value == [said]


def answered(session, *outcomes):
    """Rows of `found_answers`: (vendor, outcome, reason) each."""
    row = {
        "session": session,
        "symbol": "SAP.DE",
        "asked": "",
        "items": 0,
        "kept": 0,
        "known_at": NOW,
        "raw": "",
    }
    return [
        row | {"id": f"search:{number}", "vendor": vendor, "outcome": outcome, "reason": reason}
        for number, (vendor, outcome, reason) in enumerate(outcomes)
    ]


SEARCHES = [
    ([("ddgs", "nothing found", "found nothing"), ("alphavantage", "not covered", "no news")], [], 1),
    ([("", "skipped", "backfill: a search answers with today")], [], 0),
    ([("ddgs", "not asked", NOT_INSTALLED), ("ddgs", "answered", "")], [], 0),
    ([("ddgs", "answered", ""), ("page", "status", "status 403")], [], 0),
    (
        [("ddgs", "refused", "it refused"), ("ddgs", "refused", "it refused")],
        ["ddgs refused (2): it refused"],
        0,
    ),
    (
        [("ddgs", "nothing found", ""), ("alphavantage", "failed", "gone")],
        ["alphavantage failed (1): gone"],
        1,
    ),
]
"""What came of questions, what of it is broken, and how many found nothing."""


def test_a_search_that_broke_is_a_warning_and_not_nothing_found(arena, check, days):
    session = f"{days[-1]}T14:00"
    for outcomes, broken, nothing_found in SEARCHES:
        found = [Partition(session, answered(session, *outcomes))]
        arena.store.write_frames("found_answers", found, run_id="test", now=NOW)
        evaluation = check("found_articles", "searches_answer")
        assert (evaluation.passed, evaluation.severity) == (not broken, dg.AssetCheckSeverity.WARN)
        assert evaluation.metadata["broken"].value == broken
        assert evaluation.metadata["nothing_found"].value == nothing_found
        assert evaluation.metadata["pages_unread"].value == sum(row[0] == "page" for row in outcomes)


def test_a_model_that_abstained_is_a_warning_that_counts_it(arena, check):
    assert check("decisions", "models_answer").passed
    with arena.store.ledger.transaction() as connection:
        connection.execute(
            decisions.update()
            .where(decisions.c.id == "decision:equal-weight:2025-03-04T14:00")
            .values(outcome="abstained")
        )
    evaluation = check("decisions", "models_answer")
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.metadata["abstained"].value == {"equal-weight": 1}
    assert not check("decisions", "models_answer", partition="equal-weight|2025-03-04T14:00").passed
    assert check("decisions", "models_answer", partition="equal-weight|2025-03-04T08:30").passed

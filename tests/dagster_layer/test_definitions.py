"""All that Dagster loads: every asset partitioned, described, grouped and owned, and the graph whole."""

import dagster as dg
import pytest

from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SESSION_STEPS,
    names,
)

OUTSIDE = {"price_vendor", "news_feeds", "web_search", "figures_vendor", "model_endpoint", "dashboards"}
ASSETS = set(names(DAY_STEPS + SESSION_STEPS + DECISION_STEPS + BOOK_STEPS + BOARD_STEPS))


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def key(name):
    return dg.AssetKey(name)


def test_the_definitions_load_and_can_be_run(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_holds_every_step_and_what_lies_outside(graph):
    found = {asset.to_user_string() for asset in graph.get_all_asset_keys()}
    assert found == ASSETS | OUTSIDE
    assert {asset.to_user_string() for asset in graph.materializable_asset_keys} == ASSETS


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_an_asset_is_partitioned_described_grouped_owned_and_runs_a_range_in_one_run(graph, name):
    node = graph.get(key(name))
    assert node.partitions_def is not None
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert len(node.description) > 40
    assert node.group_name in {"market", "news", "fundamentals", "technical", "research", "arena"}
    assert node.owners == ["team:arena"]
    assert node.code_version
    assert node.kinds


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_what_lies_outside_is_described_and_cannot_be_materialised(graph, name):
    node = graph.get(key(name))
    assert node.group_name == "outside"
    assert node.description
    assert not node.is_materializable


def test_every_asset_comes_from_outside_in_the_end(graph):
    reached = {key(name) for name in OUTSIDE - {"dashboards"}}
    for _ in ASSETS:
        reached |= {child for parent in reached for child in graph.get(parent).child_keys}
    assert {key(name) for name in ASSETS} <= reached


def test_the_dashboards_end_the_graph(graph):
    assert graph.get(key("dashboards")).child_keys == set()
    assert graph.get(key("dashboards")).parent_keys == {key("leaderboard"), key("position_marks")}


def test_a_decision_depends_on_the_session_before_it(graph):
    assert key("decisions") in graph.get(key("decisions")).parent_keys


@pytest.mark.parametrize(
    ("asset", "check"),
    [
        ("daily_bars", "bars_are_possible"),
        ("portfolio_snapshots", "books_balance"),
        ("leaderboard", "every_model_is_ranked"),
    ],
)
def test_a_check_that_must_hold_blocks_what_builds_on_the_asset(definitions, asset, check):
    found = definitions.resolve_asset_graph().get_check_spec(dg.AssetCheckKey(key(asset), check))
    assert found.blocking
    assert found.description


def test_every_schedule_and_sensor_has_a_job_that_exists(definitions):
    repository = definitions.get_repository_def()
    jobs = set(repository.job_names)
    assert {"collect", "scout", "research", "decide", "settle", "rank", "mark", "close", "official"} <= jobs
    assert {schedule.job_name for schedule in repository.schedule_defs} <= jobs
    assert {target.job_name for sensor in repository.sensor_defs for target in sensor.targets} <= jobs

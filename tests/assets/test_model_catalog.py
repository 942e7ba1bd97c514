"""The models in use, as their endpoint lists them day by day, and what the check says of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.assets.model_catalog import model_catalog
from arena_pipeline.assets.step import Run
from arena_pipeline.capability import MODELS, vendor_states
from arena_pipeline.checks import model_finding
from arena_pipeline.errors import OutOfCredit, SourceError
from arena_pipeline.probes import require_models
from arena_pipeline.rederive import rederive
from tests.assets.conftest import START, Steps, World

KEY = "sk-or-v1-canary-0123456789"
LISTED: dict[str, Any] = {
    "id": "openai/gpt-5",
    "canonical_slug": "openai/gpt-5-2025-08-07",
    "context_length": 400_000,
    "pricing": {"prompt": "0.00000125", "completion": "0.00001"},
    "top_provider": {"max_completion_tokens": 128_000},
    "supported_parameters": ["max_tokens", "structured_outputs"],
    "expiration_date": None,
}
MINI = {**LISTED, "id": "openai/gpt-5-mini", "canonical_slug": "openai/gpt-5-mini"}


@pytest.fixture
def at_openrouter(
    world: World, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., World]:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    def make(*listed: dict[str, Any], model: str = "openai/gpt-5", left: float | None = 74.5) -> World:
        httpserver.expect_request("/api/v1/models").respond_with_json({"data": list(listed)})
        httpserver.expect_request("/api/v1/key").respond_with_json(
            {"data": {"label": "sk-or-v1-can...789", "limit_remaining": left}}
        )
        world.models = {}
        world.extra = (
            f'[llm]\nbase_url = "{httpserver.url_for("/api/v1")}"\n'
            f'[[models]]\nid = "gpt"\nkind = "llm"\nmodel = "{model}"\n'
        )
        return world

    return make


def rows(world: World, run: Run | None = None) -> dict[str, dict[str, Any]]:
    arena = world.arena()
    model_catalog(arena, [str(START)], run or Run("test"))
    return {row["model"]: row for row in arena.store.rows("model_catalog")}


def test_each_model_in_use_has_a_row_with_what_the_endpoint_says(at_openrouter: Callable[..., World]) -> None:
    found = rows(at_openrouter(LISTED, MINI))
    assert {name: row["used_by"] for name, row in found.items()} == {
        "openai/gpt-5": ["gpt"],
        "openai/gpt-5-mini": ["research"],
    }
    row = found["openai/gpt-5"]
    assert row["found"] is row["structured"] is True
    assert row["canonical_slug"] == "openai/gpt-5-2025-08-07"
    assert (row["context_length"], row["max_completion_tokens"]) == (400_000, 128_000)
    assert (row["prompt_usd"], row["completion_usd"]) == (Decimal("1.25"), Decimal(10))
    assert model_finding(row) is None


@pytest.mark.parametrize("name", ["openai/gpt-5:nitro", "openai/gpt-5-2025-08-07"])
def test_a_routing_or_a_dated_name_is_the_same_model(at_openrouter: Callable[..., World], name: str) -> None:
    assert rows(at_openrouter(LISTED, model=name))[name]["found"] is True


FINDINGS = {
    "missing": ({"id": "openai/gpt-4"}, dg.AssetCheckSeverity.ERROR, "is not on the endpoint's list"),
    "expired": ({"expiration_date": "2025-03-03"}, dg.AssetCheckSeverity.ERROR, "expired on 2025-03-03"),
    "expires soon": ({"expiration_date": "2025-03-17"}, dg.AssetCheckSeverity.WARN, "expires on 2025-03-17"),
    "no schema": ({"supported_parameters": ["tools"]}, dg.AssetCheckSeverity.WARN, "structured output"),
}


@pytest.mark.parametrize(("changes", "severity", "text"), FINDINGS.values(), ids=FINDINGS.keys())
def test_a_model_that_cannot_be_counted_on_is_named(
    at_openrouter: Callable[..., World],
    changes: dict[str, Any],
    severity: dg.AssetCheckSeverity,
    text: str,
) -> None:
    listed = {**LISTED, "canonical_slug": changes.get("id", "x"), **changes}
    finding = model_finding(rows(at_openrouter(listed, MINI))["openai/gpt-5"])
    assert finding is not None
    assert finding.severity is severity
    assert finding.text.startswith("openai/gpt-5 (gpt)")
    assert text in finding.text


def test_a_model_that_expires_in_fifteen_days_is_no_finding(at_openrouter: Callable[..., World]) -> None:
    listed = {**LISTED, "expiration_date": "2025-03-18"}
    assert model_finding(rows(at_openrouter(listed))["openai/gpt-5"]) is None


def test_an_endpoint_without_a_list_is_not_covered_and_no_finding(
    world: World, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1/models").respond_with_data("{}", status=404)
    world.models = {}
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\n'
        '[[models]]\nid = "llama"\nkind = "llm"\nmodel = "llama3.2"\n'
    )
    row = rows(world)["llama3.2"]
    assert row["found"] is None
    assert row["note"].startswith("not covered")
    assert row["used_by"] == ["llama", "research"]
    assert model_finding(row) is None


def test_an_endpoint_that_is_away_is_a_warning(world: World, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/models").respond_with_data("no", status=400)
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\n'
        '[[models]]\nid = "llama"\nkind = "llm"\nmodel = "llama3.2"\n'
    )
    run = Run("test")
    finding = model_finding(rows(world, run)["llama3.2"])
    assert finding is not None
    assert finding.severity is dg.AssetCheckSeverity.WARN
    assert any("status 400" in text for text in run.reports)


def test_the_run_says_what_the_key_has_left_and_never_the_key(at_openrouter: Callable[..., World]) -> None:
    world, run = at_openrouter(LISTED, MINI, left=1.5), Run("test")
    arena = world.arena()
    (outcome,) = model_catalog(arena, [str(START)], run)
    assert outcome.figures["key_remaining_usd"] == "1.5"
    assert run.reports == ["the model key has 1.5 USD left, less than the daily budget of 2.00 USD"]
    kept = b"".join(arena.store.archive.get(sha) for sha in arena.store.archive.entries())
    for secret in (KEY, "sk-or-v1-can"):
        assert secret.encode() not in kept
        assert secret not in repr((outcome, run))


def test_days_of_one_run_ask_once_and_again_changes_nothing(
    at_openrouter: Callable[..., World], httpserver: HTTPServer
) -> None:
    arena = at_openrouter(LISTED, MINI).arena()
    days = [str(day) for day in (date(2025, 3, 3), date(2025, 3, 4))]
    assert all(outcome.written.changed for outcome in model_catalog(arena, days, Run("test")))
    assert sum(request.path == "/api/v1/models" for request, _ in httpserver.log) == 1
    assert not any(outcome.written.changed for outcome in model_catalog(arena, days, Run("test")))


def test_the_list_is_replayed_from_the_archive(world: World, steps: Steps, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/models").respond_with_json({"data": [LISTED]})
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\n'
        '[[models]]\nid = "gpt"\nkind = "llm"\nmodel = "openai/gpt-5"\n'
    )
    arena = world.arena()
    steps.collected(arena, [START])
    asked = len(httpserver.log)
    result = rederive(arena)
    assert result.problems == []
    assert len(httpserver.log) == asked


def test_without_language_models_nobody_is_asked(world: World) -> None:
    row = rows(world)["none"]
    assert row["note"] == "no language model takes part"
    assert model_finding(row) is None


def test_an_unknown_contestant_makes_the_run_warn_of_its_research_model(
    at_openrouter: Callable[..., World],
) -> None:
    run = Run("test")
    rows(at_openrouter(LISTED, model="nobody/knows-1"), run)
    assert any("nobody/knows-1" in text and "llm.research_model" in text for text in run.reports)


@pytest.mark.parametrize(
    ("left", "state"), [(0, "failed"), (-1.5, "failed"), (0.5, "degraded"), (74.5, "ok"), (None, "ok")]
)
def test_what_the_key_may_spend_is_asked_before_a_run_and_by_the_doctor(
    at_openrouter: Callable[..., World], left: float | None, state: str
) -> None:
    arena = at_openrouter(LISTED, MINI, left=left).arena()
    if state == "failed":
        with pytest.raises(OutOfCredit, match=r"no language model can be asked.*USD left"):
            require_models(arena)
    else:
        require_models(arena)
    (line,) = [each for each in vendor_states(arena) if each.vendor == MODELS]
    assert line.state.value == state
    assert (state == "ok") == (line.remedy == "")
    assert KEY not in repr(line)
    assert "sk-or-v1-can" not in repr(line)


def test_a_refused_key_stops_a_run_before_anything_is_decided(
    at_openrouter: Callable[..., World], httpserver: HTTPServer
) -> None:
    arena = at_openrouter(LISTED, MINI).arena()
    httpserver.clear()
    httpserver.expect_request("/api/v1/key").respond_with_json({"error": {"code": 401}}, status=401)
    with pytest.raises(SourceError, match="refused /key with status 401"):
        require_models(arena)

"""What models may spend and did spend: caps that hold in a run, the work they leave undone, and the bill."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import func, select
from werkzeug import Request, Response

from arena_pipeline.assets.step import Run
from arena_pipeline.assets.undone import left_undone
from arena_pipeline.backfill import Summary
from arena_pipeline.cost_report import print_costs
from arena_pipeline.errors import ConfigError
from arena_pipeline.rederive import rederive
from arena_pipeline.sandbox import policies
from arena_pipeline.warehouse.costs import cost_document
from arena_pipeline.warehouse.tables import budgets, decisions
from tests.assets.conftest import START, SYMBOLS, Steps, World

MORNING, AFTERNOON = f"{START}T08:30", f"{START}T14:00"
BRIEFED = [f"briefing:{key}:{symbol}" for key in (MORNING, AFTERNOON) for symbol in SYMBOLS]
STAND_INS = {
    "stand-in/analyst": policies.ANALYST,
    "stand-in/first": "sandbox/contrarian",
    "stand-in/second": "sandbox/contrarian",
}


@pytest.fixture
def spending(world: World, httpserver: HTTPServer) -> Callable[..., World]:
    """A world whose two models, and the one that writes briefings, report 0.01 USD a call."""

    def answer(request: Request) -> Response:
        body = request.get_json()
        _, reply = policies.answer({**body, "model": STAND_INS[body["model"]]})
        reply["model"] = body["model"]
        reply["usage"]["cost"] = 0.01
        if body["model"] == "stand-in/second":
            del reply["usage"]
        return Response(json.dumps(reply), content_type="application/json")

    def make(cap: str, *, second: bool = False, of_first: str = "") -> World:
        httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
        models = ["first", "second"] if second else ["first"]
        world.models = {}
        world.extra = (
            f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\nresearch_model = "stand-in/analyst"\n'
            f'daily_budget_usd = "{cap}"\n'
        ) + "".join(
            f'[[models]]\nid = "{name}"\nkind = "llm"\nmodel = "stand-in/{name}"\n'
            + (f'daily_budget_usd = "{of_first}"\n' if of_first and name == "first" else "")
            for name in models
        )
        return world

    return make


def calls(httpserver: HTTPServer) -> int:
    return sum(request.path == "/v1/chat/completions" for request, _ in httpserver.log)


def spent(world: World) -> Decimal:
    with world.opened[-1].store.ledger.read() as connection:
        total = connection.scalar(select(func.sum(budgets.c.spent_microusd + budgets.c.reserved_microusd)))
    return Decimal(int(total)) / 1_000_000


def test_a_run_stops_at_the_cap_and_says_which_work_was_left_undone(
    spending: Callable[..., World], steps: Steps, httpserver: HTTPServer
) -> None:
    world, run = spending("0.05"), Run("spending")
    arena = world.arena()
    steps.all(arena, [START], run)
    assert calls(httpserver) == 5
    assert spent(world) == Decimal("0.05")
    undone = left_undone(arena.store, 0)
    written = [row["id"] for row in arena.store.rows("briefings", "ok")]
    assert len(written) == 5
    assert undone == sorted(
        [*(set(BRIEFED) - set(written)), f"decision:first:{MORNING}", f"decision:first:{AFTERNOON}"],
        key=lambda identity: (AFTERNOON in identity, identity),
    )
    for identity in undone:
        _, model, session = identity.split(":", 2) if identity.startswith("decision") else ("", identity, "")
        assert any(
            text.startswith("left undone: ") and model in text and session in text for text in run.reports
        )
    line = Summary(START, START, undone=undone).line()
    assert all(identity in line for identity in undone)


def test_what_want_of_money_left_undone_is_left_undone_in_a_replay(
    spending: Callable[..., World], steps: Steps
) -> None:
    arena = spending("0.05").arena()
    steps.all(arena, [START])
    result = rederive(arena)
    assert result.problems == []
    assert result.digests > 0


def test_a_models_own_cap_stops_that_model_alone(
    spending: Callable[..., World], steps: Steps, httpserver: HTTPServer
) -> None:
    world = spending("1.00", second=True, of_first="0.01")
    arena = world.arena()
    steps.all(arena, [START])
    with arena.store.ledger.read() as connection:
        made = {(row.model, row.session): row for row in connection.execute(select(decisions))}
    assert made["first", MORNING].outcome == "decided"
    assert made["first", AFTERNOON].failure.startswith("budget: 0.01 USD for first would pass")
    assert {made["second", key].outcome for key in (MORNING, AFTERNOON)} == {"decided"}
    assert left_undone(arena.store, 0) == [f"decision:first:{AFTERNOON}"]


def test_the_bill_names_each_model_and_session_and_what_nobody_knows(
    spending: Callable[..., World], steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    arena = spending("1.00", second=True).arena()
    steps.all(arena, [START])
    document = cost_document(arena.store, simulated=False)
    lines = {(row["session"], row["model"], row["purpose"]): row for row in document["sessions"]}
    assert lines[MORNING, "first", "decision"]["cost_usd"] == "0.010000"
    assert lines[MORNING, "research", "synthesis"]["cost_usd"] == "0.030000"
    assert lines[MORNING, "research", "synthesis"]["calls"] == 3
    assert lines[MORNING, "second", "decision"]["cost_usd"] is None
    assert lines[MORNING, "second", "decision"]["cost_unknown"] == 1
    assert all(row["tokens"] > 0 for key, row in lines.items() if key[1] != "second")
    (day,) = document["days"]
    assert (day["day"], day["cost_usd"], day["cost_unknown"]) == (str(START), "0.080000", 2)
    months = {row["model"]: row["month"]["cost_usd"] for row in document["models"]}
    assert months == {"first": "0.420000", "research": "1.260000", "second": None}
    assert document["month"]["cost_usd"] is None
    assert document["month"]["sessions"] == 42
    print_costs(document)
    printed = capsys.readouterr().out
    assert "0.080000 + 2 unknown" in printed
    assert "unknown USD" in printed


def test_a_baseline_has_no_budget(world: World) -> None:
    world.extra = '[[models]]\nid = "x"\nkind = "baseline"\nstrategy = "cash"\ndaily_budget_usd = "1.00"\n'
    with pytest.raises(ConfigError, match="daily_budget_usd"):
        world.arena()


def test_a_bill_without_calls_is_empty(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    document = cost_document(world.arena().store, simulated=True)
    assert document["sessions"] == document["models"] == []
    assert document["month"]["cost_usd"] == "0.000000"
    print_costs(document)
    assert "No model has been asked" in capsys.readouterr().out

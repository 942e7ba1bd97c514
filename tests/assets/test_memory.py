"""What a model is told of its own decisions: how each order ended, as known at the session, and no words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug import Request, Response

from arena_pipeline.arena import Arena
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.rederive import rederive
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.lineage import lineage
from arena_pipeline.warehouse.tables import evidence
from tests.assets.conftest import Steps, World

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)
SESSIONS = ("2025-03-03T08:30", "2025-03-03T14:00", "2025-03-04T08:30", "2025-03-04T14:00")
SECRET = "WORDSOFTHEMODEL"


def order(symbol: str, side: str, **terms: Any) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "confidence": 0.6, "reason": SECRET, "cites": [], **terms}


ANSWERS: dict[str, list[dict[str, Any]] | None] = {
    SESSIONS[0]: [
        order("SAP.DE", "buy", quantity=10),
        order("SIE.DE", "buy", quantity=5, type="limit", limit="110.00", time_in_force="DAY"),
        order("WORD.XY", "buy", quantity=1),
    ],
    SESSIONS[1]: None,
    SESSIONS[2]: [order("SAP.DE", "sell", quantity=10)],
    SESSIONS[3]: [],
}
"""By session what the model asks for; None: an answer that nobody can read."""


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory,
    calendar: TradingCalendar,
    steps: Steps,
    make_httpserver: HTTPServer,
) -> Iterator[dict[str, Any]]:
    """The recent decisions of each prompt, by session; `arena` is the arena, `opening` SAP's first price."""
    httpserver = make_httpserver
    world = World(tmp_path_factory.mktemp("memory"), calendar)
    seen: dict[str, Any] = {}

    def answer(request: Request) -> Response:
        body = json.loads(request.data)
        text = next(m["content"] for m in body["messages"] if m["role"] == "user")
        if '"portfolio"' not in text:
            content = "not today"
        else:
            document = json.loads(text[text.index("{") :])
            key = document["session"]["key"]
            seen[key] = document["portfolio"]["recent_decisions"]
            orders = ANSWERS[key]
            asked = {"orders": orders, "confidence": 0.5, "reasoning": SECRET, "horizon_days": 3}
            content = SECRET if orders is None else json.dumps(asked)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m/m", "choices": [choice]}
        return Response(json.dumps(reply), mimetype="application/json")

    httpserver.clear()
    httpserver.expect_request("/v1/models").respond_with_data("none", status=404)
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    world.models = {}
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\nresearch_model = "m/m"\nmax_attempts = 1\n'
        '[[models]]\nid = "first"\nkind = "llm"\nmodel = "m/m"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
            patch.delenv(name, raising=False)
        with world.arena() as arena:
            steps.all(arena, [MONDAY, TUESDAY])
            yield {**seen, "arena": arena, "opening": world.prices["SAP.DE"][MONDAY].open}


def ends(entry: dict[str, Any]) -> list[str]:
    return [order["end"] for order in entry["orders"]]


def test_a_fill_is_told_once_its_bar_has_ended_and_not_before(told: dict[str, Any]) -> None:
    assert told[SESSIONS[0]] == []
    (monday,) = told[SESSIONS[1]]
    assert ends(monday) == ["open", "open", "refused"]
    filled = told[SESSIONS[2]][0]["orders"][0]
    assert (filled["end"], filled["price"], filled["quantity"]) == ("filled", f"{told['opening']}00", 10)
    assert filled["fee"] == "5.00"
    assert "realised_after_fees" not in filled


def test_a_refusal_and_an_expiry_are_told_with_their_reason(told: dict[str, Any]) -> None:
    _, expired, refused = told[SESSIONS[2]][0]["orders"]
    assert expired["end"] == "EXPIRED"
    assert (refused["end"], refused["why"]) == ("refused", "UNKNOWN_SYMBOL")


def test_an_abstention_is_told_by_its_kind(told: dict[str, Any]) -> None:
    entry = told[SESSIONS[2]][1]
    assert entry == {"session": SESSIONS[1], "outcome": "abstained", "why": "malformed", "orders": []}


def test_no_word_of_the_model_and_no_foreign_symbol_comes_back(told: dict[str, Any]) -> None:
    prompts = json.dumps([told[key] for key in SESSIONS])
    assert SECRET not in prompts
    assert "WORD.XY" not in prompts
    assert told[SESSIONS[2]][0]["orders"][2]["symbol"] is None


def test_what_is_told_is_evidence_that_was_known_and_is_not_walked(told: dict[str, Any]) -> None:
    arena: Arena = told["arena"]
    root = f"decision:first:{SESSIONS[2]}"
    with arena.store.ledger.read() as connection:
        laid = set(
            connection.scalars(
                select(evidence.c.parent).where(evidence.c.child == root, evidence.c.role == "remembers")
            )
        )
    assert {f"decision:first:{key}" for key in SESSIONS[:2]} <= laid
    assert {f"order:first:{SESSIONS[0]}:{seq}" for seq in (1, 2, 3)} <= laid
    assert sum(parent.startswith("bar:SAP.DE:2025-03-03") for parent in laid) == 1
    shown = {node["id"] for node in lineage(arena.store, root).document()["nodes"]}
    assert laid <= shown
    assert f"briefing:{SESSIONS[0]}:SAP.DE" not in shown
    assert verify(arena) == []


def test_a_replay_tells_the_same(told: dict[str, Any]) -> None:
    result = rederive(told["arena"])
    assert result.problems == []
    assert result.digests > 0

"""The Python client against a real server: documents, pages, files, messages, refusals."""

from __future__ import annotations

import pytest

from arena_api.app import create_app
from arena_api.client import ApiError, ArenaClient
from tests.api.live_server import serving
from tests.api.world import DECISION, settings_of


@pytest.fixture(scope="module")
def arena(home):
    with serving(create_app(settings_of(home))) as address, ArenaClient(f"http://{address}") as client:
        yield client


def test_documents_are_those_of_the_server(arena):
    assert [line["model"] for line in arena.leaderboard()["models"]] == ["tester", "cash"]
    assert arena.portfolio("tester")["nav"] == "101234.56"
    assert arena.decision(DECISION)["id"] == DECISION
    assert arena.lineage(DECISION, depth=1)["root"] == DECISION
    assert arena.performance("tester", from_="2025-09-16")["series"] == []


def test_an_answer_that_holds_is_not_sent_again(arena):
    first = arena.models()
    assert arena.models() == first
    first["models"].clear()
    assert arena.models()["models"] != []


def test_lists_are_read_to_their_end(arena):
    assert [each["model"] for each in arena.pages("decisions", limit=1)] == ["cash", "tester"]
    assert [each["id"] for each in arena.pages("models/tester/reasoning", limit=1)] == [DECISION]


def test_a_table_is_a_file(arena):
    assert arena.export("trades", form="parquet")[:4] == b"PAR1"
    assert arena.export("trades").startswith(b"id,order_id")


def test_a_refusal_says_why(arena):
    with pytest.raises(ApiError, match="404: there is no model 'nobody'"):
        arena.portfolio("nobody")
    with pytest.raises(ApiError) as refused:
        arena.trigger_research()
    assert refused.value.status == 401


def test_messages_are_heard(arena):
    messages = arena.live(after=0, types="board,snapshot")
    assert [next(messages)["type"] for _ in range(3)] == ["hello", "snapshot", "board"]

"""Costs: exact from the reply, else from a price table, else unknown; and what is set aside before."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from arena_pipeline.llm.budget import UnlimitedBudget, most_it_can_cost, table_cost
from arena_pipeline.llm.exchange import CostSource, Exchange, is_paid_answer, read_exchange, request_name
from arena_pipeline.sources.recorder import Recorded

AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def answer(body: Any, status: int = 200) -> Recorded:
    return Recorded(status, json.dumps(body).encode(), AT)


def read(usage: Any, *, model: str = "openai/gpt-5", own_server: bool = False) -> Exchange:
    body = {"model": model, "choices": [{"message": {"content": "x"}}], "usage": usage}
    return read_exchange("name", model, b"{}", answer(body), own_server=own_server)


TOKENS = {"prompt_tokens": 1000, "completion_tokens": 100}


def test_a_cost_in_the_reply_is_taken_digit_by_digit() -> None:
    body = b'{"choices": [{"message": {"content": "x"}}], "usage": {"cost": 0.0000123456789012345678}}'
    exchange = read_exchange("n", "m", b"{}", Recorded(200, body, AT), own_server=False)
    assert exchange.cost_usd == Decimal("0.0000123456789012345678")


def test_a_missing_cost_comes_from_the_price_table() -> None:
    exchange = read(TOKENS)
    assert exchange.cost_usd == table_cost("openai/gpt-5", 1000, 100)
    assert exchange.cost_usd is not None
    assert exchange.cost_usd > 0
    assert exchange.cost_source is CostSource.PRICE_TABLE


@pytest.mark.parametrize(
    ("usage", "model", "own_server"),
    [
        (TOKENS, "nobody/knows", False),
        (TOKENS, "openai/gpt-5", True),
        ({}, "openai/gpt-5", False),
        (None, "m", False),
    ],
)
def test_an_unknown_cost_is_none_and_never_zero(usage: Any, model: str, own_server: bool) -> None:
    exchange = read(usage, model=model, own_server=own_server)
    assert exchange.cost_usd is None
    assert exchange.cost_source is CostSource.UNKNOWN


@pytest.mark.parametrize("cost", ["x", -1, True, [], {}, 10**9, "NaN", "Infinity"])
def test_an_absurd_cost_is_not_believed(cost: Any) -> None:
    assert read({"cost": cost}, model="nobody/knows").cost_usd is None


@pytest.mark.parametrize("count", [-1, True, "7", 10**15, 1.5, None])
def test_an_absurd_token_count_is_not_believed(count: Any) -> None:
    assert read({"prompt_tokens": count}).prompt_tokens is None


def test_a_reservation_covers_the_prompt_and_every_allowed_token() -> None:
    dear = most_it_can_cost("nobody/knows", 30_000, 8000, own_server=False)
    known = most_it_can_cost("openai/gpt-5", 30_000, 8000, own_server=False)
    sandbox = most_it_can_cost("sandbox/analyst", 30_000, 8000, own_server=True)
    own = most_it_can_cost("llama3", 30_000, 8000, own_server=True)
    assert dear > known > own > sandbox > 0
    real = table_cost("openai/gpt-5", 10_000, 8000)
    assert real is not None
    assert known >= real
    assert most_it_can_cost("sandbox/analyst", 30_000, 8000, own_server=False) == dear


def test_an_unlimited_budget_adds_up_what_was_spent() -> None:
    budget = UnlimitedBudget()
    budget.reserve("x", Decimal(5))
    budget.settle("x", Decimal(5), Decimal("0.5"))
    budget.settle("x", Decimal(1), None)
    assert budget.spent == Decimal("1.5")


def test_only_answers_are_paid() -> None:
    good = {"choices": [{"finish_reason": "stop", "message": {"content": "x"}}]}
    assert is_paid_answer(answer(good))
    assert not is_paid_answer(answer(good, 500))
    assert not is_paid_answer(answer({"error": {"code": 502}}))
    assert not is_paid_answer(answer({"choices": []}))
    assert not is_paid_answer(Recorded(0, b"", AT, failure="timed out"))


def test_a_request_is_named_by_path_and_body_and_attempt() -> None:
    name = request_name("/chat/completions", {"b": 1, "a": 2})
    assert name == request_name("/chat/completions", {"a": 2, "b": 1})
    others = {request_name("/x", {"a": 2, "b": 1}), request_name("/chat/completions", {"a": 2, "b": 1}, 2)}
    assert name not in others
    assert len(name) == 64

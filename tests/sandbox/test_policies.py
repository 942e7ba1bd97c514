"""The sandbox's models through the real prompts: deterministic, trading, and wrong now and then."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.llm.budget import UnlimitedBudget
from arena_pipeline.llm.client import ModelClient, ModelRequest
from arena_pipeline.llm.prompts import DecisionContext, PositionView, decision_prompt, synthesis_prompt
from arena_pipeline.llm.schemas import DecisionReply
from arena_pipeline.news.articles import Article
from arena_pipeline.research.briefing import Briefing, BriefingSynthesis, compose_briefing
from arena_pipeline.research.facts import build_facts
from arena_pipeline.research.readings import Source
from arena_pipeline.research.technical import technical
from arena_pipeline.sandbox.policies import ANALYST, answer, models
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.trading.orders import Side

START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
CONTESTANTS = ("sandbox/news-follower", "sandbox/trend-follower", "sandbox/contrarian")
SYMBOLS = tuple(f"S{n:02}.DE" for n in range(24))


def ask(model: str, system: str, user: str, *more: dict[str, str]) -> tuple[int, dict[str, Any]]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}, *more]
    return answer({"model": model, "messages": messages, "stream": False})


def text_of(reply: dict[str, Any]) -> str:
    return str(reply["choices"][0]["message"]["content"])


def indicators(rng: random.Random, history: list[float]) -> dict[str, float | None]:
    close, mean20, mean50 = history[-1], sum(history[-20:]) / 20, sum(history[-50:]) / 50
    low, high = min(history[-14:]), max(history[-14:])
    return {
        "close": close, "change_1d": close / history[-2] - 1, "change_5d": close / history[-6] - 1,
        "rsi_14": 100 * (close - low) / (high - low), "macd_histogram": mean20 - mean50,
        "bollinger_lower": mean20 * 0.96, "bollinger_upper": mean20 * 1.04, "sma_20": mean20,
        "sma_50": mean50,
        "stochastic_k": 100 * (close - low) / (high - low), "adx_14": rng.uniform(10, 40),
        "plus_di": rng.uniform(5, 40), "minus_di": rng.uniform(5, 40), "atr_14": close * 0.02,
    }  # fmt: skip


def briefing(rng: random.Random, symbol: str, at: datetime, history: list[float]) -> Briefing:
    articles = [
        Article(
            f"article:{symbol}{at}{n}", "t", "", "", "wire", "en", None, at - timedelta(hours=1 + n),
            (symbol,), rng.uniform(-0.9, 0.9), 1, "raw",
        )
        for n in range(rng.choice([0, 1, 2, 4]))
    ]  # fmt: skip
    facts = build_facts(
        symbol=symbol, name=symbol, session=at.isoformat(), at=at,
        technical=technical(indicators(rng, history)), evidence={Source.INDICATORS: "i"},
        articles=articles, figures={},
    )  # fmt: skip
    prompt = synthesis_prompt(facts)
    status, reply = ask(ANALYST, prompt.system, prompt.user)
    assert status == 200
    return compose_briefing(
        facts, BriefingSynthesis.model_validate_json(text_of(reply)), author_model=ANALYST
    )


class Book:
    """The least a contestant needs: cash and holdings at last prices."""

    def __init__(self) -> None:
        self.cash = Decimal(100_000)
        self.held: dict[str, int] = {}
        self.orders = 0
        self.kinds: set[tuple[str, bool, bool]] = set()

    def context(self, session: str, briefings: list[Briefing], prices: dict[str, Decimal]) -> DecisionContext:
        positions = tuple(PositionView(s, q, q * prices[s], prices[s]) for s, q in self.held.items())
        nav = self.cash + sum(q * prices[s] for s, q in self.held.items())
        return DecisionContext(
            session, "pre_market", "EUR", self.cash, nav, Decimal("5.00"), positions, tuple(briefings), prices
        )

    def apply(self, decision: DecisionReply, prices: dict[str, Decimal]) -> None:
        nav = self.cash + sum(quantity * prices[s] for s, quantity in self.held.items())
        for order in decision.orders:
            self.orders += 1
            price = prices[order.symbol]
            quantity = order.quantity or int((order.amount or (order.weight or 0) * nav) / price)
            if order.side is Side.BUY:
                self.cash -= quantity * price + 5
                self.held[order.symbol] = self.held.get(order.symbol, 0) + quantity
                self.kinds.add((order.type.value, order.stop_loss is not None, order.amount is not None))
            else:
                assert quantity == self.held[order.symbol]
                self.cash += quantity * price - 5
                del self.held[order.symbol]
        assert self.cash >= 0


def test_each_contestant_makes_a_dozen_orders_or_more_in_sixty_sessions_and_never_overdraws() -> None:
    rng = random.Random(5)
    prices = {s: [100.0] for s in SYMBOLS}
    books = {model: Book() for model in CONTESTANTS}
    briefed = usable = 0
    for day in range(90):
        for history in prices.values():
            history.append(history[-1] * (1 + rng.gauss(0.0, 0.018)))
        if day < 60:
            continue
        for hour in (0, 6):
            at = START + timedelta(days=day, hours=hour)
            trending = set(rng.sample(SYMBOLS, 10))
            wanted = trending.union(*(book.held for book in books.values()))
            found = {s: briefing(rng, s, at, prices[s]) for s in sorted(wanted)}
            briefed += len(found)
            usable += sum(b.ok for b in found.values())
            last = {s: Decimal(str(round(h[-1], 4))) for s, h in prices.items()}
            for model, book in books.items():
                seen = [b for s, b in found.items() if s in trending or s in book.held]
                prompt = decision_prompt(book.context(at.isoformat(), seen, last))
                status, reply = ask(model, prompt.system, prompt.user)
                assert status == 200
                try:
                    decision = DecisionReply.model_validate_json(text_of(reply))
                except ValidationError:
                    continue
                book.apply(decision, last)
    assert {model: book.orders >= 12 for model, book in books.items()} == dict.fromkeys(CONTESTANTS, True)
    assert all(book.orders < 200 for book in books.values())
    assert [books[model].kinds for model in CONTESTANTS] == [
        {("market", False, False)},
        {("market", True, False)},
        {("limit", False, True)},
    ]
    assert 0.005 < 1 - usable / briefed < 0.05


def decision_request(model: str, session: str) -> tuple[int, dict[str, Any]]:
    prompt = decision_prompt(Book().context(session, [], {}))
    return ask(model, prompt.system, prompt.user)


def test_the_same_request_gets_the_same_reply() -> None:
    assert decision_request(CONTESTANTS[0], "a") == decision_request(CONTESTANTS[0], "a")
    ids = {decision_request(CONTESTANTS[0], session)[1]["id"] for session in "abc"}
    assert len(ids) == 3
    assert all(name.startswith("gen-") for name in ids)


def test_one_decision_in_a_hundred_is_broken_when_first_asked_and_whole_when_asked_again() -> None:
    broken = []
    for n in range(600):
        _, reply = decision_request(CONTESTANTS[1], f"session {n}")
        try:
            DecisionReply.model_validate_json(text_of(reply))
        except ValidationError:
            broken.append(n)
    assert 1 <= len(broken) <= 20
    prompt = decision_prompt(Book().context(f"session {broken[0]}", [], {}))
    again = ({"role": "assistant", "content": "{"}, {"role": "user", "content": "Not valid JSON."})
    _, reply = ask(CONTESTANTS[1], prompt.system, prompt.user, *again)
    assert DecisionReply.model_validate_json(text_of(reply)).orders == []


def test_a_reply_has_the_shape_tokens_and_cost_of_openrouter() -> None:
    status, reply = decision_request(CONTESTANTS[0], "a")
    assert status == 200
    assert reply["model"] == CONTESTANTS[0]
    assert reply["provider"] == "sandbox"
    assert reply["choices"][0]["finish_reason"] == "stop"
    usage = reply["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["cost"] < 0.01


def test_the_model_client_asks_again_after_broken_json(httpserver: HTTPServer) -> None:
    def reply(request: Request) -> Response:
        status, body = answer(request.get_json())
        return Response(json.dumps(body), status, content_type="application/json")

    httpserver.expect_request("/v1/chat/completions", method="POST").respond_with_handler(reply)
    prompts = [decision_prompt(Book().context(f"session {n}", [], {})) for n in range(300)]
    requests = [
        ModelRequest(CONTESTANTS[2], "decision", prompt.system, prompt.user, DecisionReply, "sandbox")
        for prompt in prompts
    ]
    with ModelClient(
        base_url=httpserver.url_for("/v1"),
        api_key=None,
        recorder=MemoryRecorder(),
        clock=lambda: START,
        budget=UnlimitedBudget(),
    ) as client:
        outcomes = client.ask_all(requests)
    assert [outcome.failure for outcome in outcomes] == [None] * len(outcomes)
    assert 1 <= sum(len(outcome.exchanges) == 2 for outcome in outcomes) <= 12
    assert all(exchange.cost_usd for outcome in outcomes for exchange in outcome.exchanges)


def test_an_unknown_model_is_not_found() -> None:
    status, reply = answer({"model": "openai/gpt-5", "messages": []})
    assert status == 404
    assert reply["error"]["code"] == 404


@pytest.mark.parametrize(
    "messages",
    [None, [], "x", [7], [{"role": "user", "content": "no document"}], [{"role": "user", "content": "{}"}],
     [{"role": "user", "content": "{broken"}], [{"role": "user", "content": '{"facts": []}'}]],
)  # fmt: skip
@pytest.mark.parametrize("model", [ANALYST, *CONTESTANTS])
def test_a_request_without_a_document_is_an_error_and_never_raises(model: str, messages: Any) -> None:
    status, reply = answer({"model": model, "messages": messages})
    assert status == 400
    assert reply["error"]["message"]


def test_content_in_parts_is_read() -> None:
    prompt = decision_prompt(Book().context("a", [], {}))
    parts = [{"type": "text", "text": prompt.user}]
    status, _ = answer({"model": CONTESTANTS[0], "messages": [{"role": "user", "content": parts}]})
    assert status == 200


def test_every_model_is_listed() -> None:
    names = {model["id"] for model in models()["data"]}
    assert names == {ANALYST, *CONTESTANTS}
    assert json.dumps(models())

"""The model client against a loopback endpoint: good replies, bad replies, budgets, replays, secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from arena_pipeline.llm.client import ModelClient, ModelOutcome, ModelRequest
from arena_pipeline.llm.exchange import CostSource
from arena_pipeline.llm.schemas import DecisionReply
from arena_pipeline.sources.recorder import MemoryRecorder

GOOD = json.dumps({"orders": [], "confidence": 0.5, "reasoning": "Nothing to do.", "horizon_days": 5})
Make = Callable[..., ModelClient]


TOOL = {"id": "1", "type": "function", "function": {"name": "x", "arguments": "{}"}}


def error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def question(model: str = "openai/gpt-5", user: str = "Decide.") -> ModelRequest[DecisionReply]:
    return ModelRequest(model, "decision", "You trade.", user, DecisionReply, spender="gpt-5")


def ask(client: ModelClient, user: str = "Decide.") -> ModelOutcome[DecisionReply]:
    return client.ask_all([question(user=user)])[0]


@pytest.fixture(params=["/v1", "/api/v1"], ids=["openai-compatible", "openrouter"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_good_reply_is_an_answer_with_its_evidence(endpoint: Any, make_client: Make, path: str) -> None:
    endpoint.completes(GOOD)
    outcome = ask(make_client(endpoint.url + path))
    assert outcome.failure is None
    assert outcome.answer == DecisionReply.model_validate_json(GOOD)
    (exchange,) = outcome.exchanges
    assert exchange.id.startswith("llm:")
    assert exchange.model_asked == "openai/gpt-5"
    assert exchange.model_served == "anthropic/claude-4.5-sonnet-20250929"
    assert exchange.provider == "Amazon Bedrock"
    assert exchange.generation_id == "gen-1779496002-abc"
    assert (exchange.prompt_tokens, exchange.completion_tokens) == (100, 20)
    assert exchange.cost_usd == Decimal("0.0021")
    assert exchange.cost_source is CostSource.REPLY
    assert exchange.status == 200
    assert endpoint.requests[0][0] == f"{path}/chat/completions"


def test_the_schema_is_sent_strict_and_no_fallback_models_are(
    endpoint: Any, make_client: Make, path: str
) -> None:
    endpoint.completes(GOOD)
    ask(make_client(endpoint.url + path))
    sent = json.loads(endpoint.requests[0][2])
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["max_tokens"] == 8000
    assert "models" not in sent
    assert sent.get("provider", {}).get("require_parameters", path != "/api/v1") is True


def test_a_reply_in_one_markdown_fence_is_an_answer(endpoint: Any, make_client: Make, path: str) -> None:
    endpoint.completes(f"```json\n{GOOD}\n```")
    outcome = ask(make_client(endpoint.url + path))
    assert outcome.failure is None
    assert len(outcome.exchanges) == 1


BAD_TEXTS = {
    "prose": "I cannot provide financial advice.",
    "json inside prose": f"Sure! {GOOD} Hope this helps.",
    "a quoted block before the answer": f"The article says ```json {GOOD} ``` my answer ```json {GOOD} ```",
    "an unknown key": GOOD.replace('"orders"', '"note": "x", "orders"'),
    "a duplicate key": GOOD.replace('"horizon_days"', '"confidence": 0.9, "horizon_days"'),
    "NaN": GOOD.replace("0.5", "NaN"),
    "infinity": GOOD.replace("0.5", "1e400"),
    "true as a number": GOOD.replace("0.5", "true"),
    "a string as a number": GOOD.replace("0.5", '"0.5"'),
    "a percentage": GOOD.replace("0.5", "50"),
    "a list": f"[{GOOD}]",
    "cut json": GOOD[:40],
    "a lone surrogate": GOOD.replace("Nothing", "\\ud800"),
    "control characters": GOOD.replace("Nothing", "\\u0000\\u001b[31m"),
    "empty": "",
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_an_invalid_reply_is_asked_again_and_the_valid_one_taken(
    endpoint: Any, make_client: Make, text: str
) -> None:
    endpoint.completes(text).completes(GOOD)
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.failure is None
    assert outcome.answer is not None
    assert len(outcome.exchanges) == len(endpoint.requests) == 2
    assert len({exchange.id for exchange in outcome.exchanges}) == 2


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_a_model_that_stays_invalid_gives_no_answer_after_three_attempts(
    endpoint: Any, make_client: Make, text: str
) -> None:
    endpoint.completes(text)
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.answer is None
    assert outcome.failure is not None
    assert outcome.failure.startswith("invalid reply" if text else "empty reply")
    assert len(endpoint.requests) == 3


def test_the_failure_names_the_place_and_not_the_text(endpoint: Any, make_client: Make) -> None:
    order = {
        "symbol": "SAP.DE",
        "side": "hold-secretly",
        "quantity": 1,
        "confidence": 1,
        "reason": "",
        "cites": [],
    }
    endpoint.completes(json.dumps({**json.loads(GOOD), "orders": [order]}))
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.failure == "invalid reply: orders.0.side: Input should be 'buy' or 'sell'"


REPLIES: dict[str, tuple[Callable[[Any], Any], str, int]] = {
    "error in a 200": (lambda e: e.reply(error(502, "Provider returned error")), "error in the reply", 3),
    "no money in a 200": (lambda e: e.reply(error(402, "insufficient credits")), "budget", 1),
    "finish_reason length": (lambda e: e.completes(GOOD, finish="length"), "cut off", 1),
    "finish_reason error": (lambda e: e.completes("", finish="error"), "error while", 3),
    "finish_reason content_filter": (lambda e: e.completes("", finish="content_filter"), "refused", 1),
    "a refusal": (lambda e: e.completes(None, message={"refusal": "I cannot."}), "refused", 1),
    "401": (lambda e: e.reply(error(401, "Missing header"), 401), "status 401: Missing header", 1),
    "402": (lambda e: e.reply(error(402, "Insufficient credits."), 402), "budget", 1),
    "404": (lambda e: e.reply(error(404, "Resource not found"), 404), "status 404", 1),
    "429": (lambda e: e.reply(error(429, "Rate limit exceeded"), 429), "rate limited", 3),
    "502": (lambda e: e.reply(error(502, "Provider returned error"), 502), "status 502", 3),
    "502 html": (lambda e: e.reply(b"<html><h1>Bad gateway</h1></html>", 502), "status 502", 3),
    "a redirect": (lambda e: e.reply(b"", 302, location="http://169.254.169.254/"), "status 302", 1),
    "no choices": (lambda e: e.reply({"choices": []}), "no message", 1),
    "null": (lambda e: e.reply(b"null"), "no message", 1),
    "not json": (lambda e: e.reply(b"<html>hello</html>"), "no message", 1),
    "choices of strings": (lambda e: e.reply({"choices": ["x"]}), "no message", 1),
    "content is a number": (lambda e: e.completes(7), "no text", 1),
    "null content": (lambda e: e.completes(None), "empty reply", 3),
    "tool calls": (
        lambda e: e.completes(None, finish="tool_calls", message={"tool_calls": [TOOL]}),
        "empty",
        3,
    ),
    "no id": (lambda e: e.completes(GOOD, changes={"id": None}), "invalid reply", 1),
}


@pytest.mark.parametrize(("queue", "failure", "requests"), REPLIES.values(), ids=REPLIES.keys())
def test_misbehaviour_is_a_failure_and_never_raises(
    endpoint: Any, make_client: Make, queue: Callable[[Any], Any], failure: str, requests: int
) -> None:
    queue(endpoint)
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.answer is None
    assert outcome.failure is not None
    assert outcome.failure.startswith(failure)
    assert len(outcome.exchanges) == len(endpoint.requests) == requests


def test_a_reply_without_usage_is_an_answer_of_unknown_cost(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD, changes={"usage": None})
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.failure is None
    assert outcome.exchanges[0].cost_usd is None
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN


def test_a_passing_failure_is_tried_again_after_the_pause_asked_for(endpoint: Any, make_client: Make) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    endpoint.reply({"error": {"code": 429}}, 429, retry_after="7").reply({"error": {"code": 503}}, 503)
    endpoint.completes(GOOD)
    outcome = ask(make_client(f"{endpoint.url}/v1", pause=pause))
    assert outcome.failure is None
    assert [exchange.status for exchange in outcome.exchanges] == [429, 503, 200]
    assert pauses == [7.0, 2.0]


def test_a_slow_endpoint_times_out(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD, delay=1.0)
    outcome = ask(make_client(f"{endpoint.url}/v1", timeout=0.2, max_attempts=1))
    assert outcome.failure == "no reply: timed out"
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN


def test_an_endpoint_that_is_down_is_a_failure(closed_port: int, make_client: Make) -> None:
    outcome = ask(make_client(f"http://127.0.0.1:{closed_port}/v1"))
    assert outcome.failure == "no reply: connection failed (ConnectError)"
    assert len(outcome.exchanges) == 3


def test_an_endless_reply_is_cut(endpoint: Any, make_client: Make) -> None:
    endpoint.reply(b" " * 5_000_000)
    outcome = ask(make_client(f"{endpoint.url}/v1", max_attempts=1))
    assert outcome.failure is not None
    assert "larger than" in outcome.failure


RECORDED_CHATS = ("chat_200_small", "chat_200_full_usage", "chat_200_reasoning")


@pytest.mark.parametrize("name", RECORDED_CHATS)
def test_recorded_replies_are_read_with_their_cost(
    endpoint: Any, make_client: Make, recorded_data: Path, name: str
) -> None:
    sample = json.loads((recorded_data / f"api_samples/openrouter_recorded/{name}.json").read_text())
    endpoint.reply(sample["body"])
    outcome = ask(make_client(f"{endpoint.url}/api/v1", max_attempts=1))
    (exchange,) = outcome.exchanges
    assert exchange.status == 200
    assert exchange.generation_id == sample["body"]["id"]
    assert exchange.cost_usd == Decimal(str(sample["body"]["usage"]["cost"]))
    assert outcome.failure is not None


def test_a_recorded_429_is_rate_limited_and_its_user_id_is_not_kept(
    endpoint: Any, make_client: Make, recorded_data: Path
) -> None:
    sample = json.loads(
        (recorded_data / "api_samples/openrouter_recorded/error_429_upstream.json").read_text()
    )
    endpoint.reply(sample["body"], 429)
    recorder = MemoryRecorder()
    outcome = ask(make_client(f"{endpoint.url}/api/v1", recorder=recorder))
    assert outcome.failure == "rate limited"
    assert all(b"user_2wT5" not in answer.body for answer in recorder.answers.values())


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 524, 529])
def test_every_documented_error_of_openrouter_is_a_failure(
    endpoint: Any, make_client: Make, recorded_data: Path, status: int
) -> None:
    file = recorded_data / f"api_samples/openrouter/chat_completions.{status}.json"
    endpoint.reply(json.loads(file.read_text()), status)
    assert ask(make_client(f"{endpoint.url}/api/v1")).failure


def test_recorded_replies_of_llama_cpp_are_read(
    endpoint: Any, make_client: Make, recorded_data: Path
) -> None:
    folder = recorded_data / "api_samples/openai_compatible"
    cut = json.loads((folder / "llamacpp_chat_truncated_length.200.json").read_text())["body"]
    endpoint.reply(cut)
    outcome = ask(make_client(f"{endpoint.url}/v1", api_key=None))
    assert outcome.failure == "cut off at the token limit"
    assert outcome.exchanges[0].cost_usd is None
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN
    context = json.loads((folder / "llamacpp_context_exceeded.400.json").read_text())["body"]
    endpoint.replies[:] = [(400, context, {}, 0.0)]
    failure = ask(make_client(f"{endpoint.url}/v1")).failure
    assert failure is not None
    assert failure.startswith("status 400: request (2031 tokens) exceeds")


def test_many_questions_are_answered_in_order_and_quickly(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD)
    client = make_client(f"{endpoint.url}/v1")
    ask(client)
    started = time.perf_counter()
    outcomes = client.ask_all([question(user=f"Decide {n}. " + "x" * 6000) for n in range(200)])
    seconds = time.perf_counter() - started
    assert all(outcome.failure is None for outcome in outcomes)
    assert len({outcome.exchanges[0].id for outcome in outcomes}) == 200
    assert seconds < 20

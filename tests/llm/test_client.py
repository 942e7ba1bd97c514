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
from arena_pipeline.llm.failure import FailureKind, ModelFailure
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
    assert outcome.failure.kind is (FailureKind.MALFORMED if text else FailureKind.EMPTY)
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
    assert str(outcome.failure) == "malformed: orders.0.side: Input should be 'buy' or 'sell'"


REPLIES: dict[str, tuple[Callable[[Any], Any], str, int]] = {
    "error in a 200": (
        lambda e: e.reply(error(502, "Provider returned error")),
        "overloaded: error in the reply, status 502",
        3,
    ),
    "an error without a code in a 200": (lambda e: e.reply({"error": "no"}), "error_in_body", 1),
    "an error by its type in a 200": (
        lambda e: e.reply({"error": {"code": "x", "metadata": {"error_type": "provider_overloaded"}}}),
        "overloaded: error in the reply",
        3,
    ),
    "no money in a 200": (lambda e: e.reply(error(402, "insufficient credits")), "quota", 1),
    "finish_reason length": (lambda e: e.completes(GOOD, finish="length"), "truncated: cut off", 1),
    "finish_reason error": (lambda e: e.completes("", finish="error"), "interrupted", 3),
    "finish_reason content_filter": (lambda e: e.completes("", finish="content_filter"), "filtered", 1),
    "a refusal": (lambda e: e.completes(None, message={"refusal": "I cannot."}), "refused", 1),
    "401": (
        lambda e: e.reply(error(401, "Missing header"), 401),
        "unauthorised: status 401: Missing header",
        1,
    ),
    "402": (lambda e: e.reply(error(402, "Insufficient credits."), 402), "quota", 1),
    "404": (lambda e: e.reply(error(404, "Resource not found"), 404), "unknown_model: status 404", 1),
    "429": (lambda e: e.reply(error(429, "Rate limit exceeded"), 429), "rate_limited", 3),
    "502": (lambda e: e.reply(error(502, "Provider returned error"), 502), "overloaded: status 502", 3),
    "502 html": (lambda e: e.reply(b"<html><h1>Bad gateway</h1></html>", 502), "overloaded: status 502", 3),
    "a redirect": (
        lambda e: e.reply(b"", 302, location="http://169.254.169.254/"),
        "rejected: status 302",
        1,
    ),
    "no choices": (lambda e: e.reply({"choices": []}), "malformed: no message", 1),
    "null": (lambda e: e.reply(b"null"), "malformed: no message", 1),
    "not json": (lambda e: e.reply(b"<html>hello</html>"), "malformed: no message", 1),
    "choices of strings": (lambda e: e.reply({"choices": ["x"]}), "malformed: no message", 1),
    "content is a number": (lambda e: e.completes(7), "malformed: no text", 1),
    "null content": (lambda e: e.completes(None), "empty", 3),
    "tool calls": (
        lambda e: e.completes(None, finish="tool_calls", message={"tool_calls": [TOOL]}),
        "empty",
        3,
    ),
    "no id": (lambda e: e.completes(GOOD, changes={"id": None}), "malformed", 1),
}


@pytest.mark.parametrize(("queue", "failure", "requests"), REPLIES.values(), ids=REPLIES.keys())
def test_misbehaviour_is_a_failure_and_never_raises(
    endpoint: Any, make_client: Make, queue: Callable[[Any], Any], failure: str, requests: int
) -> None:
    queue(endpoint)
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.answer is None
    assert outcome.failure is not None
    assert str(outcome.failure).startswith(failure)
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


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        ("Mon, 02 Mar 2026 07:30:12 GMT", 12.0),
        ("Mon, 02 Mar 2026 07:00:00 GMT", 0.0),
        ("soon", 1.0),
        ("-5", 1.0),
    ],
)
def test_the_pause_asked_for_is_a_number_or_a_date_and_has_a_bound(
    endpoint: Any, make_client: Make, asked: str, seconds: float
) -> None:
    pauses: list[float] = []

    async def pause(wait: float) -> None:
        pauses.append(wait)

    endpoint.reply({"error": {"code": 429}}, 429, retry_after=asked).completes(GOOD)
    assert ask(make_client(f"{endpoint.url}/v1", pause=pause)).failure is None
    assert pauses == [seconds]


@pytest.mark.parametrize("asked", ["31", "86400", "Tue, 03 Mar 2026 07:30:00 GMT"])
def test_an_endpoint_that_asks_for_a_longer_pause_is_not_asked_again(
    endpoint: Any, make_client: Make, asked: str
) -> None:
    endpoint.reply({"error": {"code": 429}}, 429, retry_after=asked).completes(GOOD)
    outcome = ask(make_client(f"{endpoint.url}/v1"))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.RATE_LIMITED
    assert len(outcome.exchanges) == 1


def test_a_slow_endpoint_times_out(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD, delay=1.0)
    outcome = ask(make_client(f"{endpoint.url}/v1", timeout=0.2, max_attempts=1))
    assert outcome.failure == ModelFailure(FailureKind.TIMEOUT, "timed out")
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN


def test_an_endpoint_that_is_down_is_a_failure(closed_port: int, make_client: Make) -> None:
    outcome = ask(make_client(f"http://127.0.0.1:{closed_port}/v1"))
    assert str(outcome.failure) == "unreachable: connection failed (ConnectError)"
    assert len(outcome.exchanges) == 3


def test_an_endless_reply_is_cut(endpoint: Any, make_client: Make) -> None:
    endpoint.reply(b" " * 5_000_000)
    outcome = ask(make_client(f"{endpoint.url}/v1", max_attempts=1))
    assert outcome.failure is not None
    assert "larger than" in outcome.failure.detail


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
    assert str(outcome.failure) == "rate_limited: status 429: Provider returned error"
    assert all(b"user_2wT5" not in answer.body for answer in recorder.answers.values())


DOCUMENTED = {
    400: FailureKind.REJECTED,
    401: FailureKind.UNAUTHORISED,
    402: FailureKind.QUOTA,
    403: FailureKind.UNAUTHORISED,
    404: FailureKind.UNKNOWN_MODEL,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LONG,
    422: FailureKind.REJECTED,
    429: FailureKind.RATE_LIMITED,
    500: FailureKind.SERVER_ERROR,
    502: FailureKind.OVERLOADED,
    503: FailureKind.OVERLOADED,
    524: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}


@pytest.mark.parametrize("where", ["in the status", "in a 200"])
@pytest.mark.parametrize(("status", "kind"), DOCUMENTED.items())
def test_every_documented_error_of_openrouter_has_its_kind(
    endpoint: Any, make_client: Make, recorded_data: Path, status: int, kind: FailureKind, where: str
) -> None:
    sample = json.loads(
        (recorded_data / f"api_samples/openrouter/chat_completions.{status}.json").read_text()
    )
    body = sample if "error" in sample else sample["insufficient-permissions"]["value"]
    endpoint.reply(body, status if where == "in the status" else 200)
    outcome = ask(make_client(f"{endpoint.url}/api/v1"))
    assert outcome.failure is not None
    assert outcome.failure.kind is kind
    assert len(endpoint.requests) == (3 if outcome.failure.retryable else 1)


def test_a_guardrail_that_stops_the_request_is_a_filter(
    endpoint: Any, make_client: Make, recorded_data: Path
) -> None:
    sample = json.loads((recorded_data / "api_samples/openrouter/chat_completions.403.json").read_text())
    endpoint.reply(sample["guardrail-blocked"]["value"], 403)
    outcome = ask(make_client(f"{endpoint.url}/api/v1"))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.FILTERED


def test_a_stream_that_nobody_asked_for_is_no_answer(
    endpoint: Any, make_client: Make, recorded_data: Path
) -> None:
    sample = json.loads((recorded_data / "api_samples/openrouter_recorded/stream_error.json").read_text())
    endpoint.reply(json.dumps(sample["body"]).encode(), content_type="text/event-stream")
    outcome = ask(make_client(f"{endpoint.url}/api/v1"))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.MALFORMED


LLAMA_CPP = {
    "llamacpp_bad_json.400": FailureKind.REJECTED,
    "llamacpp_context_exceeded.400": FailureKind.TOO_LONG,
    "llamacpp_notfound.404": FailureKind.UNKNOWN_MODEL,
}


@pytest.mark.parametrize(("name", "kind"), LLAMA_CPP.items())
def test_every_recorded_error_of_llama_cpp_has_its_kind(
    endpoint: Any, make_client: Make, recorded_data: Path, name: str, kind: FailureKind
) -> None:
    sample = json.loads((recorded_data / f"api_samples/openai_compatible/{name}.json").read_text())
    endpoint.reply(sample["body"], sample["status"])
    outcome = ask(make_client(f"{endpoint.url}/v1", api_key=None))
    assert outcome.failure is not None
    assert outcome.failure.kind is kind
    assert len(endpoint.requests) == 1


def test_recorded_replies_of_llama_cpp_are_read(
    endpoint: Any, make_client: Make, recorded_data: Path
) -> None:
    folder = recorded_data / "api_samples/openai_compatible"
    cut = json.loads((folder / "llamacpp_chat_truncated_length.200.json").read_text())["body"]
    endpoint.reply(cut)
    outcome = ask(make_client(f"{endpoint.url}/v1", api_key=None))
    assert str(outcome.failure) == "truncated: cut off at the token limit"
    assert outcome.exchanges[0].cost_usd is None
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN
    context = json.loads((folder / "llamacpp_context_exceeded.400.json").read_text())["body"]
    endpoint.replies[:] = [(400, context, {}, 0.0)]
    failure = ask(make_client(f"{endpoint.url}/v1")).failure
    assert failure is not None
    assert str(failure).startswith("too_long: status 400: request (2031 tokens) exceeds")


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


def test_each_reply_that_was_refused_is_named_with_the_reason_and_none_of_its_words(
    endpoint: Any, make_client: Make, path: str
) -> None:
    endpoint.completes("SECRETWORDS").completes(GOOD.replace("0.5", "1.5")).completes(GOOD)
    outcome = ask(make_client(endpoint.url + path))
    assert outcome.failure is None
    first, second, _ = (exchange.id for exchange in outcome.exchanges)
    assert outcome.refused.keys() == {first, second}
    assert outcome.refused[first].startswith("malformed: not exactly one JSON object")
    assert outcome.refused[second] == "malformed: confidence: Input should be less than or equal to 1"
    assert "SECRETWORDS" not in repr(outcome.refused)


def test_every_reply_of_an_abstention_is_refused(endpoint: Any, make_client: Make, path: str) -> None:
    endpoint.completes("no").completes("").reply(error(402, "pay"), 402)
    outcome = ask(make_client(endpoint.url + path))
    kinds = [outcome.refused[exchange.id].partition(":")[0] for exchange in outcome.exchanges]
    assert kinds == ["malformed", "empty", "quota"]
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.QUOTA


def test_a_reply_is_bounded_by_the_endpoint_and_what_came_of_it_is_told(
    endpoint: Any, make_client: Make
) -> None:
    told: list[str] = []
    endpoint.completes("no").completes(GOOD)
    ask(make_client(endpoint.url + "/v1", max_tokens=1200, tell=told.append))
    assert {json.loads(body)["max_tokens"] for _, _, body in endpoint.requests} == {1200}
    assert told == ["decision by openai/gpt-5: answered, after 1 that were refused"]

"""One request to a model endpoint and its reply, read for what evidence and the books need.

Shapes: https://openrouter.ai/docs/api-reference/overview and the chat completions of OpenAI that llama.cpp,
Ollama and vLLM follow. Nothing in a reply is trusted to have its documented type.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from arena_pipeline.llm.budget import table_cost
from arena_pipeline.llm.failure import FailureKind, ModelFailure, error_kind, no_reply
from arena_pipeline.sources.recorder import Recorded

_MAX_NAME = 200


class CostSource(enum.StrEnum):
    """Where a cost comes from. An unknown cost is None, never 0."""

    REPLY = "reply"
    PRICE_TABLE = "price_table"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply. `id` is `llm:<sha256 of the request's path and body>`, `status` 0 without
    a reply, `at` when the reply came (UTC). `failure` says why the reply is of no use, None when it may be.
    """

    id: str
    model_asked: str
    model_served: str | None
    provider: str | None
    generation_id: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: Decimal | None
    cost_source: CostSource
    status: int
    sent_sha: str
    reply_sha: str
    at: datetime
    finish_reason: str | None
    failure: ModelFailure | None


def request_name(path: str, body: Mapping[str, Any], attempt: int = 1) -> str:
    """The sha256 that names a request: its path below the base url and its body, without host or header.
    Sending the same again after a failure is another request, so that each keeps its own reply.
    """
    question: dict[str, Any] = {"path": path, "body": body}
    if attempt > 1:
        question["attempt"] = attempt
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return "".join(c for c in value if c.isprintable())[:_MAX_NAME] or None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _dollars(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**6 else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def reply_json(body: bytes) -> dict[str, Any]:
    """A reply's JSON object with exact decimals; empty when it is none."""
    try:
        return _mapping(json.loads(body, parse_float=Decimal))
    except (ValueError, RecursionError):
        return {}


def _choice(reply: dict[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def reply_text(body: bytes) -> str:
    """The text of the first choice, empty when there is none."""
    content = _mapping(_choice(reply_json(body)).get("message")).get("content")
    return content if isinstance(content, str) else ""


def is_paid_answer(answer: Recorded) -> bool:
    """Whether a recorded reply is an answer that was paid for, rather than an error that may have passed."""
    return answer.status == 200 and bool(_choice(reply_json(answer.body))) and _problem(answer) is None


def _error(status: int, error: dict[str, Any], where: str = "") -> ModelFailure:
    said = f"{where}status {status}" if status else where.rstrip(", ")
    message = _text(error.get("message"))
    return ModelFailure(
        error_kind(status, error) or FailureKind.ERROR_IN_BODY, f"{said}: {message}" if message else said
    )


def _problem(answer: Recorded) -> ModelFailure | None:
    """Why a reply is of no use; None when it may be of some."""
    if answer.failure is not None or answer.status == 0:
        return no_reply(answer.failure or "no status")
    reply = reply_json(answer.body)
    error = reply.get("error")
    if answer.status != 200:
        return _error(answer.status, _mapping(error))
    if error:
        code = _count(_mapping(error).get("code")) or 0
        return _error(code, _mapping(error), "error in the reply, ")
    choice = _choice(reply)
    message = choice.get("message")
    if not isinstance(message, dict):
        return ModelFailure(FailureKind.MALFORMED, "no message in the reply")
    if message.get("refusal"):
        return ModelFailure(FailureKind.REFUSED)
    finish = choice.get("finish_reason")
    if finish == "length":
        return ModelFailure(FailureKind.TRUNCATED, "cut off at the token limit")
    if finish == "content_filter":
        return ModelFailure(FailureKind.FILTERED)
    if finish == "error":
        return ModelFailure(FailureKind.INTERRUPTED, "error while the reply was written")
    if not isinstance(message.get("content"), str | None):
        return ModelFailure(FailureKind.MALFORMED, "no text in the reply")
    return None


def read_exchange(name: str, asked: str, sent: bytes, answer: Recorded, *, own_server: bool) -> Exchange:
    """What a reply says about itself; `asked` is the model asked for, `sent` the body that asked it.

    A missing cost comes from the price table, except for a server on this computer: its models may carry
    names that a table knows for another's prices.
    """
    reply = reply_json(answer.body)
    usage = _mapping(reply.get("usage"))
    served = _text(reply.get("model"))
    tokens_in, tokens_out = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    cost, source = _dollars(usage.get("cost")), CostSource.REPLY
    if cost is None and not own_server and tokens_in is not None and tokens_out is not None:
        cost, source = table_cost(served or asked, tokens_in, tokens_out), CostSource.PRICE_TABLE
        if cost is None:
            cost = table_cost(asked, tokens_in, tokens_out)
    return Exchange(
        id=f"llm:{name}",
        model_asked=asked,
        model_served=served,
        provider=_text(reply.get("provider")),
        generation_id=_text(reply.get("id")),
        prompt_tokens=tokens_in,
        completion_tokens=tokens_out,
        cost_usd=cost,
        cost_source=source if cost is not None else CostSource.UNKNOWN,
        status=answer.status,
        sent_sha=hashlib.sha256(sent).hexdigest(),
        reply_sha=answer.sha256,
        at=answer.fetched_at,
        finish_reason=_text(_choice(reply).get("finish_reason")),
        failure=_problem(answer),
    )

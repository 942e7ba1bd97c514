"""Why a model gave no usable answer: a closed list, with details in words.

The statuses and `error_type`s are OpenRouter's (https://openrouter.ai/docs/api-reference/errors); llama.cpp
names its own in `type`. What a server says in words is kept as detail and never decides anything.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena_pipeline.sources.recorder import Recorded


class FailureKind(enum.StrEnum):
    """What went wrong. The first two are about money: nobody was asked, or the endpoint asks to be paid."""

    BUDGET = "budget"
    """Our own cap would have been passed; nothing was sent."""
    QUOTA = "quota"
    """The endpoint's account has no credit left."""
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    """The provider behind the endpoint is busy or away."""
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    UNKNOWN_MODEL = "unknown_model"
    TOO_LONG = "too_long"
    """The request is larger than the endpoint or the model's context takes."""
    REJECTED = "rejected"
    """The endpoint will not take this request, and would not the next time."""
    REFUSED = "refused"
    """The model itself declined."""
    FILTERED = "filtered"
    """A filter on the way stopped the request or the reply."""
    TRUNCATED = "truncated"
    INTERRUPTED = "interrupted"
    """An error ended the reply while it was being written."""
    ERROR_IN_BODY = "error_in_body"
    """Status 200 around an error of no known kind."""
    EMPTY = "empty"
    MALFORMED = "malformed"
    """No answer of the form that was asked for."""


PASSING = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.SERVER_ERROR,
        FailureKind.TIMEOUT,
        FailureKind.UNREACHABLE,
        FailureKind.INTERRUPTED,
    }
)
"""After these the same request may be sent again."""


@dataclass(frozen=True, slots=True)
class ModelFailure:
    """A kind and its detail. As text the kind comes first: "malformed: orders.0.side: ..."."""

    kind: FailureKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else str(self.kind)

    @property
    def retryable(self) -> bool:
        return self.kind in PASSING


WANT_OF_MONEY = (FailureKind.BUDGET, FailureKind.QUOTA)


def is_want_of_money(text: str | None) -> bool:
    """Whether a stored failure was about money: the work it names was left undone, not done badly."""
    return text is not None and text.partition(":")[0] in WANT_OF_MONEY


TIMED_OUT = "timed out"
TOO_LARGE = "the reply is larger than"
"""What the transport says of a reply that did not come; kept with the recorded exchange."""

_BY_STATUS = {
    401: FailureKind.UNAUTHORISED,
    402: FailureKind.QUOTA,
    403: FailureKind.UNAUTHORISED,
    404: FailureKind.UNKNOWN_MODEL,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LONG,
    429: FailureKind.RATE_LIMITED,
    502: FailureKind.OVERLOADED,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    524: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}
_BY_TYPE = {
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "provider_overloaded": FailureKind.OVERLOADED,
    "provider_unavailable": FailureKind.OVERLOADED,
    "payment_required": FailureKind.QUOTA,
    "context_length_exceeded": FailureKind.TOO_LONG,
    "exceed_context_size_error": FailureKind.TOO_LONG,
    "refusal": FailureKind.REFUSED,
    "timeout": FailureKind.TIMEOUT,
    "server": FailureKind.SERVER_ERROR,
}


_UNSENT = "not sent: "


def unsent(why: str) -> str:
    """The failure of a request that the budget kept back, as the archive keeps it for a replay."""
    return _UNSENT + why


def not_sent(answer: Recorded) -> str | None:
    """Why the budget kept a recorded request back; None for one that was sent."""
    failure = answer.failure or ""
    return failure.removeprefix(_UNSENT) if failure.startswith(_UNSENT) else None


def no_reply(reason: str) -> ModelFailure:
    """The failure of a request that no reply came to."""
    kind = FailureKind.UNREACHABLE
    if reason == TIMED_OUT:
        kind = FailureKind.TIMEOUT
    elif reason.startswith(TOO_LARGE):
        kind = FailureKind.MALFORMED
    return ModelFailure(kind, reason)


def error_kind(status: int, error: Mapping[str, Any]) -> FailureKind | None:
    """The kind of an error by its `error_type`, else by its status or code; None for one of no known kind."""
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for name in (metadata.get("error_type"), error.get("type")):
        if isinstance(name, str) and name in _BY_TYPE:
            return _BY_TYPE[name]
    if status == 403 and metadata:  # a moderation's reasons or a guardrail's patterns
        return FailureKind.FILTERED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return FailureKind.SERVER_ERROR
    return FailureKind.REJECTED if status >= 300 else None

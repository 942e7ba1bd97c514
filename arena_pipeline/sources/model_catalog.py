"""What a model endpoint says of its models and of our key, without asking a model anything.

`GET /models` in OpenRouter's form (https://openrouter.ai/docs/api-reference/list-available-models); servers
that follow OpenAI name at least the ids. `GET /key` is OpenRouter's alone. Its answer holds a part of the key
and the account's id: it is read for its amounts and kept nowhere.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from arena_pipeline.errors import NotCovered, OutOfCredit, RateLimited, SourceError, VendorRefused
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder, Recorded

VENDOR = "models"
MAX_PAGES = 20
MAX_BYTES = 20_000_000
STRUCTURED = "structured_outputs"
ADD_CREDIT = "add credits to the account, or raise the key's limit, where the key was made"
_PER_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model of an endpoint's list. What the endpoint does not say is None; prices are US dollars per
    million tokens. `aliases` are other names it answers to."""

    id: str
    canonical_slug: str | None
    aliases: tuple[str, ...]
    context_length: int | None
    max_completion_tokens: int | None
    prompt_usd: Decimal | None
    completion_usd: Decimal | None
    expires: date | None
    structured: bool | None
    raw: str


@dataclass(frozen=True, slots=True)
class KeyAllowance:
    """What a key may still spend, in US dollars; None where the endpoint sets no limit or says nothing."""

    limit: Decimal | None
    remaining: Decimal | None
    used_today: Decimal | None
    expires_at: str | None


class CreditState(enum.StrEnum):
    """What a key's allowance comes to. LOW: less than the arena may spend in a day."""

    NO_LIMIT = "no limit"
    ENOUGH = "enough"
    LOW = "low"
    USED_UP = "used up"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


SPENT = frozenset({CreditState.USED_UP, CreditState.EXPIRED})
"""With these no model can be asked."""


@dataclass(frozen=True, slots=True)
class Credit:
    """The state, and what to say of it; no part of the key is in it."""

    state: CreditState
    said: str


def credit_of(allowance: KeyAllowance, *, wanted: Decimal, now: datetime) -> Credit:
    """What an allowance comes to for who wants to spend `wanted` US dollars a day."""
    expires = _day(allowance.expires_at)
    if expires is not None and expires < now.date():
        return Credit(CreditState.EXPIRED, f"the model key expired on {expires}")
    left, limit = allowance.remaining, allowance.limit
    if left is None and limit is None:
        return Credit(CreditState.NO_LIMIT, "the model key has no limit")
    if left is None:
        return Credit(CreditState.UNKNOWN, "what is left of the model key's limit is not said")
    told = f"the model key has {left:f} USD left" + ("" if limit is None else f" of {limit:f}")
    if left <= 0:
        return Credit(CreditState.USED_UP, told)
    if left < wanted:
        return Credit(CreditState.LOW, f"{told}, less than the daily budget of {wanted:f} USD")
    return Credit(CreditState.ENOUGH, told)


class ModelCatalog:
    """The lists of one endpoint. `base_url` ends with the version, as for the model client."""

    def __init__(self, http: Http, *, base_url: str, api_key: str | None) -> None:
        self._http, self._base_url, self._key = http, base_url.rstrip("/"), api_key or None

    def models(self) -> list[ListedModel]:
        """Every model on the endpoint's list.

        Raises NotCovered for an endpoint without such a list, VendorRefused, RateLimited, and SourceError
        when no answer came or none that can be read.
        """
        found: list[ListedModel] = []
        params: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            answer = self._get("models", params)
            document = _document(answer)
            entries = document.get("data")
            if not isinstance(entries, list):
                raise NotCovered("the endpoint's /models is no list of models")
            found += [listed for entry in entries if (listed := _listed(entry, answer.sha256))]
            params = _next_page(document)
            if not params:
                break
        return found

    def _get(self, path: str, params: dict[str, str]) -> Recorded:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else None
        answer = self._http.get(VENDOR, f"{self._base_url}/{path}", params=params, headers=headers)
        if answer.failure is not None:
            raise SourceError(f"the model endpoint gave no answer: {answer.failure}")
        if answer.status in (404, 405, 501):
            raise NotCovered(f"the model endpoint has no /{path}")
        if answer.status == 402:
            raise OutOfCredit(
                f"the model endpoint asks to be paid before it answers /{path}", remedy=ADD_CREDIT
            )
        if answer.status in (401, 403):
            raise VendorRefused(f"the model endpoint refused /{path} with status {answer.status}")
        if answer.status == 429:
            raise RateLimited("the model endpoint refused: too many requests", remedy="try again later")
        if answer.status != 200:
            raise SourceError(f"the model endpoint answered /{path} with status {answer.status}")
        return answer

    def key_allowance(self) -> KeyAllowance:
        """What the key may still spend. Raises as `models` does; NotCovered also when there is no key."""
        if self._key is None:
            raise NotCovered("no key is set")
        data = _document(self._get("key", {})).get("data")
        if not isinstance(data, dict):
            raise NotCovered("the endpoint's /key says nothing of a key")
        expires = data.get("expires_at")
        return KeyAllowance(
            limit=_amount(data.get("limit")),
            remaining=_amount(data.get("limit_remaining")),
            used_today=_amount(data.get("usage_daily")),
            expires_at=expires if isinstance(expires, str) and _day(expires) else None,
        )


def key_allowance(base_url: str, api_key: str | None, *, clock: Callable[[], datetime]) -> KeyAllowance:
    """What a key at an endpoint may still spend, asked now and kept nowhere. Raises a SourceError."""
    http = Http(MemoryRecorder(), clock=clock, timeout=10)
    return ModelCatalog(http, base_url=base_url, api_key=api_key).key_allowance()


def _document(answer: Recorded) -> dict[str, Any]:
    try:
        document = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise SourceError("the model endpoint's answer is no JSON") from None
    if not isinstance(document, dict):
        raise SourceError("the model endpoint's answer is no JSON object")
    return document


def _next_page(document: dict[str, Any]) -> dict[str, str]:
    """The parameters of the next page; its host and path are ours, whatever the link says."""
    links = document.get("links")
    following = links.get("next") if isinstance(links, dict) else None
    if not isinstance(following, str):
        return {}
    try:
        query = parse_qsl(urlsplit(following).query)
    except ValueError:
        return {}
    return {name: value for name, value in query if name in ("offset", "limit") and value.isdecimal()}


def _listed(entry: Any, raw: str) -> ListedModel | None:
    if not isinstance(entry, dict) or not (name := _name(entry.get("id"))):
        return None
    pricing, top = _mapping(entry.get("pricing")), _mapping(entry.get("top_provider"))
    meta = _mapping(entry.get("meta"))
    parameters = entry.get("supported_parameters")
    return ListedModel(
        id=name,
        canonical_slug=_name(entry.get("canonical_slug")),
        aliases=tuple(_names(entry.get("aliases"))),
        context_length=_count(entry.get("context_length")) or _count(meta.get("n_ctx_train")),
        max_completion_tokens=_count(top.get("max_completion_tokens")),
        prompt_usd=_per_million(pricing.get("prompt")),
        completion_usd=_per_million(pricing.get("completion")),
        expires=_day(entry.get("expiration_date")),
        structured=STRUCTURED in _names(parameters) if isinstance(parameters, list) else None,
        raw=raw,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable() else None


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (name for entry in value[:100] if (name := _name(entry)))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**12 else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < 10**9 else None


def _per_million(value: Any) -> Decimal | None:
    """A price per token, per million; a negative one stands for a price that varies."""
    amount = _amount(value)
    return None if amount is None or amount < 0 else (amount * _PER_MILLION).quantize(Decimal("0.000001"))


def _day(value: Any) -> date | None:
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None

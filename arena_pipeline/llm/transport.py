"""The wire between the model library and the endpoint: here every request is looked up, paid and archived.

It also is the one retry layer, and it lets through only replies that may be answers: whatever else came is
kept as an `Exchange` with its failure, and the request ends.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import httpx2

from arena_pipeline.errors import BudgetExhausted
from arena_pipeline.llm.budget import Budget, Reservations
from arena_pipeline.llm.exchange import Exchange, read_exchange, reply_json, reply_text, request_name
from arena_pipeline.llm.failure import TIMED_OUT, TOO_LARGE, not_sent, unsent
from arena_pipeline.sources.recorder import Recorded, Recorder
from arena_pipeline.sources.retry_after import retry_after

VENDOR = "llm"
MAX_REPLY_BYTES = 4_000_000
MAX_PAUSE = 30.0
_KEPT_HEADERS = ("content-type", "retry-after", "x-generation-id")
_REDACTED = b"[secret]"


class Stopped(httpx2.TransportError):
    """The request ended without a reply worth reading; the call's exchanges say why."""


@dataclass(slots=True)
class Call:
    """One question and all that was sent for it. `error` came from the archive or the budget and has to get
    out as it is, not as the connection failure that the libraries between would make of it.
    """

    spender: str
    max_tokens: int
    exchanges: list[Exchange] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """What may be answers, by the ids of their exchanges."""
    text: str = ""
    """The last of them."""
    error: Exception | None = None
    sent: Counter[bytes] = field(default_factory=Counter)


current_call: ContextVar[Call] = ContextVar("current_call")


def clean_reply(body: bytes, secret: str | None) -> bytes:
    """The reply without the account's `user_id`, which OpenRouter puts into errors, and without the key."""
    if b'"user_id"' in body:
        reply = reply_json(body)
        if reply.pop("user_id", None) is not None and "choices" not in reply:
            body = json.dumps(reply, default=str).encode()
    return body.replace(secret.encode(), _REDACTED) if secret else body


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an endpoint is spoken to. `timeout` is the whole time of one request, in seconds."""

    path_prefix: str
    own_server: bool
    api_key: str | None
    timeout: float
    max_attempts: int
    recorder: Recorder
    clock: Callable[[], datetime]
    budget: Budget
    pause: Callable[[float], Awaitable[None]]


class RecordingTransport(httpx2.AsyncBaseTransport):
    """Answers from the recorder where it can; else reserves the cost, sends, settles and archives."""

    def __init__(self, endpoint: Endpoint, wire: httpx2.AsyncClient) -> None:
        self._endpoint = endpoint
        self._wire = wire
        self._reservations = Reservations(own_server=endpoint.own_server)
        self._first: dict[str, asyncio.Lock] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        call = current_call.get()
        body = await request.aread()
        while len(call.exchanges) < self._endpoint.max_attempts:
            try:
                answer, recalled = await self._answer(call, request, body)
            except Exception as error:
                call.error = error
                raise Stopped("no reply was asked for", request=request) from error
            exchange = call.exchanges[-1]
            if exchange.failure is None:
                call.text = call.texts[exchange.id] = reply_text(answer.body)
                headers = {"content-type": "application/json"}
                return httpx2.Response(200, headers=headers, content=answer.body, request=request)
            if not exchange.failure.retryable:
                break
            if not recalled and len(call.exchanges) < self._endpoint.max_attempts:
                pause = _pause(answer, len(call.exchanges))
                if pause > MAX_PAUSE:
                    break
                await self._endpoint.pause(pause)
        raise Stopped("no usable reply", request=request)

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _answer(self, call: Call, request: httpx2.Request, body: bytes) -> tuple[Recorded, bool]:
        endpoint = self._endpoint
        call.sent[body] += 1
        path = request.url.path.removeprefix(endpoint.path_prefix)
        question = json.loads(body)
        name, model = request_name(path, question, call.sent[body]), str(question["model"])
        answer = endpoint.recorder.recall(VENDOR, name)
        if answer is None:
            answer, exchange = await self._in_turn(call, name, model, request, body)
            call.exchanges.append(exchange)
            return answer, False
        why = not_sent(answer)
        if why is not None:
            raise BudgetExhausted(why)
        call.exchanges.append(read_exchange(name, model, body, answer, own_server=endpoint.own_server))
        return answer, True

    async def _in_turn(
        self, call: Call, name: str, model: str, request: httpx2.Request, body: bytes
    ) -> tuple[Recorded, Exchange]:
        """Buy an answer; as long as nobody knows what the model's calls cost, one at a time."""
        if self._reservations.is_new(model):
            async with self._first.setdefault(model, asyncio.Lock()):
                if self._reservations.is_new(model):
                    return await self._buy(call, name, model, request, body)
        return await self._buy(call, name, model, request, body)

    async def _buy(
        self, call: Call, name: str, model: str, request: httpx2.Request, body: bytes
    ) -> tuple[Recorded, Exchange]:
        endpoint = self._endpoint
        reserved = self._reservations.most(model, len(body), call.max_tokens)
        try:
            endpoint.budget.reserve(call.spender, reserved)
        except BudgetExhausted as error:
            why = str(error.args[0])
            endpoint.recorder.record(
                VENDOR, name, Recorded(0, b"", endpoint.clock(), failure=unsent(why)), sent=body
            )
            raise
        actual: Decimal | None = None
        try:
            answer = await self._send(request)
            exchange = read_exchange(name, model, body, answer, own_server=endpoint.own_server)
            actual = self._reservations.settled_at(model, exchange.cost_usd)
            if exchange.status == 0:
                actual = None
            elif exchange.cost_usd is None and exchange.status >= 400:
                actual = Decimal(0)
        finally:
            endpoint.budget.settle(call.spender, reserved, actual)
        endpoint.recorder.record(VENDOR, name, answer, sent=body)
        return answer, exchange

    async def _send(self, request: httpx2.Request) -> Recorded:
        """The reply, cleaned; a reply that did not come is one with `failure`."""
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                response = await self._wire.send(request, stream=True)
                try:
                    content = bytearray()
                    async for chunk in response.aiter_bytes():
                        content += chunk
                        if len(content) > MAX_REPLY_BYTES:
                            return self._failed(f"{TOO_LARGE} {MAX_REPLY_BYTES} bytes")
                finally:
                    await response.aclose()
            headers = {key: response.headers[key] for key in _KEPT_HEADERS if key in response.headers}
            body = clean_reply(bytes(content), self._endpoint.api_key)
            return Recorded(response.status_code, body, self._endpoint.clock(), headers)
        except (TimeoutError, httpx2.TimeoutException):
            return self._failed(TIMED_OUT)
        except (httpx2.TransportError, httpx2.DecodingError, httpx2.StreamError) as error:
            return self._failed(f"connection failed ({type(error).__name__})")

    def _failed(self, reason: str) -> Recorded:
        return Recorded(0, b"", self._endpoint.clock(), failure=reason)


def _pause(answer: Recorded, attempts: int) -> float:
    """Seconds before the next attempt: what the endpoint asks for, else 1, 2, 4, ...

    An endpoint that asks for more than `MAX_PAUSE` is not asked again: a session cannot wait for it.
    """
    asked = retry_after(answer)
    return 2.0 ** (attempts - 1) if asked is None else asked

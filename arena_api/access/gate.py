"""The gate in front of everything: who asks, whether they may, how often, and how much.

Reading is open to this machine. Everybody else needs a key, in `Authorization: Bearer`, `X-API-Key`, or as
the password of `Authorization: Basic`, which is how a browser asks for one. A key in an address is not looked
at: addresses are logged.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arena_api.access.book import AccessBook
from arena_api.access.keys import Key, key_of
from arena_api.access.keys import Scope as KeyScope
from arena_api.access.rates import Rates
from arena_api.problems import problem
from arena_api.reading import Reading
from arena_pipeline.errors import LedgerError

OPEN = frozenset({"/health", "/ready"})
"""What a supervisor elsewhere may ask without a key."""

MAX_BODY = 1 << 20
MAX_HEADERS = 16 << 10
MAX_ADDRESS = 8 << 10
"""Bytes of a request."""

WRONG_KEYS_PER_MINUTE = 10
UNAUTHORISED = 4401
PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""A request with one of these comes through a proxy: it is not from this machine, wherever the proxy is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `key` is None for somebody on this machine; `explicit` that a program sent the key, which no
    page of another site can make a browser do."""

    address: str
    key: Key | None
    explicit: bool = False

    def may(self, scope: KeyScope) -> bool:
        return self.key is not None and scope in self.key.scopes


class Refused(Exception):
    """Status, detail and headers of a refusal."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Gate:
    """Lets requests in as `scope["state"]["caller"]`, or answers them with a problem."""

    def __init__(self, app: ASGIApp, *, reading: Reading) -> None:
        self.app = app
        self._reading = reading
        self._rates: Rates | None = None
        self._wrong = Rates(WRONG_KEYS_PER_MINUTE, WRONG_KEYS_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            _check_size(scope)
            caller = self._caller(scope)
            self._check_rate(caller)
            scope.setdefault("state", {})["caller"] = caller
        except (Refused, LedgerError) as error:
            if isinstance(error, LedgerError):
                error = Refused(503, "The keys cannot be read at the moment. The server's log says why.")
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": UNAUTHORISED, "reason": error.detail})
            else:
                await problem(error.status, error.detail, headers=error.headers)(scope, receive, send)
            return
        await self.app(scope, _counted(receive) if scope["type"] == "http" else receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else ""
        text, explicit = _credential(headers)
        if text is None:
            if scope["path"] in OPEN or _local(address, headers):
                return Caller(address, None)
            raise Refused(401, "A key is needed: `arena keys add` makes one.", **_challenge(scope))
        key = key_of(AccessBook(self._reading.settings.home), text)
        if key is None:
            waits = self._wrong.wait(address)
            if waits:
                raise Refused(429, "Too many wrong keys.", Retry_After=str(math.ceil(waits)))
            raise Refused(401, "The key is not valid.", **_challenge(scope))
        return Caller(address, key, explicit)

    def _check_rate(self, caller: Caller) -> None:
        if caller.key is None and _loopback(caller.address):
            return
        if self._rates is None:
            most = self._reading.settings.api.requests_per_minute
            self._rates = Rates(most, most / 4)
        who = caller.address if caller.key is None else f"key {caller.key.id}"
        waits = self._rates.wait(who)
        if waits:
            raise Refused(429, "Too many requests.", Retry_After=str(math.ceil(waits)))


def _check_size(scope: Scope) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        raise Refused(431, "The headers are too large.")
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
        raise Refused(414, "The address is too long.")
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isascii() or not length.isdecimal():
        raise Refused(400, "Content-Length is no number.")
    if len(length) > 12 or int(length) > MAX_BODY:
        raise Refused(413, f"The body is larger than {MAX_BODY} bytes.")


def _counted(receive: Receive) -> Receive:
    """A body that is longer than it said, or did not say."""
    left = MAX_BODY

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"The body is larger than {MAX_BODY} bytes.")
        return message

    return counted


def _credential(headers: Headers) -> tuple[str | None, bool]:
    """The key that a request carries, and whether a program put it there."""
    direct = headers.get("x-api-key")
    if direct is not None:
        return direct, True
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip(), True
    if kind.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return "", False
        return decoded.partition(":")[2], False
    return (value or kind, False) if kind else (None, False)


def _local(address: str, headers: Headers) -> bool:
    return _loopback(address) and not any(name in headers for name in PROXIED)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _challenge(scope: Scope) -> dict[str, str]:
    """A browser that asks for a page is to ask its user; a program is not."""
    page = scope["type"] == "http" and not scope["path"].startswith("/api")
    return {"WWW_Authenticate": f'{"Basic" if page else "Bearer"} realm="Sentiment Arena"'}

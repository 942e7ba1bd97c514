"""Answers are kept for as long as the data they show is in force, and a client that has one is told so (304).

An answer that says itself how long it may be kept (`Cache-Control`) depends on the moment, and is left alone.
Of requests for one address one at a time is worked on, however fast the data changes; the others get the
answer before it if that held until just now, else they wait. Those that waited for what is not kept are all
let through at once, but for an answer too long to be kept, which is made for one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arena_api.versions import DataVersion

LARGEST = 16 << 20
"""Bytes of one answer that is kept."""

MOST = 64 << 20
"""Bytes of all answers that are kept."""

MOST_ANSWERS = 4_096

PARTS = "/dash/"
BELOW = ("/api/", PARTS)
"""Where answers depend on what is stored alone: documents, and the parts of pages that change with it."""

JUST_NOW = 3.0
"""An answer is shown while its successor is worked on, however long that takes, if it held within so many
seconds before that began."""

SEEN = "n"
"""The parameter in which an open page, asking for a part of itself, says which message it has seen last: no
answer from before that will do. It is no part of the address that an answer is kept under."""

REVALIDATE = "private, no-cache"
"""Keep it, and ask each time whether it still holds."""


@dataclass(slots=True)
class Kept:
    """A whole answer from a version of the data; the last message that who asked for it had seen; when it was
    asked for, and when it last was the newest (`time.monotonic`)."""

    version: str
    seen: int
    start: Message
    body: bytes
    asked: float
    at: float

    def answers(self, version: str, seen: int, asked: float) -> bool:
        """Whether it is from that version of the data, and not from before a message; or was asked for after
        somebody who saw both."""
        return (self.version == version and self.seen >= seen) or self.asked > asked

    async def send(self, send: Send) -> None:
        await send(_copy(self.start))
        await send({"type": "http.response.body", "body": self.body})


class Caching:
    """ETag, Cache-Control and 304 for everything below `BELOW`, from the version of the data. Of an address
    the newest answer is kept."""

    def __init__(self, app: ASGIApp, *, version: DataVersion) -> None:
        self.app = app
        self._version = version
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[str, tuple[asyncio.Future[bool], float]] = {}
        """Under way, by address: what to wait for (whether it may be kept), and since when
        (`time.monotonic`)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(BELOW):
            await self.app(scope, receive, send)
            return
        asked = time.monotonic()
        version = await self._version.current()
        if version is None:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        query, seen = scope["query_string"].decode("latin-1"), 0
        if scope["path"].startswith(PARTS):
            query, seen = _without_seen(query)
        subject = f"{scope['path']}\n{query}"
        etag = f'W/"{hashlib.sha256(f"{version}{subject}".encode()).hexdigest()[:24]}"'
        if not seen and etag in headers.get("if-none-match", ""):
            await send(_not_modified(etag))
            await send({"type": "http.response.body", "body": b""})
            return
        address = f"{'gzip' in headers.get('accept-encoding', '')}\n{subject}"
        while (held := self._kept.get(address)) is None or not held.answers(version, seen, asked):
            if address not in self._making:
                keeper = _Keeper(self, address, Kept(version, seen, {}, b"", asked, asked), etag, send)
                await self._make(address, keeper, scope, receive)
                return
            made, since = self._making[address]
            if held is not None and held.seen >= seen and since - held.at < JUST_NOW:
                await held.send(send)
                return
            if not await asyncio.shield(made):
                await self.app(scope, receive, send)
                return
        self._kept.move_to_end(address)
        held.at = time.monotonic()
        await held.send(send)

    async def _make(self, address: str, keeper: _Keeper, scope: Scope, receive: Receive) -> None:
        self._making[address] = asyncio.get_running_loop().create_future(), time.monotonic()
        try:
            await self.app(scope, receive, keeper)
        finally:
            keeper.release(True)

    def release(self, address: str, keepable: bool) -> None:
        """Let those go on who wait for the same answer: to look for it, or each to an answer of their own."""
        making = self._making.pop(address, None)
        if making is not None:
            making[0].set_result(keepable)

    def keep(self, address: str, kept: Kept) -> None:
        """Keep an answer in place of the one before it; what was used least recently goes for it."""
        before = self._kept.get(address)
        if len(kept.body) > LARGEST:
            return
        self._bytes += len(kept.body) - (len(before.body) if before else 0)
        self._kept[address] = kept
        self._kept.move_to_end(address)
        while self._bytes > MOST or len(self._kept) > MOST_ANSWERS:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)


class _Keeper:
    """Passes an answer on, marks it, and keeps it if it came whole. Nobody waits for one that will not be."""

    def __init__(self, cache: Caching, address: str, kept: Kept, etag: str, send: Send) -> None:
        self._cache, self._address, self._kept = cache, address, kept
        self._etag, self._send = etag, send
        self._begun = False
        self._released = False

    def release(self, keepable: bool) -> None:
        if not self._released:
            self._released = True
            self._cache.release(self._address, keepable)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 200 and "cache-control" not in headers:
                headers["ETag"] = self._etag
                headers["Cache-Control"] = REVALIDATE
                self._kept.start, self._begun = _copy(message), True
            else:
                self.release(False)
        elif self._begun:
            if not message.get("more_body", False):
                self._kept.body, self._kept.at = message.get("body", b""), time.monotonic()
                self._cache.keep(self._address, self._kept)
            self._begun = False
            self.release(True)
        await self._send(message)


def _without_seen(query: str) -> tuple[str, int]:
    """A query without `SEEN`, and the number that it had; 0 without one."""
    parts = query.split("&")
    numbers = [part.removeprefix(f"{SEEN}=") for part in parts if part.startswith(f"{SEEN}=")]
    rest = "&".join(part for part in parts if not part.startswith(f"{SEEN}="))
    known = [
        int(number) for number in numbers if number.isascii() and number.isdecimal() and len(number) < 16
    ]
    return rest, max(known, default=0)


def _copy(start: Message) -> Message:
    """The beginning of an answer before others add to its headers."""
    return {**start, "headers": list(start["headers"])}


def _not_modified(etag: str) -> Message:
    headers = [
        (b"etag", etag.encode()),
        (b"cache-control", REVALIDATE.encode()),
        (b"vary", b"Accept-Encoding"),
    ]
    return {"type": "http.response.start", "status": 304, "headers": headers}

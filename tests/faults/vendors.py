"""All vendors at once on loopback, well or in one way broken: servers in front of the sandbox.

`VendorsAtFault(sandbox, folder)` passes requests on to the sandbox while `fault` is None, and answers them
like a vendor with that fault otherwise, but for the vendors in `well`. Each vendor has a port of its own,
as it has a host outside. The search engine and the publishers of article pages, which the sandbox does not
have, are the test's own. Requests are counted by what was asked for, secrets left out.
"""

from __future__ import annotations

import enum
import gzip
import json
import random
import re
import threading
import time
import zlib
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from arena_pipeline.sandbox.loopback import Reply
from arena_pipeline.sandbox.server import SandboxServer
from tests.sources.stand_ins import certified, proxy_to
from tests.sources.web import FIRST_PAGE, page, result

BOMB = gzip.compress(bytes(200_000_000), 9)
"""Some 194 kB that unpack to 200 MB."""

DRIP_SECONDS = 0.3
PAGE = b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body>Please wait.</body></html>"
BURST = (
    "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly "
    "(1 request per second). You may subscribe to lift the free key rate limit (25 requests per day)."
)
DAILY = (
    "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please "
    "subscribe to any of the premium plans to instantly remove all daily rate limits."
)
WORDS = (
    "orders", "trains", "outlook", "bridge", "harbour", "software", "dividend", "factory", "lawsuit",
    "turbines", "hospital", "licence", "satellite", "pipeline", "battery", "insurance", "railway",
    "chips", "merger", "strike", "patent", "airport", "cement", "vaccine", "auction", "tariff",
)  # fmt: skip
"""No two stories made of seven of these are taken for copies of each other."""


class Fault(enum.StrEnum):
    """What is wrong with every vendor at once."""

    STORM_OF_429 = "429 storm"
    BURST_THROTTLE = "burst throttle"
    DAILY_THROTTLE = "daily throttle"
    FORBIDDEN = "403"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    SLOW_DRIP = "slow drip"
    CUT_BODY = "cut body"
    WRONG_CONTENT_TYPE = "wrong content type"
    HTML = "HTML instead of JSON"
    TRUNCATED = "truncated JSON"
    GZIP_BOMB = "gzip bomb"
    EMPTY = "empty 200"
    REFUSED = "connection refused"
    DNS = "DNS failure"


VENDORS = ("yahoo", "feeds", "alphavantage", "finnhub", "models", "search", "pages")


class VendorsAtFault:
    """Use it as a context manager; `url(vendor)` is what stands for the vendor's host. The search engine's is
    a proxy, and `ca_file` says whom to believe behind it; links lead to `pages_port`."""

    def __init__(self, sandbox: SandboxServer, folder: Path) -> None:
        self.fault: Fault | None = None
        self.well: frozenset[str] = frozenset()
        self.ca_file = folder / "ca.pem"
        self.requests: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._sandbox = sandbox
        self._stack = ExitStack()
        self._servers = {vendor: _Server(self, vendor) for vendor in VENDORS}
        engine = self._servers["search"]
        engine.socket = certified(folder, "duckduckgo.com").wrap_socket(
            engine.socket, server_side=True, do_handshake_on_connect=False
        )

    def __enter__(self) -> VendorsAtFault:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._proxy, _ = self._stack.enter_context(proxy_to(self._port("search")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def url(self, vendor: str) -> str:
        return self._proxy if vendor == "search" else f"http://127.0.0.1:{self._port(vendor)}"

    @property
    def pages_port(self) -> int:
        return self._port("pages")

    def _port(self, vendor: str) -> int:
        return int(self._servers[vendor].server_address[1])

    def answer(self, handler: _Handler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query))
        key = query.pop("apikey", "")
        asked = f"{parts.path}?{urlencode(sorted(query.items()))}" if query else parts.path
        with self._counting:
            self.requests[f"{handler.command} {asked} {hash(body) if body else ''}".strip()] += 1
        if self.fault is None or handler.server.vendor in self.well:
            reply = self._right(handler, body)
            _send(handler, reply.status, reply.body, reply.content_type)
        else:
            self._fail(handler, self.fault, body, key)

    def _fail(self, handler: _Handler, fault: Fault, body: bytes, key: str) -> None:
        document = json.dumps({"error": {"code": 0, "message": fault.value}}).encode()
        match fault:
            case Fault.STORM_OF_429:
                _send(handler, 429, document, headers={"Retry-After": "1"})
            case Fault.BURST_THROTTLE if key:
                _send(handler, 200, json.dumps({"Information": BURST}).encode())
            case Fault.DAILY_THROTTLE if key:
                _send(handler, 200, json.dumps({"Information": DAILY.format(key=key)}).encode())
            case Fault.BURST_THROTTLE:
                _send(handler, 429, document)
            case Fault.DAILY_THROTTLE:
                _send(handler, 429, document, headers={"Retry-After": "86400"})
            case Fault.FORBIDDEN:
                _send(handler, 403, document)
            case Fault.SERVER_ERROR:
                _send(handler, 500, document)
            case Fault.UNAVAILABLE:
                _send(handler, 503, document, headers={"Retry-After": "1"})
            case Fault.SLOW_DRIP:
                _drip(handler, self._right(handler, body).body)
            case Fault.CUT_BODY:
                reply = self._right(handler, body)
                _send(handler, 200, reply.body[: len(reply.body) // 2], length=len(reply.body))
            case Fault.WRONG_CONTENT_TYPE:
                _send(handler, 200, b"\x00\x01\x02\x03" * 100, "application/octet-stream")
            case Fault.HTML:
                _send(handler, 200, PAGE, "text/html; charset=utf-8")
            case Fault.TRUNCATED:
                reply = self._right(handler, body)
                _send(handler, 200, reply.body[: len(reply.body) // 2], reply.content_type)
            case Fault.GZIP_BOMB:
                _send(handler, 200, BOMB, headers={"Content-Encoding": "gzip"})
            case Fault.EMPTY:
                _send(handler, 200, b"")
            case Fault.REFUSED | Fault.DNS:
                raise AssertionError("nobody connects in this mode")

    def _right(self, handler: _Handler, body: bytes) -> Reply:
        if handler.server.vendor == "search":
            return _found(handler.path)
        if handler.server.vendor == "pages":
            company = urlsplit(handler.path).path.split("/")[1]
            return Reply(200, "text/html; charset=utf-8", page(company).encode())
        return self._sandbox.answer(handler.command, handler.path, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, vendors: VendorsAtFault, vendor: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.vendors, self.vendor = vendors, vendor

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on bombs and drips: that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.vendors.answer(self, b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if re.fullmatch(r"[0-9]{1,8}", length) else b""
        self.server.vendors.answer(self, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _found(path: str) -> Reply:
    """The engine's first page, or one result about the company that the query begins with."""
    parts = urlsplit(path)
    if parts.path != "/news.js":
        return Reply(200, "text/html; charset=utf-8", FIRST_PAGE.encode())
    query = dict(parse_qsl(parts.query))["q"]
    company, asked = query.split()[0], zlib.crc32(query.encode())
    title = " ".join([company, *random.Random(asked).sample(WORDS, 7)])
    entry = result(f"http://news.example/{company}/{asked}", title, datetime(2025, 3, 3, 6, tzinfo=UTC))
    return Reply(200, "application/json", json.dumps({"results": [entry]}).encode())


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    content_type: str = "application/json",
    *,
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.send_header("Connection", "close")
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """One byte every 0.3 s, for at most a minute."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(max(len(body), 1)))
    handler.end_headers()
    for byte in body[:200]:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(DRIP_SECONDS)

"""A small HTTP/1.1 server on 127.0.0.1: keeps connections alive, marks every response as simulated.

A request that cannot be read is answered with 400 and a JSON error; nothing is logged.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from arena_pipeline.errors import DataError

LARGEST_BODY = 4 * 1024 * 1024
IDLE_SECONDS = 60


class BadRequest(DataError):
    """The request cannot be read; becomes a 400 with the message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, content type and bytes of one answer."""

    status: int
    content_type: str
    body: bytes
    cookie: str = ""


def json_reply(status: int, document: object) -> Reply:
    return Reply(status, "application/json; charset=utf-8", json.dumps(document).encode())


Answer = Callable[[str, str, bytes], Reply]
"""From method, target (path and query) and body to the reply; a DataError becomes a 400."""


class LoopbackServer:
    """Serves `answer` on a free port of 127.0.0.1, one daemon thread per connection."""

    def __init__(self, answer: Answer) -> None:
        self._http = _Server(answer)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error; anything else is reported as usual."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            reply = self.server.answer(self.command, self.path, self._body())
        except DataError as error:
            reply = json_reply(400, {"error": {"code": 400, "message": str(error)}})
        self._send(reply)

    def _body(self) -> bytes:
        stated = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not stated.isascii() or not stated.isdigit():
            self.close_connection = True
            raise BadRequest("the request needs a Content-Length")
        if int(stated) > LARGEST_BODY:
            self.close_connection = True
            raise BadRequest(f"the body is larger than {LARGEST_BODY} bytes")
        return self.rfile.read(int(stated))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("X-Simulated", "true")
        if reply.cookie:
            self.send_header("Set-Cookie", reply.cookie)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses by itself (a broken request line, an unknown method), as JSON."""
        self.close_connection = True
        status = 400 if code in (400, 501, 505) else code
        self._send(json_reply(status, {"error": {"code": status, "message": message or "malformed request"}}))

    def version_string(self) -> str:
        return "SentimentArenaSandbox"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: requests are counted by the sandbox, not printed."""

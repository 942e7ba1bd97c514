"""A loopback endpoint that answers with what a test puts into its queue."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from arena_pipeline.llm.client import ModelClient
from arena_pipeline.sources.recorder import MemoryRecorder

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
CANARY = "sk-or-v1-canary-0123456789"


def completion(
    text: Any, *, finish: str = "stop", cost: float | None = 0.0021, message: Any = None
) -> dict[str, Any]:
    """A reply in OpenRouter's shape."""
    counts: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    if cost is not None:
        counts["cost"] = cost
    return {
        "id": "gen-1779496002-abc",
        "object": "chat.completion",
        "created": 1779496002,
        "model": "anthropic/claude-4.5-sonnet-20250929",
        "provider": "Amazon Bedrock",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "native_finish_reason": finish,
                "message": {"role": "assistant", "content": text, "refusal": None, **(message or {})},
            }
        ],
        "usage": counts,
    }


class Endpoint:
    """Replies in order, the last one for ever; keeps what it was sent."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, Any, dict[str, str], float]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    def reply(self, body: Any, status: int = 200, *, delay: float = 0.0, **headers: str) -> Endpoint:
        self.replies.append((status, body, headers, delay))
        return self

    def completes(self, text: Any, *, delay: float = 0.0, changes: Any = None, **options: Any) -> Endpoint:
        """Queue a chat completion with this text; `changes` replace its top-level keys."""
        return self.reply({**completion(text, **options), **(changes or {})}, delay=delay)

    def forget(self) -> Endpoint:
        self.replies.clear()
        self.requests.clear()
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    port = 0


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state.requests.append((self.path, dict(self.headers.items()), body))
            place = min(len(state.requests), len(state.replies)) - 1
            status, content, headers, delay = state.replies[place]
            time.sleep(delay)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def no_pause(_: float) -> None:
    """Waits for nothing."""


@pytest.fixture
def make_client() -> Iterator[Callable[..., ModelClient]]:
    clients: list[ModelClient] = []

    def make(base_url: str, **options: Any) -> ModelClient:
        from arena_pipeline.llm.budget import UnlimitedBudget

        settings: dict[str, Any] = {
            "api_key": CANARY,
            "recorder": MemoryRecorder(),
            "clock": lambda: NOW,
            "budget": UnlimitedBudget(),
            "timeout": 10.0,
            "max_attempts": 3,
            "pause": no_pause,
        }
        clients.append(ModelClient(base_url=base_url, **{**settings, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()

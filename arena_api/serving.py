"""How the app is served: uvicorn, with connections that stay open told to go before it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from arena_api.app import create_app
from arena_api.live.hub import HUBS
from arena_api.security import HOSTS_VARIABLE
from arena_pipeline.settings import Settings

FACTORY, WORKER = "arena_api.app:create_app", "arena_api.serving:worker_app"
GRACE = 5
"""Seconds that open requests have to end when the server stops."""

FAREWELL = 1.0
"""Seconds that listeners have to be told that the server stops."""

SOCKET_BYTES = 64 << 10
"""The longest message that a client may send over a WebSocket."""

PING = 20.0
"""Seconds after which a silent WebSocket is asked whether it is there, and within which it must answer."""


class ArenaServer(uvicorn.Server):
    """Says goodbye to those who listen; without that they would be waited for."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for hub in list(HUBS):
            hub.dismiss()
        deadline = time.monotonic() + FAREWELL
        while any(hub.listeners for hub in HUBS) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets=sockets)


def server_config(app: Any, **more: Any) -> uvicorn.Config:
    """Limits on headers, sockets and stopping; `more` goes to uvicorn."""
    return uvicorn.Config(
        app,
        ws_max_size=SOCKET_BYTES,
        ws_max_queue=8,
        ws_ping_interval=PING,
        ws_ping_timeout=PING,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=SOCKET_BYTES,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
        server_header=False,
        proxy_headers=False,
        **more,
    )


def serve(settings: Settings, *, host: str, port: int, workers: int = 1, access_log: bool = False) -> None:
    """Answer until SIGINT or SIGTERM. A worker is a process with a reader and live connections of its own."""
    names = [name for name in (os.environ.get(HOSTS_VARIABLE), host) if name]
    os.environ[HOSTS_VARIABLE] = ",".join(dict.fromkeys(names))
    os.environ["ARENA_CONFIG"], os.environ["ARENA_HOME"] = str(settings.file), str(Path(settings.home))
    config = server_config(
        FACTORY if workers == 1 else WORKER,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="info",
        access_log=access_log,
    )
    if workers == 1:
        ArenaServer(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def worker_app() -> FastAPI:
    """The app of one of several workers. uvicorn runs those with its own server, so the app itself says
    goodbye to those who listen when it is told to stop."""
    app = create_app()
    own = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

        def stop(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(app.state.hub.dismiss)
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for each in before:
            signal.signal(each, stop)
        async with own(app) as state:
            yield state

    app.router.lifespan_context = lifespan
    return app

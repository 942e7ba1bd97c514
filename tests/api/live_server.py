"""A real server on loopback, in a thread of its own, for what needs sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from arena_api.serving import ArenaServer, server_config


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """`127.0.0.1:<port>` for as long as the body runs."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = ArenaServer(server_config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()

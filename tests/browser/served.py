"""A home as a browser finds it: the address it is served at, and the same documents by REST."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from arena_pipeline.settings import Settings

STARTS = 180.0
"""Seconds that a server may take until it answers."""


@dataclass(frozen=True)
class Served:
    """`origin` is `http://127.0.0.1:<port>`."""

    origin: str
    settings: Settings

    def ask(self, path: str) -> Any:
        """The document that REST answers with."""
        answer = httpx.get(f"{self.origin}{path}", trust_env=False, timeout=60)
        answer.raise_for_status()
        return answer.json()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(settings: Settings) -> dict[str, str]:
    """What a command of ours needs to work on a home."""
    kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return {**kept, "ARENA_CONFIG": str(settings.file), "ARENA_HOME": str(settings.home)}


@contextmanager
def served_home(settings: Settings, port: int | None = None) -> Iterator[Served]:
    """`arena serve` in a process of its own, stopped by its id."""
    port = port or free_port()
    command = [sys.executable, "-m", "arena_pipeline.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield Served(f"http://127.0.0.1:{port}", settings)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"arena serve ended with exit code {process.returncode}")
        try:
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")

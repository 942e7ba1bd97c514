"""The API under load, beside a bare FastAPI endpoint with answers as long, each in a process of its own.

    python -m benchmarks.api [--seconds 5] [--connections 100] [--idle] [--minutes 0]

100 connections ask one path after the other as fast as they are answered, while one process writes partitions
into the same stores as a backfill does, and another runs whole backfills in a home of its own, for what they
take of the machine (`--idle`: without both). The figure is the ratio of the 99th percentiles. `--minutes`
asks on for so long and prints the server's memory each half minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.served_world import DECISION, MODELS, settings_in, write_home

PROJECT = Path(__file__).parents[1]
PATHS = {
    "leaderboard": "/api/leaderboard",
    "portfolio": f"/api/models/{MODELS[0]}/portfolio",
    "trades page": "/api/trades?limit=100",
    "decision lineage": f"/api/decisions/{DECISION}/lineage",
}
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Response
app = FastAPI()
body = b"x" * int(sys.argv[2])
@app.get("/")
async def answer() -> Response:
    return Response(body, media_type="application/json")
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""
WRITER = """
import sys, time
from pathlib import Path
from datetime import timedelta
from benchmarks.served_world import FIRST, MODELS, RUN, book_rows, settings_in, store_in
import random
store, lot, day = store_in(settings_in(Path(sys.argv[1]))), random.Random(2), FIRST
while True:
    for name in MODELS:
        with store.ledger.transaction() as connection:
            key, rows = f"{name}|{day}", book_rows(name, day, lot)
            store.write_rows(connection, "portfolio_snapshots", key, rows, **RUN)
    day += timedelta(days=1)
    time.sleep(0.1)
"""


BACKFILL = """
import os, sys
from arena_pipeline.cli import main
number = int(sys.argv[2]) + 1
os.environ["ARENA_HOME"] = f"{sys.argv[1]}/backfill-{number}"
sys.stdout = sys.stderr = open(os.devnull, "w")
try:
    main(["demo"])
except SystemExit as ended:
    if ended.code:
        raise
    os.execv(sys.executable, [sys.executable, "-c", os.environ["AGAIN"], sys.argv[1], str(number)])
"""
STARTS = 300.0
"""Seconds within which a server must listen."""

FLAT = 1.1
"""So many times the memory of its first quarter a server may hold in the last, to count as flat."""


@dataclass(frozen=True)
class Load:
    """Answers in a number of seconds; `p50` and `p99` in milliseconds."""

    answers: int
    p50: float
    p99: float
    bytes: int


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(*command: str, environment: dict[str, str] | None = None, port: int | None) -> Iterator[int]:
    """The process of a Python program, ready when it listens; yields its id. What it prints is not shown."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + STARTS
        while port is not None:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not listen: {' '.join(command[:3])}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def ask(port: int, path: str, until: float, latencies: list[float], sizes: list[int]) -> None:
    """One connection that asks again as soon as it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.split(b"\r\n")[0].decode())
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - started)
        sizes.append(length)
    writer.close()


async def load(port: int, path: str, *, connections: int, seconds: float) -> Load:
    latencies: list[float] = []
    sizes: list[int] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(ask(port, path, until, latencies, sizes) for _ in range(connections)))
    ordered = sorted(latencies)
    return Load(
        len(ordered),
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[int(len(ordered) * 0.99)],
        max(sizes),
    )


def run(*, seconds: float = 5, connections: int = 100, idle: bool = False, minutes: float = 0) -> None:
    """Print the table of ratios, and the server's memory under load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_in(folder)
        started = time.perf_counter()
        counts = write_home(settings)
        print(f"home in {time.perf_counter() - started:.0f} s: {counts}", flush=True)
        port = free_port()
        environment = {"ARENA_CONFIG": str(settings.file), "ARENA_HOME": str(settings.home)}
        serve = ("-m", "arena_pipeline.cli", "serve", "--port", str(port))
        with running(*serve, environment=environment, port=port) as server:
            writer = ("-c", WRITER, str(folder))
            if idle:
                _compare(port, connections, seconds)
                _soak(port, server, connections, minutes)
            else:
                backfill = ("-c", BACKFILL, str(folder), "0")
                again = {"AGAIN": BACKFILL, "ARENA_CONFIG": str(PROJECT / "arena.toml")}
                with running(*writer, port=None), running(*backfill, environment=again, port=None):
                    time.sleep(10)
                    _compare(port, connections, seconds)
                    _soak(port, server, connections, minutes)


def _compare(port: int, connections: int, seconds: float) -> None:
    print(
        "| path | bytes | bare p50 | p99 ms | API p50 | p99 ms | p99 ratio |\n|---|---|---|---|---|---|---|"
    )
    for name, path in PATHS.items():
        asyncio.run(load(port, path, connections=2, seconds=1))
        found = asyncio.run(load(port, path, connections=connections, seconds=seconds))
        bare_port = free_port()
        with running("-c", BARE, str(bare_port), str(found.bytes), port=bare_port):
            asyncio.run(load(bare_port, "/", connections=2, seconds=1))
            bare = asyncio.run(load(bare_port, "/", connections=connections, seconds=seconds))
        print(
            f"| {name} | {found.bytes:,} | {bare.p50:.1f} | {bare.p99:.1f} "
            f"| {found.p50:.1f} | {found.p99:.1f} | {found.p99 / bare.p99:.2f} |",
            flush=True,
        )


def resident(process: int) -> int:
    """Kilobytes of memory that a process holds (Linux)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def _soak(port: int, server: int, connections: int, minutes: float) -> None:
    """Every path in turn for as long as asked for, with the server's memory each half minute. An answer of
    megabytes is asked for by a tenth of the connections: all of them would measure the machine."""
    started, sizes = time.monotonic(), [resident(server) / 1000]
    print(f"resident: {sizes[0]:.0f} MB before", flush=True)
    while time.monotonic() < started + 60 * minutes:
        for name, path in PATHS.items():
            asked_by = connections // 10 if name == "decision lineage" else connections
            asyncio.run(load(port, path, connections=asked_by, seconds=min(7.5, 15 * minutes)))
        sizes.append(resident(server) / 1000)
        print(f"resident: {sizes[-1]:.0f} MB after {(time.monotonic() - started) / 60:.1f} min", flush=True)
    quarter = max(len(sizes) // 4, 1)
    if len(sizes) > 1:
        first, last = (sum(part) / quarter for part in (sizes[1 : quarter + 1], sizes[-quarter:]))
        verdict = "flat" if last <= FLAT * first else "NOT flat"
        print(
            f"memory: {first:.0f} MB in the first quarter, {last:.0f} MB in the last: {verdict}", flush=True
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--minutes", type=float, default=0)
    given = parser.parse_args()
    run(seconds=given.seconds, connections=given.connections, idle=given.idle, minutes=given.minutes)

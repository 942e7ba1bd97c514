"""Many WebSocket clients of one server: is anything lost, told twice or late?

    python -m benchmarks.live [--clients 300] [--minutes 5] [--rate 10] [--cost]

The server runs in a process of its own; this one commits messages and listens. A tenth of the clients leaves
every few seconds and comes back with the last number it saw. `--cost` measures instead what announcing costs
a writer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from arena_pipeline.warehouse import store as store_module
from arena_pipeline.warehouse.outbox import announce, outbox
from arena_pipeline.warehouse.store import ArenaStore
from benchmarks.api import free_port, resident, running
from benchmarks.served_world import FIRST, MODELS, RUN, book_rows, settings_in, store_in

STAYS = 20.0
"""Seconds that a client that comes and goes stays."""

PATIENCE = 60.0
"""Seconds without any progress after which what a client was not told counts as lost."""


@dataclass
class Heard:
    """What one client was told."""

    last: int
    joined: bool = False
    joins: int = 0
    lost: int = 0
    twice: int = 0
    heard: int = 0
    delays: list[float] = field(default_factory=list)

    def take(self, message: dict[str, object]) -> None:
        number = message.get("number")
        self.joined = True
        if "data" not in message or not isinstance(number, int):
            return
        if number <= self.last:
            self.twice += 1
        else:
            self.lost += number - self.last - 1
            self.last = number
        self.heard += 1
        data = message["data"]
        if isinstance(data, dict) and "committed" in data:
            self.delays.append(time.time() - float(data["committed"]))


async def listen(url: str, heard: Heard, stop: asyncio.Event, leaves: bool) -> None:
    """One client; `leaves`: it goes and comes back with the last number that it saw. So does every client
    that is sent away for being too slow."""
    while not stop.is_set():
        until = time.monotonic() + (STAYS * random.uniform(0.5, 1.5) if leaves else 1e9)
        heard.joins += 1
        try:
            async with connect(f"{url}?after={heard.last}", compression=None, open_timeout=60) as socket:
                while not stop.is_set() and time.monotonic() < until:
                    with contextlib.suppress(TimeoutError):
                        heard.take(json.loads(await asyncio.wait_for(socket.recv(), 0.5)))
        except (ConnectionClosed, OSError):
            await asyncio.sleep(0.5)


async def commit(store: ArenaStore, rate: float, seconds: float) -> None:
    """So many messages a second, each in a transaction of its own, with the time just before its commit."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        await asyncio.to_thread(_commit, store)
        await asyncio.sleep(max(0.0, 1 / rate - (time.monotonic() - started)))


def _commit(store: ArenaStore) -> None:
    with store.ledger.transaction() as connection:
        announce(connection, "run", {"committed": time.time(), "filler": "x" * 300}, at="benchmark")


async def scenario(store: ArenaStore, port: int, clients: int, seconds: float, rate: float) -> list[Heard]:
    with store.ledger.read() as connection:
        last = connection.scalar(select(func.max(outbox.c.number))) or 0
    stop, heard = asyncio.Event(), [Heard(last) for _ in range(clients)]
    tasks = [
        asyncio.create_task(listen(f"ws://127.0.0.1:{port}/ws/live", each, stop, number % 10 == 0))
        for number, each in enumerate(heard)
    ]
    while not all(each.joined for each in heard):
        await asyncio.sleep(0.1)
    await commit(store, rate, seconds)
    with store.ledger.read() as connection:
        newest = connection.scalar(select(func.max(outbox.c.number))) or 0
    reached, progress = -1, time.monotonic()
    while any(each.last < newest for each in heard) and time.monotonic() < progress + PATIENCE:
        await asyncio.sleep(0.2)
        if sum(each.last for each in heard) > reached:
            reached, progress = sum(each.last for each in heard), time.monotonic()
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for each in heard:
        each.lost += newest - each.last
    return heard


def run(*, clients: int = 300, minutes: float = 5, rate: float = 10) -> None:
    """Print how many messages were told, lost and told twice or out of order, and how late they were. What
    clients were told that had been away is late by as long as they were away, and counts too."""
    with tempfile.TemporaryDirectory() as name:
        settings = settings_in(Path(name))
        store, port = store_in(settings), free_port()
        _commit(store)
        environment = {"ARENA_CONFIG": str(settings.file), "ARENA_HOME": str(settings.home)}
        serve = ("-m", "arena_pipeline.cli", "serve", "--port", str(port))
        with running(*serve, environment=environment, port=port) as server:
            before = resident(server)
            heard = asyncio.run(scenario(store, port, clients, 60 * minutes, rate))
            after = resident(server)
        store.close()
    delays = sorted(delay for each in heard for delay in each.delays)
    print(
        f"{clients} clients ({sum(each.joins - 1 for each in heard)} returns), {minutes:g} minutes, "
        f"{sum(each.heard for each in heard):,} messages told: "
        f"{sum(each.lost for each in heard)} lost, "
        f"{sum(each.twice for each in heard)} twice or out of order; "
        f"commit to client p50 {1000 * delays[len(delays) // 2]:.0f} ms, "
        f"p99 {1000 * delays[int(len(delays) * 0.99)]:.0f} ms; "
        f"server {before / 1000:.0f} to {after / 1000:.0f} MB"
    )


def cost(*, partitions: int = 2_000, rounds: int = 5) -> None:
    """Seconds of writing partitions of snapshots with their announcement and without, in turn."""
    seconds: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    telling = store_module.announce_rows
    for _ in range(rounds):
        for announcing in (True, False):
            store_module.announce_rows = telling if announcing else _tell_nobody
            with tempfile.TemporaryDirectory() as name:
                seconds[announcing].append(_write(Path(name), partitions))
    store_module.announce_rows = telling
    for place, what in enumerate(("CPU", "wall")):
        told, silent = (min(each[place] for each in seconds[announcing]) for announcing in (True, False))
        print(
            f"{partitions} partitions, {what}: {1e3 * silent / partitions:.3f} ms each, "
            f"{1e3 * told / partitions:.3f} ms announced: {100 * (told / silent - 1):+.1f} %"
        )


def _tell_nobody(*_: object, **__: object) -> None:
    """In the place of the announcement, to measure what it costs."""


def _write(folder: Path, partitions: int) -> tuple[float, float]:
    store, lot = store_in(settings_in(folder)), random.Random(3)
    with store.ledger.transaction() as connection:
        from arena_pipeline.warehouse.tables import models

        connection.execute(
            models.insert(), [{"id": name, "kind": "llm", "registered_at": "x"} for name in MODELS]
        )
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(partitions):
        name, day = MODELS[number % len(MODELS)], FIRST + timedelta(days=number // len(MODELS))
        with store.ledger.transaction() as connection:
            key = f"{name}|{day}"
            store.write_rows(connection, "portfolio_snapshots", key, book_rows(name, day, lot), **RUN)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    store.close()
    return spent


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    if given.cost:
        cost()
    else:
        run(clients=given.clients, minutes=given.minutes, rate=given.rate)

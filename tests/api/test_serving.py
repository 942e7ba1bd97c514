"""`arena serve` as a person starts it: several processes, a stop with open connections, the same figures."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.tables import leaderboard
from tests.api.world import fill_store, store_of

PROJECT = Path(__file__).parents[2]
CONFIG = """
[[models]]
id = "cash"
kind = "baseline"
strategy = "cash"
[[models]]
id = "tester"
kind = "llm"
model = "sandbox/tester"
"""


@pytest.fixture
def home(tmp_path):
    store = store_of(tmp_path / "home")
    fill_store(store)
    store.close()
    (tmp_path / "arena.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "home"


def environment(home):
    return {**os.environ, "ARENA_HOME": str(home), "ARENA_CONFIG": str(home.parent / "arena.toml")}


def started(home, *words):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "arena_pipeline.cli", "serve", "--port", str(port), *words]
    process = subprocess.Popen(
        command, env=environment(home), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return process, port
    process.kill()
    raise AssertionError("the server did not start")


@pytest.mark.slow
def test_it_stops_with_open_connections_and_shows_the_figures_of_the_command_line(home):
    process, port = started(home)
    try:
        shown = httpx.get(f"http://127.0.0.1:{port}/api/leaderboard").json()
        command = [sys.executable, "-m", "arena_pipeline.cli", "leaderboard", "--json"]
        done = subprocess.run(command, env=environment(home), cwd=PROJECT, capture_output=True, check=True)
        assert shown == json.loads(done.stdout)
        store = store_of(home)
        with store.ledger.read() as connection:
            stored = {row.model: row for row in connection.execute(select(leaderboard))}
        store.close()
        for line in shown["models"]:
            row = stored[line["model"]]
            assert (line["rank"], to_cents(Decimal(line["nav"]))) == (row.rank, row.nav_cents)
            assert line == json.loads(row.row)
        with connect(f"ws://127.0.0.1:{port}/ws/live") as listener:
            assert json.loads(listener.recv())["type"] == "hello"
            stopped = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert json.loads(listener.recv(timeout=10))["type"] == "bye"
            with pytest.raises(ConnectionClosed):
                listener.recv(timeout=10)
        process.wait(20)
        assert time.monotonic() - stopped < 15
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_several_processes_answer_and_stop_together(home):
    process, port = started(home, "--workers", "2")
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            tags = {client.get("/api/leaderboard").headers["etag"] for _ in range(20)}
        assert len(tags) == 1
        with connect(f"ws://127.0.0.1:{port}/ws/live") as listener:
            assert json.loads(listener.recv())["type"] == "hello"
            stopped = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert json.loads(listener.recv(timeout=10))["type"] == "bye"
            with pytest.raises(ConnectionClosed):
                listener.recv(timeout=20)
        process.wait(30)
        assert time.monotonic() - stopped < 15
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_it_answers_before_the_first_run_and_while_a_backfill_runs(tmp_path):
    """One server throughout: no answer but 200, whatever is being written, and in the end the figures."""
    home = tmp_path / "home"
    (tmp_path / "arena.toml").write_text(SANDBOX, encoding="utf-8")
    arena = [sys.executable, "-m", "arena_pipeline.cli"]
    process, port = started(home)
    running, answers = None, Counter()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert client.get("/api/leaderboard").json()["models"] == []
            assert not home.exists()
            running = subprocess.Popen(
                [*arena, "backfill", "--from", "2025-09-15", "--to", "2025-09-16"],
                env=environment(home), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            while running.poll() is None:
                for path in ASKED:
                    answers[path, client.get(path).status_code] += 1
                time.sleep(0.1)
                for decision in client.get("/api/decisions?limit=1").json()["decisions"]:
                    walk = client.get(f"/api/decisions/{decision['id']}/lineage?depth=2")
                    answers["lineage", walk.status_code] += 1
            assert running.returncode == 0
            time.sleep(0.5)
            shown = client.get("/api/leaderboard").json()
            done = subprocess.run(
                [*arena, "leaderboard", "--json"],
                env=environment(home),
                cwd=PROJECT,
                capture_output=True,
                check=True,
            )
            assert shown == json.loads(done.stdout)
            assert shown["as_of"] == "2025-09-16"
        assert {status for _, status in answers} == {200}
        assert {path for path, _ in answers} == {*ASKED, "lineage"}
    finally:
        for each in filter(None, (running, process)):
            if each.poll() is None:
                each.terminate()
                each.wait(60)


ASKED = (
    "/health",
    "/ready",
    "/api/models",
    "/api/leaderboard",
    "/api/trades",
    "/api/quality",
    "/api/articles",
)
SANDBOX = """
[arena]
start = "2025-09-15"
[universe]
symbols = ["SAP.DE", "SIE.DE", "ALV.DE"]
[llm]
base_url = "sandbox"
[[models]]
id = "news"
kind = "llm"
model = "sandbox/news-follower"
[[models]]
id = "equal-weight"
kind = "baseline"
strategy = "equal_weight"
"""

"""How long a session waits for models: about as long as the longest chain of calls that need each other.

The models are the sandbox's behind an endpoint that takes a second for every answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.sandbox import policies
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse.costs import cost_document

pytestmark = pytest.mark.slow
LATENCY, MODELS, WATCHED = 1.0, 7, 10
RULES = ("news-follower", "trend-follower", "contrarian")
SYMBOLS = (
    "SAP.DE", "SIE.DE", "ALV.DE", "DTE.DE", "BAS.DE", "BMW.DE",
    "MBG.DE", "MUV2.DE", "IFX.DE", "ADS.DE", "BAYN.DE", "VOW3.DE",
)  # fmt: skip
DAYS = [date(2025, 9, 15), date(2025, 9, 16), date(2025, 9, 17)]
RUN = Run("waiting")


class Endpoint:
    """The sandbox's models, each answer after `latency` seconds; `asked` are times, purposes and models."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.asked: list[tuple[float, str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.asked.append((time.monotonic(), _purpose(body), body["model"]))
                time.sleep(outer.latency)
                status, document = policies.answer(body)
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _purpose(body: dict[str, Any]) -> str:
    if body["model"] != policies.ANALYST:
        return "decision"
    return "extraction" if '"article":' in str(body["messages"]) else "synthesis"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def arena(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """Two sets of seven models; two days are researched and decided without a wait, by the first set."""
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    contestants = "".join(
        f'[[models]]\nid = "{name}"\nkind = "llm"\nmodel = "sandbox/{RULES[place % 3]}"\n'
        for place, name in enumerate([*models("first"), *models("second")])
    )
    config = tmp_path / "arena.toml"
    config.write_text(
        f'[arena]\nstart = "{DAYS[0]}"\n[universe]\nsymbols = {list(SYMBOLS)}\n'
        f'[llm]\nbase_url = "{endpoint.url}"\nresearch_model = "{policies.ANALYST}"\nconcurrency = 32\n'
        f'daily_budget_usd = "100.00"\n[fundamentals]\nsource = "sandbox"\n{contestants}'
    )
    settings = load_settings(config, home=tmp_path / "home")
    with Arena(settings, open_store(settings)) as arena:
        for step in DAY_STEPS:
            step(arena, [str(day) for day in DAYS], RUN)
        earlier = sessions(arena)[:-2]
        for step in SESSION_STEPS:
            step(arena, earlier, RUN)
        for step in SESSION_STEPS[:-1]:
            step(arena, sessions(arena)[-2:], RUN)
        decide(arena, "first", earlier)
        decide(arena, "second", earlier)
        yield arena


def models(named: str) -> list[str]:
    return [f"{named}-{place}" for place in range(MODELS)]


def sessions(arena: Arena) -> list[str]:
    return [session.key for day in DAYS for session in arena.calendar.sessions_of(day)]


def decide(arena: Arena, named: str, keys: list[str]) -> None:
    DECISION_STEPS[0](arena, [f"{model}|{key}" for model in models(named) for key in keys], RUN)


def waves(asked: list[tuple[float, str, str]]) -> int:
    """How many calls of the log had to wait for another to end: those of one wave began together."""
    found, began = 0, float("-inf")
    for at, _, _ in sorted(asked):
        if at >= began + LATENCY:
            found, began = found + 1, at
    return found


def stalled() -> float:
    """Seconds for which this thread was ready and others had the processor; 0 where nobody counts."""
    counted = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(counted.read_text().split()[1]) / 1e9 if counted.is_file() else 0.0


def test_seven_models_and_ten_briefings_take_little_more_than_their_critical_path(
    arena: Arena, endpoint: Endpoint
) -> None:
    key = sessions(arena)[-2]
    endpoint.asked.clear()
    endpoint.latency = LATENCY
    began, waited, worked = time.monotonic(), stalled(), time.process_time()
    SESSION_STEPS[-1](arena, [key], RUN)
    decide(arena, "first", [key])
    own, lost, took = time.process_time() - worked, stalled() - waited, time.monotonic() - began
    asked = [purpose for _, purpose, _ in endpoint.asked]
    critical = waves(endpoint.asked) * LATENCY
    print(
        f"{asked.count('extraction')} articles, {asked.count('synthesis')} briefings, "
        f"{asked.count('decision')} decisions at {LATENCY} s each: {took:.2f} s, of which others had the "
        f"processor for {lost:.2f} s; without those {(took - lost) / critical:.2f} times the critical "
        f"path of {critical:.0f} s. One after the other {len(asked) * LATENCY:.0f} s; own CPU {own:.2f} s"
    )
    assert asked.count("synthesis") >= WATCHED
    assert asked.count("decision") >= MODELS
    assert waves(endpoint.asked) <= 4, "articles, briefings, decisions; one more where a model asks again"


def test_a_second_set_of_models_on_the_same_session_adds_no_research(
    arena: Arena, endpoint: Endpoint
) -> None:
    key = sessions(arena)[-2]
    SESSION_STEPS[-1](arena, [key], RUN)
    decide(arena, "first", [key])
    endpoint.asked.clear()
    decide(arena, "second", [key])
    assert {purpose for _, purpose, _ in endpoint.asked} == {"decision"}
    total = cost_document(arena.store, simulated=True)["sharing"]["total"]
    print(f"14 models: {total['saved_ratio']:.1%} of the calls for briefings saved by sharing")
    assert total["saved_ratio"] >= 0.75

"""`arena run` begun ahead of a session does what the schedules do: collects, searches, waits, decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from arena_pipeline.arena import Arena
from arena_pipeline.assets.resource import open_arena
from arena_pipeline.backfill import Backfill
from arena_pipeline.definitions import build
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.sandbox.server import SandboxServer
from tests.faults.vendor_faults import AHEAD, BENCHMARK, CANARIES, GOOD_DAY, PATIENCE, SYMBOLS, arena_at
from tests.faults.vendors import VENDORS, VendorsAtFault
from tests.sources.stand_ins import Stage

pytest.importorskip("ddgs", reason="the extra `search` is not installed")

pytestmark = pytest.mark.slow

SESSION = trading_calendar().sessions_of(GOOD_DAY)[0]


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """Ten minutes ahead of a session, with all vendors; Dagster's runs use this very arena."""
    moment = {"now": SESSION.time - AHEAD}
    sandbox = SandboxServer(1, SYMBOLS, BENCHMARK, trading_calendar(), clock=lambda: moment["now"])
    with sandbox, VendorsAtFault(sandbox, tmp_path) as vendors:
        urls = {name: vendors.url(name) for name in VENDORS}
        with arena_at(tmp_path / "a", urls, moment, None, vendors.ca_file, seconds=PATIENCE):
            pass
        for name, canary in CANARIES.items():
            monkeypatch.setenv(name, canary)
        arena = open_arena(str(tmp_path / "a" / "arena.toml"), str(tmp_path / "a" / "home"))
        arena.clock, arena.strangers = lambda: moment["now"], Stage(vendors.pages_port)
        yield arena
        arena.close()


def test_a_session_run_ahead_of_its_time_is_searched_for_and_decided_at_its_time(arena: Arena) -> None:
    waited: list[datetime] = []

    def wait(until: datetime) -> None:
        waited.append(until)
        assert arena.store.partitions("decisions") == {}
        arena.clock = lambda: until

    with dg.DagsterInstance.ephemeral() as instance:
        Backfill(arena, build(arena.settings), instance).run_session(SESSION, wait=wait)
    assert waited == [SESSION.time]
    outcomes = {row["vendor"]: row["outcome"] for row in arena.store.rows("found_answers")}
    assert outcomes["ddgs"] == outcomes["page"] == "answered"
    found = arena.store.rows("found_articles")
    assert found
    assert all(row["known_at"] < SESSION.time for row in found)
    assert set(arena.store.partitions("decisions")) == {
        f"{m.id}|{SESSION.key}" for m in arena.settings.models
    }

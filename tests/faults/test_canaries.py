"""No key is in anything that an arena logs, stores or answers, whatever its vendors do.

In each fault mode Dagster runs the day, the doctor asks every vendor, and the API and the pages are read. All
that came of it is searched for the keys, and for a password in the ledger's address.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from arena_pipeline.arena import Arena
from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SESSION_STEPS,
    names,
)
from arena_pipeline.assets.resource import open_arena
from arena_pipeline.assets.step import Run, Step
from arena_pipeline.capability import vendor_states
from arena_pipeline.cli import main
from arena_pipeline.diagnosis import diagnose
from arena_pipeline.instance import open_instance
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.sandbox.server import SandboxServer
from tests.api.world import DECISION, fill_store, settings_of, store_of
from tests.conftest import PROJECT
from tests.faults.canaries import answers_of, found, places_in, stored_in
from tests.faults.vendor_faults import (
    BAD_DAY,
    BENCHMARK,
    CANARIES,
    GOOD_DAY,
    NOWHERE,
    PATIENCE,
    SYMBOLS,
    Day,
    arena_at,
)
from tests.faults.vendors import VENDORS, Fault, VendorsAtFault

PASSWORD = "pgcanary4b5c6d7e"
LEDGER_URL = f"postgresql+psycopg2://arena:{PASSWORD}@127.0.0.1:9/arena"
SECRETS = (*CANARIES.values(), PASSWORD)
MODEL = "news"


class World:
    """A home with a good day behind it, which each fault gets a copy of."""

    def __init__(self, folder: Path, vendors: VendorsAtFault, moment: dict[str, datetime]) -> None:
        self.folder, self.vendors, self.moment = folder, vendors, moment
        self.urls = {name: vendors.url(name) for name in VENDORS}
        moment["now"] = datetime(2025, 3, 3, 19, 0, tzinfo=UTC)
        with arena_at(folder / "good", self.urls, moment, ca_file=vendors.ca_file, seconds=PATIENCE) as arena:
            failed = Day(arena, Run("good"), vendors).live(GOOD_DAY)
            assert not failed, failed
        moment["now"] = datetime(2025, 3, 4, 19, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    moment = {"now": datetime(2025, 3, 3, 19, 0, tzinfo=UTC)}
    with (
        SandboxServer(1, SYMBOLS, BENCHMARK, trading_calendar(), clock=lambda: moment["now"]) as sandbox,
        VendorsAtFault(sandbox, tmp_path_factory.mktemp("authority")) as vendors,
    ):
        yield World(tmp_path_factory.mktemp("canaries"), vendors, moment)


class ByDagster:
    """Runs steps as Dagster does, with its instance in the home, and remembers what failed."""

    def __init__(self, arena: Arena, instance: dg.DagsterInstance) -> None:
        from arena_pipeline.definitions import build

        self._job = build(arena.settings).resolve_implicit_global_asset_job_def()
        self._instance = instance
        self.failed: set[str] = set()
        self.made: set[str] = set()

    def run(self, steps: tuple[Step, ...], first: str, last: str) -> None:
        result = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=[dg.AssetKey(name) for name in names(steps)],
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            raise_on_error=False,
        )
        self.failed |= {str(event.step_key) for event in result.all_events if event.is_step_failure}
        self.made |= {str(event.step_key) for event in result.all_events if event.is_step_success}


@pytest.mark.slow
@pytest.mark.parametrize("fault", Fault)
def test_no_secret_is_logged_stored_or_answered_in_any_fault(
    world: World,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    gone = {Fault.DNS: NOWHERE, Fault.REFUSED: "http://127.0.0.1:9"}.get(fault)
    urls = dict.fromkeys(world.urls, gone) if gone else world.urls
    folder = world.folder / fault.name
    shutil.copytree(world.folder / "good", folder)
    with arena_at(folder, urls, world.moment, ca_file=world.vendors.ca_file) as opened:
        settings = opened.settings
        home = settings.home
        (home / "dagster").mkdir()
        shutil.copy(PROJECT / "dagster.yaml", home / "dagster")
        monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
        monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        arena = open_arena(str(settings.file), str(home))
        arena.clock = lambda: world.moment["now"]
        world.vendors.fault = fault
        try:
            with open_instance(home) as instance:
                work = ByDagster(arena, instance)
                monkeypatch.setenv("ARENA_LEDGER_URL", LEDGER_URL)
                day = str(BAD_DAY)
                work.run(DAY_STEPS, day, day)
                work.run(SESSION_STEPS, f"{day}T08:30", f"{day}T14:00")
                work.run(DECISION_STEPS, f"{MODEL}|{day}T08:30", f"{MODEL}|{day}T14:00")
                work.run(BOOK_STEPS, f"{MODEL}|{day}", f"{MODEL}|{day}")
                work.run(BOARD_STEPS, day, day)
                logged = [
                    entry.to_json() for run in instance.get_runs() for entry in instance.all_logs(run.run_id)
                ]
            diagnosis = [diagnose(arena), [state.document() for state in vendor_states(arena)]]
            places = places_in(home) | stored_in(arena) | answers_of(settings)
        finally:
            world.vendors.fault = None
            arena.close()
    output = capfd.readouterr()
    places |= {
        "events": "\n".join(logged).encode(),
        "doctor": repr(diagnosis).encode(),
        "log": "\n".join(map(logging.Formatter().format, _not_werkzeug(caplog.records))).encode(),
        "standard output": output.out.encode(),
        "standard error": output.err.encode(),
    }
    assert "daily_bars" in work.failed
    assert {"articles", "financials", "decisions"} <= work.made
    assert any(name.endswith(".err") for name in places), "Dagster captures what steps print"
    assert any(b"daily_bars" in content for name, content in places.items() if "event_logs" in name)
    assert sum(name.startswith("GET /api/") and "(200)" in name for name in places) >= 5
    assert found(SECRETS, places) == []


def _not_werkzeug(records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """The stand-ins' own log is the vendors', not ours."""
    return [record for record in records if record.name != "werkzeug"]


def test_a_secret_in_any_of_the_places_would_be_found(tmp_path: Path) -> None:
    secret = CANARIES["FINNHUB_API_KEY"]
    (tmp_path / "history" / "runs").mkdir(parents=True)
    (tmp_path / "captured.err").write_text(f"printed {secret}")
    with sqlite3.connect(tmp_path / "history" / "runs" / "run.db") as connection:
        connection.execute("CREATE TABLE event_logs (event TEXT)")
        connection.execute("CREATE TABLE snapshots (body BLOB)")
        connection.execute("CREATE TABLE kept (note TEXT)")
        long = "x" * 4000 + f" {secret} " * 500
        connection.execute("INSERT INTO event_logs VALUES (?)", (json.dumps({"message": long}),))
        connection.execute("INSERT INTO snapshots VALUES (?)", (zlib.compress(long.encode()),))
        connection.execute("INSERT INTO kept VALUES ('nothing')")
    places = places_in(tmp_path)
    assert "history/runs/run.db: kept" in places
    assert {"captured.err", "history/runs/run.db: event_logs", "history/runs/run.db: snapshots"} <= set(
        found([secret], places)
    )
    assert "history/runs/run.db: kept" not in found([secret], places)


def test_a_secret_in_a_model_s_words_would_be_found_in_the_answers(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fill_store(store)
    store.close()
    hits = found(["tester"], answers_of(settings_of(tmp_path)))
    assert {
        "GET /api/decisions (200)",
        f"GET /api/decisions/{DECISION} (200)",
        f"GET /api/decisions/{DECISION}/lineage (200)",
        "GET /api/models (200)",
        f"GET /decisions/{DECISION} (200)",
        "GET / (200)",
    } <= set(hits)


@pytest.mark.parametrize(
    "url",
    [
        LEDGER_URL,
        f"postgresql://arena:{PASSWORD}@[oops/arena",
        f"mongo://arena:{PASSWORD}@127.0.0.1/arena",
        f"nonsense:{PASSWORD}@",
    ],
)
def test_a_password_in_the_ledger_s_address_is_in_no_message(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "arena.toml").write_text('[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n')
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARENA_CONFIG", str(tmp_path / "arena.toml"))
    monkeypatch.setenv("ARENA_LEDGER_URL", url)
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "--offline"])
    shown = capsys.readouterr()
    assert stopped.value.code in {1, 2}
    assert "ARENA_LEDGER_URL" in shown.err
    assert PASSWORD not in shown.out + shown.err + repr(stopped.value.__context__)

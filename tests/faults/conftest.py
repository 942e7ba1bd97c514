"""A process to kill: `nursery.run("home", kill_after=0.3)`, and what is left in the home afterwards."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select as sql_select

from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.warehouse.schemas import SCHEMAS
from arena_pipeline.warehouse.store import ArenaStore, frame_digest
from arena_pipeline.warehouse.tables import collections, metadata

WORKER = Path(__file__).with_name("worker.py")
SYMBOLS = {"SAP.DE": 250.0, "SIE.DE": 180.0, "ALV.DE": 300.0}
STORED_WHEN = {
    "id": {"catalog", "collections", "evidence"},
    "number": {"outbox"},
    "row_id": set(metadata.tables),
    "run_id": set(metadata.tables),
    "recorded_at": set(metadata.tables),
    "registered_at": {"models"},
    "fetched_at": {"fetches"},
    "at": {"collections", "outbox"},
    "known_at": {"catalog"},
    "path": {"catalog"},
}
"""Columns that say when, by which run and under which number a row was stored, and the tables they are in."""

ABOUT_RUNS = ("run", "check")

Contents = dict[str, list[str]]


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (-9: killed) and after how many seconds."""

    code: int
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Nursery:
    """The process that forks the runs over the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("ARENA", "DAGSTER"))
        }
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env=environment | {"PYTHONPATH": str(WORKER.parents[2])},
        )

    def run(
        self,
        home: str,
        mode: str = "steps",
        *,
        kill_after: float | None = None,
        kill_before_statement: int = 0,
    ) -> Ended:
        """Run the backfill on a home, and kill it after some seconds if it has not ended by then."""
        sent, answers = self._process.stdin, self._process.stdout
        assert sent is not None
        assert answers is not None
        sent.write(f"{home} {mode} {kill_before_statement}\n".encode())
        pid, started = int(answers.readline()), time.monotonic()
        if kill_after is not None and not select.select([answers], [], [], kill_after)[0]:
            os.kill(pid, signal.SIGKILL)
        return Ended(int(answers.readline()), time.monotonic() - started)

    def errors(self, home: str) -> str:
        return (self.folder / home / "errors.txt").read_text()

    def contents(self, home: str) -> Contents:
        """Every table of the ledger without when and by whom; every partition of the lake, read anew.
        Messages about runs and checks are left out: what was killed begins another run."""
        store = ArenaStore(
            ledger_url=f"sqlite:///{self.folder / home / 'ledger.db'}",
            lake_url=str(self.folder / home / "lake"),
            archive_folder=str(self.folder / home / "archive"),
        )
        found: Contents = {}
        with store.ledger.read() as connection:
            numbers = {
                row.id: f"{row.asset} {row.partitions}" for row in connection.execute(sql_select(collections))
            }
            for table in metadata.sorted_tables:
                rows = [
                    dict(row._mapping)
                    for row in connection.execute(sql_select(table))
                    if table.name != "outbox" or row.kind not in ABOUT_RUNS
                ]
                found[table.name] = sorted(json.dumps(_content(table.name, row, numbers)) for row in rows)
            for row in connection.execute(sql_select(metadata.tables["fetches"].c.sha256)):
                store.archive.get(row.sha256)
        for asset in SCHEMAS:
            partitions: dict[str, list[dict[str, Any]]] = {key: [] for key in store.partitions(asset)}
            for row in store.rows(asset):
                partitions[row["partition"]].append(row)
            found[f"lake/{asset}"] = [
                f"{key} {frame_digest(asset, key, rows)}" for key, rows in sorted(partitions.items())
            ]
            found[f"catalog/{asset}"] = [f"{k} {v}" for k, v in sorted(store.partitions(asset).items())]
        store.close()
        return found

    def close(self) -> None:
        self._process.communicate(timeout=60)


def _content(table: str, row: dict[str, Any], numbers: dict[int, str]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if table not in STORED_WHEN.get(name, ())}
    if "superseded_at" in kept:
        kept["superseded_at"] = kept["superseded_at"] is not None
    if table == "fetches":
        kept["collection"] = numbers[kept["collection"]]
    return kept


def differences(found: Contents, wanted: Contents) -> list[str]:
    """What was lost (-) and what is new (+), duplicates included."""
    told = []
    for name in wanted:
        lost, new = list(wanted[name]), []
        for row in found[name]:
            if row in lost:
                lost.remove(row)
            else:
                new.append(row)
        told += [f"- {name}: {row}" for row in lost] + [f"+ {name}: {row}" for row in new]
    return told


@pytest.fixture(scope="session")
def compare() -> Any:
    return differences


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("faults")
    _write_files(folder)
    nursery = Nursery(folder)
    yield nursery
    nursery.close()


def _write_files(folder: Path) -> None:
    dice = random.Random(11)
    (folder / "prices").mkdir()
    days = trading_calendar("XETR").days(date(2025, 2, 3), date(2025, 3, 14))
    for symbol, level in {**SYMBOLS, "index": 2200.0}.items():
        lines = ["Date,Open,High,Low,Close,Volume"]
        for day in days:
            opening = level * (1 + dice.uniform(-0.01, 0.01))
            level = opening * (1 + dice.uniform(-0.02, 0.021))
            high, low = max(opening, level) * 1.003, min(opening, level) * 0.997
            lines.append(f"{day},{opening:.2f},{high:.2f},{low:.2f},{level:.2f},1000")
        file = folder / "index.csv" if symbol == "index" else folder / "prices" / f"{symbol}.csv"
        file.write_text("\n".join(lines) + "\n")
    (folder / "arena.toml").write_text(
        f'[arena]\nstart = "2025-03-03"\n[universe]\nsymbols = {json.dumps(list(SYMBOLS))}\n'
        f'[prices]\nsource = "files"\npath = "prices"\nbenchmark_path = "index.csv"\n'
        f'[news]\nsource = "none"\n'
        f'[[models]]\nid = "equal-weight"\nkind = "baseline"\nstrategy = "equal_weight"\n'
        f'[[models]]\nid = "dice"\nkind = "baseline"\nstrategy = "random"\n'
    )

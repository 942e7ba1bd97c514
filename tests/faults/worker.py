"""Runs a small backfill in child processes that may be killed at any moment.

Started once by the tests, it forks a child per run, so that a run costs what it does and not what its imports
do. One line in: `HOME MODE STATEMENT`. Out: the child's process id, and, when it has ended, its exit code.

MODE: `steps` runs the assets' steps, `dagster` runs `Backfill` as the command does, `autocommit` runs the
steps with transactions taken out: each statement commits by itself. STATEMENT, if not 0: the child kills
itself before that write statement to the ledger.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.settings import load_settings

FIRST, LAST = date(2025, 3, 3), date(2025, 3, 12)
NEVER = -1


def run_steps(folder: Path, home: Path) -> None:
    settings = load_settings(folder / "arena.toml", home=home)
    with Arena(settings, open_store(settings)) as arena:
        days = arena.calendar.days(FIRST, LAST)
        keys = [session.key for session in arena.calendar.sessions(FIRST, LAST)]
        run = Run(f"run-{os.getpid()}")
        for step in DAY_STEPS:
            step(arena, [str(day) for day in days], run)
        for step in SESSION_STEPS:
            step(arena, keys, run)
        for model in settings.models:
            for step in DECISION_STEPS:
                step(arena, [f"{model.id}|{key}" for key in keys], run)
            for step in BOOK_STEPS:
                step(arena, [f"{model.id}|{day}" for day in days], run)
        for step in BOARD_STEPS:
            step(arena, [str(day) for day in days], run)


def run_through_dagster(folder: Path, home: Path) -> None:
    from arena_pipeline.backfill import Backfill
    from arena_pipeline.definitions import build
    from arena_pipeline.instance import open_instance

    settings = load_settings(folder / "arena.toml", home=home)
    with Arena(settings, open_store(settings)) as arena, open_instance(home) as instance:
        Backfill(arena, build(settings), instance).run(FIRST, LAST)


def disturb(*, autocommit: bool, die_before: int) -> None:
    """Before each statement to the ledger: commit what came before it; end here if it is this write."""
    written = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def _before(connection: Connection, _: Any, sql: str, *_more: Any) -> None:
        nonlocal written
        raw: Any = connection.connection.driver_connection
        writing = not connection.get_execution_options().get("arena_read")
        if autocommit and writing and raw.in_transaction:
            raw.execute("COMMIT")
            raw.execute("BEGIN IMMEDIATE")
        written += sql.lstrip().upper().startswith(("INSERT", "UPDATE"))
        if written == die_before:
            os.kill(os.getpid(), signal.SIGKILL)


def child(folder: Path, home: Path, mode: str, statement: int) -> None:
    home.mkdir(parents=True, exist_ok=True)
    os.dup2(os.open(home / "errors.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    code = 1
    try:
        if mode == "autocommit" or statement:
            disturb(autocommit=mode == "autocommit", die_before=statement or NEVER)
        (run_through_dagster if mode == "dagster" else run_steps)(folder, home)
        code = 0
    finally:
        if code:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    trading_calendar("XETR")
    for line in sys.stdin:
        home, mode, statement = line.split()
        pid = os.fork()
        if pid == 0:
            child(folder, folder / home, mode, int(statement))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

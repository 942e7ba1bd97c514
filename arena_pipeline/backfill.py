"""A backfill: the assets of a range of trading days, through Dagster, in one process.

Days can be collected in any order. Research cannot: a session looks back over the days before. Nor can
decisions: a model's session builds on the one before. So a backfill researches and decides what has become
possible: from the first session that is missing as far as the days reach without a gap. Days given in any
order end in the same tables.
"""

from __future__ import annotations

import fcntl
import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import func, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import decided_sessions
from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SCOUT_STEPS,
    SESSION_STEPS,
    names,
)
from arena_pipeline.assets.undone import left_undone, unpriced
from arena_pipeline.errors import ArenaError, ConfigError
from arena_pipeline.market.calendar import Session
from arena_pipeline.partitions import SESSION, TRADING_DAY, model_key
from arena_pipeline.probes import require_models
from arena_pipeline.settings import ModelKind
from arena_pipeline.warehouse.tables import catalog

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NAMED = 12
"""So many pieces of work left undone are named in one line."""

COMMAND_TAG, COMMAND = "arena/command", "backfill"
ALL_STEPS = DAY_STEPS + SESSION_STEPS + DECISION_STEPS + BOOK_STEPS + BOARD_STEPS


@dataclass(frozen=True, slots=True)
class Launch:
    """One Dagster run: some assets over a range of partitions."""

    title: str
    assets: tuple[str, ...]
    first: str
    last: str
    partitions: int


@dataclass
class Summary:
    """What a backfill did. `waiting` says which sessions could not be decided yet, and why."""

    first: date
    last: date
    trading_days: int = 0
    sessions: int = 0
    runs: int = 0
    partitions: int = 0
    rows: int = 0
    seconds: float = 0.0
    waiting: str = ""
    undone: list[str] = field(default_factory=list)
    """Decisions and briefings that want of money stopped, by id."""
    warnings: list[str] = field(default_factory=list)
    unpriced: list[str] = field(default_factory=list)
    """Symbols of which no day of the range has a bar."""

    def line(self) -> str:
        text = (
            f"backfilled {self.first} to {self.last}: {self.trading_days} trading days, "
            f"{self.sessions} sessions, {self.partitions} partitions in {self.runs} runs, "
            f"{self.rows} rows written, {self.seconds:.1f} s"
        )
        notes = [text, self.waiting]
        if self.undone:
            more = f" and {len(self.undone) - NAMED} more" if len(self.undone) > NAMED else ""
            notes.append(f"left undone for want of money: {', '.join(self.undone[:NAMED])}{more}")
        if self.unpriced:
            notes.append(f"without prices: {', '.join(self.unpriced)}")
        return "; ".join(note for note in notes if note)


Progress = Callable[[str, int], None]
"""Told of each run before it starts: its title and its number of partitions."""


class Backfill:
    """Runs the assets of one arena over a range of days. Running it again changes no row."""

    def __init__(self, arena: Arena, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._arena, self._instance = arena, instance
        self._job = definitions.resolve_implicit_global_asset_job_def()

    def run(
        self,
        first: date,
        last: date,
        *,
        models: Sequence[str] = (),
        assets: Sequence[str] = (),
        progress: Progress = lambda title, partitions: None,
    ) -> Summary:
        """Materialise everything from `first` to `last`, or only some models or assets of it.

        Raises ConfigError for a range without trading days or outside the arena, ArenaError when a run fails.
        """
        with _only_backfill(self._arena.settings.home), _rare_collections():
            _bury_dead_runs(self._instance)
            self._arena.store.sweep()
            return self._run(first, last, models, assets, progress)

    def run_session(
        self,
        session: Session,
        *,
        wait: Callable[[datetime], None],
        progress: Progress = lambda title, partitions: None,
    ) -> Summary:
        """A session, after the days missed before it. Where it is still ahead, news of its watchlist is
        searched for, which nobody can do later, and `wait` is called with its time before it is decided.
        """
        begins_late = self._arena.clock() >= session.time
        summary = self.run(self.oldest_gap(session.day), session.day, progress=progress)
        if begins_late:
            return summary
        self._scout(session, progress)
        wait(session.time)
        rest = SESSION_STEPS + DECISION_STEPS + BOOK_STEPS + BOARD_STEPS
        return self.run(session.day, session.day, assets=names(rest), progress=progress)

    def _scout(self, session: Session, progress: Progress) -> None:
        with _only_backfill(self._arena.settings.home):
            summary = Summary(session.day, session.day)
            self._over(
                SCOUT_STEPS, set(names(SCOUT_STEPS)), session.key, session.key, 1, progress, summary, "ahead:"
            )

    def oldest_gap(self, last: date) -> date:
        """The first trading day up to `last` that was not collected; `last` when there is none."""
        stored = [self._arena.store.partitions(name) for name in names(DAY_STEPS)]
        days = self._arena.calendar.days(self._arena.start, max(self._arena.start, last))
        missing = (day for day in days if not all(str(day) in partitions for partitions in stored))
        return next(missing, last)

    def _run(
        self, first: date, last: date, models: Sequence[str], assets: Sequence[str], progress: Progress
    ) -> Summary:
        arena = self._arena
        days = self._days(first, last)
        chosen = self._assets(assets)
        contestants = [arena.settings.model_named(name).id for name in models] or [
            model.id for model in arena.settings.models
        ]
        sessions = [session for day in days for session in arena.calendar.sessions_of(day)]
        sessions = [session for session in sessions if session.time <= arena.clock()]
        if {"briefings", "decisions"} & chosen:
            self._require_models(contestants, sessions)
        summary = Summary(first, last, len(days), len(sessions))
        before, started = self._last_catalog_row(), time.monotonic()
        self._over(DAY_STEPS, chosen, days[0].isoformat(), days[-1].isoformat(), len(days), progress, summary)
        self._research(chosen, sessions, progress, summary)
        self._contest(contestants, chosen, days, sessions, progress, summary)
        summary.rows = self._rows_since(before)
        summary.undone = left_undone(arena.store, before)
        summary.unpriced = unpriced(arena, days)
        summary.seconds = time.monotonic() - started
        return summary

    def _research(
        self, chosen: set[str], sessions: Sequence[Session], progress: Progress, summary: Summary
    ) -> None:
        """Research as far as the days were collected without a gap: a session looks back over all of them.

        From the first session without research everything is made, also what was made too early.
        """
        reach = self._collected()
        researched = self._arena.store.partitions("briefings")
        wanted = [session for session in reach if session in set(sessions)]
        pending = [session for session in reach if session.key not in researched]
        if not wanted and not pending:
            return
        begin = min(wanted[:1] + pending[:1])
        end = reach[-1] if pending else wanted[-1]
        count = sum(begin.time <= session.time <= end.time for session in reach)
        self._over(SESSION_STEPS, chosen, begin.key, end.key, count, progress, summary)

    def _contest(
        self,
        contestants: Sequence[str],
        chosen: set[str],
        days: Sequence[date],
        sessions: Sequence[Session],
        progress: Progress,
        summary: Summary,
    ) -> None:
        """Decisions, books and the board, as far as the chain of sessions reaches."""
        reach = self._decidable()
        if sessions and (not reach or reach[-1].time < sessions[-1].time):
            missing = self._first_missing(reach)
            summary.waiting = f"decisions from {missing} wait until its day is backfilled"
        if not reach:
            return
        since = [session for session in reach if sessions and session.time >= sessions[0].time][:1]
        oldest: list[Session] = []
        for model in contestants:
            decided = decided_sessions(self._arena.store, model)
            pending = [session for session in reach if session.key not in decided][:1]
            begin = min(since + pending, default=None)
            if begin is None:
                continue
            oldest.append(begin)
            if names(DECISION_STEPS)[0] in chosen:
                count = sum(session.time >= begin.time for session in reach)
                self._model_run(
                    DECISION_STEPS, chosen, model, SESSION, begin.key, reach[-1].key, count, progress, summary
                )
        closed = self._closed_days(reach)
        if not oldest or not closed:
            return
        first_day = min(oldest).day
        span = [day for day in closed if day >= first_day]
        if not span:
            return
        for model in contestants:
            self._model_run(
                BOOK_STEPS,
                chosen,
                model,
                TRADING_DAY,
                str(span[0]),
                str(span[-1]),
                len(span),
                progress,
                summary,
            )
        self._over(BOARD_STEPS, chosen, str(span[0]), str(span[-1]), len(span), progress, summary)

    def _require_models(self, contestants: Sequence[str], sessions: Sequence[Session]) -> None:
        """Raises SourceError or ConfigError where language models are to decide and cannot be asked: what
        they would abstain from now, they could never decide again."""
        for name in contestants:
            if self._arena.contestant(name).kind is ModelKind.LLM:
                decided = decided_sessions(self._arena.store, name)
                if any(session.key not in decided for session in sessions):
                    require_models(self._arena)
                    return

    def _collected(self) -> list[Session]:
        """The sessions, up to now, of the days from the start on that were collected without a gap."""
        arena = self._arena
        stored = [arena.store.partitions(name) for name in names(DAY_STEPS)]
        days = itertools.takewhile(
            lambda day: all(str(day) in partitions for partitions in stored),
            arena.calendar.days(arena.start, max(arena.start, arena.clock().date())),
        )
        sessions = [session for day in days for session in arena.calendar.sessions_of(day)]
        return [session for session in sessions if session.time <= arena.clock()]

    def _decidable(self) -> list[Session]:
        """Of those, the sessions from the start on that were researched without a gap."""
        researched = self._arena.store.partitions("briefings")
        return list(itertools.takewhile(lambda session: session.key in researched, self._collected()))

    def _first_missing(self, reach: Sequence[Session]) -> str:
        calendar = self._arena.calendar
        if not reach:
            return calendar.sessions_of(self._arena.start)[0].key
        day = reach[-1].day
        following = [s for s in calendar.sessions_of(day) if s.time > reach[-1].time]
        return (following or calendar.sessions_of(calendar.next_day(day)))[0].key

    def _closed_days(self, reach: Sequence[Session]) -> list[date]:
        """The days whose sessions are all within reach and whose bars were collected."""
        known = {session.key for session in reach}
        collected = self._arena.store.partitions("daily_bars")
        return [
            day
            for day in self._arena.calendar.days(self._arena.start, reach[-1].day)
            if str(day) in collected and all(s.key in known for s in self._arena.calendar.sessions_of(day))
        ]

    def _days(self, first: date, last: date) -> list[date]:
        start = self._arena.start
        if first < start:
            raise ConfigError(
                f"{self._arena.settings.file}: the arena starts on {start}, after {first}",
                remedy="set [arena] start to an earlier day in a new ARENA_HOME, or backfill from there",
            )
        today = self._arena.clock().date()
        days = (
            [day for day in self._arena.calendar.days(first, last) if day <= today] if first <= last else []
        )
        if not days:
            raise ConfigError(
                f"{self._arena.calendar.code} has no trading day from {first} to {last} that has come yet",
                remedy="give --from and --to with a past trading day between them",
            )
        return days

    def _assets(self, assets: Sequence[str]) -> set[str]:
        known = names(ALL_STEPS)
        unknown = sorted(set(assets) - set(known))
        if unknown:
            raise ConfigError(
                f"no asset is called {', '.join(unknown)}", remedy=f"use some of: {', '.join(known)}"
            )
        return set(assets or known)

    def _model_run(
        self,
        steps: tuple[Any, ...],
        chosen: set[str],
        model: str,
        dimension: str,
        first: str,
        last: str,
        partitions: int,
        progress: Progress,
        summary: Summary,
    ) -> None:
        self._over(
            steps,
            chosen,
            str(model_key(model, dimension, first)),
            str(model_key(model, dimension, last)),
            partitions,
            progress,
            summary,
            title=model,
        )

    def _over(
        self,
        steps: tuple[Any, ...],
        chosen: set[str],
        first: str,
        last: str,
        partitions: int,
        progress: Progress,
        summary: Summary,
        title: str = "",
    ) -> None:
        assets = tuple(name for name in names(steps) if name in chosen)
        if not assets:
            return
        launch = Launch(f"{title} {', '.join(assets)}".strip(), assets, first, last, partitions * len(assets))
        progress(launch.title, launch.partitions)
        self._launch(launch)
        summary.runs += 1
        summary.partitions += launch.partitions

    def _launch(self, launch: Launch) -> None:
        result = self._job.execute_in_process(
            instance=self._instance,
            run_config=QUIET,
            asset_selection=[dg.AssetKey(name) for name in launch.assets],
            tags={
                "dagster/asset_partition_range_start": launch.first,
                "dagster/asset_partition_range_end": launch.last,
                COMMAND_TAG: COMMAND,
            },
            raise_on_error=False,
        )
        if not result.success:
            raise ArenaError(
                f"{launch.title} failed: {_cause(result)}",
                remedy=f"run {result.run_id} has the details in the Dagster UI (`arena up`)",
            )

    def _last_catalog_row(self) -> int:
        with self._arena.store.ledger.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(catalog.c.id), 0))).scalar_one())

    def _rows_since(self, row: int) -> int:
        with self._arena.store.ledger.read() as connection:
            return int(
                connection.execute(
                    select(func.coalesce(func.sum(catalog.c.rows), 0)).where(catalog.c.id > row)
                ).scalar_one()
            )


@contextmanager
def _only_backfill(home: Path) -> Iterator[None]:
    """Held while a backfill runs; the system lets go of it when the process ends, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "backfill.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArenaError(
                f"another backfill is at work in {home}", remedy="wait for it to end, or stop it"
            ) from error
        yield


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage seldom: the graph and the partition keys live as long as the backfill, and each full
    collection walks all of them. `docs/performance.md` has what it saves."""
    usual = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _bury_dead_runs(instance: dg.DagsterInstance) -> None:
    """Fail the runs of a killed backfill and free their places in the pools, for which others would wait."""
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED],
        tags={COMMAND_TAG: COMMAND},
    )
    for run in instance.get_runs(unfinished):
        instance.report_run_failed(run, "the process of this backfill is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _cause(result: dg.ExecuteInProcessResult) -> str:
    """The innermost error of the first failed step or check."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return error.message.strip() if error else "unknown"
    return "a blocking asset check failed"

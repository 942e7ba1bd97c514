"""How often a vendor may be asked: one budget for every process of an arena, in a file that outlives them.

A call is counted before it is sent, each attempt and each hop of a redirect for itself. The counting is
pyrate-limiter's (https://pyratelimiter.readthedocs.io); `budgets.toml` holds the limits and where they come
from. What a replay or the sandbox answers is never counted, because nothing is sent.
"""

from __future__ import annotations

import functools
import math
import re
import sqlite3
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from pyrate_limiter import Rate, RateItem
from pyrate_limiter.buckets.sqlite_bucket import SQLiteBucket

from arena_pipeline.errors import RateLimited, SourceError
from arena_pipeline.sources.recorder import Failure

VENDOR = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
BUSY_SECONDS = 10
"""How long to wait for another process that is just counting a call."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: float

    def __str__(self) -> str:
        hours, minutes = self.seconds / 3600, self.seconds / 60
        if hours >= 1:
            return f"{self.calls} calls in {hours:.3g} h"
        return (
            f"{self.calls} calls in {minutes:g} min"
            if minutes >= 1
            else f"{self.calls} in {self.seconds:g} s"
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """No call may be made now: which limit is reached, and for how many seconds."""

    vendor: str
    limit: Limit
    seconds: float

    @property
    def reason(self) -> str:
        """The same on every run, so that it may stand in an archive."""
        return f"{Failure.HELD_BACK}the budget for {self.vendor} is used up ({self.limit})"


@dataclass(frozen=True, slots=True)
class Closed(Spent):
    """No call may be made any more, for a reason that is no limit of the vendor's."""

    why: str

    @property
    def reason(self) -> str:
        return f"{Failure.HELD_BACK}{self.why}"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one limit of one vendor: `used` calls lie in its window."""

    vendor: str
    limit: Limit
    used: int

    @property
    def left(self) -> int:
        return max(self.limit.calls - self.used, 0)


class Budget(Protocol):
    """Who says whether a vendor may be asked now."""

    def take(self, vendor: str) -> Spent | None:
        """Count a call that is about to be made; when it may not be made, nothing is counted."""


class Unmetered:
    """A budget without limits: for the sandbox, which is no vendor, and for tests."""

    def take(self, vendor: str) -> None:
        """Allows it."""


class Until:
    """Another budget, that ends at a moment: what is fetched later would be known too late."""

    def __init__(self, budget: Budget, ends: datetime, *, clock: Callable[[], datetime]) -> None:
        self._budget, self._ends, self._clock = budget, ends, clock

    def take(self, vendor: str) -> Spent | None:
        """See `Budget`."""
        if self._clock() >= self._ends:
            return Closed(vendor, Limit(0, 0), math.inf, "the session had begun")
        return self._budget.take(vendor)


class VendorBudget:
    """The budget in `file`, which is made when the first call is counted.

    Any number of processes and threads may share it. `clock` is the time in seconds since 1970: calls of
    before a restart count.
    """

    def __init__(
        self,
        file: Path,
        *,
        limits: Mapping[str, tuple[Limit, ...]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._limits = shipped_limits() if limits is None else limits
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._buckets: dict[str, SQLiteBucket] = {}

    def limits_of(self, vendor: str) -> tuple[Limit, ...]:
        for name in (vendor, vendor.partition("-")[0]):
            if name in self._limits:
                return self._limits[name]
        return self._limits["default"]

    def take(self, vendor: str) -> Spent | None:
        """See `Budget`. Raises RateLimited when the file cannot be written: without it nothing is sent."""
        now = self._milliseconds()
        try:
            with self._lock:
                bucket = self._bucket(vendor)
                item = RateItem("call", now)
                if bucket.put(item):
                    return None
                waiting = cast(int, bucket.waiting(item))
                reached = bucket.rates.index(cast(Rate, bucket.failing_rate))
        except sqlite3.Error as error:
            raise RateLimited(
                f"{vendor} is not asked: its calls cannot be counted in {self._file.name} ({error})",
                remedy=f"make {self._file.parent} writable",
            ) from error
        return Spent(vendor, self.limits_of(vendor)[reached], waiting / 1000)

    def left(self) -> list[Left]:
        """What is left for each vendor that was ever asked, in order, by limit. Raises SourceError."""
        if not self._file.exists():
            return []
        now = self._milliseconds()
        try:
            with self._lock:
                connection = self._open()
                return [
                    Left(vendor, limit, self._used(connection, vendor, now - round(limit.seconds * 1000)))
                    for vendor in _counted(connection)
                    for limit in self.limits_of(vendor)
                ]
        except sqlite3.Error as error:
            raise SourceError(
                f"the calls counted in {self._file} cannot be read ({error})",
                remedy="move the file away: counting begins anew",
            ) from error

    def close(self) -> None:
        with self._lock:
            self._buckets.clear()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _used(self, connection: sqlite3.Connection, vendor: str, since: int) -> int:
        counted = f"SELECT COUNT(*) FROM {_quoted(vendor)} WHERE item_timestamp >= ?"
        return int(connection.execute(counted, (since,)).fetchone()[0])

    def _milliseconds(self) -> int:
        return int(self._clock() * 1000)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            with suppress(sqlite3.OperationalError):  # another process is just doing it
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection

    def _bucket(self, vendor: str) -> SQLiteBucket:
        if vendor not in self._buckets:
            connection = self._open()
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_quoted(vendor)} (name VARCHAR, item_timestamp INTEGER)"
            )
            rates = [Rate(limit.calls, round(limit.seconds * 1000)) for limit in self.limits_of(vendor)]
            bucket = SQLiteBucket(rates, connection, vendor, lock=_Exclusive(connection))
            bucket.leak(self._milliseconds())
            self._buckets[vendor] = bucket
        return self._buckets[vendor]


class _Exclusive:
    """The lock around pyrate-limiter's count and insert: a write transaction, which other processes wait for.

    The bucket's own lock holds in one process only: two processes could both count 19 of 20 calls. (Its lock
    file would hold between them, and its limiter fails with filelock 4.)
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()


def _counted(connection: sqlite3.Connection) -> list[str]:
    """The vendors that calls were counted for."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [str(name) for (name,) in tables.fetchall() if VENDOR.fullmatch(str(name))]


@functools.cache
def shipped_limits() -> Mapping[str, tuple[Limit, ...]]:
    """The limits of `budgets.toml`, by vendor."""
    raw = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text(encoding="utf-8"))
    return {
        vendor: tuple(Limit(entry["calls"], entry["seconds"]) for entry in table["limits"])
        for vendor, table in raw.items()
    }


def wait_for_turn(
    budget: Budget, vendor: str, *, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Take one call for a client that has HTTP of its own, waiting at most `seconds`. Raises RateLimited."""
    ends = time.monotonic() + seconds
    while (spent := budget.take(vendor)) is not None:
        if time.monotonic() + spent.seconds > ends:
            raise RateLimited(spent.reason, remedy="ask again later")
        sleep(spent.seconds)


def _quoted(vendor: str) -> str:
    """The vendor as a table's name: pyrate-limiter writes it into its SQL as it is."""
    if not VENDOR.fullmatch(vendor):
        raise ValueError(f"{vendor!r:.60} is no vendor's name; use a-z, 0-9 and dashes")
    return f'"{vendor}"'

"""What the routes and the pages read, one module per subject: each function takes the process's `Reading` and
returns a document.

Nothing here computes what an asset should have computed, and nothing writes. Settings and store are opened
when first asked for. A ledger that is not there yet is not made here: that is for the first run to do, and
until then every list is empty.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, TypeVar

from arena_api.reading.opening import identity_of
from arena_pipeline.errors import DataError
from arena_pipeline.market.calendar import TradingCalendar, trading_calendar
from arena_pipeline.settings import Settings, load_settings
from arena_pipeline.warehouse.store import ArenaStore

T = TypeVar("T")
Document = dict[str, Any]
Clock = Callable[[], datetime]

KEPT = 64
"""So many intermediate results are remembered."""


def system_clock() -> datetime:
    return datetime.now(UTC)


class Reading:
    """The one reader of a process. Safe to use from several threads.

    A ledger that was replaced by another file, as a restore does, is opened anew.
    """

    def __init__(self, settings: Settings | None = None, *, clock: Clock = system_clock) -> None:
        self.clock = clock
        self._settings = settings
        self._store: ArenaStore | None = None
        self._opened: object = None
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[object, object]] = OrderedDict()

    @property
    def settings(self) -> Settings:
        """The configuration in force. Raises ConfigError when it is missing or wrong."""
        with self._lock:
            if self._settings is None:
                self._settings = load_settings()
            return self._settings

    @property
    def simulated(self) -> bool:
        """Whether anything here comes from the sandbox."""
        return self.settings.simulated

    @property
    def calendar(self) -> TradingCalendar:
        """The exchange's trading days and hours."""
        return trading_calendar(self.settings.arena.market)

    def store(self) -> ArenaStore | None:
        """The arena's store, or None while there is no ledger."""
        settings = self.settings
        identity = identity_of(settings.ledger_url)
        with self._lock:
            if self._store is not None and identity != self._opened:
                self._store.close()
                self._store = None
                self._kept.clear()
            if self._store is None and identity is not None:
                self._store = ArenaStore(
                    ledger_url=settings.ledger_url,
                    lake_url=settings.lake_url,
                    archive_folder=str(settings.home / "archive"),
                    market=settings.arena.market,
                )
                self._opened = identity
            return self._store

    def existing(self, what: str) -> ArenaStore:
        """The store. Raises DataError, saying that there is no `what`, while there is no ledger."""
        store = self.store()
        if store is None:
            raise DataError(f"there is no {what}", remedy="nothing has been run yet")
        return store

    def remembered(self, key: Hashable, state: object, make: Callable[[], T]) -> T:
        """What `make` returns, made again when `state` is another than when it was made."""
        with self._lock:
            held = self._kept.get(key)
            if held is not None and held[0] == state:
                self._kept.move_to_end(key)
                return held[1]  # type: ignore[return-value]
        made = make()
        with self._lock:
            self._kept[key] = (state, made)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

"""What the routes and the pages read: the documents of `warehouse.views`, empty ones before the first run.

Settings and store are opened when first asked for. A ledger that is not there yet is not made here: that is
for the first run to do, and until then every list is empty.
"""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from arena_pipeline.errors import DataError
from arena_pipeline.settings import Settings, load_settings
from arena_pipeline.warehouse import lineage, views
from arena_pipeline.warehouse.store import ArenaStore

Document = dict[str, Any]


class Reading:
    """The one reader of a process. Safe to use from several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._store: ArenaStore | None = None
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """The configuration in force. Raises ConfigError when it is missing or wrong."""
        with self._lock:
            if self._settings is None:
                self._settings = load_settings()
            return self._settings

    def store(self) -> ArenaStore | None:
        """The arena's store, or None while there is no ledger."""
        settings = self.settings
        with self._lock:
            if self._store is None and _exists(settings.ledger_url):
                self._store = ArenaStore(
                    ledger_url=settings.ledger_url,
                    lake_url=settings.lake_url,
                    archive_folder=str(settings.home / "archive"),
                    market=settings.arena.market,
                )
            return self._store

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def newest_days(self) -> dict[str, str | None]:
        store = self.store()
        if store is None:
            return {"bars": None, "snapshots": None, "leaderboard": None}
        return views.newest_days(store)

    def models(self) -> Document:
        store = self.store()
        if store is None:
            return {"simulated": self.settings.simulated, "models": []}
        return views.model_list(store, simulated=self.settings.simulated)

    def board(self, as_of: date | None = None) -> Document:
        store = self.store()
        if store is None:
            return {
                "as_of": None,
                "simulated": self.settings.simulated,
                "models": [],
                "assessment": None,
                "robustness": None,
            }
        return views.board(store, simulated=self.settings.simulated, as_of=as_of)

    def decisions(
        self, *, model: str | None = None, session: str | None = None, limit: int = views.PAGE
    ) -> Document:
        store = self.store()
        if store is None:
            return {"simulated": self.settings.simulated, "decisions": []}
        return views.decision_list(
            store, simulated=self.settings.simulated, model=model, session=session, limit=limit
        )

    def decision(self, identity: str) -> Document:
        """Raises DataError when there is no such decision."""
        return views.decision(self._holding(identity), identity)

    def lineage(self, identity: str, *, depth: int | None = None) -> Document:
        """The evidence below a decision. Raises DataError when there is no such decision."""
        return lineage.lineage(self._holding(identity), identity, depth=depth).document()

    def trades(self, *, model: str | None = None, limit: int = views.PAGE) -> Document:
        store = self.store()
        if store is None:
            return {"simulated": self.settings.simulated, "trades": []}
        return views.trades(store, simulated=self.settings.simulated, model=model, limit=limit)

    def _holding(self, identity: str) -> ArenaStore:
        """The store, for the id of a decision. An id is printable; PostgreSQL would refuse a NUL."""
        store = self.store()
        if store is None or lineage.prefix(identity) != "decision" or not identity.isprintable():
            raise DataError(f"there is no decision {identity!r}", remedy="/api/decisions lists them")
        return store


def _exists(ledger_url: str) -> bool:
    url = make_url(ledger_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()

"""An empty store in a temporary folder, and words for the rows that tests put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arena_pipeline.warehouse.store import ArenaStore, Edge, Partition

NOW = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)


def open_store(home: Path) -> ArenaStore:
    return ArenaStore(
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        lake_url=str(home / "lake"),
        archive_folder=str(home / "archive"),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArenaStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def second_store(store: ArenaStore, tmp_path: Path) -> Iterator[ArenaStore]:
    """Another opening of the same store, as another process would have it."""
    other = open_store(tmp_path)
    yield other
    other.close()


def watched(session: str, symbol: str, score: float = 1.0) -> dict[str, Any]:
    """A watchlist entry: the smallest table of the lake."""
    return {
        "id": f"watchlist:{session}:{symbol}",
        "session": session,
        "symbol": symbol,
        "rank": 1,
        "score": score,
        "why": "moved",
    }


@pytest.fixture
def write(store: ArenaStore) -> Callable[..., Any]:
    """Writes a partition of the watchlist: `write("a", SAP=1.0)`; `later` hours after the start."""

    def _write(
        key: str, later: int = 0, within: Any = None, edges: tuple[Edge, ...] = (), **scores: float
    ) -> Any:
        rows = [watched(key, symbol, score) for symbol, score in scores.items()]
        (written,) = store.write_frames(
            "watchlist",
            [Partition(key, rows, edges)],
            run_id="run",
            now=NOW + timedelta(hours=later),
            within=within,
        )
        return written

    return _write

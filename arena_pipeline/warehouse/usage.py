"""When each vendor was last of use, and how much it brought: read from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from arena_pipeline.news.health import FeedState
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import exchanges, fetches


@dataclass(frozen=True, slots=True)
class Priced:
    """How many of `of` symbols have a bar of `day`, the newest trading day with any; and which have none."""

    day: str
    of: int
    missing: tuple[str, ...]

    @property
    def symbols(self) -> int:
        return self.of - len(self.missing)

    def __str__(self) -> str:
        return f"{self.symbols} of {self.of} have a bar of {self.day}"


def priced(store: ArenaStore, symbols: Sequence[str]) -> Priced | None:
    """None before there is any bar of a trading day."""
    days = [key for key in store.partitions("daily_bars") if key[:1].isdigit()]
    if not days:
        return None
    day = max(days)
    rows = store.rows("daily_bars", "partition = $day", day=day)
    there = {row["symbol"] for row in rows if row["day"].isoformat() == day}
    return Priced(day, len(symbols), tuple(symbol for symbol in symbols if symbol not in there))


def last_readable(store: ArenaStore) -> dict[str, str]:
    """The last trading day on which each feed could be read, by the feed's name."""
    rows = store.rows("feed_health", "state <> $broken", broken=FeedState.BROKEN.value)
    return {row["feed"]: row["partition"] for row in sorted(rows, key=lambda row: str(row["partition"]))}


def last_answer(store: ArenaStore, vendor: str) -> str | None:
    """When a complete answer with status 200 came last, UTC. (A refusal may have 200 too: see `coverage`.)"""
    with store.ledger.read() as connection:
        newest: str | None = connection.execute(
            select(func.max(fetches.c.fetched_at)).where(
                fetches.c.vendor == vendor, fetches.c.status == 200, fetches.c.failure.is_(None)
            )
        ).scalar_one()
    return newest


def last_reply(store: ArenaStore) -> str | None:
    """When a model last replied with status 200, UTC."""
    with store.ledger.read() as connection:
        newest: str | None = connection.execute(
            select(func.max(exchanges.c.fetched_at)).where(
                exchanges.c.status == 200, exchanges.c.failure.is_(None)
            )
        ).scalar_one()
    return newest

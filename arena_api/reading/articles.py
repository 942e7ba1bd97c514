"""Articles, newest first, as they were collected. Their titles and summaries are other people's words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from arena_api.reading import Document, Reading
from arena_api.reading.pages import Asked
from arena_api.reading.stored import asset_state, partitions_down, rows_down
from arena_api.reading.values import plain
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse.listings import Key
from arena_pipeline.warehouse.store import ArenaStore, Row

ASSET, FOUND = "articles", "found_articles"
DROPPED = ("partition",)
OF_A_SEARCH = ("session", "symbol", "query", "vendor", "credibility", "relevance")
"""What the table of found articles says beside an article: of the search that brought it."""

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def articles(
    reading: Reading, asked: Asked, *, symbol: str | None = None, source: str | None = None
) -> Document:
    """Articles by the trading day they were collected for, and within by when they became known, newest
    first; of one share, and of one source."""
    store = reading.store()
    if store is None:
        rows: list[Row] = []
    else:
        rows = reading.remembered(
            (ASSET, asked, symbol, source),
            asset_state(store, ASSET),
            lambda: _page(store, asked, symbol, source),
        )
    found = {
        "simulated": reading.simulated,
        "as_of": rows[0]["partition"] if rows else None,
        "provenance": None,
        ASSET: rows,
    }
    cut = asked.cut(found, ASSET, _key)
    return cut | {ASSET: [_article(row) for row in cut[ASSET]]}


def article(reading: Reading, identity: str) -> Document:
    """One article. Raises DataError when there is none with this id."""
    reading.existing(f"article {identity!r}")
    found = named(reading, [identity]).get(identity)
    if found is None:
        raise DataError(f"there is no article {identity!r}", remedy="/api/articles lists them")
    return {
        "simulated": reading.simulated,
        "as_of": found["trading_day"],
        "provenance": None,
        **found,
    }


def named(reading: Reading, identities: Collection[str]) -> dict[str, Document]:
    """Some articles by their ids, of a feed or found by a search; without those that are not stored."""
    store = reading.store()
    if store is None or not identities:
        return {}
    newest: dict[str, Row] = {}
    for asset in (FOUND, ASSET):
        rows = store.rows(asset, "list_contains($ids, id)", ids=sorted(identities))
        newest |= {
            row["id"]: row for row in sorted(rows, key=lambda row: (row["known_at"], row["partition"]))
        }
    return {identity: _article(row) for identity, row in newest.items()}


def _page(store: ArenaStore, asked: Asked, symbol: str | None, source: str | None) -> list[Row]:
    first = None if asked.span.first is None else asked.span.first.isoformat()
    last = None if asked.span.last is None else asked.span.last.isoformat()
    if asked.after is not None:
        reached = asked.after[0].partition("|")[0]
        last = reached if last is None else min(last, reached)

    def wanted(row: Row) -> bool:
        if symbol is not None and symbol not in row["symbols"]:
            return False
        if source is not None and row["source"] != source:
            return False
        if asked.after is None:
            return True
        moment, identity = _key(row)
        return moment < asked.after[0] or (moment == asked.after[0] and identity > asked.after[1])

    def order(row: Row) -> tuple[object, ...]:
        return (-(row["known_at"] - _EPOCH) // _MICROSECOND, row["id"])

    keys = partitions_down(store, ASSET, first=first, last=last)
    page = replace(asked.page, after=None)
    found = rows_down(store, ASSET, keys, wanted, order, (page.limit or 0) + page.offset)
    return found[page.offset :]


def _key(row: Row) -> Key:
    return f"{row['partition']}|{row['known_at'].isoformat(timespec='microseconds')}", row["id"]


def _article(row: Row) -> Document:
    return {**plain(row, drop=(*DROPPED, *OF_A_SEARCH)), "trading_day": row["partition"].partition("T")[0]}

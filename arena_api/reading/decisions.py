"""Decisions, what models said, trades, and the evidence below."""

from __future__ import annotations

from collections.abc import Collection

from arena_api.reading import Document, Reading
from arena_api.reading.models import registered
from arena_api.reading.pages import Asked
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse import lineage as walks
from arena_pipeline.warehouse import listings
from arena_pipeline.warehouse.store import ArenaStore

ALL = Asked()


def decisions(
    reading: Reading,
    asked: Asked = ALL,
    *,
    model: str | None = None,
    session: str | None = None,
    outcome: str | None = None,
) -> Document:
    """Decisions, newest first, each with its number of orders."""
    store = reading.store()
    if store is None:
        return _empty(reading, "decisions")
    found = listings.decision_list(
        store,
        simulated=reading.simulated,
        model=model,
        session=session,
        outcome=outcome,
        span=asked.span,
        page=asked.page,
    )
    return asked.cut(found, "decisions", listings.decision_key)


def decision(reading: Reading, identity: str) -> Document:
    """One decision with its orders. Raises DataError when there is no such decision."""
    return listings.decision(_holding(reading, identity, "decision"), identity)


def reasoning(reading: Reading, model: str, asked: Asked = ALL) -> Document:
    """One model's decisions in full, newest first. Raises DataError for an unknown model."""
    store = registered(reading, model)
    found = listings.reasoning(
        store, simulated=reading.simulated, model=model, span=asked.span, page=asked.page
    )
    return asked.cut(found, "decisions", listings.decision_key)


def trades(
    reading: Reading,
    asked: Asked = ALL,
    *,
    model: str | None = None,
    symbol: str | None = None,
    side: str | None = None,
) -> Document:
    """Executed orders, newest first."""
    store = reading.store()
    if store is None:
        return _empty(reading, "trades")
    found = listings.trades(
        store,
        simulated=reading.simulated,
        model=model,
        symbol=symbol,
        side=side,
        span=asked.span,
        page=asked.page,
    )
    return asked.cut(found, "trades", listings.trade_key)


def trades_of(
    reading: Reading, model: str, asked: Asked = ALL, *, symbol: str | None = None, side: str | None = None
) -> Document:
    """One model's executed orders. Raises DataError for an unknown model."""
    registered(reading, model)
    return trades(reading, asked, model=model, symbol=symbol, side=side)


def words(reading: Reading, orders: Collection[str]) -> dict[str, str]:
    """Why each of some orders was placed, in the model's own words, by the order's id."""
    store = reading.store()
    return {} if store is None else listings.reasons(store, orders)


def lineage(
    reading: Reading,
    identity: str,
    *,
    depth: int | None = None,
    kinds: Collection[str] = (),
    of: str | None = None,
) -> Document:
    """The evidence below an id, of kind `of` if that is given. `kinds` shows nodes of those kinds only, and
    the root. Raises DataError when nothing is stored under the id."""
    found = walks.lineage(_holding(reading, identity, of), identity, depth=depth).document()
    if kinds:
        shown = [node for node in found["nodes"] if node["kind"] in kinds or node["id"] == identity]
        ids = {node["id"] for node in shown}
        edges = [edge for edge in found["edges"] if edge["child"] in ids and edge["parent"] in ids]
        found |= {"nodes": shown, "edges": edges}
    return {"simulated": reading.simulated, **found}


def _holding(reading: Reading, identity: str, kind: str | None) -> ArenaStore:
    """The store, for an id of this kind. An id is printable; PostgreSQL would refuse a NUL."""
    store = reading.store()
    right = kind is None or walks.prefix(identity) == kind
    if store is None or not right or not identity.isprintable():
        raise DataError(f"there is no {kind or 'row'} {identity!r}", remedy="/api/decisions lists decisions")
    return store


def _empty(reading: Reading, rows: str) -> Document:
    return {
        "simulated": reading.simulated,
        "as_of": None,
        "provenance": None,
        rows: [],
        "next_cursor": None,
    }

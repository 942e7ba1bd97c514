"""Two models side by side: how far they came apart, where they agreed, and what each was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from arena_api.reading import Document, Reading
from arena_api.reading import decisions as lists
from arena_api.reading.models import board, registered
from arena_api.reading.pages import Asked
from arena_pipeline.scoring.difference import difference_curve
from arena_pipeline.scoring.metrics import daily_returns
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.store import CHUNK, ArenaStore
from arena_pipeline.warehouse.tables import decisions, evidence, snapshots

MOST_TRADES = 10_000
MOST_SESSIONS = 200
"""So many of the newest sessions are looked through for what was shown."""

Key = tuple[str, str]


def duel(reading: Reading, first: str, second: str) -> Document:
    """Two models, `first` less `second`. Raises DataError for an unknown one."""
    store = registered(reading, first)
    registered(reading, second)
    days, one, other = _returns(reading, store, first, second)
    curve = difference_curve(one, other)
    found = board(reading)
    traded = {name: _trades(reading, name) for name in (first, second)}
    both = sorted(set(traded[first]) & set(traded[second]), reverse=True)
    pairs = [_met(key, traded[first][key], traded[second][key]) for key in both]
    return {
        "simulated": reading.simulated,
        "as_of": days[-1] if days else None,
        "provenance": found["provenance"],
        "first": first,
        "second": second,
        "days": days,
        "difference": curve.difference,
        "low": curve.low,
        "high": curve.high,
        "reason": curve.reason if days else "they have no trading day in common",
        "pair": _pair(found, first, second),
        "lines": {line["model"]: line for line in found["models"] if line["model"] in (first, second)},
        "level": None if found["assessment"] is None else found["assessment"]["level"],
        "agreed": [pair for pair in pairs if pair["agreed"]],
        "opposed": [pair for pair in pairs if not pair["agreed"]],
        **_shown(store, first, second),
    }


def _returns(
    reading: Reading, store: ArenaStore, first: str, second: str
) -> tuple[list[str], list[float], list[float]]:
    """The days after which both have a value, and each one's returns over them, from the start on."""
    start = to_cents(reading.settings.arena.starting_cash)
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(snapshots.c.model, snapshots.c.trading_day, snapshots.c.nav_cents)
            .where(snapshots.c.model.in_([first, second]), snapshots.c.superseded_at.is_(None))
            .order_by(snapshots.c.trading_day)
        ).all()
    navs: dict[str, dict[str, int]] = {first: {}, second: {}}
    for row in rows:
        navs[row.model][row.trading_day] = row.nav_cents
    days = [day for day in navs[first] if day in navs[second]]
    one, other = (daily_returns([start, *(navs[name][day] for day in days)]) for name in (first, second))
    return days, one, other


def _pair(found: Document, first: str, second: str) -> Document | None:
    """What the board says of the two, as `first` less `second`; None where it does not compare them."""
    assessment = found["assessment"] or {"pairs": []}
    for pair in assessment["pairs"]:
        if (pair["first"], pair["second"]) == (first, second):
            return dict(pair)
        if (pair["first"], pair["second"]) == (second, first):
            turned = {name: _negative(pair[name]) for name in ("mean_difference", "t")}
            return {**pair, **turned, "first": first, "second": second}
    return None


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _trades(reading: Reading, model: str) -> Mapping[Key, Document]:
    """A model's first fill of each session and share."""
    found = lists.trades(reading, Asked(limit=MOST_TRADES), model=model)["trades"]
    return {
        (trade["decision_id"].rpartition(f":{model}:")[2], trade["symbol"]): trade for trade in found[::-1]
    }


def _met(key: Key, one: Document, other: Document) -> Document:
    session, symbol = key
    return {
        "session": session,
        "symbol": symbol,
        "agreed": one["side"] == other["side"],
        "first": one,
        "second": other,
    }


def _shown(store: ArenaStore, first: str, second: str) -> dict[str, Any]:
    """The newest sessions in which both decided, with the shares whose briefings both were shown, or one."""
    with store.ledger.read() as connection:
        own: dict[str, dict[str, str]] = {first: {}, second: {}}
        for row in connection.execute(
            select(decisions.c.model, decisions.c.session, decisions.c.id).where(
                decisions.c.model.in_([first, second])
            )
        ):
            own[row.model][row.session] = row.id
        common = sorted(set(own[first]) & set(own[second]), reverse=True)
        newest = common[:MOST_SESSIONS]
        seen = _briefings(connection, [own[name][session] for name in own for session in newest])
    return {
        "sessions": len(common),
        "shown": [
            {
                "session": session,
                "decisions": {name: own[name][session] for name in own},
                **_split(seen.get(own[first][session], set()), seen.get(own[second][session], set())),
            }
            for session in newest
        ],
    }


def _split(one: set[str], other: set[str]) -> dict[str, list[str]]:
    return {
        "both": sorted(one & other),
        "first_only": sorted(one - other),
        "second_only": sorted(other - one),
    }


def _briefings(connection: Connection, identities: Sequence[str]) -> dict[str, set[str]]:
    """The shares of the briefings that each decision rests on."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(identities), CHUNK):
        rows = connection.execute(
            select(evidence.c.child, evidence.c.parent).where(
                evidence.c.child.in_(identities[start : start + CHUNK]),
                evidence.c.parent.startswith("briefing:"),
                evidence.c.superseded_at.is_(None),
            )
        )
        for child, parent in rows:
            found.setdefault(child, set()).add(parent.rpartition(":")[2])
    return found

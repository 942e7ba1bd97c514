"""What a contestant is told of its own past: its last decisions, and how each of their orders ended.

Ends come from the replay of the book, so they are what was known at the session and no more: a fill is that
of a bar which had ended. No words come back, neither the model's own nor an endpoint's, and no symbol from
outside the universe. What is told is evidence of the decision: the earlier decisions, their orders, and the
bars that orders met.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from arena_pipeline.market.calendar import Session
from arena_pipeline.trading.book import DayResult
from arena_pipeline.trading.money import from_cents
from arena_pipeline.trading.orders import Fill, Rejection
from arena_pipeline.warehouse.lineage import REMEMBERS
from arena_pipeline.warehouse.store import ArenaStore, Row
from arena_pipeline.warehouse.tables import decisions, orders

RECENT = 5
"""So many of its decisions a contestant is told of."""

_Ends = Mapping[str, Fill | Rejection]


@dataclass(frozen=True, slots=True)
class Recollection:
    """`told` is one entry per earlier decision, oldest first, as it stands in the prompt; `edges` are (id,
    role) of what it rests on."""

    told: Sequence[Row]
    edges: Sequence[tuple[str, str]]


class Memory:
    """The decisions of one model in the order of their sessions, and the ends of its orders so far."""

    def __init__(self, store: ArenaStore, model: str, symbols: Collection[str]) -> None:
        self._store, self._model, self._symbols = store, model, frozenset(symbols)
        self._decisions: dict[str, Row] = {}
        self._orders: dict[str, list[Row]] = defaultdict(list)
        self._ends: dict[str, Fill | Rejection] = {}
        self._load(None)

    def learn(self, session: Session) -> None:
        """Read a decision that has just been stored."""
        self._load(session.key)

    def live_through(self, day: DayResult) -> None:
        """Note how orders ended on a day that is over."""
        self._ends |= _ends_of([day])

    def recall(self, sessions: Sequence[Session], today: Iterable[DayResult]) -> Recollection:
        """What is told of the last of some sessions, all of them decided; `today` is the day under way, as
        far as it is known."""
        ends = self._ends | _ends_of(today)
        recent = [session.key for session in sessions if session.key in self._decisions][-RECENT:]
        told = [self._told(key, ends) for key in recent]
        named = [(self._decisions[key]["id"], REMEMBERS) for key in recent]
        placed = [order["id"] for key in recent for order in self._orders[key]]
        met = {ends[order].bar_id or "" for order in placed if order in ends}
        bars = sorted(bar for bar in met if bar.startswith("bar:"))
        return Recollection(told, [*named, *((each, REMEMBERS) for each in (*placed, *bars))])

    def _told(self, key: str, ends: _Ends) -> Row:
        decision = self._decisions[key]
        failure = {} if decision["failure"] is None else {"why": decision["failure"].partition(":")[0]}
        return {
            "session": key,
            "outcome": decision["outcome"],
            **failure,
            "orders": [self._order(order, ends.get(order["id"])) for order in self._orders[key]],
        }

    def _order(self, order: Row, end: Fill | Rejection | None) -> Row:
        """One order and its end: filled, refused (by the gate), open, or why the market ended it."""
        terms = {
            "limit": order["limit_price"],
            "stop": order["stop_price"],
            "amount": order["amount"],
            "weight": order["weight"],
            "closes": order["parent"] and int(order["parent"].rpartition(":")[2]),
        }
        return {
            "seq": order["seq"],
            "symbol": order["symbol"] if order["symbol"] in self._symbols else None,
            "side": order["side"],
            "type": order["type"],
            "quantity": order["quantity"],
            **{name: value for name, value in terms.items() if value is not None},
            **_end(order, end),
        }

    def _load(self, session: str | None) -> None:
        only = () if session is None else (session,)
        with self._store.ledger.read() as connection:
            for row in connection.execute(_of(decisions, self._model, only)).mappings():
                self._decisions[row["session"]] = dict(row)
                self._orders.pop(row["session"], None)
            placed = _of(orders, self._model, only).order_by(orders.c.session, orders.c.seq)
            for row in connection.execute(placed).mappings():
                self._orders[row["session"]].append(dict(row))


def _of(table: Any, model: str, sessions: Collection[str]) -> Any:
    found = select(table).where(table.c.model == model)
    return found.where(table.c.session.in_(list(sessions))) if sessions else found


def _ends_of(days: Iterable[DayResult]) -> dict[str, Fill | Rejection]:
    ends: dict[str, Fill | Rejection] = {}
    for day in days:
        ends |= {end.order_id: end for end in day.rejections}
        ends |= {end.order_id: end for end in day.fills}
    return ends


def _end(order: Row, end: Fill | Rejection | None) -> Row:
    if not order["accepted"]:
        return {"end": "refused", "why": order["refusal"]}
    if end is None:
        return {"end": "open"}
    if isinstance(end, Rejection):
        return {"end": end.reason.value, "at": end.rejected_at}
    result = {} if end.net_cents is None else {"realised_after_fees": from_cents(end.net_cents)}
    return {
        "end": "filled",
        "at": end.filled_at,
        "quantity": end.quantity,
        "price": end.price,
        "fee": from_cents(end.fee_cents),
        **result,
    }

"""Tokens and cost of the models, by model, session and purpose, and what a month would come to.

A cost that nobody knows is null and counted, never 0; an error answered by the endpoint costs nothing. Costs
are US dollars as strings, for `arena costs` and whoever reads its JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from arena_pipeline.warehouse.sharing import sharing_document
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import exchanges, model_costs

TRADING_DAYS, SESSIONS_A_DAY = 21, 2
SESSIONS_A_MONTH = TRADING_DAYS * SESSIONS_A_DAY
_MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Bill:
    """Some calls together. `cost` adds up what is known; the last two count the calls that tell nothing."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    cost_unknown: int = 0
    tokens_unknown: int = 0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
            self.cost_unknown + other.cost_unknown,
            self.tokens_unknown + other.tokens_unknown,
        )

    def document(self) -> dict[str, Any]:
        known = self.calls > self.cost_unknown or not self.calls
        return {
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "tokens": self.prompt_tokens + self.completion_tokens,
            "cost_usd": _usd(self.cost) if known else None,
            "cost_unknown": self.cost_unknown,
            "tokens_unknown": self.tokens_unknown,
        }


def cost_document(store: ArenaStore, *, simulated: bool) -> dict[str, Any]:
    """`sessions`: one row per model (or `research`), session and purpose. `days` and `models`: totals, the
    latter with a `month` of 21 trading days with two sessions each, at the mean of the sessions so far; its
    cost is null where a call's is. `month`: all models together. `sharing`: see `sharing_document`."""
    lines: dict[tuple[str, str, str, str], Bill] = {}
    with store.ledger.read() as connection:
        for row in connection.execute(
            select(model_costs, exchanges.c.status).join(exchanges, exchanges.c.id == model_costs.c.exchange)
        ).mappings():
            key = (row["session"], row["spender"], row["purpose"], row["model_asked"])
            lines[key] = lines.get(key, Bill()) + _bill(row)
    models = {spender: _by(lines, 1, spender) for spender in sorted({key[1] for key in lines})}
    sessions = {spender: len({key[0] for key in lines if key[1] == spender}) for spender in models}
    months = {spender: _month(bill, sessions[spender]) for spender, bill in models.items()}
    return {
        "simulated": simulated,
        "sessions": [
            {"session": session, "model": spender, "purpose": purpose, "asked": asked, **bill.document()}
            for (session, spender, purpose, asked), bill in sorted(lines.items())
        ],
        "days": [
            {"day": day, **_sum(bill for key, bill in lines.items() if key[0][:10] == day).document()}
            for day in sorted({key[0][:10] for key in lines})
        ],
        "models": [
            {"model": spender, "sessions": sessions[spender], **bill.document(), "month": months[spender]}
            for spender, bill in models.items()
        ],
        "month": {
            "trading_days": TRADING_DAYS,
            "sessions": SESSIONS_A_MONTH,
            "tokens": sum(month["tokens"] for month in months.values()),
            "cost_usd": _total([month["cost_usd"] for month in months.values()]),
        },
        "sharing": sharing_document(store),
    }


def day_bill(store: ArenaStore, day: str) -> dict[str, Any]:
    """The calls of all models and of research for one trading day's sessions, together."""
    statement = (
        select(model_costs, exchanges.c.status)
        .join(exchanges, exchanges.c.id == model_costs.c.exchange)
        .where(model_costs.c.session >= day, model_costs.c.session < f"{day}U")
    )
    with store.ledger.read() as connection:
        return _sum(_bill(row) for row in connection.execute(statement).mappings()).document()


def _bill(row: Mapping[Any, Any]) -> Bill:
    cost = Decimal(row["cost_usd"]) if row["cost_usd"] is not None else None
    if cost is None and row["status"] >= 400:
        cost = Decimal(0)
    silent = row["prompt_tokens"] is None and row["completion_tokens"] is None and row["status"] < 400
    return Bill(
        1,
        row["prompt_tokens"] or 0,
        row["completion_tokens"] or 0,
        cost or Decimal(0),
        int(cost is None),
        int(silent),
    )


def _sum(bills: Iterable[Bill]) -> Bill:
    return sum(bills, Bill())


def _by(lines: Mapping[tuple[str, str, str, str], Bill], place: int, value: str) -> Bill:
    return _sum(bill for key, bill in lines.items() if key[place] == value)


def _month(bill: Bill, sessions: int) -> dict[str, Any]:
    tokens = bill.prompt_tokens + bill.completion_tokens
    return {
        "tokens": round(Decimal(tokens * SESSIONS_A_MONTH) / sessions),
        "cost_usd": None if bill.cost_unknown else _usd(bill.cost * SESSIONS_A_MONTH / sessions),
    }


def _total(costs: Iterable[str | None]) -> str | None:
    known = list(costs)
    return None if None in known else _usd(sum((Decimal(cost) for cost in known if cost), Decimal(0)))


def _usd(amount: Decimal) -> str:
    return f"{amount.quantize(_MICRO):f}"

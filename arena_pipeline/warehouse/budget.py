"""Spending caps in the ledger: reserved before a call, settled after it, across processes and restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import func, select, update

from arena_pipeline.errors import BudgetExhausted
from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import budgets

MICRO = Decimal(1_000_000)


class LedgerBudget:
    """A cap in USD on what all spenders together may cost on one day (Europe/Berlin), and caps on some of
    them. An amount is reserved under both or under none."""

    def __init__(
        self,
        store: ArenaStore,
        daily_usd: Decimal,
        *,
        clock: Callable[[], datetime],
        per_spender: Mapping[str, Decimal] | None = None,
    ) -> None:
        self._store, self._cap, self._clock = store, _micro(daily_usd), clock
        self._caps = {spender: _micro(cap) for spender, cap in (per_spender or {}).items()}

    def reserve(self, spender: str, usd: Decimal) -> None:
        """Set an amount aside. Raises BudgetExhausted, and reserves nothing, when a cap would be passed."""
        amount, day = _micro(usd), self._day()
        with self._store.ledger.transaction() as connection:
            used = {
                row.spender: int(row.reserved_microusd + row.spent_microusd)
                for row in connection.execute(select(budgets).where(budgets.c.day == day))
            }
            own = self._caps.get(spender)
            if own is not None and used.get(spender, 0) + amount > own:
                raise BudgetExhausted(
                    _refusal(usd, spender, f"the daily cap of {spender}", used.get(spender, 0), own),
                    remedy="raise its daily_budget_usd or wait for tomorrow",
                )
            if sum(used.values()) + amount > self._cap:
                raise BudgetExhausted(
                    _refusal(usd, spender, "the daily cap", sum(used.values()), self._cap),
                    remedy="raise llm.daily_budget_usd or wait for tomorrow",
                )
            known = connection.execute(
                update(budgets)
                .where(budgets.c.day == day, budgets.c.spender == spender)
                .values(reserved_microusd=budgets.c.reserved_microusd + amount)
            )
            if known.rowcount == 0:
                connection.execute(
                    budgets.insert().values(
                        day=day, spender=spender, reserved_microusd=amount, spent_microusd=0
                    )
                )

    def settle(self, spender: str, reserved: Decimal, actual: Decimal | None) -> None:
        """Turn a reservation into what the call cost; an unknown cost keeps the whole reservation."""
        amount = _micro(reserved)
        spent = amount if actual is None else _micro(actual)
        with self._store.ledger.transaction() as connection:
            day = connection.execute(
                select(func.max(budgets.c.day)).where(
                    budgets.c.spender == spender, budgets.c.reserved_microusd >= amount
                )
            ).scalar_one()
            connection.execute(
                update(budgets)
                .where(budgets.c.day == day, budgets.c.spender == spender)
                .values(
                    reserved_microusd=budgets.c.reserved_microusd - amount,
                    spent_microusd=budgets.c.spent_microusd + spent,
                )
            )

    def _day(self) -> str:
        return self._clock().astimezone(BERLIN).date().isoformat()


def spent_today(store: ArenaStore, now: datetime) -> Decimal:
    """What all spenders together have spent or reserved on the day of `now` (Europe/Berlin), in USD."""
    day = now.astimezone(BERLIN).date().isoformat()
    with store.ledger.read() as connection:
        used = connection.execute(
            select(func.sum(budgets.c.reserved_microusd + budgets.c.spent_microusd)).where(
                budgets.c.day == day
            )
        ).scalar_one()
    return Decimal(int(used or 0)) / MICRO


def _refusal(usd: Decimal, spender: str, cap: str, used: int, allowed: int) -> str:
    return (
        f"{usd:f} USD for {spender} would pass {cap} ({used / MICRO:.4f} of {allowed / MICRO:.2f} USD used)"
    )


def _micro(usd: Decimal) -> int:
    return int((usd * MICRO).to_integral_value(ROUND_CEILING))

"""Would the order of the models survive other terms? Their stored orders, filled again under each of them.

No model is asked: the decisions stay as they are, only fees, slippage and the wait before a fill change.
An order that another fee makes unaffordable is refused, as it would have been.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from arena_pipeline.trading.book import DayResult, MarketDay
from arena_pipeline.trading.fills import FillPolicy, Wait
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.trading.orders import Cancellation, Order
from arena_pipeline.trading.replay import replay

FEES = (Decimal(0), Decimal(1), Decimal(5), Decimal(10))
SLIPPAGES_BP = (Decimal(0), Decimal(5), Decimal(10))
WAITS = (Wait.NOW, Wait.NEXT_BAR, Wait.NEXT_OPEN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One model under one set of terms: its rank, net asset value (cents) and fills."""

    model: str
    rank: int
    nav_cents: int
    fills: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """One set of terms: fee per executed order in the market's currency, slippage in basis points, and from
    which bar orders fill. `outcomes` are in the order of their ranks."""

    fee: Decimal
    slippage_bp: Decimal
    wait: Wait
    outcomes: tuple[Outcome, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; money as text."""
        return {
            "fee": str(self.fee),
            "slippage_bp": str(self.slippage_bp),
            "wait": self.wait.value,
            "outcomes": [
                {
                    "model": outcome.model,
                    "rank": outcome.rank,
                    "nav": str(from_cents(outcome.nav_cents)),
                    "fills": outcome.fills,
                }
                for outcome in self.outcomes
            ],
        }


@dataclass(frozen=True, slots=True)
class Span:
    """A model's best and worst rank over all scenarios, and in what fraction of them it led."""

    model: str
    best: int
    worst: int
    led: float


def surface(
    orders: Mapping[str, Sequence[Order | Cancellation]],
    days: Sequence[MarketDay],
    *,
    cash: Decimal,
    policy: FillPolicy,
    dividend_tax: Decimal = Decimal(0),
    left_out: Collection[date] = frozenset(),
) -> list[Scenario]:
    """Every combination of `FEES`, `SLIPPAGES_BP` and `WAITS`, all else as in `policy`. Ranks are by return
    over the days that are not `left_out`, as on the board."""
    scenarios = []
    for fee, slippage, wait in itertools.product(FEES, SLIPPAGES_BP, WAITS):
        terms = replace(policy, slippage_bp=slippage, wait=wait)
        books = {
            model: replay(model, cash, fee, wishes, days, terms, dividend_tax)
            for model, wishes in orders.items()
        }
        scenarios.append(Scenario(fee, slippage, wait, _ranked(books, to_cents(cash), left_out)))
    return scenarios


def spans(scenarios: Sequence[Scenario]) -> list[Span]:
    """How far each model's rank moves, the steadiest leader first."""
    ranks: dict[str, list[int]] = {}
    for scenario in scenarios:
        for outcome in scenario.outcomes:
            ranks.setdefault(outcome.model, []).append(outcome.rank)
    found = [
        Span(model, min(each), max(each), sum(rank == 1 for rank in each) / len(each))
        for model, each in ranks.items()
    ]
    return sorted(found, key=lambda span: (span.best, span.worst, -span.led, span.model))


def robustness_document(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """As plain JSON values."""
    return {
        "spans": [asdict(span) for span in spans(scenarios)],
        "scenarios": [scenario.to_json() for scenario in scenarios],
    }


def _ranked(
    books: Mapping[str, Sequence[DayResult]], cash_cents: int, left_out: Collection[date]
) -> tuple[Outcome, ...]:
    growth = {model: _growth(results, cash_cents, left_out) for model, results in books.items()}
    best_first = sorted(growth.values(), reverse=True)
    outcomes = [
        Outcome(
            model,
            best_first.index(growth[model]) + 1,
            results[-1].snapshot.nav_cents,
            sum(len(result.fills) for result in results),
        )
        for model, results in books.items()
    ]
    return tuple(sorted(outcomes, key=lambda outcome: (outcome.rank, outcome.model)))


def _growth(results: Sequence[DayResult], cash_cents: int, left_out: Collection[date]) -> Fraction:
    """What one unit came to over the days that count, exactly, so that equal books tie."""
    growth, before = Fraction(1), cash_cents
    if not left_out:
        return Fraction(results[-1].snapshot.nav_cents, cash_cents) if cash_cents else Fraction(0)
    for result in results:
        if before and result.snapshot.day not in left_out:
            growth *= Fraction(result.snapshot.nav_cents, before)
        before = result.snapshot.nav_cents
    return growth

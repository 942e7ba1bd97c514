"""Would the order of the models survive other terms? Their stored orders, filled again under each of them.

No model is asked: the decisions stay as they are, only fees, slippage and the wait before a fill change.
An order that another fee makes unaffordable is refused, as it would have been.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.fills import FillPolicy, Wait
from arena_pipeline.trading.money import from_cents
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
) -> list[Scenario]:
    """Every combination of `FEES`, `SLIPPAGES_BP` and `WAITS`, all else as in `policy`."""
    return [
        _scenario(orders, days, fee, replace(policy, slippage_bp=slippage, wait=wait), cash, dividend_tax)
        for fee, slippage, wait in itertools.product(FEES, SLIPPAGES_BP, WAITS)
    ]


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


def _scenario(
    orders: Mapping[str, Sequence[Order | Cancellation]],
    days: Sequence[MarketDay],
    fee: Decimal,
    policy: FillPolicy,
    cash: Decimal,
    dividend_tax: Decimal,
) -> Scenario:
    worth: dict[str, tuple[int, int]] = {}
    for model, wishes in orders.items():
        results = replay(model, cash, fee, wishes, days, policy, dividend_tax)
        fills = sum(len(result.fills) for result in results)
        worth[model] = (results[-1].snapshot.nav_cents, fills)
    values = sorted((nav for nav, _ in worth.values()), reverse=True)
    outcomes = [Outcome(model, values.index(nav) + 1, nav, fills) for model, (nav, fills) in worth.items()]
    outcomes.sort(key=lambda outcome: (outcome.rank, outcome.model))
    return Scenario(fee, policy.slippage_bp, policy.wait, tuple(outcomes))

"""Spending: what a call may cost at most, what it did cost, and who allows it."""

from __future__ import annotations

import functools
import math
from decimal import Decimal
from typing import Protocol

SANDBOX_PREFIX = "sandbox/"
_MILLION = Decimal(1_000_000)
_SANDBOX_PRICES = (Decimal("0.10"), Decimal("0.40"))
_CAUTIOUS_PRICES = (Decimal("15"), Decimal("75"))
"""US dollars per million tokens in and out for a model of no price table: as the dearest in common use."""

OWN_SERVER_RESERVE = Decimal("0.0001")
"""Reserved per call at a server on this computer whose model has no price: it bills nobody."""

_BYTES_PER_TOKEN = 3


class Budget(Protocol):
    """A spending cap. `spender` is the contestant or the research desk; amounts are US dollars."""

    def reserve(self, spender: str, usd: Decimal) -> None:
        """Set `usd` aside before a call. Raises BudgetExhausted when the cap would be passed."""

    def settle(self, spender: str, reserved: Decimal, actual: Decimal | None) -> None:
        """Replace a reservation by the real cost; None, not known, leaves the reservation spent."""


class UnlimitedBudget:
    """A budget that allows everything and adds up what was spent: for the sandbox and for tests."""

    def __init__(self) -> None:
        self.spent = Decimal(0)

    def reserve(self, spender: str, usd: Decimal) -> None:
        """Allows it."""

    def settle(self, spender: str, reserved: Decimal, actual: Decimal | None) -> None:
        self.spent += reserved if actual is None else actual


@functools.lru_cache(maxsize=256)
def _prices(model: str) -> tuple[Decimal, Decimal] | None:
    """US dollars per million tokens (in, out), from the tables of genai-prices; None when it has none."""
    from genai_prices import Usage, calc_price

    million = 1_000_000
    for provider in ("openrouter", None):
        try:
            into = calc_price(Usage(input_tokens=million), model, provider_id=provider)
            out = calc_price(Usage(output_tokens=million), model, provider_id=provider)
        except LookupError:
            continue
        return into.total_price, out.total_price
    return None


def table_cost(model: str, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    """The price table's cost of a call in US dollars; None for a model that it does not hold."""
    prices = _prices(model)
    if prices is None:
        return None
    return (prices[0] * prompt_tokens + prices[1] * completion_tokens) / _MILLION


def most_it_can_cost(model: str, body_bytes: int, max_tokens: int, *, own_server: bool) -> Decimal:
    """An upper estimate of a call in US dollars: a token per 3 bytes sent, every allowed token answered."""
    prices = _SANDBOX_PRICES if own_server and model.startswith(SANDBOX_PREFIX) else None
    if prices is None and own_server:
        return OWN_SERVER_RESERVE
    into, out = prices or _prices(model) or _CAUTIOUS_PRICES
    tokens_in = math.ceil(body_bytes / _BYTES_PER_TOKEN)
    return (into * tokens_in + out * max_tokens) / _MILLION

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

OWN_SERVER_RESERVE = Decimal("0.01")
"""Reserved at least per call at a server on this computer whose model has no price."""

OWN_SERVER_COST = Decimal("0.0001")
"""What a call costs the budget at a server on this computer that names no cost: it bills nobody."""

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
    """US dollars per million tokens (in, out) for the largest prompts, from the tables of genai-prices; None
    when it has none."""
    million = 1_000_000
    into, out = _priced(model, million, 0), _priced(model, 0, million)
    return None if into is None or out is None else (into, out)


def _priced(model: str, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    from genai_prices import Usage, calc_price

    for provider in ("openrouter", None):
        try:
            found = calc_price(
                Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens),
                model,
                provider_id=provider,
            )
        except LookupError:
            continue
        return found.total_price
    return None


def table_cost(model: str, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    """The price table's cost of a call in US dollars; None for a model that it does not hold."""
    return _priced(model, prompt_tokens, completion_tokens)


def table_price(model: str) -> Decimal | None:
    """US dollars for a million tokens in and a tenth of it out, about what a prompt and its answer are."""
    prices = _prices(model)
    return None if prices is None else prices[0] + prices[1] / 10


def most_it_can_cost(model: str, body_bytes: int, max_tokens: int, *, own_server: bool) -> Decimal:
    """An upper estimate of a call in US dollars: a token per 3 bytes sent, every allowed token answered."""
    prices = _SANDBOX_PRICES if own_server and model.startswith(SANDBOX_PREFIX) else None
    if prices is None and own_server:
        return OWN_SERVER_RESERVE
    into, out = prices or _prices(model) or _CAUTIOUS_PRICES
    tokens_in = math.ceil(body_bytes / _BYTES_PER_TOKEN)
    return (into * tokens_in + out * max_tokens) / _MILLION


class Reservations:
    """What the calls at one endpoint are reserved at.

    A server on this computer may bill all the same (it passes calls on, or stands in for a vendor), at prices
    that no table knows: there a call is reserved at the dearest that was seen of its model. Until one was
    seen the model `is_new`, and its calls should go one at a time.
    """

    def __init__(self, *, own_server: bool) -> None:
        self._own_server = own_server
        self._dearest: dict[str, Decimal] = {}

    def is_new(self, model: str) -> bool:
        return self._own_server and not model.startswith(SANDBOX_PREFIX) and model not in self._dearest

    def most(self, model: str, body_bytes: int, max_tokens: int) -> Decimal:
        """An upper estimate of a call in US dollars."""
        estimate = most_it_can_cost(model, body_bytes, max_tokens, own_server=self._own_server)
        return max(estimate, self._dearest.get(model, estimate))

    def settled_at(self, model: str, cost: Decimal | None) -> Decimal | None:
        """What to settle a reply's cost at, which is remembered; None where that is not known."""
        if self._own_server:
            self._dearest[model] = max(self._dearest.get(model, Decimal(0)), cost or Decimal(0))
            return OWN_SERVER_COST if cost is None else cost
        return cost

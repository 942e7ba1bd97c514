"""The unit of an imported book: hundredths of a cent.

Such logs are not rounded to cents at each posting; whole shares at prices of four decimals are exact in this
unit. An amount is rounded to cents, half up, when it is shown.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from arena_pipeline.trading.money import from_cents, half_up

FINE = 100
"""Units in a cent."""

_UNITS_IN_ONE = 100 * FINE


def fine_of(amount: Decimal) -> int:
    """An amount in units, half up."""
    return int((amount * _UNITS_IN_ONE).quantize(Decimal(1), ROUND_HALF_UP))


def amount_of(fine: int) -> Decimal:
    """Units as an amount with four decimals, exact."""
    return Decimal(fine).scaleb(-4)


def cents_of(fine: int) -> int:
    return half_up(fine, FINE)


def shown(fine: int) -> Decimal:
    """Units as an amount to the cent."""
    return from_cents(cents_of(fine))

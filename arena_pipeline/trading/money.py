"""Money: `Decimal` outside, integer cents inside, rounded half up once per posting (DIN 1333)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> int:
    """An amount as integer cents, half up (50.005 is 5001)."""
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def from_cents(cents: int) -> Decimal:
    """Integer cents as an amount with two decimals."""
    return Decimal(cents).scaleb(-2).quantize(CENT)

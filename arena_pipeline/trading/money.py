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


def half_up(numerator: int, denominator: int) -> int:
    """The quotient to the nearest integer, halves away from zero; `denominator` is positive. Exact."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def notional_cents(price: Decimal, quantity: int) -> int:
    """`quantity` shares at `price`, in cents, half up; exact whatever their size."""
    numerator, denominator = price.as_integer_ratio()
    return half_up(numerator * quantity * 100, denominator)

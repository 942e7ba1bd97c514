from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.trading.money import from_cents, half_up, notional_cents, to_cents


def test_halves_go_up():
    assert to_cents(Decimal("50.005")) == 5001
    assert notional_cents(Decimal("10.001"), 5) == 5001
    assert [half_up(number, 2) for number in (1, 3, -1, -3, 0)] == [1, 2, -1, -2, 0]


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_a_rounded_quotient_is_within_half_of_the_exact_one(numerator, denominator):
    assert abs(half_up(numerator, denominator) - Fraction(numerator, denominator)) <= Fraction(1, 2)


@given(st.integers(-(10**15), 10**15))
def test_cents_survive_the_way_out_and_back(cents):
    assert to_cents(from_cents(cents)) == cents


def test_a_huge_notional_is_exact():
    assert notional_cents(Decimal("0.0001"), 10**40) == 10**38

"""Bars on both sides of a split, on the scale of a moment."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.market.splits import Split, Splits, as_traded, same_as_traded, volume_as_traded
from arena_pipeline.market.vintages import BarHistory

EX_DATE = date(2025, 3, 5)
OPENS = datetime(2025, 3, 5, 8, 0, tzinfo=UTC)
SPLITS = Splits([Split("SAP.DE", EX_DATE, Fraction(2), OPENS)])


def bar(day: date, close: str, **changes: object) -> Bar:
    start = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    end = start + timedelta(hours=8)
    price = Decimal(close)
    made = Bar(
        "SAP.DE", Interval.DAILY, day, start, end, price, price, price, price, 100,
        Adjustment.RAW, False, end, 1, "test", "0" * 64,
    )  # fmt: skip
    return replace(made, **changes)


BEFORE, AFTER = bar(date(2025, 3, 4), "230.1000"), bar(EX_DATE, "115.0000")


def test_before_a_split_is_known_bars_are_as_they_were_traded():
    history = BarHistory([BEFORE, AFTER], SPLITS)
    assert history.comparable("SAP.DE", OPENS) == [BEFORE]
    assert history.known("SAP.DE", OPENS + timedelta(days=1)) == [BEFORE, AFTER]


def test_after_it_prices_are_divided_and_volumes_multiplied():
    history = BarHistory([BEFORE, AFTER], SPLITS)
    first, second = history.comparable("SAP.DE", OPENS + timedelta(days=1))
    assert (first.close, first.volume, first.id) == (Decimal("115.0500"), 200, BEFORE.id)
    assert second == AFTER


@pytest.mark.parametrize("adjustment", [Adjustment.SPLIT, Adjustment.TOTAL])
def test_what_a_vendor_has_adjusted_is_left_alone(adjustment):
    adjusted = replace(BEFORE, adjustment=adjustment)
    assert BarHistory([adjusted], SPLITS).comparable("SAP.DE", OPENS + timedelta(days=1)) == [adjusted]


def test_the_past_changes_with_a_split_a_vintage_and_a_bar_that_comes_late():
    second = OPENS + timedelta(days=2)
    late = replace(bar(date(2025, 3, 3), "229"), known_at=second)
    vintage = replace(BEFORE, vintage=2, known_at=second + timedelta(hours=1))
    history = BarHistory([late, BEFORE, vintage, AFTER], SPLITS)
    span = (OPENS - timedelta(days=9), OPENS + timedelta(days=9))
    assert history.changed_between("SAP.DE", *span) == [OPENS, second, vintage.known_at]
    assert not history.is_settled("SAP.DE")
    assert BarHistory([BEFORE, AFTER]).is_settled("SAP.DE")


ratios = st.sampled_from(
    [Fraction(2), Fraction(3), Fraction(4), Fraction(20), Fraction(3, 2), Fraction(1, 10)]
)


@given(st.integers(100, 99_999), ratios)
def test_a_price_in_cents_comes_through_a_split_and_back(cents, ratio):
    """The vendor divides, rounds to four decimals, and sends the nearest float."""
    traded = Decimal(cents) / 100
    divided = round(float(traded * ratio.denominator / ratio.numerator), 6)
    assert as_traded(divided, ratio) == traded


@given(st.integers(0, 10**9), ratios.filter(lambda ratio: ratio >= 1))
def test_a_volume_comes_through_a_split_and_back(volume, ratio):
    assert abs(volume_as_traded(int(volume * ratio), ratio) - volume) <= 1


def test_two_readings_agree_within_what_undoing_a_split_loses():
    near, far = bar(BEFORE.day, "230.1001"), bar(BEFORE.day, "230.1200")
    assert same_as_traded(BEFORE, near, Fraction(2))
    assert not same_as_traded(BEFORE, near, Fraction(1))
    assert not same_as_traded(BEFORE, far, Fraction(2))
    assert not same_as_traded(BEFORE, replace(BEFORE, adjustment=Adjustment.SPLIT), Fraction(1))

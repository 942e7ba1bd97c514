"""Splits between the days that are scored."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.scoring.luck import Trade
from arena_pipeline.scoring.splits import AppliedSplit, Scale, applied_splits, with_fractions
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction

FIRST = date(2025, 3, 3)


def opening(day):
    return datetime.combine(day, time(8), UTC)


def bar(day, adjustment):
    end = opening(day) + timedelta(hours=8)
    price = Decimal("100.0000")
    return Bar(
        "S", Interval.DAILY, day, opening(day), end, price, price, price, price, 1, adjustment, False, end, 1,
        "files", "raw",
    )  # fmt: skip


def split(day, ratio=Fraction(2)):
    return CorporateAction(ActionKind.SPLIT, "S", day, ratio, None, None, opening(day), "files", "raw")


def market(*days):
    """One day per entry, from the first on: the adjustment of its bar (None: no bar) and its actions."""
    found = []
    for offset, (adjustment, *actions) in enumerate(days):
        day = FIRST + timedelta(days=offset)
        closes = {} if adjustment is None else {"S": bar(day, adjustment)}
        bars = {symbol: (each,) for symbol, each in closes.items()}
        found.append(
            MarketDay(day, opening(day), opening(day) + timedelta(hours=8), bars, closes, tuple(actions))
        )
    return found


def test_a_split_counts_where_it_counts_for_the_book():
    ex_date = FIRST + timedelta(days=1)
    applied = [AppliedSplit(opening(ex_date), "S", Fraction(2))]
    raw, adjusted = Adjustment.RAW, Adjustment.SPLIT
    assert applied_splits(market((raw,), (raw, split(ex_date)))) == applied
    assert applied_splits(market((raw,), (None, split(ex_date)))) == applied
    assert applied_splits(market((raw,), (raw, split(ex_date)), (raw, split(ex_date)))) == applied
    assert applied_splits(market((adjusted,), (adjusted, split(ex_date)))) == []
    assert applied_splits(market((None,), (None, split(ex_date)))) == []


def test_prices_before_and_after_a_split_are_put_on_one_scale():
    scale = Scale(
        [
            AppliedSplit(opening(FIRST), "S", Fraction(2)),
            AppliedSplit(opening(FIRST + timedelta(3)), "S", Fraction(1, 5)),
        ]
    )
    assert scale.at("S", opening(FIRST) - timedelta(seconds=1)) == 1
    assert scale.at("S", opening(FIRST)) == 2
    assert scale.at("S", opening(FIRST + timedelta(4))) == Fraction(2, 5)
    assert scale.at("T", opening(FIRST)) == 1


@pytest.mark.parametrize(
    ("ratio", "gone"), [(Fraction(2), []), (Fraction(3, 2), [3_333]), (Fraction(1, 10), [50_000])]
)
def test_the_fraction_that_a_split_pays_out_is_a_sale_with_its_part_of_the_cost(ratio, gone):
    bought = Trade(opening(FIRST), 0, 50_000, None)
    sold = Trade(opening(FIRST + timedelta(2)), 0, 60_000, 50_000)
    event = AppliedSplit(opening(FIRST + timedelta(1)), "S", ratio)
    trades = with_fractions([(bought, 5), (sold, 5)], [event], {"S": 0})
    assert [trade.cost_cents for trade in trades] == [None, *gone, 50_000]
    assert [trade.at for trade in trades] == sorted(trade.at for trade in trades)
    assert with_fractions([(bought, 5)], [event._replace(symbol="T")], {"S": 0}) == [bought]
    assert with_fractions([(bought, 5)], [event._replace(at=opening(FIRST))], {"S": 0}) == [bought]

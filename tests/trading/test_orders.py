"""An order that cannot mean anything is refused with what is wrong about it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.orders import Order, OrderType, Side

ORDER = Order("o", "m", "A", Side.BUY, 10, datetime(2025, 1, 2, 7, 35, tzinfo=UTC))
LIMIT = replace(ORDER, type=OrderType.LIMIT, limit=Decimal(9))


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (replace(ORDER, quantity=None), "exactly one of quantity, amount and weight"),
        (replace(ORDER, amount=Decimal(5)), "exactly one of quantity, amount and weight"),
        (replace(ORDER, quantity=0), "is for 0 shares"),
        (replace(ORDER, quantity=None, amount=Decimal(0)), "an amount of 0"),
        (replace(ORDER, quantity=None, amount=Decimal("NaN")), "an amount of NaN"),
        (replace(ORDER, quantity=None, weight=Decimal("1.01")), "a weight of 1.01, not from 0 to 1"),
        (replace(ORDER, quantity=None, weight=Decimal("-0.1")), "a weight of -0.1, not from 0 to 1"),
        (replace(ORDER, limit=Decimal(9)), "a market order with limit 9"),
        (replace(LIMIT, limit=None), "a limit order with limit None"),
        (replace(LIMIT, type=OrderType.STOP_LIMIT), "a stop_limit order with limit 9 and stop None"),
        (replace(LIMIT, limit=Decimal(0)), "a price of 0"),
        (replace(LIMIT, limit=Decimal("Infinity")), "a price of Infinity"),
    ],
)
def test_it_names_what_is_wrong(wrong, what):
    with pytest.raises(LedgerError, match="order o ") as refusal:
        wrong.check()
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    ("order", "size"),
    [
        (ORDER, "10"),
        (replace(ORDER, quantity=None, amount=Decimal("1500.00")), "1500.00 worth"),
        (replace(ORDER, quantity=None, weight=Decimal("0.05")), "to a weight of 0.05"),
        (replace(ORDER, quantity=None, parent="p"), "all of p"),
    ],
)
def test_a_size_reads_as_a_person_says_it_and_is_accepted(order, size):
    order.check()
    assert order.size == size

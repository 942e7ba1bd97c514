"""The stored orders filled again on other terms, and how far the ranks move."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.scoring.robustness import Span, robustness_document, spans, surface
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.fills import FillPolicy, Wait
from arena_pipeline.trading.orders import Order, Side

CASH = Decimal("1000.00")


def market_day(day, opening, close):
    opens = datetime(2025, 1, day, 8, tzinfo=UTC)
    closes = datetime(2025, 1, day, 16, 30, tzinfo=UTC)
    low, high = sorted((Decimal(opening), Decimal(close)))
    bar = Bar(
        "A", Interval.DAILY, date(2025, 1, day), opens, closes, Decimal(opening), high, low, Decimal(close),
        1000, Adjustment.SPLIT, False, closes, 1, "test", "",
    )  # fmt: skip
    return MarketDay(date(2025, 1, day), opens, closes, {"A": (bar,)}, {"A": bar})


def order(model, number, side, quantity, day):
    sent = datetime(2025, 1, day, 7, 35, tzinfo=UTC)
    return Order(f"{model}{number}", model, "A", Side(side), quantity, sent)


@pytest.fixture(scope="module")
def scenarios():
    """`busy` trades every day and gains 2 EUR before fees; `idle` does nothing."""
    days = [market_day(2, "10", "10"), market_day(3, "10.1", "10.1"), market_day(6, "10.2", "10.2")]
    busy = [
        order("busy", 1, "buy", 10, 2), order("busy", 2, "sell", 5, 3), order("busy", 3, "sell", 5, 6),
    ]  # fmt: skip
    return surface({"busy": busy, "idle": []}, days, cash=CASH, policy=FillPolicy())


def found(scenarios, fee, slippage, wait):
    (one,) = [
        each
        for each in scenarios
        if (each.fee, each.slippage_bp, each.wait) == (Decimal(fee), Decimal(slippage), wait)
    ]
    return {outcome.model: (outcome.rank, outcome.nav_cents, outcome.fills) for outcome in one.outcomes}


def test_every_combination_of_fee_slippage_and_wait_is_there_once(scenarios):
    assert len({(each.fee, each.slippage_bp, each.wait) for each in scenarios}) == len(scenarios) == 36


def test_a_fee_that_eats_the_gain_changes_the_order(scenarios):
    assert found(scenarios, 0, 0, Wait.NOW) == {"busy": (1, 100_150, 3), "idle": (2, 100_000, 0)}
    assert found(scenarios, 1, 0, Wait.NOW) == {"idle": (1, 100_000, 0), "busy": (2, 99_850, 3)}


def test_slippage_makes_purchases_dearer_within_the_bar(scenarios):
    """The bars are flat: there is no worse price in them to slip to."""
    assert found(scenarios, 0, 10, Wait.NOW) == found(scenarios, 0, 0, Wait.NOW)


def test_an_order_that_waits_for_the_next_opening_fills_a_day_later(scenarios):
    later = found(scenarios, 0, 0, Wait.NEXT_OPEN)
    assert later["busy"] == (1, 100_100, 2)


def test_spans_say_how_far_ranks_move_and_who_led(scenarios):
    led = sum(found(scenarios, e.fee, e.slippage_bp, e.wait)["busy"][0] == 1 for e in scenarios) / 36
    by_model = {span.model: span for span in spans(scenarios)}
    assert by_model["busy"] == Span("busy", 1, 2, led)
    assert 0 < led < 1


def test_the_document_holds_plain_values(scenarios):
    document = robustness_document(scenarios)
    assert document["scenarios"][0]["outcomes"][0]["nav"] == "1001.50"
    assert {span["model"] for span in document["spans"]} == {"busy", "idle"}


def test_days_that_do_not_count_do_not_rank():
    days = [market_day(2, "10", "10"), market_day(3, "12", "12"), market_day(6, "9", "9")]
    early = [order("early", 1, "buy", 50, 2), order("early", 2, "sell", 50, 6)]
    late = [order("late", 1, "buy", 50, 3)]
    books = {"early": early, "late": late, "idle": []}
    every = surface(books, days, cash=CASH, policy=FillPolicy())
    some = surface(books, days, cash=CASH, policy=FillPolicy(), left_out={date(2025, 1, 6)})
    assert {name: row[0] for name, row in found(every, 0, 0, Wait.NOW).items()} == {
        "idle": 1, "early": 2, "late": 3,
    }  # fmt: skip
    assert {name: row[0] for name, row in found(some, 0, 0, Wait.NOW).items()} == {
        "early": 1, "idle": 2, "late": 2,
    }  # fmt: skip

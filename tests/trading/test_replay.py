from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from arena_pipeline.errors import DataError, LedgerError
from arena_pipeline.market.bars import Adjustment
from arena_pipeline.trading.fills import FillPolicy, Wait
from arena_pipeline.trading.orders import Cancellation, OrderType, RejectReason, TimeInForce
from arena_pipeline.trading.replay import Replay, replay

FEE = Decimal("5.00")


def engine(cash="10000.00"):
    return Replay("m", Decimal(cash), FEE)


def nav(result):
    return result.snapshot.nav_cents


def test_an_order_fills_at_the_open_of_the_first_bar_after_it(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2, "13:05"))
    early = market.bar("SAP", 2, "100", start="13:00")
    later = market.bar("SAP", 2, ("101", "102"), start="13:15")
    result = book.run(market.day(2, {"SAP": (early, later)}))
    (fill,) = result.fills
    assert (fill.price, fill.filled_at, fill.bar_id) == (Decimal("101"), later.start, later.id)
    assert fill.notional_cents == 101000
    assert fill.fee_cents == 500
    assert nav(result) == 1000000 - 500 + 10 * 100


def test_an_order_waits_over_stale_and_missing_bars(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    stale = market.bar("SAP", 2, "100", stale=True)
    assert not book.run(market.day(2, {"SAP": stale})).fills
    assert not book.run(market.day(3, {})).fills
    assert book.book.open_orders
    (fill,) = book.run(market.day(6, {"SAP": "103"})).fills
    assert fill.day == date(2025, 1, 6)
    assert not book.book.open_orders


def test_sells_pay_for_buys_at_the_same_open(market):
    book = engine("1005.00")
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    book.submit(market.order("o2", "buy", 9, "SIE", 3, "07:00"))
    book.submit(market.order("o3", "sell", 10, "SAP", 3, "07:30"))
    result = book.run(market.day(3, {"SAP": "100", "SIE": "100"}))
    assert [fill.order_id for fill in result.fills] == ["o3", "o2"]


def test_the_oldest_order_gets_the_cash(market):
    book = engine("1005.00")
    book.submit(market.order("late", "buy", 10, "SAP", 2, "07:40"))
    book.submit(market.order("early", "buy", 10, "SAP", 2, "07:35"))
    result = book.run(market.day(2, {"SAP": "100"}))
    assert [fill.order_id for fill in result.fills] == ["early"]
    assert [(r.order_id, r.reason) for r in result.rejections] == [("late", RejectReason.INSUFFICIENT_CASH)]
    assert not book.book.open_orders


def test_an_earlier_bar_comes_before_a_sell_at_a_later_one(market):
    book = engine("1005.00")
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    book.submit(market.order("o2", "sell", 10, "SAP", 3))
    book.submit(market.order("o3", "buy", 5, "SIE", 3))
    late = market.bar("SAP", 3, "100", start="09:00")
    result = book.run(market.day(3, {"SAP": (late,), "SIE": "100"}))
    assert [r.order_id for r in result.rejections] == ["o3"]


def test_a_rejection_leaves_no_trace_in_the_book(market):
    book = engine()
    before = book.book
    book.submit(market.order("o1", "sell", 1, "SAP", 2))
    result = book.run(market.day(2, {"SAP": "100"}))
    assert result.rejections[0].reason is RejectReason.INSUFFICIENT_POSITION
    assert book.book == before


def test_a_split_doubles_the_holding_and_changes_no_value(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    raw = market.bar("SAP", 2, "100", adjustment=Adjustment.RAW)
    first = book.run(market.day(2, {"SAP": raw}))
    after = market.bar("SAP", 3, "50", adjustment=Adjustment.RAW)
    second = book.run(market.day(3, {"SAP": after}, market.split("SAP", 3, "2")))
    assert nav(first) == nav(second)
    assert book.book.holdings["SAP"].quantity == 20
    assert book.book.holdings["SAP"].cost_cents == 100000


@pytest.mark.parametrize(
    ("adjustment", "quantity", "dividends"),
    [(Adjustment.RAW, 20, 20_00), (Adjustment.SPLIT, 10, 10_00), (Adjustment.TOTAL, 10, 0)],
)
def test_what_the_price_already_holds_is_not_applied_again(market, adjustment, quantity, dividends):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": market.bar("SAP", 2, "100", adjustment=adjustment)}))
    actions = (market.dividend("SAP", 3, "1.00"), market.split("SAP", 3, "2"))
    book.run(market.day(3, {"SAP": market.bar("SAP", 3, "50", adjustment=adjustment)}, *actions))
    assert book.book.quantity("SAP") == quantity
    assert book.book.dividends_cents == dividends
    assert book.book.receivable_cents == 0


def test_a_split_on_a_day_without_a_bar_restates_the_last_price(market):
    book = engine()
    book.submit(market.order("o1", "buy", 11, "SAP", 2))
    first = book.run(market.day(2, {"SAP": market.bar("SAP", 2, "90", adjustment=Adjustment.RAW)}))
    second = book.run(market.day(3, {}, market.split("SAP", 3, "3/2")))
    assert nav(first) == nav(second)
    assert book.book.quantity("SAP") == 16
    assert second.snapshot.provisional
    assert second.snapshot.marks[0].price == Decimal("60.0000")


def test_a_split_reaches_the_orders_sent_before_its_open_only(market):
    book = engine()
    book.submit(market.order("o1", "buy", 3, "SAP", 2))
    book.run(market.day(2, {"SAP": market.bar("SAP", 2, "90", adjustment=Adjustment.RAW)}))
    book.submit(market.order("old", "buy", 3, "SAP", 3))
    book.submit(market.order("new", "buy", 3, "SAP", 3, "09:00"))
    bars = tuple(
        market.bar("SAP", 3, "60", start=clock, adjustment=Adjustment.RAW) for clock in ("08:00", "09:00")
    )
    result = book.run(market.day(3, {"SAP": bars}, market.split("SAP", 3, "3/2")))
    assert [(fill.order_id, fill.quantity) for fill in result.fills] == [("old", 4), ("new", 3)]
    book.submit(market.order("old", "buy", 3, "SAP", 3))
    assert not book.book.open_orders


def test_a_reverse_split_that_leaves_no_share_rejects_the_order_and_pays_out_the_holding(market):
    book = engine()
    book.submit(market.order("o1", "buy", 5, "SAP", 2))
    book.run(market.day(2, {"SAP": market.bar("SAP", 2, "1", adjustment=Adjustment.RAW)}))
    book.submit(market.order("o2", "sell", 5, "SAP", 3))
    split = market.split("SAP", 3, "1/10")
    result = book.run(market.day(3, {"SAP": market.bar("SAP", 3, "10", adjustment=Adjustment.RAW)}, split))
    (refused,) = result.rejections
    assert (refused.reason, refused.bar_id, refused.quantity) == (RejectReason.BELOW_ONE_SHARE, split.id, 5)
    assert book.book.holdings == {}
    assert book.book.cash_cents == 1000000 - 500


def test_an_action_that_arrives_twice_is_applied_once(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    dividend = market.dividend("SAP", 3, "1.00", pay=7)
    book.run(market.day(3, {"SAP": "99"}, dividend, dividend))
    book.run(market.day(6, {"SAP": "99"}, dividend))
    assert book.book.receivable_cents == 1000
    result = book.run(market.day(8, {"SAP": "99"}))
    assert result.snapshot.receivable_cents == 0
    assert book.book.cash_cents == 1000000 - 100000 - 500 + 1000


def test_an_action_before_its_ex_date_is_refused(market):
    with pytest.raises(LedgerError, match="ex-date"):
        engine().run(market.day(2, {}, market.split("SAP", 3, "2")))


def test_an_action_on_a_symbol_without_any_price_changes_nothing(market):
    book = engine()
    book.run(market.day(2, {}, market.split("SAP", 2, "2"), market.dividend("SAP", 2, "1")))
    assert book.book == engine().book


def test_an_impossible_action_is_refused(market):
    dividend = market.dividend("SAP", 6, "1.00", pay=7)
    for change in (
        {"amount": None},
        {"amount": Decimal("NaN")},
        {"amount": Decimal(-1)},
        {"pay_date": date(2025, 1, 3)},
    ):
        with pytest.raises(DataError):
            replace(dividend, **change)
    with pytest.raises(DataError, match="action:split:SAP:2025-01-03"):
        market.split("SAP", 3, "0")


def test_a_holding_is_never_marked_at_zero(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    full = book.run(market.day(2, {"SAP": ("100", "104")}))
    assert not full.snapshot.provisional
    gap = book.run(market.day(3, {}))
    stale = book.run(market.day(6, {"SAP": market.bar("SAP", 6, "77", stale=True)}))
    assert nav(full) == nav(gap) == nav(stale)
    assert gap.snapshot.provisional
    assert stale.snapshot.provisional
    assert stale.snapshot.marks[0].bar_id == "bar:SAP:2025-01-02:1"


def test_an_intraday_price_marks_provisionally(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    bars = (market.bar("SAP", 2, "100", start="08:00"), market.bar("SAP", 2, ("101", "103"), start="16:15"))
    result = book.run(market.day(2, {"SAP": bars}, closes={}))
    assert result.snapshot.provisional
    assert result.snapshot.marks[0].price == Decimal("103")


def test_position_marks_follow_the_fills_through_the_day(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.submit(market.order("o2", "sell", 4, "SAP", 2, "08:05"))
    book.submit(market.order("o3", "sell", 6, "SAP", 2, "08:35"))
    bars = tuple(
        market.bar("SAP", 2, ("100", close), start=start, stale=stale)
        for start, close, stale in (
            ("08:00", "101", False),
            ("08:15", "102", False),
            ("08:30", "102", True),
            ("08:45", "103", False),
        )
    )
    marks = book.run(market.day(2, {"SAP": bars})).position_marks
    assert [(mark.at, mark.quantity, mark.value_cents) for mark in marks] == [
        (bars[0].end, 10, 101000),
        (bars[1].end, 6, 61200),
    ]


def test_daily_bars_make_no_position_marks(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    assert book.run(market.day(2, {"SAP": "100"})).position_marks == ()


def test_a_session_sees_only_what_was_known_before_it(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    bars = tuple(
        market.bar("SAP", 3, price, start=start)
        for price, start in (("110", "08:00"), ("120", "12:30"), ("130", "12:45"))
    )
    day = market.day(3, {"SAP": bars}, market.dividend("SAP", 3, "1"))
    session = book.fork()
    session.submit(market.order("o2", "buy", 1, "SAP", 3, "12:40"))
    seen = session.run(day, until=market.at(3, "13:00"))
    assert seen.snapshot.marks[0].price == Decimal("120")
    assert seen.snapshot.provisional
    assert session.book.open_orders
    assert session.book.dividends_cents == 1000
    assert book.book.dividends_cents == 0
    assert not book.book.open_orders
    assert book.run(day).snapshot.marks[0].price == Decimal("130")


def test_what_was_not_known_before_the_session_changes_nothing(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    before = book.book
    late = replace(market.dividend("SAP", 3, "1"), known_at=market.at(3, "14:00"))
    seen = book.fork()
    seen.run(market.day(3, {"SAP": "120"}, late), until=market.at(3, "13:00"))
    assert seen.book == before


def test_the_same_order_twice_is_one_order(market):
    book = engine()
    order = market.order("o1", "buy", 10, "SAP", 2)
    book.submit(order)
    book.submit(order)
    book.run(market.day(2, {"SAP": "100"}))
    book.submit(order)
    book.run(market.day(3, {"SAP": "100"}))
    assert book.book.fees_cents == 500


def test_the_same_cancellation_twice_is_one_also_after_its_day(market):
    book = engine()
    order = replace(market.order("o1", "buy", 10, "SAP", 2), type=OrderType.LIMIT, limit=Decimal("90"))
    wish = Cancellation("m", "o1", market.at(2, "12:00"))
    book.submit(order)
    book.cancel(wish)
    (ended,) = book.run(market.day(2, {"SAP": "100"})).rejections
    assert (ended.reason, ended.rejected_at) == (RejectReason.CANCELLED, wish.submitted_at)
    book.cancel(wish)
    assert not book.run(market.day(3, {"SAP": "80"})).rejections
    with pytest.raises(LedgerError, match="comes late"):
        book.cancel(replace(wish, submitted_at=market.at(2, "13:00")))


def test_a_cancellation_sent_ahead_waits_for_its_time(market):
    book = engine()
    order = replace(market.order("o1", "buy", 10, "SAP", 2), type=OrderType.LIMIT, limit=Decimal("90"))
    book.submit(order)
    book.cancel(Cancellation("m", "o1", market.at(6, "07:00")))
    assert not book.run(market.day(2, {"SAP": "100"})).rejections
    assert [fill.order_id for fill in book.run(market.day(3, {"SAP": "80"})).fills] == ["o1"]


def test_another_order_under_a_known_id_is_refused(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    with pytest.raises(LedgerError, match="already submitted as buy 10 SAP"):
        book.submit(market.order("o1", "buy", 11, "SAP", 2))


def test_an_impossible_order_is_refused(market):
    order = market.order("o1", "buy", 10, "SAP", 2)
    for wrong in (
        replace(order, model="someone-else"),
        replace(order, quantity=0),
        replace(order, submitted_at=datetime(2025, 1, 2, 7, 35)),  # noqa: DTZ001
    ):
        with pytest.raises(LedgerError, match="o1"):
            engine().submit(wrong)
        with pytest.raises(LedgerError, match="o1"):
            replay("m", Decimal(1), FEE, [wrong], [])


def test_an_order_into_the_past_is_refused(market):
    book = engine()
    book.run(market.day(2, {}))
    book.submit(market.order("evening", "buy", 1, "SAP", 2, "17:00"))
    with pytest.raises(LedgerError, match="comes late"):
        book.submit(market.order("o1", "buy", 1, "SAP", 2))


def test_days_run_forwards_only(market):
    book = engine()
    book.run(market.day(3, {}))
    for day in (2, 3):
        with pytest.raises(LedgerError, match="cannot be run after"):
            book.run(market.day(day, {}))


def test_a_rebought_share_is_marked_at_its_new_fill_not_at_an_old_price(market):
    book = engine()
    orders = [
        market.order("o1", "buy", 1, "SAP", 2),
        market.order("o2", "sell", 1, "SAP", 3),
        market.order("o3", "buy", 1, "SAP", 6),
    ]
    days = [market.day(2, {"SAP": "100"}), market.day(3, {"SAP": "100"}), market.day(6, {"SAP": "150"})]
    results = replay("m", Decimal(10000), FEE, orders, [*days, market.day(7, {})])
    assert results[-1].snapshot.marks[0].price == Decimal("150")
    assert book.book.cash_cents == 1000000


def test_an_action_on_a_share_that_is_not_held_changes_nothing(market):
    book = engine()
    book.run(market.day(2, {"SAP": market.bar("SAP", 2, "100", adjustment=Adjustment.RAW)}))
    actions = market.split("SAP", 3, "2"), market.dividend("SAP", 3, "1")
    book.run(market.day(3, {"SAP": market.bar("SAP", 3, "50", adjustment=Adjustment.RAW)}, *actions))
    assert book.book == engine().book


def test_the_fraction_after_a_split_is_paid_out_however_large(market):
    book = engine()
    book.submit(market.order("o1", "buy", 20, "SAP", 2))
    book.run(market.day(2, {"SAP": market.bar("SAP", 2, "10", adjustment=Adjustment.RAW)}))
    after = market.bar("SAP", 3, "77", adjustment=Adjustment.RAW)
    book.run(market.day(3, {"SAP": after}, market.split("SAP", 3, "1/7")))
    holding = book.book.holdings["SAP"]
    assert (holding.quantity, holding.cost_cents) == (2, 14000)
    assert book.book.cash_cents == 1000000 - 20000 - 500 + 6600
    assert book.book.realised_cents == 6600 - 6000


def test_a_dividend_due_is_paid_to_a_fork_and_to_its_origin(market):
    book = engine()
    book.submit(market.order("o1", "buy", 10, "SAP", 2))
    book.run(market.day(2, {"SAP": "100"}))
    book.run(market.day(3, {"SAP": "99"}, market.dividend("SAP", 3, "1.00", pay=6)))
    fork = book.fork()
    for branch in (fork, book):
        assert branch.run(market.day(6, {"SAP": "99"})).snapshot.receivable_cents == 0
        assert branch.book.dividends_cents == 1000


def test_a_replacement_takes_the_place_of_one_of_two_orders_that_cancel_each_other(market):
    days = [market.day(2, {"A": "10"}), market.day(3, {"A": "10"}), market.day(6, {"A": ("10", "14")})]
    entry = market.order("in", "buy", 5, "A", 2)
    exits = market.order("out", "sell", 5, "A", 2, "16:00")
    stop = replace(exits, id="stop", type=OrderType.STOP, stop=Decimal(8), oco="target")
    target = replace(exits, id="target", type=OrderType.LIMIT, limit=Decimal(13), oco="stop")
    moved = replace(
        market.order("moved", "sell", 5, "A", 3), type=OrderType.STOP, stop=Decimal(9), replaces="stop"
    )
    last = replay("m", Decimal(1000), Decimal(5), [entry, stop, target, moved], days)[-1]
    assert [fill.order_id for fill in last.fills] == ["target"]
    assert [(entry.order_id, entry.reason) for entry in last.rejections] == [
        ("moved", RejectReason.OTHER_FILLED)
    ]


@pytest.mark.parametrize("wait", [Wait.NEXT_BAR, Wait.NEXT_OPEN])
def test_an_order_for_the_day_that_has_to_wait_is_good_for_the_next_one(market, wait):
    days = [market.day(2, {"A": "10"}), market.day(3, {"A": "11"})]
    order = replace(market.order("o", "buy", 5, "A", 2), time_in_force=TimeInForce.DAY)
    first, second = replay("m", Decimal(1000), Decimal(5), [order], days, FillPolicy(wait=wait))
    assert (first.fills, first.rejections) == ((), ())
    assert [fill.price for fill in second.fills] == [Decimal(11)]


def test_an_order_for_the_day_sent_after_its_only_bar_opened_is_good_for_the_next_day(market):
    days = [market.day(2, {"A": "10"}), market.day(3, {"A": "11"})]
    order = replace(market.order("o", "buy", 5, "A", 2, "13:05"), time_in_force=TimeInForce.DAY)
    first, second = replay("m", Decimal(1000), Decimal(5), [order], days)
    assert (first.fills, first.rejections) == ((), ())
    assert [fill.price for fill in second.fills] == [Decimal(11)]


def test_an_order_for_the_day_that_met_a_bar_of_the_afternoon_ends_with_it(market):
    bars = {"A": tuple(market.bar("A", 2, "10", start=clock) for clock in ("08:00", "13:15"))}
    days = [market.day(2, bars), market.day(3, {"A": "5"})]
    order = replace(
        market.order("o", "buy", 5, "A", 2, "13:05"),
        type=OrderType.LIMIT,
        limit=Decimal(8),
        time_in_force=TimeInForce.DAY,
    )
    first, second = replay("m", Decimal(1000), Decimal(5), [order], days)
    assert [entry.reason for entry in first.rejections] == [RejectReason.EXPIRED]
    assert second.fills == ()


@pytest.mark.parametrize("taken_back", ["cancelled", "replaced"])
def test_an_exit_that_is_taken_back_before_its_entry_fills_is_not_missed(market, taken_back):
    entry = replace(market.order("in", "buy", 5, "A", 2), type=OrderType.LIMIT, limit=Decimal(8))
    exit_order = replace(market.order("stop", "sell", 1, "A", 2), quantity=None, parent="in")
    stop = replace(exit_order, type=OrderType.STOP, stop=Decimal(6), oco="target")
    target = replace(exit_order, id="target", type=OrderType.LIMIT, limit=Decimal(13), oco="stop")
    moved = replace(market.order("moved", "sell", 5, "A", 3), type=OrderType.STOP, stop=Decimal(7))
    wish = {
        "cancelled": Cancellation("m", "stop", market.at(3, "07:35")),
        "replaced": replace(moved, replaces="stop"),
    }[taken_back]
    days = [market.day(day, {"A": price}) for day, price in ((2, "10"), (3, "9"), (6, "7.50"), (7, "5"))]
    results = replay("m", Decimal(1000), FEE, [entry, stop, target, wish], days)
    fills = [(fill.order_id, fill.day.day) for result in results for fill in result.fills]
    ends = [(entry.order_id, entry.reason.value) for result in results for entry in result.rejections]
    if taken_back == "cancelled":
        assert (fills, ends) == ([("in", 6)], [("stop", "CANCELLED")])
    else:
        assert (fills, ends) == (
            [("in", 6), ("moved", 7)],
            [("stop", "REPLACED"), ("target", "OTHER_FILLED")],
        )


def test_a_split_that_ends_an_entry_ends_its_exits_for_good(market):
    raw = [market.bar("A", day, price, adjustment=Adjustment.RAW) for day, price in ((2, "10"), (3, "100"))]
    entry = replace(market.order("in", "buy", 5, "A", 2), type=OrderType.LIMIT, limit=Decimal(8))
    stop = replace(
        market.order("stop", "sell", 1, "A", 2),
        quantity=None,
        parent="in",
        type=OrderType.STOP,
        stop=Decimal(6),
    )
    book = engine()
    book.submit(entry)
    book.submit(stop)
    book.run(market.day(2, {"A": raw[0]}))
    split = book.run(market.day(3, {"A": raw[1]}, market.split("A", 3, "1/10")))
    assert [(end.order_id, end.reason.value) for end in split.rejections] == [
        ("in", "BELOW_ONE_SHARE"),
        ("stop", "ENTRY_ENDED"),
    ]
    assert book.book.open_orders == ()


def test_a_dividend_known_late_is_for_whoever_held_the_share_on_the_ex_date(market):
    book = engine()
    book.submit(market.order("in", "buy", 10, "A", 2))
    book.run(market.day(2, {"A": "100"}))
    book.submit(market.order("out", "sell", 10, "A", 3))
    book.submit(market.order("other", "buy", 7, "B", 3))
    book.run(market.day(3, {"A": "99", "B": "50"}))
    late = (market.dividend("A", 3, "1.00", pay=7), market.dividend("B", 3, "1.00"))
    known = book.run(market.day(6, {"A": "99", "B": "50"}, *late))
    assert [(posting.symbol, posting.quantity, posting.cents) for posting in known.postings] == [
        ("A", 10, 1000)
    ]
    assert (book.book.dividends_cents, book.book.receivable_cents) == (1000, 1000)
    assert book.run(market.day(7, {})).snapshot.receivable_cents == 0


def test_a_stop_reached_in_a_bar_too_thin_for_it_goes_to_the_market(market):
    policy = FillPolicy(participation=Decimal("0.01"))
    thin = replace(market.bar("A", 3, ("95", "90"), start="08:00"), volume=100)
    deep = replace(market.bar("A", 3, "97", start="08:15"), volume=10_000)
    entry, out = market.order("in", "buy", 10, "A", 2), market.order("out", "sell", 10, "A", 3)
    stop = replace(out, type=OrderType.STOP, stop=Decimal(92))
    days = [market.day(2, {"A": "100"}), market.day(3, {"A": (thin, deep)})]
    last = replay("m", Decimal(10_000), FEE, [entry, stop], days, policy)[-1]
    assert [(fill.order_id, fill.price) for fill in last.fills] == [("out", Decimal(97))]

"""What holds for every order list and every market: gaps, stale days, splits, dividends, redelivery."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment
from arena_pipeline.trading.orders import Side
from arena_pipeline.trading.replay import Replay, replay

SYMBOLS = ("A", "B", "C")
DAYS = range(2, 12)
FEE = Decimal("5.00")

prices = st.integers(1, 5_000_000).map(lambda tenths: Decimal(tenths).scaleb(-4))


@st.composite
def scenarios(draw, *, splits=True):
    """Starting cash and recipes for days and orders, to be built with the market fixture."""
    adjustment = draw(st.sampled_from(Adjustment))
    days = []
    for day in DAYS:
        bars = {
            symbol: (draw(prices), draw(prices), draw(st.sampled_from([False, False, False, True])))
            for symbol in SYMBOLS
            if draw(st.integers(0, 4))
        }
        actions = []
        if draw(st.integers(0, 3)) == 0:
            symbol = draw(st.sampled_from(SYMBOLS))
            if splits and draw(st.booleans()):
                actions.append(("split", symbol, draw(st.sampled_from(["2", "3/2", "1/7", "10"]))))
            else:
                pay = draw(st.sampled_from([None, day, day + 3]))
                actions.append(("dividend", symbol, str(draw(prices)), pay))
        days.append((day, bars, actions))
    orders = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["buy", "buy", "sell"]),
                st.integers(1, 60),
                st.sampled_from(SYMBOLS),
                st.sampled_from(DAYS),
                st.sampled_from(["07:35", "08:00", "13:05", "17:00"]),
            ),
            max_size=25,
        )
    )
    return draw(st.integers(0, 2_000_000)), adjustment, days, orders


def build(market, scenario):
    cents, adjustment, recipe, wanted = scenario
    days = []
    for day, bars, actions in recipe:
        made = [
            market.split(symbol, day, what[0])
            if kind == "split"
            else market.dividend(symbol, day, what[0], what[1])
            for kind, symbol, *what in actions
        ]
        days.append(
            market.day(
                day,
                {
                    symbol: market.bar(
                        symbol, day, (str(opening), str(close)), stale=stale, adjustment=adjustment
                    )
                    for symbol, (opening, close, stale) in bars.items()
                },
                *made,
            )
        )
    orders = [market.order(f"o{number}", *what) for number, what in enumerate(wanted)]
    return Decimal(cents).scaleb(-2), orders, days


@settings(max_examples=150, deadline=None)
@given(scenarios())
def test_the_books_always_balance(market, scenario):
    cash, orders, days = build(market, scenario)
    fills = 0
    for result in replay("m", cash, FEE, orders, days):
        snapshot = result.snapshot
        fills += len(result.fills)
        cost = sum(mark.cost_cents for mark in snapshot.marks)
        value = sum(mark.value_cents for mark in snapshot.marks)
        earned = int(cash * 100) + snapshot.realised_cents - snapshot.fees_cents + snapshot.dividends_cents
        assert snapshot.cash_cents >= 0
        assert snapshot.cash_cents + snapshot.receivable_cents + cost == earned
        assert snapshot.nav_cents == earned + value - cost
        assert snapshot.fees_cents == 500 * fills
        assert all(mark.quantity > 0 and mark.price is not None for mark in snapshot.marks)


@settings(max_examples=100, deadline=None)
@given(scenarios())
def test_every_fill_is_at_the_open_of_a_fresh_bar_after_its_order(market, scenario):
    cash, orders, days = build(market, scenario)
    by_id = {order.id: order for order in orders}
    ended = []
    for day, result in zip(days, replay("m", cash, FEE, orders, days), strict=True):
        for fill in result.fills:
            (bar,) = day.bars[fill.symbol]
            assert bar.low <= fill.price <= bar.high
            assert (fill.price, fill.bar_id, fill.filled_at) == (bar.open, bar.id, bar.start)
            assert not bar.stale
            assert fill.filled_at >= by_id[fill.order_id].submitted_at
        ended += [outcome.order_id for outcome in (*result.fills, *result.rejections)]
    assert len(ended) == len(set(ended))


@settings(max_examples=100, deadline=None)
@given(scenarios(splits=False))
def test_a_position_is_the_sum_of_its_fills(market, scenario):
    cash, orders, days = build(market, scenario)
    held = dict.fromkeys(SYMBOLS, 0)
    bought = sold = gains = 0
    for result in replay("m", cash, FEE, orders, days):
        for fill in result.fills:
            if fill.side is Side.BUY:
                held[fill.symbol] += fill.quantity
                bought += fill.notional_cents
            else:
                held[fill.symbol] -= fill.quantity
                sold += fill.notional_cents
                gains += fill.realised_cents
            assert held[fill.symbol] >= 0
        marks = {mark.symbol: mark for mark in result.snapshot.marks}
        assert {symbol: quantity for symbol, quantity in held.items() if quantity} == {
            symbol: mark.quantity for symbol, mark in marks.items()
        }
        assert bought == sold - gains + sum(mark.cost_cents for mark in marks.values())


@settings(max_examples=75, deadline=None)
@given(scenarios(), st.integers(0, len(DAYS)))
def test_a_later_day_changes_no_earlier_one(market, scenario, cut):
    cash, orders, days = build(market, scenario)
    known = [order for order in orders if order.submitted_at.date() <= date(2025, 1, 1 + cut)]
    assert replay("m", cash, FEE, orders, days)[:cut] == replay("m", cash, FEE, known, days[:cut])


@settings(max_examples=75, deadline=None)
@given(scenarios())
def test_delivering_every_order_again_changes_nothing(market, scenario):
    cash, orders, days = build(market, scenario)
    assert replay("m", cash, FEE, orders + orders, days) == replay("m", cash, FEE, orders, days)


@settings(max_examples=75, deadline=None)
@given(scenarios(), st.integers(0, len(DAYS) - 1))
def test_a_fork_and_its_origin_do_not_touch_each_other(market, scenario, cut):
    cash, orders, days = build(market, scenario)
    engine = Replay("m", cash, FEE)
    for order in orders:
        engine.submit(order)
    for day in days[:cut]:
        engine.run(day)
    before = engine.book
    fork = engine.fork()
    assert fork.book == before
    fork.submit(market.order("more", "buy", 1, "A", 12))
    forked = [fork.run(day) for day in days[cut:]]
    assert engine.book == before
    assert [engine.run(day) for day in days[cut:]] == forked

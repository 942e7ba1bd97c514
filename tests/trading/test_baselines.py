from datetime import date, timedelta
from decimal import Decimal

import pytest

from arena_pipeline.market.bars import Adjustment, Bar, Interval, price
from arena_pipeline.market.calendar import SUBMISSION_LATENCY, trading_calendar
from arena_pipeline.strategies import Strategy
from arena_pipeline.trading.baselines import BaselineContext, decide
from arena_pipeline.trading.book import Book, Holding, MarketDay
from arena_pipeline.trading.orders import Order, Side
from arena_pipeline.trading.replay import Replay

CALENDAR = trading_calendar()
SYMBOLS = tuple("ABCDEFGH")
INDEX = "^IDX"
FEE = Decimal("5.00")
HISTORY = CALENDAR.days(date(2024, 6, 3), date(2025, 1, 31))
MORNING = CALENDAR.session("2025-01-02T08:30")


def calm(symbol, number):
    """A slow wave of its own for each symbol, with a drift: at most half a per cent a day."""
    rank = (*SYMBOLS, INDEX).index(symbol)
    phase = (number + 9 * rank) % 60
    wave = Decimal(phase if phase < 30 else 60 - phase) / 250
    return price((20 + 15 * rank) * (1 + wave + Decimal(number * (rank - 3)) / 10000))


def closes_before(day, symbols=(*SYMBOLS, INDEX), first=HISTORY[0]):
    return {
        symbol: [(d, calm(symbol, n)) for n, d in enumerate(HISTORY) if first <= d < day]
        for symbol in symbols
    }


def context(session=MORNING, **changes):
    fields = {
        "model": "base",
        "session": session,
        "first": False,
        "new_month": False,
        "book": Book.opening(10_000_000),
        "closes": closes_before(session.day),
        "symbols": SYMBOLS,
        "benchmark": INDEX,
        "fee": FEE,
        "seed": 7,
    }
    return BaselineContext(**(fields | changes))


def market_day(number, day):
    hours = CALENDAR.hours(day)
    bars = {}
    for symbol in (*SYMBOLS, INDEX):
        opening, close = calm(symbol, number - 1), calm(symbol, number)
        bars[symbol] = Bar(
            symbol,
            Interval.DAILY,
            day,
            hours.opens_at,
            hours.closes_at,
            opening,
            max(opening, close),
            min(opening, close),
            close,
            1000,
            Adjustment.SPLIT,
            False,
            hours.closes_at,
            1,
            "test",
            "",
        )
    return MarketDay(day, hours.opens_at, hours.closes_at, {s: (b,) for s, b in bars.items()}, bars)


def live(strategy, first, last, seed=7, first_close=HISTORY[0]):
    """Every session from `first` to `last`, as the arena lives it; yields day, decisions and result."""
    engine = Replay("base", Decimal("100000.00"), FEE)
    month = None
    for number, day in enumerate(HISTORY):
        if not first <= day <= last:
            continue
        decisions = []
        for session in CALENDAR.sessions_of(day):
            seen = engine.fork()
            if session.name == "afternoon":
                seen.run(market_day(number, day), until=session.time)
            decision = decide(
                strategy,
                context(
                    session,
                    first=month is None,
                    new_month=day.month != month,
                    book=seen.book,
                    closes=closes_before(day, first=first_close),
                    seed=seed,
                ),
            )
            month = day.month
            decisions.append(decision)
            for place, request in enumerate(decision.orders):
                assert request.quantity > 0
                order_id = f"{session.key}:{place}"
                sent = session.time + SUBMISSION_LATENCY
                engine.submit(Order(order_id, "base", request.symbol, request.side, request.quantity, sent))
        yield day, decisions, engine.run(market_day(number, day))


@pytest.mark.parametrize("strategy", Strategy)
def test_no_order_of_a_baseline_is_refused_on_a_calm_market(strategy):
    results = [result for _, _, result in live(strategy, date(2024, 10, 1), HISTORY[-1])]
    assert not [refused for result in results for refused in result.rejections]
    traded = sum(len(result.fills) for result in results)
    assert (traded == 0) == (strategy is Strategy.CASH)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_decision_is_the_same_when_it_is_made_again(strategy):
    again = context(first=True, new_month=True)
    assert decide(strategy, again) == decide(strategy, again)


def test_cash_does_nothing():
    assert decide(Strategy.CASH, context(first=True, new_month=True)).orders == ()


def test_the_benchmark_is_bought_once_with_all_cash(market):
    decision = decide(Strategy.BENCHMARK, context(first=True))
    (order,) = decision.orders
    spent = order.quantity * context().price(INDEX)
    assert Decimal("98500") < spent + FEE <= Decimal("99000")
    waiting = Book(10_000_000, 0, {}, (market.order("o", "buy", 1, INDEX, 2),), 0, 0, 0, 10_000_000)
    assert decide(Strategy.BENCHMARK, context(book=waiting)).orders == ()
    held = Book(10_000_000, 0, {INDEX: Holding(1, 1, 0, "o")}, (), 0, 0, 0, 10_000_000)
    assert decide(Strategy.BENCHMARK, context(book=held)).orders == ()


def test_the_benchmark_waits_until_it_can_pay_a_unit():
    poor = decide(Strategy.BENCHMARK, context(book=Book.opening(100)))
    blind = decide(Strategy.BENCHMARK, context(closes={}))
    assert poor.orders == blind.orders == ()


def test_equal_weight_buys_the_same_amount_of_everything_with_a_price():
    closes = closes_before(MORNING.day, symbols=SYMBOLS[:4])
    decision = decide(Strategy.EQUAL_WEIGHT, context(first=True, closes=closes))
    assert [order.symbol for order in decision.orders] == list(SYMBOLS[:4])
    for order in decision.orders:
        assert abs(order.quantity * closes[order.symbol][-1][1] - 24_750) < 100


def test_equal_weight_trims_and_tops_up_only_far_off_its_target(market):
    prices = {symbol: [(date(2024, 12, 30), Decimal(100))] for symbol in "ABC"}
    held = {"A": Holding(300, 1, 0, "o"), "B": Holding(500, 1, 0, "o")}
    book = Book(2_000_000, 0, held, (), 0, 0, 0, 10_000_000)
    ask = {"book": book, "closes": prices, "symbols": tuple("ABC")}
    decision = decide(Strategy.EQUAL_WEIGHT, context(new_month=True, **ask))
    assert [(order.symbol, order.side) for order in decision.orders] == [("B", Side.SELL), ("C", Side.BUY)]
    assert decision.orders[0].quantity == 170
    assert decision.orders[1].quantity == 197
    assert decide(Strategy.EQUAL_WEIGHT, context(**ask)).orders == ()
    low = Book(9_000_000, 0, {"A": Holding(100, 1, 0, "o")}, (), 0, 0, 0, 10_000_000)
    topped = decide(Strategy.EQUAL_WEIGHT, context(new_month=True, **(ask | {"book": low})))
    assert {order.symbol: order.quantity for order in topped.orders} == {"A": 229, "B": 329, "C": 329}


def test_momentum_holds_the_best_five_and_finishes_buying_when_the_sales_are_paid():
    holdings = {}
    for day, decisions, result in live(Strategy.MOMENTUM, date(2024, 12, 2), HISTORY[-1]):
        holdings[day] = {mark.symbol for mark in result.snapshot.marks}
        if day >= date(2025, 1, 6):
            assert len(holdings[day]) == 5
            assert all(symbol in decisions[0].reasoning for symbol in holdings[day])
    assert len(set(map(frozenset, holdings.values()))) > 1
    assert result.snapshot.cash_cents < result.snapshot.nav_cents // 10


def test_momentum_needs_twenty_days_of_history_before_the_month():
    for first, chosen in ((date(2024, 12, 3), False), (date(2024, 11, 25), True)):
        decision = decide(
            Strategy.MOMENTUM, context(closes=closes_before(date(2025, 1, 2), first=first), first=True)
        )
        assert bool(decision.orders) == chosen
    assert decide(Strategy.MOMENTUM, context(symbols=())).orders == ()


def test_momentum_ranks_by_half_a_year_where_there_is_that_much():
    decision = decide(Strategy.MOMENTUM, context(first=True))
    assert "126-day return" in decision.reasoning
    closes = closes_before(MORNING.day)
    growth = {symbol: closes[symbol][-1][1] / closes[symbol][-127][1] for symbol in SYMBOLS}
    best = sorted(growth, key=growth.__getitem__, reverse=True)[:5]
    assert [order.symbol for order in decision.orders] == best


def test_the_random_trader_acts_in_about_one_session_of_five():
    days = [
        d
        for d, decisions, _ in live(Strategy.RANDOM, date(2024, 7, 1), HISTORY[-1])
        for x in decisions
        if x.orders
    ]
    sessions = CALENDAR.sessions(date(2024, 7, 1), HISTORY[-1])
    assert 0.1 < len(days) / len(sessions) < 0.3


def test_the_random_trader_follows_its_seed_and_trades_a_tenth():
    def trades(seed):
        return [
            (fill.symbol, fill.side, fill.quantity, fill.notional_cents)
            for _, _, result in live(Strategy.RANDOM, date(2024, 11, 1), HISTORY[-1], seed=seed)
            for fill in result.fills
        ]

    seven = trades(7)
    assert seven == trades(7) != trades(8)
    assert {side for _, side, _, _ in seven} == {Side.BUY, Side.SELL}
    assert all(notional < 1_200_000 for *_, notional in seven)


def test_the_random_trader_without_prices_does_nothing():
    for seed in range(40):
        assert decide(Strategy.RANDOM, context(closes={}, seed=seed)).orders == ()


def test_a_last_share_dearer_than_a_tenth_can_still_be_drawn():
    day = MORNING.day - timedelta(days=1)
    closes = {"A": [(day, Decimal(90_000))]}
    book = Book(100, 0, {"A": Holding(1, 1, 0, "o")}, (), 0, 0, 0, 10_000_000)
    drawn = [
        decide(Strategy.RANDOM, context(book=book, closes=closes, seed=seed)).orders for seed in range(60)
    ]
    sold = [orders for orders in drawn if orders]
    assert sold
    assert all((order.side, order.quantity) == (Side.SELL, 1) for (order,) in sold)


def test_a_holding_without_a_price_counts_at_its_cost_and_is_left_alone():
    book = Book(5_000_000, 0, {"GONE": Holding(10, 5_000_000, 0, "o")}, (), 0, 0, 0, 10_000_000)
    decision = decide(Strategy.EQUAL_WEIGHT, context(book=book, new_month=True))
    total = sum(order.quantity * context().price(order.symbol) for order in decision.orders)
    assert total <= 49_500
    assert {order.side for order in decision.orders} == {Side.BUY}


def test_cash_that_open_orders_will_take_is_not_spent_again(market):
    waiting = (market.order("o", "buy", 450, "GONE", 2), market.order("o2", "buy", 400, "H", 2))
    prices = {symbol: [(date(2024, 12, 30), Decimal(100))] for symbol in (*SYMBOLS, "GONE")}
    book = Book(10_000_000, 0, {}, waiting, 0, 0, 0, 10_000_000)
    decision = decide(Strategy.EQUAL_WEIGHT, context(book=book, closes=prices, new_month=True))
    assert sum(order.quantity for order in decision.orders) <= 148
    assert "H" not in {order.symbol for order in decision.orders}

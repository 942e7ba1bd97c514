from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from arena_pipeline.settings import LimitsSection
from arena_pipeline.trading.book import Book, Holding
from arena_pipeline.trading.limits import MOST_SHARES, GateReason, OrderRequest, gate
from arena_pipeline.trading.orders import Order, OrderType, Side

PRICES = {"SAP": Decimal("100"), "SIE": Decimal("50"), "BMW": Decimal("10")}
WIDE = LimitsSection(max_position=1.0, max_orders_per_session=100, max_turnover_per_session=2.0)


def book(cash=100_000, orders=(), **held):
    """Cash in euros; holdings that cost 10 euros a share."""
    holdings = {symbol: Holding(quantity, quantity * 1000, 0, "o") for symbol, quantity in held.items()}
    return Book(cash * 100, 0, holdings, tuple(orders), 0, 0, 0, cash * 100)


def ask(side, quantity, symbol="SAP"):
    return OrderRequest(symbol, Side(side), quantity, 0.7, "because")


def judge(*requests, holding=None, prices=PRICES, limits=WIDE, allowed=frozenset(PRICES), under_review=()):
    results = gate(
        requests,
        book=holding or book(),
        prices=prices,
        allowed=allowed,
        limits=limits,
        fee=Decimal("5.00"),
        under_review=under_review,
    )
    assert [result.request for result in results] == list(requests)
    assert all(result.accepted == (result.reason is None) and result.detail for result in results)
    return [result.reason for result in results]


def test_an_order_within_the_limits_is_placed():
    assert judge(ask("buy", 10)) == [None]


def test_a_share_under_review_may_be_sold_and_not_bought():
    requests = ask("buy", 1), ask("buy", 1, "SIE"), ask("sell", 1, "BMW")
    reasons = judge(*requests, holding=book(BMW=5), under_review={"SAP", "BMW"})
    assert reasons == [GateReason.UNDER_REVIEW, None, None]


def test_a_symbol_outside_the_universe_is_refused():
    assert judge(ask("buy", 1, "GME")) == [GateReason.UNKNOWN_SYMBOL]
    assert judge(ask("buy", 1, "S" * 10_000)) == [GateReason.UNKNOWN_SYMBOL]


@pytest.mark.parametrize("quantity", [0, -1, MOST_SHARES + 1, 10**400, True, 1.0])
def test_a_quantity_that_is_no_number_of_shares_is_refused(quantity):
    assert judge(ask("buy", quantity)) == [GateReason.BAD_QUANTITY]


@pytest.mark.parametrize("price", [None, "NaN", "Infinity", "0", "-1"])
def test_a_symbol_without_a_usable_price_is_refused(price):
    prices = {} if price is None else {"SAP": Decimal(price)}
    assert judge(ask("buy", 1), prices=prices) == [GateReason.NO_PRICE]


def test_of_two_requests_on_one_symbol_the_first_counts():
    assert judge(ask("buy", 1), ask("sell", 1), holding=book(SAP=5)) == [None, GateReason.DUPLICATE]


def test_only_what_is_held_and_not_already_for_sale_can_be_sold(market):
    assert judge(ask("sell", 1)) == [GateReason.NOT_HELD]
    pending = market.order("o1", "sell", 4, "SAP", 2)
    held = book(orders=[pending], SAP=10)
    assert judge(ask("sell", 6), holding=held) == [None]
    assert judge(ask("sell", 7), holding=held) == [GateReason.NOT_HELD]


def test_a_position_stays_below_its_share_of_the_book(market):
    limits = WIDE.model_copy(update={"max_position": 0.25})
    assert judge(ask("buy", 250), limits=limits) == [None]
    assert judge(ask("buy", 251), limits=limits) == [GateReason.MAX_POSITION]
    pending = market.order("o1", "buy", 200, "SAP", 2)
    assert judge(ask("buy", 51), holding=book(orders=[pending]), limits=limits) == [GateReason.MAX_POSITION]
    held = book(80_000, SAP=200)
    assert judge(ask("buy", 51), holding=held, limits=limits) == [GateReason.MAX_POSITION]
    assert judge(ask("sell", 100), holding=held, limits=limits) == [None]


def test_a_session_has_a_number_of_orders():
    limits = WIDE.model_copy(update={"max_orders_per_session": 2})
    requests = [ask("buy", 1, symbol) for symbol in PRICES]
    assert judge(*requests, limits=limits) == [None, None, GateReason.MAX_ORDERS]
    refused = ask("buy", 0, "GME")
    assert judge(refused, *requests[:2], limits=limits)[1:] == [None, None]


def test_a_session_has_a_turnover():
    limits = WIDE.model_copy(update={"max_turnover_per_session": 0.5})
    requests = [ask("buy", 400), ask("buy", 201, "SIE"), ask("buy", 1000, "BMW")]
    assert judge(*requests, limits=limits) == [None, GateReason.MAX_TURNOVER, None]


def test_cash_is_spent_once_and_fees_count(market):
    assert judge(ask("buy", 999), ask("buy", 2, "SIE")) == [None, GateReason.CASH]
    assert judge(ask("buy", 1000)) == [GateReason.CASH]
    pending = market.order("o1", "buy", 999, "SAP", 2)
    assert judge(ask("buy", 2, "SIE"), holding=book(orders=[pending])) == [GateReason.CASH]


def test_an_open_order_without_a_price_takes_up_no_estimate(market):
    pending = market.order("o1", "buy", 999, "GONE", 2)
    assert judge(ask("buy", 10), holding=book(orders=[pending])) == [None]


def test_a_sale_pays_for_a_purchase_wherever_it_stands_in_the_list():
    assert judge(ask("buy", 9), ask("sell", 100, "SIE"), holding=book(0, SIE=100)) == [None, None]
    assert judge(ask("buy", 9), holding=book(0, SIE=100)) == [GateReason.CASH]


def test_the_fees_of_both_orders_come_out_of_the_proceeds():
    sale = ask("sell", 2, "SIE")
    assert judge(sale, ask("buy", 99, "BMW"), holding=book(900, SIE=2)) == [None, None]
    assert judge(sale, ask("buy", 99, "BMW"), holding=book(899, SIE=2)) == [None, GateReason.CASH]


def test_a_holding_without_a_price_is_worth_its_cost():
    limits = WIDE.model_copy(update={"max_position": 0.5})
    held = book(10_000, GONE=1000)
    assert judge(ask("buy", 100), holding=held, limits=limits) == [GateReason.CASH]
    assert judge(ask("buy", 99), holding=held, limits=limits) == [None]
    assert judge(ask("buy", 101), holding=held, limits=limits) == [GateReason.MAX_POSITION]


def buy(symbol="SAP", **terms):
    return OrderRequest(symbol, Side.BUY, terms.pop("quantity", None), 0.7, "because", **terms)


def test_an_amount_and_a_weight_are_judged_by_the_shares_they_would_buy():
    tight = LimitsSection(max_position=0.5, max_orders_per_session=9, max_turnover_per_session=2.0)
    assert judge(buy(amount=Decimal("49_000")), limits=tight) == [None]
    assert judge(buy(amount=Decimal("51_000")), limits=tight) == [GateReason.MAX_POSITION]
    assert judge(buy(weight=Decimal("0.5")), limits=tight) == [None]
    assert judge(buy(weight=Decimal("0.6")), limits=tight) == [GateReason.MAX_POSITION]


def test_an_amount_too_small_for_a_share_and_a_weight_already_held_are_refused():
    assert judge(buy(amount=Decimal("104.99"))) == [GateReason.BAD_QUANTITY]
    assert judge(buy(weight=Decimal("0.01")), holding=book(SAP=900)) == [GateReason.BAD_QUANTITY]


def test_a_request_has_exactly_one_size():
    assert judge(buy()) == [GateReason.BAD_QUANTITY]
    assert judge(buy(quantity=1, amount=Decimal(500))) == [GateReason.BAD_QUANTITY]


@pytest.mark.parametrize(
    "terms",
    [
        {"type": OrderType.LIMIT},
        {"limit": Decimal(90)},
        {"type": OrderType.STOP, "stop": Decimal(-1)},
        {"type": OrderType.LIMIT, "limit": Decimal("NaN")},
        {"type": OrderType.LIMIT, "limit": Decimal(1)},
        {"stop_loss": Decimal(100)},
        {"take_profit": Decimal(99)},
        {"type": OrderType.LIMIT, "limit": Decimal(90), "take_profit": Decimal(90)},
    ],
    ids=str,
)
def test_prices_that_cannot_be_meant_are_refused(terms):
    assert judge(buy(quantity=1, **terms)) == [GateReason.BAD_PRICE]


def test_a_sale_has_no_bracket():
    sale = replace(ask("sell", 1), stop_loss=Decimal(90))
    assert judge(sale, holding=book(SAP=5)) == [GateReason.BAD_PRICE]


def resting(name, side, quantity, symbol="SAP", **terms):
    sent = datetime(2025, 1, 2, 7, 35, tzinfo=UTC)
    return Order(name, "m", symbol, Side(side), quantity, sent, **terms)


def test_only_an_open_order_on_the_same_share_can_be_replaced():
    holding = book(orders=[resting("o1", "buy", 5, "SIE")])
    assert judge(buy(quantity=1, replaces="o1"), holding=holding) == [GateReason.NOT_OPEN]
    assert judge(buy(quantity=1, replaces="o2"), holding=holding) == [GateReason.NOT_OPEN]
    assert judge(buy("SIE", quantity=1, replaces="o1"), holding=holding) == [None]


def test_shares_promised_to_an_open_sale_are_not_sold_again():
    holding = book(SAP=10, orders=[resting("o1", "sell", 8)])
    assert judge(ask("sell", 3), holding=holding) == [GateReason.NOT_HELD]
    assert judge(ask("sell", 2), holding=holding) == [None]


def test_of_two_sales_that_cancel_each_other_only_one_binds_shares():
    pair = [
        resting("o1", "sell", 8, type=OrderType.STOP, stop=Decimal(90), oco="o2"),
        resting("o2", "sell", 8, type=OrderType.LIMIT, limit=Decimal(110), oco="o1"),
    ]
    assert judge(ask("sell", 2), holding=book(SAP=10, orders=pair)) == [None]


def test_an_open_sale_by_weight_of_a_share_without_a_price_binds_all_of_it():
    holding = book(SAP=10, orders=[resting("o1", "sell", None, weight=Decimal(0))])
    assert judge(ask("sell", 1), holding=holding, prices={"SIE": Decimal(50)}) == [GateReason.NOT_HELD]


def test_cash_promised_to_an_open_purchase_is_not_spent_again():
    holding = book(cash=1_000, orders=[resting("o1", "buy", 9)])
    assert judge(buy("SIE", quantity=1), holding=holding) == [None]
    assert judge(buy("SIE", quantity=2), holding=holding) == [GateReason.CASH]


def test_a_stop_below_the_market_is_judged_by_the_market_that_it_fills_at():
    tight = LimitsSection(max_position=0.25, max_orders_per_session=9, max_turnover_per_session=2.0)
    stop = buy(quantity=390, type=OrderType.STOP, stop=Decimal(60))
    assert judge(stop, limits=tight) == [GateReason.MAX_POSITION]


def test_a_replacement_that_is_refused_leaves_what_it_names_its_place():
    tight = LimitsSection(max_position=0.25, max_orders_per_session=9, max_turnover_per_session=2.0)
    holding = book(orders=[resting("o1", "buy", 190)])
    foreign = buy("SIE", quantity=1, replaces="o1")
    refused = judge(foreign, buy(quantity=190), holding=holding, limits=tight)
    assert refused == [GateReason.NOT_OPEN, GateReason.MAX_POSITION]


def test_either_of_two_orders_that_cancel_each_other_can_be_replaced():
    pair = [
        resting("o1", "sell", 10, type=OrderType.STOP, stop=Decimal(90), oco="o2"),
        resting("o2", "sell", 10, type=OrderType.LIMIT, limit=Decimal(110), oco="o1"),
    ]
    for leg in ("o1", "o2"):
        moved = replace(ask("sell", 10), type=OrderType.STOP, stop=Decimal(95), replaces=leg)
        assert judge(moved, holding=book(SAP=10, orders=pair)) == [None]


def test_a_limit_above_the_market_needs_its_stop_below_the_market():
    far = buy(quantity=1, type=OrderType.LIMIT, limit=Decimal(120), stop_loss=Decimal(110))
    assert judge(far) == [GateReason.BAD_PRICE]


@pytest.mark.parametrize(
    "size", [{"amount": Decimal("NaN")}, {"amount": Decimal(-5)}, {"weight": Decimal(-1)}]
)
def test_an_amount_or_weight_that_is_no_size_is_no_price_problem(size):
    assert judge(buy(**size)) == [GateReason.BAD_QUANTITY]

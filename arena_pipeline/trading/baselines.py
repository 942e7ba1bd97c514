"""The strategies without a model that every model has to beat.

Each is a pure function of what is known at a session, so it can be recomputed at any time. They size their
orders at the last known closes, keep a reserve for the gap to the fill, count what open orders will take,
and spend only cash that is there: the proceeds of a sale are used at a later session.
"""

from __future__ import annotations

import bisect
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arena_pipeline.market.calendar import Session
from arena_pipeline.strategies import Strategy
from arena_pipeline.trading.book import Book
from arena_pipeline.trading.limits import OrderRequest
from arena_pipeline.trading.money import notional_cents, to_cents
from arena_pipeline.trading.orders import Order, Side

RESERVE_PERCENT = 1
"""Share of the money kept back, so that a market that opens higher does not refuse the order."""

REBALANCE_BAND = Decimal("0.20")
MOMENTUM_HOLDINGS = 5
MOMENTUM_LOOKBACK = 126
MOMENTUM_SHORTEST = 20
"""Trading days: half a year (Jegadeesh and Titman 1993), and what is the least worth ranking by."""

RANDOM_ODDS = 0.2
RANDOM_SIZE_PERCENT = 10


@dataclass(frozen=True, slots=True)
class BaselineContext:
    """What a strategy may know. `first`: the model's first session; `new_month`: the first session of a
    calendar month. `closes` are the daily closes known, oldest first, without stale ones, including the
    benchmark's; `fee` is per order."""

    model: str
    session: Session
    first: bool
    new_month: bool
    book: Book
    closes: Mapping[str, Sequence[tuple[date, Decimal]]]
    symbols: Sequence[str]
    benchmark: str
    fee: Decimal
    seed: int

    def price(self, symbol: str) -> Decimal | None:
        closes = self.closes.get(symbol)
        return closes[-1][1] if closes else None


@dataclass(frozen=True, slots=True)
class BaselineDecision:
    """The orders of one session, why, and the symbols whose prices they were made from."""

    orders: tuple[OrderRequest, ...]
    reasoning: str
    symbols_used: tuple[str, ...] = ()


def decide(strategy: Strategy, context: BaselineContext) -> BaselineDecision:
    """What the strategy does in one session."""
    return _STRATEGIES[strategy](context)


def _cash(context: BaselineContext) -> BaselineDecision:
    return BaselineDecision((), "Holds cash.")


def _benchmark(context: BaselineContext) -> BaselineDecision:
    symbol = context.benchmark
    if _position(context, symbol) or _open(context, symbol):
        return BaselineDecision((), f"Holds {symbol}.", (symbol,))
    orders = _buys(context, {symbol: _spendable(context)}, "all cash into the benchmark")
    reasoning = f"Buys {symbol} with all cash." if orders else f"Cannot buy a unit of {symbol} yet."
    return BaselineDecision(orders, reasoning, (symbol,))


def _equal_weight(context: BaselineContext) -> BaselineDecision:
    symbols = [symbol for symbol in context.symbols if context.price(symbol)]
    idle = not context.book.holdings and not context.book.open_orders
    if not symbols or not (context.first or context.new_month or idle):
        return BaselineDecision((), "Holds until the month's first session.")
    target = _less_reserve(_nav(context)) // len(symbols)
    wanted: dict[str, int] = {}
    sells: list[OrderRequest] = []
    for symbol in symbols:
        value = _value(context, symbol, _position(context, symbol))
        if value == 0:
            wanted[symbol] = target
        elif target - value > REBALANCE_BAND * target:
            wanted[symbol] = target - value
        elif value - target > REBALANCE_BAND * target:
            sells += _sell_worth(context, symbol, value - target, "above its equal share")
    buys = _buys(context, wanted, "below its equal share")
    return BaselineDecision(
        (*sells, *buys), f"Equal share of {len(symbols)} symbols with a price.", tuple(symbols)
    )


def _momentum(context: BaselineContext) -> BaselineDecision:
    """The ranking uses closes of earlier months only, so it stands still until the month is over and a
    later session can finish what this one had no cash for."""
    chosen, lookback = _ranking(context)
    if not chosen:
        return BaselineDecision((), f"Too little history: {MOMENTUM_SHORTEST} days before this month needed.")
    sells: list[OrderRequest] = []
    for symbol in sorted(context.book.holdings):
        if symbol not in chosen:
            sells += _sell(context, symbol, _sellable(context, symbol), "left the best five")
    missing = [symbol for symbol in chosen if not _position(context, symbol) and not _open(context, symbol)]
    target = _less_reserve(_nav(context)) // len(chosen)
    share = min(target, _spendable(context) // len(missing)) if missing else 0
    proceeds_due = bool(sells) or any(order.side is Side.SELL for order in context.book.open_orders)
    if proceeds_due and share < target:
        missing = []
    buys = _buys(context, dict.fromkeys(missing, share), "among the best five")
    reasoning = f"Holds the best {len(chosen)} by {lookback}-day return: {', '.join(chosen)}."
    return BaselineDecision((*sells, *buys), reasoning, tuple(context.symbols))


def _ranking(context: BaselineContext) -> tuple[list[str], int]:
    month = context.session.day.replace(day=1)
    lengths = {
        symbol: bisect.bisect_left(context.closes.get(symbol, ()), month, key=lambda close: close[0])
        for symbol in context.symbols
    }
    longest = sorted(lengths.values(), reverse=True)[:MOMENTUM_HOLDINGS]
    lookback = min([MOMENTUM_LOOKBACK, *(length - 1 for length in longest)])
    if not longest or lookback < MOMENTUM_SHORTEST:
        return [], 0
    growth = {
        symbol: context.closes[symbol][length - 1][1] / context.closes[symbol][length - 1 - lookback][1]
        for symbol, length in lengths.items()
        if length > lookback
    }
    return sorted(growth, key=lambda symbol: (-growth[symbol], symbol))[:MOMENTUM_HOLDINGS], lookback


def _random(context: BaselineContext) -> BaselineDecision:
    key = f"{context.seed}|{context.model}|{context.session.key}"
    generator = random.Random(hashlib.sha256(key.encode()).digest())
    if generator.random() >= RANDOM_ODDS:
        return BaselineDecision((), "The die says wait.")
    amount = _nav(context) * RANDOM_SIZE_PERCENT // 100
    held = [
        symbol
        for symbol in sorted(context.book.holdings)
        if context.price(symbol) and _sellable(context, symbol)
    ]
    if held and generator.random() < 0.5:
        symbol = generator.choice(held)
        orders = _sell_worth(context, symbol, amount, "drawn by lot") or _sell(
            context, symbol, 1, "drawn by lot"
        )
        return BaselineDecision(orders, f"The die says sell {symbol}.", (symbol,))
    priced = [symbol for symbol in context.symbols if context.price(symbol)]
    if not priced:
        return BaselineDecision((), "No symbol has a price.")
    symbol = generator.choice(priced)
    orders = _buys(context, {symbol: amount}, "drawn by lot")
    return BaselineDecision(orders, f"The die says buy {symbol}.", (symbol,))


_STRATEGIES: dict[Strategy, Callable[[BaselineContext], BaselineDecision]] = {
    Strategy.CASH: _cash,
    Strategy.BENCHMARK: _benchmark,
    Strategy.EQUAL_WEIGHT: _equal_weight,
    Strategy.MOMENTUM: _momentum,
    Strategy.RANDOM: _random,
}


def _less_reserve(cents: int) -> int:
    return cents * (100 - RESERVE_PERCENT) // 100


def _value(context: BaselineContext, symbol: str, quantity: int) -> int:
    """Cents at the last close; at cost for a holding that has none."""
    price = context.price(symbol)
    if price is not None:
        return notional_cents(price, quantity)
    holding = context.book.holdings.get(symbol)
    return holding.cost_cents if holding else 0


def _nav(context: BaselineContext) -> int:
    book = context.book
    held = sum(_value(context, symbol, holding.quantity) for symbol, holding in book.holdings.items())
    return book.cash_cents + book.receivable_cents + held


def _open(context: BaselineContext, symbol: str) -> int:
    """Shares that open orders will add to the holding (negative: take off)."""
    return sum(
        _shares(order) if order.side is Side.BUY else -_shares(order)
        for order in context.book.open_orders
        if order.symbol == symbol
    )


def _shares(order: Order) -> int:
    """A rule's orders are all for a number of shares."""
    return order.quantity or 0


def _position(context: BaselineContext, symbol: str) -> int:
    """Shares held once the open orders are filled."""
    return max(context.book.quantity(symbol) + _open(context, symbol), 0)


def _sellable(context: BaselineContext, symbol: str) -> int:
    asked = sum(
        _shares(order)
        for order in context.book.open_orders
        if order.symbol == symbol and order.side is Side.SELL
    )
    return max(context.book.quantity(symbol) - asked, 0)


def _spendable(context: BaselineContext) -> int:
    """Cash less what the open purchases take and less the reserve."""
    fee = to_cents(context.fee)
    bound = sum(
        _value(context, order.symbol, _shares(order)) + fee
        for order in context.book.open_orders
        if order.side is Side.BUY
    )
    return max(_less_reserve(context.book.cash_cents - bound), 0)


def _buys(context: BaselineContext, wanted: Mapping[str, int], reason: str) -> tuple[OrderRequest, ...]:
    """Whole shares for these amounts (cents, fees included), scaled down together to the cash there is."""
    fee, spendable, total = to_cents(context.fee), _spendable(context), sum(wanted.values())
    orders = []
    for symbol, amount in wanted.items():
        price = context.price(symbol)
        budget = (amount if total <= spendable else amount * spendable // total) - fee
        quantity = int(budget // (price * 100)) if price else 0
        if quantity > 0:
            orders.append(OrderRequest(symbol, Side.BUY, quantity, None, reason))
    return tuple(orders)


def _sell(context: BaselineContext, symbol: str, quantity: int, reason: str) -> tuple[OrderRequest, ...]:
    quantity = min(quantity, _sellable(context, symbol))
    return (OrderRequest(symbol, Side.SELL, quantity, None, reason),) if quantity > 0 else ()


def _sell_worth(context: BaselineContext, symbol: str, cents: int, reason: str) -> tuple[OrderRequest, ...]:
    """Whole shares worth at most `cents`."""
    price = context.price(symbol)
    return _sell(context, symbol, int(cents // (price * 100)) if price else 0, reason)

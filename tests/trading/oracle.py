"""The book a second time, slowly: `Decimal` and `Fraction`, one bar after another, sharing no code with the
replay but its input types. What it says of a scenario is compared with what the replay says."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from arena_pipeline.market.bars import Adjustment
from arena_pipeline.trading.corporate_actions import ActionKind
from arena_pipeline.trading.fills import LimitFill, Wait
from arena_pipeline.trading.orders import Cancellation, OrderType, Side, TimeInForce

CENT = Decimal("0.01")
PRICE = Decimal("0.0001")


def cents(value):
    """A fraction or decimal as money, half up."""
    exact = Fraction(value) * 100
    sign = -1 if exact < 0 else 1
    return Decimal(sign * int(abs(exact) + Fraction(1, 2))).scaleb(-2)


@dataclass
class Held:
    quantity: int
    cost: Decimal
    buy_fees: Decimal


@dataclass
class Wish:
    """An order and how far it has come."""

    order: object
    number: int
    quantity: int | None
    limit: Decimal | None
    stop: Decimal | None
    parent: str | None
    triggered: bool = False
    waited: bool = False
    entered: tuple | None = None
    skip_until: object = None
    put_off: object = None
    oco: str | None = None


@dataclass
class Day:
    """What a day left behind, in plain values."""

    fills: list = field(default_factory=list)
    ends: list = field(default_factory=list)
    cash: Decimal = Decimal(0)
    receivable: Decimal = Decimal(0)
    nav: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    dividends: Decimal = Decimal(0)
    holdings: dict = field(default_factory=dict)


class Oracle:
    def __init__(self, cash, fee, policy, tax):
        self.cash, self.fee, self.policy, self.tax = cash, fee, policy, Fraction(tax)
        self.receivable = self.realised = self.fees = self.dividends = Decimal(0)
        self.held: dict[str, Held] = {}
        self.open: dict[str, Wish] = {}
        self.filled: dict[str, int] = {}
        self.stops: list = []
        self.last: dict[str, Decimal] = {}
        self.adjusted: dict[str, Adjustment] = {}
        self.due: list = []
        self.begun: dict = {}
        self.numbers = 0
        self.seen: set = set()

    def take(self, wish):
        if isinstance(wish, Cancellation):
            key = (wish.order_id, wish.submitted_at)
            if key not in self.seen:
                self.seen.add(key)
                self.stops.append((wish.submitted_at, self.number(), wish.order_id, None))
            return
        if wish.id in self.seen:
            return
        self.seen.add(wish.id)
        number = self.number()
        parent, quantity = wish.parent, wish.quantity
        if wish.replaces is not None:
            self.stops.append((wish.submitted_at, number, wish.replaces, wish.id))
        if parent in self.filled:
            if quantity is None and wish.amount is None and wish.weight is None:
                quantity = self.filled[parent]
            parent = None
        self.open[wish.id] = Wish(wish, number, quantity, wish.limit, wish.stop, parent, oco=wish.oco)

    def number(self):
        self.numbers += 1
        return self.numbers

    # -- one day ---------------------------------------------------------------------------------------

    def run(self, day):
        self.today, self.done = day, Day()
        self.bars = {s: [b for b in bars if not b.stale] for s, bars in day.bars.items()}
        self.fresh = {}
        self.act()
        self.begun[day.day] = {symbol: held.quantity for symbol, held in self.held.items()}
        self.trade()
        self.mark()
        for name, wish in list(self.open.items()):
            if (
                wish.order.time_in_force is TimeInForce.DAY
                and wish.parent is None
                and (
                    wish.order.submitted_at <= day.opens_at
                    or [b for b in self.bars.get(wish.order.symbol, []) if b.start >= wish.order.submitted_at]
                )
                and wish.put_off != day.day
                and name in self.open
            ):
                self.end(name, "EXPIRED")
        done = self.done
        done.cash, done.receivable = self.cash, self.receivable
        done.realised, done.fees, done.dividends = self.realised, self.fees, self.dividends
        done.holdings = {s: (h.quantity, h.cost) for s, h in self.held.items()}
        value = sum((cents(h.quantity * Fraction(self.last[s])) for s, h in self.held.items()), Decimal(0))
        done.nav = self.cash + self.receivable + value
        return done

    def act(self):
        for action in sorted(self.today.actions, key=lambda a: a.kind is ActionKind.DIVIDEND):
            symbol = action.symbol
            if (action.kind, symbol, action.ex_date) in self.seen:
                continue
            self.seen.add((action.kind, symbol, action.ex_date))
            own = [*self.today.bars.get(symbol, ())]
            if not own and symbol in self.today.closes:
                own = [self.today.closes[symbol]]
            mode = own[0].adjustment if own else self.adjusted.get(symbol)
            if action.kind is ActionKind.SPLIT and mode is Adjustment.RAW:
                self.split(symbol, action.ratio)
            if action.kind is ActionKind.DIVIDEND and mode in (Adjustment.RAW, Adjustment.SPLIT):
                quantity = self.entitled(symbol, action.ex_date)
                if quantity:
                    gross = cents(Fraction(action.amount) * quantity)
                    net = gross - cents(Fraction(gross) * self.tax)
                    self.receivable += net
                    self.dividends += net
                    self.due.append((action.pay_date or action.ex_date, net))
        for entry in list(self.due):
            if entry[0] <= self.today.day:
                self.due.remove(entry)
                self.cash += entry[1]
                self.receivable -= entry[1]

    def entitled(self, symbol, ex_date):
        """Held when the ex-date began to trade, which may be days ago."""
        for day, held in self.begun.items():
            if day >= ex_date:
                return held.get(symbol, 0)
        return self.held[symbol].quantity if symbol in self.held else 0

    def split(self, symbol, ratio):
        if symbol in self.last:
            self.last[symbol] = self.price(Fraction(self.last[symbol]) / ratio)
        for name, wish in list(self.open.items()):
            if name not in self.open or wish.order.symbol != symbol:
                continue
            if wish.order.submitted_at >= self.today.opens_at:
                continue
            if wish.quantity is not None:
                wish.quantity = int(wish.quantity * ratio)
                if wish.quantity == 0:
                    self.end(name, "BELOW_ONE_SHARE")
                    continue
            if wish.limit is not None:
                wish.limit = self.price(Fraction(wish.limit) / ratio)
            if wish.stop is not None:
                wish.stop = self.price(Fraction(wish.stop) / ratio)
        held = self.held.get(symbol)
        if held is None:
            return
        at = self.bars[symbol][0].open if self.bars.get(symbol) else self.last[symbol]
        exact = held.quantity * ratio
        whole = int(exact)
        loose = exact - whole
        paid = cents(loose * Fraction(at))
        cost = cents(Fraction(held.cost) * loose / exact)
        self.cash += paid
        self.realised += paid - cost
        if whole:
            held.quantity, held.cost = whole, held.cost - cost
        else:
            del self.held[symbol]

    def price(self, exact):
        return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(PRICE, ROUND_HALF_UP)

    # -- trading ---------------------------------------------------------------------------------------

    def trade(self):
        moments = sorted({bar.start for bars in self.bars.values() for bar in bars})
        for moment in moments:
            self.stop_until(moment)
            asked = [name for name, wish in self.open.items() if wish.parent is None]
            for name in sorted(asked, key=self.turn):
                if name in self.open:
                    self.try_at(name, moment)
            while waiting := [n for n, w in self.open.items() if w.entered and w.entered[0] == moment]:
                name = min(waiting, key=self.turn_of_exit)
                entered = self.open[name].entered
                self.open[name].entered = None
                self.try_exit(name, moment, entered)
        self.stop_until(None)

    def turn(self, name):
        wish = self.open[name]
        kind = {"stop": 0, "stop_limit": 0, "market": 1, "limit": 2}[wish.order.type.value]
        selling = wish.order.side is Side.SELL
        return (0 if selling else 1, kind if selling else 0, wish.order.submitted_at, wish.number)

    def turn_of_exit(self, name):
        wish = self.open[name]
        kind = {"stop": 0, "stop_limit": 0, "market": 1, "limit": 2}[wish.order.type.value]
        return (kind, wish.order.submitted_at, wish.number)

    def stop_until(self, moment):
        for stop in sorted(self.stops):
            at, _, target, replacement = stop
            if moment is not None and at > moment:
                break
            self.stops.remove(stop)
            if target in self.open:
                partner = self.open[target].oco
                self.end(target, "REPLACED" if replacement else "CANCELLED")
                if partner in self.open and replacement in self.open:
                    self.open[partner].oco, self.open[replacement].oco = replacement, partner
            elif replacement in self.open:
                self.end(replacement, "TOO_LATE")

    def bar_at(self, symbol, moment):
        return next((bar for bar in self.bars.get(symbol, ()) if bar.start == moment), None)

    def try_at(self, name, moment):
        wish = self.open[name]
        bar = self.bar_at(wish.order.symbol, moment)
        if bar is None or bar.start < wish.order.submitted_at or wish.skip_until == self.today.day:
            return
        if self.policy.wait is not Wait.NOW and not wish.waited:
            wish.waited = True
            if self.policy.wait is Wait.NEXT_OPEN:
                wish.skip_until = self.today.day
            if self.policy.wait is Wait.NEXT_OPEN or bar is self.bars[wish.order.symbol][-1]:
                wish.put_off = self.today.day
            return
        at, at_open = self.meet(wish, bar)
        if at is not None:
            self.execute(name, bar, at, at_open)

    def try_exit(self, name, moment, entered):
        """In the bar of its entry: all of the bar if that was at the opening, else only a stop."""
        _, at_open, entry = entered
        wish = self.open[name]
        bar = self.bar_at(wish.order.symbol, moment)
        if at_open:
            at, opened = self.meet(wish, bar)
            if at is not None:
                self.execute(name, bar, at, opened)
            return
        if wish.order.type is not OrderType.STOP:
            return
        if wish.order.side is Side.SELL and bar.low <= wish.stop:
            self.execute(name, bar, self.slipped(min(wish.stop, entry), wish, bar), False)
        if wish.order.side is Side.BUY and bar.high >= wish.stop:
            self.execute(name, bar, self.slipped(max(wish.stop, entry), wish, bar), False)

    def meet(self, wish, bar):
        kind = wish.order.type
        if kind is OrderType.MARKET or (kind is OrderType.STOP and wish.triggered):
            return self.slipped(bar.open, wish, bar), True
        if kind is OrderType.LIMIT or (kind is OrderType.STOP_LIMIT and wish.triggered):
            return self.limit(wish, bar)
        buying = wish.order.side is Side.BUY
        gapped = bar.open >= wish.stop if buying else bar.open <= wish.stop
        reached = gapped or (bar.high >= wish.stop if buying else bar.low <= wish.stop)
        if not reached:
            return None, False
        at = bar.open if gapped else wish.stop
        if kind is OrderType.STOP:
            return self.slipped(at, wish, bar), gapped
        if at <= wish.limit if buying else at >= wish.limit:
            return at, gapped
        wish.triggered = True
        return self.limit(wish, bar) if gapped else (None, False)

    def limit(self, wish, bar):
        touch = self.policy.limit_fill is LimitFill.TOUCH
        if wish.order.side is Side.BUY:
            if bar.open < wish.limit:
                return bar.open, True
            met = bar.low <= wish.limit if touch else bar.low < wish.limit
        else:
            if bar.open > wish.limit:
                return bar.open, True
            met = bar.high >= wish.limit if touch else bar.high > wish.limit
        return (wish.limit if met else None), False

    def slipped(self, at, wish, bar):
        if not self.policy.slippage_bp:
            return at
        share = self.policy.slippage_bp / 10_000
        moved = at * (1 + share if wish.order.side is Side.BUY else 1 - share)
        return max(bar.low, min(bar.high, moved.quantize(PRICE, ROUND_HALF_UP)))

    def execute(self, name, bar, at, at_open):
        wish = self.open[name]
        order, symbol = wish.order, wish.order.symbol
        buying = order.side is Side.BUY
        held = self.held.get(symbol)
        quantity = wish.quantity
        if quantity is None and order.amount is not None:
            spend = max(cents(order.amount) - (self.fee if buying else 0), Decimal(0))
            quantity = int((spend / at).to_integral_value(ROUND_DOWN))
            if quantity == 0:
                return self.end(name, "BELOW_ONE_SHARE")
        elif quantity is None:
            prices = {**self.last, **self.fresh, symbol: at}
            worth = self.cash + self.receivable
            worth += sum((cents(h.quantity * Fraction(prices[s])) for s, h in self.held.items()), Decimal(0))
            target = Fraction(order.weight) * Fraction(worth) - (Fraction(self.fee) if buying else 0)
            wanted = int(max(target, Fraction(0)) / Fraction(at))
            now = held.quantity if held else 0
            quantity = wanted - now if buying else now - wanted
            if quantity <= 0:
                return self.end(name, "ALREADY_AT_TARGET")
        bound = self.policy.participation
        if bound is not None and quantity > bound * bar.volume:
            wish.triggered = True
            return None
        notional = cents(quantity * Fraction(at))
        realised = net = None
        if buying:
            if notional + self.fee > self.cash:
                return self.end(name, "INSUFFICIENT_CASH")
            self.cash -= notional + self.fee
            if held is None:
                self.held[symbol] = Held(quantity, notional, self.fee)
            else:
                held.quantity += quantity
                held.cost += notional
                held.buy_fees += self.fee
        else:
            if held is None or held.quantity < quantity:
                return self.end(name, "INSUFFICIENT_POSITION")
            if self.cash + notional < self.fee:
                return self.end(name, "INSUFFICIENT_CASH_FOR_FEE")
            part = Fraction(quantity, held.quantity)
            cost, fees = cents(Fraction(held.cost) * part), cents(Fraction(held.buy_fees) * part)
            realised = notional - cost
            net = realised - fees - self.fee
            self.cash += notional - self.fee
            self.realised += realised
            held.quantity -= quantity
            held.cost -= cost
            held.buy_fees -= fees
            if not held.quantity:
                del self.held[symbol]
        self.fees += self.fee
        self.fresh[symbol] = at
        self.filled[name] = quantity
        del self.open[name]
        self.done.fills.append((name, bar.start, at, quantity, notional, realised, net))
        for exit_wish in self.open.values():
            if exit_wish.parent == name:
                sized = exit_wish.quantity or exit_wish.order.amount or exit_wish.order.weight is not None
                exit_wish.parent, exit_wish.waited = None, True
                exit_wish.quantity = exit_wish.quantity if sized else quantity
                exit_wish.entered = (bar.start, at_open, at)
        if wish.oco in self.open:
            self.end(wish.oco, "OTHER_FILLED")
        return None

    def end(self, name, reason):
        del self.open[name]
        self.done.ends.append((name, reason))
        for child in [n for n, w in self.open.items() if w.parent == name]:
            self.end(child, "ENTRY_ENDED")

    def mark(self):
        """The last known prices: the day's close, or else its last fresh bar."""
        day = self.today
        for symbol, bars in self.bars.items():
            if bars:
                self.last[symbol], self.adjusted[symbol] = bars[-1].close, bars[-1].adjustment
        for symbol, bar in day.closes.items():
            if not bar.stale:
                self.last[symbol], self.adjusted[symbol] = bar.close, bar.adjustment


def second_opinion(cash, fee, wishes, days, policy, tax=Decimal(0)):
    """The days of a book by the oracle. Wishes are taken in the order of submission, as they come."""
    oracle = Oracle(cash, fee, policy, tax)
    waiting = sorted(wishes, key=lambda wish: wish.submitted_at)
    results = []
    for day in days:
        while waiting and waiting[0].submitted_at < day.closes_at:
            oracle.take(waiting.pop(0))
        results.append(oracle.run(day))
    return results

"""Whole scenarios from one number: days with gaps, stale days, 15-minute bars, splits and dividends, and
orders of every type over them, with brackets, cancellations and replacements."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.fills import FillPolicy, LimitFill, Wait
from arena_pipeline.trading.orders import Cancellation, Order, OrderType, Side, TimeInForce
from arena_pipeline.trading.replay import Replay, replay

SYMBOLS = ("A", "B", "C")
FIRST = date(2025, 1, 2)
TICK = Decimal("0.0001")
CLOCKS = ("06:35", "08:00", "08:15", "12:05", "17:00")


@dataclass
class Scenario:
    cash: Decimal
    fee: Decimal
    tax: Decimal
    policy: FillPolicy
    days: list[MarketDay]
    wishes: list[Order | Cancellation]
    adjustment: Adjustment

    @property
    def orders(self) -> dict[str, Order]:
        return {wish.id: wish for wish in self.wishes if isinstance(wish, Order)}

    def restated(self, order: Order, day: date) -> Order:
        """The order in the shares of a day: splits between its submission and then have changed it, once a
        price of its symbol said that they are to be applied."""
        if self.adjustment is not Adjustment.RAW:
            return order
        first = next(
            (d.day for d in self.days if any(not bar.stale for bar in d.bars.get(order.symbol, ()))), None
        )
        since = [
            d
            for d in self.days
            if order.submitted_at < d.opens_at
            and d.day <= day
            and (order.symbol in d.bars or (first is not None and first < d.day))
        ]
        for split in (action for d in since for action in d.actions):
            if split.symbol == order.symbol and split.ratio is not None:
                order = replace(
                    order,
                    quantity=None if order.quantity is None else int(order.quantity * split.ratio),
                    limit=_over(order.limit, split.ratio),
                    stop=_over(order.stop, split.ratio),
                )
        return order

    def engine(self) -> Replay:
        return Replay("m", self.cash, self.fee, self.policy, self.tax)

    def replay(self, **changes):
        parts = {"orders": self.wishes, "days": self.days, "policy": self.policy, "dividend_tax": self.tax}
        return replay("m", self.cash, self.fee, **(parts | changes))


def scenario(seed: int, *, days: int = 8, orders: int = 16, plain: bool = False) -> Scenario:
    """`plain`: no slippage, no bound on volume, no wait. The first days and orders of a seed stay when their
    number grows, as far as orders need no later day."""
    chance = random.Random(seed)
    mode = chance.choice(list(Adjustment))
    market = _market(random.Random(f"{seed} market"), days, mode)
    _delay(random.Random(f"{seed} late"), market)
    policy = FillPolicy()
    if not plain:
        policy = FillPolicy(
            chance.choice(list(LimitFill)),
            Decimal(chance.choice([0, 0, 5, 250])),
            chance.choice([None, None, Decimal("0.05")]),
            chance.choice([Wait.NOW, Wait.NOW, Wait.NEXT_BAR, Wait.NEXT_OPEN]),
        )
    return Scenario(
        cash=Decimal(chance.choice([0, 300, 5_000, 5_000, 50_000, 50_000, 50_000, 50_000]))
        + Decimal(chance.randrange(100)) / 100,
        fee=Decimal(chance.choice(["5.00", "5.00", "0.00", "1.37", "1.37", "160.00"])),
        tax=Decimal(chance.choice(["0", "0.26375"])),
        policy=policy,
        days=market,
        wishes=_wishes(random.Random(f"{seed} orders"), market, orders),
        adjustment=mode,
    )


def scenarios(*, plain: bool = False) -> st.SearchStrategy[Scenario]:
    """Any scenario; a failing one shrinks to few days and orders."""
    numbers = {"days": st.integers(3, 8), "orders": st.integers(4, 24)}
    return st.builds(scenario, st.integers(0, 2**32), **numbers, plain=st.just(plain))


def _market(chance: random.Random, count: int, mode: Adjustment) -> list[MarketDay]:
    ranges = [(2, 150), (2, 150), (2, 150), (0.02, 2), (150, 3000)]
    prices = {symbol: chance.uniform(*chance.choice(ranges)) for symbol in SYMBOLS}
    days = []
    for number in range(count):
        day = FIRST + timedelta(days=number)
        opens = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        bars: dict[str, tuple[Bar, ...]] = {}
        closes: dict[str, Bar] = {}
        for symbol in SYMBOLS:
            kind = chance.random()
            if kind < 0.12:
                continue
            pieces = chance.choice([1, 1, 3]) if kind > 0.2 else 1
            made = []
            for piece in range(pieces):
                prices[symbol] = max(0.01, prices[symbol] * chance.gauss(1, 0.03))
                start = opens + timedelta(minutes=15 * piece * chance.choice([1, 2])) if pieces > 1 else opens
                if made and start < made[-1].end:
                    start = made[-1].end
                end = start + timedelta(minutes=15) if pieces > 1 else opens + timedelta(hours=8, minutes=30)
                made.append(
                    _bar(chance, symbol, day, start, end, prices[symbol], mode, pieces > 1, kind < 0.2)
                )
                prices[symbol] = float(made[-1].close)
            bars[symbol] = tuple(made)
            if pieces == 1 or chance.random() < 0.3:
                closes[symbol] = made[-1] if pieces == 1 else _daily(made, opens)
        actions = _actions(chance, day, opens)
        days.append(MarketDay(day, opens, opens + timedelta(hours=8, minutes=30), bars, closes, actions))
    return days


def _bar(chance, symbol, day, start, end, price, mode, quarter, stale) -> Bar:
    opening = _price(price * chance.gauss(1, 0.02))
    close = opening if stale else _price(float(opening) * chance.gauss(1, 0.03))
    spread = 0 if chance.random() < 0.2 else abs(chance.gauss(0, 0.02))
    high = max(opening, close, _price(float(max(opening, close)) * (1 + spread)))
    low = min(opening, close, _price(float(min(opening, close)) * (1 - spread)))
    interval = Interval.QUARTER_HOUR if quarter else Interval.DAILY
    return Bar(
        symbol, interval, day, start, end, opening, high, low, close,
        0 if stale else chance.choice([100, 1_000, 100_000]), mode, stale, end, 1, "test", "0" * 64,
    )  # fmt: skip


def _daily(pieces: list[Bar], opens: datetime) -> Bar:
    return replace(
        pieces[-1],
        interval=Interval.DAILY,
        start=opens,
        end=opens + timedelta(hours=8, minutes=30),
        open=pieces[0].open,
        high=max(bar.high for bar in pieces),
        low=min(bar.low for bar in pieces),
    )


def _actions(chance: random.Random, day: date, opens: datetime) -> tuple[CorporateAction, ...]:
    known = opens - timedelta(hours=3)
    made = []
    for symbol in SYMBOLS:
        if chance.random() < 0.12:
            ratio = chance.choice([Fraction(2), Fraction(3, 2), Fraction(1, 7), Fraction(10)])
            made.append(CorporateAction(ActionKind.SPLIT, symbol, day, ratio, None, None, known, "test", ""))
        if chance.random() < 0.25:
            pay = chance.choice([None, day, day + timedelta(days=chance.randrange(1, 8))])
            amount = _price(chance.uniform(0.05, 3))
            made.append(
                CorporateAction(ActionKind.DIVIDEND, symbol, day, None, amount, pay, known, "test", "")
            )
    return tuple(made)


def _delay(chance: random.Random, days: list[MarketDay]) -> None:
    """Let one dividend in six become known on a later day only."""
    for number, day in enumerate(days[:-1]):
        for action in day.actions:
            if action.kind is ActionKind.DIVIDEND and action.ex_date == day.day and chance.random() < 1 / 6:
                later = chance.randrange(number + 1, len(days))
                others = tuple(other for other in days[number].actions if other is not action)
                days[number] = replace(days[number], actions=others)
                days[later] = replace(days[later], actions=(*days[later].actions, action))


def _wishes(chance: random.Random, days: list[MarketDay], count: int) -> list[Order | Cancellation]:
    made: list[Order | Cancellation] = []
    placed: list[Order] = []
    for number in range(count):
        day = chance.choice(days)
        at = datetime.combine(day.day, time.fromisoformat(chance.choice(CLOCKS)), tzinfo=UTC)
        at += timedelta(seconds=chance.choice([0, number]))
        symbol = chance.choice(SYMBOLS)
        near = [bar for d in days for bar in d.bars.get(symbol, ()) if bar.start >= at][:6]
        earlier = [order for order in placed if order.submitted_at < at]
        what = chance.random()
        if earlier and what < 0.08:
            made.append(Cancellation("m", chance.choice(earlier).id, at))
            continue
        side = chance.choice([Side.BUY, Side.BUY, Side.SELL])
        order = Order(
            f"o{number:02}", "m", symbol, side, submitted_at=at, **_size(chance), **_terms(chance, near),
            time_in_force=chance.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.DAY]),
        )  # fmt: skip
        if earlier and what < 0.16:
            order = replace(order, replaces=chance.choice(earlier).id)
        placed.append(order)
        made.append(order)
        if side is Side.BUY and what > 0.6:
            exits = _bracket(chance, order, near)
            placed += exits
            made += exits
    return made


def _size(chance: random.Random) -> dict[str, object]:
    what = chance.random()
    if what < 0.6:
        return {"quantity": chance.choice([1, chance.randint(1, 60)])}
    if what < 0.8:
        return {"quantity": None, "amount": Decimal(chance.randint(100, 400_000)) / 100}
    return {"quantity": None, "weight": Decimal(chance.randint(0, 100)) / 100}


def _terms(chance: random.Random, near: list[Bar]) -> dict[str, object]:
    kind = chance.choice([OrderType.MARKET, OrderType.MARKET, *OrderType])
    limit, stop = (_near(chance, near) for _ in range(2))
    return {
        "type": kind,
        "limit": limit if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        "stop": stop if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
    }


def _near(chance: random.Random, bars: list[Bar]) -> Decimal:
    """A price around those of a bar, or exactly one of them: what is merely touched is a case of its own."""
    if not bars:
        return Decimal(50)
    bar = chance.choice(bars)
    if chance.random() < 0.4:
        return chance.choice([bar.open, bar.high, bar.low])
    return _price(float(bar.open) * chance.gauss(1, 0.05))


def _bracket(chance: random.Random, entry: Order, near: list[Bar]) -> list[Order]:
    """A stop, a target, or both, to close what the entry will have bought."""
    middle = float(_near(chance, near))
    apart = chance.choice([0.03, 0.005])
    low, high = _price(middle * (1 - apart)), _price(middle * (1 + apart))
    stop = Order(
        f"{entry.id}s", "m", entry.symbol, Side.SELL, None, entry.submitted_at, OrderType.STOP, stop=low,
        parent=entry.id,
    )  # fmt: skip
    target = Order(
        f"{entry.id}t", "m", entry.symbol, Side.SELL, None, entry.submitted_at, OrderType.LIMIT, limit=high,
        parent=entry.id,
    )  # fmt: skip
    match chance.randrange(3):
        case 0:
            return [stop]
        case 1:
            return [target]
        case _:
            return [replace(stop, oco=target.id), replace(target, oco=stop.id)]


def _over(at: Decimal | None, ratio: Fraction) -> Decimal | None:
    """A price in new shares, half up to the tick."""
    return None if at is None else Decimal(int(Fraction(at) / ratio * 10_000 + Fraction(1, 2))).scaleb(-4)


def _price(value: float) -> Decimal:
    return max(Decimal(str(value)).quantize(TICK), TICK)

"""The replay alone: 250 trading days, 40 shares, 7 books, daily bars; then the same with 20 times the orders.

Everything that a replay is given exists before the clock starts: bars, days, orders. CPU time, the least of
several rounds. The days keep what they worked out (marks as integers); a round begins with fresh days.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.orders import Order, Side
from arena_pipeline.trading.replay import replay

DAYS, SHARES, BOOKS, ORDERS, MORE, ROUNDS = 250, 40, 7, 3_270, 20, 5
CASH, FEE = Decimal("10000000.00"), Decimal("5.00")


def market(seed: int = 1) -> list[MarketDay]:
    """A random walk of 40 shares in daily bars."""
    chance = random.Random(seed)
    prices = [chance.uniform(20, 200) for _ in range(SHARES)]
    first, days = date(2024, 1, 2), []
    for number in range(DAYS):
        day = first + timedelta(days=number)
        opens = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        closes = opens + timedelta(hours=8, minutes=30)
        bars = {}
        for share in range(SHARES):
            opening = prices[share] * chance.gauss(1, 0.005)
            prices[share] = close = opening * chance.gauss(1, 0.015)
            low, high = min(opening, close) * 0.995, max(opening, close) * 1.005
            four = [Decimal(f"{value:.4f}") for value in (opening, high, low, close)]
            bars[f"S{share:02}"] = Bar(
                f"S{share:02}", Interval.DAILY, day, opens, closes, *four, 10**6, Adjustment.SPLIT, False,
                closes, 1, "benchmark", "",
            )  # fmt: skip
        days.append(MarketDay(day, opens, closes, {s: (b,) for s, b in bars.items()}, bars))
    return days


def orders(days: list[MarketDay], count: int, seed: int = 2) -> dict[str, list[Order]]:
    """Purchases and sales of what is held by then, spread over days and books; none is refused."""
    chance = random.Random(seed)
    made: dict[str, list[Order]] = {}
    for book in range(BOOKS):
        name, held = f"book-{book}", dict.fromkeys(days[0].bars, 0)
        mine = made[name] = []
        moments = sorted(chance.randrange(DAYS) for _ in range(count // BOOKS + (book < count % BOOKS)))
        for number, at in enumerate(moments):
            symbol = chance.choice(list(held))
            sell = held[symbol] > 0 and chance.random() < 0.45
            quantity = chance.randint(1, held[symbol]) if sell else chance.randint(1, 20)
            held[symbol] += -quantity if sell else quantity
            side = Side.SELL if sell else Side.BUY
            submitted = days[at].opens_at - timedelta(minutes=25) + timedelta(seconds=number % 600)
            mine.append(Order(f"{name}:{number}", name, symbol, side, quantity, submitted))
    return made


def seconds(count: int) -> tuple[float, int]:
    """CPU seconds for all books, and the fills made."""
    days, best, fills = market(), float("inf"), 0
    wanted = orders(days, count)
    for _ in range(ROUNDS):
        fresh = [MarketDay(d.day, d.opens_at, d.closes_at, d.bars, d.closes) for d in days]
        started = time.process_time()
        results = [replay(name, CASH, FEE, mine, fresh) for name, mine in wanted.items()]
        best = min(best, time.process_time() - started)
        fills = sum(len(result.fills) for book in results for result in book)
    return best, fills


def run() -> None:
    """Print CPU milliseconds and the ratio."""
    few, filled = seconds(ORDERS)
    many, more = seconds(ORDERS * MORE)
    print(f"replay of {DAYS} days, {SHARES} shares, {BOOKS} books")
    print(f"  {filled:>6} fills {few * 1000:9.1f} ms of CPU")
    print(f"  {more:>6} fills {many * 1000:9.1f} ms of CPU     {many / few:.1f} x for {MORE} x the orders")


if __name__ == "__main__":
    run()

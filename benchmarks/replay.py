"""The replay alone: 250 trading days, 40 shares, 7 books, daily bars; then the same with 20 times the orders.

Everything that a replay is given exists before the clock starts (bars, days, orders), and what an earlier
round made is gone by then. CPU time, the least of several rounds. The days keep what they worked out (marks
as integers); a round begins with fresh days.

    python -m benchmarks.replay [--export FILE]

`--export` writes the same bars and orders, what they came to and the CPU time, for `benchmarks/peers.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import DayResult, MarketDay
from arena_pipeline.trading.orders import Order, Side
from arena_pipeline.trading.replay import replay

DAYS, SHARES, BOOKS, ORDERS, MORE, ROUNDS = 250, 40, 7, 3_270, 20, 15
CASH, FEE = Decimal("10000000.00"), Decimal("5.00")


def market(seed: int = 1) -> list[MarketDay]:
    """A random walk of 40 shares in daily bars, under the same strings each day, as they are read."""
    chance = random.Random(seed)
    symbols = [f"S{share:02}" for share in range(SHARES)]
    prices = [chance.uniform(20, 200) for _ in range(SHARES)]
    first, days = date(2024, 1, 2), []
    for number in range(DAYS):
        day = first + timedelta(days=number)
        opens = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        closes = opens + timedelta(hours=8, minutes=30)
        bars = {}
        for share, symbol in enumerate(symbols):
            opening = prices[share] * chance.gauss(1, 0.005)
            prices[share] = close = opening * chance.gauss(1, 0.015)
            low, high = min(opening, close) * 0.995, max(opening, close) * 1.005
            four = [Decimal(f"{value:.4f}") for value in (opening, high, low, close)]
            bars[symbol] = Bar(
                symbol, Interval.DAILY, day, opens, closes, *four, 10**6, Adjustment.SPLIT, False,
                closes, 1, "benchmark", "",
            )  # fmt: skip
        days.append(MarketDay(day, opens, closes, {s: (b,) for s, b in bars.items()}, bars))
    return days


def orders(days: list[MarketDay], count: int, seed: int = 2) -> dict[str, list[Order]]:
    """Purchases, and sales of what was held the evening before, over days and books; none is refused."""
    chance = random.Random(seed)
    made: dict[str, list[Order]] = {}
    for book in range(BOOKS):
        name, held = f"book-{book}", dict.fromkeys(days[0].bars, 0)
        mine = made[name] = []
        bought: list[tuple[str, int]] = []
        moments = sorted(chance.randrange(DAYS) for _ in range(count // BOOKS + (book < count % BOOKS)))
        for number, at in enumerate(moments):
            if number and at > moments[number - 1]:
                for symbol, quantity in bought:
                    held[symbol] += quantity
                bought.clear()
            symbol = chance.choice(list(held))
            sell = held[symbol] > 0 and chance.random() < 0.45
            quantity = chance.randint(1, held[symbol]) if sell else chance.randint(1, 20)
            if sell:
                held[symbol] -= quantity
            else:
                bought.append((symbol, quantity))
            side = Side.SELL if sell else Side.BUY
            submitted = days[at].opens_at - timedelta(minutes=25) + timedelta(seconds=number % 600)
            mine.append(Order(f"{name}:{number}", name, symbol, side, quantity, submitted))
    return made


@dataclass(frozen=True, slots=True)
class Measured:
    """The least CPU seconds of all books together, and what each book made of its orders."""

    seconds: float
    days: list[MarketDay]
    books: dict[str, list[DayResult]]

    @property
    def fills(self) -> int:
        return sum(len(result.fills) for book in self.books.values() for result in book)


def measure(count: int) -> Measured:
    """Replay that many orders, several times."""
    days, best = market(), float("inf")
    wanted = orders(days, count)
    books: dict[str, list[DayResult]] = {}
    for _ in range(ROUNDS):
        fresh = [MarketDay(d.day, d.opens_at, d.closes_at, d.bars, d.closes) for d in days]
        books.clear()
        started = time.process_time()
        for name, mine in wanted.items():
            books[name] = replay(name, CASH, FEE, mine, fresh)
        best = min(best, time.process_time() - started)
    return Measured(best, days, books)


def export(measured: Measured, file: Path) -> None:
    """Bars and fills by index of day and share, sales negative; prices as numbers, the value of a book in
    cents."""
    symbols = list(measured.days[0].bars)
    content = {
        "cash": float(CASH),
        "fee": float(FEE),
        "cpu_ms": measured.seconds * 1000,
        "symbols": symbols,
        "days": [day.day.isoformat() for day in measured.days],
        "open": [[float(day.closes[symbol].open) for symbol in symbols] for day in measured.days],
        "close": [[float(day.closes[symbol].close) for symbol in symbols] for day in measured.days],
        "orders": {
            name: [
                (at, symbols.index(fill.symbol), fill.quantity * (1 if fill.side is Side.BUY else -1))
                for at, result in enumerate(book)
                for fill in result.fills
            ]
            for name, book in measured.books.items()
        },
        "held": {name: dict(book[-1].snapshot.quantities) for name, book in measured.books.items()},
        "nav_cents": {
            name: [result.snapshot.nav_cents for result in book] for name, book in measured.books.items()
        },
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def run(file: Path | None = None) -> None:
    """Print CPU milliseconds and the ratio."""
    few, many = measure(ORDERS), measure(ORDERS * MORE)
    ratio = many.seconds / few.seconds
    print(f"replay of {DAYS} days, {SHARES} shares, {BOOKS} books")
    for measured in (few, many):
        print(f"  {measured.fills:>6} fills {measured.seconds * 1000:9.1f} ms of CPU")
    print(f"  {MORE} x the orders cost {ratio:.1f} x as much")
    if file is not None:
        export(few, file)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the replay costs.")
    parser.add_argument("--export", type=Path)
    run(parser.parse_args().export)


if __name__ == "__main__":
    main()

"""The orders of `benchmarks/replay.py` in vectorbt and bt, beside our own replay of them.

Runs in an environment without the arena's (`make bench-peers`) on what `benchmarks.replay --export` wrote.
Each library is given what it wants before the clock starts, and is run once beforehand, so that vectorbt's
compiled functions exist. The clock covers the orders and each book's value on each day, as it does for the
replay. The shares at the end have to be ours; a library that is not installed is passed over.

    python benchmarks/peers.py build/bench/replay.json
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 3
NOT_MODELLED = {
    "vectorbt": "cents, whole-order rejections, two orders of a share in a day (netted, with both fees)",
    "bt": "cents, any check of cash or holdings, order types",
}


@dataclass(frozen=True)
class World:
    """What was exported: prices by day and share, orders as (day, share, signed quantity)."""

    cash: float
    fee: float
    cpu_ms: float
    symbols: list[str]
    days: list[str]
    open: list[list[float]]
    close: list[list[float]]
    orders: dict[str, list[tuple[int, int, int]]]
    held: dict[str, dict[str, int]]
    nav_cents: dict[str, list[int]]


@dataclass(frozen=True)
class Outcome:
    """By book: shares at the end, and the value on the last day in the currency."""

    held: dict[str, dict[str, int]]
    worth: dict[str, float]


def with_vectorbt(world: World) -> Callable[[], Outcome]:
    """One column for each book and share, the shares of a book over one pot of cash."""
    import numpy as np
    import pandas as pd
    import vectorbt

    books, width = list(world.orders), len(world.symbols)
    columns = pd.MultiIndex.from_product([books, world.symbols], names=["book", "symbol"])
    size, count = np.zeros((2, len(world.days), len(columns)))
    for place, book in enumerate(books):
        for day, share, quantity in world.orders[book]:
            size[day, place * width + share] += quantity
            count[day, place * width + share] += 1
    index = pd.DatetimeIndex(world.days)
    opening, closing = (
        pd.DataFrame(np.tile(prices, len(books)), index, columns) for prices in (world.open, world.close)
    )

    def run() -> Outcome:
        portfolio = vectorbt.Portfolio.from_orders(
            closing,
            np.where(size == 0, np.nan, size),
            price=opening,
            fixed_fees=count * world.fee,
            init_cash=world.cash,
            cash_sharing=True,
            group_by="book",
            freq="D",
        )
        worth, assets = portfolio.value().iloc[-1], portfolio.assets().iloc[-1]
        return Outcome({book: _whole(assets[book].to_dict()) for book in books}, worth.to_dict())

    return run


def with_bt(world: World) -> Callable[[], Outcome]:
    """One backtest for each book, which replays a list of transactions."""
    import bt
    import pandas as pd

    index = pd.DatetimeIndex(world.days)
    closing = pd.DataFrame(world.close, index, world.symbols)
    spread = pd.DataFrame(0.0, index, world.symbols)
    transactions = {
        book: pd.DataFrame(
            [(index[d], world.symbols[s], float(q), world.open[d][s]) for d, s, q in orders],
            columns=["Date", "Security", "quantity", "price"],
        ).set_index(["Date", "Security"])
        for book, orders in world.orders.items()
    }

    def run() -> Outcome:
        held, worth = {}, {}
        for book, wanted in transactions.items():
            strategy = bt.Strategy(
                book,
                [bt.algos.ReplayTransactions("transactions")],
                [bt.Security(symbol) for symbol in world.symbols],
            )
            backtest = bt.Backtest(
                strategy,
                closing,
                initial_capital=world.cash,
                commissions=lambda quantity, price: world.fee,
                additional_data={"transactions": wanted, "bidoffer": spread},
            )
            backtest.run()
            held[book] = _whole(backtest.positions.iloc[-1].to_dict())
            worth[book] = float(backtest.strategy.values.iloc[-1])
        return Outcome(held, worth)

    return run


def run(file: Path) -> None:
    """Print CPU milliseconds, ratios, how far the values are apart, and what each library leaves out."""
    world = World(**json.loads(file.read_text(encoding="utf-8")))
    count = sum(map(len, world.orders.values()))
    print(f"the same {count} orders, CPU time of all {len(world.orders)} books, compiled and warm:")
    print(f"  {'ours':10} {world.cpu_ms:9.1f} ms    1.0 x")
    for name, prepare in (("vectorbt", with_vectorbt), ("bt", with_bt)):
        try:
            version = importlib.import_module(name).__version__
        except ImportError as missing:
            print(f"  {name:10} is not installed here ({missing})")
            continue
        runner = prepare(world)
        first, outcome = _timed(runner)
        if outcome.held != world.held:
            sys.exit(f"{name} ends with other shares than the replay")
        least = min(_timed(runner)[0] for _ in range(ROUNDS))
        apart = max(abs(outcome.worth[book] - navs[-1] / 100) for book, navs in world.nav_cents.items())
        print(
            f"  {name:10} {least:9.1f} ms {least / world.cpu_ms:6.1f} x    (first call {first / 1000:.1f} s; "
            f"version {version}; same shares at the end, values within {apart:.2f})"
        )
        print(f"  {'':10} does not model: {NOT_MODELLED[name]}")


def _timed(action: Callable[[], Outcome]) -> tuple[float, Outcome]:
    started = time.process_time()
    outcome = action()
    return (time.process_time() - started) * 1000, outcome


def _whole(positions: dict[Any, float]) -> dict[str, int]:
    return {symbol: round(quantity) for symbol, quantity in positions.items() if round(quantity)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    run(Path(sys.argv[1]))

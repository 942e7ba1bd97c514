"""The luck score: the same trades in shares drawn by lot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from arena_pipeline.scoring.luck import Trade, luck

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
SHARES = 10


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def market(seed: int = 0, days: int = 40):
    """Prices of ten shares at each day's opening, by day."""
    walk = np.random.default_rng(seed).normal(0, 0.02, (days, SHARES)).cumsum(axis=0)
    prices = 100 * np.exp(walk)
    return prices, lambda trade: prices[(trade.at - START).days]


def bought(symbol: int, day: int, cents: int = 100_000) -> Trade:
    return Trade(at(day), symbol, cents, None)


def sold(symbol: int, day: int, cents: int, cost: int = 100_000) -> Trade:
    return Trade(at(day), symbol, cents, cost)


def score(trades, prices, price_at, **changes):
    return luck(trades, price_at, prices[-1], **({"shares": SHARES, "seed": 1} | changes))


def test_the_best_share_scores_high_and_the_worst_low():
    prices, price_at = market()
    growth = prices[-1] / prices[0]
    best, worst = int(growth.argmax()), int(growth.argmin())
    assert score([bought(best, 0)], prices, price_at).percentile > 0.9
    assert score([bought(worst, 0)], prices, price_at).percentile < 0.1


def test_one_stay_in_the_best_of_ten_shares_beats_nine_lots_in_ten():
    prices, price_at = market()
    best = int((prices[-1] / prices[0]).argmax())
    found = score([bought(best, 0)], prices, price_at, draws=20_000)
    assert found.percentile == pytest.approx(0.95, abs=0.01)
    assert (found.stays, found.draws, found.reason) == (1, 20_000, None)


def test_choices_by_lot_score_evenly_from_nothing_to_all():
    prices, price_at = market(seed=3)
    chance = np.random.default_rng(5)
    scores = []
    for _ in range(200):
        trades = []
        for day in range(0, 36, 4):
            symbol = int(chance.integers(SHARES))
            trades += [bought(symbol, day), sold(symbol, day + 3, 0)]
        scores.append(score(trades, prices, price_at).percentile)
    assert np.mean(scores) == pytest.approx(0.5, abs=0.06)
    assert 0.01 <= np.mean(np.array(scores) > 0.95) <= 0.11


@pytest.mark.parametrize("rule", ["a stop 5 % below the purchase", "a purchase 3 % below the opening"])
def test_a_trade_inside_its_bar_is_no_merit_of_the_choice(rule):
    """Such a trade happens because the share itself has moved: measured from the opening of its bar, every
    stop would look like luck and every limit like the want of it."""
    chance = np.random.default_rng(11)
    scores = []
    for _ in range(120):
        moves = chance.normal(0, 0.02, (60, 2, SHARES))
        levels = 100 * np.exp(moves.reshape(120, SHARES).cumsum(axis=0)).reshape(60, 2, SHARES)
        opens, closes = levels[:, 0], levels[:, 1]

        def price_at(trade, opens=opens, closes=closes):
            return (closes if trade.inside else opens)[(trade.at - START).days]

        trades, held, paid = [], None, 0.0
        for day in range(60):
            if held is None:
                symbol = int(chance.integers(SHARES))
                if rule.startswith("a stop"):
                    held, paid = symbol, opens[day, symbol]
                    trades.append(bought(symbol, day))
                elif closes[day, symbol] < 0.97 * opens[day, symbol]:
                    held, paid = symbol, day
                    trades.append(bought(symbol, day)._replace(inside=True))
            elif rule.startswith("a stop") and closes[day, held] < 0.95 * paid:
                trades.append(sold(held, day, 0)._replace(inside=True))
                held = None
            elif not rule.startswith("a stop") and day >= paid + 3:
                trades.append(sold(held, day, 0))
                held = None
        scores.append(luck(trades, price_at, closes[-1], shares=SHARES, seed=1, draws=400).percentile)
    assert np.mean(scores) == pytest.approx(0.5, abs=0.08)


def test_a_sale_of_a_part_takes_that_part_out_of_the_lot_too():
    prices = np.array([[10.0, 10.0], [20.0, 5.0], [10.0, 40.0]])
    trades = [bought(0, 0), sold(0, 1, 100_000, cost=50_000)]
    found = luck(trades, lambda t: prices[(t.at - START).days], prices[2], shares=2, seed=1, draws=4_000)
    # Own: sells half at the double, ends level: +50,000. Lot 1: half at a half, rest fourfold: +125,000.
    assert found.percentile == pytest.approx(0.25, abs=0.02)


def test_a_purchase_that_does_not_count_only_makes_the_sale_a_smaller_part_of_what_does():
    prices = np.array([[100.0, 100.0], [110.0, 100.0], [110.0, 100.0], [110.0, 90.0]])

    def found(*trades):
        return luck(trades, lambda t: prices[(t.at - START).days], prices[3], shares=2, seed=1, draws=4_000)

    # The purchase that counts stays worth the same; the other share loses, so lots end below or level.
    uncounted = bought(0, 0)._replace(counted=False)
    assert found(uncounted, bought(0, 1), sold(0, 2, 220_000, cost=200_000)).percentile == 0.5
    kept = found(uncounted, bought(0, 1), sold(0, 2, 110_000, cost=100_000))
    assert kept.percentile == pytest.approx(0.75, abs=0.02)
    nothing = found(uncounted, sold(0, 2, 110_000))
    assert (nothing.percentile, nothing.stays, nothing.reason) == (None, 0, "nothing was bought")


def test_an_index_can_be_held_and_is_never_drawn():
    prices, _ = market()
    rising = prices.copy()
    rising[:, -1] = np.linspace(100, 1000, len(prices))
    found = luck(
        [bought(SHARES - 1, 0)], lambda t: rising[(t.at - START).days], rising[-1], shares=SHARES - 1, seed=1
    )
    assert found.percentile == 1.0


def test_shares_without_a_price_are_not_drawn_and_without_its_own_there_is_no_score():
    prices, _ = market()
    gone = prices.copy()
    gone[0, 1:] = np.nan
    alone = luck([bought(0, 0)], lambda t: gone[(t.at - START).days], gone[-1], shares=SHARES, seed=1)
    assert (alone.percentile, alone.reason) == (None, "a price that is needed is not known")


def test_nothing_bought_is_a_reason():
    prices, price_at = market()
    assert score([], prices, price_at).reason == "nothing was bought"
    assert score([sold(0, 1, 100)], prices, price_at).percentile is None


def test_a_seed_gives_the_same_score():
    prices, price_at = market()
    trades = [bought(2, 0), bought(3, 1)]
    assert score(trades, prices, price_at, seed=9) == score(trades, prices, price_at, seed=9)

"""How often the board names a winner among models without skill: the false alarms of `assess`.

An arena is seven models of the same expected return, zero. Their days are fat-tailed (Student's t with 5
degrees of freedom), volatile days come together (GARCH(1, 1)), and any two models correlate by about 0.7, as
portfolios of the same shares do. Beside the winners stand the arenas in which the board tells any two models
apart at all (shared ranks other than 1), and what is often done instead: to call the model with the best
Sharpe ratio skilled when its own one-sided t-test is significant at 5 %.

    python -m benchmarks.false_winner [--arenas 200] [--days 60 250] [--seed 1]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.scoring.metrics import MIN_DAYS
from arena_pipeline.scoring.significance import LEVEL, assess, student_p_value

MODELS, CORRELATION, DEGREES, DEVIATION = 7, 0.7, 5, 0.01
ARCH, GARCH = 0.08, 0.90
BURN_IN = 100
ARENAS, LENGTHS, SEED = 200, (MIN_DAYS, 250), 1
DRAWS = 200
"""Resampled histories of each arena: the verdict does not depend on them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of `arenas` arenas of `days` trading days: in how many the board named a winner, in how many it told
    any two models apart, and in how many the best model's own t-test was significant."""

    arenas: int
    days: int
    winner: int
    apart: int
    naive: int


def unskilled(generator: np.random.Generator, days: int, models: int = MODELS) -> NDArray[np.float64]:
    """Daily returns (days, models) of models that differ by chance alone."""
    shocks = generator.standard_t(DEGREES, (BURN_IN + days, models + 1)) * math.sqrt((DEGREES - 2) / DEGREES)
    variance = np.ones(models + 1)
    for day, shock in enumerate(shocks):
        shocks[day] = shock * np.sqrt(variance)
        variance = 1 - ARCH - GARCH + ARCH * shocks[day] ** 2 + GARCH * variance
    market, own = shocks[BURN_IN:, :1], shocks[BURN_IN:, 1:]
    return DEVIATION * (math.sqrt(CORRELATION) * market + math.sqrt(1 - CORRELATION) * own)


def count_winners(arenas: int, days: int, seed: int) -> Tally:
    """Simulate that many arenas, let the board and the naive rule judge each."""
    generator = np.random.Generator(np.random.PCG64(seed))
    winner = apart = naive = 0
    for number in range(arenas):
        returns = unskilled(generator, days)
        series = {f"model-{index}": column.tolist() for index, column in enumerate(returns.T)}
        board = assess(series, trials=MODELS, seed=number, draws=DRAWS)
        winner += board.verdict.winner is not None
        apart += any(model.shared_rank != 1 for model in board.models)
        best = float(np.max(returns.mean(axis=0) / returns.std(axis=0, ddof=1))) * math.sqrt(days)
        naive += best > 0 and student_p_value(best, days - 1) / 2 < LEVEL
    return Tally(arenas, days, winner, apart, naive)


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Of a share (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / trials, z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    margin = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return centre - margin, centre + margin


def run(arenas: int = ARENAS, lengths: Sequence[int] = LENGTHS, seed: int = SEED) -> None:
    """Print both shares, with their 95 % intervals, for each length."""
    print(f"{arenas} arenas of {MODELS} models without skill: share of arenas (95 % interval)")
    print("days   winner named            any two told apart      best model's t-test")
    for days in lengths:
        tally = count_winners(arenas, days, seed)
        shares = (_share(count, arenas) for count in (tally.winner, tally.apart, tally.naive))
        print(f"{days:>4}   {'   '.join(shares)}")


def _share(count: int, arenas: int) -> str:
    low, high = binomial_interval(count, arenas)
    return f"{count / arenas:5.1%} ({max(low, 0):5.1%} to {high:5.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description="False winners among models without skill.")
    parser.add_argument("--arenas", type=int, default=ARENAS)
    parser.add_argument("--days", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    run(arguments.arenas, arguments.days, arguments.seed)


if __name__ == "__main__":
    main()

"""Where the models would end if other days had come: one joint resampling of the days for all of them.

Stationary bootstrap of Politis and Romano (1994); block length of Politis and White (2004) with the
correction of Patton, Politis and White (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena_pipeline.scoring.returns import CONFIDENCE, Floats, flat


@dataclass(frozen=True, slots=True)
class RankEstimate:
    """Where one model ends among resampled histories: how much its rank depends on which days there were. No
    test, and not corrected for the number of models; `standing` is.

    `low` to `high` are ranks, 1 the best; `mean` gives tied models the mean of the ranks they share; `p_best`
    is split between those tied for the first; `return_low` to `return_high` is the interval of the total
    return, as a fraction."""

    low: int
    high: int
    mean: float
    p_best: float
    return_low: float
    return_high: float


@dataclass(frozen=True, slots=True)
class JointBootstrap:
    """Ranks in the order of the columns; `block` is the mean length of a block in days."""

    ranks: tuple[RankEstimate, ...]
    seed: int
    draws: int
    block: float
    confidence: float


def optimal_block_length(returns: ArrayLike) -> float:
    """Mean length of a block, in days, for the stationary bootstrap of a mean (Politis and White 2004, Patton
    et al. 2009); may be below 1 for returns without memory, and is 1 if they do not vary."""
    values = np.asarray(returns, dtype=float)
    days = len(values)
    if days < 3 or flat(values):
        return 1.0
    deviations = values - values.mean()
    run = max(5, int(math.log10(days)))
    lags = min(math.ceil(math.sqrt(days)) + run, days - 2)
    covariances, correlations = np.empty(lags + 1), np.empty(lags + 1)
    for lag in range(lags + 1):
        late, early = deviations[lag:], deviations[: days - lag]
        product = late @ early
        covariances[lag] = product / days
        # Over one day less than the product, as in arch: the lags chosen are then the same ones.
        norm = math.sqrt((late[1:] @ late[1:]) * (early[:-1] @ early[:-1]))
        correlations[lag] = product / norm if norm else 0.0
    small = np.abs(correlations) < 2 * math.sqrt(math.log10(days) / days)
    last = next((lag for lag in range(1, lags - run + 1) if small[lag : lag + run].all()), lags)
    window = np.arange(1, min(2 * last, lags) + 1)
    weights = 2 * np.minimum(1, 2 * (1 - window / window[-1])) * covariances[window]
    slope, spectrum = float(window @ weights), float(covariances[0] + weights.sum())
    longest = math.ceil(min(3 * math.sqrt(days), days / 3))
    return min(((slope / spectrum) ** 2 * days) ** (1 / 3), longest) if spectrum else float(longest)


def joint_bootstrap(
    returns: ArrayLike,
    *,
    seed: int,
    draws: int = 10_000,
    block: float | None = None,
    confidence: float = CONFIDENCE,
) -> JointBootstrap:
    """Ranks by total return over resampled histories (stationary bootstrap, Politis and Romano 1994). A
    history is made of the same days for all models, so what moves them together does not separate them.

    `returns` is (days, models). `block` is the largest of the models' optimal lengths unless given, within 1
    and a third of the days. A seed gives the same result in any order of the models. Raises ValueError
    without a day or a model, and for a return that is not finite.
    """
    matrix = np.asarray(returns, dtype=float)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise ValueError("returns must be finite, by day and model, and at least one")
    days, models = matrix.shape
    if block is None:
        block = max(optimal_block_length(column) for column in matrix.T)
    block = max(1.0, min(float(block), days / 3))
    # Equal columns are compounded once: the same product may differ in the last bit with its place in the
    # matrix, and that would break ties.
    distinct, places = np.unique(matrix, axis=1, return_inverse=True)
    growth = np.log(np.maximum(1 + distinct, np.finfo(float).tiny))
    generator = np.random.Generator(np.random.PCG64(seed))
    chunk = max(1, 2**19 // days)
    sizes = [min(chunk, draws - begun) for begun in range(0, draws, chunk)]
    compounded = np.concatenate([_day_counts(generator, days, size, block) @ growth for size in sizes])
    totals = np.expm1(compounded)[:, places.reshape(-1)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    ranks = []
    for model in range(models):
        own = totals[:, [model]]
        above = (totals > own).sum(axis=1)
        tied = (totals == own).sum(axis=1)
        low, high = np.quantile(1 + above, tails, method="inverted_cdf")
        return_low, return_high = np.quantile(own, tails)
        ranks.append(
            RankEstimate(
                int(low),
                int(high),
                float(np.mean(1 + above + (tied - 1) / 2)),
                float(np.mean(np.where(above == 0, 1 / tied, 0.0))),
                float(return_low),
                float(return_high),
            )
        )
    return JointBootstrap(tuple(ranks), seed, draws, block, confidence)


def _day_counts(generator: np.random.Generator, days: int, draws: int, block: float) -> Floats:
    """How often each day is in each resampled history, (draws, days). A history goes on with the following
    day, the first after the last, or with probability 1 / block with any day."""
    chosen = generator.integers(days, size=(draws, days))
    fresh = generator.random((draws, days)) * block < 1
    position = np.arange(days)
    begun = np.maximum.accumulate(np.where(fresh, position, 0), axis=1)
    resampled = (np.take_along_axis(chosen, begun, axis=1) + position - begun) % days
    resampled += days * np.arange(draws)[:, None]
    return np.bincount(resampled.ravel(), minlength=draws * days).reshape(draws, days).astype(float)

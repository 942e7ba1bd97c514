"""How sure a Sharpe ratio is, and what is left of it after so many were tried.

Ratios are annualised (a year has 252 trading days) and taken at a risk-free rate of zero. Nothing is said
below `MIN_DAYS` trading days. Sources:

- interval of a Sharpe ratio: Mertens (2002), *Comments on variance of the IID estimator in Lo (2002)*
- probabilistic Sharpe ratio: Bailey and López de Prado (2012), *The Sharpe Ratio Efficient Frontier*
- deflated Sharpe ratio: Bailey and López de Prado (2014), *The Deflated Sharpe Ratio*
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

import numpy as np

from arena_pipeline.scoring.metrics import TRADING_DAYS_A_YEAR, Metric, constant
from arena_pipeline.scoring.returns import CONFIDENCE, NO_DISPERSION, NORMAL, unusable

YEAR_ROOT = math.sqrt(TRADING_DAYS_A_YEAR)


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """An annualised Sharpe ratio with its interval and standard error, or None and why there is none."""

    sharpe: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    days: int
    reason: str | None = None


def sharpe_estimate(returns: Sequence[float], confidence: float = CONFIDENCE) -> SharpeEstimate:
    """The Sharpe ratio S with its normal interval; per day, Var(S) = (1 - skew S + (kurtosis - 1) / 4 S²)
    / (n - 1) (Mertens 2002)."""
    moments = _moments(returns)
    if isinstance(moments, str):
        return SharpeEstimate(None, None, None, None, len(returns), moments)
    sharpe, error = moments.sharpe * YEAR_ROOT, moments.standard_error * YEAR_ROOT
    margin = NORMAL.inv_cdf((1 + confidence) / 2) * error
    return SharpeEstimate(sharpe, sharpe - margin, sharpe + margin, error, len(returns))


def probabilistic_sharpe(returns: Sequence[float], benchmark: float = 0.0) -> Metric:
    """Probability that the true Sharpe ratio is above `benchmark`, an annualised ratio (Bailey and López de
    Prado 2012)."""
    moments = _moments(returns)
    if isinstance(moments, str):
        return Metric(None, moments)
    return Metric(NORMAL.cdf((moments.sharpe - benchmark / YEAR_ROOT) / moments.standard_error))


def expected_max_sharpe(sharpes: Sequence[float], trials: int) -> Metric:
    """The best Sharpe ratio to be expected of `trials` models without skill, whose ratios disperse as
    `sharpes` do; in the unit of `sharpes` (Bailey and López de Prado 2014).

    `trials` counts all that was ever tried, so it may exceed the ratios still known. Raises ValueError if it
    is less.
    """
    if trials < max(1, len(sharpes)):
        raise ValueError(f"{trials} trials cannot have given {len(sharpes)} Sharpe ratios")
    if trials == 1:
        return Metric(0.0)
    if len(sharpes) < 2:
        return Metric(None, "the dispersion of fewer than two Sharpe ratios is not known")
    upper, beyond = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return Metric(stdev(sharpes) * ((1 - np.euler_gamma) * upper + np.euler_gamma * beyond))


def deflated_sharpe(returns: Sequence[float], trial_sharpes: Sequence[float], trials: int) -> Metric:
    """Probability that the true Sharpe ratio is above what the best of `trials` models without skill would
    show (Bailey and López de Prado 2014). `trial_sharpes` are annualised, that of `returns` among them."""
    probability = probabilistic_sharpe(returns)
    if probability.value is None:
        return probability
    hurdle = expected_max_sharpe(trial_sharpes, trials)
    return hurdle if hurdle.value is None else probabilistic_sharpe(returns, hurdle.value)


@dataclass(frozen=True, slots=True)
class _Moments:
    """Per day: the Sharpe ratio and its standard error."""

    sharpe: float
    standard_error: float


def _moments(returns: Sequence[float]) -> _Moments | str:
    """Or why there are none. Skewness and excess kurtosis are G1 and G2 of Joanes and Gill (1998), *Comparing
    measures of sample skewness and kurtosis*."""
    values = np.asarray(returns, dtype=float)
    if reason := unusable(values):
        return reason
    if constant(values.tolist()):
        return NO_DISPERSION
    n = len(values)
    deviations = values - values.mean()
    m2, m3, m4 = (float(np.mean(deviations**power)) for power in (2, 3, 4))
    sharpe = float(values.mean()) / math.sqrt(m2 * n / (n - 1))
    skewness = m3 / m2**1.5 * math.sqrt(n * (n - 1)) / (n - 2)
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
    variance = (1 - skewness * sharpe + (excess + 2) / 4 * sharpe**2) / (n - 1)
    if variance <= 0:
        return "the variance of the Sharpe ratio is not positive"
    return _Moments(sharpe, math.sqrt(variance))

"""Tests of daily values and the regression on a benchmark that stay right when the days depend on each other.

Standard errors by Newey and West (1987), lags as in Newey and West (1994). Such an error is itself uncertain,
the more so the more lags: a t is held against Student's t with the error's equivalent degrees of freedom
(Lazarus, Lewis, Stock and Watson 2018, *HAR Inference: Recommendations for Practice*).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena_pipeline.scoring.metrics import TRADING_DAYS_A_YEAR
from arena_pipeline.scoring.returns import NO_DISPERSION, NOT_DEFINED, ROUNDING, Floats, flat, unusable


@dataclass(frozen=True, slots=True)
class HacTest:
    """Test of a mean against zero; `mean` and `standard_error` are of one day, `p_value` is two-sided."""

    mean: float | None
    standard_error: float | None
    t: float | None
    p_value: float | None
    lags: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """Regression on a benchmark. `alpha` and its standard error are per year (252 times the daily ones),
    `p_value` is two-sided against an alpha of zero; `r_squared` is the share of the variance explained."""

    alpha: float | None
    beta: float | None
    alpha_standard_error: float | None
    beta_standard_error: float | None
    alpha_p_value: float | None
    r_squared: float | None
    days: int
    reason: str | None = None


def hac_mean_test(differences: ArrayLike, lags: int | None = None) -> HacTest:
    """Two-sided test of the mean of daily values against zero, robust to autocorrelation (Newey and West).

    Bartlett weights over floor(4 (n / 100)^(2/9)) lags unless given, variance corrected by n / (n - 1),
    Student's t with `equivalent_degrees`. Values that do not vary have no t; if they are zero, p is 1.
    """
    values = np.asarray(differences, dtype=float)
    days = len(values)
    lags = automatic_lags(days) if lags is None else lags
    if days < 2:
        return HacTest(None, None, None, None, lags, "fewer than two daily values")
    if not np.isfinite(values).all():
        return HacTest(None, None, None, None, lags, NOT_DEFINED)
    mean = float(values.mean())
    if flat(values):
        return HacTest(mean, 0.0, None, None if mean else 1.0, lags, "the differences do not vary")
    error = math.sqrt(_newey_west(np.ones((days, 1)), values - mean, lags)[0, 0])
    t = mean / error
    return HacTest(mean, error, t, student_p_value(t, equivalent_degrees(days, lags, 1)), lags)


def hac_regression(returns: Sequence[float], benchmark: Sequence[float]) -> AlphaBeta:
    """Ordinary least squares of `returns` on the same days' `benchmark`, with the standard errors of
    `hac_mean_test`, corrected by n / (n - 2); Student's t with `equivalent_degrees`.

    Where nothing is left to explain (returns that do not vary, or follow the benchmark exactly) there are
    alpha and beta, and no p-value. Raises ValueError for different numbers of days.
    """
    y, x = np.asarray(returns, dtype=float), np.asarray(benchmark, dtype=float)
    if y.shape != x.shape:
        raise ValueError(f"{len(y)} returns and {len(x)} of the benchmark")
    days = len(y)
    if reason := unusable(y) or unusable(x) or ("the benchmark does not vary" if flat(x) else None):
        return AlphaBeta(None, None, None, None, None, None, days, reason)
    if flat(y):
        return AlphaBeta(
            float(y.mean()) * TRADING_DAYS_A_YEAR, 0.0, 0.0, 0.0, None, None, days, NO_DISPERSION
        )
    dx, dy = x - x.mean(), y - y.mean()
    beta = float(dx @ dy / (dx @ dx))
    alpha = float(y.mean() - beta * x.mean())
    residuals = dy - beta * dx
    if np.ptp(residuals) <= ROUNDING * np.abs(y).max():
        return AlphaBeta(
            alpha * TRADING_DAYS_A_YEAR, beta, 0.0, 0.0, None, 1.0, days, "the benchmark explains all"
        )
    lags = automatic_lags(days)
    covariance = _newey_west(np.column_stack([np.ones(days), x]), residuals, lags)
    alpha_error, beta_error = (math.sqrt(variance) for variance in np.diag(covariance))
    return AlphaBeta(
        alpha * TRADING_DAYS_A_YEAR,
        beta,
        alpha_error * TRADING_DAYS_A_YEAR,
        beta_error,
        student_p_value(alpha / alpha_error, equivalent_degrees(days, lags, 2)),
        1 - float(residuals @ residuals / (dy @ dy)),
        days,
    )


def equivalent_degrees(days: int, lags: int, coefficients: int) -> float:
    """Of an error with Bartlett weights: 1.5 n / (lags + 1), at most n less the number of coefficients."""
    return min(1.5 * days / (lags + 1), days - coefficients)


def student_p_value(t: float, degrees: float) -> float:
    """Two-sided p-value of Student's t: the regularised incomplete beta function I_x(degrees / 2, 1 / 2) at
    x = degrees / (degrees + t²)."""
    a, b, x = degrees / 2, 0.5, degrees / (degrees + t * t)
    if x in (0.0, 1.0):
        return x
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, 1 - x) / b


def student_quantile(confidence: float, degrees: float) -> float:
    """The t within which, on both sides of zero, `confidence` of Student's t lies; by bisection."""
    low, high = 0.0, 1.0
    while student_p_value(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p_value(middle, degrees) > 1 - confidence else (low, middle)
    return (low + high) / 2


def automatic_lags(days: int) -> int:
    """Lags of Newey and West (1994) for so many days."""
    return int(4 * (days / 100) ** (2 / 9))


def _newey_west(design: Floats, residuals: Floats, lags: int) -> Floats:
    """Covariance (k, k) of the k least-squares coefficients of `design` (n, k), corrected by n / (n - k)."""
    days, coefficients = design.shape
    scores = design * residuals[:, None]
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        lagged = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (lags + 1)) * (lagged + lagged.T)
    bread = np.linalg.inv(design.T @ design)
    covariance: Floats = bread @ meat @ bread * days / (days - coefficients)
    return covariance


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), from the front (Lentz 1976)."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value, m, change = d, 0, 0.0
    while abs(change - 1) > 1e-15:
        m += 1
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = 1 + step / c, 1 / (1 + step * d)
            change = c * d
            value *= change
    return value

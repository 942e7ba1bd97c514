"""How much of a difference between models is more than chance: intervals, tests, ranks, and the verdict.

Everything is made of simple daily returns of the same trading days; a year has 252. Sharpe ratios are
annualised and taken at a risk-free rate of zero. Nothing is said below `MIN_DAYS` trading days, and a figure
that is not defined is None with the reason. Estimators with their sources:

- interval of a Sharpe ratio: Mertens (2002), *Comments on variance of the IID estimator in Lo (2002)*
- probabilistic Sharpe ratio: Bailey and López de Prado (2012), *The Sharpe Ratio Efficient Frontier*
- deflated Sharpe ratio: Bailey and López de Prado (2014), *The Deflated Sharpe Ratio*
- standard errors under autocorrelation: Newey and West (1987); lags as in Newey and West (1994)
- many comparisons: Holm (1979), *A Simple Sequentially Rejective Multiple Test Procedure*
- resampled days: Politis and Romano (1994), *The Stationary Bootstrap*; block length of Politis and White
  (2004) with the correction of Patton, Politis and White (2009)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, stdev
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW, TRADING_DAYS_A_YEAR, Metric, constant

LEVEL = 0.05
"""Chance of calling at least one difference real when none is."""

CONFIDENCE = 0.90
"""Of every interval."""

CERTAINTY = 0.95
"""The deflated Sharpe ratio that a winner needs."""

POWER = 0.80
"""Chance of finding a difference that is there, in `days_needed`."""

ROUNDING = 1e-12
"""Spread per largest value below which differences are rounding: returns are made of whole cents."""

NORMAL = NormalDist()
YEAR_ROOT = math.sqrt(TRADING_DAYS_A_YEAR)
NOT_DEFINED = "a daily return is not defined"
NO_DISPERSION = "the returns do not vary"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """An annualised Sharpe ratio with its interval and standard error, or None and why there is none."""

    sharpe: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    days: int
    reason: str | None = None


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


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models compared. `mean_difference` is first less second, per year (252 times the daily one);
    `p_holm` is `p_value` corrected for all pairs; `days_needed` are the trading days after which a
    difference of this size would be significant, uncorrected, in 80 % of the cases."""

    first: str
    second: str
    mean_difference: float | None
    t: float | None
    p_value: float | None
    p_holm: float | None
    days_needed: int | None
    reason: str | None = None

    def better(self, level: float) -> tuple[str, str] | None:
        """The better model and the worse one, or None while they cannot be told apart."""
        if self.mean_difference is None or self.p_holm is None or self.p_holm >= level:
            return None
        return (self.first, self.second) if self.mean_difference > 0 else (self.second, self.first)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The winner, or None while there is none; `text` is for the board, `reason` says what decided."""

    winner: str | None
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelAssessment:
    """What is known of one model. `psr` and `dsr` are the probabilistic and the deflated Sharpe ratio,
    `shared_rank` is of `standing`; `reason` says why there is no rank."""

    model: str
    sharpe: SharpeEstimate
    psr: Metric
    dsr: Metric
    rank: RankEstimate | None
    shared_rank: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that the board says about chance, with what is needed to compute it again."""

    models: tuple[ModelAssessment, ...]
    pairs: tuple[Pair, ...]
    verdict: Verdict
    days: int
    trials: int
    seed: int
    draws: int
    block: float | None
    level: float
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields; what is not defined is null."""
        document = asdict(self)
        return document | {"models": list(document["models"]), "pairs": list(document["pairs"])}


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


def hac_mean_test(differences: ArrayLike, lags: int | None = None) -> HacTest:
    """Two-sided test of the mean of daily values against zero, robust to autocorrelation (Newey and West).

    Bartlett weights over floor(4 (n / 100)^(2/9)) lags unless given, variance corrected by n / (n - 1),
    Student's t with n - 1 degrees of freedom. Values that do not vary have no t; if they are zero, p is 1.
    """
    values = np.asarray(differences, dtype=float)
    days = len(values)
    lags = _automatic_lags(days) if lags is None else lags
    if days < 2:
        return HacTest(None, None, None, None, lags, "fewer than two daily values")
    if not np.isfinite(values).all():
        return HacTest(None, None, None, None, lags, NOT_DEFINED)
    mean = float(values.mean())
    if _flat(values):
        return HacTest(mean, 0.0, None, None if mean else 1.0, lags, "the differences do not vary")
    error = math.sqrt(_newey_west(np.ones((days, 1)), values - mean, lags)[0, 0])
    return HacTest(mean, error, mean / error, student_p_value(mean / error, days - 1), lags)


def hac_regression(returns: Sequence[float], benchmark: Sequence[float]) -> AlphaBeta:
    """Ordinary least squares of `returns` on the same days' `benchmark`, with the standard errors of
    `hac_mean_test`, corrected by n / (n - 2); Student's t with n - 2 degrees of freedom.

    Where nothing is left to explain (returns that do not vary, or follow the benchmark exactly) there are
    alpha and beta, and no p-value. Raises ValueError for different numbers of days.
    """
    y, x = np.asarray(returns, dtype=float), np.asarray(benchmark, dtype=float)
    if y.shape != x.shape:
        raise ValueError(f"{len(y)} returns and {len(x)} of the benchmark")
    days = len(y)
    if reason := _unusable(y) or _unusable(x) or ("the benchmark does not vary" if _flat(x) else None):
        return AlphaBeta(None, None, None, None, None, None, days, reason)
    if _flat(y):
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
    covariance = _newey_west(np.column_stack([np.ones(days), x]), residuals, _automatic_lags(days))
    alpha_error, beta_error = (math.sqrt(variance) for variance in np.diag(covariance))
    return AlphaBeta(
        alpha * TRADING_DAYS_A_YEAR,
        beta,
        alpha_error * TRADING_DAYS_A_YEAR,
        beta_error,
        student_p_value(alpha / alpha_error, days - 2),
        1 - float(residuals @ residuals / (dy @ dy)),
        days,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values, in the order given, corrected for being that many: one below a level keeps the chance of any
    false one among them below that level, however they depend on each other (Holm 1979)."""
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted


def optimal_block_length(returns: ArrayLike) -> float:
    """Mean length of a block, in days, for the stationary bootstrap of a mean (Politis and White 2004, Patton
    et al. 2009); may be below 1 for returns without memory, and is 1 if they do not vary."""
    values = np.asarray(returns, dtype=float)
    days = len(values)
    if days < 3 or _flat(values):
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


def compare(returns: ArrayLike, names: Sequence[str], *, level: float = LEVEL) -> list[Pair]:
    """Every pair of models by the mean of their daily differences (`hac_mean_test`), corrected for all pairs
    by `holm`; `returns` is (days, models). A pair without a p-value counts as one of 1 in the correction."""
    matrix = np.asarray(returns, dtype=float)
    pairs = list(itertools.combinations(range(len(names)), 2))
    tests = [_difference_test(matrix[:, first], matrix[:, second]) for first, second in pairs]
    adjusted = holm([1.0 if test.p_value is None else test.p_value for test in tests])
    return [
        Pair(
            names[first],
            names[second],
            None if test.mean is None else test.mean * TRADING_DAYS_A_YEAR,
            test.t,
            test.p_value,
            None if test.p_value is None else p_holm,
            None if test.t is None else _days_needed(test.t, len(matrix), level),
            test.reason,
        )
        for (first, second), test, p_holm in zip(pairs, tests, adjusted, strict=True)
    ]


def standing(names: Sequence[str], pairs: Collection[Pair], *, level: float = LEVEL) -> dict[str, int]:
    """The shared rank of each model: 1 + the number of models that are significantly better. Those that no
    model is significantly better than share rank 1."""
    worse = [result[1] for pair in pairs if (result := pair.better(level))]
    return {name: 1 + worse.count(name) for name in names}


def verdict(
    days: int, pairs: Collection[Pair], deflated: Mapping[str, Metric], *, level: float = LEVEL
) -> Verdict:
    """Whether one model may be called the winner: after at least `MIN_DAYS`, significantly better than every
    other, and with a deflated Sharpe ratio (`deflated`, by model) of at least `CERTAINTY`."""
    if days < MIN_DAYS:
        return Verdict(None, f"too early: {days} of {MIN_DAYS} trading days", TOO_FEW)
    if len(deflated) < 2:
        return _undecided("there is nothing to compare with")
    ranks = standing(list(deflated), pairs, level=level)
    leaders = [name for name, rank in ranks.items() if rank == 1]
    if len(leaders) != 1:
        return _undecided(f"{', '.join(sorted(leaders))} share rank 1")
    leader = leaders[0]
    beaten = {result[1] for pair in pairs if (result := pair.better(level)) and result[0] == leader}
    if rivals := sorted(deflated.keys() - {leader} - beaten):
        return _undecided(f"{leader} is not significantly better than {', '.join(rivals)}")
    dsr = deflated[leader]
    if dsr.value is None:
        return _undecided(f"{leader} has no deflated Sharpe ratio: {dsr.reason}")
    if dsr.value < CERTAINTY:
        return _undecided(f"the deflated Sharpe ratio of {leader} is {dsr.value:.3f}, below {CERTAINTY}")
    return Verdict(
        leader,
        f"{leader} is the winner",
        f"significantly better than every other model, deflated Sharpe ratio {dsr.value:.3f}",
    )


def assess(
    returns: Mapping[str, Sequence[float]], *, trials: int, seed: int, draws: int = 10_000
) -> Assessment:
    """What the board may say about the models, whose daily returns are of the same days.

    `trials` is the number of models and prompt versions ever run, at least the models given. A model with a
    return that is not defined is listed and takes part in nothing. Raises ValueError for unequal numbers of
    days and for fewer trials than models.
    """
    lengths = {len(values) for values in returns.values()}
    if len(lengths) > 1:
        raise ValueError("the models' returns are not of the same days")
    if trials < len(returns):
        raise ValueError(f"{trials} trials cannot have given {len(returns)} models")
    days = lengths.pop() if lengths else 0
    usable = {name: values for name, values in returns.items() if np.isfinite(values).all()}
    matrix = np.array(list(usable.values()), dtype=float).reshape(len(usable), days).T
    estimates = {name: sharpe_estimate(values) for name, values in returns.items()}
    sharpes = [estimate.sharpe for estimate in estimates.values() if estimate.sharpe is not None]
    deflated = {name: deflated_sharpe(values, sharpes, trials) for name, values in returns.items()}
    pairs = compare(matrix, list(usable))
    bootstrap = joint_bootstrap(matrix, seed=seed, draws=draws) if usable and days >= MIN_DAYS else None
    ranks = dict(zip(usable, bootstrap.ranks, strict=True)) if bootstrap else {}
    shared = standing(list(usable), pairs) if bootstrap else {}
    missing = TOO_FEW if days < MIN_DAYS else NOT_DEFINED
    return Assessment(
        models=tuple(
            ModelAssessment(
                name,
                estimates[name],
                probabilistic_sharpe(values),
                deflated[name],
                ranks.get(name),
                shared.get(name),
                None if name in ranks else missing,
            )
            for name, values in returns.items()
        ),
        pairs=tuple(pairs),
        verdict=verdict(days, pairs, {name: deflated[name] for name in usable}),
        days=days,
        trials=trials,
        seed=seed,
        draws=draws,
        block=bootstrap.block if bootstrap else None,
        level=LEVEL,
        confidence=CONFIDENCE,
    )


def student_p_value(t: float, degrees: int) -> float:
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


@dataclass(frozen=True, slots=True)
class _Moments:
    """Per day: the Sharpe ratio and its standard error."""

    sharpe: float
    standard_error: float


def _moments(returns: Sequence[float]) -> _Moments | str:
    """Or why there are none. Skewness and excess kurtosis are G1 and G2 of Joanes and Gill (1998), *Comparing
    measures of sample skewness and kurtosis*."""
    values = np.asarray(returns, dtype=float)
    if reason := _unusable(values):
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


def _unusable(values: Floats) -> str | None:
    if len(values) < MIN_DAYS:
        return TOO_FEW
    return None if np.isfinite(values).all() else NOT_DEFINED


def _flat(values: Floats) -> bool:
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def _automatic_lags(days: int) -> int:
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


def _difference_test(first: Floats, second: Floats) -> HacTest:
    """The test of first less second, where what is only rounding of the returns counts as no difference."""
    if reason := _unusable(first) or _unusable(second):
        return HacTest(None, None, None, None, _automatic_lags(len(first)), reason)
    difference = first - second
    scale = max(np.abs(first).max(), np.abs(second).max())
    return hac_mean_test(np.where(np.abs(difference) > ROUNDING * scale, difference, 0.0))


def _days_needed(t: float, days: int, level: float) -> int | None:
    """((z of the level + z of the power) · long-run deviation / mean)², which is days · (z / t)²."""
    if abs(t) < ROUNDING:
        return None
    z = NORMAL.inv_cdf(1 - level / 2) + NORMAL.inv_cdf(POWER)
    return math.ceil(days * (z / t) ** 2)


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


def _undecided(reason: str) -> Verdict:
    return Verdict(None, "not distinguishable", reason)


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

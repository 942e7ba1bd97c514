"""Which differences between models are more than chance, and whether one of them may be called the winner.

Everything is made of simple daily returns of the same trading days. Nothing is said below `MIN_DAYS` trading
days, and a figure that is not defined is None with the reason. The estimators are in `sharpe.py`, `hac.py`
and `bootstrap.py`; many comparisons are corrected by Holm (1979), *A Simple Sequentially Rejective Multiple
Test Procedure*.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from arena_pipeline.scoring.bootstrap import RankEstimate, joint_bootstrap, optimal_block_length
from arena_pipeline.scoring.hac import (
    HacTest,
    automatic_lags,
    hac_mean_test,
    hac_regression,
    student_p_value,
)
from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW, TRADING_DAYS_A_YEAR, Metric
from arena_pipeline.scoring.returns import CONFIDENCE, NORMAL, NOT_DEFINED, ROUNDING, Floats, unusable
from arena_pipeline.scoring.sharpe import (
    SharpeEstimate,
    deflated_sharpe,
    expected_max_sharpe,
    probabilistic_sharpe,
    sharpe_estimate,
)

__all__ = [
    "Assessment",
    "ModelAssessment",
    "Pair",
    "Verdict",
    "assess",
    "compare",
    "deflated_sharpe",
    "expected_max_sharpe",
    "hac_mean_test",
    "hac_regression",
    "holm",
    "joint_bootstrap",
    "optimal_block_length",
    "probabilistic_sharpe",
    "sharpe_estimate",
    "standing",
    "student_p_value",
    "verdict",
]

LEVEL = 0.05
"""Chance of calling at least one difference real when none is."""

CERTAINTY = 0.95
"""The deflated Sharpe ratio that a winner needs."""

POWER = 0.80
"""Chance of finding a difference that is there, in `days_needed`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models compared. `mean_difference` is first less second, per year (252 times the daily one);
    `p_holm` is `p_value` corrected for all pairs; `days_needed` are the trading days after which a
    difference of this size would be significant in 80 % of the cases, whatever the other pairs show: at the
    level over the number of pairs, where Holm's correction begins."""

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
    """All that the board says about chance, with what is needed to compute it again. `not_assessed` are
    ranked models that are not among `models`, and why."""

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
    not_assessed: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields; what is not defined is null."""
        document = asdict(self)
        return document | {"models": list(document["models"]), "pairs": list(document["pairs"])}


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values, in the order given, corrected for being that many: one below a level keeps the chance of any
    false one among them below that level, however they depend on each other (Holm 1979)."""
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted


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
            None if test.t is None else _days_needed(test.t, len(matrix), level / len(pairs)),
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
    days: int,
    pairs: Collection[Pair],
    deflated: Mapping[str, Metric],
    *,
    not_assessed: Mapping[str, str] | None = None,
    level: float = LEVEL,
) -> Verdict:
    """Whether one model may be called the winner: after at least `MIN_DAYS`, significantly better than every
    other, and with a deflated Sharpe ratio (`deflated`, by model) of at least `CERTAINTY`. While ranked
    models could not be compared (`not_assessed`, with the reason) nobody is: the best may be among them."""
    if days < MIN_DAYS:
        return Verdict(None, f"too early: {days} of {MIN_DAYS} trading days", TOO_FEW)
    if not_assessed:
        return _undecided("; ".join(f"{name} is not assessed: {why}" for name, why in not_assessed.items()))
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
    returns: Mapping[str, Sequence[float]],
    *,
    trials: int,
    seed: int,
    draws: int = 10_000,
    not_assessed: Mapping[str, str] | None = None,
) -> Assessment:
    """What the board may say about the models, whose daily returns are of the same days.

    `trials` is the number of models and prompt versions ever run, at least the models given. A model with a
    return that is not defined (its value was zero the day before) is listed and takes part in nothing.
    `not_assessed` are further ranked models whose returns are not of those days, and why: with any there is
    no winner. Raises ValueError for unequal numbers of days and for fewer trials than models.
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
        verdict=verdict(days, pairs, {name: deflated[name] for name in usable}, not_assessed=not_assessed),
        days=days,
        trials=trials,
        seed=seed,
        draws=draws,
        block=bootstrap.block if bootstrap else None,
        level=LEVEL,
        confidence=CONFIDENCE,
        not_assessed=dict(not_assessed or {}),
    )


def _difference_test(first: Floats, second: Floats) -> HacTest:
    """The test of first less second, where what is only rounding of the returns counts as no difference."""
    if reason := unusable(first) or unusable(second):
        return HacTest(None, None, None, None, automatic_lags(len(first)), reason)
    difference = first - second
    scale = max(np.abs(first).max(), np.abs(second).max())
    return hac_mean_test(np.where(np.abs(difference) > ROUNDING * scale, difference, 0.0))


def _days_needed(t: float, days: int, level: float) -> int | None:
    """((z of the level + z of the power) · long-run deviation / mean)², which is days · (z / t)²."""
    if abs(t) < ROUNDING:
        return None
    z = NORMAL.inv_cdf(1 - level / 2) + NORMAL.inv_cdf(POWER)
    return math.ceil(days * (z / t) ** 2)


def _undecided(reason: str) -> Verdict:
    return Verdict(None, "not distinguishable", reason)

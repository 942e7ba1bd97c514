"""Whether a model's single decisions were right, apart from what its book made of them.

A *call* is an order that a model asked for, with its direction and its confidence, judged by what the share
did afterwards relative to the benchmark. A buy is right if the share then did better, a sale if it did worse.
Calls of one day share that day's news, so errors are clustered by day.

Sources: rank correlation: Spearman (1904); Brier (1950), *Verification of Forecasts Expressed in Terms of
Probability*; interval of a share: Wilson (1927); clustered errors: Liang and Zeger (1986), with Student's t
over as many days: Cameron and Miller (2015), *A Practitioner's Guide to Cluster-Robust Inference*;
autocorrelated means: Newey and West (1987).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.scoring.hac import hac_mean_test, student_quantile
from arena_pipeline.scoring.metrics import Metric
from arena_pipeline.scoring.returns import CONFIDENCE

MIN_CALLS, MIN_CALL_DAYS = 30, 10
"""Below, a figure says more about chance than about a model."""

CALLS_FOR_A_RANKING = 3
"""On a day with fewer calls there is hardly an order to compare."""

BINS = 5
TOO_FEW = f"fewer than {MIN_CALLS} calls on {MIN_CALL_DAYS} days"
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

Floats = NDArray[np.float64]


class Call(NamedTuple):
    """An order as a forecast: `direction` is 1 for a purchase and -1 for a sale, `confidence` from 0 to 1,
    `outcome` the share's return less the benchmark's over the horizon (a fraction), None while unknown."""

    day: date
    symbol: str
    direction: int
    confidence: float
    outcome: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Calls of similar confidence: how many, how confident, and what share was right, with its interval."""

    calls: int
    confidence: float
    hit_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Skill:
    """What a model's calls were worth over `horizon` trading days.

    `rank_ic` is the mean over the days of the rank correlation between confidence in a rise and what came;
    `rank_ic_t` its t over the days. `brier` reads the confidence as the probability of being right (0 is
    perfect, 0.25 what always saying one half gives); `brier_skill` compares it with always saying the hit
    rate (above 0 is better). `reasons` says why a figure is None.
    """

    horizon: int
    calls: int
    days: int
    waiting: int
    rank_ic: float | None
    rank_ic_t: float | None
    ranked_days: int
    hit_rate: float | None
    hit_low: float | None
    hit_high: float | None
    brier: float | None
    brier_skill: float | None
    calibration_error: float | None
    calibration: tuple[Bin, ...]
    reasons: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields."""
        document = asdict(self)
        return document | {"calibration": list(document["calibration"])}


def relative_return(
    closes: Mapping[date, float], benchmark: Mapping[date, float], days: Sequence[date], horizon: int
) -> float | None:
    """The share's return less the benchmark's from the close of `days[0]`, the day of the decision, to that
    `horizon` trading days later. None before that day has come, and where a close is missing."""
    if len(days) <= horizon:
        return None
    first, last = days[0], days[horizon]
    if not all(day in prices for day in (first, last) for prices in (closes, benchmark)):
        return None
    return closes[last] / closes[first] - benchmark[last] / benchmark[first]


def skill(calls: Sequence[Call], horizon: int) -> Skill:
    """The figures of a model's calls; those whose outcome is not known yet are counted in `waiting`."""
    known = [(call, call.outcome) for call in calls if call.outcome is not None]
    days = sorted({call.day for call, _ in known})
    reasons: dict[str, str] = {}
    if len(known) < MIN_CALLS or len(days) < MIN_CALL_DAYS:
        names = ("rank_ic", "rank_ic_t", "hit_rate", "hit_low", "hit_high", "brier", "brier_skill")
        reasons = dict.fromkeys((*names, "calibration_error"), TOO_FEW)
        nothing = dict.fromkeys((*names, "calibration_error"))
        return Skill(
            horizon, len(known), len(days), len(calls) - len(known), ranked_days=0, calibration=(),
            reasons=reasons, **nothing,
        )  # fmt: skip
    right = np.array([float(call.direction * outcome > 0) for call, outcome in known])
    confidence = np.array([call.confidence for call, _ in known])
    places = {day: place for place, day in enumerate(days)}
    clusters = np.array([places[call.day] for call, _ in known])
    hit_rate = float(right.mean())
    hit_low, hit_high = _clustered_interval(right, clusters)
    brier, base = float(np.mean((confidence - right) ** 2)), float(np.mean((hit_rate - right) ** 2))
    bins = _calibration(confidence, right)
    ic, t, ranked = _rank_ic(known, horizon)
    for name, figure in (("rank_ic", ic), ("rank_ic_t", t)):
        if figure.reason is not None:
            reasons[name] = figure.reason
    if not base:
        reasons["brier_skill"] = "all calls ended alike"
    return Skill(
        horizon=horizon,
        calls=len(known),
        days=len(days),
        waiting=len(calls) - len(known),
        rank_ic=ic.value,
        rank_ic_t=t.value,
        ranked_days=ranked,
        hit_rate=hit_rate,
        hit_low=hit_low,
        hit_high=hit_high,
        brier=brier,
        brier_skill=1 - brier / base if base else None,
        calibration_error=_calibration_error(bins),
        calibration=bins,
        reasons=reasons,
    )


def _rank_ic(known: Sequence[tuple[Call, float]], horizon: int) -> tuple[Metric, Metric, int]:
    """Mean of the days' rank correlations, its t, and the days that had one. Horizons that overlap make
    neighbouring days alike, hence the lags."""
    by_day: dict[date, list[tuple[float, float]]] = defaultdict(list)
    for call, outcome in known:
        by_day[call.day].append((call.direction * call.confidence, outcome))
    found = [_spearman(np.array(pairs)) for _, pairs in sorted(by_day.items())]
    daily = [value for value in found if value is not None]
    if len(daily) < MIN_CALL_DAYS:
        reason = f"fewer than {MIN_CALL_DAYS} days with {CALLS_FOR_A_RANKING} different calls"
        return Metric(None, reason), Metric(None, reason), len(daily)
    test = hac_mean_test(daily, lags=min(horizon - 1, len(daily) - 1))
    return Metric(test.mean), Metric(test.t, test.reason if test.t is None else None), len(daily)


def _spearman(pairs: Floats) -> float | None:
    """Correlation of ranks, ties at their mean rank; None for few or equal values."""
    if len(pairs) < CALLS_FOR_A_RANKING:
        return None
    first, second = (_ranks(column) for column in pairs.T)
    if not np.ptp(first) or not np.ptp(second):
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Floats = ends - (counts - 1) / 2
    return means[places]


def _clustered_interval(right: Floats, clusters: NDArray[np.int_]) -> tuple[float, float]:
    """Interval of the hit rate, with as many degrees as days less one. Calls that all ended alike have no
    error to be clustered: of them each day counts as one."""
    share, days = float(right.mean()), int(clusters.max()) + 1
    if share in (0.0, 1.0):
        return wilson(share, days)
    margin = student_quantile(CONFIDENCE, days - 1) * _clustered_error(right - share, clusters)
    return max(share - margin, 0.0), min(share + margin, 1.0)


def _clustered_error(deviations: Floats, clusters: NDArray[np.int_]) -> float:
    """Standard error of a mean whose deviations are alike within clusters, corrected by G / (G - 1)."""
    sums = np.bincount(clusters, weights=deviations)
    groups = len(sums)
    return math.sqrt(float(sums @ sums) * groups / (groups - 1)) / len(deviations)


def _calibration(confidence: Floats, right: Floats) -> tuple[Bin, ...]:
    """Bins of equal width; those without a call are left out."""
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = []
    for place in range(BINS):
        chosen = places == place
        count = int(chosen.sum())
        if count:
            share = float(right[chosen].mean())
            low, high = wilson(share, count)
            bins.append(Bin(count, float(confidence[chosen].mean()), share, low, high))
    return tuple(bins)


def _calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance between confidence and hit rate, each bin weighted by its calls."""
    distance = sum(each.calls * abs(each.confidence - each.hit_rate) for each in bins)
    return distance / sum(each.calls for each in bins)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Interval of a share among `count`, at the confidence of the board (Wilson 1927)."""
    scale = 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    margin = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / scale
    # At the ends the bound is the end itself, which rounding would miss.
    return 0.0 if share == 0 else middle - margin, 1.0 if share == 1 else middle + margin

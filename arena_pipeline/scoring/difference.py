"""How far two models have come apart day by day, and how far chance alone may have brought them.

The curve adds up the differences of their daily returns. Its interval after n days is the curve plus and
minus z · s · √n, where s is the long-run deviation of one day's difference, robust to autocorrelation: on the
last day it leaves out zero where the board's uncorrected test of the pair finds a difference.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from arena_pipeline.scoring.hac import hac_mean_test
from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW
from arena_pipeline.scoring.returns import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Curve:
    """Fractions, one for each day; `low` and `high` are empty, and `reason` says why, where there is none."""

    difference: list[float]
    low: list[float]
    high: list[float]
    reason: str | None = None


def difference_curve(
    first: Sequence[float], second: Sequence[float], *, confidence: float = CONFIDENCE
) -> Curve:
    """First less second, from their returns of the same days in order."""
    daily = [one - other for one, other in zip(first, second, strict=True)]
    summed = list(itertools.accumulate(daily))
    if len(daily) < MIN_DAYS:
        return Curve(summed, [], [], TOO_FEW)
    test = hac_mean_test(daily)
    if test.standard_error is None or not test.standard_error > 0:
        return Curve(summed, [], [], test.reason)
    spread = NormalDist().inv_cdf((1 + confidence) / 2) * test.standard_error * math.sqrt(len(daily))
    room = [spread * math.sqrt(day) for day in range(1, len(daily) + 1)]
    return Curve(
        summed,
        [at - width for at, width in zip(summed, room, strict=True)],
        [at + width for at, width in zip(summed, room, strict=True)],
    )

"""What all statistics of daily returns share: which can be used, and when a difference is rounding."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW

CONFIDENCE = 0.95
"""Of every interval."""

ROUNDING = 1e-12
"""Spread per largest value below which differences are rounding: returns are made of whole cents."""

NORMAL = NormalDist()
NOT_DEFINED = "a daily return is not defined"
NO_DISPERSION = "the returns do not vary"

Floats = NDArray[np.float64]


def unusable(values: Floats) -> str | None:
    """Why nothing can be said of daily returns, or None."""
    if len(values) < MIN_DAYS:
        return TOO_FEW
    return None if np.isfinite(values).all() else NOT_DEFINED


def flat(values: Floats) -> bool:
    """Whether the values differ by no more than rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())

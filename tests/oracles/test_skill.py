"""Decision skill against scipy, statsmodels and scikit-learn."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
import scipy.stats
import statsmodels.api
from sklearn.metrics import brier_score_loss
from statsmodels.stats.proportion import proportion_confint

from arena_pipeline.scoring.skill import Call, skill, wilson

START = date(2025, 3, 3)


def made(seed):
    """Calls on forty days, with ties among confidences and days of different size."""
    chance = np.random.default_rng(seed)
    return [
        Call(
            START + timedelta(days=day),
            f"S{share}",
            int(chance.choice([-1, 1])),
            float(round(chance.uniform(0, 1), 1)),
            float(chance.normal(0.001, 0.02)),
        )
        for day in range(40)
        for share in range(3 + int(chance.integers(5)))
    ]


@pytest.mark.parametrize("seed", range(30))
def test_the_figures_are_those_of_the_libraries(seed):
    calls = made(seed)
    found = skill(calls, 1)
    days = sorted({call.day for call in calls})
    daily = []
    for day in days:
        chosen = [call for call in calls if call.day == day]
        daily.append(
            scipy.stats.spearmanr(
                [call.direction * call.confidence for call in chosen], [call.outcome for call in chosen]
            ).statistic
        )
    assert found.rank_ic == pytest.approx(np.mean(daily), abs=1e-12)
    assert found.rank_ic_t == pytest.approx(scipy.stats.ttest_1samp(daily, 0).statistic, abs=1e-9)
    right = np.array([float(call.direction * call.outcome > 0) for call in calls])
    fitted = statsmodels.api.OLS(right, np.ones(len(right))).fit(
        cov_type="cluster",
        cov_kwds={"groups": [days.index(call.day) for call in calls], "df_correction": True},
    )
    # statsmodels corrects by G / (G - 1) and by (n - 1) / (n - 1) for one coefficient.
    margin = scipy.stats.t.ppf(0.975, len(days) - 1) * fitted.bse[0]
    assert found.hit_rate == pytest.approx(fitted.params[0], abs=1e-12)
    assert found.hit_high - found.hit_low == pytest.approx(2 * margin, rel=1e-9)
    assert found.brier == pytest.approx(brier_score_loss(right, [c.confidence for c in calls]), abs=1e-12)


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (3, 7), (50, 100), (99, 100), (12, 12)])
def test_the_interval_of_a_share_is_wilsons(hits, count):
    assert wilson(hits / count, count) == pytest.approx(
        proportion_confint(hits, count, alpha=0.05, method="wilson"), abs=1e-12
    )

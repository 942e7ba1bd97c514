"""Decision skill: were the single calls right?"""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest

from arena_pipeline.scoring.skill import TOO_FEW, Call, relative_return, skill, wilson

START = date(2025, 3, 3)


def calls(days=40, a_day=5, seed=0, foresight=0.0):
    """Calls with random outcomes; `foresight` is how much of the outcome the confidence knows."""
    chance = np.random.default_rng(seed)
    made = []
    for day in range(days):
        for share in range(a_day):
            outcome = chance.normal(0, 0.02)
            seen = foresight * outcome + (1 - foresight) * chance.normal(0, 0.02)
            made.append(
                Call(
                    START + timedelta(days=day),
                    f"S{share}",
                    1 if seen > 0 else -1,
                    float(min(abs(seen) * 20, 1.0)),
                    float(outcome),
                )
            )
    return made


def test_perfect_foresight_has_a_rank_correlation_and_a_hit_rate_of_one():
    found = skill(calls(foresight=1.0), 1)
    assert found.rank_ic == pytest.approx(1.0, abs=0.02)
    assert (found.hit_rate, found.hit_high) == (1.0, 1.0)
    assert found.hit_low == wilson(1.0, 40)[0] < 0.95
    assert found.brier_skill is None
    assert found.reasons["brier_skill"] == "all calls ended alike"


def test_coin_flips_are_worth_nothing():
    found = [skill(calls(seed=seed), 1) for seed in range(40)]
    t_values = np.array([each.rank_ic_t for each in found])
    covered = np.mean([each.hit_low <= 0.5 <= each.hit_high for each in found])
    assert abs(np.mean([each.rank_ic for each in found])) < 0.03
    assert np.mean(np.abs(t_values) > 2) <= 0.15
    assert covered >= 0.8
    assert np.mean([each.hit_rate for each in found]) == pytest.approx(0.5, abs=0.02)


def test_the_interval_of_the_hit_rate_covers_as_often_as_it_says_on_few_days():
    """Ten days, on each of which the calls are right or wrong together more often than not."""
    chance = np.random.default_rng(4)
    covered = []
    for _ in range(600):
        made = []
        for day, luck in enumerate(chance.uniform(0, 1, 10)):
            right = chance.random(5) < luck
            made += [
                Call(START + timedelta(days=day), f"S{n}", 1, 0.5, 0.01 if hit else -0.01)
                for n, hit in enumerate(right)
            ]
        found = skill(made, 1)
        covered.append(found.hit_low <= 0.5 <= found.hit_high)
    assert np.mean(covered) >= 0.885


def test_the_order_of_the_calls_does_not_matter():
    made = calls(foresight=0.3)
    shuffled = [made[index] for index in np.random.default_rng(1).permutation(len(made))]
    first, second = skill(made, 1), skill(shuffled, 1)
    assert (first.hit_rate, first.rank_ic) == (second.hit_rate, pytest.approx(second.rank_ic))
    assert [each.calls for each in first.calibration] == [each.calls for each in second.calibration]


def test_the_same_call_made_often_on_a_day_does_not_make_it_surer():
    made = calls(foresight=0.3)
    once, often = skill(made, 1), skill(made * 5, 1)
    assert often.calls == 5 * once.calls
    assert often.hit_high - often.hit_low == pytest.approx(once.hit_high - once.hit_low)


def test_outcomes_that_have_not_come_are_counted_and_left_out():
    made = calls()
    waiting = [call._replace(outcome=None) for call in made[:7]]
    found = skill([*made[7:], *waiting], 5)
    assert (found.calls, found.waiting) == (len(made) - 7, 7)


@pytest.mark.parametrize("made", [[], calls(days=9, a_day=9), calls(days=29, a_day=1)])
def test_few_calls_give_no_figure_and_a_reason(made):
    found = skill(made, 1)
    assert (found.rank_ic, found.hit_rate, found.brier, found.calibration) == (None, None, None, ())
    assert found.reasons["hit_rate"] == TOO_FEW
    assert json.dumps(found.to_json(), allow_nan=False)


def test_days_with_one_call_have_a_hit_rate_and_no_ranking():
    found = skill(calls(days=60, a_day=1), 1)
    assert found.hit_rate is not None
    assert found.rank_ic is None
    assert found.ranked_days == 0
    assert "3 different calls" in found.reasons["rank_ic"]


def test_confidence_that_is_the_probability_is_calibrated():
    chance = np.random.default_rng(2)
    made = [
        Call(START + timedelta(days=day), "S", 1, sure, 0.01 if chance.random() < sure else -0.01)
        for day in range(200)
        for sure in chance.uniform(0, 1, 20)
    ]
    found = skill(made, 1)
    assert found.calibration_error < 0.03
    assert found.brier == pytest.approx(1 / 6, abs=0.01)
    assert found.brier_skill == pytest.approx(1 / 3, abs=0.05)
    assert [each.low <= each.confidence <= each.high for each in found.calibration].count(True) >= 4
    assert sum(each.calls for each in found.calibration) == found.calls


def test_the_return_is_from_the_close_of_the_day_relative_to_the_benchmark():
    days = [START + timedelta(days=n) for n in range(6)]
    share = dict(zip(days, [100, 110, 121, 121, 121, 133.1], strict=True))
    index = dict(zip(days, [50, 50, 55, 55, 55, 55], strict=True))
    assert relative_return(share, index, days, 1) == pytest.approx(0.10)
    assert relative_return(share, index, days, 5) == pytest.approx(0.331 - 0.1)
    assert relative_return(share, index, days[:5], 5) is None
    del index[days[1]]
    assert relative_return(share, index, days, 1) is None


def test_the_interval_of_a_share_stays_within_nought_and_one():
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == 1.0
    low, high = wilson(0.5, 100)
    assert (low, high) == (pytest.approx(0.404, abs=0.002), pytest.approx(0.596, abs=0.002))

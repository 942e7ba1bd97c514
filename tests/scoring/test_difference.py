"""The curve between two models, and the interval around it."""

import random

import pytest

from arena_pipeline.scoring.difference import difference_curve
from arena_pipeline.scoring.hac import hac_mean_test
from arena_pipeline.scoring.metrics import TOO_FEW


def returns(seed, days=250, mean=0.0):
    lot = random.Random(seed)
    return [lot.gauss(mean, 0.01) for _ in range(days)]


def test_the_curve_adds_up_the_days_differences():
    curve = difference_curve([0.01, 0.02, -0.01], [0.0, 0.03, 0.01])
    assert curve.difference == pytest.approx([0.01, 0.0, -0.02])


def test_before_the_first_quarter_there_is_no_interval_and_it_says_why():
    curve = difference_curve(returns(1, 59), returns(2, 59))
    assert (curve.low, curve.high, curve.reason) == ([], [], TOO_FEW)


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_of_the_last_day_leaves_out_zero_where_the_test_finds_a_difference(seed):
    first, second = returns(seed, mean=0.0008 * (seed % 4)), returns(seed + 100)
    curve = difference_curve(first, second)
    t = hac_mean_test([one - other for one, other in zip(first, second, strict=True)]).t
    assert (curve.low[-1] > 0 or curve.high[-1] < 0) == (abs(t) > 1.959964)


def test_the_interval_widens_with_the_root_of_the_days():
    curve = difference_curve(returns(1, 100), returns(2, 100))
    width = [high - low for low, high in zip(curve.low, curve.high, strict=True)]
    assert width[99] == pytest.approx(10 * width[0])


def test_swapped_sides_mirror_the_curve():
    there, back = difference_curve(returns(1), returns(2)), difference_curve(returns(2), returns(1))
    assert back.difference == pytest.approx([-value for value in there.difference])
    assert back.low == pytest.approx([-value for value in there.high])


def test_models_that_do_the_same_have_no_interval_and_it_says_why():
    curve = difference_curve(returns(1), returns(1))
    assert curve.low == []
    assert curve.reason == "the differences do not vary"

"""The statistics of the board against ffn, statsmodels, scipy and arch."""

import math

import ffn
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from arch.bootstrap import StationaryBootstrap
from arch.bootstrap import optimal_block_length as arch_block_length
from scipy.stats import bootstrap
from statsmodels.stats.multitest import multipletests

from arena_pipeline.scoring import significance

CLOSE = {"rel": 1e-9, "abs": 1e-12}


def skewed_returns(seed, days=250, persistence=0.0):
    """Fat-tailed, skewed daily returns, 0.1 % in the mean, with as much autocorrelation as asked for."""
    chance = np.random.default_rng(seed)
    returns = (chance.standard_t(5, days) - 0.3 * (chance.chisquare(1, days) - 1)) * 0.008
    for day in range(1, days):
        returns[day] += persistence * returns[day - 1]
    return returns + 0.001


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("days", [60, 250, 1000])
def test_the_deflated_sharpe_ratio_is_ffns(seed, days):
    models = [skewed_returns(100 * seed + number, days) for number in range(7)]
    sharpes = [ffn.core.calc_sharpe(pd.Series(model), nperiods=252) for model in models]
    hurdle = ffn.core.calc_expected_max_sharpe(len(sharpes), np.std(sharpes, ddof=1))
    assert significance.expected_max_sharpe(sharpes, 7).value == pytest.approx(hurdle, **CLOSE)
    for model in models:
        theirs = ffn.core.calc_deflated_sharpe_ratio(pd.Series(model), sharpes, nperiods=252)
        assert significance.deflated_sharpe(model, sharpes, 7).value == pytest.approx(theirs, **CLOSE)


@pytest.mark.parametrize("trials", [2, 7, 40, 1000])
def test_the_expected_maximum_is_ffns_for_more_trials_than_ratios(trials):
    theirs = ffn.core.calc_expected_max_sharpe(trials, np.std([0.4, 1.1], ddof=1))
    assert significance.expected_max_sharpe([0.4, 1.1], trials).value == pytest.approx(theirs, **CLOSE)


def test_the_probabilistic_sharpe_ratio_is_the_deflated_one_of_a_single_trial():
    returns = skewed_returns(3)
    theirs = ffn.core.calc_deflated_sharpe_ratio(pd.Series(returns), [1.0], nperiods=252)
    assert significance.probabilistic_sharpe(returns).value == pytest.approx(theirs, **CLOSE)


def test_the_sharpe_interval_covers_like_the_bootstrap_of_long_independent_returns():
    returns = skewed_returns(5, 2500)
    ours = significance.sharpe_estimate(returns, 0.90)
    theirs = bootstrap(
        (returns,),
        lambda sample, axis: sample.mean(axis) / sample.std(axis, ddof=1) * math.sqrt(252),
        n_resamples=4000,
        confidence_level=0.90,
        method="percentile",
        vectorized=True,
        batch=200,
        random_state=1,
    )
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.06)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.12)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.12)


@pytest.mark.parametrize("degrees", [1, 2, 5, 59, 250, 5000, 100_000])
def test_the_p_value_is_scipys(degrees):
    for t in [1e-9, 0.01, 0.5, 1.0, 1.96, 3.0, 6.0, 12.0, 40.0]:
        ours = significance.student_p_value(t, degrees)
        assert ours == pytest.approx(2 * scipy.stats.t.sf(t, degrees), rel=1e-9, abs=1e-300)
        assert significance.student_p_value(-t, degrees) == ours


@pytest.mark.parametrize("persistence", [0.0, 0.4, -0.3])
@pytest.mark.parametrize("days", [20, 60, 250])
@pytest.mark.parametrize("lags", [None, 0, 7])
def test_the_mean_test_is_statsmodels(persistence, days, lags):
    values = skewed_returns(days, days, persistence)
    ours = significance.hac_mean_test(values, lags)
    theirs = sm.OLS(values, np.ones(days)).fit(
        cov_type="HAC", cov_kwds={"maxlags": ours.lags, "use_correction": True}, use_t=True
    )
    assert ours.lags == (math.floor(4 * (days / 100) ** (2 / 9)) if lags is None else lags)
    assert ours.mean == pytest.approx(theirs.params[0], **CLOSE)
    assert ours.standard_error == pytest.approx(theirs.bse[0], **CLOSE)
    assert ours.t == pytest.approx(theirs.tvalues[0], **CLOSE)
    # statsmodels takes n - 1 degrees whatever the lags: ours are at most that, and the same without lags.
    degrees = min(1.5 * days / (ours.lags + 1), days - 1)
    assert ours.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(ours.t), degrees), **CLOSE)
    assert ours.p_value >= theirs.pvalues[0] * (1 - 1e-9)
    assert ours.lags or ours.p_value == pytest.approx(theirs.pvalues[0], **CLOSE)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("days", [60, 250])
def test_the_regression_is_statsmodels(seed, days):
    benchmark = skewed_returns(seed, days, 0.2)
    returns = 0.0002 + 0.7 * benchmark + 0.5 * skewed_returns(seed + 1000, days, 0.3)
    ours = significance.hac_regression(returns, benchmark)
    theirs = sm.OLS(returns, sm.add_constant(benchmark)).fit(
        cov_type="HAC",
        cov_kwds={"maxlags": math.floor(4 * (days / 100) ** (2 / 9)), "use_correction": True},
        use_t=True,
    )
    assert ours.alpha == pytest.approx(theirs.params[0] * 252, **CLOSE)
    assert ours.beta == pytest.approx(theirs.params[1], **CLOSE)
    assert ours.alpha_standard_error == pytest.approx(theirs.bse[0] * 252, **CLOSE)
    assert ours.beta_standard_error == pytest.approx(theirs.bse[1], **CLOSE)
    degrees = 1.5 * days / (math.floor(4 * (days / 100) ** (2 / 9)) + 1)
    assert ours.alpha_p_value == pytest.approx(2 * scipy.stats.t.sf(abs(theirs.tvalues[0]), degrees), **CLOSE)
    assert ours.r_squared == pytest.approx(theirs.rsquared, **CLOSE)


@pytest.mark.parametrize("seed", range(5))
def test_holms_correction_is_statsmodels(seed):
    p_values = np.random.default_rng(seed).random(21) ** 3
    p_values[3] = p_values[8]
    theirs = multipletests(p_values, method="holm")[1]
    assert significance.holm(p_values.tolist()) == pytest.approx(theirs.tolist(), **CLOSE)


@pytest.mark.parametrize("persistence", [0.0, 0.3, 0.8, -0.4])
@pytest.mark.parametrize("days", [20, 60, 125, 250, 1000])
def test_the_block_length_is_archs(persistence, days):
    series = [skewed_returns(seed, days, persistence) for seed in range(40)]
    theirs = [float(arch_block_length(values)["stationary"].iloc[0]) for values in series]
    ours = [significance.optimal_block_length(values) for values in series]
    assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("block", [1.0, 4.0, 12.5])
def test_the_interval_of_the_total_return_is_archs_within_the_error_of_the_draws(block):
    returns = skewed_returns(9, 250, 0.4)
    ours = significance.joint_bootstrap(returns[:, None], seed=1, draws=20_000, block=block).ranks[0]
    theirs = StationaryBootstrap(block, returns, seed=2).conf_int(
        lambda sample: np.prod(1 + sample) - 1, reps=4000, method="percentile", size=0.95
    )
    error = 0.03 * float(theirs[1, 0] - theirs[0, 0])
    assert ours.return_low == pytest.approx(theirs[0, 0], abs=error)
    assert ours.return_high == pytest.approx(theirs[1, 0], abs=error)


def test_the_probability_of_being_best_is_that_of_archs_resampled_days():
    models = np.column_stack([skewed_returns(seed, 250, 0.3) for seed in range(5)])
    ours = significance.joint_bootstrap(models, seed=1, draws=20_000, block=5.0)
    resampled = StationaryBootstrap(5.0, models, seed=3).bootstrap(4000)
    best = [np.prod(1 + data[0], axis=0).argmax() for data, _ in resampled]
    theirs = np.bincount(best, minlength=5) / len(best)
    assert [rank.p_best for rank in ours.ranks] == pytest.approx(theirs.tolist(), abs=0.03)

"""The figures of the board against empyrical-reloaded, where both define them alike.

Left out because the definitions differ: the win rate (ours counts closed trades, theirs days). What is
undefined is null here and infinity or NaN there.
"""

import itertools

import empyrical
import numpy as np
import pytest

from arena_pipeline.scoring import metrics, significance

CLOSE = {"rel": 1e-9, "abs": 1e-9}
SEEDS = range(200)


def made(seed, lengths=(5, 20, 60, 125, 250, 1000)):
    """Returns with thin or fat tails, calm or wild, drifting up or down."""
    chance = np.random.default_rng(seed)
    days = int(chance.choice(lengths))
    tails = chance.standard_t(3, days) if seed % 2 else chance.standard_normal(days)
    returns = tails * chance.choice([0.002, 0.01, 0.03]) + chance.uniform(-0.002, 0.002)
    return np.clip(returns, -0.9, 0.9)


def navs(returns):
    """A book of 100,000.00 that earned them."""
    return list(itertools.accumulate(returns, lambda value, each: value * (1 + each), initial=10_000_000.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_are_empyricals(seed):
    returns = made(seed)
    values = navs(returns)
    ours = {
        "total return": metrics.total_return(values),
        "annualised return": metrics.annualised_return(values),
        "volatility": metrics.volatility(returns),
        "Sharpe": metrics.sharpe(returns),
        "Sharpe above a rate": metrics.sharpe(returns, 0.0001),
        "Sortino": metrics.sortino(returns),
        "Sortino above a target": metrics.sortino(returns, 0.0002),
        "maximum drawdown": metrics.max_drawdown(values),
        "Calmar": metrics.calmar(values),
    }
    theirs = {
        "total return": empyrical.cum_returns_final(returns),
        "annualised return": empyrical.annual_return(returns),
        "volatility": empyrical.annual_volatility(returns),
        "Sharpe": empyrical.sharpe_ratio(returns),
        "Sharpe above a rate": empyrical.sharpe_ratio(returns, risk_free=0.0001),
        "Sortino": empyrical.sortino_ratio(returns),
        "Sortino above a target": empyrical.sortino_ratio(returns, required_return=0.0002),
        "maximum drawdown": empyrical.max_drawdown(returns),
        "Calmar": empyrical.calmar_ratio(returns),
    }
    for name, expected in theirs.items():
        if np.isfinite(expected):
            assert ours[name].value == pytest.approx(expected, **CLOSE), name
        else:
            assert ours[name].value is None, name
    assert metrics.daily_returns(values) == pytest.approx(returns.tolist(), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_alpha_and_beta_are_empyricals(seed):
    chance = np.random.default_rng(seed)
    benchmark = made(seed, lengths=(60, 250))
    returns = 0.8 * benchmark + chance.normal(0.0003, 0.01, len(benchmark))
    ours = significance.hac_regression(returns, benchmark)
    assert ours.beta == pytest.approx(empyrical.beta(returns, benchmark), **CLOSE)
    # Theirs compounds the daily alpha over a year, ours multiplies it.
    theirs = empyrical.alpha(returns, benchmark, _beta=ours.beta)
    assert (1 + ours.alpha / 252) ** 252 - 1 == pytest.approx(theirs, **CLOSE)


def test_a_loss_on_the_first_day_is_a_drawdown_in_both():
    returns = np.array([-0.1, *[0.01] * 5])
    assert metrics.max_drawdown(navs(returns)).value == pytest.approx(-0.1, abs=1e-12)
    assert empyrical.max_drawdown(returns) == pytest.approx(-0.1, abs=1e-12)

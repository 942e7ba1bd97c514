import math
import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring import metrics

values = st.lists(st.integers(1, 10**9), min_size=2, max_size=40)


def test_the_first_days_loss_counts():
    assert metrics.max_drawdown([1000, 900, 1200]).value == pytest.approx(-0.1)
    assert metrics.daily_returns([1000, 900])[0] == pytest.approx(-0.1)


def test_an_undefined_figure_says_why():
    assert metrics.total_return([1000]).reason == "no trading day yet"
    assert metrics.total_return([0, 0]).reason == "started without money"
    assert metrics.annualised_return([1000]).reason == "no trading day yet"
    assert metrics.annualised_return([1, 10**9]).reason == "too large for a number"
    assert metrics.volatility([0.1]).reason == "fewer than two daily returns"
    assert metrics.sharpe([0.1, 0.1]).reason == "the returns do not vary"
    assert metrics.sortino([0.1]).reason == "fewer than two daily returns"
    assert metrics.sortino([0.1, 0.2]).reason == "no day below the target"
    assert metrics.max_drawdown([]).reason == "started without money"
    assert metrics.calmar([1000]).reason == "no trading day yet"
    assert metrics.calmar([1000, 1100]).reason == "no drawdown"
    assert metrics.win_rate([]).reason == "no closed trade"
    assert metrics.profit_factor([]).reason == "no closed trade"
    assert metrics.profit_factor([5]).reason == "no losing trade"
    assert metrics.expectancy([]).reason == "no closed trade"
    assert metrics.average_win([-5]).reason == "no winning trade"
    assert metrics.average_loss([5]).reason == "no losing trade"
    assert metrics.turnover(1, 1, [1000]).reason == "no trading day yet"
    assert metrics.turnover(1, 1, [1000, 0]).reason == "nothing was ever worth anything"


def test_a_return_from_nothing_makes_no_figure():
    returns = metrics.daily_returns([1000, 0, 500, 400])
    for figure in (metrics.volatility, metrics.sharpe, metrics.sortino):
        assert figure(returns).reason == "a daily return is not defined"


def test_a_negative_value_is_impossible():
    with pytest.raises(LedgerError):
        metrics.daily_returns([1000, -1])


def test_turnover_takes_the_lesser_side_over_the_mean_value_of_the_days():
    assert metrics.turnover(300, 100, [999, 400, 600]).value == pytest.approx(0.2)


def test_a_mean_amount_is_rounded_half_up_to_the_cent():
    assert metrics.expectancy([1, 2]).value == Decimal("0.02")
    assert metrics.average_loss([-1, -2]).value == Decimal("-0.02")


def test_constant_growth_has_no_volatility():
    assert metrics.volatility([0.001] * 20).value == 0


def test_a_rate_or_target_is_taken_off_every_day():
    returns = [0.01, -0.02, 0.03]
    assert metrics.sharpe(returns, 0.01).value == pytest.approx(metrics.sharpe([0, -0.03, 0.02]).value)
    assert metrics.sortino(returns, 0.01).value == pytest.approx(metrics.sortino([0, -0.03, 0.02]).value)


@given(values)
def test_figures_are_finite_or_have_a_reason(navs):
    returns = metrics.daily_returns(navs)
    for figure in (
        metrics.total_return(navs),
        metrics.annualised_return(navs),
        metrics.volatility(returns),
        metrics.sharpe(returns),
        metrics.sortino(returns),
        metrics.max_drawdown(navs),
        metrics.calmar(navs),
    ):
        assert (figure.value is None) == (figure.reason is not None)
        assert figure.value is None or math.isfinite(figure.value)


@given(values)
def test_a_drawdown_lies_between_nothing_and_everything(navs):
    drawdown = metrics.max_drawdown(navs).value
    assert -1 <= drawdown <= 0
    assert (drawdown == 0) == (navs == sorted(navs))


@given(values.filter(lambda navs: len(navs) > 2))
def test_volatility_is_the_sample_standard_deviation(navs):
    returns = metrics.daily_returns(navs)
    expected = statistics.stdev(returns) * math.sqrt(252)
    assert metrics.volatility(returns).value == pytest.approx(expected, rel=1e-9, abs=1e-12)

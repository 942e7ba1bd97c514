"""The daily series of a chart: drawdown from the highest value so far, and the benchmark beside it."""

from datetime import date
from decimal import Decimal

from arena_pipeline.scoring.series import daily_series

FIRST, SECOND, THIRD = date(2025, 9, 15), date(2025, 9, 16), date(2025, 9, 17)
NAVS = [(FIRST, 11_000), (SECOND, 9_900), (THIRD, 12_100)]
CLOSES = [(date(2025, 9, 12), Decimal(100)), (FIRST, Decimal(110)), (THIRD, Decimal(90))]


def test_returns_count_from_the_starting_cash_and_drawdown_from_the_peak():
    points = daily_series(NAVS, starting_cash_cents=10_000, benchmark=CLOSES)
    assert [round(point.total_return, 10) for point in points] == [0.1, -0.01, 0.21]
    assert [round(point.drawdown, 10) for point in points] == [0.0, -0.1, 0.0]


def test_the_starting_cash_is_a_peak_too():
    (point,) = daily_series([(FIRST, 8_000)], starting_cash_cents=10_000, benchmark=[])
    assert round(point.drawdown, 10) == -0.2


def test_a_day_without_a_close_of_the_benchmark_has_no_benchmark():
    points = daily_series(NAVS, starting_cash_cents=10_000, benchmark=CLOSES)
    assert [point.benchmark_return and round(point.benchmark_return, 10) for point in points] == [
        0.1,
        None,
        -0.1,
    ]


def test_a_close_of_long_ago_is_not_the_one_of_the_day_before():
    old = [(date(2025, 8, 1), Decimal(100)), (FIRST, Decimal(110))]
    (point,) = daily_series(NAVS[:1], starting_cash_cents=10_000, benchmark=old)
    assert point.benchmark_return is None


def test_no_value_makes_no_point_and_no_money_no_return():
    assert daily_series([], starting_cash_cents=1, benchmark=[]) == []
    (point,) = daily_series([(FIRST, 0)], starting_cash_cents=0, benchmark=[])
    assert (point.total_return, point.drawdown) == (None, None)

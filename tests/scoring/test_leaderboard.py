import json
import math
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring.leaderboard import ModelRecord, leaderboard
from arena_pipeline.scoring.metrics import daily_returns, sharpe

START = date(2025, 1, 6)


def record(model, navs, **changes):
    fields = {
        "model": model,
        "kind": "llm",
        "navs": [(START + timedelta(days=offset), nav) for offset, nav in enumerate(navs)],
        "starting_cash_cents": 10_000,
        "closed_nets": (),
        "trades": 0,
        "fees_cents": 0,
        "bought_cents": 0,
        "sold_cents": 0,
        "llm_cost_usd": Decimal("0.12"),
        "provisional": False,
    }
    return ModelRecord(**(fields | changes))


def board(*records, benchmark=(), as_of=date(2026, 1, 1)):
    return leaderboard(records, benchmark=benchmark, as_of=as_of)


def closes(*prices, first=START - timedelta(days=3)):
    """A close before the start, then one a day."""
    days = [first, *(START + timedelta(days=offset) for offset in range(len(prices) - 1))]
    return [(day, Decimal(price)) for day, price in zip(days, prices, strict=True)]


def test_the_most_valuable_book_leads_and_equals_share_a_rank():
    rows = board(record("c", [9000]), record("b", [11000]), record("a", [11000]), record("d", [8000]))
    assert [(row.rank, row.model) for row in rows] == [(1, "a"), (1, "b"), (3, "c"), (4, "d")]


def test_a_model_without_a_snapshot_is_on_the_board_with_its_starting_cash():
    (row,) = board(record("new", []), benchmark=closes("100"))
    assert (row.nav_cents, row.total_return, row.days) == (10_000, 0.0, 0)
    assert "no snapshot yet" in row.reasons["total_return"]
    assert row.reasons["excess_return"] == "no trading day yet"
    assert row.max_drawdown == 0


def test_the_benchmark_is_measured_over_the_same_days():
    (row,) = board(record("a", [10_500, 11_000]), benchmark=closes("100", "90", "105"))
    assert row.total_return == pytest.approx(0.10)
    assert row.benchmark_return == pytest.approx(0.05)
    assert row.excess_return == pytest.approx(0.05)


def test_a_missing_benchmark_close_is_a_reason_not_a_number():
    (gap,) = board(record("a", [10_500, 11_000]), benchmark=closes("100", "90"))
    assert gap.benchmark_return is None
    assert gap.reasons["benchmark_return"] == "no benchmark close on 2025-01-07"
    assert gap.reasons["excess_return"] == gap.reasons["benchmark_return"]
    for nothing in ((), closes("100", "90", first=START - timedelta(days=30)), closes("0", "90")):
        (row,) = board(record("a", [10_500]), benchmark=nothing)
        assert row.reasons["benchmark_return"] == "no benchmark close on the day before 2025-01-06"


def test_below_sixty_days_no_figure_is_scaled_to_a_year():
    navs = [10_000 + 100 * (offset % 7) for offset in range(60)]
    (young,) = board(record("a", navs[:59]))
    for name in ("annualised_return", "volatility", "sharpe", "sortino", "calmar"):
        assert getattr(young, name) is None
        assert young.reasons[name] == "fewer than 60 trading days"
    assert young.max_drawdown < 0
    (grown,) = board(record("a", navs))
    assert grown.sharpe == sharpe(daily_returns([10_000, *navs])).value
    assert grown.calmar is not None


def test_days_after_the_date_of_the_board_are_left_out():
    benchmark = closes("100", "110", "120")
    (row,) = board(record("a", [10_500, 20_000]), benchmark=benchmark, as_of=START)
    assert (row.nav_cents, row.days) == (10_500, 1)
    assert row.benchmark_return == pytest.approx(0.1)


def test_trades_costs_and_provisional_values_are_carried():
    (row,) = board(
        record(
            "a",
            [10_000],
            closed_nets=(300, -100),
            trades=4,
            fees_cents=2000,
            bought_cents=5000,
            sold_cents=2500,
            llm_cost_usd=None,
            provisional=True,
        )
    )
    assert (row.win_rate, row.profit_factor, row.turnover) == (0.5, 3.0, 0.25)
    assert (row.trades, row.fees_cents, row.provisional) == (4, 2000, True)
    assert row.reasons["llm_cost_usd"] == "not known"


def test_every_missing_figure_has_a_reason_and_none_is_infinite():
    rows = board(record("a", []), record("b", [10_000] * 70), record("c", [0, 0]), record("d", [1, 2]))
    for row in rows:
        for name, value in asdict(row).items():
            assert value is not None or row.reasons[name]
            assert not isinstance(value, float) or math.isfinite(value)
        json.dumps(asdict(row), allow_nan=False, default=str)


def test_an_impossible_record_is_refused():
    with pytest.raises(LedgerError, match="twice"):
        board(record("a", [1]), record("a", [1]))
    with pytest.raises(LedgerError, match="not in order"):
        board(replace(record("a", []), navs=[(START, 1), (START, 2)]))
    with pytest.raises(LedgerError, match="negative"):
        board(record("a", [-1]))

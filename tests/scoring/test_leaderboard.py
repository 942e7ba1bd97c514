import json
import math
import random
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring.document import board_document
from arena_pipeline.scoring.hac import student_p_value
from arena_pipeline.scoring.leaderboard import OF_THE_RANKING, ModelRecord, leaderboard, not_comparable
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


def test_a_model_without_a_value_on_some_days_is_compared_with_the_benchmark_over_its_own_spans():
    dice = random.Random(3)
    levels = [100.0]
    for _ in range(120):
        levels.append(levels[-1] * (1 + dice.gauss(0, 0.01)))
    benchmark = closes(*(f"{level:.6f}" for level in levels))
    whole = record("index", [round(level * 10_000) for level in levels[1:]], starting_cash_cents=1_000_000)
    gaps = replace(whole, model="gaps", navs=[nav for n, nav in enumerate(whole.navs) if n % 20 != 10])
    for row in board(whole, gaps, benchmark=benchmark):
        assert row.beta == pytest.approx(1, abs=1e-4)
        assert row.alpha == pytest.approx(0, abs=1e-4)
        assert row.excess_return == pytest.approx(0, abs=1e-6)
    out = {whole.navs[11][0]}
    assert [row.beta for row in leaderboard([gaps], benchmark=benchmark, as_of=date.max, left_out=out)] == [
        pytest.approx(1, abs=1e-4)
    ]


def test_a_close_of_the_benchmark_that_a_span_begins_with_must_be_known():
    out = START + timedelta(days=9)
    benchmark = [entry for entry in closes(*(["100"] * 71)) if entry[0] != out]
    held = record("a", [10_000 + n for n in range(70)])
    (row,) = leaderboard([held], benchmark=benchmark, as_of=date.max, left_out={out})
    assert row.reasons["alpha"] == "no benchmark close on 2025-01-15"


def test_a_return_over_a_day_that_is_left_out_does_not_count_where_that_day_has_no_value():
    opening, (out, _), *later = record("a", [10_100, 50_000, 50_500]).navs
    holes = replace(record("a", []), navs=[opening, *later])
    (row,) = leaderboard([holes], benchmark=(), as_of=date.max, left_out={out})
    assert (row.days, row.total_return) == (1, pytest.approx(0.01))


def test_a_model_that_lacks_a_day_keeps_its_rank_and_the_board_says_that_it_cannot_be_compared():
    late = replace(record("late", []), navs=record("late", [9_000, 12_000, 15_000]).navs[1:])
    behind = record("behind", [10_000, 10_100])
    rows = board(late, behind, record("a", [10_100] * 3), record("b", [10_200] * 3))
    found = {row.model: row for row in rows}
    assert found["late"].rank == 1
    why = "it has no return of its own on 2025-01-06, of 3 days that count"
    assert found["late"].reasons["significance"] == found["late"].reasons["rank"] == why
    why = "its last value is of 2025-01-07, others have one of 2025-01-08"
    assert found["behind"].reasons["significance"] == found["behind"].reasons["rank"] == why
    assert not {"rank", "significance"} & (found["a"].reasons.keys() | found["b"].reasons.keys())


def test_models_with_as_many_days_that_are_not_the_same_days_cannot_be_compared():
    navs = record("x", [10_000, 10_100, 10_200]).navs
    one, other = replace(record("one", []), navs=navs[:2]), replace(record("other", []), navs=navs[1:])
    assert not_comparable([one, other], date.max) == {
        "other": "it has no return of its own on 2025-01-06, of 2 days that count"
    }
    assert not_comparable([one, other, replace(other, model="third")], date.max).keys() == {"one"}
    assert not_comparable([one, other], date.max, unranked={"other"}) == {}
    assert not_comparable([record("a", []), record("b", [])], date.max) == {}
    assert not_comparable([record("a", []), one], date.max) == {"a": "it has no value on any day that counts"}


def test_a_model_without_a_rank_has_what_its_book_came_to_and_no_figure():
    navs = [10_000 + 100 * (offset % 7) for offset in range(70)]
    knows = record(
        "knows", navs, trades=3, fees_cents=1500, closed_nets=(5, -5), bought_cents=9, sold_cents=9
    )
    why = "every day lies before its knowledge cutoff"
    out = {START + timedelta(days=1)}
    rows = leaderboard(
        [knows, record("clean", navs)],
        benchmark=closes(*["100"] * 71),
        as_of=date.max,
        left_out=out,
        unranked={"knows": why},
    )
    clean, row = rows
    assert clean.sharpe is not None
    assert (row.rank, row.days) == (None, 0)
    assert [getattr(row, name) for name in OF_THE_RANKING] == [None] * len(OF_THE_RANKING)
    assert {
        row.reasons[name] for name in (*OF_THE_RANKING, "rank", "days", "significance", "luck", "skill")
    } == {why}
    assert (row.nav_cents, row.total_return) == (navs[-1], pytest.approx(navs[-1] / 10_000 - 1))
    assert row.reasons["total_return"] == f"of all days of the book, outside the ranking: {why}"
    assert (row.trades, row.fees_cents, row.benchmark_return) == (3, 1500, 0)


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


def test_alpha_and_beta_come_with_the_errors_that_their_p_value_is_made_of():
    dice = random.Random(5)
    market, own = [100.0], [1_000_000.0]
    for _ in range(120):
        change = dice.gauss(0, 0.01)
        market.append(market[-1] * (1 + change))
        own.append(own[-1] * (1 + 0.001 + 0.5 * change + dice.gauss(0, 0.002)))
    held = record("a", [round(value) for value in own[1:]], starting_cash_cents=1_000_000)
    (row,) = board(held, benchmark=closes(*(f"{level:.6f}" for level in market)))
    assert row.beta == pytest.approx(0.5, abs=3 * row.beta_standard_error)
    assert 0.01 < row.beta_standard_error < 0.04
    assert row.alpha == pytest.approx(0.252, abs=3 * row.alpha_standard_error)
    assert row.alpha_p_value == pytest.approx(student_p_value(row.alpha / row.alpha_standard_error, 36))
    shown = board_document(row)
    for name in ("alpha", "alpha_standard_error", "alpha_p_value", "beta", "beta_standard_error"):
        assert shown[name] == pytest.approx(getattr(row, name))


def test_exposure_is_that_of_the_days_that_count():
    days = [START + timedelta(days=offset) for offset in range(3)]
    held = record("a", [10_000] * 3, invested=list(zip(days, (0.9, 0.2, 0.4), strict=True)))
    (row,) = leaderboard([held], benchmark=(), as_of=days[1], left_out={days[0]})
    assert row.exposure == 0.2


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

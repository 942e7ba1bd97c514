import csv
import json
import math
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from arena_pipeline.scoring.imported import imported_board
from arena_pipeline.scoring.metrics import daily_returns, sharpe
from arena_pipeline.trading.imports import import_trades
from arena_pipeline.trading.imports.prices import read_benchmark

CENT = Decimal("0.01")
PRICES = """symbol,date,open,high,low,close
A,2025-01-02,100,100,100,100
A,2025-01-03,100,120,100,120
A,2025-01-06,90,90,90,90
A,2025-01-07,95,99,95,99
B,2025-01-02,50,50,50,50
B,2025-01-03,50,50,50,50
B,2025-01-06,50,50,50,
B,2025-01-07,50,50,50,51
"""


@pytest.fixture
def board(tmp_path):
    def scored(*rows, prices=PRICES, fee="1.00", benchmark=()):
        (tmp_path / "trades.csv").write_text("\n".join(["model,seq,date,action,symbol,qty", *rows]))
        (tmp_path / "prices.csv").write_text(prices)
        result = import_trades(
            tmp_path / "trades.csv",
            tmp_path / "prices.csv",
            cash=Decimal(1000),
            fee=Decimal(fee),
            currency="USD",
        )
        return json.loads(json.dumps(imported_board(result, benchmark=benchmark, seed=1), allow_nan=False))

    return scored


@pytest.fixture(scope="module")
def recorded(recorded_data):
    folder = recorded_data / "aitrader_us_daily"

    def scored(fee):
        result = import_trades(
            folder / "trades.csv", folder / "prices.csv", cash=Decimal(10000), fee=fee, currency="USD"
        )
        closes = read_benchmark(folder / "benchmark_QQQ.csv")
        document = imported_board(result, benchmark=closes, seed=1)
        return document, {row["model"]: row for row in document["models"]}

    return folder, scored


def test_a_recorded_arena_has_its_published_returns_and_benchmark_on_our_board(recorded):
    folder, scored = recorded
    document, models = scored(Decimal(0))
    assert (document["as_of"], document["assessment"]["days"]) == ("2025-10-28", 19)
    with (folder / "reported.csv").open() as stream:
        published = {
            row["model"]: Decimal(row["reported_return_pct"])
            for row in csv.DictReader(stream)
            if row["as_of"] == document["as_of"]
        }
    benchmark = published.pop("QQQ")
    assert len(published) == 6
    for model, percent in published.items():
        row = models[model]
        assert (Decimal(row["nav"]) / 100 - 100).quantize(CENT, ROUND_HALF_UP) == percent
        assert round(100 * row["benchmark_return"], 2) == float(benchmark)
    order = sorted(published, key=lambda model: -published[model])
    assert [row["model"] for row in document["models"]] == order


def test_a_recorded_arena_of_19_days_has_no_sharpe_ratio_and_no_winner(recorded):
    document, models = recorded[1](Decimal(0))
    assert {row["sharpe"] for row in models.values()} == {None}
    assert {row["reasons"]["sharpe"] for row in models.values()} == {"fewer than 60 trading days"}
    assert document["assessment"]["verdict"] == {
        "winner": None,
        "text": "too early: 19 of 60 trading days",
        "reason": "fewer than 60 trading days",
    }


def test_our_fee_changes_who_is_ahead_in_a_recorded_arena(recorded):
    _, free = recorded[1](Decimal(0))
    _, models = recorded[1](Decimal(5))
    for row in models.values():
        assert Decimal(row["fees"]) == 5 * row["trades"]
    assert free["MiniMax-M2"]["rank"] < free["gpt-5"]["rank"]
    assert models["MiniMax-M2"]["rank"] > models["gpt-5"]["rank"]


def test_the_figures_are_those_of_the_board(board):
    document = board(
        "m,1,2025-01-03,buy,A,5",
        "m,2,2025-01-06,sell,A,3",
        "m,3,2025-01-07,sell,A,2",
        benchmark=[(date(2025, 1, 2), Decimal(10)), (date(2025, 1, 7), Decimal(11))],
    )
    (row,) = document["models"]
    # 1000 - 501 + 5 * 120 = 1099; 499 + 269 + 2 * 90 = 948; 768 + 189 = 957
    assert (row["nav"], row["rank"], row["kind"], row["days"]) == ("957.00", 1, "imported", 3)
    assert row["return"] == pytest.approx(-0.043)
    assert row["max_drawdown"] == pytest.approx(948 / 1099 - 1)
    assert (row["win_rate"], row["trades"], row["fees"]) == (0.0, 3, "3.00")
    assert row["turnover"] == pytest.approx((270 + 190) / ((1099 + 948 + 957) / 3))
    assert row["exposure"] == pytest.approx((600 / 1099 + 180 / 948 + 0) / 3)
    assert row["benchmark_return"] == pytest.approx(0.1)
    assert document["assessment"]["terms"]["fee_per_order"] == "1.00"


def test_a_model_that_begins_later_holds_its_cash_until_then(board):
    document = board("early,1,2025-01-03,buy,A,5", "late,1,2025-01-07,buy,A,5")
    days = {row["model"]: (row["days"], row["nav"]) for row in document["models"]}
    assert days == {"early": (3, "994.00"), "late": (3, "1019.00")}


def test_a_day_on_which_one_book_has_no_value_counts_for_none(board):
    document = board("a,1,2025-01-03,buy,A,5", "b,1,2025-01-03,buy,B,5")
    assert {row["days"] for row in document["models"]} == {2}
    assert document["assessment"]["left_out"] == {"unmarked": 1}
    assert document["as_of"] == "2025-01-07"


def test_fills_after_the_last_day_that_counts_are_not_on_the_board(board):
    prices = PRICES + "A,2025-01-08,99,99,99,\n"
    (row,) = board("m,1,2025-01-07,buy,A,1", "m,2,2025-01-08,buy,A,1", prices=prices)["models"]
    assert (row["trades"], row["fees"], row["nav"]) == (1, "1.00", "1003.00")


def test_a_record_without_a_day_of_value_is_listed_without_a_verdict(board):
    prices = "symbol,date,open,high,low,close\nB,2025-01-06,50,50,50,\n"
    document = board("m,x,2025-01-06,buy,B,1", "b,1,2025-01-06,buy,B,1", prices=prices)
    assert document["as_of"] is document["assessment"] is None
    assert [(row["model"], row["nav"]) for row in document["models"]] == [("b", "1000.00"), ("m", "1000.00")]
    assert board()["models"] == []


def test_a_model_without_a_single_action_is_listed_without_a_rank(board):
    document = board("m,x,2025-01-03,buy,A,5", "b,1,2025-01-03,buy,A,5")
    found = {row["model"]: row for row in document["models"]}
    assert (found["b"]["rank"], found["m"]["rank"]) == (1, None)
    assert found["m"]["reasons"]["rank"] == "the record has no action of it"
    assert document["assessment"]["not_assessed"] == {}


def test_a_record_of_60_days_has_a_sharpe_ratio_with_its_interval_and_a_rank(board):
    start = date(2025, 1, 1)
    days = [start + timedelta(days=offset) for offset in range(71)]
    rising = [100 + offset + 3 * math.sin(offset) for offset in range(71)]
    flat = [100 + 3 * math.cos(offset) for offset in range(71)]
    lines = ["symbol,date,open,high,low,close"]
    for symbol, closes in (("UP", rising), ("FLAT", flat)):
        lines += [f"{symbol},{day},100,300,1,{close:.2f}" for day, close in zip(days, closes, strict=True)]
    document = board(
        f"up,1,{days[1]},buy,UP,9", f"flat,1,{days[1]},buy,FLAT,9", prices="\n".join(lines), fee="0"
    )
    best, other = document["models"]
    navs = [1000.0, *(100 + 9 * round(close, 2) for close in rising[1:])]
    assert (best["model"], best["days"]) == ("up", 70)
    assert best["sharpe"] == pytest.approx(sharpe(daily_returns(navs)).value)
    found = best["significance"]
    assert found["sharpe_low"] < best["sharpe"] < found["sharpe_high"]
    assert (found["rank_low"], other["significance"]["rank_high"]) == (1, 2)
    assert document["assessment"]["trials"] == 2


def test_the_luck_score_counts_the_lots_that_did_worse(board):
    prices = "symbol,date,open,close\n" + "".join(
        f"{symbol},2025-01-02,10,10\n{symbol},2025-01-03,10,{close}\n"
        for symbol, close in (("A", 20), ("B", 10), ("C", 9), ("D", 8))
    )
    document = board("lucky,1,2025-01-03,buy,A,10", "not,1,2025-01-03,buy,D,10", prices=prices)
    luck = {row["model"]: row["luck"] for row in document["models"]}
    assert luck["lucky"]["percentile"] == pytest.approx(7 / 8, abs=0.05)
    assert luck["not"]["percentile"] == pytest.approx(1 / 8, abs=0.05)
    assert luck["lucky"]["stays"] == 1

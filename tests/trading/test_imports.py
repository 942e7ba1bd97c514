import csv
import json
from decimal import ROUND_HALF_UP, Decimal

import pytest

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports import import_trades

CENT = Decimal("0.01")
PRICES = """symbol,date,open,high,low,close,volume
AAPL,2025-01-02,100,102,99,101,1000
AAPL,2025-01-03,110,112,109,111.005,1000
AAPL,2025-01-06,120,,,,
MSFT,2025-01-02,50,50,50,50,1000
MSFT,2025-01-03,broken,50,50,1e400,1000
"""


@pytest.fixture
def run(tmp_path):
    def import_rows(*rows, columns="", prices=PRICES, cash="1000.00", fee="1.00"):
        trades = tmp_path / "trades.csv"
        header = f"model,seq,date,action,symbol,qty{columns}"
        trades.write_text("\n".join([header, *rows]), encoding="utf-8")
        (tmp_path / "prices.csv").write_text(prices, encoding="utf-8")
        result = import_trades(
            trades, tmp_path / "prices.csv", cash=Decimal(cash), fee=Decimal(fee), currency="USD"
        )
        return json.loads(json.dumps(result.to_json()))

    return import_rows


def reasons(result):
    return [(row["line"], row["reason"]) for model in result["models"] for row in model["rejections"]]


@pytest.fixture(scope="module")
def aitrader(recorded_data):
    folder = recorded_data / "aitrader_us_daily"
    result = import_trades(
        folder / "trades.csv", folder / "prices.csv", cash=Decimal(10000), fee=Decimal(0), currency="USD"
    )
    return folder, {model["model"]: model for model in result.to_json()["models"]}


def rows_of(file):
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_recorded_ledger_of_another_arena_is_reproduced_to_the_cent(aitrader):
    folder, models = aitrader
    states = {(name, state["seq"]): state for name, model in models.items() for state in model["states"]}
    recorded = [row for row in rows_of(folder / "ledger.csv") if int(row["seq"]) > 0]
    assert len(recorded) == len(states) == 352
    for row in recorded:
        state = states[row["model"], int(row["seq"])]
        assert state["date"] == row["date"]
        assert state["cash"] == str(Decimal(row["cash_after"]).quantize(CENT, ROUND_HALF_UP))
        assert state["positions"] == json.loads(row["positions_after_json"])


def test_the_published_returns_of_another_arena_are_reproduced(aitrader):
    folder, models = aitrader
    navs = {(name, day["date"]): day["nav"] for name, model in models.items() for day in model["days"]}
    published = [
        row
        for row in rows_of(folder / "reported.csv")
        if row["model"] in models and "2025-10-22" <= row["as_of"] <= "2025-10-28"
    ]
    assert len(published) >= 27
    for row in published:
        percent = Decimal(navs[row["model"], row["as_of"]]) / 100 - 100
        assert percent.quantize(CENT, ROUND_HALF_UP) == Decimal(row["reported_return_pct"])


def test_a_day_of_the_recorded_prices_without_closes_is_refused(aitrader):
    _, models = aitrader
    for model in models.values():
        (unmarked,) = model["unmarked"]
        assert (unmarked["date"], unmarked["reason"]) == ("2025-10-29", "NO_CLOSE")
        assert unmarked["symbols"] == list(model["states"][-1]["positions"])
        assert model["days"][-1]["date"] == "2025-10-28"


def test_actions_fill_at_the_open_and_days_are_marked_at_the_close(run):
    result = run("m,1,2025-01-03,buy,AAPL,5", "m,2,2025-01-06,no_trade,,0")
    (model,) = result["models"]
    assert result["currency"] == "USD"
    assert model["days"] == [
        {"date": "2025-01-02", "nav": "1000.00", "cash": "1000.00", "positions": {}},
        {"date": "2025-01-03", "nav": "1004.03", "cash": "449.00", "positions": {"AAPL": 5}},
    ]
    assert model["states"] == [
        {"seq": 1, "date": "2025-01-03", "cash": "449.00", "positions": {"AAPL": 5}},
        {"seq": 2, "date": "2025-01-06", "cash": "449.00", "positions": {"AAPL": 5}},
    ]
    assert model["rejections"] == []
    assert [row["date"] for row in model["unmarked"]] == ["2025-01-06"]


def test_the_sequence_of_the_log_decides_not_its_lines(run):
    result = run("m,2,2025-01-02,sell,AAPL,5", "m,1,2025-01-02,buy,AAPL,5")
    assert reasons(result) == []
    assert result["models"][0]["states"][-1]["cash"] == "998.00"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("m,1,2025-01-02,buy,AAPL,0", "ZERO_QUANTITY"),
        ("m,1,2025-01-02,buy,AAPL,-1", "BAD_NUMBER"),
        ("m,1,2025-01-02,buy,AAPL,1.5", "BAD_NUMBER"),
        ("m,1,2025-01-02,buy,AAPL,nan", "BAD_NUMBER"),
        ("m,1,2025-01-02,buy,AAPL,²", "BAD_NUMBER"),
        ("m,1,2025-01-02,buy,AAPL,99999999999999999999", "BAD_NUMBER"),
        ("m,1,2025-01-02,buy,AAPL", "BAD_NUMBER"),
        ("m,one,2025-01-02,buy,AAPL,1", "BAD_NUMBER"),
        ("m,1,02.01.2025,buy,AAPL,1", "BAD_DATE"),
        ("m,1,2025-01-02,short,AAPL,1", "BAD_ACTION"),
        ("m,1,2025-01-02,buy,GME,1", "UNKNOWN_SYMBOL"),
        ("m,1,2025-01-05,buy,AAPL,1", "NO_BAR"),
        ("m,1,2025-01-03,buy,MSFT,1", "NO_BAR"),
        ("m,1,2025-01-02,buy,AAPL,10", "INSUFFICIENT_CASH"),
        ("m,1,2025-01-02,sell,AAPL,1", "INSUFFICIENT_POSITION"),
    ],
)
def test_a_row_that_cannot_act_is_listed_with_its_line_and_reason(run, row, reason):
    result = run(row)
    assert reasons(result) == [(2, reason)]
    assert all(state["cash"] == "1000.00" for state in result["models"][0]["states"])


def test_a_sale_that_does_not_earn_its_fee_can_be_refused(run):
    result = run("m,1,2025-01-02,buy,AAPL,1", "m,2,2025-01-02,sell,AAPL,1", cash="400.00", fee="300.00")
    assert reasons(result) == [(3, "INSUFFICIENT_CASH_FOR_FEE")]


def test_a_sequence_number_is_used_once_and_time_does_not_run_back(run):
    result = run(
        "m,1,2025-01-03,buy,AAPL,1",
        "m,1,2025-01-03,buy,AAPL,2",
        "m,2,2025-01-02,buy,AAPL,1",
        "m,1,2025-01-03,buy,AAPL,1",
        "other,1,2025-01-02,buy,MSFT,1.0",
    )
    assert reasons(result) == [(3, "FORKED"), (4, "OUT_OF_ORDER"), (5, "DUPLICATE")]
    assert [model["model"] for model in result["models"]] == ["m", "other"]
    assert result["models"][0]["states"][-1]["positions"] == {"AAPL": 1}


def test_a_fill_that_is_delivered_again_changes_nothing_and_one_with_other_content_is_a_fork(run):
    once = run("m,1,2025-01-02,buy,AAPL,1,f-1", columns=",id")
    result = run(
        "m,1,2025-01-02,buy,AAPL,1,f-1",
        "m,2,2025-01-02,buy,AAPL,1,f-1",
        "m,3,2025-01-02,sell,AAPL,1,f-1",
        "m,1,2025-01-02,buy,AAPL,1,f-2",
        "other,1,2025-01-02,buy,MSFT,1,f-1",
        columns=",id",
    )
    assert reasons(result) == [(3, "DUPLICATE"), (4, "FORKED"), (5, "FORKED")]
    assert "line 2" in result["models"][0]["rejections"][0]["detail"]
    assert result["models"][0]["days"] == once["models"][0]["days"]


def test_a_fill_that_comes_again_with_its_numbers_written_otherwise_is_the_same_fill(run):
    result = run(
        "m,1,2025-01-02,buy,AAPL,1,f-1,101.5",
        "m,1,2025-01-02,buy,AAPL,1.0,f-1,101.50",
        "m,1,2025-01-02,buy,AAPL,1,f-1,101.51",
        "m,1,2025-01-02,buy,AAPL,10,f-1,101.5",
        columns=",id,price",
    )
    assert reasons(result) == [(3, "DUPLICATE"), (4, "FORKED"), (5, "FORKED")]


def test_a_stated_price_within_the_bar_is_the_price_of_the_fill(run):
    (model,) = run("m,1,2025-01-02,buy,AAPL,1,101.5", "m,2,2025-01-02,buy,AAPL,1,", columns=",price")[
        "models"
    ]
    assert [state["cash"] for state in model["states"]] == ["897.50", "796.50"]


@pytest.mark.parametrize(
    ("price", "found"),
    [
        ("98.99", "OUTSIDE_BAR"),
        ("102.01", "OUTSIDE_BAR"),
        ("99", None),
        ("102", None),
        ("0", "BAD_NUMBER"),
        ("-1", "BAD_NUMBER"),
        ("nan", "BAD_NUMBER"),
        ("inf", "BAD_NUMBER"),
        ("1e309", "BAD_NUMBER"),
        ("1e-999999999", "BAD_NUMBER"),
        ("1_00", "BAD_NUMBER"),
    ],
)
def test_a_stated_price_is_believed_only_within_the_low_and_high_of_its_bar(run, price, found):
    result = run(f"m,1,2025-01-02,buy,AAPL,1,{price}", columns=",price")
    assert reasons(result) == ([] if found is None else [(2, found)])


def test_a_stated_price_that_cannot_be_checked_is_not_believed(run):
    result = run("m,1,2025-01-06,buy,AAPL,1,120", columns=",price")
    assert reasons(result) == [(2, "NO_BAR")]
    bare = "symbol,date,open,close\nAAPL,2025-01-02,100,101\n"
    assert reasons(run("m,1,2025-01-02,buy,AAPL,1,100", columns=",price", prices=bare)) == [(2, "NO_BAR")]


def test_the_times_of_a_day_run_forward_with_the_sequence(run):
    result = run(
        "m,1,2025-01-02,buy,AAPL,1,14:00",
        "m,2,2025-01-02,buy,AAPL,1,09:30",
        "m,3,2025-01-02,buy,AAPL,1,",
        "m,4,2025-01-02,buy,AAPL,1,noon",
        "m,5,2025-01-02,buy,AAPL,1,15:00+01:00",
        "m,6,2025-01-03,buy,AAPL,1,09:30:00",
        columns=",time",
    )
    assert reasons(result) == [(3, "OUT_OF_ORDER"), (5, "BAD_DATE"), (6, "BAD_DATE")]


def test_a_stated_fee_that_is_not_ours_is_named_once_for_as_long_as_it_stands(run):
    (model,) = run(
        "m,1,2025-01-02,buy,AAPL,1,0.35",
        "m,2,2025-01-02,buy,AAPL,1,0.35",
        "m,3,2025-01-02,buy,AAPL,1,1",
        "m,4,2025-01-02,buy,AAPL,1,0.35",
        "m,5,2025-01-02,buy,AAPL,1,-1",
        columns=",fee",
    )["models"]
    found = [(row["line"], row["reason"], row["theirs"], row["records"]) for row in model["differences"]]
    assert found == [(2, "STATED_FEE", "0.3500", 2), (5, "STATED_FEE", "0.3500", 1)]
    assert model["rejections"][0]["reason"] == "BAD_NUMBER"
    assert model["states"][-1]["cash"] == "596.00"


def test_a_row_with_more_cells_than_columns_is_not_guessed_at(run):
    result = run("m,1,2025-01-02,buy,AAPL,1,000")
    assert reasons(result) == [(2, "BAD_RECORD")]


def test_a_row_without_a_usable_name_of_its_model_is_listed_apart(run):
    result = run(
        ",1,2025-01-02,buy,AAPL,1", f"{'m' * 61},1,2025-01-02,buy,AAPL,1", "\x1b[2J,1,2025-01-02,buy,AAPL,1"
    )
    assert result["models"] == []
    assert [(row["line"], row["reason"]) for row in result["rejections"]] == [
        (2, "BAD_MODEL"),
        (3, "BAD_MODEL"),
        (4, "BAD_MODEL"),
    ]


def test_columns_that_are_not_read_are_named(run):
    result = run("m,1,2025-01-02,buy,AAPL,1,because,x", columns=",reason,\x1b[31m")
    assert result["ignored"] == ["reason", "\ufffd[31m"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_log(tmp_path):
    trades, prices = tmp_path / "trades.csv", tmp_path / "prices.csv"
    prices.write_text(PRICES, encoding="utf-8")
    trades.write_bytes(b"\xef\xbb\xbfmodel,seq,date,action,symbol,qty\r\nm,1,2025-01-02,buy,AAPL,1\r\n")
    result = import_trades(trades, prices, cash=Decimal(1000), fee=Decimal(1), currency="USD").to_json()
    assert reasons(result) == []
    assert result["models"][0]["states"][0]["positions"] == {"AAPL": 1}


def test_a_holding_without_a_usable_close_leaves_the_day_unmarked(run):
    (model,) = run("m,1,2025-01-02,buy,MSFT,1", "m,2,2025-01-05,no_trade,,0")["models"]
    found = [(row["date"], row["reason"], row["symbols"]) for row in model["unmarked"]]
    assert found == [
        ("2025-01-03", "NO_CLOSE", ["MSFT"]),
        ("2025-01-05", "NO_BAR", []),
        ("2025-01-06", "NO_CLOSE", ["MSFT"]),
    ]


def test_contradictory_prices_are_not_used_and_repeated_ones_are(run):
    again = "AAPL,2025-01-02,100,102,99,101,1000\n"
    assert reasons(run("m,1,2025-01-02,buy,AAPL,1", prices=PRICES + again)) == []
    other = again.replace("100", "90")
    result = run("m,1,2025-01-02,buy,AAPL,1", prices=PRICES + other)
    assert reasons(result) == [(2, "NO_BAR")]
    assert "contradictory" in result["models"][0]["rejections"][0]["detail"]


def test_nothing_sound_in_the_log_still_lists_its_rows(run):
    (model,) = run("m,x,2025-01-02,buy,AAPL,1")["models"]
    assert model["days"] == model["states"] == []
    assert model["rejections"][0]["seq"] == "x"


def test_a_long_text_is_shortened_in_the_report(run):
    (model,) = run(f"m,{'9' * 5000},2025-01-02,buy,AAPL,1")["models"]
    assert len(model["rejections"][0]["seq"]) == 60


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(run, tmp_path):
    with pytest.raises(DataError, match=r"prices\.csv has no column date"):
        run(prices="symbol,open,close\n")
    with pytest.raises(DataError, match=r"line 2: 'soon' is no date"):
        run(prices="symbol,date,open,close\nAAPL,soon,1,1\n")
    with pytest.raises(DataError, match=r"prices\.csv is no CSV file"):
        run(prices='symbol,date,open,close\nAAPL,"2025-01-02\n')
    with pytest.raises(DataError, match="field larger than"):
        run("m" * 10_000_000)
    with pytest.raises(DataError, match=r"column 'price' twice"):
        run(columns=",price,price")
    with pytest.raises(DataError, match="cannot be read"):
        import_trades(
            tmp_path / "trades.csv",
            tmp_path / "none.csv",
            cash=Decimal(1),
            fee=Decimal(0),
            currency="USD",
        )
    with pytest.raises(DataError, match="fee"):
        run(fee="-1")

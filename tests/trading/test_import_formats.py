import csv
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports import LogFormat, import_trades, log_format
from arena_pipeline.trading.imports.formats import recognise

PRICES = """symbol,date,open,high,low,close,volume
AAPL,2025-01-02,100,102,99,101,1000
AAPL,2025-01-03,110,112,109,111,1000
MSFT,2025-01-02,50,51,49,50,1000
MSFT,2025-01-03,50.005,52,50,51,1000
"""
GOOD = '{"model":"m","seq":1,"date":"2025-01-02","action":"buy","symbol":"AAPL","qty":1}'


@pytest.fixture
def replay(tmp_path):
    def replayed(path, layout=None, fee="0"):
        prices = tmp_path / "prices.csv"
        prices.write_text(PRICES, encoding="utf-8")
        result = import_trades(
            path, prices, cash=Decimal(1000), fee=Decimal(fee), currency="USD", layout=layout
        )
        return json.loads(json.dumps(result.to_json()).encode("utf-8"))

    return replayed


@pytest.fixture
def lines(tmp_path, replay):
    """Import JSON lines; what is no text is written as it is."""

    def written(*rows, fee="0"):
        file = tmp_path / "trades.jsonl"
        file.write_bytes(b"\n".join(row if isinstance(row, bytes) else row.encode() for row in rows))
        return replay(file, fee=fee)

    return written


@pytest.fixture
def positions(tmp_path, replay):
    """Import one model's AI-Trader log of (date, id, action, stated holdings) records."""

    def written(*records, fee="0"):
        folder = tmp_path / "agents" / "m" / "position"
        folder.mkdir(parents=True, exist_ok=True)
        documents = []
        for day, number, action, stated in records:
            names = ("action", "symbol", "amount")
            done = {"this_action": dict(zip(names, action, strict=True))} if action else {}
            documents.append({"date": day, "id": number, **done, "positions": stated})
        (folder / "position.jsonl").write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
        (model,) = replay(tmp_path / "agents", fee=fee)["models"]
        return model

    return written


def trade(**changes):
    return json.dumps(json.loads(GOOD) | changes)


def reasons(result):
    return [(row["line"], row["reason"]) for model in result["models"] for row in model["rejections"]]


def differences(model):
    names = ("line", "reason", "symbol", "theirs", "ours", "records")
    return [tuple(row[name] for name in names) for row in model["differences"]]


# -- which format -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("model,seq,date,action,symbol,qty\n", LogFormat.CSV),
        (GOOD, LogFormat.JSONL),
        ('\ufeff\n {"date": "2025-01-02", "id": 0, "positions": {}}', LogFormat.AITRADER),
        ('{broken\n{"id": 0, "positions": {}}\n', LogFormat.AITRADER),
        ("{broken\n", LogFormat.JSONL),
    ],
)
def test_the_content_tells_the_format(tmp_path, content, found):
    file = tmp_path / "log"
    file.write_text(content, encoding="utf-8")
    assert recognise(file) is found
    assert recognise(tmp_path) is LogFormat.AITRADER


def test_a_format_that_is_said_is_the_one_that_is_read(tmp_path, replay):
    file = tmp_path / "log.json"
    file.write_text(GOOD, encoding="utf-8")
    assert replay(file, log_format("jsonl"))["models"][0]["states"][0]["positions"] == {"AAPL": 1}
    with pytest.raises(DataError, match="is no CSV file"):
        replay(file, LogFormat.CSV)
    with pytest.raises(DataError, match="'xml' is not known"):
        log_format("xml")


def test_what_is_no_log_is_an_error_that_names_it(tmp_path, replay):
    array = tmp_path / "array.json"
    array.write_text(f"[{GOOD}]", encoding="utf-8")
    with pytest.raises(DataError, match=r"one JSON array.*one object a line"):
        replay(array)
    with pytest.raises(DataError, match=r"has no position\.jsonl"):
        replay(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        replay(tmp_path / "none.jsonl")


# -- JSON lines -------------------------------------------------------------------------------------------


def test_json_lines_are_the_csv_with_other_punctuation(lines):
    result = lines(
        trade(id=7, price=101.5, fee=1, time="10:00"),
        "",
        trade(seq="2", action="SELL", price=None, qty=1.0),
        fee="1",
    )
    assert reasons(result) == []
    assert [state["cash"] for state in result["models"][0]["states"]] == ["897.50", "996.50"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (trade(qty=0), "ZERO_QUANTITY"),
        (trade(qty=-1), "BAD_NUMBER"),
        (trade(qty=True), "BAD_NUMBER"),
        (trade(qty=None), "BAD_NUMBER"),
        (trade(qty="1; DROP TABLE"), "BAD_NUMBER"),
        (GOOD.replace('"qty":1', '"qty":1e309'), "BAD_NUMBER"),
        (GOOD.replace('"qty":1', '"qty":' + "9" * 5000), "BAD_NUMBER"),
        (trade(symbol="\ud800"), "UNKNOWN_SYMBOL"),
        (trade(date=True), "BAD_DATE"),
        (trade(action="short"), "BAD_ACTION"),
        (trade(), "DUPLICATE"),
        (trade(qty=2), "FORKED"),
    ],
)
def test_a_record_that_cannot_act_is_listed_with_its_line(lines, row, reason):
    first = trade() if reason in ("DUPLICATE", "FORKED") else trade(seq=0, action="no_trade")
    assert reasons(lines(first, row)) == [(2, reason)]


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (b"x" * 10_000_000, "more than 1000000 bytes"),
        ('{"a":' * 100_000, "nested too deeply"),
        (GOOD.replace('"seq":1', '"seq":1,"seq":1'), "the key 'seq' is given twice"),
        (GOOD.replace('"qty":1', '"qty":NaN'), "NaN is no number"),
        (GOOD.replace('"qty":1', '"qty":-Infinity'), "-Infinity is no number"),
        (trade(qty=[1]), "qty is neither text nor a number"),
        (trade(model={}), "model is neither text nor a number"),
        (b'{"model":"\xff"}', "no JSON"),
        ("[1]", "no JSON object"),
        (GOOD[:-1], "no JSON"),
    ],
)
def test_a_line_that_is_no_record_is_listed_and_the_others_are_read(lines, row, detail):
    result = lines(GOOD, row, trade(seq=2))
    (found,) = result["rejections"]
    assert (found["line"], found["reason"]) == (2, "BAD_RECORD")
    assert detail in found["detail"]
    assert result["models"][0]["states"][-1]["positions"] == {"AAPL": 2}


def test_unknown_fields_are_named_and_do_nothing(lines):
    result = lines(trade(note="x", nested={"deep": [1]}), trade(seq=2, **{"\ud800": 1}))
    assert result["ignored"] == ["note", "nested", "\ufffd"]
    assert reasons(result) == []
    many = lines(trade(**{f"field{number}": 1 for number in range(1000)}))
    assert len(many["ignored"]) == 50


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_record(lines):
    result = lines(b"\xef\xbb\xbf" + GOOD.encode() + b"\r", b"\r", trade(seq=2).encode() + b"\r")
    assert result["rejections"] == []
    assert [state["seq"] for state in result["models"][0]["states"]] == [1, 2]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["m", "1", "2025-01-02", "buy", "sell", "AAPL", "CASH"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*json.loads(GOOD), "id", "time", "price", "fee", "positions", "this_action", "amount", "CASH"]
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON)).map(json.dumps) | st.binary(), max_size=4
    ),
    st.sampled_from(LogFormat),
)
def test_whatever_a_file_holds_is_refused_as_a_whole_or_replayed_and_listed(tmp_path, replay, rows, layout):
    file = tmp_path / "any.log"
    file.write_bytes(b"\n".join(row.encode() if isinstance(row, str) else row for row in rows))
    try:
        result = replay(file, layout)
    except DataError:
        return
    for model in result["models"]:
        assert all(float(day["cash"]) >= 0 for day in model["days"])


# -- AI-Trader --------------------------------------------------------------------------------------------

OPENING = ("2025-01-01", 0, None, {"AAPL": 0, "CASH": 1000.0})
BOUGHT = ("2025-01-02", 1, ("buy", "AAPL", 5), {"AAPL": 5, "CASH": 500.0})


def test_a_log_whose_statements_follow_from_its_actions_has_no_difference(positions):
    model = positions(
        OPENING, BOUGHT, ("2025-01-03", 2, ("no_trade", "", 0), {"AAPL": 5, "CASH": 500.0000000001})
    )
    assert model["differences"] == model["rejections"] == []
    assert [state["seq"] for state in model["states"]] == [1, 2]
    assert [day["date"] for day in model["days"]] == ["2025-01-02", "2025-01-03"]


def test_our_fee_is_no_error_of_the_log(positions):
    model = positions(OPENING, BOUGHT, fee="5")
    assert model["differences"] == []
    assert model["states"][0]["cash"] == "495.00"


def test_an_opening_that_is_not_the_cash_given_is_named(positions):
    opening = ("2025-01-01", 0, None, {"CASH": 5000.0})
    model = positions(opening, ("2025-01-02", 1, ("buy", "AAPL", 5), {"AAPL": 5, "CASH": 4500.0}))
    assert differences(model) == [(1, "STATED_CASH", "", "5000.0000", "1000.0000", 2)]


def test_a_difference_of_cash_is_named_where_it_begins_and_where_it_changes(positions):
    model = positions(
        OPENING,
        ("2025-01-02", 1, ("buy", "AAPL", 5), {"AAPL": 5, "CASH": 490.0}),
        ("2025-01-02", 2, ("no_trade", "", 0), {"AAPL": 5, "CASH": 490.0}),
        ("2025-01-03", 3, ("buy", "MSFT", 1), {"AAPL": 5, "MSFT": 1, "CASH": 449.995}),
        ("2025-01-03", 4, ("no_trade", "", 0), {"AAPL": 5, "MSFT": 1, "CASH": 430.0}),
    )
    assert differences(model) == [
        (2, "STATED_CASH", "", "490.0000", "500.0000", 2),
        (5, "STATED_CASH", "", "430.0000", "449.9950", 1),
    ]


def test_holdings_that_do_not_follow_from_the_record_before_are_a_fork(positions):
    model = positions(
        OPENING,
        BOUGHT,
        ("2025-01-03", 2, ("sell", "AAPL", 2), {"AAPL": 4, "MSFT": 3, "CASH": 720.0}),
        ("2025-01-03", 3, ("no_trade", "", 0), {"AAPL": 3, "MSFT": 3, "CASH": 720.0}),
    )
    assert differences(model) == [
        (3, "FORKED", "AAPL", "4", "3", 1),
        (3, "FORKED", "MSFT", "3", "0", 2),
        (4, "FORKED", "AAPL", "3", "3", 1),
    ]
    assert model["differences"][0]["detail"] == "the record before and this action make 3"


def test_shares_sold_short_are_named_as_an_oversell_and_as_what_the_log_then_holds(positions):
    model = positions(OPENING, ("2025-01-02", 1, ("sell", "AAPL", 5), {"AAPL": -5, "CASH": 1500.0}))
    assert [row["reason"] for row in model["rejections"]] == ["INSUFFICIENT_POSITION"]
    assert differences(model) == [
        (2, "STATED_POSITION", "AAPL", "-5", "0", 1),
        (2, "STATED_CASH", "", "1500.0000", "1000.0000", 1),
    ]


def test_a_refused_action_that_left_the_holdings_alone_is_no_fork(positions):
    model = positions(OPENING, ("2025-01-02", 1, ("sell", "AAPL", 5), {"AAPL": 0, "CASH": 1000.0}))
    assert [row["reason"] for row in model["rejections"]] == ["INSUFFICIENT_POSITION"]
    assert model["differences"] == []


def test_an_id_that_is_used_twice_is_a_redelivery_or_a_fork(positions):
    model = positions(
        OPENING, BOUGHT, BOUGHT, ("2025-01-02", 1, ("buy", "MSFT", 1), {"MSFT": 1, "CASH": 950.0})
    )
    assert [(row["line"], row["reason"]) for row in model["rejections"]] == [(3, "DUPLICATE"), (4, "FORKED")]
    assert model["differences"] == []
    assert model["states"][-1]["positions"] == {"AAPL": 5}


@pytest.mark.parametrize(
    ("stated", "detail"),
    [
        ({"AAPL": 5}, "positions has no CASH"),
        ({"AAPL": True, "CASH": 1}, "'AAPL' in positions is no number"),
        ({"AAPL": "5", "CASH": 1}, "'AAPL' in positions is no number"),
        ({"CASH": 10**40}, "'CASH' in positions is no number"),
        ([], "positions is no object"),
        (None, "positions is no object"),
    ],
)
def test_a_statement_that_is_none_is_listed(positions, stated, detail):
    model = positions(OPENING, ("2025-01-02", 1, ("buy", "AAPL", 5), stated))
    assert [(row["line"], row["reason"], row["detail"]) for row in model["rejections"]] == [
        (2, "BAD_RECORD", detail)
    ]


def test_amounts_with_absurd_exponents_cost_nothing(tmp_path, replay):
    file = tmp_path / "m.jsonl"
    file.write_text(
        '{"date":"2025-01-02","id":0,"positions":{"A":1e-999999999,"B":0e999999999,"CASH":1000e0}}\n'
        '{"date":"2025-01-02","id":1,"positions":{"A":1e999999999,"CASH":1}}\n',
        encoding="utf-8",
    )
    (model,) = replay(file)["models"]
    assert model["model"] == "m"
    assert model["differences"] == []
    assert [row["line"] for row in model["rejections"]] == [2]


def test_a_folder_has_one_model_in_each_sub_folder_and_a_log_is_named_after_its_own(tmp_path, replay):
    record = json.dumps({"date": "2025-01-02 10:00:00", "id": 0, "positions": {"CASH": 1000}})
    for folder in ("a/position", "b", "b/position/deep"):
        (tmp_path / "agents" / folder).mkdir(parents=True)
        (tmp_path / "agents" / folder / "position.jsonl").write_text(record, encoding="utf-8")
    agents = tmp_path / "agents"
    assert [model["model"] for model in replay(agents)["models"]] == ["a", "b"]
    assert [model["model"] for model in replay(agents / "a")["models"]] == ["a"]
    assert [model["model"] for model in replay(agents / "a" / "position" / "position.jsonl")["models"]] == [
        "a"
    ]
    (agents / "a" / "position.jsonl").write_text(record, encoding="utf-8")
    with pytest.raises(DataError, match="two logs of a"):
        replay(agents)


def rows_of(file):
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_recorded_logs_of_six_models_state_what_the_replay_finds(recorded_data, tmp_path):
    """The recorded ledger in AI-Trader's own layout: 352 actions and six openings, and no difference."""
    source = recorded_data / "aitrader_us_daily"
    actions = {(row["model"], row["seq"]): row for row in rows_of(source / "trades.csv")}
    logs: dict[str, list[str]] = {}
    for row in rows_of(source / "ledger.csv"):
        record = {"date": row["date"], "id": int(row["seq"])}
        if done := actions.get((row["model"], row["seq"])):
            names = {"action": done["action"], "symbol": done["symbol"], "amount": int(done["qty"])}
            record["this_action"] = names
        record["positions"] = {**json.loads(row["positions_after_json"]), "CASH": float(row["cash_after"])}
        logs.setdefault(row["model"], []).append(json.dumps(record))
    for model, records in logs.items():
        folder = tmp_path / model / "position"
        folder.mkdir(parents=True)
        (folder / "position.jsonl").write_text("\n".join(records), encoding="utf-8")
    terms = {"cash": Decimal(10000), "fee": Decimal(0), "currency": "USD"}
    stated = import_trades(tmp_path, source / "prices.csv", **terms).to_json()
    assert sum(len(model["states"]) for model in stated["models"]) == 352
    assert [model["differences"] for model in stated["models"]] == [[]] * 6
    assert sum(len(model["rejections"]) for model in stated["models"]) == 5
    plain = import_trades(source / "trades.csv", source / "prices.csv", **terms).to_json()
    for ours, same in zip(stated["models"], plain["models"], strict=True):
        assert (ours["days"], ours["states"]) == (same["days"], same["states"])

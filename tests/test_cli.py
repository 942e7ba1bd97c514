"""The commands, on a small simulated arena: run as a person runs them, in processes of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.resource import open_arena
from arena_pipeline.cli import main
from arena_pipeline.rederive import rederive
from arena_pipeline.settings import load_settings
from arena_pipeline.verify import INVARIANTS
from arena_pipeline.warehouse.archive import Archive
from arena_pipeline.warehouse.redigest import changed_partitions

PROJECT = Path(__file__).parents[1]
CONFIG = """
[arena]
start = "2025-09-15"
[universe]
symbols = ["SAP.DE", "SIE.DE", "ALV.DE", "BMW.DE"]
[fundamentals]
source = "sandbox"
[llm]
base_url = "sandbox"
[[models]]
id = "news"
kind = "llm"
model = "sandbox/news-follower"
[[models]]
id = "trend"
kind = "llm"
model = "sandbox/trend-follower"
[[models]]
id = "cash"
kind = "baseline"
strategy = "cash"
[[models]]
id = "equal-weight"
kind = "baseline"
strategy = "equal_weight"
"""
FIRST, LAST = "2025-09-15", "2025-09-16"
DAYS, SESSIONS, MODELS = 2, 4, 4
MONEY = re.compile(r"-?\d+\.\d\d")


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


def environment(home: Path) -> dict[str, str]:
    variables = {**os.environ, "ARENA_HOME": str(home), "ARENA_CONFIG": str(home.parent / "arena.toml")}
    variables.pop("DAGSTER_HOME", None)
    return variables


def process(home: Path, *words: str) -> Result:
    """Run `arena` in a process of its own, with a home and the arena.toml beside it."""
    command = [sys.executable, "-m", "arena_pipeline.cli", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(home), cwd=PROJECT, timeout=300, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def arena(home: Path, *words: str) -> Result:
    """The same in this process, which has its imports behind it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before, variables = dict(os.environ), environment(home)
    os.environ.clear()
    os.environ.update(variables)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(list(words))
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Result(code, out.getvalue(), err.getvalue())


def document(home: Path, *words: str):
    result = arena(home, *words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A home after a backfill of two days, and what the command printed."""
    folder = tmp_path_factory.mktemp("arena")
    (folder / "arena.toml").write_text(CONFIG, encoding="utf-8")
    home = folder / "home"
    result = process(home, "backfill", "--from", FIRST, "--to", LAST)
    assert result.returncode == 0, result.stderr
    return home, result.stdout


@pytest.fixture
def home(built, tmp_path):
    """A copy of the built home that a test may spoil."""
    shutil.copytree(built[0], tmp_path / "home")
    shutil.copy(built[0].parent / "arena.toml", tmp_path / "arena.toml")
    return tmp_path / "home"


def spoil(home: Path, *statements: str) -> None:
    with sqlite3.connect(home / "ledger.db") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def test_a_backfill_ends_with_its_summary(built):
    last = built[1].strip().splitlines()[-1]
    assert f"{DAYS} trading days, {SESSIONS} sessions" in last
    assert re.search(r"[1-9]\d* rows written, \d+\.\d s", last)


def test_a_second_backfill_changes_no_row_and_no_board_and_sweeps_what_a_crash_left(home):
    orphan = home / "lake" / "articles" / "0.parquet"
    orphan.write_bytes(b"PAR1")
    os.utime(orphan, (0, 0))
    before = arena(home, "leaderboard", "--json").stdout
    again = document(home, "backfill", "--from", FIRST, "--to", LAST)
    assert again["rows_written"] == 0
    assert not orphan.exists()
    assert arena(home, "leaderboard", "--json").stdout == before


def test_the_board_keeps_its_contract(built):
    board = document(built[0], "leaderboard")
    assert board["simulated"] is True
    assert board["as_of"] == LAST
    assert {row["model"] for row in board["models"]} == {"news", "trend", "cash", "equal-weight"}
    for row in board["models"]:
        assert MONEY.fullmatch(row["nav"])
        assert MONEY.fullmatch(row["fees"])
        assert row["sharpe"] is None
        assert "60" in row["reasons"]["sharpe"]
    cash = next(row for row in board["models"] if row["model"] == "cash")
    assert (cash["nav"], cash["trades"], cash["return"]) == ("100000.00", 0, 0.0)


def test_the_costs_name_each_model_and_session(built):
    costs = document(built[0], "costs")
    assert costs["simulated"] is True
    assert {row["model"] for row in costs["models"]} == {"news", "trend", "research"}
    assert {row["session"][:10] for row in costs["sessions"]} == {row["day"] for row in costs["days"]}
    assert len(costs["days"]) == DAYS
    for row in costs["sessions"]:
        assert row["tokens"] > 0
        assert float(row["cost_usd"]) > 0
        assert row["cost_unknown"] == 0
    assert sum(row["month"]["tokens"] for row in costs["models"]) == costs["month"]["tokens"]
    shown = arena(built[0], "costs")
    assert shown.returncode == 0
    assert "A month of 21 trading days with 42 sessions" in shown.stdout


def test_every_partition_is_materialised_in_dagster(built, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(built[0] / "dagster"))
    with dg.DagsterInstance.from_config(str(built[0] / "dagster")) as instance:
        counts = {
            name: len(instance.get_materialized_partitions(dg.AssetKey(name)))
            for name in ("daily_bars", "articles", "briefings", "decisions", "trades", "leaderboard")
        }
    assert counts == {
        "daily_bars": DAYS,
        "articles": DAYS,
        "briefings": SESSIONS,
        "decisions": MODELS * SESSIONS,
        "trades": MODELS * DAYS,
        "leaderboard": DAYS,
    }


def test_a_decision_leads_to_bars_articles_and_the_models_words(built):
    home = built[0]
    trades = document(home, "trades")["trades"]
    chosen = next(trade for trade in trades if trade["model_kind"] == "llm")
    lineage = document(home, "lineage", chosen["decision_id"])
    ids = {node["id"] for node in lineage["nodes"]}
    kinds = {node["kind"] for node in lineage["nodes"]}
    assert all(edge["child"] in ids and edge["parent"] in ids for edge in lineage["edges"])
    assert {"bar", "briefing", "llm_exchange", "order", "fill", "archive_entry"} <= kinds
    archive = Archive(home / "archive")
    exchange = next(
        node
        for node in lineage["nodes"]
        if node["kind"] == "llm_exchange" and node.get("spender") == chosen["model"]
    )
    assert json.loads(archive.get(exchange["sent_sha256"]))["model"].startswith("sandbox/")
    assert json.loads(archive.get(exchange["reply_sha256"]))["choices"]


def test_an_unknown_id_is_named(built):
    result = arena(built[0], "lineage", "decision:nobody:2025-09-15T08:30")
    assert result.returncode == 2
    assert "decision:nobody:2025-09-15T08:30" in result.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("decisions", "--model", "nope"), "nope"),
        (("trades", "--model", "nope"), "nope"),
        (("decisions", "--session", "2025-10-25T08:30"), "2025-10-25T08:30 is no session of XETR"),
        (("decisions", "--session", "soon"), "'soon' is no session"),
    ],
)
def test_a_model_or_session_that_does_not_exist_is_refused(built, words, named):
    result = arena(built[0], *words)
    assert result.returncode == 2
    assert named in result.stderr


def test_every_invariant_holds(built):
    result = arena(built[0], "verify")
    assert result.returncode == 0, result.stdout
    assert "0 violations" in result.stdout


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE snapshots SET nav_cents = nav_cents + 1 WHERE model = 'cash'", "books balance"),
        ("UPDATE fills SET price = '1.0000'", "the replay gives what is stored"),
        (
            "UPDATE fills SET filled_at = '2020-01-01T00:00:00.000000+00:00'",
            "every fill is at a bar that came after its order",
        ),
        ("UPDATE fills SET price = '1.0000'", "every fill is at a bar that came after its order"),
        ("UPDATE fills SET bar = 'bar:none'", "every fill is at a bar that came after its order"),
        ("UPDATE orders SET accepted = 0", "every fill is at a bar that came after its order"),
        (
            "UPDATE snapshots SET cash_cents = cash_cents + 1, nav_cents = nav_cents + 1 "
            "WHERE model = 'equal-weight'",
            "the journal ends where the book does",
        ),
        (
            "INSERT INTO rejections (order_id, model, trading_day, symbol, side, rejected_at, reason, "
            "partition, recorded_at) SELECT order_id, model, trading_day, symbol, side, filled_at, "
            "'EXPIRED', partition, recorded_at FROM fills LIMIT 1",
            "an order ends once",
        ),
        ("DELETE FROM orders", "one version is in force"),
        ("UPDATE catalog SET digest = 'x' WHERE asset = 'momentum'", "every partition has its digest"),
        (
            "UPDATE OR IGNORE evidence SET child = 'briefing:2020-01-02T08:30:SAP.DE' "
            "WHERE parent LIKE 'article:%'",
            "nothing was known before its time",
        ),
        (
            "DELETE FROM orders; DELETE FROM decisions WHERE session = '2025-09-16T08:30'",
            "decisions follow each other",
        ),
        ("UPDATE fetches SET sha256 = 'ab'", "the archive has every byte it names"),
        ("UPDATE fills SET fee_cents = 0", "every fill costs its fee"),
        (
            "INSERT INTO evidence (child, parent, role, asset, partition, version) "
            "VALUES ('briefing:x', 'article:none', 'cites', 'briefings', 'x', 1)",
            "evidence leads somewhere",
        ),
        (
            "UPDATE evidence SET parent = replace(parent, '..2025-09-15', '..2025-09-16') "
            "WHERE child LIKE 'indicators:2025-09-16T08:30:%'",
            "every run of bars was known to its session",
        ),
        (
            "UPDATE evidence SET parent = replace(parent, '2025-09-15T08:30', '2025-09-16T08:30') "
            "WHERE child LIKE 'watchlist:2025-09-15T08:30:%'",
            "evidence is as old as what rests on it",
        ),
        (
            "UPDATE decisions SET contamination = 'contaminated' WHERE model = 'cash'",
            "a decision is judged by its models cutoff",
        ),
        (
            "UPDATE leaderboard SET row = replace(row, '100000.00', '999999.00') WHERE model = 'cash'",
            "the newest board is what the books make",
        ),
        ("DELETE FROM leaderboard WHERE model = 'cash'", "every model is on the board"),
    ],
)
def test_what_was_tampered_with_is_found_by_its_invariant(home, statement, invariant):
    check = next(each for each in INVARIANTS if each.__name__.replace("_", " ") == invariant)
    spoil(home, *statement.split("; "))
    with open_home(home) as spoilt:
        assert list(check(spoilt))


def test_verify_lists_each_violation_under_its_invariant_and_exits_with_1(home):
    spoil(home, "UPDATE fills SET fee_cents = 0")
    violations = document_of_failure(home, "verify")["violations"]
    assert "every fill costs its fee" in {entry["invariant"] for entry in violations}
    assert all(entry["problem"] for entry in violations)


def test_each_invariant_is_broken_by_a_case_above():
    (cases,) = (mark.args[1] for mark in test_what_was_tampered_with_is_found_by_its_invariant.pytestmark)
    assert {name for _, name in cases} == {each.__name__.replace("_", " ") for each in INVARIANTS}


def document_of_failure(home: Path, *words: str):
    result = arena(home, *words, "--json")
    assert result.returncode == 1, result.stderr
    return json.loads(result.stdout)


def open_home(home: Path):
    settings = load_settings(home.parent / "arena.toml", home=home)
    return Arena(settings, open_store(settings))


def test_a_replay_without_any_socket_reproduces_every_digest(built, socket_disabled):
    with open_home(built[0]) as again:
        result = rederive(again)
    assert result.problems == []
    assert result.digests > DAYS * MODELS


def test_a_home_without_its_lake_is_rebuilt_from_the_archive_without_any_socket(home, socket_disabled):
    shutil.rmtree(home / "lake")
    new = home.parent / "new"
    done = document(home, "rebuild", "--into", str(new))
    assert (done["home"], done["problems"]) == (str(new), [])
    assert done["digests"] > DAYS * MODELS
    with open_home(home) as old, open_home(new) as rebuilt:
        assert list(changed_partitions(rebuilt.store)) == []
        for asset in ("daily_bars", "briefings", "decisions", "leaderboard"):
            assert rebuilt.store.partitions(asset) == old.store.partitions(asset)
    assert document(new, "costs") == document(home, "costs")


def test_a_home_is_not_rebuilt_into_a_folder_that_holds_something(home):
    result = arena(home, "rebuild", "--into", str(home))
    assert result.returncode == 2
    assert "is not empty" in result.stderr


def test_one_changed_byte_fails_the_replay_and_is_named(home):
    entry = sorted((home / "archive").glob("*/*.zst"))[3]
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 0x40
    entry.write_bytes(content)
    result = document_of_failure(home, "replay")
    assert any(entry.stem in problem for problem in result["problems"])


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('start = "2025-09-15"', 'begin = "2025-09-15"', "arena.begin"),
        ('start = "2025-09-15"', 'start = "2025-12-25"', "no trading day"),
        ('start = "2025-09-15"', 'start = "2025-09-15"\nstarting_cash = "-1.00"', "starting_cash"),
        ('start = "2025-09-15"', 'start = "2025-09-15"\nfee_per_order = "NaN"', "fee_per_order"),
        ('"SAP.DE"', '"../etc"', "../etc"),
        ('strategy = "cash"', 'strategy = "luck"', "strategy"),
        ('id = "trend"', 'id = "news"', "news"),
        ('kind = "llm"', 'kind = "oracle"', "kind"),
        ("[universe]", '[prices]\nsource = "files"\npath = "nowhere"\n[universe]', "path"),
        ("[arena]", "[arena", "TOML"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_it_and_writes_nothing(tmp_path, old, new, named):
    (tmp_path / "arena.toml").write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
    result = arena(tmp_path / "home", "leaderboard")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1 or "TOML" in named
    assert "arena.toml" in result.stderr
    assert named in result.stderr
    assert not (tmp_path / "home").exists()


def test_a_session_of_the_future_is_refused(built):
    result = arena(built[0], "run", "2035-01-02T08:30")
    assert result.returncode == 2
    assert "2035-01-02" in result.stderr


@pytest.mark.slow
def test_the_run_of_a_session_catches_up_the_days_before_it(home):
    result = arena(home, "run", "2025-09-22T08:30")
    assert result.returncode == 0, result.stderr
    assert "wait" not in result.stdout
    sessions = {entry["session"] for entry in document(home, "decisions")["decisions"]}
    assert {"2025-09-19T08:30", "2025-09-19T14:00", "2025-09-22T08:30"} <= sessions


@pytest.mark.slow
def test_days_in_any_order_end_in_the_same_digests(built, tmp_path):
    (tmp_path / "arena.toml").write_text(CONFIG, encoding="utf-8")
    home = tmp_path / "home"
    first = arena(home, "backfill", "--from", LAST, "--to", LAST)
    assert "decisions from 2025-09-15T08:30 wait" in first.stdout
    second = arena(home, "backfill", "--from", FIRST, "--to", FIRST)
    assert second.returncode == 0, second.stderr
    with open_home(built[0]) as whole, open_home(home) as shuffled:
        for asset in (
            "daily_bars",
            "articles",
            "indicators",
            "briefings",
            "decisions",
            "trades",
            "leaderboard",
        ):
            assert shuffled.store.partitions(asset) == whole.store.partitions(asset), asset


def test_a_session_is_found_however_its_hour_is_written(built):
    written, loosely = (
        document(built[0], "decisions", "--session", key)["decisions"]
        for key in (f"{LAST}T08:30", f"{LAST}T8:30")
    )
    assert len(written) == MODELS
    assert loosely == written


@pytest.mark.parametrize("words", [("robustness",), ("ledger", "export")])
def test_a_day_before_the_arena_began_is_refused(built, words):
    result = arena(built[0], *words, "--as-of", "2001-01-02")
    assert result.returncode == 2
    assert f"the arena starts on {FIRST}" in result.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--cash", "1e30"), ("--cash", "-1"), ("--cash", "NaN"), ("--fee", "1e30"), ("--currency", "dollars")],
)
def test_an_import_with_an_impossible_option_is_refused_in_one_line(tmp_path, option, value):
    given = {"--prices": "p.csv", "--cash": "10000", option: value}
    result = arena(
        tmp_path / "home", "ledger", "import", "t.csv", *(word for pair in given.items() for word in pair)
    )
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {option} '{value}' is no")
    assert len(result.stderr.splitlines()) == 1


def test_another_arenas_ledger_is_imported(recorded_data, built):
    folder = recorded_data / "aitrader_us_daily"
    result = document(
        built[0],
        "ledger",
        "import",
        str(folder / "trades.csv"),
        "--prices",
        str(folder / "prices.csv"),
        "--cash",
        "10000",
        "--fee",
        "0",
        "--currency",
        "USD",
    )
    assert len(result["models"]) == 6
    assert sum(len(model["states"]) for model in result["models"]) >= 352


def test_a_briefing_says_which_cross_of_the_averages_is_in_force(built):
    settings = load_settings(built[0].parent / "arena.toml", home=built[0])
    store = open_store(settings)
    briefings = [repr(row) for row in store.rows("briefings")]
    store.close()
    said = [text for text in briefings if "golden cross" in text or "death cross" in text]
    assert len(said) == len(briefings) > 0


def test_the_doctor_shows_what_the_vendors_cover_and_needs_no_key(built, monkeypatch):
    for name in ("ALPHAVANTAGE_API_KEY", "FINNHUB_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, "")
    found = document(built[0], "doctor")
    assert not [check for check in found["checks"] if check["state"] == "failed"]
    vendors = {entry["vendor"]: entry for entry in found["vendors"]}
    assert list(vendors) == [
        "yahoo",
        "files",
        "feeds",
        "alphavantage",
        "finnhub",
        "search",
        "article",
        "model endpoint",
        "sandbox",
    ]
    assert vendors["alphavantage"]["counts"]["shares"] == 4
    assert vendors["finnhub"]["counts"]["covered"] == 4
    assert vendors["yahoo"]["coverage"] == f"5 of 5 have a bar of {LAST}"
    assert vendors["sandbox"]["reachable"].startswith("yes")
    simulated = {name for name, entry in vendors.items() if entry["state"] == "simulated"}
    assert simulated == {"yahoo", "feeds", "alphavantage", "finnhub", "model endpoint"}
    assert all(vendors[name]["last_success"] for name in simulated)
    assert all(entry["without"] for entry in vendors.values())


def test_the_doctor_fails_with_a_remedy_where_what_is_configured_does_not_work(home, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    config = home.parent / "arena.toml"
    llm = 'base_url = "http://127.0.0.1:9/v1"\napi_key_env = "SOME_KEY"'
    config.write_text(config.read_text().replace('base_url = "sandbox"', llm))
    result = arena(home, "doctor")
    assert result.returncode == 1
    assert "model endpoint failed (no: the model endpoint gave no answer" in result.stdout
    assert "): check the network, and the vendor's address in arena.toml" in result.stdout
    as_json = arena(home, "doctor", "--json")
    (endpoint,) = [v for v in json.loads(as_json.stdout)["vendors"] if v["vendor"] == "model endpoint"]
    assert (as_json.returncode, endpoint["state"], endpoint["key"]) == (1, "failed", "SOME_KEY is set")
    assert "very-secret" not in result.stdout + result.stderr + as_json.stdout + as_json.stderr
    assert arena(home, "doctor", "--offline").returncode == 0
    monkeypatch.setenv("SOME_KEY", "")
    config.write_text(config.read_text().replace("http://127.0.0.1:9/v1", "https://models.test/v1"))
    open_arena.cache_clear()
    result = arena(home, "doctor", "--offline")
    assert result.returncode == 1
    assert "model endpoint failed (no key): set SOME_KEY in .env or the environment" in result.stdout

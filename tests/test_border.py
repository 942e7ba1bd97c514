"""Wrong input at the border: one line that names where it is and what to do, exit code 2, nothing written."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.cli import main
from arena_pipeline.errors import ConfigError
from arena_pipeline.settings import load_settings

BASELINE = '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
HEADER = "Date,Open,High,Low,Close,Volume\n2025-09-15,10,11,9,10.5,100\n"
BACKFILL = ("backfill", "--from", "2025-09-15", "--to", "2025-09-15")


def refused(folder: Path, *words: str, text: str = BASELINE, **variables: str) -> str:
    """What a command says that is refused in a folder with this arena.toml, and leaves it as it was."""
    (folder / "arena.toml").write_text(text, encoding="utf-8")
    there = sorted(folder.rglob("*"))
    before = dict(os.environ)
    arena = {"ARENA_CONFIG": str(folder / "arena.toml"), "ARENA_HOME": str(folder / "home")}
    os.environ.update(arena | variables)
    err = io.StringIO()
    try:
        with pytest.raises(SystemExit) as stop, contextlib.redirect_stderr(err):
            main(list(words))
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert stop.value.code == 2, err.getvalue()
    assert err.getvalue().startswith("error: ")
    assert len(err.getvalue().strip().splitlines()) == 1
    assert sorted(folder.rglob("*")) == there
    return err.getvalue()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[arena]\nstarting_cash = "1e30"\n', "arena.starting_cash"),
        ('[arena]\nstarting_cash = "99999999999999999999.00"\n', "arena.starting_cash"),
        ('[arena]\nstarting_cash = "0"\n', "arena.starting_cash"),
        ('[arena]\nfee_per_order = "1e30"\n', "arena.fee_per_order"),
        ('[arena]\nmarket = "FOO"\n', "arena.market = 'FOO'"),
        ('[research]\nsearch_ca_file = "nowhere.pem"\n', "search_ca_file"),
        ('[research]\nsearch_ca_file = "arena.toml"\n', "holds no certificates in PEM"),
        ('[[universe]]\nsymbols = ["SAP.DE"]\n', "universe: "),
        ('arena = "x"\n', "arena: "),
        ('[universe]\nsymbols = ["SAP.DE", "FOO.DE"]\n', "universe.symbols: the sandbox has only"),
    ],
)
def test_a_wrong_setting_names_the_file_and_its_key(tmp_path: Path, text: str, named: str) -> None:
    said = refused(tmp_path, *BACKFILL, text=text + BASELINE)
    assert "arena.toml" in said
    assert named in said


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("ARENA_HOME", "/proc/x", "/proc/x"),
        ("ARENA_HOME", "{folder}/arena.toml", "is no folder"),
        ("ARENA_HOME", "{folder}/arena.toml/home", "is no folder"),
        ("ARENA_LEDGER_URL", "foo", "sqlite:////"),
        ("ARENA_LEDGER_URL", "nodb://secret@host/arena", "nodb://…"),
        ("ARENA_LEDGER_URL", "sqlite:////proc/x/ledger.db", "/proc/x"),
        ("ARENA_LAKE_URL", "ftp://host/lake", "s3://bucket/lake"),
        ("ARENA_LAKE_URL", "{folder}/arena.toml", "is no folder"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str, named: str) -> None:
    said = refused(tmp_path, "leaderboard", **{variable: value.format(folder=tmp_path)})
    assert variable in said
    assert named in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("variable", "url", "module", "extra"),
    [
        ("ARENA_LEDGER_URL", "postgresql+psycopg2://user:secret@host/arena", "psycopg2", "[postgres]"),
        ("ARENA_LAKE_URL", "s3://bucket/lake", "s3fs", "[s3]"),
        ("ARENA_LAKE_URL", "gs://bucket/lake", "gcsfs", "[gcs]"),
    ],
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    said = refused(tmp_path, "leaderboard", **{variable: url})
    assert variable in said
    assert f"sentiment-arena{extra}" in said
    assert "secret" not in said


def files(folder: Path, *symbols: str, **keys: str) -> str:
    (folder / "prices").mkdir()
    for symbol in symbols:
        (folder / "prices" / f"{symbol}.csv").write_text(HEADER, encoding="utf-8")
    (folder / "index.csv").write_text(HEADER, encoding="utf-8")
    paths = {"path": "prices", "benchmark_path": "index.csv"} | keys
    return (
        '[universe]\nsymbols = ["SAP.DE", "SIE.DE"]\n[prices]\nsource = "files"\n'
        + "".join(f'{key} = "{path}"\n' for key, path in paths.items())
        + BASELINE
    )


def test_a_symbol_without_a_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    said = refused(tmp_path, *BACKFILL, text=files(tmp_path, "SAP.DE"))
    assert "prices.path" in said
    assert "has no prices of SIE.DE" in said


def test_a_folder_without_prices_is_named_with_its_key(tmp_path: Path) -> None:
    said = refused(tmp_path, *BACKFILL, text=files(tmp_path))
    assert "prices.path" in said
    assert "holds no .csv or .parquet file" in said
    assert "benchmark_path" not in said


def test_a_backfill_names_the_shares_of_which_it_found_no_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = files(tmp_path, "SAP.DE", "SIE.DE") + '[news]\nsource = "none"\n'
    (tmp_path / "prices/SIE.DE.csv").write_text(HEADER.replace("-15,", "-12,"), encoding="utf-8")
    (tmp_path / "arena.toml").write_text(text, encoding="utf-8")
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE", "ARENA_LEDGER_URL", "ARENA_LAKE_URL"):
        monkeypatch.setenv(name, "")  # so that what the command sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARENA_CONFIG", str(tmp_path / "arena.toml"))
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit):
        main([*BACKFILL, "--assets", "daily_bars"])
    assert capsys.readouterr().out.strip().endswith("without prices: SIE.DE")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://127.0.0.1:9/v1", "no language model can be asked"),
        ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY is not set"),
    ],
)
def test_a_backfill_does_not_begin_where_its_models_cannot_be_asked(
    tmp_path: Path,
    url: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (
        f'[news]\nsource = "none"\n[fundamentals]\nsource = "none"\n[llm]\nbase_url = "{url}"\n'
        '[[models]]\nid = "m"\nkind = "llm"\nmodel = "maker/m"\n'
    )
    (tmp_path / "arena.toml").write_text(files(tmp_path, "SAP.DE", "SIE.DE") + text, encoding="utf-8")
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARENA_CONFIG", str(tmp_path / "arena.toml"))
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit) as stop:
        main(list(BACKFILL))
    assert stop.value.code in (1, 2)
    assert named in capsys.readouterr().err
    settings = load_settings(tmp_path / "arena.toml", home=tmp_path / "home")
    with Arena(settings, open_store(settings)) as arena:
        assert arena.store.partitions("daily_bars") == {}


def test_a_benchmark_without_rows_is_refused(tmp_path: Path) -> None:
    text = files(tmp_path, "SAP.DE", "SIE.DE")
    (tmp_path / "index.csv").write_text("Date,Open,High,Low,Close\n", encoding="utf-8")
    said = refused(tmp_path, "run", "2025-09-15T08:30", text=text)
    assert "prices.benchmark_path" in said
    assert "^GDAXI" in said


def test_a_driver_that_is_there_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arena.toml").write_text(BASELINE, encoding="utf-8")
    monkeypatch.setenv("ARENA_LEDGER_URL", f"sqlite:///{tmp_path}/elsewhere.db")
    assert load_settings(tmp_path / "arena.toml", home=tmp_path).ledger_url.endswith("elsewhere.db")
    monkeypatch.setenv("ARENA_LEDGER_URL", "mysql://host/arena")
    with pytest.raises(ConfigError, match="ARENA_LEDGER_URL"):
        load_settings(tmp_path / "arena.toml", home=tmp_path)

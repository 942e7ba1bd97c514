"""The examples of docs/import.md: their files are written, their commands run, their output compared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arena_pipeline.cli import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RUNS = re.findall(r"^```console\n\$ arena (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, content in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARENA_CONFIG", str(ROOT / "arena.toml"))
    return tmp_path


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return stop.value.code, capsys.readouterr()


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_the_page_has_an_example_of_each_format():
    assert len(FILES) == 4
    assert len(RUNS) == 4


@pytest.mark.parametrize(("command", "shown"), RUNS)
def test_an_example_prints_what_the_page_shows(folder, capsys, command, shown):
    code, printed = run(capsys, *command.split())
    assert code == 0
    assert lines(printed.out) == lines(shown)


def test_the_board_is_part_of_the_document_only_where_it_was_asked_for(folder, capsys):
    words = ("ledger", "import", "trades.csv", "--prices", "prices.csv", "--cash", "1000", "--json")
    plain = json.loads(run(capsys, *words)[1].out)
    scored = json.loads(run(capsys, *words, "--score")[1].out)
    free = json.loads(run(capsys, *words, "--score", "--fee", "0")[1].out)
    assert list(plain) == ["currency", "models", "rejections", "ignored"]
    assert free.pop("board")["assessment"]["terms"]["fee_per_order"] == "0.00"
    assert free == plain
    assert scored["board"]["assessment"]["terms"]["fee_per_order"] == "5.00"


def test_a_benchmark_is_compared_on_a_board_and_nowhere_else(folder, capsys):
    benchmark = folder / "index.csv"
    benchmark.write_text("date,close\n2025-01-01,10\n2025-01-06,11\n", encoding="utf-8")
    words = ("ledger", "import", "trades.csv", "--prices", "prices.csv", "--cash", "1000")
    code, printed = run(capsys, *words, "--benchmark", "index.csv")
    assert (code, "add --score" in printed.err) == (2, True)
    code, printed = run(capsys, *words, "--benchmark", "index.csv", "--score")
    assert (code, "+10.00%" in printed.out) == (0, True)
    benchmark.write_text("date,close\n2025-01-01,10\n2025-01-01,11\n", encoding="utf-8")
    code, printed = run(capsys, *words, "--benchmark", "index.csv", "--score")
    assert (code, "a second close" in printed.err) == (2, True)


def test_a_name_that_looks_like_markup_is_printed_as_it_is(folder, capsys):
    (folder / "odd.csv").write_text(
        "model,seq,date,action,symbol,qty\n[/bold],1,2025-01-02,buy,[red]X[/],1\n", encoding="utf-8"
    )
    code, printed = run(
        capsys, "ledger", "import", "odd.csv", "--prices", "prices.csv", "--cash", "1000", "--format", "csv"
    )
    assert code == 0
    assert "[/bold]" in printed.out
    assert "[red]X[/]" in printed.out


def test_an_unknown_format_is_an_error_that_names_the_known_ones(folder, capsys):
    words = ("ledger", "import", "trades.csv", "--prices", "prices.csv", "--cash", "1000", "--format", "xml")
    code, printed = run(capsys, *words)
    assert code == 2
    assert "use csv, jsonl, aitrader" in printed.err

"""The journal that the API gives is the file that the command prints, and has a book behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arena_api.app import create_app
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.settings import load_settings
from tests.api.conftest import asked_by
from tests.assets.conftest import Steps, World

PROJECT = Path(__file__).parents[2]
JOURNAL = "/api/exports/journal"


def printed(folder: Path, *words: str) -> bytes:
    """What `arena ledger export` prints for the arena of a folder."""
    command = [sys.executable, "-m", "arena_pipeline.cli", "ledger", "export", *words]
    variables = {"ARENA_HOME": str(folder / "home"), "ARENA_CONFIG": str(folder / "arena.toml")}
    done = subprocess.run(
        command, env={**os.environ, **variables}, cwd=PROJECT, capture_output=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_it_is_the_file_that_the_command_prints(tmp_path):
    world = World(tmp_path, trading_calendar("XETR"))
    arena = world.arena()
    Steps().all(arena, world.days()[:3])
    arena.close()
    settings = load_settings(tmp_path / "arena.toml", home=tmp_path / "home")
    with asked_by(create_app(settings)) as client:
        whole = client.get(JOURNAL)
        assert whole.content == printed(tmp_path, "--format", "beancount")
        assert whole.headers["content-type"] == "text/plain; charset=utf-8"
        assert whole.headers["content-disposition"] == 'attachment; filename="journal.beancount"'
        assert b"balance Assets:Equal-weight:Cash" in whole.content
        first = f"as_of={world.days()[0]}&model=equal-weight&format=json"
        part = client.get(f"{JOURNAL}?{first}")
        assert part.content == printed(
            tmp_path, "--format", "json", "--as-of", str(world.days()[0]), "--model", "equal-weight"
        )
        assert list(part.json()["journals"]) == ["equal-weight"]
        assert client.get(JOURNAL, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        assert len(json.dumps(part.json())) < len(whole.content)


@pytest.mark.slow
def test_a_book_that_cannot_be_replayed_is_a_conflict_without_the_inside(client, home):
    (home / "arena.toml").write_text(
        '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
        '[[models]]\nid = "tester"\nkind = "llm"\nmodel = "sandbox/tester"\n'
    )
    answer = client.get(JOURNAL)
    assert answer.status_code == 409
    assert "book does not reach so far" in answer.json()["detail"]
    assert str(home) not in answer.text


def test_without_a_book_there_is_no_journal_and_no_process(client, before_the_first_run, tmp_path):
    assert before_the_first_run.get(JOURNAL).status_code == 404
    assert not (tmp_path / "nothing").exists()
    assert client.get(f"{JOURNAL}?model=nobody").status_code == 404
    assert client.get(f"{JOURNAL}?model=cash").status_code == 404
    assert client.get(f"{JOURNAL}?format=csv").status_code == 422
    assert client.get(f"{JOURNAL}?to=2025-09-15").status_code == 422

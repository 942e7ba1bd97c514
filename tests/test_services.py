"""`arena up`: what it says when it cannot start, and when one of its two programs ends."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import pytest

from arena_pipeline.cli import main
from arena_pipeline.errors import ArenaError
from arena_pipeline.services import Service, run_services


@pytest.fixture
def taken():
    """A port on which something listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "arena.toml").write_text('[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n')
    monkeypatch.setenv("ARENA_CONFIG", str(tmp_path / "arena.toml"))
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("option", ["--port", "--dagster-port"])
def test_a_port_in_use_is_refused_before_anything_starts(home, taken, option, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["up", option, str(taken)])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert str(taken) in said
    assert option in said
    assert not home.exists()


def test_one_port_for_both_is_refused(home, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["up", "--port", "18765", "--dagster-port", "18765"])
    assert stop.value.code == 2
    assert "are both 18765" in capsys.readouterr().err


def python(name, code):
    return Service(name, [sys.executable, "-c", code], 0, "--port")


def test_a_program_that_ends_by_itself_is_named_and_the_other_is_stopped(tmp_path):
    waits = (
        f"import pathlib, time\ntry: time.sleep(60)\nfinally: pathlib.Path({str(tmp_path)!r}, 'x').touch()"
    )
    ends = "import time; time.sleep(1); raise SystemExit(3)"
    with pytest.raises(ArenaError, match="the API ended by itself with exit code 3"):
        run_services([python("Dagster UI", waits), python("API", ends)], os.environ, lambda: None)
    assert (tmp_path / "x").exists()


def test_a_person_stops_both_without_an_error():
    said = []
    stopper = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    stopper.start()
    began = time.monotonic()
    run_services([python("API", "import time; time.sleep(60)")], os.environ, lambda: said.append("stopping"))
    assert said == ["stopping"]
    assert time.monotonic() - began < 30

"""The arena's border: what it asks of vendors is counted, what the sandbox answers is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.settings import load_settings
from arena_pipeline.sources.recorder import Failure, MemoryRecorder

RSS = '<rss version="2.0"><channel><item><title>SAP gains</title><link>https://x.de/1</link></item></channel></rss>'
FIRST, LAST = date(2025, 9, 15), date(2025, 9, 16)
MODELS = '\n[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "arena.toml"


def arena(file: Path, text: str) -> Arena:
    file.write_text(text + MODELS)
    settings = load_settings(file, home=file.parent / "home")
    return Arena(settings, open_store(settings))


def feeds(server: HTTPServer) -> str:
    return f'[news]\nsource = "feeds"\n[[news.feeds]]\nname = "wire"\nurl = "{server.url_for("/rss")}"\n'


@pytest.fixture
def wired(httpserver: HTTPServer, file: Path) -> Iterator[Arena]:
    with arena(file, feeds(httpserver)) as made:
        yield made


def test_a_vendor_s_calls_are_counted_in_the_home_and_stay_counted(
    httpserver: HTTPServer, wired: Arena, file: Path
) -> None:
    httpserver.expect_request("/rss").respond_with_data(RSS, content_type="application/rss+xml")
    (reply,) = wired.feeds(MemoryRecorder()).collect(["SAP.DE"], FIRST, LAST)
    assert reply.broken is None
    wired.close()
    with arena(file, feeds(httpserver)) as again:
        assert {(left.vendor, left.used) for left in again.vendor_budget.left()} >= {("feed-wire", 1)}
    assert (file.parent / "home" / "vendor_calls.db").is_file()


def test_what_the_sandbox_answers_is_not_counted(file: Path) -> None:
    with arena(file, '[universe]\nsymbols = ["SAP.DE"]\n[news]\nsource = "sandbox"\n') as made:
        replies = made.feeds(MemoryRecorder()).collect(["SAP.DE"], FIRST, LAST)
        assert [reply.broken for reply in replies] == [None, None]
        assert made.vendor_budget.left() == []
    assert not (file.parent / "home" / "vendor_calls.db").exists()


def test_every_client_of_a_run_knows_which_host_failed(httpserver: HTTPServer, wired: Arena) -> None:
    httpserver.expect_request("/rss").respond_with_data("", status=404)
    host = f"localhost:{httpserver.port}"
    for _ in range(3):
        wired.breaker.failed(host)
    (reply,) = wired.feeds(MemoryRecorder()).collect(["SAP.DE"], FIRST, LAST)
    assert reply.recorded.kind is Failure.HELD_BACK
    assert reply.broken is not None
    assert "left alone" in reply.broken

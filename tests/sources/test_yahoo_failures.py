"""Yahoo fails on one share of many, on some, or on all: what came is kept, what did not is named, and nothing
is asked for more than a few times. All requests are counted, those for crumbs and consent too."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.errors import RateLimited, SourceError, VendorRefused
from arena_pipeline.sources.budget import Limit, Spent
from arena_pipeline.sources.prices import Gap
from arena_pipeline.sources.recorder import MemoryRecorder, Recorder
from arena_pipeline.sources.yahoo import YahooPrices
from arena_pipeline.sources.yahoo_session import MOST_REQUESTS
from arena_pipeline.warehouse.recorder import Collection
from arena_pipeline.warehouse.store import ArenaStore
from tests.sources.yahoo_world import XETR, Share, YahooWorld, walk

NOW = datetime(2025, 10, 24, 20, 0, tzinfo=UTC)
MONDAY, FRIDAY = date(2025, 10, 20), date(2025, 10, 24)
SHARES = [f"S{number:02}.DE" for number in range(13)]
BAD = SHARES[3]


@pytest.fixture
def world(httpserver: HTTPServer) -> YahooWorld:
    world = YahooWorld(httpserver, lambda: NOW)
    days = walk(date(2025, 10, 6), FRIDAY, "120.00", seed=3)
    world.shares = {symbol: Share(days) for symbol in SHARES}
    return world


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Collection]:
    """A recorder as an arena has it: it recalls what it has just recorded."""
    store = ArenaStore(
        ledger_url=f"sqlite:///{tmp_path}/ledger.db",
        lake_url=f"{tmp_path}/lake",
        archive_folder=str(tmp_path / "archive"),
    )
    yield Collection(store, "daily_bars", [str(FRIDAY)], NOW)
    store.close()


def prices(world: YahooWorld, recorder: Recorder, url: str | None = None) -> YahooPrices:
    return YahooPrices(
        recorder,
        clock=lambda: NOW,
        calendar=XETR,
        max_jump=0.35,
        base_url=url or world.url,
        timeout=2.0,
    )


def chart_of(symbol: str) -> str:
    return f"/v8/finance/chart/{symbol}"


@pytest.mark.parametrize(
    ("status", "body", "gap", "tries"),
    [
        (500, "oops", Gap.NO_ANSWER, 2),
        (200, "<html>consent</html>", Gap.NO_CHART, 1),
        (200, "", Gap.NO_CHART, 1),
    ],
)
def test_one_share_of_many_that_fails_costs_one_share(
    world: YahooWorld, live: Collection, status: int, body: str, gap: Gap, tries: int
) -> None:
    world.broken[BAD] = (status, body)
    reply = prices(world, live).daily(SHARES, MONDAY, FRIDAY)
    assert {bar.symbol for bar in reply.bars} == {*SHARES} - {BAD}
    assert reply.gaps == {BAD: gap}
    assert reply.missing.keys() == {BAD}
    assert BAD in reply.missing[BAD]
    assert world.asked[chart_of(BAD)] == tries
    assert max(world.asked.values()) <= 2
    assert sum(world.asked.values()) <= len(SHARES) + MOST_REQUESTS


def test_a_share_that_fails_once_is_there(world: YahooWorld) -> None:
    world.failing = world.failing + type(world.failing)({BAD: 1, SHARES[0]: 1})
    recorder = MemoryRecorder()
    reply = prices(world, recorder).daily(SHARES, MONDAY, FRIDAY)
    assert (reply.missing, reply.gaps) == ({}, {})
    assert list(dict.fromkeys(bar.symbol for bar in reply.bars)) == SHARES
    recorder.offline = True
    assert prices(world, recorder).daily(SHARES, MONDAY, FRIDAY) == reply


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, SourceError), (403, VendorRefused), (401, VendorRefused), (429, RateLimited), (200, SourceError)],
)
@pytest.mark.parametrize("symbols", [SHARES[:1], SHARES])
def test_where_all_fail_it_is_an_error_and_yahoo_is_left_alone(
    world: YahooWorld, status: int, error: type[SourceError], symbols: list[str]
) -> None:
    world.broken = dict.fromkeys(SHARES, (status, "no"))
    with pytest.raises(error) as raised:
        prices(world, MemoryRecorder()).daily(symbols, MONDAY, FRIDAY)
    assert type(raised.value) is error
    assert SHARES[0] in str(raised.value)
    assert max(world.asked.values()) <= 2
    assert sum(world.asked.values()) <= (MOST_REQUESTS if len(symbols) == 1 else 3 + len(SHARES))


@pytest.mark.parametrize("status", [401, 403, 429])
def test_after_a_refusal_nobody_else_is_asked_for(world: YahooWorld, status: int) -> None:
    refused = SHARES[6]  # the first three are asked for well before it, the last one after
    world.broken[refused] = (status, "Too Many Requests")
    recorder = MemoryRecorder()
    reply = prices(world, recorder).daily(SHARES, MONDAY, FRIDAY)
    assert reply.gaps[refused] is (Gap.RATE_LIMITED if status == 429 else Gap.REFUSED)
    assert reply.gaps[SHARES[-1]] is Gap.NOT_ASKED
    assert {bar.symbol for bar in reply.bars} >= {*SHARES[:3]}
    assert {bar.symbol for bar in reply.bars} | reply.gaps.keys() == {*SHARES}
    assert world.asked[chart_of(SHARES[-1])] == 0
    recorder.offline = True
    assert prices(world, recorder).daily(SHARES, MONDAY, FRIDAY) == reply


def test_a_failing_crumb_is_asked_for_once_and_the_charts_come_without_it(world: YahooWorld) -> None:
    world.broken = dict.fromkeys(SHARES[:4], (500, "no"))
    reply = prices(world, MemoryRecorder()).daily(SHARES, MONDAY, FRIDAY)
    assert len(reply.gaps) == 4
    assert {path: count for path, count in world.asked.items() if not path.startswith("/v8/")} == {
        "/": 1,
        "/v1/test/getcrumb": 1,
        "/consent": 1,
    }


def test_a_redirect_that_never_ends_is_followed_four_times(world: YahooWorld, httpserver: HTTPServer) -> None:
    asked: list[str] = []
    with _redirecting(asked) as url, pytest.raises(SourceError, match="redirected more than 4 times"):
        prices(world, MemoryRecorder(), url).daily([BAD], MONDAY, FRIDAY)
    charts = [path for path in asked if path.startswith("/v8/")]
    assert len(charts) == MOST_REQUESTS


def test_a_connection_that_breaks_is_tried_twice(world: YahooWorld) -> None:
    connected: list[int] = []
    with _hanging_up(connected) as url, pytest.raises(SourceError, match="gave no answer"):
        prices(world, MemoryRecorder(), url).daily([BAD], MONDAY, FRIDAY)
    assert len(connected) <= MOST_REQUESTS


class SmallBudget:
    """A budget with so many calls in it."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def take(self, vendor: str) -> Spent | None:
        self.calls -= 1
        return None if self.calls >= 0 else Spent(vendor, Limit(22, 3600), 3000.0)


def test_what_our_budget_does_not_reach_is_not_asked_and_said(world: YahooWorld) -> None:
    recorder = MemoryRecorder()
    source = YahooPrices(
        recorder,
        clock=lambda: NOW,
        calendar=XETR,
        max_jump=0.35,
        base_url=world.url,
        budget=SmallBudget(9),
    )
    reply = source.daily(SHARES, MONDAY, FRIDAY)
    assert len({bar.symbol for bar in reply.bars}) == 7
    assert set(reply.gaps.values()) == {Gap.NOT_ASKED}
    assert any("used up" in why for why in reply.missing.values())


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5.0)
        yield server


@contextmanager
def _hanging_up(connected: list[int]) -> Iterator[str]:
    """A server that reads and says nothing."""
    with _listening() as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    connected.append(1)
                    client.recv(4096)

        yield from _served(server, serve)


@contextmanager
def _redirecting(asked: list[str]) -> Iterator[str]:
    """A server that sends everybody on to itself."""
    with _listening() as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    path = client.recv(4096).split(b" ")[1].decode()
                    asked.append(path)
                    client.sendall(
                        f"HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n"
                        "Connection: close\r\n\r\n".encode()
                    )

        yield from _served(server, serve)


def _served(server: socket.socket, serve: object) -> Iterator[str]:
    thread = threading.Thread(target=serve, daemon=True)  # type: ignore[arg-type]
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    thread.join()

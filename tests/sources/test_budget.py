"""Budgets over real processes and restarts, and what a client does when one is used up."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import RateLimited, SourceError
from arena_pipeline.sources.budget import (
    Limit,
    Spent,
    Unmetered,
    VendorBudget,
    shipped_limits,
    wait_for_turn,
)
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import Failure, MemoryRecorder, Recorded, unanswered

NOW = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
DAY = 86_400.0
FIVE_A_DAY = {"default": (Limit(2, 1.0), Limit(5, DAY))}

ASK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from arena_pipeline.sources.budget import Limit, VendorBudget
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder

budget = VendorBudget(Path(sys.argv[1]), limits={"default": (Limit(20, 86400),)})
http = Http(MemoryRecorder(), clock=lambda: datetime.now(UTC), budget=budget, attempts=1)
print("ready", flush=True)
sys.stdin.readline()
answers = [http.get("vendor", f"{sys.argv[2]}?n={n}") for n in range(30)]
print(sum(answer.status == 200 for answer in answers), sum(answer.kind is not None for answer in answers))
"""

TAKE = """
import sys
from pathlib import Path
from arena_pipeline.sources.budget import Limit, VendorBudget

budget = VendorBudget(Path(sys.argv[1]), limits={"default": (Limit(400, 86400),)})
print("ready", flush=True)
sys.stdin.readline()
print(sum(budget.take("vendor") is None for _ in range(600)))
"""


class Time:
    """A clock in seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def opened(
    file: Path, limits: dict[str, tuple[Limit, ...]], clock: Callable[[], float]
) -> Iterator[VendorBudget]:
    budget = VendorBudget(file, limits=limits, clock=clock)
    yield budget
    budget.close()


def count(server: HTTPServer, path: str, *responses: Response) -> list[Request]:
    asked: list[Request] = []

    def handle(request: Request) -> Response:
        asked.append(request)
        return responses[min(len(asked), len(responses)) - 1]

    server.expect_request(path).respond_with_handler(handle)
    return asked


def together(program: str, *arguments: str) -> list[list[int]]:
    """What two processes print that start at the same moment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [[int(word) for word in process.communicate(timeout=60)[0].split()] for process in processes]


def test_two_processes_that_share_twenty_calls_make_exactly_twenty(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    asked = count(httpserver, "/a", Response("fine"))
    results = together(ASK, str(tmp_path / "calls.db"), httpserver.url_for("/a"))
    assert sum(made for made, _ in results) == 20
    assert sum(refused for _, refused in results) == 40
    assert len(asked) == 20


def test_two_processes_that_count_as_fast_as_they_can_never_count_one_too_few(tmp_path: Path) -> None:
    results = together(TAKE, str(tmp_path / "calls.db"))
    assert sum(made for (made,) in results) == 400


def test_a_day_s_calls_stay_spent_over_a_restart_and_come_back_after_a_day(tmp_path: Path) -> None:
    clock = Time()
    with opened(tmp_path / "calls.db", FIVE_A_DAY, clock) as budget:
        for _ in range(5):
            assert budget.take("vendor") is None
            clock.seconds += 10
    with opened(tmp_path / "calls.db", FIVE_A_DAY, clock) as budget:
        spent = budget.take("vendor")
        assert spent is not None
        assert spent.limit == Limit(5, DAY)
        assert spent.seconds == pytest.approx(DAY - 50, abs=0.01)
        assert budget.take("another") is None
        clock.seconds += spent.seconds
        assert budget.take("vendor") is None
        assert budget.take("vendor") is not None


def test_a_morning_s_collection_has_all_its_calls_though_the_day_before_s_ran_later(tmp_path: Path) -> None:
    clock = Time()
    with opened(tmp_path / "calls.db", dict(shipped_limits()), clock) as budget:
        for began in (40.0, DAY + 25, 2 * DAY, 3 * DAY - 3600):
            clock.seconds = 1_700_000_000.0 + began
            for _ in range(25):
                assert budget.take("alphavantage") is None
                clock.seconds += 1.3
            assert budget.take("alphavantage") is not None


def test_a_refused_call_is_not_counted(tmp_path: Path) -> None:
    clock = Time()
    with opened(tmp_path / "calls.db", {"default": (Limit(1, 1.0), Limit(5, DAY))}, clock) as budget:
        assert budget.take("vendor") is None
        assert [budget.take("vendor") is not None for _ in range(20)] == [True] * 20
        assert [left.left for left in budget.left()] == [0, 4]


def test_what_is_left_can_be_read_and_reading_makes_no_file(tmp_path: Path) -> None:
    clock = Time()
    with opened(tmp_path / "new" / "calls.db", FIVE_A_DAY, clock) as budget:
        assert budget.left() == []
        assert not (tmp_path / "new").exists()
        budget.take("feed-b")
        budget.take("a")
        clock.seconds += 2
        budget.take("a")
        assert [(left.vendor, left.limit.calls, left.used, left.left) for left in budget.left()] == [
            ("a", 2, 1, 1),
            ("a", 5, 2, 3),
            ("feed-b", 2, 0, 2),
            ("feed-b", 5, 1, 4),
        ]


def test_a_vendor_s_name_is_never_sql(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.db", FIVE_A_DAY, Time()) as budget:
        budget.take("b")
        for name in ('a"; DROP TABLE b; --', "a'; DROP TABLE b; --"):
            with pytest.raises(ValueError, match="vendor"):
                budget.take(name)
        assert [left.vendor for left in budget.left()] == ["b", "b"]


def test_the_limits_of_a_kind_hold_for_each_vendor_of_it(tmp_path: Path) -> None:
    budget = VendorBudget(tmp_path / "calls.db")
    assert budget.limits_of("feed-yahoo") == shipped_limits()["feed"]
    assert budget.limits_of("alphavantage") == (Limit(1, 1.2), Limit(25, 80_000))
    assert budget.limits_of("finnhub") == (Limit(30, 1), Limit(60, 60))
    assert budget.limits_of("never-heard-of") == shipped_limits()["default"]


def test_every_shipped_limit_is_wider_and_slower_than_the_one_before(tmp_path: Path) -> None:
    for limits in shipped_limits().values():
        for before, after in itertools.pairwise(limits):
            assert (before.calls, before.seconds) < (after.calls, after.seconds)
            assert before.calls / before.seconds >= after.calls / after.seconds


def test_retries_and_redirects_count(httpserver: HTTPServer, tmp_path: Path) -> None:
    count(httpserver, "/a", Response("busy", 503), Response("", 302, headers={"Location": "/b"}))
    count(httpserver, "/b", Response("there"))
    with opened(tmp_path / "calls.db", {"default": (Limit(5, DAY),)}, Time()) as budget:
        http = Http(MemoryRecorder(), clock=lambda: NOW, budget=budget)
        assert http.get("vendor", httpserver.url_for("/a")).body == b"there"
        assert budget.left()[0].used == 3


def test_a_used_up_budget_is_recorded_as_not_asked_and_raised_as_rate_limited(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    asked = count(httpserver, "/a", Response("fine"))
    recorder = MemoryRecorder()
    with opened(tmp_path / "calls.db", {"default": (Limit(1, DAY),)}, Time()) as budget:
        http = Http(recorder, clock=lambda: NOW, budget=budget)
        assert http.get("vendor", httpserver.url_for("/a?n=1")).status == 200
        refused = http.get("vendor", httpserver.url_for("/a?n=2"))
    assert refused == Recorded(
        0, b"", NOW, failure="not asked: the budget for vendor is used up (1 calls in 24 h)"
    )
    assert refused.kind is Failure.HELD_BACK
    assert recorder.answers["vendor", "/a?n=2"] == refused
    assert len(asked) == 1
    error = unanswered("vendor for SAP.DE", refused)
    assert isinstance(error, RateLimited)
    assert error.remedy


def test_a_call_waits_its_turn_as_long_as_its_deadline_allows(httpserver: HTTPServer, tmp_path: Path) -> None:
    count(httpserver, "/a", Response("fine"))
    budget = VendorBudget(tmp_path / "calls.db", limits={"default": (Limit(1, 0.4),)})
    patient = Http(MemoryRecorder(), clock=lambda: NOW, budget=budget, timeout=5)
    hasty = Http(MemoryRecorder(), clock=lambda: NOW, budget=budget, timeout=0.1)
    assert [patient.get("vendor", httpserver.url_for("/a")).status for _ in range(3)] == [200, 200, 200]
    assert hasty.get("vendor", httpserver.url_for("/a")).kind is Failure.HELD_BACK
    budget.close()


def test_a_replay_spends_nothing(tmp_path: Path) -> None:
    recorder = MemoryRecorder(offline=True)
    recorder.answers["vendor", "/a"] = Recorded(200, b"old", NOW)
    budget = VendorBudget(tmp_path / "calls.db")
    assert (
        Http(recorder, clock=lambda: NOW, budget=budget).get("vendor", "http://127.0.0.1:9/a").status == 200
    )
    assert not (tmp_path / "calls.db").exists()


def test_without_a_file_to_count_in_nothing_is_sent(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = count(httpserver, "/a", Response("fine"))
    (tmp_path / "calls.db").write_bytes(b"no database, and long enough to be taken for a header of one" * 20)
    budget = VendorBudget(tmp_path / "calls.db")
    answer = Http(MemoryRecorder(), clock=lambda: NOW, budget=budget).get("vendor", httpserver.url_for("/a"))
    assert answer.kind is Failure.HELD_BACK
    assert asked == []
    with pytest.raises(SourceError, match="cannot be read"):
        budget.left()


def test_another_process_that_counts_is_waited_for(tmp_path: Path) -> None:
    budget = VendorBudget(tmp_path / "calls.db", limits=FIVE_A_DAY)
    assert budget.take("vendor") is None
    other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.rollback)
    release.start()
    begun = time.monotonic()
    assert budget.take("vendor") is None
    assert time.monotonic() - begun >= 0.25
    release.join()
    other.close()
    budget.close()


def test_a_client_of_its_own_takes_its_turn_or_is_rate_limited(tmp_path: Path) -> None:
    clock = Time()
    with opened(tmp_path / "calls.db", FIVE_A_DAY, clock) as budget:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            clock.seconds += seconds

        for _ in range(5):
            wait_for_turn(budget, "yahoo", seconds=5, sleep=sleep)
        assert sum(slept) == pytest.approx(2.0, abs=0.02)
        with pytest.raises(RateLimited, match="5 calls in 24 h"):
            wait_for_turn(budget, "yahoo", seconds=5, sleep=sleep)


def test_without_limits_every_call_is_allowed() -> None:
    assert Unmetered().take("sandbox") is None


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(25, DAY), "25 calls in 24 h"),
        (Limit(25, 80_000), "25 calls in 22.2 h"),
        (Limit(60, 60), "60 calls in 1 min"),
        (Limit(1, 1.2), "1 in 1.2 s"),
    ],
)
def test_a_limit_reads_like_a_sentence(limit: Limit, text: str) -> None:
    assert Spent("v", limit, 1).reason == f"not asked: the budget for v is used up ({text})"

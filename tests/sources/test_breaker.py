"""The circuit breaker: a host that keeps failing is left alone, and tried again by one caller at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import Failure, MemoryRecorder

NOW = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Vendor:
    """A vendor on loopback whose status a test sets, asked through a client with a breaker."""

    def __init__(self, server: HTTPServer) -> None:
        self.time = Time()
        self.status = 503
        self.asked = 0
        self._server = server
        self._http = Http(
            MemoryRecorder(),
            clock=lambda: NOW,
            attempts=1,
            breaker=CircuitBreaker(failures=3, pause=60, clock=self.time),
        )
        server.expect_request("/a").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.asked += 1
        return Response("text", self.status)

    def ask(self) -> int | Failure:
        answer = self._http.get("vendor", self._server.url_for("/a"))
        return answer.kind if answer.kind is not None else answer.status


def test_after_three_failed_calls_the_host_is_left_alone_and_the_reason_said(httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    assert [vendor.ask() for _ in range(5)] == [503, 503, 503, Failure.HELD_BACK, Failure.HELD_BACK]
    assert vendor.asked == 3
    reason = CircuitBreaker(failures=0).refusal("x.example:443")
    assert reason is None  # the first caller after a pause may always try
    breaker = CircuitBreaker(failures=1, pause=90)
    breaker.failed("x.example:443")
    assert breaker.refusal("x.example:443") == (
        "not asked: x.example failed 1 times in a row, and is left alone for 90 s"
    )


def test_after_the_pause_one_call_tries_and_success_closes_the_circuit(httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    for _ in range(3):
        vendor.ask()
    vendor.time.seconds, vendor.status = 61, 200
    assert [vendor.ask() for _ in range(3)] == [200, 200, 200]
    assert vendor.asked == 6


def test_a_trial_that_fails_opens_it_again(httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    for _ in range(3):
        vendor.ask()
    vendor.time.seconds = 61
    assert [vendor.ask() for _ in range(2)] == [503, Failure.HELD_BACK]
    assert vendor.asked == 4


def test_only_one_caller_tries_at_a_time() -> None:
    time = Time()
    breaker = CircuitBreaker(failures=1, pause=60, clock=time)
    breaker.failed("a:1")
    time.seconds = 60
    assert breaker.refusal("a:1") is None
    assert breaker.refusal("a:1") is not None
    time.seconds = 120
    assert breaker.refusal("a:1") is None


def test_a_success_in_between_begins_the_count_anew(httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    for status in (503, 503, 200, 503, 503, 200):
        vendor.status = status
        assert vendor.ask() == status


def test_a_refusal_of_the_request_is_no_failure_of_the_host(httpserver: HTTPServer) -> None:
    vendor = Vendor(httpserver)
    vendor.status = 404
    assert [vendor.ask() for _ in range(5)] == [404] * 5


def test_hosts_have_circuits_of_their_own() -> None:
    breaker = CircuitBreaker(failures=1)
    breaker.failed("a.example:443")
    assert breaker.refusal("a.example:443")
    assert breaker.refusal("b.example:443") is None
    assert breaker.refusal("a.example:80") is None

"""HTTP against a hostile loopback server: deadlines, sizes, retries, redirects, secrets, replays."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import logging
import logging.config
import os
import re
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import ArchiveMissing, DataError
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder, Recorded

NOW = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
SECRET = "s3cr3t/key+1"


def http(recorder: MemoryRecorder | None = None, **options: float) -> Http:
    limits = {"timeout": 5.0, "max_bytes": 10_000, "attempts": 3} | options
    return Http(
        recorder or MemoryRecorder(),
        clock=lambda: NOW,
        timeout=limits["timeout"],
        max_bytes=int(limits["max_bytes"]),
        attempts=int(limits["attempts"]),
    )


def answers(server: HTTPServer, path: str, *responses: Response) -> list[Request]:
    """Serve the responses one after another, the last one for ever; the list fills with the requests."""
    asked: list[Request] = []

    def handle(request: Request) -> Response:
        asked.append(request)
        return responses[min(len(asked), len(responses)) - 1]

    server.expect_request(path).respond_with_handler(handle)
    return asked


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers one connection byte by byte as `talk` likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                talk(connection)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()
        thread.join(5)


def test_an_answer_is_returned_and_recorded_without_its_host(httpserver: HTTPServer) -> None:
    recorder = MemoryRecorder()
    answers(httpserver, "/a", Response("hello", headers={"ETag": '"1"', "X-Other": "no"}))
    answer = http(recorder).get("feeds", httpserver.url_for("/a?z=1"), params={"b": "2 3"})
    assert (answer.status, answer.body, answer.fetched_at) == (200, b"hello", NOW)
    assert answer.headers["etag"] == '"1"'
    assert "x-other" not in answer.headers
    assert recorder.answers == {("feeds", "/a?b=2+3&z=1"): answer}


def test_a_replay_asks_nobody() -> None:
    recorder = MemoryRecorder(offline=True)
    recorder.answers["feeds", "/a"] = Recorded(200, b"old", NOW)
    assert http(recorder).get("feeds", "http://127.0.0.1:9/a").body == b"old"
    with pytest.raises(ArchiveMissing):
        http(recorder).get("feeds", "http://127.0.0.1:9/b")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_asked_again(httpserver: HTTPServer, status: int) -> None:
    asked = answers(httpserver, "/a", Response("busy", status), Response("busy", status), Response("fine"))
    assert http().get("feeds", httpserver.url_for("/a")).body == b"fine"
    assert len(asked) == 3


def test_the_last_attempt_is_returned_and_recorded_as_it_is(httpserver: HTTPServer) -> None:
    recorder = MemoryRecorder()
    asked = answers(httpserver, "/a", Response("busy", 503))
    answer = http(recorder).get("feeds", httpserver.url_for("/a"))
    assert (answer.status, answer.body, len(asked)) == (503, b"busy", 3)
    assert recorder.answers["feeds", "/a"] == answer


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_refusal_is_final(httpserver: HTTPServer, status: int) -> None:
    asked = answers(httpserver, "/a", Response("no", status))
    assert http().get("feeds", httpserver.url_for("/a")).status == status
    assert len(asked) == 1


@pytest.mark.parametrize("wait", ["1", "Fri, 24 Oct 2025 06:30:01 GMT"])
def test_retry_after_is_waited_for(httpserver: HTTPServer, wait: str) -> None:
    """A number of seconds, or a date; the clock stands a second before that one."""
    answers(httpserver, "/a", Response("busy", 429, headers={"Retry-After": wait}), Response("fine"))
    begun = time.monotonic()
    assert http().get("feeds", httpserver.url_for("/a")).status == 200
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    "wait",
    [
        "-5",
        "soon",
        "1e3",
        "Fri, 24 Oct 2025 06:29:00 GMT",
        f"Fri, 24 Oct {'9' * 30} 06:30:01 GMT",
        f"Fri, 24 Oct 2025 06:30:01 +{'9' * 30}",
    ],
)
def test_a_retry_after_that_is_none_or_is_over_does_not_hold_up(httpserver: HTTPServer, wait: str) -> None:
    answers(httpserver, "/a", Response("busy", 503, headers={"Retry-After": wait}), Response("fine"))
    begun = time.monotonic()
    assert http().get("feeds", httpserver.url_for("/a")).status == 200
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("wait", ["3600", "31536000", "9" * 30])
def test_a_retry_after_beyond_the_deadline_ends_at_once(httpserver: HTTPServer, wait: str) -> None:
    asked = answers(httpserver, "/a", Response("busy", 429, headers={"Retry-After": wait}))
    begun = time.monotonic()
    answer = http().get("feeds", httpserver.url_for("/a"))
    assert (answer.status, answer.headers["retry-after"], len(asked)) == (429, wait, 1)
    assert time.monotonic() - begun < 2


def test_a_refused_connection_is_a_recorded_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    recorder = MemoryRecorder()
    answer = http(recorder).get("feeds", f"http://127.0.0.1:{port}/a")
    assert (answer.status, answer.body) == (0, b"")
    assert answer.failure
    assert recorder.answers["feeds", "/a"] == answer


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [drip_body, drip_headers])
def test_a_server_that_drips_ends_at_the_deadline(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as url:
        begun = time.monotonic()
        answer = http(timeout=0.5).get("feeds", url)
        assert time.monotonic() - begun < 2
    assert answer.failure == "no complete answer within 0.5 s"


def test_one_byte_every_third_of_a_second_ends_on_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n")
        for _ in range(60):
            connection.sendall(b"x")
            time.sleep(0.3)

    with raw_server(drip) as url:
        begun = time.monotonic()
        answer = http(timeout=1).get("feeds", url)
        assert time.monotonic() - begun < 1.5
    assert answer.failure == "no complete answer within 1 s"


def test_a_body_cut_short_is_a_failure() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    with raw_server(cut) as url:
        answer = http(attempts=1).get("feeds", url)
    assert answer.status == 0
    assert "RemoteProtocolError" in (answer.failure or "")


def test_a_body_beyond_the_cap_is_refused(httpserver: HTTPServer) -> None:
    asked = answers(httpserver, "/a", Response(b"x" * 10_001))
    answer = http().get("feeds", httpserver.url_for("/a"))
    assert (answer.status, answer.body) == (0, b"")
    assert answer.failure == "the answer is larger than 10000 bytes"
    assert len(asked) == 1


def test_gzip_is_unpacked(httpserver: HTTPServer) -> None:
    packed = gzip.compress(b"hello " * 1000)
    answers(httpserver, "/a", Response(packed, headers={"Content-Encoding": "gzip"}))
    assert http().get("feeds", httpserver.url_for("/a")).body == b"hello " * 1000


def test_a_gzip_bomb_is_refused_by_its_unpacked_size(httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    answers(httpserver, "/a", Response(bomb, headers={"Content-Encoding": "gzip"}))
    answer = http().get("feeds", httpserver.url_for("/a"))
    assert answer.failure == "the answer is larger than 10000 bytes"


@functools.cache
def bomb() -> bytes:
    """200 kB of gzip that unpack to 200 MB."""
    return gzip.compress(b"\0" * 200_000_000)


FETCH = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder


def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


http = Http(MemoryRecorder(), clock=lambda: datetime.now(UTC), attempts=1, max_bytes=int(sys.argv[3]))
assert http.get("feeds", sys.argv[1] + "small").status == 200
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = kilobytes("VmRSS")
answer = http.get("feeds", sys.argv[1] + sys.argv[2])
print(kilobytes("VmHWM") - before)
print(answer.failure)
"""


def cost_of(server: HTTPServer, path: str, max_bytes: int) -> tuple[int, str]:
    """By how many kB the memory of a process of its own grew at most, and what it said."""
    answers(server, "/small", Response(gzip.compress(b"fine"), headers={"Content-Encoding": "gzip"}))
    command = [sys.executable, "-c", FETCH, server.url_for("/"), path, str(max_bytes)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    kilobytes, said = printed.splitlines()
    return int(kilobytes), said


needs_proc = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="memory is measured through Linux's /proc"
)


@needs_proc
@pytest.mark.parametrize(
    ("path", "encoding", "failure"),
    [
        ("bomb", "gzip", "the answer is larger than 5000000 bytes"),
        ("twice", "gzip, gzip", "answered in an encoding not asked for (gzip, gzip)"),
        ("hidden", "gzip", "None"),
    ],
)
def test_a_bomb_costs_less_than_30_mb(httpserver: HTTPServer, path: str, encoding: str, failure: str) -> None:
    """`twice` is packed again and says so; `hidden` does not say so, and stays packed inside."""
    body = bomb() if path == "bomb" else gzip.compress(bomb())
    answers(httpserver, f"/{path}", Response(body, headers={"Content-Encoding": encoding}))
    kilobytes, said = cost_of(httpserver, path, 5_000_000)
    assert kilobytes < 30_000
    assert said == failure


@needs_proc
def test_what_a_bomb_would_cost_without_a_cap_is_seen_by_the_measurement(httpserver: HTTPServer) -> None:
    answers(httpserver, "/bomb", Response(bomb(), headers={"Content-Encoding": "gzip"}))
    assert cost_of(httpserver, "bomb", 300_000_000)[0] > 190_000


def test_gzip_cut_short_is_a_failure(httpserver: HTTPServer) -> None:
    packed = gzip.compress(b"hello " * 1000)[:-9]
    answers(httpserver, "/a", Response(packed, headers={"Content-Encoding": "gzip"}))
    assert http(attempts=1).get("feeds", httpserver.url_for("/a")).failure == "the answer's gzip is cut short"


def test_an_encoding_not_asked_for_is_refused(httpserver: HTTPServer) -> None:
    answers(httpserver, "/a", Response(b"?", headers={"Content-Encoding": "br"}))
    assert "encoding not asked for" in (http().get("feeds", httpserver.url_for("/a")).failure or "")


def test_a_redirect_on_the_same_host_is_followed(httpserver: HTTPServer) -> None:
    answers(httpserver, "/a", Response("", 302, headers={"Location": "/b"}))
    answers(httpserver, "/b", Response("there"))
    assert http().get("feeds", httpserver.url_for("/a")).body == b"there"


@pytest.mark.parametrize("target", ["http://elsewhere.example/x", "http://localhost:1/x", "ftp://127.0.0.1/"])
def test_a_redirect_to_another_host_is_refused(httpserver: HTTPServer, target: str) -> None:
    asked = answers(httpserver, "/a", _redirect(target))
    answer = http().get("feeds", httpserver.url_for("/a"))
    assert answer.status == 0
    assert "redirected" in (answer.failure or "")
    assert len(asked) == 1


def _redirect(target: str) -> Response:
    response = Response("", 302)
    response.autocorrect_location_header = False
    response.headers["Location"] = target
    return response


def test_a_redirect_to_no_address_at_all_is_a_failure() -> None:
    def lost(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: //[\r\nContent-Length: 0\r\n\r\n")

    with raw_server(lost) as url:
        assert http().get("feeds", url).failure == "redirected to an address that is no URL"


def test_redirects_in_a_circle_end(httpserver: HTTPServer) -> None:
    asked = answers(httpserver, "/a", _redirect("/a"))
    assert http().get("feeds", httpserver.url_for("/a")).failure == "more than 5 redirects"
    assert len(asked) == 6


def test_a_secret_reaches_the_vendor_and_nothing_else(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = MemoryRecorder()
    asked = answers(
        httpserver,
        "/a",
        Response(f"your key {SECRET}", 503, headers={"Content-Type": SECRET}),
        Response(f"We have detected your API key as {SECRET} or s3cr3t%2Fkey%2B1"),
    )
    answer = http(recorder).get(
        "vendor", httpserver.url_for("/a"), params={"q": "x"}, secret_params={"apikey": SECRET}
    )
    assert [request.args["apikey"] for request in asked] == [SECRET, SECRET]
    assert answer.body == b"We have detected your API key as [redacted] or [redacted]"
    assert list(recorder.answers) == [("vendor", "/a?q=x")]
    logged = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]  # the stand-in's
    assert "s3cr3t" not in repr(recorder.answers) + repr(logged)


def test_loggers_that_write_addresses_stay_silent_when_logging_is_configured_anew(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Dagster configures logging like this at the start of each run, which enables every logger."""
    httpserver.expect_request("/x").respond_with_data(b"fine")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    caplog.set_level(logging.DEBUG)
    http().get("v", httpserver.url_for("/x"), secret_params={"apikey": "s3cret-key"})
    others = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert "s3cret-key" not in "".join(others)


CANARY = "canary/zq7w+secret key"


@contextmanager
def everything_logged() -> Iterator[list[str]]:
    """All that any logger writes at DEBUG, with its arguments and tracebacks; the stand-in's own apart."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != "werkzeug":
                lines.append(f"{self.format(record)} {record.args!r} {vars(record)!r}")

    handler = Keep(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("", *logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def echoes(path: str) -> Response:
    """A vendor that says the key back in every way it knows."""
    shapes = [CANARY, quote(CANARY), quote_plus(CANARY), quote(CANARY, safe="").lower(), json.dumps(CANARY)]
    shapes.append(CANARY.replace("/", "\\/"))
    status = {"/refused": 403, "/busy": 503, "/away": 302}.get(path, 200)
    response = Response("\n".join(shapes), status, headers={"ETag": CANARY})
    response.autocorrect_location_header = False
    if path == "/away":
        response.headers["Location"] = f"http://{quote(CANARY, safe='')}.example/?key={quote_plus(CANARY)}"
    return response


@pytest.mark.parametrize(
    "path", ["/fine", "/refused", "/busy", "/away", "/cut", "/closed", "/no port", "/no host"]
)
@pytest.mark.parametrize(
    "secret",
    [
        {"secret_params": {"apikey": CANARY}},
        {"headers": {"X-Api-Key": CANARY}},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
    ],
)
def test_a_canary_secret_is_in_no_error_log_line_archive_entry_or_repr(
    httpserver: HTTPServer, path: str, secret: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(f"{request.args} {request.headers}")
        return echoes(request.path)

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(handle)
    recorder = MemoryRecorder()
    client = http(recorder, attempts=2, timeout=1)
    said: list[str] = []
    with everything_logged() as lines, ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = {
                "/closed": f"http://127.0.0.1:{listener.getsockname()[1]}/",
                "/no port": "http://127.0.0.1:x/",
                "/no host": "http://[",
            }.get(path, httpserver.url_for(path))
        if path == "/cut":
            url = stack.enter_context(raw_server(lambda connection: connection.sendall(b"HT")))
        try:
            said.append(repr(client.get("vendor", url, **secret)))
        except DataError as error:
            said.append("".join(traceback.format_exception(error)) + repr(error.__context__))
    said += [*lines, repr(client), repr(recorder.answers), *capfd.readouterr()]
    if path in {"/fine", "/refused", "/busy", "/away"}:
        assert "canary" in "".join(seen)
    assert "zq7w" not in "".join(said)


def test_a_secret_in_a_header_is_taken_out_of_the_answer(httpserver: HTTPServer) -> None:
    answers(httpserver, "/a", Response("got Bearer abcdef123"))
    answer = http().get(
        "vendor", httpserver.url_for("/a"), headers={"Authorization": "Bearer abcdef123", "Accept": "got"}
    )
    assert answer.body == b"got [redacted]"


def test_it_works_below_a_running_event_loop(httpserver: HTTPServer) -> None:
    answers(httpserver, "/a", Response("hello"))

    async def caller() -> Recorded:
        return http().get("feeds", httpserver.url_for("/a"))

    assert asyncio.run(caller()).body == b"hello"


@pytest.mark.parametrize("url", ["http://[", "http://[::1"])
def test_an_address_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(DataError, match="no URL"):
        http().get("feeds", url)


def test_a_url_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(DataError, match="carries a user name") as refused:
        http().get("feeds", "http://user:hunter2@127.0.0.1/feed")
    assert "hunter2" not in str(refused.value) + repr(refused.value)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "nowhere", "file:///etc/hostname"])
def test_another_scheme_is_a_failure_without_retries(url: str) -> None:
    assert "UnsupportedProtocol" in (http().get("feeds", url).failure or "")


# -- the shared catalogue of bad inputs ----------------------------------------------------------------

OF_HTTP = {"generator:gzip", "generator:gzip2", "server:drip", "server:short"}


def test_bad_input_answers_end_in_time_within_bounds_and_as_failures(
    bad_inputs: list[dict[str, Any]], httpserver: HTTPServer
) -> None:
    """Bombs, drips and answers cut short: each a failure with a reason, and nothing of it as a body."""
    twice = Response(gzip.compress(bomb()), headers={"Content-Encoding": "gzip, gzip"})
    answers(httpserver, "/generator:gzip", Response(bomb(), headers={"Content-Encoding": "gzip"}))
    answers(httpserver, "/generator:gzip2", twice)

    def short(connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"Symbol":"SAP.DE","PER')

    talks = {"server:drip": drip_body, "server:short": short}
    cases = [case for case in bad_inputs if case["input_kind"] in OF_HTTP]
    assert cases
    for case in cases:
        kind = case["input_kind"]
        with ExitStack() as stack:
            talk = talks.get(kind)
            url = stack.enter_context(raw_server(talk)) if talk else httpserver.url_for(f"/{kind}")
            begun = time.monotonic()
            answer = http(timeout=1, attempts=1).get("feeds", url)
            took = time.monotonic() - begun
        assert (case["id"], answer.status, answer.body) == (case["id"], 0, b"")
        assert answer.failure
        assert took < 2

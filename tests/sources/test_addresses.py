"""Links from outside lead to public addresses or nowhere, however they are spelled, wherever they redirect.

The world is the system's own parser of numeric addresses and a table of names: nothing is looked up, and
nothing but the loopback server is connected to.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import DataError
from arena_pipeline.sources.addresses import Place, PublicRoute, Route, is_public
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import Failure, MemoryRecorder, Recorded
from tests.sources.stand_ins import PUBLIC, Stage, certified

NOW = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
NAMES = {
    "news.example": [PUBLIC],
    "other.example": ["93.184.216.35"],
    "two.example": ["2606:2800:220:1:248:1893:25c8:1946", PUBLIC],
    "mixed.example": [PUBLIC, "10.0.0.1"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "intranet": ["192.168.1.7"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "empty.example": [],
}

NOT_PUBLIC = [
    # loopback, in the spellings that C libraries and browsers accept
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://0177.0x0.0.01/",
    "http://00000177.0.0.1/",
    "http://127.0.0.01/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1 /",
    "http://127.0.0.1\t/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://LocalHost.LocalDomain/",
    "http://127.0.0.1.nip.example/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000:0000::0001]/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::FFFF:7f00:1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://mapped.example/",
    # this host, private, shared, link-local, documentation, multicast, broadcast
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://012.0.0.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://3232235521/",
    "http://0xc0.0xa8.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]/",
    "http://metadata.google.internal/",
    "http://192.0.0.8/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://4294967295/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25lo]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[64:ff9b:1::1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[2002:a00:1::]/",
    "http://intranet/",
    "http://mixed.example/",
    # what needs no resolving
    "http://user@news.example/",
    "http://news.example@127.0.0.1/",
    "http://news.example:80@127.0.0.1/",
    "http://127.0.0.1\\@news.example/",
    "http://news.example:22/",
    "http://news.example:8080/",
    "https://news.example:80/",
    "http:///nowhere",
    "//news.example/",
    "ftp://news.example/",
    "file:///etc/hostname",
    "gopher://127.0.0.1/",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://news.example:99999/",
    "http://[::1/",
    "http://[v1.x]/",
    "http://a..b\u2024example/",
    "http://empty.example/",
]

RELATIVE = {"http:///nowhere", "//news.example/"}
"""No addresses by themselves; in a redirect they mean the host that sent them."""


def world(host: str, port: int) -> Sequence[str]:
    """Numeric spellings as the system reads them, names from the table, and nothing else."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        name = host.lower().rstrip(".")
        if name not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        return NAMES[name]
    return [str(entry[4][0]) for entry in found]


def http(route: Route, recorder: MemoryRecorder | None = None, timeout: float = 5) -> Http:
    return Http(recorder or MemoryRecorder(), clock=lambda: NOW, route=route, timeout=timeout, attempts=2)


def ask(url: str, route: Route | None = None) -> Recorded:
    try:
        return http(route or PublicRoute(world)).get("article", url)
    except DataError as error:
        return Recorded(0, b"", NOW, failure=f"{Failure.REFUSED_ADDRESS}{error}")


def test_there_are_enough_spellings() -> None:
    assert len(set(NOT_PUBLIC)) >= 80


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_what_is_not_public_is_not_connected_to(url: str) -> None:
    answer = ask(url)
    unresolved = "cannot be resolved" in (answer.failure or "")
    assert answer.kind is Failure.REFUSED_ADDRESS or unresolved
    assert answer.body == b""


@contextmanager
def redirecting(location: str) -> Iterator[tuple[int, list[str]]]:
    """A server that redirects `/a` to `location`, byte by byte as given, and has a secret page elsewhere."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302 if self.path == "/a" else 200)
            if self.path == "/a":
                self.send_header("Location", location.encode().decode("latin-1"))
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"inside")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("url", [url for url in NOT_PUBLIC if url not in RELATIVE])
def test_a_redirect_to_what_is_not_public_is_not_followed(url: str) -> None:
    with redirecting(url) as (port, asked):
        answer = ask("http://news.example/a", Stage(port, world))
    assert (answer.status, answer.body) == (0, b"")
    assert set(asked) == {"/a"}


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "1.1.1.1"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "8.8.8", "8.8.8.8/32", "fe80::1%eth0"])
def test_what_is_no_public_address_is_not(address: str) -> None:
    assert not is_public(address)


def test_a_public_page_is_fetched_from_the_checked_address_under_its_own_name(
    httpserver: HTTPServer,
) -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.host)
        return Response("page")

    httpserver.expect_request("/a").respond_with_handler(answer)
    recorder = MemoryRecorder()
    stage = Stage(httpserver.port, world)
    result = http(stage, recorder).get("article", "http://news.example/a?b=1#c")
    assert (result.status, result.body) == (200, b"page")
    assert seen == ["news.example"]
    assert stage.connected == [PUBLIC]
    assert list(recorder.answers) == [("article", "http://news.example/a?b=1")]


def test_pages_of_two_hosts_with_one_path_are_two_entries_of_the_archive(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("page")
    recorder = MemoryRecorder()
    client = http(Stage(httpserver.port, world), recorder)
    for host in ("news.example", "other.example"):
        client.get("article", f"http://{host}/a")
    assert len(recorder.answers) == 2


def test_a_redirect_to_another_public_host_is_followed_and_checked(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(
        "", status=301, headers={"Location": "http://other.example/b"}
    )
    httpserver.expect_request("/b").respond_with_data("there")
    stage = Stage(httpserver.port, world)
    assert ask("http://news.example/a", stage).body == b"there"
    assert stage.connected == [PUBLIC, "93.184.216.35"]


def test_a_cookie_of_one_host_is_not_sent_to_the_next(httpserver: HTTPServer) -> None:
    cookies: list[dict[str, str]] = []

    def answer(request: Request) -> Response:
        cookies.append(dict(request.cookies))
        response = Response("", 302, headers={"Location": "http://other.example/b"})
        response.set_cookie("id", "1")
        return response if request.path == "/a" else Response("there")

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(answer)
    assert ask("http://news.example/a", Stage(httpserver.port, world)).body == b"there"
    assert cookies == [{}, {}]


def test_a_resolver_that_rebinds_is_asked_once_per_hop_and_never_believed_twice(
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/a").respond_with_data(
        "", status=302, headers={"Location": "http://rebind.example/b"}
    )
    httpserver.expect_request("/b").respond_with_data("inside")
    replies = iter([[PUBLIC], ["127.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(replies)

    stage = Stage(httpserver.port, rebinding)
    result = ask("http://rebind.example/a", stage)
    assert result.kind is Failure.REFUSED_ADDRESS
    assert asked == ["rebind.example", "rebind.example"]
    assert stage.connected == [PUBLIC]


def test_version_4_is_tried_first_and_at_most_three_addresses(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("page")
    stage = Stage(httpserver.port, world)
    assert ask("http://two.example/a", stage).status == 200
    assert stage.connected == [PUBLIC, "[2606:2800:220:1:248:1893:25c8:1946]"]
    many = Stage(httpserver.port, lambda host, port: [f"93.184.216.{n}" for n in range(1, 9)])
    assert ask("http://many.example/a", many).status == 200
    assert len(many.connected) == 3


def test_an_address_that_nobody_listens_at_gives_way_to_the_next(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("page")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"127.0.0.1:{listener.getsockname()[1]}"

    class Half(Stage):
        async def places(self, url: str) -> Sequence[Place]:
            (place,) = await super().places(url)
            dead = urlunsplit(urlsplit(place.url)._replace(netloc=closed))
            return (Place(dead, place.host), place)

    assert ask("http://news.example/a", Half(httpserver.port, world)).body == b"page"


def test_a_name_that_does_not_resolve_is_a_failure_that_names_it() -> None:
    assert ask("http://gone.example/").failure == "gone.example cannot be resolved (gaierror)"


def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    def hanging(host: str, port: int) -> Sequence[str]:
        time.sleep(3)
        return [PUBLIC]

    begun = time.monotonic()
    answer = http(PublicRoute(hanging), timeout=0.3).get("article", "http://slow.example/")
    assert time.monotonic() - begun < 1.5
    assert answer.failure == "no complete answer within 0.3 s"


@pytest.mark.parametrize(
    "secret", [{"secret_params": {"k": "v"}}, {"headers": {"Authorization": "Bearer v"}}]
)
def test_a_link_from_outside_is_never_sent_a_secret(secret: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="never sent a secret"):
        http(PublicRoute(world)).get("article", "http://news.example/", **secret)


def test_the_environment_s_proxy_is_not_used(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    httpserver.expect_request("/a").respond_with_data("page")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask("http://news.example/a", Stage(httpserver.port, world)).status == 200


def served_with_tls(folder: Path, name: str) -> HTTPServer:
    return HTTPServer(ssl_context=certified(folder, name))


@pytest.mark.parametrize(("host", "status"), [("news.example", 200), ("other.example", 0)])
def test_the_certificate_must_be_for_the_name_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, status: int
) -> None:
    with served_with_tls(tmp_path, "news.example") as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        server.expect_request("/a").respond_with_data("page")
        answer = ask(f"https://{host}/a", Stage(server.port, world))
        assert answer.status == status
        assert (answer.failure is None) == (status == 200)


# -- the shared catalogue of bad inputs ----------------------------------------------------------------


def test_bad_input_odd_spellings_of_an_address(bad_inputs: list[dict[str, Any]]) -> None:
    spellings = [
        url
        for case in bad_inputs
        if case["surface"] in {"feeds", "web_article"} and isinstance(case["input"], list)
        for url in case["input"]
        if url.startswith("http")
    ]
    assert [ask(url).kind for url in spellings] == [Failure.REFUSED_ADDRESS] * len(spellings)


def test_bad_input_redirect_to_a_private_address(
    bad_inputs: list[dict[str, Any]], httpserver: HTTPServer
) -> None:
    for case in bad_inputs:
        if case["input_kind"] != "server:redirect" or "->" not in case["input"]:
            continue
        target = case["input"].partition("->")[2].strip()
        httpserver.expect_request(f"/{case['id']}").respond_with_data(
            "", status=302, headers={"Location": target}
        )
        assert (
            ask(f"http://news.example/{case['id']}", Stage(httpserver.port, world)).kind
            is Failure.REFUSED_ADDRESS
        )

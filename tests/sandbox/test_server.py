from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import httpx
import pytest

from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.sandbox.server import SandboxServer

MALFORMED = [
    "/v8/finance/chart/SAP.DE?period1=yesterday&period2=today",
    "/v8/finance/chart/SAP.DE?period1=2000000000&period2=1000000000",
    "/v8/finance/chart/SAP.DE?interval=7m&range=1d",
    "/v8/finance/chart/SAP.DE?range=forever",
    f"/v8/finance/chart/SAP.DE?period1={'9' * 5000}",
    f"/v8/finance/chart/SAP.DE?period1={'9' * 400}&period2={'9' * 401}",
    "/v7/finance/quote",
    "/rss/SAP.DE?from=2025-13-01",
    "/rss/SAP.DE?from=9999-01-01&to=9999-02-01",
    "/rss/SAP.DE?from=2025-02-01&to=2025-01-01",
    "/rss/SAP.DE?lang=fr",
    "/query?function=OVERVIEW&symbol=SAP.DEX&date=soon",
]


@pytest.fixture(scope="module")
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=10) as opened:
        yield opened


def test_every_answer_says_that_it_is_simulated(client: httpx.Client) -> None:
    paths = [
        "/health",
        "/v8/finance/chart/SAP.DE",
        "/v1/test/getcrumb",
        "/",
        "/rss/market",
        "/query",
        "/nothing",
    ]
    for path in [*paths, *MALFORMED]:
        assert client.get(path).headers["X-Simulated"] == "true", path
    assert client.delete("/health").headers["X-Simulated"] == "true"


@pytest.mark.parametrize("path", MALFORMED)
def test_a_malformed_request_is_answered_with_400_and_a_json_error(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert "error" in json.dumps(answer.json())


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n[",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_get_400_and_no_traceback(
    server: SandboxServer, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert b" 400 " in received.split(b"\r\n")[0] or b'"code": 400' in received
    assert b"Traceback" not in received
    assert "Traceback" not in capfd.readouterr().err


def test_a_wrong_method_or_path_is_refused(client: httpx.Client) -> None:
    assert client.post("/health").status_code == 405
    assert client.get("/v1/chat/completions").status_code == 405
    assert client.get("/v1/nothing").status_code == 404
    assert client.get("/rss/NOPE.DE").status_code == 404


def test_a_feed_is_served_for_a_symbol_and_for_the_market(
    client: httpx.Client, server: SandboxServer
) -> None:
    window = {"from": "2025-10-01", "to": "2025-10-31"}
    one = client.get(f"{server.feeds_url}/SAP.DE", params=window)
    every = client.get(f"{server.feeds_url}/market", params=window)
    assert one.headers["Content-Type"].startswith("application/rss+xml")
    entries = {entry.link for entry in feedparser.parse(one.content).entries}
    assert entries < {entry.link for entry in feedparser.parse(every.content).entries}
    assert len(feedparser.parse(client.get("/rss/market").content).entries) > 0


def test_the_chat_route_and_the_list_of_models_are_the_policies(
    client: httpx.Client, server: SandboxServer
) -> None:
    listed = client.get(f"{server.llm_url}/models").json()
    assert any(entry["id"].startswith("sandbox/") for entry in listed["data"])
    unknown = client.post(f"{server.llm_url}/chat/completions", json={"model": "nobody/none", "messages": []})
    assert unknown.status_code >= 400
    assert "error" in unknown.json()


def test_a_body_nested_too_deeply_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", content=b"[" * 200_000)
    assert answer.status_code == 400
    assert "no JSON" in answer.json()["error"]["message"]


def test_requests_are_counted_by_route_and_connections_are_kept(calendar: TradingCalendar) -> None:
    with SandboxServer(1, ("SAP.DE",), "^GDAXI", calendar) as own, httpx.Client(trust_env=False) as one:
        for _ in range(3):
            assert one.get(f"{own.base_url}/health").json()["simulated"] is True
        one.get(f"{own.base_url}/rss/SAP.DE")
        assert own.requests["health"] == 3
        assert own.requests["rss"] == 1
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", urlsplit(own.base_url).port or 0), timeout=2).close()


def test_many_clients_at_once_get_the_same_answer(server: SandboxServer) -> None:
    url = f"{server.yahoo_url}/v8/finance/chart/BEI.DE?period1=1700000000&period2=1710000000&interval=15m"

    def ask(_: int) -> bytes:
        return httpx.get(url, trust_env=False, timeout=20).content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1


def test_an_overview_has_the_recorded_shape_and_changes_with_the_quarter(
    client: httpx.Client, server: SandboxServer, recorded_data: Path
) -> None:
    url = f"{server.fundamentals_url}/query"
    recorded = json.loads((recorded_data / "api_samples/alphavantage/overview_IBM.200.json").read_text())

    def overview(symbol: str, day: str) -> dict[str, str]:
        answer: dict[str, str] = client.get(
            url, params={"function": "OVERVIEW", "symbol": symbol, "apikey": "demo", "date": day}
        ).json()
        return answer

    symbols = [symbol.replace(".DE", ".DEX") for symbol in server.market.symbols]
    answers = {symbol: overview(symbol, "2025-05-05") for symbol in symbols}
    covered = {symbol: answer for symbol, answer in answers.items() if answer}
    assert 0 < len(symbols) - len(covered) < 15
    assert overview("NOPE.DEX", "2025-05-05") == {}
    assert overview(symbols[0], "2012-01-03") == {}
    assert any("None" in answer.values() for answer in covered.values())
    for symbol, answer in covered.items():
        assert set(answer) <= set(recorded)
        assert all(isinstance(value, str) for value in answer.values())
        assert answer == overview(symbol, "2025-06-30")
        assert answer != overview(symbol, "2025-07-01")


def test_other_functions_of_alpha_vantage_are_answered_with_its_error(client: httpx.Client) -> None:
    answer = client.get("/query", params={"function": "RSI", "symbol": "SAP.DEX"})
    assert answer.status_code == 200
    assert list(answer.json()) == ["Error Message"]


def test_earnings_are_of_quarters_reported_by_the_day(client: httpx.Client, server: SandboxServer) -> None:
    def reported(symbol: str, day: str) -> list[str]:
        answer = client.get(f"/on/{day}/query", params={"function": "EARNINGS", "symbol": symbol}).json()
        return [quarter["reportedDate"] for quarter in answer.get("quarterlyEarnings", [])]

    covered = [s for s in server.market.symbols if reported(s.replace(".DE", ".DEX"), "2025-09-15")]
    assert 25 < len(covered) < 40
    dates = [
        date
        for symbol in covered
        for day in ("2025-02-10", "2025-09-15")
        for date in reported(symbol.replace(".DE", ".DEX"), day)
        if date > day
    ]
    assert dates == []


def test_finnhub_covers_the_listings_in_new_york_and_refuses_the_rest(client: httpx.Client) -> None:
    paths = ("quote", "stock/metric", "stock/profile2", "stock/recommendation", "company-news")
    for path in paths:
        assert client.get(f"/api/v1/{path}", params={"symbol": "DB"}).status_code == 200
        refused = client.get(f"/api/v1/{path}", params={"symbol": "SIE.DE"})
        assert (refused.status_code, list(refused.json())) == (403, ["error"])
    assert client.get("/api/v1/stock/candle", params={"symbol": "DB"}).status_code == 404


def test_news_of_both_vendors_are_the_feed_s_english_items(client: httpx.Client) -> None:
    span = {"from": "2025-11-10", "to": "2025-11-19"}
    feed = client.get("/rss/SAP.DE", params={**span, "lang": "en"}).text
    company = client.get("/api/v1/company-news", params={"symbol": "SAP", **span}).json()
    scored = client.get("/query", params={"function": "NEWS_SENTIMENT", "tickers": "SAP"}).json()["feed"]
    assert company
    assert all(f"<link>{item['url']}</link>" in feed for item in company)
    assert {item["url"] for item in scored} & {item["url"] for item in company}

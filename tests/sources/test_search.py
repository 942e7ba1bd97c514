"""Web search: the real ddgs client, through a proxy to a stand-in with TLS on the loopback address."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import ConfigError, NotCovered, RateLimited, SourceError
from arena_pipeline.market.universe import dax40
from arena_pipeline.news.articles import to_articles
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.budget import Limit, VendorBudget
from arena_pipeline.sources.recorder import MemoryRecorder, Recorded
from arena_pipeline.sources.search import MAX_RESULTS, Since, WebSearch
from tests.sources.stand_ins import certified, proxy_to

pytest.importorskip("ddgs", reason="the extra `search` is not installed")

NOW = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
FIRST_PAGE = '<html><script>vqd="4-123"</script></html>'


def result(n: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "date": int((NOW - timedelta(days=1)).timestamp()),
        "title": f"SAP hebt Prognose {n}",
        "excerpt": "Der Softwarekonzern rechnet mit mehr Umsatz.",
        "url": f"https://example.de/sap-{n}",
        "image": None,
        "source": "dpa-AFX",
    } | changes


@dataclass
class Engine:
    """The stand-in engine, and how to reach it."""

    server: HTTPServer
    proxy: str
    ca_file: Path
    tunnels: list[str]

    def serve(self, *results: dict[str, Any], first: Response | None = None, status: int = 200) -> list[str]:
        self.server.clear()
        asked: list[str] = []

        def handle(request: Request) -> Response:
            asked.append(request.full_path)
            if request.path == "/news.js":
                return Response(json.dumps({"results": list(results)}), status)
            return first or Response(FIRST_PAGE)

        self.server.expect_request("/").respond_with_handler(handle)
        self.server.expect_request("/news.js").respond_with_handler(handle)
        return asked

    def search(self, recorder: MemoryRecorder | None = None, **options: Any) -> WebSearch:
        return WebSearch(
            recorder or MemoryRecorder(),
            clock=lambda: NOW,
            proxy=self.proxy,
            ca_file=self.ca_file,
            **({"timeout": 5} | options),
        )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("tls")
    with (
        HTTPServer(ssl_context=certified(folder, "duckduckgo.com")) as server,
        proxy_to(server.port) as (proxy, tunnels),
    ):
        yield Engine(server, proxy, folder / "ca.pem", tunnels)


def test_what_is_found_comes_as_items_like_a_feed_s(engine: Engine) -> None:
    asked = engine.serve(result(1), result(2))
    recorder = MemoryRecorder()
    reply = engine.search(recorder).news("SAP Prognose", since=Since.DAY)
    assert [item.title for item in reply.items] == ["SAP hebt Prognose 1", "SAP hebt Prognose 2"]
    item = reply.items[0]
    assert (item.url, item.feed, item.language) == ("https://example.de/sap-1", "search-duckduckgo", "de")
    assert item.summary == "Der Softwarekonzern rechnet mit mehr Umsatz."
    assert item.published_at == NOW - timedelta(days=1)
    assert "df=d" in asked[1]
    assert "l=de-de" in asked[1]
    assert set(engine.tunnels) == {"duckduckgo.com:443"}
    assert list(recorder.answers) == [("search", "/duckduckgo/news?q=SAP+Prognose&region=de-de&since=d")]
    (article, _) = to_articles(
        reply.items, companies=dax40(), fetched_at=NOW, raw=reply.recorded.sha256, live=True
    )
    assert article.symbols == ("SAP.DE",)


def test_a_replay_searches_nothing_and_finds_the_same(engine: Engine) -> None:
    engine.serve(result(1))
    recorder = MemoryRecorder()
    reply = engine.search(recorder).news("SAP")
    replay = MemoryRecorder(offline=True)
    replay.answers = recorder.answers
    assert WebSearch(replay, clock=lambda: NOW, proxy="http://127.0.0.1:9").news("SAP") == reply


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/hostname",
        "ftp://example.de/x",
        "http://user:pw@example.de/",
        "https://example.de/" + "a" * 3000,
        "http://[",
        "",
    ],
)
def test_a_link_that_is_no_web_address_is_left_out(engine: Engine, url: str) -> None:
    engine.serve(result(1), result(2, url=url))
    assert [item.url for item in engine.search().news("SAP").items] == ["https://example.de/sap-1"]


def test_texts_are_plain_and_short_and_results_few_and_distinct(engine: Engine) -> None:
    long = result(
        0, title="SAP <b>\u202e</b>\u200b" + "x" * 9000, excerpt="<script>alert(1)</script>y" + "z" * 9000
    )
    twice = result(0, url="https://www.example.de/sap-0/?utm_source=x")
    engine.serve(long, twice, *[result(n) for n in range(1, 80)])
    items = engine.search().news("SAP").items
    assert len(items) == MAX_RESULTS - 1
    assert len(items[0].title) <= 300
    assert len(items[0].summary) <= 1000
    assert "\u202e" not in items[0].title
    assert "<" not in items[0].title + items[0].summary


@pytest.mark.parametrize("stated", [None, "", "gestern", int((NOW + timedelta(days=3)).timestamp())])
def test_a_time_that_cannot_be_is_no_time(engine: Engine, stated: Any) -> None:
    engine.serve(result(1, date=stated))
    assert engine.search().news("SAP").items[0].published_at is None


def test_nothing_found_is_not_covered(engine: Engine) -> None:
    engine.serve()
    with pytest.raises(NotCovered, match="found nothing"):
        engine.search().news("SAP")


@pytest.mark.parametrize("where", ["first page", "results"])
@pytest.mark.parametrize("status", [202, 403, 429])
def test_a_refusal_is_a_rate_limit_and_never_nothing_found(engine: Engine, where: str, status: int) -> None:
    if where == "first page":
        engine.serve(first=Response("<html>unusual traffic</html>", status))
    else:
        engine.serve(status=status)
    with pytest.raises(RateLimited, match="the engine refused"):
        engine.search().news("SAP")


@pytest.mark.parametrize("body", ["<html>", "[]", '{"results": 7}', '{"results": [7]}', ""])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_source(engine: Engine, body: str) -> None:
    engine.serve()
    engine.server.clear()
    engine.server.expect_request("/").respond_with_data(FIRST_PAGE)
    engine.server.expect_request("/news.js").respond_with_data(body)
    with pytest.raises(SourceError) as raised:
        engine.search().news("SAP")
    assert not isinstance(raised.value, NotCovered)


def test_an_engine_that_is_not_there_or_not_itself_is_an_error_of_the_source(engine: Engine) -> None:
    engine.serve(result(1))
    for options in ({"proxy": "http://127.0.0.1:9"}, {"ca_file": None}):
        settings: dict[str, Any] = {"proxy": engine.proxy, "ca_file": engine.ca_file} | options
        search = WebSearch(MemoryRecorder(), clock=lambda: NOW, timeout=5, **settings)
        with pytest.raises(SourceError, match="no answer"):
            search.news("SAP")


def test_an_engine_that_does_not_exist_is_a_mistake_of_the_configuration(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="duckduckgo"):
        engine.search(backend="altavista").news("SAP")


def test_a_proxy_or_certificates_that_are_none_are_an_error_without_the_proxys_password(
    engine: Engine, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificates")
    for options in ({"ca_file": junk}, {"ca_file": tmp_path / "gone.pem"}, {"proxy": "http://me:CANARY@["}):
        settings: dict[str, Any] = {"proxy": engine.proxy, "ca_file": engine.ca_file} | options
        recorder = MemoryRecorder()
        with pytest.raises(SourceError, match="search_proxy or search_ca_file is of no use") as error:
            WebSearch(recorder, clock=lambda: NOW, timeout=5, **settings).news("SAP")
        assert "CANARY" not in f"{error.value} {recorder.answers}"


def test_a_used_up_budget_and_a_failing_engine_are_not_asked(engine: Engine, tmp_path: Path) -> None:
    asked = engine.serve(result(1))
    budget = VendorBudget(tmp_path / "calls.db", limits={"search": (Limit(1, 86_400),)})
    search = engine.search(budget=budget)
    search.news("SAP")
    recorder = MemoryRecorder()
    with pytest.raises(RateLimited, match="not asked: the budget for search is used up"):
        engine.search(recorder, budget=budget).news("SAP")
    assert len(asked) == 2
    assert [answer.kind for answer in recorder.answers.values()] == [
        Recorded(0, b"", NOW, failure="not asked: ").kind
    ]
    budget.close()
    asked = engine.serve(status=429)
    failing = engine.search(breaker=CircuitBreaker(failures=1))
    for query in ("SAP", "Siemens"):
        with pytest.raises(RateLimited):
            failing.news(query)
    assert len(asked) == 2


def test_without_ddgs_a_search_is_not_covered_and_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['ddgs'] = None; sys.modules['ddgs.engines'] = None\n"
        "from datetime import UTC, datetime\n"
        "from arena_pipeline.errors import ArenaError\n"
        "from arena_pipeline.sources.recorder import MemoryRecorder\n"
        "from arena_pipeline.sources.search import WebSearch\n"
        "try: WebSearch(MemoryRecorder(), clock=lambda: datetime.now(UTC)).news('SAP')\n"
        "except ArenaError as error: print(type(error).__name__, error)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    ).stdout
    assert printed == ("NotCovered web search is not installed. install the extra: sentiment-arena[search]\n")

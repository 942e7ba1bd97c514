"""Article pages: read as plain text, or not read and the reason said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from arena_pipeline.sources.articles import MAX_BYTES, MAX_TEXT, ArticleReply, ArticleSource, Unread
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.extraction import NotExtracted, extract
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder
from tests.sources.stand_ins import Stage

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
SENTENCE = (
    "Absatz {n}: Der Konzern hob am Montag seine Prognose für das laufende Jahr an, sagte ein Sprecher. "
)


def source(
    server: HTTPServer, recorder: MemoryRecorder | None = None, breaker: CircuitBreaker | None = None
) -> ArticleSource:
    return ArticleSource(
        Http(
            recorder or MemoryRecorder(),
            clock=lambda: NOW,
            timeout=10,
            attempts=1,
            max_bytes=MAX_BYTES,
            route=Stage(server.port),
            breaker=breaker,
        )
    )


def page(*paragraphs: str, head: str = "", title: str = "SAP hebt Prognose") -> str:
    body = "".join(f"<p>{text}</p>" for text in paragraphs or [SENTENCE.format(n=n) for n in range(6)])
    return (
        f"<html><head><title>{title}</title>{head}</head><body><nav><a href='/'>Start</a></nav>"
        f"<article><h1>{title}</h1>{body}</article><footer>Cookies und Impressum</footer></body></html>"
    )


def read(
    server: HTTPServer, body: str | bytes, content_type: str = "text/html; charset=utf-8"
) -> ArticleReply:
    server.expect_request("/a").respond_with_data(body, content_type=content_type)
    return source(server).read("http://news.example/a")


def test_an_article_is_read_as_text_with_its_title_author_and_day(httpserver: HTTPServer) -> None:
    head = (
        "<meta name='author' content='Jana Muster'>"
        "<meta property='article:published_time' content='2026-03-01T18:00:00+01:00'>"
    )
    reply = read(httpserver, page(head=head))
    assert reply.page is not None
    assert (reply.unread, reply.reason) == (None, "")
    assert (reply.page.title, reply.page.author) == ("SAP hebt Prognose", "Jana Muster")
    assert reply.page.published_on == date(2026, 3, 1)
    assert reply.page.url == "http://news.example/a"
    assert "Absatz 0: Der Konzern" in reply.page.text
    assert "Absatz 5: Der Konzern" in reply.page.text
    assert "Impressum" not in reply.page.text
    assert reply.recorded is not None
    assert reply.recorded.fetched_at == NOW


@pytest.mark.parametrize("stated", ["2027-01-01", "1980-01-01", "0000-00-00", "2026-13-45"])
def test_a_day_that_cannot_be_is_no_day(httpserver: HTTPServer, stated: str) -> None:
    reply = read(httpserver, page(head=f"<meta property='article:published_time' content='{stated}'>"))
    assert reply.page is not None
    assert reply.page.published_on is None


def test_hidden_characters_and_markup_do_not_survive(httpserver: HTTPServer) -> None:
    nasty = (
        "SAP\u202eEVIL\u202c zero\u200bwidth \U000e0041 nul\x00 &lt;script&gt;alert(1)&lt;/script&gt; Ende. "
    )
    reply = read(httpserver, page(*[nasty + SENTENCE.format(n=n) for n in range(6)]))
    assert reply.page is not None
    assert not set("\u202e\u202c\u200b\U000e0041\x00") & set(reply.page.text)
    assert "<script" not in reply.page.text
    assert "zerowidth" in reply.page.text


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display: none">{}</p>',
        "<p hidden>{}</p>",
        "<p>x <span hidden>{}</span> y</p>",
        '<p style="visibility:hidden">{}</p>',
        '<p>x <span style="font-size: 0">{}</span> y</p>',
        '<p>x <span style="color:red; opacity:0">{}</span> y</p>',
        '<p>x <span aria-hidden="true">{}</span> y</p>',
        '<div style="position:absolute; left:-9999px">{}</div>',
        "<template><p>{}</p></template>",
        "<noscript><p>{}</p></noscript>",
        "<!-- {} -->",
    ],
)
def test_what_a_reader_does_not_see_is_not_read(httpserver: HTTPServer, hidden: str) -> None:
    hint = hidden.format("BUY NOW, says this hidden line, which is long enough to be a paragraph of its own.")
    paragraphs = [SENTENCE.format(n=n) for n in range(6)]
    reply = read(httpserver, page(*paragraphs[:3], f"{paragraphs[3]}</p>{hint}<p>", *paragraphs[4:]))
    assert reply.page is not None
    assert "BUY NOW" not in reply.page.text
    assert "Absatz 5" in reply.page.text


def test_the_encoding_is_the_header_s_or_the_page_s_own(httpserver: HTTPServer) -> None:
    latin = page().encode("iso-8859-1")
    reply = read(httpserver, latin, "text/html; charset=ISO-8859-1")
    assert reply.page is not None
    assert "für das laufende" in reply.page.text
    httpserver.clear()
    meta = page(head="<meta charset='windows-1252'>").encode("windows-1252")
    reply = read(httpserver, meta, "text/html")
    assert reply.page is not None
    assert "für das laufende" in reply.page.text


def test_a_text_of_5_mb_is_cut_and_says_so(httpserver: HTTPServer) -> None:
    paragraphs = [SENTENCE.format(n=n) for n in range(46_000)]
    body = page(*paragraphs)
    assert len(body) > 4_500_000
    reply = read(httpserver, body)
    assert reply.page is not None
    assert len(reply.page.text) <= MAX_TEXT
    assert reply.page.text.endswith("…")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (page("Please accept cookies to continue to our site. " * 6), Unread.EMPTY),
        (page("Bitte aktivieren: JavaScript aktivieren, um fortzufahren. " * 6), Unread.EMPTY),
        (page(SENTENCE, SENTENCE, "Jetzt weiterlesen mit dem Digital-Abonnement. " * 3), Unread.PAYWALLED),
        (page(SENTENCE, SENTENCE, "Subscribe to read the full story. " * 3), Unread.PAYWALLED),
        (
            page(head='<script type="application/ld+json">{"isAccessibleForFree": false}</script>'),
            Unread.PAYWALLED,
        ),
        (page("Kurz."), Unread.EMPTY),
        ("<html><body></body></html>", Unread.EMPTY),
        ("", Unread.EMPTY),
        ("<html>" + "<div>" * 50_000, Unread.EMPTY),
    ],
)
def test_a_wall_or_nothing_is_no_article(httpserver: HTTPServer, body: str, kind: Unread) -> None:
    reply = read(httpserver, body)
    assert (reply.page, reply.unread) == (None, kind)
    assert reply.reason


def test_a_long_article_about_cookies_and_subscriptions_is_one(httpserver: HTTPServer) -> None:
    reply = read(httpserver, page(*[f"Cookies, Abonnenten: {SENTENCE.format(n=n)}" for n in range(20)]))
    assert reply.page is not None


@pytest.mark.parametrize("content_type", ["application/pdf", "application/json", "image/png", "text/plain"])
def test_what_is_no_html_is_not_read(httpserver: HTTPServer, content_type: str) -> None:
    assert read(httpserver, page(), content_type).unread is Unread.NOT_HTML


@pytest.mark.parametrize(
    ("status", "kind"), [(402, Unread.PAYWALLED), (403, Unread.STATUS), (404, Unread.STATUS)]
)
def test_a_publisher_that_refuses_is_not_read(httpserver: HTTPServer, status: int, kind: Unread) -> None:
    httpserver.expect_request("/a").respond_with_data(page(), status=status, content_type="text/html")
    reply = source(httpserver).read("http://news.example/a")
    assert (reply.unread, reply.reason) == (kind, f"status {status}")


def test_a_page_beyond_the_cap_is_too_large(httpserver: HTTPServer) -> None:
    assert read(httpserver, "x" * (MAX_BYTES + 1)).unread is Unread.TOO_LARGE


@pytest.mark.parametrize(
    "url",
    [
        "http://inside.example/a",
        "http://user:pw@news.example/a",
        "http://[",
        "file:///etc/hostname",
        "nowhere",
    ],
)
def test_a_refused_address_is_an_outcome(httpserver: HTTPServer, url: str) -> None:
    reply = source(httpserver).read(url)
    assert (reply.page, reply.unread) == (None, Unread.ADDRESS_REFUSED)
    assert "pw" not in reply.reason


def test_after_a_redirect_the_page_is_the_last_host_s_word(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/go").respond_with_response(
        Response("", 302, headers={"Location": "http://other.example/a"})
    )
    httpserver.expect_request("/a").respond_with_data(page(), content_type="text/html")
    recorder = MemoryRecorder()
    reply = source(httpserver, recorder).read("http://news.example/go")
    assert reply.page is not None
    assert reply.page.url == "http://other.example/a"
    replayed = MemoryRecorder(offline=True)
    replayed.answers = recorder.answers
    again = source(httpserver, replayed).read("http://news.example/go")
    assert again.page == reply.page


def test_a_host_that_is_left_alone_is_not_asked(httpserver: HTTPServer) -> None:
    breaker = CircuitBreaker(failures=1)
    httpserver.expect_request("/a").respond_with_data("", status=503)
    reader = source(httpserver, breaker=breaker)
    assert reader.read("http://news.example/a").unread is Unread.STATUS
    assert reader.read("http://news.example/b").unread is Unread.NOT_ASKED
    assert reader.read("http://other.example/a").unread is Unread.STATUS


def test_a_page_that_keeps_the_parser_busy_is_given_up() -> None:
    with pytest.raises(NotExtracted, match="1 s of CPU time"):
        extract("<html><body>" + "<a href=x>y</a>" * 60_000, cpu_seconds=1)


def test_the_parser_sees_no_secret_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A module that the reading program would import writes down what it can see."""
    witness = tmp_path / "trafilatura.py"
    witness.write_text(
        "import os\n"
        "class Found:\n    title = author = date = ''\n    text = repr(dict(os.environ))\n"
        "def bare_extraction(*a, **k):\n    return Found\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", "canary-zq7w")
    seen = extract("<html></html>").text
    assert "PYTHONPATH" in seen
    assert "zq7w" not in seen


# -- the shared catalogue of bad inputs ----------------------------------------------------------------


def test_bad_input_pages_given_as_text_are_recorded_as_unusable(
    bad_inputs: list[dict[str, Any]], httpserver: HTTPServer
) -> None:
    pages = [case for case in bad_inputs if case["surface"] == "web_article"]
    literal = [case for case in pages if case["input_kind"] == "literal" and isinstance(case["input"], str)]
    for case in literal:
        httpserver.clear()
        reply = read(httpserver, page(case["input"]))
        assert (case["id"], reply.page) == (case["id"], None)
        assert reply.recorded is not None

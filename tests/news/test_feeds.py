"""Feeds: real ones are read, hostile ones and pages that are no feed are refused loudly."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.errors import FeedBroken
from arena_pipeline.news.feeds import FeedItem, ParsedFeed, parse_feed, plain_text

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def parse(body: bytes, *, content_type: str = "") -> ParsedFeed:
    return parse_feed(body, feed="wire", language="en", fetched_at=NOW, content_type=content_type)


def rss(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>t</title>{"".join(items)}</channel></rss>'.encode()


def item(*, title: str = "SAP gains", link: str = "https://x.de/1", date: str = "", summary: str = "") -> str:
    published = f"<pubDate>{date}</pubDate>" if date else ""
    described = f"<description>{summary}</description>"
    return f"<item><title>{title}</title><link>{link}</link>{published}{described}</item>"


def only(body: bytes) -> FeedItem:
    (found,) = parse(body).items
    return found


def test_every_recorded_feed_is_read_or_refused_as_broken(recorded_data: Path) -> None:
    files = [file for file in sorted((recorded_data / "feeds").rglob("*")) if file.is_file()]
    read = {}
    for file in files:
        with contextlib.suppress(FeedBroken):
            read[file.name] = parse(file.read_bytes())
    assert len(files) > 80
    assert len(read) > 70
    assert len(read["guardian.rss"].items) == 55
    assert len(read["heise.atom"].items) == 15
    for feed in read.values():
        for entry in feed.items:
            assert entry.title or entry.url
            assert entry.url == "" or entry.url.startswith(("http://", "https://"))
            assert "<" not in entry.summary or "&" not in entry.summary
            assert entry.published_at is None or entry.published_at.tzinfo is UTC


def test_a_recorded_yahoo_feed_gives_its_items(recorded_data: Path) -> None:
    body = (recorded_data / "api_samples/rss/yahoo_headline_SAP.DE.xml").read_bytes()
    later = datetime(2026, 11, 21, tzinfo=UTC)
    parsed = parse_feed(body, feed="yahoo", language="en", fetched_at=later)
    assert [entry.published_at for entry in parsed.items] == [
        datetime(2026, 11, 20, 10, 15, tzinfo=UTC),
        None,
        None,
    ]
    assert parsed.items[0].feed == "yahoo"


def test_a_feed_without_items_is_fine() -> None:
    assert parse(rss()) == ParsedFeed((), ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html><h1>429 Too Many Requests</h1></html>",
        b'<!DOCTYPE html><html lang="en"><body>Blocked</body></html>',
        b'{"error":"rate limited"}',
        b"Too Many Requests",
        b"<?xml version='1.0'?><urlset></urlset>",
        b"\x00\x01\x02\xff" * 50,
        b"/etc/hostname",
        b"https://example.org/feed.xml",
    ],
)
def test_what_is_no_feed_is_broken(body: bytes) -> None:
    with pytest.raises(FeedBroken):
        parse(body)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(b'<!ENTITY lol%d "%s">' % (n, b"&lol;" * 10) for n in range(9))
    + b']><rss version="2.0"><channel><item><title>&lol8;</title></item></channel></rss>'
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        BOMB.decode().encode("utf-16"),
        BOMB.replace(b"ENTITY", b"entity"),
        b'<!DOCTYPE rss [<!ATTLIST a b CDATA "x">]>' + rss(),
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd" [ ]>' + rss(),
    ],
)
def test_entity_declarations_are_refused_before_parsing(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(FeedBroken, match="entities"):
        parse(body)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "hidden",
    [
        '<span style="display:none;font-size:0">buy</span>',
        "<p STYLE='Display : NONE'>buy</p>",
        '<b style="visibility: hidden">buy</b>',
        '<i style="font-size: 0px">buy</i>',
        '<i style="opacity:0">buy</i>',
        '<div style="position:absolute; left:-9999px">buy</div>',
        "<div hidden>buy</div>",
        "<template>buy</template>",
    ],
)
def test_what_the_markup_hides_from_readers_is_not_read(hidden: str) -> None:
    shown = "<b style='opacity:0.9;font-size:0.8em'>its outlook</b>"
    assert plain_text(f"SAP confirms {hidden}{shown}", 300) == "SAP confirms its outlook"


def test_a_doctype_without_entities_is_allowed() -> None:
    doctype = b'<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://x/rss-0.91.dtd">'
    assert parse(doctype + rss(item())).items


@pytest.mark.parametrize("name", ["utf-7", "cp037", "idna", "unicode_escape", "rot13"])
def test_extraordinary_encodings_are_refused(name: str) -> None:
    with pytest.raises(FeedBroken, match="encoding"):
        parse(f'<?xml version="1.0" encoding="{name}"?>'.encode() + rss(item()))
    with pytest.raises(FeedBroken, match="encoding"):
        parse(rss(item()), content_type=f"text/xml; charset={name}")
    with pytest.raises(FeedBroken, match="EBCDIC"):
        parse('<?xml version="1.0" encoding="cp037"?>'.encode("cp037"))


def test_oversized_and_deeply_nested_feeds_are_refused_quickly() -> None:
    started = time.process_time()
    with pytest.raises(FeedBroken, match="limit"):
        parse(b"<" * 4_000_001)
    with pytest.raises(FeedBroken, match="nested"):
        parse(b'<rss version="2.0">' + b"<a>" * 100_000)
    with pytest.raises(FeedBroken):
        parse(b"<!--" * 500_000)
    with pytest.raises(FeedBroken):
        parse(b"<!DOCTYPE" * 100_000)
    assert time.process_time() - started < 10


def test_umlauts_survive_in_latin_1() -> None:
    body = '<?xml version="1.0" encoding="ISO-8859-1"?>'.encode("latin-1") + rss(
        item(title="M\u00fcnchener R\u00fcck hebt Prognose")
    ).decode().encode("latin-1")
    assert only(body).title == "Münchener Rück hebt Prognose"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 02 Mar 2026 08:00:00 +0100", datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 08:00:00 MEZ", datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        ("Fri, 01 Aug 2025 08:00:00 MESZ", datetime(2025, 8, 1, 6, 0, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 08:00:00 MESZ", None),
        ("Fri, 01 Aug 2025 08:00:00 MEZ", None),
        ("Fri, 01 Aug 2025 08:00:00 EST", None),
        ("Mon, 02 Mar 2026 03:00:00 EST", datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("2026-03-02T08:00:00Z", datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("2026-03-02T08:00:00+01:00", datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 12:59:00 GMT", datetime(2026, 3, 2, 12, 59, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 13:01:00 GMT", None),
        ("Mon, 02 Mar 2026 08:00:00", None),
        ("Mon, 02 Mar 2026 08:00:00 XYZ", None),
        ("2026-03-02", None),
        ("0000-00-00", None),
        ("0000-00-00T00:00:00Z", None),
        ("not-a-date", None),
        ("Mon, 99 Mar 2026 08:00:00 MESZ", None),
        ("Mon, 02 Mar 1970 08:00:00 GMT", None),
    ],
)
def test_a_date_is_utc_or_absent(date: str, expected: datetime | None) -> None:
    assert only(rss(item(date=date))).published_at == expected


def test_an_unusable_publication_date_falls_back_to_the_update() -> None:
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>t</title><published>soon</published>'
        b"<updated>2026-03-01T08:00:00Z</updated></entry></feed>"
    )
    assert only(body).published_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_feed_of_which_no_entry_can_be_used_is_broken_and_not_without_news() -> None:
    with pytest.raises(FeedBroken, match="none of its 2 entries has a title or a usable link"):
        parse(rss(item(title="", link=""), item(title="", link="javascript:x")))


def test_an_item_without_title_and_link_is_rejected_with_its_place() -> None:
    parsed = parse(rss(item(), item(title="", link="", summary="x")))
    assert len(parsed.items) == 1
    assert parsed.rejected == ("item 2 has neither a title nor a usable link",)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "//x",
        "https://u:p@x.de/",
        "http://[",
        "ftp://x/",
    ],
)
def test_links_that_are_no_web_address_are_dropped(link: str) -> None:
    assert only(rss(item(link=link))).url == ""


def test_tags_scripts_and_invisible_characters_are_removed() -> None:
    entry = only(
        rss(
            item(
                title="&lt;img src=x onerror=alert(1)&gt;SAP&#x200b; &#x202e;rises",
                summary="&lt;p&gt;One &lt;b&gt;two&lt;/b&gt;&lt;script&gt;evil()&lt;/script&gt;&lt;/p&gt;"
                " three &amp;amp; four",
            )
        )
    )
    assert entry.title == "SAP rises"
    assert entry.summary == "One two three & four"


def test_long_texts_are_cut() -> None:
    entry = only(rss(item(title="x" * 2000, summary="word " * 2000)))
    assert len(entry.title) == 300
    assert len(entry.summary) <= 1000
    assert entry.summary.endswith("…")


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_plain_text_is_bounded_and_printable(markup: str, limit: int) -> None:
    text = plain_text(markup, limit)
    assert len(text) <= limit
    assert all(c == " " or c.isprintable() or c == "…" for c in text) or not text.isascii()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_broken(body: bytes) -> None:
    try:
        assert isinstance(parse(body), ParsedFeed)
    except FeedBroken:
        return

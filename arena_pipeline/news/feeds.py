"""RSS and Atom bytes read into items. Pure: bytes in, items out.

Feeds are hostile until shown otherwise. Before the parser (https://feedparser.readthedocs.io) sees a byte,
the body must be of bearable size and depth, in an ordinary encoding, and free of entity declarations; then it
must turn out to be a feed at all, because the parser takes an HTML error page for a feed without items.
A time without a time zone that is known is no time: such an item is undated.
"""

from __future__ import annotations

import calendar
import email.utils
import functools
import io
import re
import unicodedata
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import struct_time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import feedparser
from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag

from arena_pipeline.errors import FeedBroken

MAX_BYTES = 2_000_000
MAX_DEPTH = 500
MAX_TITLE, MAX_SUMMARY, MAX_URL, MAX_MARKUP = 300, 1000, 2000, 20_000
FUTURE_TOLERANCE = timedelta(hours=1)
"""A publication date further ahead of the fetch than this is an error of the feed, not news."""

_ZONES = {
    "MESZ": "+0200", "CEST": "+0200", "MEZ": "+0100", "CET": "+0100", "BST": "+0100",
    "GMT": "+0000", "UTC": "+0000", "UT": "+0000", "Z": "+0000",
    "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
    "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}  # fmt: skip
_SEASONAL = {
    name: ZoneInfo(place)
    for place, names in {
        "Europe/Berlin": "MESZ CEST MEZ CET",
        "Europe/London": "BST",
        "America/New_York": "EST EDT",
        "America/Chicago": "CST CDT",
        "America/Denver": "MST MDT",
        "America/Los_Angeles": "PST PDT",
    }.items()
    for name in names.split()
}
"""Names that hold for half a year. One that is not in force on its date, such as MESZ in winter, was written
by a machine that does not know the season: the hour is in doubt, and so is which session could know of it."""

_ZONE_NAME = re.compile(r"(?<![A-Za-z])([A-Z]{1,5})\s*$")
_HAS_TIME_AND_ZONE = re.compile(r"\d{1,2}:\d{2}.*?(?:[+-]\d{2}:?\d{2}|\b[A-Z]{1,5}|\dZ)\s*$")
_ENCODINGS = re.compile(
    r"(utf-?8|utf-?16([bl]e)?|(us-)?ascii|(iso-?)?8859-\d{1,2}|iso-?8859-\d{1,2}|latin-?[1-9]|windows-?125\d|cp125\d"
    r"|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift[_-]jis)",
    re.IGNORECASE,
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']{1,40})[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY|<!DOCTYPE[^>\[]{0,1000}\[", re.IGNORECASE)
_TAG = re.compile(rb"<(/?)[A-Za-z][^<>]*?(/?)>")
_UNSEEN = re.compile(
    r"display:none|visibility:hidden|(?:font-size|opacity):0(?![.\d])|(?:left|top|text-indent):-\d{3}"
)
"""What hides an element, in a style without spaces."""
_EBCDIC = b"\x4c\x6f\xa7\x94"
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One entry of a feed. `title` and `summary` are plain text; `url` is http(s) or empty.

    `published_at` is UTC, None where the feed gives no usable time. `language` is the feed's, as configured.
    """

    title: str
    summary: str
    url: str
    published_at: datetime | None
    feed: str
    language: str


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed's items in its own order, and why other entries were refused."""

    items: tuple[FeedItem, ...]
    rejected: tuple[str, ...]


def _not_shown(element: Tag) -> bool:
    style = "".join(str(element.get("style", "")).lower().split())
    return (
        element.name in {"script", "style", "template", "noscript"}
        or element.has_attr("hidden")
        or _UNSEEN.search(style) is not None
    )


def plain_text(markup: str, limit: int) -> str:
    """Text without tags, scripts, what the markup itself hides from readers, control, zero-width and
    direction characters, cut at `limit` characters."""
    markup = markup[:MAX_MARKUP]
    if "<" in markup or "&" in markup:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
            soup = BeautifulSoup(markup, "html.parser")
        for element in soup(_not_shown):
            element.decompose()
        markup = soup.get_text(" ")
    kept = (" " if c in "\t\r\n\v\f" else c for c in unicodedata.normalize("NFC", markup))
    text = "".join(
        c for c in kept if (c.isascii() and c.isprintable()) or unicodedata.category(c) not in _INVISIBLE
    )
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _web_address(link: str) -> str:
    link = link.strip()
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return ""
    usable = (
        parts.scheme.lower() in {"http", "https"} and host and not parts.username and len(link) <= MAX_URL
    )
    return link if usable and link.isprintable() and " " not in link else ""


def _named_zone_handler(text: str) -> struct_time | None:
    """RFC 822 dates whose zone is a name that feedparser would take for UTC, such as MESZ."""
    found = _ZONE_NAME.search(text)
    if not found or found[1] not in _ZONES:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(text[: found.start(1)] + _ZONES[found[1]])
    except (ValueError, TypeError, IndexError):
        return None
    return moment.astimezone(UTC).timetuple() if 1 < moment.year < 9999 else None


@functools.cache
def _register_zones() -> None:
    feedparser.registerDateHandler(_named_zone_handler)


def _in_season(name: str, moment: datetime) -> bool:
    """Whether a zone's name is the one in force at its place at that time."""
    if name not in _SEASONAL:
        return True
    offset = moment.astimezone(_SEASONAL[name]).strftime("%z")
    return offset == _ZONES[name]


def _published_at(entry: Any, fetched_at: datetime) -> datetime | None:
    for name in ("published", "updated"):
        text = str(
            dict.get(entry, name) or ""
        ).strip()  # past feedparser's own fallback from one to the other
        parsed = dict.get(entry, f"{name}_parsed")
        if not text or parsed is None or not _HAS_TIME_AND_ZONE.search(text):
            continue
        named = _ZONE_NAME.search(text)
        if named and named[1] not in _ZONES:
            continue
        try:
            moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        except (ValueError, TypeError, OverflowError):
            continue
        if named and not _in_season(named[1], moment):
            continue
        if moment.year >= 1990 and moment <= fetched_at + FUTURE_TOLERANCE:
            return moment
    return None


def _without(body: bytes, opening: bytes, closing: bytes) -> bytes:
    kept, position = [], 0
    while (start := body.find(opening, position)) >= 0 and (end := body.find(closing, start)) >= 0:
        kept.append(body[position:start])
        position = end + len(closing)
    return b"".join([*kept, body[position:]])


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(_without(_without(body, b"<![CDATA[", b"]]>"), b"<!--", b"-->")):
        if tag[1]:
            depth = max(0, depth - 1)
        elif not tag[2]:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _guard(body: bytes, feed: str, content_type: str) -> None:
    if not body.strip():
        raise FeedBroken(f"{feed}: the answer is empty")
    if len(body) > MAX_BYTES:
        raise FeedBroken(f"{feed}: the answer has {len(body)} bytes, the limit is {MAX_BYTES}")
    ascii_view = body.replace(b"\0", b"")
    declared = _DECLARED.search(ascii_view[:1000])
    charset = _CHARSET.search(content_type)
    for name in ((declared[1].decode("ascii", "replace"),) if declared else ()) + (
        (charset[1],) if charset else ()
    ):
        if not _ENCODINGS.fullmatch(name):
            raise FeedBroken(f"{feed}: the encoding {name!r} is not accepted")
    if body.startswith(_EBCDIC):
        raise FeedBroken(f"{feed}: the encoding EBCDIC is not accepted")
    if _ENTITY.search(ascii_view):
        raise FeedBroken(f"{feed}: declares entities; not parsed")
    if _depth(ascii_view) > MAX_DEPTH:
        raise FeedBroken(f"{feed}: elements are nested deeper than {MAX_DEPTH}")


def parse_feed(
    body: bytes, *, feed: str, language: str, fetched_at: datetime, content_type: str = ""
) -> ParsedFeed:
    """The items of a feed. Raises FeedBroken for whatever is no feed, and for one with entries of which none
    can be used; a feed without entries is fine.

    `fetched_at` (UTC) bounds publication dates; `content_type` is the vendor's header, for its charset.
    """
    _guard(body, feed, content_type)
    _register_zones()
    headers = {"content-type": content_type} if content_type else {}
    try:
        parsed = feedparser.parse(io.BytesIO(body), response_headers=headers)
    except (ValueError, LookupError, AssertionError, RecursionError, TypeError) as error:
        raise FeedBroken(f"{feed}: cannot be parsed ({type(error).__name__})") from error
    if not parsed.get("version"):
        raise FeedBroken(f"{feed}: the answer is no RSS or Atom feed")
    items: list[FeedItem] = []
    rejected: list[str] = []
    for number, entry in enumerate(parsed.entries, start=1):
        item = FeedItem(
            title=plain_text(str(entry.get("title") or ""), MAX_TITLE),
            summary=plain_text(str(entry.get("summary") or ""), MAX_SUMMARY),
            url=_web_address(str(entry.get("link") or "")),
            published_at=_published_at(entry, fetched_at),
            feed=feed,
            language=language,
        )
        if item.title or item.url:
            items.append(item)
        else:
            rejected.append(f"item {number} has neither a title nor a usable link")
    if rejected and not items:
        raise FeedBroken(f"{feed}: none of its {len(rejected)} entries has a title or a usable link")
    return ParsedFeed(tuple(items), tuple(rejected))

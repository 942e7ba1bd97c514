"""Article pages: what a link from outside leads to, fetched under the public route and read as plain text.

Never raises for what a publisher does. A page that cannot be used says why (`Unread`): a wall in front of the
text is not the article, and must not be taken for one.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from arena_pipeline.errors import DataError
from arena_pipeline.news.feeds import plain_text
from arena_pipeline.sources.extraction import MAX_HTML, Extracted, NotExtracted, extract
from arena_pipeline.sources.recorder import Failure, Recorded

VENDOR = "article"
HEADERS = {"Accept": "text/html, application/xhtml+xml"}
MAX_BYTES = 6_000_000
"""What the HTTP client of an `ArticleSource` should allow a page."""

MAX_TITLE, MAX_AUTHOR, MAX_PARAGRAPH, MAX_TEXT = 300, 120, 4000, 20_000
MIN_TEXT = 250
"""Characters below which a page's text is taken for a teaser or a notice."""

WALL_TEXT = 1500
"""A text shorter than this that speaks of cookies or subscriptions is the wall, not an article about one."""

_HTML = re.compile(r"\s*(text/html|application/xhtml\+xml)\b", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,20})", re.IGNORECASE)
_ENCODING = re.compile(
    r"utf-?(8|16)(le|be)?|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|(windows-?|cp)125\d", re.I
)
_NOT_FREE = re.compile(r"[\"']isAccessibleForFree[\"']\s*:\s*[\"']?false", re.IGNORECASE)
_PAYWALL = re.compile(
    r"subscri(be|ption|bers)|already a (member|subscriber)|log ?in to (read|continue)|abonn(ieren|ent|ement)"
    r"|jetzt (weiterlesen|testen)|weiterlesen mit|monatlich kündbar|premium-?(artikel|inhalt)",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"cookies?|consent|einwilligung|datenschutz|enable javascript|javascript (aktivieren|einschalten)"
    r"|are you (a )?(human|robot)|kein roboter|captcha|access denied|zugriff verweigert",
    re.IGNORECASE,
)


class Unread(enum.StrEnum):
    """Why there is no text of a page."""

    ADDRESS_REFUSED = "address refused"
    NOT_ASKED = "not asked"
    NO_ANSWER = "no answer"
    STATUS = "status"
    TOO_LARGE = "too large"
    NOT_HTML = "not html"
    PAYWALLED = "paywalled"
    EMPTY = "empty"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Page:
    """An article's text, one paragraph a line, plain and cut at `MAX_TEXT` characters (it then ends in "…").

    `published_on` is the day that the page states, which may be wrong, but never one after the fetch. `url`
    is where the text was at last, after redirects: whose word it is.
    """

    url: str
    title: str
    author: str
    published_on: date | None
    text: str


@dataclass(frozen=True, slots=True)
class ArticleReply:
    """What came of one link: `page`, or `unread` and the reason. `recorded` is None if it was no address."""

    url: str
    recorded: Recorded | None
    page: Page | None
    unread: Unread | None
    reason: str


class Getter(Protocol):
    """What is needed of an `Http` with the public route."""

    def get(self, vendor: str, url: str, *, headers: Mapping[str, str] | None = None) -> Recorded: ...


class ArticleSource:
    """Fetches article pages through an `Http` that has `PublicRoute` and `MAX_BYTES`."""

    def __init__(self, http: Getter) -> None:
        self._http = http

    def read(self, url: str) -> ArticleReply:
        """The article behind a link of a feed or a search."""
        try:
            recorded = self._http.get(VENDOR, url, headers=HEADERS)
        except DataError as error:
            return ArticleReply(url, None, None, Unread.ADDRESS_REFUSED, str(error))
        try:
            page = _page(url, recorded)
        except _NoTextError as error:
            return ArticleReply(url, recorded, None, error.kind, str(error))
        return ArticleReply(url, recorded, page, None, "")


class _NoTextError(Exception):
    def __init__(self, kind: Unread, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


_FAILURES = {
    Failure.HELD_BACK: Unread.NOT_ASKED,
    Failure.REFUSED_ADDRESS: Unread.ADDRESS_REFUSED,
    Failure.TOO_LARGE: Unread.TOO_LARGE,
    Failure.NO_ANSWER: Unread.NO_ANSWER,
}


def _page(url: str, recorded: Recorded) -> Page:
    if recorded.kind is not None:
        raise _NoTextError(_FAILURES[recorded.kind], recorded.failure or "")
    if recorded.status != 200:
        kind = Unread.PAYWALLED if recorded.status == 402 else Unread.STATUS
        raise _NoTextError(kind, f"status {recorded.status}")
    content_type = recorded.headers.get("content-type", "")
    if not _HTML.match(content_type) and (content_type or not recorded.body.lstrip()[:1] == b"<"):
        raise _NoTextError(Unread.NOT_HTML, f"its content type is {content_type[:60] or 'not stated'!r}")
    html = _decoded(recorded.body, content_type)
    if _NOT_FREE.search(html):
        raise _NoTextError(Unread.PAYWALLED, "the page says that it is not free to read")
    try:
        found = extract(html)
    except NotExtracted as error:
        raise _NoTextError(Unread.UNREADABLE, str(error)) from None
    text = _text(found)
    _refuse_walls(text)
    return Page(
        url=recorded.headers.get("final-url", url),
        title=plain_text(found.title, MAX_TITLE),
        author=plain_text(found.author, MAX_AUTHOR),
        published_on=_published_on(found.date, recorded.fetched_at),
        text=text,
    )


def _decoded(body: bytes, content_type: str) -> str:
    """The page as text: in the encoding of its header, else of its markup, else in UTF-8."""
    body = body[: 4 * MAX_HTML]
    head = body[:2048].decode("ascii", "replace")
    named = [found[1] for found in (_CHARSET.search(content_type), _CHARSET.search(head)) if found]
    encoding = next((name for name in named if _ENCODING.fullmatch(name)), "utf-8")
    try:
        return body.decode(encoding, "replace")[:MAX_HTML]
    except LookupError:
        return body.decode("utf-8", "replace")[:MAX_HTML]


def _text(found: Extracted) -> str:
    lines = (plain_text(line, MAX_PARAGRAPH) for line in found.text.splitlines())
    text = "\n".join(line for line in lines if line)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1].rstrip() + "…"


def _refuse_walls(text: str) -> None:
    if len(text) < WALL_TEXT and _PAYWALL.search(text):
        raise _NoTextError(Unread.PAYWALLED, "a short text that asks for a subscription")
    if len(text) < WALL_TEXT and _NOTICE.search(text):
        raise _NoTextError(Unread.EMPTY, "a short text about cookies, scripts or access")
    if len(text) < MIN_TEXT:
        raise _NoTextError(Unread.EMPTY, f"{len(text)} characters of text are no article")


def _published_on(text: str, fetched_at: datetime) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(1990, 1, 1) <= day <= (fetched_at + timedelta(hours=14)).date() else None

"""Which page shows what: the address for an id, and which addresses of other people may be links."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from arena_pipeline.warehouse.lineage import prefix, session_of
from dashboards.formats import path


def page_of(identity: str) -> str | None:
    """The page of a thing beside that of its evidence; None where it has none."""
    name, _, rest = identity.partition(":")
    if name == "article":
        return f"/articles/{path(identity)}"
    if name == "decision":
        return f"/decisions/{path(identity)}"
    if name == "order":
        return f"/decisions/{path('decision:' + rest.rpartition(':')[0])}{anchor(identity)}"
    if name == "fill":
        return page_of(f"order:{rest}")
    if name == "briefing":
        session = session_of(identity)
        symbol = identity.rpartition(":")[2]
        return f"/research/{path(symbol)}/{path(session)}" if session else None
    if name == "snapshot":
        return f"/models/{path(rest.rpartition(':')[0])}"
    return None


def evidence_of(identity: str) -> str:
    """Where a piece of evidence is shown: on a page of its own, or with its edges."""
    own = page_of(identity) if prefix(identity) in ("article", "decision", "briefing") else None
    return own or f"/evidence/{path(identity)}"


def anchor(identity: str) -> str:
    """The address of a card on the same page."""
    return "#" + quote(identity, safe=":.|@")


def outside(url: str | None) -> str | None:
    """An address that a stranger gave, if it may be a link: http or https, with a host, and nothing to sign
    in with."""
    if not url or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or "\\" in url:
        return None
    return url

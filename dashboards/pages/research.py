"""What a session knew: momentum, watchlist, briefings with their sources; and one article."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from arena_api.reading import Document, Reading, articles, research, uses
from arena_api.reading.stored import partitions_down
from arena_pipeline.errors import DataError
from arena_pipeline.market.universe import companies
from arena_pipeline.news.credibility import credibility
from arena_pipeline.research.quality import WEIGHTS
from arena_pipeline.settings import SYMBOL
from arena_pipeline.warehouse.lineage import prefix
from dashboards import addresses
from dashboards.shell import ShellOf

HERE = "/research"
SESSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)
AROUND = 6
"""Sessions on either side of the one shown that can be chosen."""

SHADES = (0.08, 0.25, 0.45)
"""From so much momentum on, up or down, a square is shaded, and shaded more."""

SECTIONS = {"technical": "Prices", "news": "News", "figures": "Company figures"}
OF_ARTICLES = {"briefing": "Briefings", "momentum": "Momentum", "order": "Orders that cite it"}

router = APIRouter()


@router.get("/research")
def overview(shell: ShellOf, session: Annotated[str | None, Query()] = None) -> HTMLResponse:
    store = shell.reading.store()
    known = [] if store is None else partitions_down(store, "momentum")
    if session not in known:
        session = known[0] if known else None
    place = known.index(session) if session else 0
    momentum, watched, briefed = _session(shell.reading, session)
    return shell.page(
        "research.html",
        here=HERE,
        session=session,
        near=known[max(place - AROUND, 0) : place + AROUND + 1],
        newest=known[0] if known else None,
        sectors=_sectors(momentum),
        shade=shade,
        watched=watched,
        briefings=briefed,
        briefed={each["symbol"] for each in briefed},
        listed={each["symbol"]: each["rank"] for each in watched},
    )


@router.get("/research/{symbol}/{session}")
def briefing(shell: ShellOf, symbol: str, session: str) -> HTMLResponse:
    reading = shell.reading
    what = f"the briefing on {symbol} in {session}"
    if not SYMBOL.fullmatch(symbol) or not SESSION.fullmatch(session):
        return shell.missing(what, here=HERE)
    try:
        found = research.briefing(reading, session, symbol)
    except DataError:
        return shell.missing(what, here=HERE)
    dropped = _dropped(found)
    told = {fact["evidence"] for fact in found["facts"].get("news", ())}
    sources = articles.named(reading, told | set(dropped))
    return shell.page(
        "briefing.html",
        here=HERE,
        briefing=found,
        sections=[(title, found["facts"].get(name, [])) for name, title in SECTIONS.items()],
        said={fact["id"]: fact["text"] for name in SECTIONS for fact in found["facts"].get(name, ())},
        weights=WEIGHTS,
        sources=[
            {
                "id": identity,
                "article": sources.get(identity),
                "esteem": _esteem(sources.get(identity)),
                "dropped": dropped.get(identity),
                "readings": uses.readings(reading, identity),
            }
            for identity in sorted(told | set(dropped))
        ],
        readers=uses.readers(reading, found["id"]),
        evidence_of=addresses.evidence_of,
    )


@router.get("/articles/{identity}")
def article(shell: ShellOf, identity: str) -> HTMLResponse:
    reading = shell.reading
    try:
        if prefix(identity) != "article" or not identity.isprintable():
            raise DataError("not the id of an article")
        found = articles.article(reading, identity)
    except DataError:
        return shell.missing(identity, here=HERE)
    used: dict[str, list[Document]] = defaultdict(list)
    for use in uses.uses(reading, identity):
        used[prefix(use["child"])].append(use)
    return shell.page(
        "article.html",
        here=HERE,
        article=found,
        outside=addresses.outside(found["url"]),
        esteem=_esteem(found),
        readings=uses.readings(reading, identity),
        used=[(title, used[name]) for name, title in OF_ARTICLES.items() if used[name]],
        page_of=addresses.page_of,
        evidence_of=addresses.evidence_of,
    )


def shade(score: float | None) -> str:
    """The class of a square: `h-3` is far below, `h0` near nothing, `h3` far above."""
    if score is None:
        return "h0"
    steps = sum(1 for each in SHADES if abs(score) >= each)
    return f"h{'-' if score < 0 and steps else ''}{steps}"


def _session(reading: Reading, session: str | None) -> tuple[list[Document], list[Document], list[Document]]:
    """Momentum, watchlist and briefings of a session."""
    if session is None:
        return [], [], []
    return (
        research.session_table(reading, "momentum", session)["momentum"],
        research.session_table(reading, "watchlist", session)["watchlist"],
        research.briefings(reading, session)["briefings"],
    )


def _sectors(momentum: list[Document]) -> list[tuple[str, list[Document]]]:
    """The shares by sector, the largest sector first."""
    known = companies(tuple(row["symbol"] for row in momentum))
    found: dict[str, list[Document]] = defaultdict(list)
    for row in momentum:
        company = known[row["symbol"]]
        found[company.sector or "Without a sector"].append({**row, "name": company.name})
    return sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))


def _dropped(briefing: Mapping[str, Any]) -> dict[str, str]:
    """The articles whose claims were not believed, and why."""
    return dict(json.loads(briefing.get("dropped") or "[]"))


def _esteem(article: Document | None) -> dict[str, str] | None:
    """How far the word of an article's publisher goes."""
    if article is None:
        return None
    found = credibility(article["url"])
    return {"level": found.level.value, "reason": found.reason, "domain": found.domain}

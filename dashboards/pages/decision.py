"""The list of decisions, and one decision with what it rests on, down to the bytes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from arena_api.reading import Reading
from arena_api.reading import decisions as listed
from arena_api.reading.pages import PAGE, Asked, WrongCursor, key_of
from arena_api.reading.stored import asset_state
from arena_pipeline.errors import DataError
from arena_pipeline.settings import MODEL_ID
from arena_pipeline.warehouse.lineage import prefix
from arena_pipeline.warehouse.store import ArenaStore
from dashboards import addresses, calls, dagster_links, digests, evidence, graph
from dashboards.shell import ShellOf

HERE = "/decisions"
OUTCOMES = ("decided", "abstained")
router = APIRouter()


@router.get("/decisions")
def decisions(
    shell: ShellOf,
    model: Annotated[str | None, Query()] = None,
    outcome: Annotated[str | None, Query()] = None,
    after: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    known = (model is None or MODEL_ID.fullmatch(model)) and outcome in (None, *OUTCOMES)
    try:
        asked = Asked(limit=PAGE, after=key_of(after) if after else None)
    except WrongCursor:
        asked, known = Asked(), False
    found: dict[str, Any] = {"decisions": [], "next_cursor": None}
    if known:
        found = listed.decisions(shell.reading, asked, model=model, outcome=outcome)
    return shell.page(
        "decisions.html", here=HERE, found=found, model=model, outcome=outcome, outcomes=OUTCOMES
    )


@router.get("/decisions/{identity}")
def decision(shell: ShellOf, identity: str, share: Annotated[str | None, Query()] = None) -> HTMLResponse:
    try:
        found = listed.decision(shell.reading, identity)
    except DataError:
        return shell.missing(identity, here=HERE)
    store = shell.reading.existing("decision")
    fills = [order["fill"]["id"] for order in found["orders"] if "fill" in order]
    roots = [identity, *(order["id"] for order in found["orders"]), *fills]
    walk = walked(shell.reading, store, identity, roots)
    books = evidence.books_after(store, fills)
    drawn = graph.graph_of(found, walk, books, share=share)
    asked = sorted(
        edge.parent for edge in walk.edges if edge.child == identity and prefix(edge.parent) == "llm"
    )
    settings = shell.reading.settings
    return shell.page(
        "decision.html",
        here=HERE,
        decision=found,
        graph=drawn,
        chosen=share if share in drawn.shares else None,
        kinds=graph.NAMES,
        anchor=addresses.anchor,
        pretty=calls.pretty,
        marked=calls.marked,
        page_of=addresses.page_of,
        groups=evidence.groups(walk, without=roots),
        facts=_cited_facts(found, walk),
        cites=sorted({cite["cite"] for order in found["orders"] for cite in order["cites"]}),
        cited=_cited(found),
        calls=[calls.call_of(store, call, walk.rows[call]) for call in asked],
        books=books,
        checks=digests.checks_of(store, found, walk.rows, books),
        run=dagster_links.run(settings, found["run_id"]),
        partition=dagster_links.partition(settings, "decisions", f"{found['model']}|{found['session']}"),
    )


def walked(reading: Reading, store: ArenaStore, identity: str, roots: list[str]) -> evidence.Walk:
    """The evidence below a decision, made again when something of it may have changed."""
    state = asset_state(
        store, "trades", "briefings", "held_briefings", "indicators", "articles", "daily_bars"
    )
    return reading.remembered(("walk", identity), state, lambda: evidence.walk(store, roots))


def _cited(decision: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the orders name as their reasons, each with the citations as they wrote them."""
    found: dict[str, list[str]] = defaultdict(list)
    for order in decision["orders"]:
        for cite in order["cites"]:
            if cite["evidence"] and cite["cite"] not in found[cite["evidence"]]:
                found[cite["evidence"]].append(cite["cite"])
    return dict(found)


def _cited_facts(decision: Mapping[str, Any], walk: evidence.Walk) -> dict[str, str]:
    """What each cited fact said, by the citation, from the briefings that the decision was shown."""
    shown = {edge.parent for edge in walk.edges if edge.child == decision["id"]}
    said: dict[str, str] = {}
    for identity in shown:
        row = walk.rows.get(identity, {})
        if prefix(identity) == "briefing" and row.get("facts"):
            facts = json.loads(row["facts"])
            for section in ("technical", "news", "figures"):
                for fact in facts.get(section, ()):
                    said[f"{row['symbol']}:{fact['id']}"] = str(fact["text"])
    wanted = {cite["cite"] for order in decision["orders"] for cite in order["cites"]}
    return {cite: text for cite, text in said.items() if cite in wanted}

"""What models got wrong, and what caught it, as far as a lineage reaches: read from its nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arena_pipeline.warehouse.lineage import REMEMBERS

Node = Mapping[str, Any]

DROPPED = "dropped: "
"""How the role of an edge from a briefing to an article begins that no fact rests on."""


def caught(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """One entry per mistake, in the order in which a session meets them: `id` is the row that has it, `what`
    the mistake in our words, `then` what became of it. Mistakes that are only remembered are left out."""
    remembered = {edge["parent"] for edge in document["edges"] if edge["role"] == REMEMBERS}
    for edge in document["edges"]:
        remembered -= {edge["child"]} if edge["role"] == REMEMBERS else {edge["child"], edge["parent"]}
    nodes: list[Node] = [node for node in document["nodes"] if node["id"] not in remembered]
    return [
        *_unread(nodes),
        *(
            _entry(edge["parent"], f"{edge['role'].removeprefix(DROPPED)} ({edge['child']})", "no fact")
            for edge in document["edges"]
            if edge["role"].startswith(DROPPED)
        ),
        *_refused_replies(nodes),
        *_unused(nodes),
        *_orders(nodes),
        *_abstentions(nodes),
    ]


def _entry(identity: str, what: str, then: str) -> dict[str, str]:
    return {"id": identity, "what": what, "then": then}


def _of(nodes: list[Node], kind: str) -> Iterator[Node]:
    return (node for node in nodes if node["kind"] == kind)


def _unread(nodes: list[Node]) -> Iterator[dict[str, str]]:
    for node in _of(nodes, "extraction"):
        if node.get("failure"):
            yield _entry(node["id"], node["failure"], "the rules read the article")


def _refused_replies(nodes: list[Node]) -> Iterator[dict[str, str]]:
    for node in _of(nodes, "llm_exchange"):
        if node.get("refused"):
            who = f"{node.get('purpose')} by {node.get('model_asked')}"
            yield _entry(node["id"], f"{who}: {node['refused']}", "the reply was refused")


def _unused(nodes: list[Node]) -> Iterator[dict[str, str]]:
    for node in _of(nodes, "briefing"):
        then = "noted" if node.get("ok") else "the synthesis was not used"
        for problem in node.get("problems") or ():
            yield _entry(node["id"], problem, then)


def _orders(nodes: list[Node]) -> Iterator[dict[str, str]]:
    for node in _of(nodes, "order"):
        if not node.get("accepted", True):
            what = f"{node['side']} {node['symbol']}: {node['refusal']}: {node['refusal_detail']}"
            yield _entry(node["id"], what, "refused by the gate")
        unknown = node.get("unknown_cites") or ()
        if unknown:
            what = f"cites facts that it was not shown: {', '.join(unknown)}"
            then = f"confidence {node.get('confidence')} counted as {node.get('lowered_confidence')}"
            yield _entry(node["id"], what, then)


def _abstentions(nodes: list[Node]) -> Iterator[dict[str, str]]:
    for node in _of(nodes, "decision"):
        if node.get("failure"):
            yield _entry(node["id"], node["failure"], "no orders")

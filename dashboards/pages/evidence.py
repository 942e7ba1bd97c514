"""One piece of evidence: what is stored of it, what it was made from, and what was made of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import decisions as walks
from arena_api.reading import uses
from arena_pipeline.errors import ArchiveCorrupt, DataError
from arena_pipeline.warehouse.lineage import kind, prefix
from dashboards import addresses, calls, evidence
from dashboards.shell import ShellOf

HERE = "/decisions"
SHOWN = 400
"""Edges of one side that are listed."""

MOST_BYTES = 400_000
"""Of an archived entry, shown as text."""

router = APIRouter()


@router.get("/evidence/{identity}")
def one(shell: ShellOf, identity: str) -> HTMLResponse:
    if prefix(identity) == "raw":
        return archived(shell, identity)
    try:
        found = walks.lineage(shell.reading, identity, depth=1)
    except DataError:
        return shell.missing(identity, here=HERE)
    (row,) = (node for node in found["nodes"] if node["id"] == identity)
    below = [edge for edge in found["edges"] if edge["child"] == identity]
    stored = {name: value for name, value in row.items() if name not in ("id", "kind")}
    return shell.page(
        "evidence.html",
        here=HERE,
        identity=identity,
        kind=kind(identity),
        stored=evidence.stored_text(stored),
        sha256=row.get("raw"),
        known_at=row.get("known_at") or row.get("fetched_at") or row.get("recorded_at"),
        source=row.get("source") or row.get("vendor") or row.get("author_model"),
        below=below[:SHOWN],
        more_below=max(len(below) - SHOWN, 0),
        above=uses.uses(shell.reading, identity),
        page=addresses.page_of(identity),
        kind_of=kind,
        evidence_of=addresses.evidence_of,
    )


def archived(shell: ShellOf, identity: str) -> HTMLResponse:
    """The bytes of an entry of the archive, as text."""
    try:
        entry = uses.archived(shell.reading, identity.removeprefix("raw:"))
    except DataError:
        return shell.missing(identity, here=HERE)
    except ArchiveCorrupt as error:
        entry = dict.fromkeys(("content", "size", "what", "vendor", "at", "exchange"))
        entry |= {"sha256": identity.removeprefix("raw:"), "changed": str(error)}
    content = entry["content"]
    text = None if content is None else content[:MOST_BYTES].decode("utf-8", "replace")
    return shell.page(
        "archived.html",
        here=HERE,
        entry=entry,
        text=text if text is None or len(content) > MOST_BYTES else calls.pretty(text),
        most=MOST_BYTES,
    )

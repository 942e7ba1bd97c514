"""The list of decisions, and one decision with what it rests on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from arena_api.reading import decisions as listed
from arena_api.reading.pages import PAGE
from arena_pipeline.errors import DataError
from arena_pipeline.settings import MODEL_ID
from dashboards import evidence
from dashboards.shell import ShellOf

HERE = "/decisions"
router = APIRouter()


@router.get("/decisions")
def decisions(shell: ShellOf, model: Annotated[str | None, Query()] = None) -> HTMLResponse:
    known = model is None or MODEL_ID.fullmatch(model) is not None
    found = listed.decisions(shell.reading, model=model)["decisions"] if known else []
    return shell.page("decisions.html", here=HERE, decisions=found, model=model, limit=PAGE)


@router.get("/decisions/{identity}")
def decision(shell: ShellOf, identity: str) -> HTMLResponse:
    try:
        found = listed.decision(shell.reading, identity)
    except DataError:
        return shell.missing(identity, here=HERE)
    fills = [order["fill"]["id"] for order in found["orders"] if "fill" in order]
    roots = [identity, *(order["id"] for order in found["orders"]), *fills]
    store = shell.reading.store()
    groups = [] if store is None else evidence.groups(store, roots)
    return shell.page("decision.html", here=HERE, decision=found, groups=groups)

"""The pages, made on the server from the same documents as the API's answers, to be read without a script.

One module of `pages` per page, each with its router. A page is in the navigation as soon as it has a route.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from dashboards import assets
from dashboards.pages import (
    decision,
    duel,
    evidence,
    leaderboard,
    model,
    overview,
    pipeline,
    research,
    symbol,
)
from dashboards.shell import Shell, templates

PAGES: tuple[tuple[str, str, APIRouter], ...] = (
    ("Overview", "/", overview.router),
    ("Leaderboard", "/leaderboard", leaderboard.router),
    ("Models", "/models", model.router),
    ("Decisions", "/decisions", decision.router),
    ("Research", "/research", research.router),
    ("Symbols", "/symbols", symbol.router),
    ("Duel", "/duel", duel.router),
    ("Pipeline", "/pipeline", pipeline.router),
)
"""The navigation: label, address, and the routes that are added for it."""

FOR_PROGRAMS = ("/api", "/dash/", "/static/", "/ws/", "/health", "/ready", "/openapi.json", "/metrics")


def mount(app: FastAPI) -> None:
    """Add the pages and their static files to an app whose `state.reading` they read through."""
    app.state.templates = templates()
    app.state.navigation = [(label, address) for label, address, router in PAGES if router.routes]
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    for _, _, router in PAGES:
        pages.include_router(router)
    pages.include_router(evidence.router)

    @pages.get("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        return assets.answer(request, name)

    app.include_router(pages)


def readable(request: Request, problem: JSONResponse) -> Response:
    """The problem as a page for a browser that asked for a page; the document itself for everybody else."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or request.url.path.startswith(FOR_PROGRAMS):
        return problem
    found = json.loads(bytes(problem.body))
    return Shell(request).problem(problem.status_code, found, dict(problem.headers))

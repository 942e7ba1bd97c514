"""The pages, made on the server, from the same documents as the API's answers; they need no script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, Query
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from arena_api.reading import decisions as listed
from arena_api.reading import models
from arena_api.reading.pages import PAGE
from arena_pipeline.errors import DataError
from arena_pipeline.scoring.metrics import MIN_DAYS
from arena_pipeline.settings import MODEL_ID
from dashboards import evidence, formats

if TYPE_CHECKING:
    from arena_api.reading import Reading

HERE = Path(__file__).parent


def mount(app: FastAPI, reading: Reading) -> None:
    """Add the pages and their static files to an app. Everything they show comes through `reading`."""
    templates = _templates()

    def page(name: str, *, here: str = "", status: int = 200, **values: Any) -> HTMLResponse:
        settings = reading.settings
        common = {"simulated": settings.simulated, "arena": settings.arena, "here": here}
        return HTMLResponse(templates.get_template(name).render(**common, **values), status)

    def leaderboard() -> HTMLResponse:
        board = models.board(reading)
        return page(
            "leaderboard.html",
            here="leaderboard",
            board=board,
            min_days=MIN_DAYS,
            mature=any(line["days"] >= MIN_DAYS for line in board["models"]),
            benchmark=reading.settings.universe.benchmark,
        )

    def decisions(model: Annotated[str | None, Query()] = None) -> HTMLResponse:
        known = model is None or MODEL_ID.fullmatch(model) is not None
        found = listed.decisions(reading, model=model)["decisions"] if known else []
        return page("decisions.html", here="decisions", decisions=found, model=model, limit=PAGE)

    def decision(identity: str) -> HTMLResponse:
        try:
            found = listed.decision(reading, identity)
        except DataError:
            return page("missing.html", status=404, what=identity)
        fills = [order["fill"]["id"] for order in found["orders"] if "fill" in order]
        roots = [identity, *(order["id"] for order in found["orders"]), *fills]
        store = reading.store()
        return page(
            "decision.html",
            here="decisions",
            decision=found,
            groups=[] if store is None else evidence.groups(store, roots),
        )

    router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    router.add_api_route("/", leaderboard)
    router.add_api_route("/decisions", decisions)
    router.add_api_route("/decisions/{identity}", decision)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats.install(environment)
    return environment

"""The OpenAPI document at `/openapi.json`: what FastAPI derives from the routes, and beside it what only the
layers around them know: that errors are problem documents, and who is let in.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from arena_api.problems import MEDIA_TYPE

ADMIN = "/api/admin/"
SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "a key that `arena keys add` made; not needed on the machine that the server runs on",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key"},
}
REQUIRED: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
OPTIONAL: list[dict[str, list[str]]] = [{}, *REQUIRED]
EXAMPLES = {
    "after": 1200,
    "as_of": "2025-10-24",
    "cursor": "WyIyMDI1LTEwLTI0IiwiaWQiXQ",
    "day": "2025-10-24",
    "days": "all",
    "depth": 2,
    "fee": "5",
    "format": "csv",
    "from": "2025-10-01",
    "Idempotency-Key": "monday-morning",
    "kinds": "briefing,article",
    "last-event-id": 1200,
    "limit": 50,
    "model": "gpt-5",
    "offset": 100,
    "outcome": "decided",
    "session": "2025-10-24T08:30",
    "side": "buy",
    "slippage_bp": "5",
    "source": "yahoo",
    "symbol": "SAP.DE",
    "table": "trades",
    "to": "2025-10-24",
    "types": "trade,decision",
    "wait": "next_bar",
}
"""Of parameters, by name."""

IDS = {
    "/api/models/": "gpt-5",
    "/api/decisions/": "decision:gpt-5:2025-10-24T08:30",
    "/api/lineage/": "board:2025-10-24:gpt-5",
    "/api/articles/": f"article:{'0123456789abcdef' * 4}",
}
"""Of ids, by the beginning of the path."""

WAITING = {"Retry-After": {"description": "seconds until the next try", "schema": {"type": "string"}}}


def operation_name(route: APIRoute) -> str:
    """What generated clients call an operation: `models_portfolio`."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def describe(app: FastAPI) -> None:
    """Let an app tell the whole of what it answers."""
    derive = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = derive()
            document["components"]["securitySchemes"] = SCHEMES
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    operation["security"] = REQUIRED if path.startswith(ADMIN) else OPTIONAL
                    for parameter in operation.get("parameters", []):
                        parameter["example"] = _example(path, parameter["name"])
                    for status, answer in operation["responses"].items():
                        _say_problem(status, answer)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _example(path: str, name: str) -> object:
    if name != "id":
        return EXAMPLES[name]
    return next(example for start, example in IDS.items() if path.startswith(start))


def _say_problem(status: str, answer: dict[str, Any]) -> None:
    if status >= "400" and "application/json" in answer.get("content", {}):
        answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
    if status == "429":
        answer["headers"] = WAITING

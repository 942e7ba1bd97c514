"""Requests made from the OpenAPI document by schemathesis, right and wrong, with a key and without: an answer
is one that the document names, of the content that it names, and what does not fit the document is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from arena_api.access.book import AccessBook
from arena_api.access.keys import Scope, add_key
from arena_api.app import create_app
from arena_api.routes import admin
from arena_pipeline.settings import ApiSection
from tests.api.conftest import LOOPBACK, NOW
from tests.api.dagster_stand_in import DagsterStandIn
from tests.api.world import ARTICLE, DAY, DECISION, SESSION, fill_store, settings_of, store_of

SEED = 20_251_024
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ELSEWHERE = ("10.0.0.9", 40_000)
HERE = b"127.0.0.1:8000"
STORED = {
    "/api/models/": {"id": "tester"},
    "/api/decisions/": {"id": DECISION},
    "/api/lineage/": {"id": f"board:{DAY}:tester"},
    "/api/briefings/": {"session": SESSION, "symbol": "SAP.DE"},
    "/api/articles/": {"id": ARTICLE},
    "/api/bars/": {"symbol": "SAP.DE"},
}
"""What there is something under, by the beginning of the path: a generated id never meets anything."""


COSTLY = {"/api/exports/journal"}
"""What starts a process, and is asked for once."""


class At:
    """An app as somebody at an address reaches it, by a name that it answers to."""

    def __init__(self, app: Any, address: tuple[str, int]) -> None:
        self.app, self.address = app, address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(name, HERE if name == b"host" else value) for name, value in scope["headers"]]
            scope = {**scope, "client": self.address, "headers": headers}
        await self.app(scope, receive, send)


CONFIG = """
[[models]]
id = "cash"
kind = "baseline"
strategy = "cash"
[[models]]
id = "tester"
kind = "llm"
model = "sandbox/tester"
"""


@dataclass
class Walk:
    """A small arena's app, and how often it was asked with which outcome."""

    app: Any
    key: dict[str, str]
    statuses: Counter[int] = field(default_factory=Counter)

    def operations(self, address: tuple[str, int]) -> list[Any]:
        config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
        schema = schemathesis.openapi.from_dict(self.app.openapi(), config=config)
        schema.app = At(self.app, address)
        return [found.ok() for found in schema.get_all_operations()]

    def ask(self, operation: Any, headers: dict[str, str], most: int, mode: GenerationMode) -> None:
        """So many generated requests; ids that something is stored under in half of those that fit."""
        stored = next((ids for start, ids in STORED.items() if operation.path.startswith(start)), None)
        strategies = []
        if stored and mode is GenerationMode.POSITIVE:
            strategies.append(operation.as_strategy(generation_mode=mode, path_parameters=stored))
        if not strategies or most > 1:
            strategies.append(operation.as_strategy(generation_mode=mode))
        for strategy in strategies:

            @seed(SEED)
            @settings(
                max_examples=-(-most // len(strategies)) if operation.path not in COSTLY else 1,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(strategy)
            def one(case: Any) -> None:
                answer = case.call(headers=headers, timeout=1 if case.path == "/api/events" else None)
                self.statuses[answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)
                assert b"Traceback" not in answer.content

            one()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, make_httpserver: Any) -> Iterator[Walk]:
    home = tmp_path_factory.mktemp("walk")
    store = store_of(home)
    fill_store(store)
    store.close()
    (home / "arena.toml").write_text(CONFIG, encoding="utf-8")
    _, secret = add_key(AccessBook(home), "walker", list(Scope), NOW)
    often = ApiSection(requests_per_minute=1_000_000, sockets_per_address=1_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_DAGSTER_URL", DagsterStandIn(make_httpserver).url)
        patch.setattr(admin, "RATES", admin.Rates(1e9, 1e9))
        app = create_app(settings_of(home).model_copy(update={"api": often}), clock=lambda: NOW)
        yield Walk(app, {"Authorization": f"Bearer {secret}"})


def has_parameters(operation: Any) -> bool:
    """Without any there is nothing to get wrong that the document speaks of."""
    return bool(list(operation.iter_parameters()) or operation.body)


def walked(walk: Walk, most: int) -> Counter[int]:
    """Every operation, from here without a key, from elsewhere with one, and from elsewhere without."""
    walk.statuses.clear()
    for address, headers in ((LOOPBACK, {}), (ELSEWHERE, walk.key)):
        for operation in walk.operations(address):
            walk.ask(operation, headers, most, GenerationMode.POSITIVE)
            if has_parameters(operation):
                walk.ask(operation, headers, most, GenerationMode.NEGATIVE)
    for operation in walk.operations(ELSEWHERE):
        walk.ask(operation, {}, min(most, 3), GenerationMode.POSITIVE)
    return walk.statuses


@pytest.mark.slow
def test_two_thousand_answers_are_ones_that_the_document_names(walk):
    statuses = walked(walk, 20)
    print(f"\n{statuses.total()} generated requests: {dict(sorted(statuses.items()))}")
    assert statuses.total() >= 2_000
    assert max(statuses) < 500
    assert statuses[200] > 300


def test_every_operation_says_what_it_answers_and_has_no_twin(walk):
    document = walk.app.openapi()
    operations = [(path, each) for path, methods in document["paths"].items() for each in methods.values()]
    names = [operation["operationId"] for _, operation in operations]
    assert len(set(names)) == len(names)
    for path, operation in operations:
        assert operation["description"], path
        good = [status for status in operation["responses"] if re.fullmatch("20[0-9]", status)]
        assert good, path
        assert all(each.get("description") for each in operation.get("parameters", [])), path
        assert all("example" in each for each in operation.get("parameters", [])), path
        assert operation["security"], path

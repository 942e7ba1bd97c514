"""Requests made from the OpenAPI document, right and wrong: every answer is one that the document names."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from arena_api.access.book import AccessBook
from arena_api.access.keys import Scope, add_key
from arena_api.app import create_app
from arena_api.routes import admin
from tests.api.conftest import NOW, asked_by
from tests.api.world import ARTICLE, DAY, DECISION, SESSION, fill_store, settings_of, store_of

ENDLESS = {"/api/events"}
GOOD = ["tester", "cash", "SAP.DE", "^GDAXI", str(DAY), SESSION, DECISION, ARTICLE, "1", "0", "csv", "buy"]
ODD = [
    "",
    "%00",
    "../../etc/passwd",
    "-1",
    "1e999",
    "9" * 30,
    "NaN",
    "null",
    "[]",
    "' OR 1=1 --",
    "é",
    "\u202e",
]
TEXT = st.one_of(st.sampled_from(GOOD), st.sampled_from(ODD), st.text(max_size=12))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


class Walk:
    """An app over a small arena, asked with and without a key, from here and from elsewhere."""

    def __init__(self, home: Any) -> None:
        store = store_of(home)
        fill_store(store)
        store.close()
        _, secret = add_key(AccessBook(home), "walker", list(Scope), NOW)
        app = create_app(settings_of(home), clock=lambda: NOW)
        self.key = {"Authorization": f"Bearer {secret}"}
        self.here = asked_by(app, raise_server_exceptions=False)
        self.remote = asked_by(app, ("10.0.0.9", 1), raise_server_exceptions=False)
        self.operations = [
            (path, method, operation)
            for path, methods in app.openapi()["paths"].items()
            for method, operation in methods.items()
            if path not in ENDLESS
        ]
        self.requests = 0

    def ask(self, data: st.DataObject) -> None:
        path, method, operation = data.draw(st.sampled_from(self.operations))
        query: dict[str, str] = {}
        headers: dict[str, str] = dict(data.draw(st.sampled_from([{}, self.key])))
        for parameter in operation.get("parameters", []):
            place, name = parameter["in"], parameter["name"]
            if place == "path":
                path = path.replace("{" + name + "}", quote(data.draw(self._value(parameter)), safe=":"))
            elif place == "query" and (parameter.get("required") or data.draw(st.booleans())):
                query[name] = data.draw(self._value(parameter))
            elif place == "header" and data.draw(st.booleans()):
                headers[name] = quote(data.draw(TEXT))
        if data.draw(st.integers(0, 9)) == 0:
            query[data.draw(st.text(min_size=1, max_size=5))] = data.draw(TEXT)
        client: TestClient = data.draw(st.sampled_from([self.here, self.remote]))
        body = {"json": data.draw(self._body(path))} if method == "post" else {}
        try:
            answer = client.request(method, path, params=query, headers=headers, **body)
        except ValueError:  # NaN, which this client does not send
            return
        self.requests += 1
        documented = operation["responses"]
        assert str(answer.status_code) in documented or answer.status_code == 404, (path, query, answer.text)
        assert answer.status_code < 500 or answer.status_code == 503, (path, query, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert "Traceback" not in answer.text

    def _value(self, parameter: dict[str, Any]) -> st.SearchStrategy[str]:
        """What the schema allows, or anything."""
        schema = parameter["schema"]
        options = [schema, *schema.get("anyOf", [])]
        known = [value for option in options for value in option.get("enum", [])]
        patterns = [option["pattern"] for option in options if "pattern" in option]
        right = [st.sampled_from(known)] if known else []
        right += [st.from_regex(pattern, fullmatch=True) for pattern in patterns[:1]]
        return st.one_of(*right, TEXT)

    def _body(self, path: str) -> st.SearchStrategy[Any]:
        good = {"from": str(DAY), "to": "2025-09-16"} if path.endswith("backfill") else {"session": SESSION}
        return st.one_of(st.just(good), st.just({**good, "x": 1}), JSON)


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_DAGSTER_URL", "http://127.0.0.1:9")
        patch.setattr(admin, "RATES", admin.Rates(1e9, 1e9))
        walk = Walk(tmp_path_factory.mktemp("walk"))
        with walk.here:
            yield walk


def walked(walk, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(st.data())
    def one(data):
        walk.ask(data)

    before = walk.requests
    one()
    return walk.requests - before


def test_every_answer_is_one_that_the_document_names(walk):
    assert walked(walk, 120) >= 100


@pytest.mark.slow
def test_two_thousand_answers_are_ones_that_the_document_names(walk):
    assert walked(walk, 2_600) >= 2_000


def test_every_operation_says_what_it_answers_and_has_no_twin(walk):
    names = [operation["operationId"] for _, _, operation in walk.operations]
    assert len(set(names)) == len(names)
    for path, _, operation in walk.operations:
        assert operation["description"], path
        good = [status for status in operation["responses"] if re.fullmatch("20[0-9]", status)]
        assert good, path
        assert all(parameter.get("description") for parameter in operation.get("parameters", [])), path

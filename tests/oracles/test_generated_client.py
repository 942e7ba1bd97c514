"""A client that a generator makes from the OpenAPI document reads every answer as our own client does."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from arena_api.app import create_app
from arena_api.client import ArenaClient
from tests.api.live_server import serving
from tests.api.world import ARTICLE, DAY, DECISION, SESSION, fill_store, settings_of, store_of

VALUES = {
    "/api/models/": {"id": "tester"},
    "/api/decisions/": {"id": DECISION},
    "/api/lineage/": {"id": f"board:{DAY}:tester"},
    "/api/briefings/": {"session": SESSION, "symbol": "SAP.DE"},
    "/api/articles/": {"id": ARTICLE},
    "/api/bars/": {"symbol": "SAP.DE"},
}
REQUIRED = {"day": DAY, "from": DAY, "to": DAY}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    home = tmp_path_factory.mktemp("arena")
    store = store_of(home)
    fill_store(store)
    store.close()
    return create_app(settings_of(home))


@pytest.fixture(scope="module")
def generated(app, tmp_path_factory):
    """The generated package."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(app.openapi()), encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    done = subprocess.run(
        [*command, "--output-path", "arena_generated", "--meta", "none"],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module("arena_generated")
    sys.path.remove(str(folder))


def documents(app):
    """(path, operation) of everything that is read as one JSON document without a key."""
    for path, methods in app.openapi()["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if list(content) == ["application/json"] and path.startswith("/api/") and "/admin/" not in path:
            yield path, methods["get"]


def plain(value):
    """A document with its times as times, however they are written, and without what is null: a generated
    client leaves out what was not sent."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", value):
        return datetime.fromisoformat(value)
    return value


MOMENTARY = {"/api/market/status", "/api/scheduler/status"}
"""What says the time of its answer."""


def test_it_reads_every_document_as_our_own_client_does(app, generated):
    asked = set()
    with (
        serving(app) as address,
        ArenaClient(f"http://{address}") as ours,
        generated.Client(base_url=f"http://{address}") as theirs,
    ):
        for path, operation in documents(app):
            stored = next((ids for start, ids in VALUES.items() if path.startswith(start)), {})
            needed = [
                p["name"] for p in operation.get("parameters", []) if p["required"] and p["in"] == "query"
            ]
            query = {name: str(REQUIRED[name]) for name in needed}
            call = importlib.import_module(
                f"arena_generated.api.{operation['tags'][0]}.{operation['operationId']}"
            )
            named = {"from_" if name == "from" else name: REQUIRED[name] for name in needed}
            answer = call.sync_detailed(*stored.values(), client=theirs, **named)
            assert answer.status_code == 200, (path, answer.content)
            expected = ours.get(path.removeprefix("/api/").format(**stored), **query)
            found, expected = plain(answer.parsed.to_dict()), plain(expected)
            if path in MOMENTARY:
                found, expected = (each | {"as_of": None} for each in (found, expected))
            assert found == expected, path
            asked.add(path)
    assert len(asked) >= 20

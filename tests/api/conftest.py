"""Apps over a filled and over an empty home, asked through their ASGI interface."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from arena_api.app import create_app
from arena_pipeline.warehouse.store import ArenaStore
from tests.api.world import fill_store, settings_of, store_of

ORIGIN = "http://127.0.0.1:8000"
LOOPBACK = ("127.0.0.1", 50000)
NOW = datetime(2025, 9, 16, 9, 0, tzinfo=UTC)


def asked_by(app: FastAPI, client: tuple[str, int] = LOOPBACK, **more: Any) -> TestClient:
    """A client of an app, on this machine unless said otherwise."""
    return TestClient(app, base_url=ORIGIN, client=client, **more)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small arena lives. Nothing that reads it changes it."""
    home = tmp_path_factory.mktemp("arena")
    store = store_of(home)
    fill_store(store)
    store.close()
    return home


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[ArenaStore]:
    """The store of the small arena."""
    store = store_of(home)
    yield store
    store.close()


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with asked_by(create_app(settings_of(home), clock=lambda: NOW)) as client:
        yield client


@pytest.fixture
def before_the_first_run(tmp_path: Path) -> Iterator[TestClient]:
    with asked_by(create_app(settings_of(tmp_path / "nothing"), clock=lambda: NOW)) as client:
        yield client

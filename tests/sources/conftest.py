"""The shared catalogue of bad inputs, for the tests that take their cases from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def bad_inputs(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The cases of ARENA_BAD_INPUTS, else of the recorded data; skips where neither is there."""
    named = os.environ.get("ARENA_BAD_INPUTS")
    file = Path(named) if named else request.getfixturevalue("recorded_data") / "security" / "bad_inputs.json"
    cases: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cases"]
    return cases

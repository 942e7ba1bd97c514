"""What every test may use. No test reaches past 127.0.0.1 (pytest-socket holds this)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

settings.register_profile("arena", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("ci" if os.environ.get("CI") else "arena")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded real data, which is not part of the project; skips where it is absent."""
    folder = Path(os.environ.get("ARENA_RECORDED_DATA") or PROJECT.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"recorded data not found at {folder}; set ARENA_RECORDED_DATA")
    return folder

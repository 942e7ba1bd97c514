"""What every test may use. No test reaches past 127.0.0.1 (pytest-socket holds this)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Random examples are the same each time where a failure would stop somebody else's work (`ci`, chosen by CI
# being set) and new ones where faults are looked for: some by default, many under `explore`, which is for
# `make test-slow`. `mutants` only asks whether there is a failure, and neither keeps nor simplifies it.
settings.register_profile("arena", deadline=None, print_blob=True)
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("arena"), max_examples=1000)
settings.register_profile("mutants", settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("ci" if os.environ.get("CI") else "arena")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded real data, which is not part of the project; skips where it is absent."""
    folder = Path(os.environ.get("ARENA_RECORDED_DATA") or PROJECT.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"recorded data not found at {folder}; set ARENA_RECORDED_DATA")
    return folder

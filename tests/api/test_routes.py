"""Every route answers with the document that the command line prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from arena_api.app import create_app
from arena_pipeline.warehouse import lineage, listings, views
from tests.api.conftest import asked_by
from tests.api.world import ARTICLE, DAY, DECISION, SESSION, fill_store, settings_of, store_of

PROJECT = Path(__file__).parents[2]
NOTHING = {"simulated": True, "as_of": None, "provenance": None}
EMPTY = {
    "/api/models": {**NOTHING, "models": []},
    "/api/leaderboard": {
        **NOTHING,
        "models": [],
        "assessment": None,
        "robustness": None,
    },
    "/api/decisions": {**NOTHING, "decisions": [], "next_cursor": None},
    "/api/trades": {**NOTHING, "trades": [], "next_cursor": None},
}


def test_the_leaderboard_is_the_document_of_the_command_line(client, store):
    answer = client.get("/api/leaderboard").json()
    assert answer == views.board(store, simulated=True)
    assert [line["model"] for line in answer["models"]] == ["tester", "cash"]
    assert list(answer["models"][0]) == list(views.board(store, simulated=True)["models"][0])


def test_a_board_is_asked_for_as_of_a_day(client):
    assert client.get(f"/api/leaderboard?as_of={DAY}").json()["as_of"] == str(DAY)
    assert client.get("/api/leaderboard?as_of=2025-09-20").json()["as_of"] == str(DAY)
    assert client.get("/api/leaderboard?as_of=2025-09-14").json() == EMPTY["/api/leaderboard"]


def test_models_decisions_and_trades_are_the_same_documents(client, store):
    assert client.get("/api/models").json() == views.model_list(store, simulated=True)
    assert client.get("/api/decisions").json() == {
        **listings.decision_list(store, simulated=True),
        "next_cursor": None,
    }
    assert client.get("/api/trades").json() == {
        **listings.trades(store, simulated=True),
        "next_cursor": None,
    }


def test_lists_are_narrowed_by_model_session_and_limit(client):
    def models(query):
        return [row["model"] for row in client.get(f"/api/decisions?{query}").json()["decisions"]]

    assert models("") == ["cash", "tester"]
    assert models("model=tester") == ["tester"]
    assert models(f"session={SESSION}&limit=1") == ["cash"]
    assert models("session=2025-09-16T08:30") == []
    assert client.get("/api/trades?model=cash").json()["trades"] == []


def test_a_decision_says_what_became_of_each_order(client, store):
    answer = client.get(f"/api/decisions/{DECISION}").json()
    assert answer == listings.decision(store, DECISION)
    assert [order["state"] for order in answer["orders"]] == ["filled", "refused", "rejected"]
    assert answer["orders"][0]["fill"]["fee"] == "5.00"
    assert "fill" not in answer["orders"][1]


def test_lineage_is_the_walk_to_the_bytes_and_depth_bounds_it(client, store):
    whole = client.get(f"/api/decisions/{DECISION}/lineage").json()
    walked = json.loads(json.dumps(lineage.lineage(store, DECISION).document()))
    assert whole == {"simulated": True, **walked}
    assert {"article", "bar", "briefing", "archive_entry"} <= {node["kind"] for node in whole["nodes"]}
    near = client.get(f"/api/decisions/{DECISION}/lineage?depth=1").json()
    assert ARTICLE not in {node["id"] for node in near["nodes"]}
    assert len(near["nodes"]) < len(whole["nodes"])


def test_health_says_how_far_the_arena_has_come(client):
    answer = client.get("/health").json()
    assert answer["status"] == "ok"
    assert answer["simulated"] is True
    assert answer["newest"] == {"bars": "2025-09-12", "snapshots": str(DAY), "leaderboard": str(DAY)}


def test_before_the_first_run_everything_is_empty_and_nothing_is_made(before_the_first_run, tmp_path):
    for path, document in EMPTY.items():
        assert before_the_first_run.get(path).json() == document
    assert before_the_first_run.get("/health").json()["newest"] == {
        "bars": None,
        "snapshots": None,
        "leaderboard": None,
    }
    assert before_the_first_run.get(f"/api/decisions/{DECISION}").status_code == 404
    assert not (tmp_path / "nothing").exists()


def test_a_ledger_that_appears_later_is_read_without_a_restart(tmp_path):
    with asked_by(create_app(settings_of(tmp_path))) as client:
        assert client.get("/api/models").json()["models"] == []
        store = store_of(tmp_path)
        fill_store(store)
        store.close()
        assert len(client.get("/api/models").json()["models"]) == 2


def test_configuration_is_read_when_the_app_starts_not_when_it_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_CONFIG", raising=False)
    app = create_app()
    (tmp_path / "arena.toml").write_text('[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n')
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    with asked_by(app) as client:
        assert client.get("/health").status_code == 200


def test_serving_loads_no_source_no_asset_and_no_command_line(home):
    program = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(PROJECT)!r})
from starlette.testclient import TestClient
from tests.api.conftest import asked_by
from tests.api.world import settings_of, DECISION
from arena_api.app import create_app
app = create_app(settings_of(Path({str(home)!r})))
with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
    one = "/decisions/" + DECISION
    for path in ("/health", "/", "/decisions", one, "/api" + one + "/lineage"):
        assert client.get(path).status_code == 200, path
names = ("sources", "assets", "arena", "cli", "sandbox", "definitions")
print([name for name in names if "arena_pipeline." + name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("path", ["/health", "/api/leaderboard", "/", "/static/arena.css"])
def test_nothing_can_be_written(client, path):
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path).status_code == 405

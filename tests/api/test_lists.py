"""Lists page by page: nothing is repeated or left out, and what is misspelt is refused."""

import pytest

from arena_api.reading.pages import WrongCursor, cursor, key_of
from tests.api.world import ARTICLE, DECISION, SESSION


def pages(client, path, rows):
    """Every page of a list, one row each."""
    found, following = [], ""
    for _ in range(20):
        document = client.get(f"{path}{'&' if '?' in path else '?'}limit=1{following}").json()
        found += document[rows]
        if document["next_cursor"] is None:
            return found
        following = f"&cursor={document['next_cursor']}"
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/api/decisions", "decisions"),
        ("/api/trades", "trades"),
        ("/api/articles", "articles"),
        ("/api/models/tester/reasoning", "decisions"),
    ],
)
def test_pages_together_are_the_list(client, path, rows):
    whole = client.get(path).json()
    assert whole["next_cursor"] is None
    assert pages(client, path, rows) == whole[rows] != []


@pytest.mark.parametrize("path", ["decisions", "trades", "articles", "models/tester/trades"])
def test_beyond_the_end_there_is_nothing(client, path):
    document = client.get(f"/api/{path}?offset=1000000000").json()
    assert document[path.rsplit("/", 1)[-1]] == []
    assert document["next_cursor"] is None


def test_a_cursor_is_what_it_was_made_of():
    key = ("2025-09-15T07:00:00.000000+00:00", "fill:tester:2025-09-15T08:30:1")
    assert key_of(cursor(key)) == key


@pytest.mark.parametrize("text", ["", "x", "e30", "WzEsMl0", "bm9uc2Vuc2U", "A" * 401, "WyJcdTAwMDAiLCJhIl0"])
def test_a_foreign_cursor_is_refused(client, text):
    with pytest.raises(WrongCursor):
        key_of(text)
    assert client.get(f"/api/trades?cursor={text}").status_code == 422


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("symbol=SAP.DE", 1),
        ("symbol=SIE.DE", 0),
        ("side=buy", 1),
        ("side=sell", 0),
        ("from=2025-09-15&to=2025-09-15", 1),
        ("from=2025-09-16", 0),
        ("to=2025-09-14", 0),
        ("model=tester&symbol=SAP.DE&side=buy", 1),
    ],
)
def test_trades_are_narrowed_by_symbol_side_and_day(client, query, count):
    assert len(client.get(f"/api/trades?{query}").json()["trades"]) == count


@pytest.mark.parametrize(
    "path",
    ["trades?modell=tester", "models?limit=1", "leaderboard?table=x", "market/status?x", "decisions?as_of=x"],
)
def test_a_parameter_that_a_path_does_not_have_is_refused(client, path):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["problem"] == "unknown parameter"


def test_research_is_of_the_newest_session_and_of_any_other(client):
    for table in ("watchlist", "momentum", "indicators", "briefings"):
        newest = client.get(f"/api/{table}").json()
        assert newest["session"] == SESSION
        assert [row["symbol"] for row in newest[table]] == ["SAP.DE"]
        assert client.get(f"/api/{table}?session=2025-09-16T08:30").json()[table] == []
    assert client.get(f"/api/briefings/{SESSION}/SIE.DE").status_code == 404
    assert client.get(f"/api/articles/{ARTICLE}").json()["symbols"] == ["SAP.DE"]


def test_kinds_show_some_of_the_evidence_and_the_root(client):
    nodes = client.get(f"/api/decisions/{DECISION}/lineage?kinds=briefing,article").json()["nodes"]
    assert {node["kind"] for node in nodes} == {"decision", "briefing", "article"}


def test_both_versions_answer_the_same(client):
    for path in ("models", "leaderboard", "trades", f"decisions/{DECISION}"):
        assert client.get(f"/api/{path}").json() == client.get(f"/api/v1/{path}").json()

"""docs/api.md lists exactly the paths there are, and its answers are what the server says."""

import json
import re
from pathlib import Path

import pytest

from arena_api.app import create_app
from tests.api.world import settings_of

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ELSEWHERE = {"/api/events", "/api/admin/calls", "/api/exports/journal"}
"""What never ends, what needs a key and what starts a process: asked for in test_live.py, test_admin.py and
test_journal.py."""

EXAMPLES = re.findall(r"\$ curl '?http://127\.0\.0\.1:8000(\S+?)'?\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_page_lists_the_paths_of_the_app(tmp_path):
    documented = set(re.findall(r"^## `(GET|POST) (\S+)`$", TEXT, flags=re.MULTILINE))
    paths = create_app(settings_of(tmp_path)).openapi()["paths"]
    assert documented == {(method.upper(), path) for path, methods in paths.items() for method in methods}


def test_every_path_has_a_request():
    documented = re.findall(r"^## `GET (\S+)`$", TEXT, flags=re.MULTILINE)
    asked = [path.split("?")[0] for path, _ in EXAMPLES]
    for path in set(documented) - ELSEWHERE:
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
        assert any(re.fullmatch(pattern, each) for each in asked), path


def test_the_pages_it_lists_are_served(client):
    pages = re.findall(r"^\| `(/\S*)` \|", TEXT, flags=re.MULTILINE)
    assert len(pages) == 3
    for page in pages:
        answer = client.get(page.replace("{id}", "decision:tester:2025-09-15T08:30"))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("path", "excerpt"), EXAMPLES)
def test_an_excerpt_is_what_the_server_answers(client, path, excerpt):
    answer = client.get(path)
    if answer.headers["content-type"].startswith("text/csv"):
        assert answer.text.splitlines()[0] == excerpt.splitlines()[0]
        assert answer.text.splitlines()[1].startswith(excerpt.splitlines()[1].removesuffix("…"))
        return
    values = list(_leaves(answer.json()))
    for key, value in re.findall(r'"(\w+)":("[^"]*"|-?[0-9.]+|null|true|false)', excerpt):
        assert (key, json.loads(value)) in values


def _leaves(value, key=None):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value

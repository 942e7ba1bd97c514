"""What a person sees when something is wrong."""

import pytest

from arena_api.app import create_app
from tests.api.conftest import asked_by
from tests.api.world import SCRIPT, fill_store, settings_of, store_of
from tests.dashboards.pages import Page

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_an_unknown_address_is_a_page_for_a_browser_and_a_document_for_a_program(client):
    page = client.get("/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "leads to everything there is" in Page(page.text).text
    assert "SIMULATED" in page.text
    document = client.get("/nowhere")
    assert document.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/nowhere", "/static/none.css", "/dash/none.html"])
def test_what_programs_ask_for_stays_a_document(client, path):
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_hostile_address_is_text_on_the_page(client):
    answer = client.get(f"/nowhere/{SCRIPT}", headers=BROWSER)
    assert answer.status_code == 404
    assert SCRIPT not in answer.text


@pytest.mark.parametrize("path", ["/", "/leaderboard", "/decisions"])
def test_a_ledger_that_cannot_be_read_says_what_to_do(tmp_path, path):
    store = store_of(tmp_path)
    fill_store(store)
    store.close()
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 500)
    with asked_by(create_app(settings_of(tmp_path)), raise_server_exceptions=False) as client:
        answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 503
    text = Page(answer.text).text
    assert "cannot be read at the moment" in text
    assert "arena doctor" in text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_a_fault_of_ours_is_a_page_that_tells_nothing_of_the_inside(tmp_path):
    def fails() -> None:
        raise RuntimeError(f"secret of {tmp_path}")

    app = create_app(settings_of(tmp_path))
    app.add_api_route("/fails", fails)
    with asked_by(app, raise_server_exceptions=False) as client:
        answer = client.get("/fails", headers=BROWSER)
        document = client.get("/fails").json()
    assert answer.status_code == 500
    text = Page(answer.text).text
    assert "The server failed. Its log says why, under" in text
    assert "secret" not in answer.text
    assert str(tmp_path) not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert document["reference"] not in ("", None)

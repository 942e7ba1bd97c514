"""The pages show what is stored, as text, to a browser that runs no script."""

import pytest

from arena_api.app import create_app
from arena_pipeline.settings import Model, NewsSection, PricesSection
from tests.api.conftest import asked_by
from tests.api.world import DECISION, SCRIPT, fill_store, settings_of, store_of
from tests.dashboards.pages import Page, page

PAGES = ["/", "/leaderboard", "/decisions", f"/decisions/{DECISION}", "/decisions/decision:nobody:x"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_an_inline_script_or_style_or_anything_from_elsewhere(client, path):
    shown = page(client, path)
    assert not {"style", "iframe", "b", "img"} & set(shown.elements)
    assert all(src.startswith("/static/") for src in shown.scripts)
    for name, value in shown.attributes:
        assert name != "style"
        assert not name.startswith("on")
        assert name not in ("href", "src") or value.startswith(("/", "#"))


@pytest.mark.parametrize("path", PAGES)
def test_a_simulation_says_so_on_each_page(client, path):
    assert "SIMULATED" in page(client, path).text


def test_an_arena_without_the_sandbox_has_no_banner(tmp_path):
    settings = settings_of(tmp_path).model_copy(
        update={
            "prices": PricesSection(source="yahoo"),
            "news": NewsSection(source="none"),
            "models": (Model(id="cash", kind="baseline", strategy="cash"),),
        }
    )
    with asked_by(create_app(settings)) as client:
        assert "SIMULATED" not in client.get("/").text


def test_the_board_shows_money_ratios_and_why_a_figure_is_missing(client):
    answer = client.get("/leaderboard").text
    text = Page(answer).text
    assert "125\u202f000.00" in text
    assert "+25.00\u202f%" in text
    assert 'title="no closed trade"' in answer
    assert 'title="not known"' in answer
    assert "after the fee of 5.00\u202f€ for each executed order" in text


def test_an_early_board_says_that_no_ratios_are_shown(client):
    text = page(client, "/leaderboard").text
    assert "No ratios are shown before 60 trading days" in text
    assert "Sharpe" not in [cell.strip() for cell in page(client, "/leaderboard").words]


def test_a_mature_board_shows_the_sharpe_ratio(tmp_path):
    store = store_of(tmp_path)
    fill_store(store, days=80)
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        answer = client.get("/leaderboard").text
    assert "No ratios are shown" not in answer
    assert "Sharpe" in answer
    assert 'title="the returns do not vary"' in answer
    text = Page(answer).text
    assert "Not distinguishable" in text
    assert "3 trading days are left out" in text
    assert "How sure is this order?" in text
    assert "no bound on a bar’s volume" in text


def test_words_from_outside_are_shown_as_text(client):
    answer = client.get(f"/decisions/{DECISION}").text
    assert SCRIPT not in answer
    text = Page(answer).text
    assert f"SAP {SCRIPT} rises" in text
    assert f"Two lines. {SCRIPT}" in text
    assert "reason 1 <b>bold</b>" in text
    links = [value for name, value in Page(answer).attributes if name == "href"]
    assert not any(value.startswith("javascript:") for value in links)


def test_a_hostile_address_is_shown_as_text(client):
    answer = client.get(f"/decisions/{SCRIPT.replace('/', '')}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert client.get(f"/decisions?model={SCRIPT}").status_code == 200
    assert "<script>" not in client.get(f"/decisions?model={SCRIPT}").text


def test_a_decision_shows_what_became_of_each_order(client):
    text = page(client, f"/decisions/{DECISION}").text
    assert "filled at 230.5000\u202f€ , fee 5.00\u202f€, 15 Sep 2025 09:00" in text
    assert "refused position_limit. 20 shares pass a quarter of the book" in text
    assert "rejected at its bar: insufficient_cash" in text


def test_evidence_is_grouped_and_a_run_of_bars_stays_one_entry(client):
    text = page(client, f"/decisions/{DECISION}").text
    assert "Briefings 1" in text
    assert "Articles 1" in text
    assert "Runs of daily bars 1" in text
    assert "SAP.DE, 2025-09-11 to 2025-09-12" in text
    assert "Single bars 1" in text
    assert "bar:SAP.DE:2025-09-11:1" not in text
    assert "known 14 Sep 2025 22:05" in text


def test_the_newest_decisions_are_listed_and_lead_to_their_pages(client):
    shown = page(client, "/decisions")
    links = [value for name, value in shown.attributes if name == "href" and value.startswith("/decisions/")]
    assert len(links) == 2
    assert all(client.get(link).status_code == 200 for link in links)
    assert "cash" not in page(client, "/decisions?model=tester").text


def test_before_the_first_run_the_pages_say_what_is_missing(before_the_first_run):
    assert "There is no leaderboard yet" in page(before_the_first_run, "/leaderboard").text
    assert "There are no decisions yet" in page(before_the_first_run, "/decisions").text


def test_an_unknown_decision_is_a_page_with_status_404(client):
    answer = client.get("/decisions/decision:nobody:2025-09-15T08:30")
    assert answer.status_code == 404
    assert "Not found" in answer.text

"""What a page shows is what REST answers, and words from outside stay words."""

from __future__ import annotations

import pytest

from dashboards.formats import amount, percent
from tests.api.world import SCRIPT
from tests.browser.paths import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_the_board_shows_the_figures_of_its_document(watch, demo):
    board = demo.ask("/api/leaderboard")
    page = watch.open(demo, PAGES["leaderboard"](demo))
    for line in board["models"]:
        row = page.locator(".board tr", has=page.get_by_role("link", name=line["model"], exact=True))
        text = row.inner_text()
        assert amount(line["nav"]) in text
        assert percent(line["return"]) in text
        assert amount(line["fees"]) in text


@pytest.mark.parametrize("name", PAGES)
def test_hostile_words_stay_text(watch, hostile, name):
    page = watch.open(hostile, PAGES[name](hostile))
    assert page.evaluate("[...document.scripts].every(each => each.src.startsWith(location.origin))")
    assert page.locator("main b, main img, main iframe, a[href^='javascript:']").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => !e.getAttributeNames().some(n => n.startsWith('on')))"
    )


def test_a_hostile_headline_is_there_to_be_read(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile))
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    text = page.inner_text("main")
    assert f"SAP {SCRIPT} rises" in text
    assert "reason 1 <b>bold</b>" in text

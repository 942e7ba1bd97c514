"""The evidence graph under a pointer and a keyboard, and a share's chart."""

from __future__ import annotations

import pytest

from tests.browser.paths import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ARTICLE = ".graph .box.k-article"
COLOURS = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) found.add(data.slice(i, i + 3).join());
  return found.size;
}"""


def test_a_click_on_a_box_opens_its_card_and_is_an_address(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile))
    box = page.locator(ARTICLE).first
    anchor = box.get_attribute("href")
    box.click()
    assert page.evaluate("location.hash") == anchor
    card = page.locator(f'[id="{anchor[1:]}"]')
    assert card.get_attribute("open") is not None
    assert card.locator("pre").is_visible()


def test_hovering_leaves_only_what_a_box_was_made_from_and_what_was_made_of_it(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile))
    boxes = page.locator(".graph .box").count()
    page.locator(ARTICLE).first.hover()
    dimmed = page.locator(".graph .box.dim").count()
    assert 0 < dimmed < boxes
    assert page.locator(".graph .box.k-gate.dim").count() == 0
    page.mouse.move(0, 0)
    assert page.locator(".graph .box.dim").count() == 0


def test_a_box_is_reached_and_followed_by_keyboard(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile))
    page.locator(".graph .box.k-briefing").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash").startswith("#briefing:")


def test_without_a_script_a_box_leads_to_its_card_too(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile), scripts=False)
    anchor = page.locator(ARTICLE).first.get_attribute("href")
    assert page.locator(f'[id="{anchor[1:]}"]').count() == 1
    assert page.locator(".graph .box").count() > 8


def test_a_shares_chart_is_drawn(watch, hostile):
    page = watch.open(hostile, "/symbols/SAP.DE")
    page.wait_for_selector("#chart[data-drawn]")
    assert page.locator("#chart canvas").count() == 3
    assert page.locator("#chart canvas").first.evaluate(COLOURS) > 12

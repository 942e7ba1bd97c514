"""The chart of all portfolios in a browser: drawn, labelled, equal to REST, and in the page's address."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page, expect

from arena_api.app import create_app
from dashboards.formats import day, money, percent
from tests.api.live_server import serving
from tests.browser import homes
from tests.browser.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.browser]

COLOURS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 250) continue;
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    seen.set(colour, (seen.get(colour) ?? 0) + 1);
  }
  return [...seen.values()].filter((count) => count > 30).length;
}"""
MOST = 200 * 1024
"""Bytes that the first load of the overview may take."""


def drawn(page: Page, lines: int) -> Page:
    """The page once its chart has so many lines."""
    expect(page.locator("[data-equity]")).to_have_attribute("data-drawn", str(lines))
    return page


def labels(page: Page) -> dict[str, str]:
    """What stands at the ends of the lines: value by name."""
    found = page.locator(".ends > span").all()
    return {each.inner_text().split("\n")[-1]: each.locator("b").inner_text() for each in found}


def test_all_lines_are_drawn_in_colours_of_their_own(watch, long):
    page = drawn(watch.open(long, "/?range=all"), 16)
    for chart in page.locator("canvas").all():
        assert chart.evaluate(COLOURS) >= 12


@pytest.mark.parametrize("unit", ["pct", "eur", "rel"])
def test_labels_at_the_ends_of_lines_never_overlap(watch, long, unit):
    page = drawn(watch.open(long, f"/?range=1w&unit={unit}"), 16)
    boxes = sorted(
        (each.bounding_box() for each in page.locator(".ends > span").all()), key=lambda box: box["y"]
    )
    assert len(boxes) == 16
    assert all(above["y"] + above["height"] <= below["y"] + 1.5 for above, below in itertools.pairwise(boxes))
    card = page.locator("[data-equity]").bounding_box()
    assert all(box["x"] + box["width"] <= card["x"] + card["width"] for box in boxes)


def test_labels_and_table_are_the_figures_of_rest(watch, demo):
    page = watch.open(demo, "/?range=all")
    models = [each["id"] for each in demo.ask("/api/models")["models"]]
    drawn(page, len(models) + 1)
    shown = labels(page)
    for model in models:
        last = demo.ask(f"/api/models/{model}/performance")["series"][-1]
        assert shown[model] == percent(last["return"])
    page.locator("[data-unit=eur]").click()
    page.get_by_text("The same as a table").click()
    row = page.locator(".numbers tbody tr").first
    for model in models:
        last = demo.ask(f"/api/models/{model}/performance")["series"][-1]
        assert labels(page)[model] == money(last["nav"], places=0)
        assert money(last["nav"], places=0).removesuffix("\u202f€") in row.inner_text()
    assert day(last["day"]) in row.inner_text()


def test_scripts_and_templates_write_the_same_numbers(watch, demo):
    page = watch.open(demo, "/?range=all&unit=rel")
    page.wait_for_selector("[data-drawn]")
    page.get_by_text("The same as a table").click()
    scripted = page.locator(".numbers table").inner_text()
    served = watch.open(demo, "/?range=all&unit=rel", scripts=False)
    served.get_by_text("The same as a table").click()
    assert served.locator(".numbers table").inner_text().split() == scripted.split()


def test_what_is_chosen_is_in_the_address_and_comes_back(watch, long):
    page = drawn(watch.open(long, "/"), 16)
    page.locator("[data-unit=rel]").click()
    page.locator("[data-range='1m']").click()
    page.locator("a[data-model=model-03]").click()
    drawn(page, 2)
    assert page.url.partition("?")[2] == "unit=rel&range=1m&model=model-03"
    expect(page.locator(".only")).to_have_text("Only model-03.")
    page.reload()
    drawn(page, 2)
    assert set(labels(page)) == {"model-03", "DAX"}
    page.locator("a[data-model=model-03]").click()
    drawn(page, 16)
    assert "model=" not in page.url


def test_one_crosshair_goes_through_both_charts_and_tells_the_day(watch, long):
    page = drawn(watch.open(long, "/"), 16)
    page.locator(".plots").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".tip strong").inner_text() == "29 Sep 2025"
    assert page.locator(".tip > div:not(.head)").count() == 16
    box = page.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lines = page.locator(".u-cursor-x").evaluate_all("all => all.map((line) => line.style.transform)")
    assert len(lines) == 2
    assert lines[0].partition(",")[0] == lines[1].partition(",")[0] != ""


def test_the_choice_of_colours_survives_a_reload(watch, demo):
    page = watch.open(demo, "/")
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("button", name="Colours of gains and losses").click()
    page.reload()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    expect(root).to_have_attribute("data-signs", "classic")


def test_without_a_script_the_chart_is_a_still_picture(watch, long):
    page = watch.open(long, "/", scripts=False)
    assert page.locator(".still .line").count() == 16
    boxes = sorted(each.bounding_box()["y"] for each in page.locator(".still circle").all())
    assert all(below - above > 8 for above, below in itertools.pairwise(boxes))


def test_the_first_load_is_light(watch, long, chromium):
    page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    loaded: list[float] = []
    network.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    page.goto(f"{long.origin}/")
    drawn(page, 16)
    page.context.close()
    assert 20_000 < sum(loaded) <= MOST


@pytest.mark.parametrize("path", ["/", "/symbols/SAP.DE"])
def test_a_chart_gets_onto_paper(watch, demo, path):
    page = watch.open(demo, path)
    page.wait_for_selector("[data-drawn] canvas")
    canvases = page.locator("canvas").count()
    assert page.pdf().count(b"/Subtype /Image") >= canvases > 1


def test_the_newest_days_are_all_drawn_of_more_days_than_are_sent(watch, tmp_path):
    settings = homes.written(tmp_path, models=1, days=640)
    with serving(create_app(settings)) as address:
        served = Served(f"http://{address}", settings)
        page = drawn(watch.open(served, "/?range=1m"), 2)
        without = watch.open(served, "/?range=1m", scripts=False)
        page.locator("details.numbers summary").click()
        rows = page.locator("details.numbers tbody th")
        assert rows.all_inner_texts() == without.locator("details.numbers tbody th").all_text_contents()
        assert rows.count() == 22
        page.close()


def test_a_unit_that_there_is_not_is_as_if_not_asked_for(watch, demo):
    drawn(watch.open(demo, "/?unit=constructor&range=toString"), 9)

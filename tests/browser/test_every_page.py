"""What holds for every page, in each theme, on a phone, a tablet and a desk."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import APIRoute
from playwright.sync_api import Page

from arena_api.app import create_app
from tests.browser.paths import OF_SOMETHING, PAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WIDTHS = (390, 768, 1440)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
AXE = Axe().axe_script

page_name = pytest.mark.parametrize("name", PAGES)
themes = pytest.mark.parametrize("theme", ["dark", "light"])


def violations(page: Page) -> list[str]:
    """What axe finds, each with the first element that shows it. Its script goes in past the content policy,
    which is for the page's own."""
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def sideways(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_every_route_that_shows_a_page_is_among_the_pages_tested(demo):
    routes = {
        route.path
        for route in create_app(demo.settings).routes
        if isinstance(route, APIRoute) and not route.include_in_schema and "/api" not in route.path
        if not route.path.startswith("/dash/")
    } - {"/static/{name:path}"}
    shown = {where(demo).partition("?")[0] for where in PAGES.values()}
    tested = {route for route in routes if any(_matches(route, path) for path in shown)}
    assert tested == routes


def _matches(route: str, path: str) -> bool:
    parts, given = route.strip("/").split("/"), path.strip("/").split("/")
    return len(parts) == len(given) and all(
        part == value or part.startswith("{") for part, value in zip(parts, given, strict=True)
    )


@page_name
@themes
def test_a_page_is_accessible_and_fits_its_window(watch, demo, name, theme):
    page = watch.open(demo, PAGES[name](demo), theme=theme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert sideways(page) == 0, width
        if width != 768:
            assert violations(page) == [], width


@page_name
def test_a_page_says_in_its_banner_that_it_is_simulated(watch, demo, name):
    page = watch.open(demo, PAGES[name](demo))
    assert "SIMULATED" in page.locator(".banner").inner_text()


@page_name
def test_a_page_over_real_prices_claims_no_simulation(watch, real, name):
    page = watch.open(real, PAGES[name](real))
    assert "SIMULATED" not in page.inner_text("body")


@page_name
def test_a_page_shows_its_tables_without_a_script(watch, demo, name):
    path = PAGES[name](demo)
    with_scripts = watch.open(demo, path).locator("main td").count()
    without = watch.open(demo, path, scripts=False)
    assert without.locator("main td").count() >= with_scripts
    assert without.locator("h1").inner_text() != ""


@page_name
@pytest.mark.parametrize("home", ["empty", "single", "long", "hostile"])
def test_a_page_of_an_unusual_home_stays_in_shape(watch, request, home, name):
    served = request.getfixturevalue(home)
    status = 404 if home == "empty" and name in OF_SOMETHING else 200
    page = watch.open(served, PAGES[name](served), width=390, status=status)
    assert page.locator("h1").inner_text() != ""
    assert sideways(page) == 0

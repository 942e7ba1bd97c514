"""A newcomer on the leaderboard wants to know which article is behind a trade."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_from_the_leaderboard_it_is_at_most_four_clicks_to_the_article_behind_a_trade(watch, demo):
    decision = next(each for each in bought_on_news(demo))
    model = decision.split(":")[1]
    page = watch.open(demo, "/leaderboard")
    page.locator(f"main a[href='/models/{model}']").first.click()
    page.wait_for_url(f"**/models/{model}")
    page.locator(f"section[aria-labelledby=trades] a[href='/decisions/{decision}']").first.click()
    page.wait_for_url(f"**/decisions/{decision}")
    card = page.locator("details[id^='article:']").first
    card.locator(".title").click()
    card.locator("a[href^='/articles/']").click()
    page.wait_for_url("**/articles/**")
    article = demo.ask(f"/api/articles/{page.url.rpartition('/')[2]}")
    assert article["title"] in page.inner_text("main")


def bought_on_news(demo):
    """Decisions that traded and rest on an article, the newest first."""
    for trade in demo.ask("/api/trades?side=buy")["trades"]:
        if trade["model_kind"] == "llm":
            lineage = demo.ask(f"/api/decisions/{trade['decision_id']}/lineage?kinds=article")
            if any(node["kind"] == "article" for node in lineage["nodes"]):
                yield trade["decision_id"]


def test_the_keyboard_leads_from_the_overview_to_what_a_model_was_asked(watch, demo):
    page = watch.open(demo, "/?rail=decisions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "/decisions/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/decisions/**")
    tab_to(page, "#prompt-")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#prompt-1"
    prompt = page.locator("#prompt-1 details", has_text="Decide for this session.")
    assert not prompt.locator("pre").is_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if prompt.locator("summary").evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    assert prompt.locator("pre").is_visible()
    assert '"briefings"' in prompt.inner_text()


def tab_to(page, address):
    """Move the focus to the first link that leads there."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.getAttribute('href')") or "").startswith(address):
            return
    raise AssertionError(f"80 steps of the keyboard do not reach {address}")


def test_a_citation_leads_to_the_fact_in_the_prompt(watch, demo):
    decision = next(bought_on_news(demo))
    page = watch.open(demo, f"/decisions/{decision}")
    link = page.locator(".cites a", has_text="in the prompt").first
    cite = link.get_attribute("href").removeprefix("#cited:")
    link.click()
    mark = page.locator(f"mark[id='cited:{cite}']")
    assert mark.is_visible()
    assert json.loads(mark.inner_text())["id"] == cite.rpartition(":")[2]

"""A newcomer on the leaderboard wants to know which article is behind a trade."""

from __future__ import annotations

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


def test_the_keyboard_reaches_a_decision_from_the_overview(watch, demo):
    page = watch.open(demo, "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.getAttribute('href')") or "").startswith("/decisions/"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/decisions/**")
    assert page.locator("h1").inner_text() != ""

"""What a decision rests on stays as it was, whatever comes to be known of the past afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Run
from arena_pipeline.rederive import rederive
from arena_pipeline.sandbox import policies
from tests.assets.conftest import NOW, START, Steps, World, story

MODELS = {"stand-in/analyst": policies.ANALYST, "stand-in/first": "sandbox/contrarian"}


@dataclass
class Endpoint:
    """The sandbox's models, of which the one that writes briefings may be down."""

    down: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        body = request.get_json()
        self.asked.append(body["model"])
        if self.down and body["model"] == "stand-in/analyst":
            return Response("no", status=400)
        _, reply = policies.answer({**body, "model": MODELS[body["model"]]})
        return Response(json.dumps(reply | {"model": body["model"]}), content_type="application/json")


@pytest.fixture
def endpoint(world: World, httpserver: HTTPServer) -> Endpoint:
    """One language model decides in the world, of news."""
    endpoint = Endpoint()
    httpserver.expect_request("/v1/models").respond_with_json({"data": []})
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(endpoint.answer)
    httpserver.expect_request("/feed.xml").respond_with_handler(
        lambda _: Response(world.rss(), content_type="application/rss+xml")
    )
    world.feed_url = httpserver.url_for("/feed.xml")
    world.stories = [story(START, 6, "SAP raises its outlook")]
    world.models = {}
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\nresearch_model = "stand-in/analyst"\n'
        '[[models]]\nid = "first"\nkind = "llm"\nmodel = "stand-in/first"\n'
    )
    return endpoint


@pytest.fixture
def later(world: World) -> Callable[[], Arena]:
    """The same home a day later."""
    return lambda: world.arena(now=NOW + timedelta(days=1))


@pytest.mark.slow
def test_a_briefing_is_written_again_until_a_model_has_decided_from_it(
    world: World, steps: Steps, endpoint: Endpoint, later: Callable[[], Arena]
) -> None:
    decided, researched = world.days()[:2]
    endpoint.down = True
    first = world.arena()
    steps.all(first, [decided])
    steps.shared(first, [researched])
    assert not any(row["ok"] for row in first.store.rows("briefings"))
    endpoint.down, before = False, len(endpoint.asked)
    again = later()
    assert not any(outcome.written.changed for outcome in steps.all(again, [decided]))
    assert len(endpoint.asked) == before
    steps.all(again, [researched])
    usable = {row["session"][:10]: row["ok"] for row in again.store.rows("briefings")}
    assert usable == {str(decided): False, str(researched): True}
    assert rederive(again).problems == []


@pytest.mark.slow
def test_an_article_that_a_feed_brings_after_its_sessions_were_decided_is_no_news(
    world: World, steps: Steps, endpoint: Endpoint, later: Callable[[], Arena]
) -> None:
    steps.all(world.arena(), [START])
    world.stories += [story(START, 7, "Allianz cuts its outlook"), story(START, 15, "Siemens wins an order")]
    arena, run = later(), Run("later")
    steps.all(arena, [START], run)
    assert [row["title"] for row in arena.store.rows("articles")] == [
        "SAP raises its outlook",
        "Siemens wins an order",
    ]
    assert "1 articles came after the sessions that could have known them were decided" in run.reports
    assert rederive(arena).problems == []


@pytest.mark.slow
def test_bars_that_come_after_sessions_were_decided_are_known_to_those_that_follow(
    world: World, steps: Steps, later: Callable[[], Arena]
) -> None:
    """The momentum rule ranks by SAP's bars; equal weight holds it from the first day that it can."""
    world.models = {"equal-weight": "equal_weight", "momentum": "momentum"}
    days, sap = world.days(), world.prices["SAP.DE"]
    first, last = days[:3], days[3]
    missing = {day: sap.pop(day) for day in [*sap] if date(2025, 2, 26) <= day < last}
    steps.all(world.arena(), first)
    sap.update(missing)
    arena = later()
    changed = {outcome.written.key for outcome in steps.all(arena, first) if outcome.written.changed}
    assert changed == {*map(str, first), *(f"{model}|{first[-1]}" for model in world.models)}
    steps.all(arena, [last])
    late = arena.store.rows("daily_bars", "symbol = 'SAP.DE' AND known_at > \"end\"")
    assert {row["day"] for row in late} == missing.keys() - {first[-1]}
    assert {row["known_at"] for row in late} == {arena.calendar.session(f"{first[-1]}T14:00").time}
    seen = {row["session"]: row["close"] for row in arena.store.rows("indicators", "symbol = 'SAP.DE'")}
    assert seen[f"{last}T08:30"] == float(missing[first[-1]].close)
    assert len({seen[f"{day}T08:30"] for day in first}) == 1
    assert rederive(arena).problems == []

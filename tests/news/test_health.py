"""How feeds answered: a broken feed is never one without news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arena_pipeline.news.health import FeedAnswer, FeedState, blindness, feed_health, in_force, silence

NOW = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)


def answer(feed: str = "wire", symbol: str | None = None, **changes: Any) -> FeedAnswer:
    given = {"status": 200, "items": 3, "rejected": 0, "newest": NOW - timedelta(hours=2), "broken": None}
    return FeedAnswer(feed, symbol, **{**given, "asked_at": NOW, "known_at": NOW, **changes})


def broken(feed: str = "wire", symbol: str | None = None, **changes: Any) -> FeedAnswer:
    gone = {"status": 503, "items": 0, "newest": None, "broken": f"{feed}: status 503"}
    return answer(feed, symbol, **{**gone, **changes})


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([answer()], FeedState.HEALTHY),
        ([answer(status=304)], FeedState.HEALTHY),
        ([answer(newest=None)], FeedState.HEALTHY),
        ([answer(items=0, newest=None)], FeedState.EMPTY),
        ([answer(newest=NOW - timedelta(days=6))], FeedState.STALE),
        ([broken()], FeedState.BROKEN),
        ([answer(symbol="SAP.DE"), broken(symbol="SIE.DE")], FeedState.PARTLY_BROKEN),
    ],
)
def test_a_feed_is_one_of_five_states(answers: list[FeedAnswer], state: FeedState) -> None:
    (health,) = feed_health(answers)
    assert health.state is state


def test_health_sums_up_the_requests_of_a_feed_and_gives_the_first_reason() -> None:
    asked = [answer(symbol="ALV.DE"), answer(symbol="SAP.DE", items=2), broken(symbol="SIE.DE")]
    (health,) = feed_health(asked)
    assert (health.requests, health.broken, health.items, health.status) == (3, 1, 5, 503)
    assert (health.age_hours, health.reason) == (2.0, "wire: status 503")


def test_the_last_answer_before_a_time_is_in_force() -> None:
    later = broken(known_at=NOW + timedelta(hours=1))
    assert in_force([later, answer()]) == [later]
    assert in_force([later, answer()], before=NOW + timedelta(minutes=30)) == [answer()]
    assert in_force([later, answer()], before=NOW) == []


def test_of_two_answers_from_the_same_time_the_one_that_was_read_is_in_force() -> None:
    assert in_force([answer(), broken()]) == in_force([broken(), answer()]) == [answer()]


def test_there_is_no_news_only_where_every_feed_answered() -> None:
    assert silence([answer()], "SAP.DE") == "no news"
    assert silence([answer(), broken("other")], "SAP.DE") == (
        "no news in the feeds that answered; broken: other"
    )
    assert silence([broken(), broken("other")], "SAP.DE").startswith("blind: none of 2 feed requests")
    assert silence([], "SAP.DE") == "blind: no feed was read"


def test_a_feed_about_another_share_says_nothing_about_this_one() -> None:
    asked = [answer(symbol="SIE.DE"), broken(symbol="SAP.DE")]
    assert silence(asked, "SIE.DE") == "no news"
    assert silence(asked, "SAP.DE").startswith("blind: ")
    assert blindness(asked) is None

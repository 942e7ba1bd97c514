"""What a model may say of an article, and which of it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from arena_pipeline.market.universe import companies
from arena_pipeline.news.articles import Article
from arena_pipeline.news.sentiment import lexicon
from arena_pipeline.research.extraction import (
    Dropped,
    EventType,
    ExtractionReply,
    Reading,
    Verdict,
    judge,
    read,
    recent_moves,
)

DAY = date(2026, 3, 2)
UNIVERSE = companies(["SAP.DE", "SIE.DE", "IFX.DE"])
CALM = [100.0, 100.1, 99.9, 100.0, 100.1, 100.0]
TEXT = (
    "SAP raises its outlook",
    "SAP lifts the forecast by 5.2 percent after a strong quarter, says Siemens.",
)
GOOD: dict[str, Any] = {
    "symbol": "SAP.DE", "event": "guidance", "direction": 1, "percent": 5.2, "day": "2026-03-01",
    "quote": "SAP lifts the forecast by 5.2 percent",
}  # fmt: skip


def article(
    title: str = TEXT[0], summary: str = TEXT[1], *, source: str = "wire", sentiment: float = 0.3
) -> Article:
    at = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    return Article(
        f"article:{source}{title}", title, summary, "https://x.test/1", source, "en", at, at, ("SAP.DE",),
        sentiment, 1, "raw",
    )  # fmt: skip


def said(*claims: dict[str, Any]) -> ExtractionReply:
    return ExtractionReply.model_validate_json(json.dumps({"claims": claims}))


def judged(
    told: Sequence[tuple[Article, Sequence[dict[str, Any]]]], prices: Sequence[float] = CALM
) -> list[Verdict]:
    return judge(
        "SAP.DE",
        [entry for entry, _ in told],
        {entry.id: read(entry, said(*claims)) for entry, claims in told},
        companies=UNIVERSE,
        session_day=DAY,
        prices=prices,
    )


def reason(
    claim: dict[str, Any], of: Article | None = None, prices: Sequence[float] = CALM
) -> Dropped | None:
    (verdict,) = judged([(of or article(), [claim])], prices)
    assert (verdict.reading is None) == (verdict.dropped is not None)
    return verdict.dropped


def test_the_events_are_those_of_the_rules() -> None:
    assert {event.value for event in EventType} == {*lexicon()["events"], "other"}


def test_a_claim_that_its_article_bears_out_stands() -> None:
    (verdict,) = judged([(article(), [GOOD])])
    assert verdict.dropped is None
    assert verdict.reading is not None
    assert (verdict.reading.event, verdict.reading.sentiment, verdict.reading.day) == (
        EventType.GUIDANCE,
        0.5,
        date(2026, 3, 1),
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"symbol": "PNNY.DE"}, Dropped.OUTSIDE),
        ({"symbol": "SIE.DE"}, Dropped.SILENT),
        ({"quote": "SAP lifts the forecast by 6.2 percent"}, Dropped.NO_QUOTE),
        ({"quote": "buy SAP now"}, Dropped.NO_QUOTE),
        ({"quote": " \u200b "}, Dropped.NO_QUOTE),
        ({"percent": 5.3}, Dropped.NO_NUMBER),
        ({"percent": 52.0}, Dropped.NO_NUMBER),
        ({"percent": 873.5}, Dropped.NO_NUMBER),
        ({"percent": -5.21}, Dropped.NO_NUMBER),
        ({"day": "2026-03-03"}, Dropped.AHEAD),
        ({"day": "2027-01-01"}, Dropped.AHEAD),
        ({"day": "2026-02-01"}, Dropped.OLD),
        ({"direction": 2}, Dropped.ALONE),
        ({"event": "price_move"}, Dropped.NO_MOVE),
    ],
)
def test_a_planted_claim_is_dropped_with_its_reason(change: dict[str, Any], expected: Dropped) -> None:
    assert reason({**GOOD, **change}) is expected


@pytest.mark.parametrize("quote", ["SAP  lifts\nthe forecast", TEXT[0], "5.2 percent"])
def test_a_quote_may_be_spaced_otherwise(quote: str) -> None:
    assert reason({**GOOD, "quote": quote}) is None


@pytest.mark.parametrize("percent", [5.2, -5.2, 5.0, None])
def test_a_number_stands_as_the_text_writes_it_or_rounds(percent: float | None) -> None:
    assert reason({**GOOD, "percent": percent}) is None


def test_a_share_that_the_text_does_not_name_is_not_written_about() -> None:
    assert reason(GOOD, article("Software group raises outlook", "Up by 5.2 percent")) is Dropped.UNNAMED


def test_two_claims_about_one_share_are_none() -> None:
    (verdict,) = judged([(article(), [GOOD, {**GOOD, "direction": -1}])])
    assert verdict.dropped is Dropped.TWICE


def test_words_that_say_the_opposite_outweigh_a_direction() -> None:
    assert reason(GOOD, article(sentiment=-0.5)) is Dropped.CONTRARY
    assert reason(GOOD, article(sentiment=-0.2)) is Dropped.UNBORNE
    assert reason({**GOOD, "direction": 0}, article(sentiment=-0.9)) is None


def test_a_direction_needs_a_witness_beside_its_reader() -> None:
    silent, other = article(sentiment=0.0), article("SAP in the paper", source="paper", sentiment=0.0)
    assert reason(GOOD, silent) is Dropped.UNBORNE
    assert reason({**GOOD, "direction": 0}, silent) is None
    assert reason(GOOD, silent, [*CALM, 102.5]) is None
    assert [v.dropped for v in judged([(silent, [GOOD]), (other, [GOOD])])] == [None, None]
    assert reason(GOOD, article(sentiment=0.15)) is None


def test_a_strong_claim_needs_another_publisher_or_our_own_bars() -> None:
    strong = {**GOOD, "direction": 2}
    first, copy = article(), article("SAP with a better outlook", source="wire")
    other = article("SAP raises its outlook, says the paper", source="paper")
    assert reason(strong) is Dropped.ALONE
    assert [v.dropped for v in judged([(first, [strong]), (copy, [GOOD])])] == [Dropped.ALONE, None]
    assert [v.dropped for v in judged([(first, [strong]), (other, [GOOD])])] == [None, None]
    against = {**GOOD, "direction": -1}
    bad = article("SAP disappoints, says the paper", source="paper", sentiment=-0.3)
    assert [v.dropped for v in judged([(first, [strong]), (bad, [against])])] == [Dropped.ALONE, None]
    assert reason(strong, prices=[*CALM, 102.5]) is None
    assert reason(strong, prices=[*CALM, 97.5]) is Dropped.ALONE


@pytest.mark.parametrize(
    ("prices", "direction", "percent", "stands"),
    [
        ([*CALM, 106.0], 1, 5.2, True),
        ([*CALM, 103.0], 1, 5.2, True),
        ([*CALM, 102.0], 1, 5.2, False),
        ([*CALM, 94.0], 1, 5.2, False),
        ([*CALM, 94.0], -1, -5.2, True),
        ([], 1, 5.2, False),
    ],
)
def test_a_claimed_move_is_held_against_our_bars(
    prices: list[float], direction: int, percent: float, stands: bool
) -> None:
    claim = {**GOOD, "event": "price_move", "direction": direction, "percent": percent}
    assert (reason(claim, article(sentiment=0.0), prices) is None) is stands


def test_moves_reach_back_five_days_from_the_last_two() -> None:
    assert recent_moves([]) == recent_moves([1.0]) == []
    assert recent_moves([100.0, 110.0]) == [pytest.approx(0.1)]
    assert len(recent_moves([float(n) for n in range(1, 12)])) == 10


def test_no_word_of_a_reply_is_left_in_a_reading() -> None:
    (reading,) = read(article(), said(GOOD))
    assert isinstance(reading, Reading)
    assert reading.quote is not None
    assert len(reading.quote) == 64
    assert "forecast" not in repr(reading)


@pytest.mark.parametrize(
    "change",
    [
        {"direction": 3}, {"direction": 0.5}, {"direction": True}, {"event": "buy everything"},
        {"percent": "5"}, {"percent": float("nan")}, {"percent": 10**9}, {"day": "tomorrow"},
        {"symbol": "sap.de; drop table"},
        {"note": "ignore the rules"}, {"quote": ""}, {"quote": "x" * 401}, {"symbol": None},
    ],
)  # fmt: skip
def test_a_claim_out_of_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        said({**GOOD, **change})


def test_more_than_six_claims_are_refused() -> None:
    assert len(said(*[GOOD] * 6).claims) == 6
    with pytest.raises(ValidationError):
        said(*[GOOD] * 7)

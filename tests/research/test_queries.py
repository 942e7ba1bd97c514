"""What is asked about a share: every template in its turn, both languages, nothing but names in them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from arena_pipeline.market.universe import dax40
from arena_pipeline.research.queries import (
    LANGUAGES,
    LONGEST_QUERY,
    MOST_QUERIES,
    QueriesReply,
    Reach,
    filled,
    queries,
    templates,
    usable,
)
from arena_pipeline.settings import Style

SAP = dax40()["SAP.DE"]


def asked(session: str, *, styles: tuple[Style, ...] = tuple(Style), at_most: int = 2) -> list[str]:
    return [query.text for query in queries(SAP, styles, session, at_most=at_most)]


def test_the_same_session_asks_the_same_and_the_next_one_something_else() -> None:
    assert asked("2025-03-07T08:30") == asked("2025-03-07T08:30")
    assert not set(asked("2025-03-07T08:30")) & set(asked("2025-03-07T14:00"))


@pytest.mark.parametrize("at_most", [1, 2, 3, 5])
def test_every_template_has_its_turn(at_most: int) -> None:
    days = [date(2025, 3, 3) + timedelta(days=n) for n in range(30)]
    sessions = [f"{day}T{hour}" for day in days for hour in ("08:30", "14:00")]
    every = {
        text.format(name="SAP")
        for style in Style
        for some in templates()[style].by_language.values()
        for text in some
    }
    assert set(itertools.chain(*(asked(session, at_most=at_most) for session in sessions))) == every


def test_a_style_asks_its_own_questions_in_both_languages_as_far_back_as_it_looks() -> None:
    for style, reach in ((Style.DAY, Reach.DAY), (Style.SWING, Reach.WEEK), (Style.VALUE, Reach.MONTH)):
        found = queries(SAP, [style], "2025-03-07T08:30", at_most=2)
        assert {query.language for query in found} == set(LANGUAGES)
        assert {query.reach for query in found} == {reach}


def test_no_more_is_asked_than_there_are_templates_and_nothing_twice() -> None:
    every = asked("2025-03-07T08:30", at_most=100)
    assert len(every) == len(set(every)) == 20
    assert asked("2025-03-07T08:30", at_most=0) == []


def test_a_query_holds_the_company_and_no_placeholder() -> None:
    for company in dax40().values():
        for query in queries(company, tuple(Style), "2025-03-07T08:30", at_most=100):
            assert company.name in query.text
            assert "{" not in query.text


def reply(*texts: str, symbol: str = "SAP.DE") -> QueriesReply:
    return QueriesReply.model_validate(
        {"queries": [{"symbol": symbol, "text": t, "language": "de", "reach": "week"} for t in texts]}
    )


def test_a_models_queries_are_taken_up_to_the_number_and_templates_fill_the_rest() -> None:
    found, left_out = usable(
        reply("SAP Cloud Auftrag Bund", "SAP  Hauptversammlung Termin", "SAP Quartal"),
        ["SAP.DE"],
        dax40(),
        at_most=2,
    )
    texts = [query.text for query in found["SAP.DE"]]
    assert texts == ["SAP Cloud Auftrag Bund", "SAP Hauptversammlung Termin"]
    assert left_out == {"more than are asked": 1}
    asked_instead = queries(SAP, tuple(Style), "2025-03-07T08:30", at_most=3)
    every = filled(found["SAP.DE"], asked_instead, at_most=3)
    assert [query.text for query in every] == [*texts, asked_instead[0].text]
    assert filled((), asked_instead, at_most=3) == asked_instead


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SAP site:evil.example", "not plain words"),
        ("SAP -Quartal", "not plain words"),
        ('SAP "ignore previous instructions"', "not plain words"),
        ("SAP https://evil.example/x", "not plain words"),
        ("SAP Zahlen\nSAP Prognose\u202e", "not plain words"),
        ("SAP", "not plain words"),
        ("Aktie Prognose", "without the name of its company alone"),
        ("SAP Siemens Fusion", "without the name of its company alone"),
    ],
)
def test_a_query_that_is_more_than_a_company_and_words_is_left_out(text: str, why: str) -> None:
    assert usable(reply(text), ["SAP.DE"], dax40(), at_most=2) == ({}, {why: 1})


def test_a_query_about_a_share_that_is_not_watched_or_asked_twice_is_left_out() -> None:
    asked_twice = reply("SAP Prognose heute", "sap prognose HEUTE")
    assert usable(asked_twice, ["SAP.DE"], dax40(), at_most=2)[1] == {"asked twice": 1}
    found, left_out = usable(reply("SAP Prognose heute"), ["SIE.DE"], dax40(), at_most=2)
    assert (found, left_out) == ({}, {"about no share that is watched": 1})


@pytest.mark.parametrize(
    "queries_of_it",
    [
        [{"symbol": "SAP.DE", "text": "S" * (LONGEST_QUERY + 1), "language": "de", "reach": "week"}],
        [{"symbol": "SAP.DE", "text": "SAP heute", "language": "fr", "reach": "week"}],
        [{"symbol": "SAP.DE", "text": "SAP heute", "language": "de", "reach": "week", "note": "x"}],
        [{"symbol": "SAP.DE", "text": "SAP heute", "language": "de", "reach": "week"}] * (MOST_QUERIES + 1),
    ],
    ids=["too long", "another language", "another key", "too many"],
)
def test_an_answer_out_of_bounds_is_no_answer(queries_of_it: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError):
        QueriesReply.model_validate({"queries": queries_of_it})

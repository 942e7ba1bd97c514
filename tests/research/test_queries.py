"""What is asked about a share: every template in its turn, both languages, nothing but names in them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest

from arena_pipeline.market.universe import dax40
from arena_pipeline.research.queries import LANGUAGES, Reach, queries, templates
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

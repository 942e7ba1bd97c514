"""Figures of several vendors under one name: preferred, kept, disputed, and in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.research.facts import build_facts
from arena_pipeline.research.figures import (
    MOST_LINES,
    OUTDATED,
    PREFERENCE,
    TOLERANCES,
    WORDS,
    Figure,
    amount,
    distance,
    in_words,
    text_block,
    unify,
)

AT = datetime(2025, 10, 24, 6, 0, tzinfo=UTC)


def figure(
    value: str | None,
    *,
    name: str = "pe_ratio",
    source: str = "alphavantage",
    unit: str = "ratio",
    known_at: datetime = AT,
    period: str = "latest",
) -> Figure:
    return Figure(
        "SAP.DE", name, None if value is None else Decimal(value), unit, period, source, known_at, "aa"
    )


figures = st.lists(
    st.builds(
        Figure,
        st.just("SAP.DE"),
        st.sampled_from([*WORDS, "unheard_of"]),
        st.none() | st.decimals(-(10**12), 10**12, places=6),
        st.sampled_from(["ratio", "EUR", "USD", "fraction", "EUR/share", "unknown/share", "analysts"]),
        st.sampled_from(["latest", "2025-06-30"]),
        st.sampled_from([*PREFERENCE, "another"]),
        st.integers(0, 300).map(lambda days: AT - timedelta(days=days)),
        st.just("aa"),
    ),
    max_size=30,
)


def test_the_xetra_listing_s_vendor_is_preferred_and_the_other_kept() -> None:
    (entry,) = unify([figure("20.6", source="finnhub"), figure("20.5")])
    assert (entry.preferred.source, [other.source for other in entry.others]) == ("alphavantage", ["finnhub"])
    assert (entry.disputed, entry.note) == ((), None)


def test_a_disagreement_beyond_the_tolerance_is_flagged() -> None:
    (entry,) = unify([figure("24.1", source="finnhub"), figure("20.5")])
    assert [other.source for other in entry.disputed] == ["finnhub"]
    assert entry.note == "finnhub says 24.10, 15 percent apart"
    assert in_words(entry) == ("price to earnings 20.50 (alphavantage); finnhub says 24.10, 15 percent apart")


def test_a_disagreement_with_what_was_read_on_another_day_names_the_day() -> None:
    (entry,) = unify([figure("24.1", source="finnhub", known_at=AT - timedelta(days=4)), figure("20.5")])
    assert entry.note == "finnhub said 24.10 on 2025-10-20, 15 percent apart"


@pytest.mark.parametrize(
    ("periods", "days", "disputed"),
    [
        (("2025-06-30", "2025-06-30"), 90, True),
        (("2025-06-30", "2025-03-31"), 0, False),
        (("2025-06-30", "latest"), 30, True),
        (("latest", "latest"), 30, True),
        (("latest", "latest"), 31, False),
        (("2025-06-30", "latest"), 31, False),
    ],
)
def test_only_what_speaks_of_the_same_period_is_disputed(
    periods: tuple[str, str], days: int, disputed: bool
) -> None:
    earlier = figure("24.1", source="finnhub", period=periods[1], known_at=AT - timedelta(days=days))
    (entry,) = unify([earlier, figure("20.5", period=periods[0])])
    assert entry.others == (earlier,)
    assert bool(entry.disputed) is disputed


@pytest.mark.parametrize(("other", "disputed"), [("104.9", False), ("105.4", True), ("-100", True)])
def test_the_usual_tolerance_is_five_percent_of_the_larger(other: str, disputed: bool) -> None:
    pair = [
        figure("100", name="eps", unit="EUR/share"),
        figure(other, name="eps", unit="EUR/share", source="x"),
    ]
    assert bool(unify(pair)[0].disputed) is disputed


def test_a_figure_has_the_tolerance_that_its_measure_needs() -> None:
    assert TOLERANCES["beta"] == Decimal("0.30")
    (entry,) = unify([figure("1.0", name="beta"), figure("1.3", name="beta", source="finnhub")])
    assert entry.disputed == ()


def test_an_outdated_figure_gives_way_to_a_fresh_one() -> None:
    old = figure("20.5", known_at=AT - OUTDATED - timedelta(days=1))
    (entry,) = unify([old, figure("24.1", source="finnhub")])
    assert (entry.preferred.source, entry.others) == ("finnhub", (old,))


def test_of_one_vendor_the_latest_counts() -> None:
    (entry,) = unify([figure("20.5"), figure("19", known_at=AT - timedelta(days=9))])
    assert (entry.preferred.value, entry.others) == (Decimal("20.5"), ())


def test_figures_in_other_units_are_not_compared() -> None:
    pair = [
        figure("5", name="eps", unit="EUR/share"),
        figure("9", name="eps", unit="USD/share", source="finnhub"),
    ]
    (entry,) = unify(pair)
    assert (entry.preferred.unit, entry.others, entry.note) == ("EUR/share", (), None)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("114234572800", "USD", "114.2 billion USD"),
        ("-3400000", "EUR", "-3.4 million EUR"),
        ("950", "EUR", "950 EUR"),
        ("0.0529", "fraction", "5.3 percent"),
        ("8.811", "USD/share", "8.81 USD per share"),
        ("2.33", "unknown/share", "2.33 per share, currency not given"),
        ("37", "analysts", "37"),
        ("14.1327", "ratio", "14.13"),
    ],
)
def test_an_amount_is_in_plain_words(value: str, unit: str, words: str) -> None:
    assert amount(figure(value, unit=unit)) == words


def test_a_text_block_is_bounded_and_keeps_the_most_telling() -> None:
    every = [figure("1", name=name) for name in reversed(WORDS)]
    block = list(text_block(unify(every)).values())
    assert len(block) == MOST_LINES < len(WORDS)
    assert block[0].startswith("market value 1.00")


@given(figures)
def test_unified_figures_are_one_per_name_and_nothing_is_lost_within_a_unit(given_: list[Figure]) -> None:
    entries = unify(given_)
    usable = {entry.name for entry in given_ if entry.value is not None and entry.name in WORDS}
    assert [entry.name for entry in entries] == [name for name in WORDS if name in usable]
    for entry in entries:
        assert all(other.unit == entry.preferred.unit for other in entry.others)
        assert set(entry.disputed) <= set(entry.others)
        assert len({other.source for other in entry.others} | {entry.preferred.source}) == 1 + len(
            entry.others
        )


def test_a_disagreement_too_long_for_a_line_is_cut_to_who_disagrees() -> None:
    huge = [
        figure(f"{place}{'9' * 17}", name="eps_reported", unit="unknown/share", source=source)
        for place, source in enumerate(("alphavantage", "finnhub"), start=1)
    ]
    (entry,) = unify(huge)
    assert in_words(entry).endswith("(alphavantage); finnhub disagree")


@given(figures)
def test_the_words_of_any_figures_are_plain_enough_for_a_briefing(given_: list[Figure]) -> None:
    block = text_block(unify(given_))
    facts = build_facts(
        symbol="SAP.DE",
        name="SAP",
        session="2025-10-24T08:30",
        at=AT,
        technical=(),
        evidence={},
        articles=[],
        figures=block,
    )
    assert {fact.evidence for fact in facts.figures} == set(block)


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_distance_is_symmetric_and_zero_only_for_equals(one: Decimal, other: Decimal) -> None:
    a, b = figure(str(one)), figure(str(other))
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) is (one == other)
    assert distance(a, b) <= 2

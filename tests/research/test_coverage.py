"""The plan of a day: few calls, spent where they tell most, and the same however often it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.research.coverage import (
    NOT_ASKED_AGAIN,
    Ask,
    Coverage,
    Learned,
    Offer,
    Subject,
    plan,
)

BEGINS = datetime(2025, 10, 24, tzinfo=UTC)
SYMBOLS = tuple(f"S{number}.DE" for number in range(8))
SUBJECTS = (Subject("overview", timedelta(days=7)), Subject("earnings", timedelta(days=30)))
ASKS = [Ask("v", symbol, subject.name) for symbol in SYMBOLS for subject in SUBJECTS]
REFRESH = {subject.name: subject.refresh for subject in SUBJECTS}

memories = st.lists(
    st.builds(
        Learned,
        st.sampled_from([*ASKS, Ask("other", "S0.DE", "overview")]),
        st.sampled_from(Coverage),
        st.integers(-70 * 24, 3 * 24).map(lambda hours: BEGINS + timedelta(hours=hours)),
    ),
    max_size=40,
    unique_by=lambda entry: (entry.ask, entry.at),
)
focuses = st.frozensets(st.sampled_from(SYMBOLS))
budgets = st.integers(0, 20)


def offer(calls: int, symbols: tuple[str, ...] = SYMBOLS) -> Offer:
    return Offer("v", SUBJECTS, frozenset(symbols), calls)


def planned(
    learned: list[Learned],
    *,
    calls: int = 100,
    focus: frozenset[str] = frozenset(),
    begins: datetime = BEGINS,
) -> tuple[Ask, ...]:
    return plan(offer(calls), begins=begins, focus=focus, symbols=SYMBOLS, learned=learned)


def last_of(learned: list[Learned], ask: Ask) -> Learned | None:
    known = [e for e in learned if e.ask == ask and e.at < BEGINS and e.coverage is not Coverage.UNKNOWN]
    return max(known, key=lambda entry: entry.at, default=None)


def tried_of(learned: list[Learned], ask: Ask) -> Learned | None:
    known = [entry for entry in learned if entry.ask == ask and entry.at < BEGINS]
    return max(known, key=lambda entry: entry.at, default=None)


def age(ask: Ask, day: int, coverage: Coverage = Coverage.COVERED) -> Learned:
    return Learned(ask, coverage, BEGINS - timedelta(days=day))


def test_what_was_never_asked_comes_before_what_is_oldest() -> None:
    learned = [age(ask, 10 + place) for place, ask in enumerate(ASKS[:4]) if ask.subject == "overview"]
    result = planned(learned)
    assert result[-2:] == (Ask("v", "S1.DE", "overview"), Ask("v", "S0.DE", "overview"))
    assert set(result) == set(ASKS)


def test_a_fresh_answer_is_not_bought_again() -> None:
    learned = [age(ask, 6) for ask in ASKS]
    assert planned(learned) == ()
    assert {ask.subject for ask in planned([age(ask, 8) for ask in ASKS])} == {"overview"}


def test_a_share_in_focus_comes_first_even_with_its_oldest_answer() -> None:
    learned = [age(ask, 40) for ask in ASKS if ask.symbol == "S7.DE"]
    result = planned(learned, focus=frozenset({"S7.DE"}), calls=3)
    assert result == (
        Ask("v", "S7.DE", "overview"),
        Ask("v", "S7.DE", "earnings"),
        Ask("v", "S0.DE", "overview"),
    )


def test_an_answer_that_could_not_be_read_is_asked_for_again_after_everything_else() -> None:
    ask = ASKS[0]
    result = planned([age(ask, 1, Coverage.UNKNOWN)], focus=frozenset({ask.symbol}))
    assert set(result) == set(ASKS)
    assert result[-1] == ask
    answered_before = [age(ask, 60), age(ask, 1, Coverage.UNKNOWN)]
    assert planned([*answered_before, *(age(other, 40) for other in ASKS[1:])])[-1] == ask


@given(memories, focuses, budgets)
def test_a_plan_keeps_to_the_budget_and_asks_nothing_twice(
    learned: list[Learned], focus: frozenset[str], calls: int
) -> None:
    result = planned(learned, focus=focus, calls=calls)
    assert len(result) <= calls
    assert len(set(result)) == len(result)
    assert set(result) <= set(ASKS)


@given(memories, focuses)
def test_a_plan_holds_exactly_what_is_due(learned: list[Learned], focus: frozenset[str]) -> None:
    def is_due(ask: Ask) -> bool:
        last = last_of(learned, ask)
        if last is None:
            return True
        wait = REFRESH[ask.subject] if last.coverage is Coverage.COVERED else NOT_ASKED_AGAIN
        return BEGINS - last.at >= wait

    assert set(planned(learned, focus=focus)) == {ask for ask in ASKS if is_due(ask)}


@given(memories, focuses)
def test_a_plan_is_in_order_of_focus_then_last_attempt(learned: list[Learned], focus: frozenset[str]) -> None:
    def place(ask: Ask) -> tuple[bool, datetime]:
        tried = tried_of(learned, ask)
        if tried is None:
            return ask.symbol not in focus, datetime.min.replace(tzinfo=UTC)
        return ask.symbol not in focus or tried.coverage is Coverage.UNKNOWN, tried.at

    places = [place(ask) for ask in planned(learned, focus=focus)]
    assert places == sorted(places)


@given(memories, focuses, budgets, st.randoms(use_true_random=False))
def test_a_plan_knows_neither_the_order_of_its_memory_nor_what_came_later(
    learned: list[Learned], focus: frozenset[str], calls: int, random: object
) -> None:
    shuffled = [entry for entry in learned if entry.at < BEGINS]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert planned(shuffled, focus=focus, calls=calls) == planned(learned, focus=focus, calls=calls)


@given(st.integers(1, 6), st.sets(st.sampled_from(ASKS)))
def test_every_question_is_asked_within_as_many_days_as_the_budget_needs(
    calls: int, uncovered: set[Ask]
) -> None:
    """Asked day after day, each answered: nothing waits longer than one round over all questions."""
    learned: list[Learned] = []
    for number in range(-(-len(ASKS) // calls)):
        begins = BEGINS + timedelta(days=number)
        for ask in planned(learned, calls=calls, begins=begins):
            outcome = Coverage.NOT_COVERED if ask in uncovered else Coverage.COVERED
            learned.append(Learned(ask, outcome, begins + timedelta(hours=8)))
    assert {entry.ask for entry in learned} == set(ASKS) or calls * 7 < len(ASKS)
    again = planned(learned, begins=BEGINS + timedelta(days=29))
    assert not set(again) & uncovered


@given(st.integers(1, 6), st.sets(st.sampled_from(ASKS)), focuses)
def test_questions_that_always_fail_keep_no_other_from_its_turn(
    calls: int, failing: set[Ask], focus: frozenset[str]
) -> None:
    """Every question is tried within one round over all of them, whatever fails and whatever is in focus."""
    learned: list[Learned] = []
    for number in range(-(-len(ASKS) // calls)):
        begins = BEGINS + timedelta(days=number)
        for ask in planned(learned, calls=calls, begins=begins, focus=focus):
            outcome = Coverage.UNKNOWN if ask in failing else Coverage.NOT_COVERED
            learned.append(Learned(ask, outcome, begins + timedelta(hours=8)))
    assert {entry.ask for entry in learned} == set(ASKS)

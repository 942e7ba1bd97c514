"""Vintages of bars: appended, never changed, and never known before they were."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.market.vintages import BarHistory, append_vintages

FIRST = date(2025, 3, 3)
LATER = datetime(2025, 3, 20, 12, 0, tzinfo=UTC)


def bar(symbol="SAP.DE", day=0, close="10.0000", **changes):
    opens = datetime(2025, 3, 3, 8, tzinfo=UTC) + timedelta(days=day)
    closes = opens + timedelta(hours=8, minutes=30)
    made = Bar(
        symbol=symbol,
        interval=Interval.DAILY,
        day=FIRST + timedelta(days=day),
        start=opens,
        end=closes,
        open=Decimal(close),
        high=Decimal(close),
        low=Decimal(close),
        close=Decimal(close),
        volume=100,
        adjustment=Adjustment.SPLIT,
        stale=False,
        known_at=closes,
        vintage=1,
        source="test",
        raw="0" * 64,
    )
    return replace(made, **changes)


deliveries = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.lists(
            st.builds(
                bar,
                st.sampled_from(["SAP.DE", "SIE.DE"]),
                st.integers(0, 4),
                st.sampled_from(["10.0000", "10.5000", "11.0000"]),
            ),
            max_size=6,
            unique_by=lambda entry: (entry.symbol, entry.day),
        ),
    ),
    max_size=6,
).map(lambda entries: sorted(entries, key=lambda entry: entry[0]))


def after(deliveries):
    """All that is stored once these deliveries have come, each some days after the first."""
    stored = []
    for days, bars in deliveries:
        stored, _ = append_vintages(stored, bars, seen_at=LATER + timedelta(days=days))
    return stored


def test_a_bar_seen_first_keeps_the_time_at_which_it_was_known():
    stored, restated = append_vintages([], [bar()], seen_at=LATER)
    assert stored == [bar()]
    assert restated == []


def test_the_same_values_change_nothing_wherever_they_were_read():
    stored, restated = append_vintages([bar()], [bar(raw="1" * 64, source="other")], seen_at=LATER)
    assert (stored, restated) == ([bar()], [])


def test_a_changed_value_is_a_new_vintage_known_from_when_it_was_seen():
    stored, (restated,) = append_vintages([bar()], [bar(close="11.0000")], seen_at=LATER)
    assert stored == [bar(), bar(close="11.0000", vintage=2, known_at=LATER)]
    assert (restated.before, restated.after) == (stored[0], stored[1])


def test_a_stale_bar_that_is_repaired_is_a_new_vintage():
    stored, restated = append_vintages([bar(stale=True, volume=0)], [bar()], seen_at=LATER)
    assert [entry.stale for entry in stored] == [True, False]
    assert len(restated) == 1


def test_a_vintage_is_never_known_before_the_one_it_replaces():
    early = LATER - timedelta(days=400)
    stored, _ = append_vintages([bar()], [bar(close="11.0000")], seen_at=early)
    assert stored[1].known_at == stored[0].known_at


def test_a_session_knows_the_value_of_its_time_and_a_later_one_the_new_value():
    stored, _ = append_vintages([bar()], [bar(close="11.0000")], seen_at=LATER)
    history = BarHistory(stored)
    before, since = LATER, LATER + timedelta(seconds=1)
    assert [entry.close for entry in history.known("SAP.DE", before)] == [Decimal("10")]
    assert [entry.close for entry in history.known("SAP.DE", since)] == [Decimal("11")]
    assert history.changed_between("SAP.DE", before, since) == [LATER]


def test_a_bar_is_not_known_at_the_very_moment_at_which_it_ends():
    history = BarHistory([bar()])
    assert history.known("SAP.DE", bar().end) == []
    assert history.known("SAP.DE", bar().end + timedelta(microseconds=1)) == [bar()]


def test_an_unknown_symbol_has_no_bars():
    assert BarHistory([bar()]).known("SIE.DE", LATER) == []


@given(deliveries=deliveries, more=deliveries)
def test_nothing_that_is_stored_is_ever_changed_or_dropped(deliveries, more):
    stored = after(deliveries)
    assert after([*deliveries, *((21 + days, bars) for days, bars in more)])[: len(stored)] == stored


@given(deliveries=deliveries)
def test_a_delivery_that_comes_twice_changes_nothing_the_second_time(deliveries):
    stored = after(deliveries)
    if deliveries:
        again, restated = append_vintages(stored, deliveries[-1][1], seen_at=LATER + timedelta(days=30))
        assert (again, restated) == (stored, [])


@given(deliveries=deliveries)
def test_the_vintages_of_a_bar_are_numbered_without_a_gap(deliveries):
    numbers = {}
    for entry in after(deliveries):
        numbers.setdefault((entry.symbol, entry.start), []).append(entry.vintage)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


moments = st.integers(-20 * 24, 45 * 24).map(lambda hours: LATER + timedelta(hours=hours))


@given(deliveries=deliveries, at=moments)
def test_what_is_known_was_known_before_and_is_the_newest_of_its_time(deliveries, at):
    stored = after(deliveries)
    history = BarHistory(stored)
    for symbol in ("SAP.DE", "SIE.DE"):
        known = history.known(symbol, at)
        newest = {}
        for entry in stored:
            if entry.symbol == symbol and entry.known_at < at:
                newest[entry.start] = max(entry, newest.get(entry.start, entry), key=lambda b: b.vintage)
        assert known == [newest[start] for start in sorted(newest)]
        assert all(entry.known_at < at for entry in known)


@given(deliveries=deliveries, at=moments)
def test_what_comes_later_changes_no_earlier_answer(deliveries, at):
    whole = BarHistory(after(deliveries))
    until = BarHistory(after([entry for entry in deliveries if LATER + timedelta(days=entry[0]) < at]))
    for symbol in ("SAP.DE", "SIE.DE"):
        known = [entry for entry in whole.known(symbol, at) if entry.vintage > 1]
        assert known == [entry for entry in until.known(symbol, at) if entry.vintage > 1]


@given(deliveries=deliveries, at=moments, since=st.integers(0, 5))
def test_since_leaves_out_earlier_days_and_nothing_else(deliveries, at, since):
    history, day = BarHistory(after(deliveries)), FIRST + timedelta(days=since)
    known = history.known("SAP.DE", at)
    assert history.known("SAP.DE", at, since=day) == [entry for entry in known if entry.day >= day]

"""Coordinates of the charts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboards.lines import apart, path, span, sparkline, thinned, ticks

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.floats(0, 300, allow_nan=False), min_size=1, max_size=15))
def test_labels_never_overlap_and_stay_within_the_chart(wanted):
    placed = sorted(apart(wanted, 18, 9, 371))
    assert all(later - earlier >= 18 - 1e-6 for earlier, later in pairwise(placed))
    assert placed[0] >= 9 - 1e-6
    assert placed[-1] <= 371 + 1e-6


@given(st.lists(st.floats(0, 300, allow_nan=False), min_size=2, max_size=15))
def test_labels_keep_the_order_of_their_lines(wanted):
    placed = apart(wanted, 18, 9, 371)
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    assert order == sorted(order, key=lambda n: placed[n])


def test_a_label_with_room_stands_where_its_line_ends():
    assert apart([50.0, 200.0, 120.0], 18, 9, 371) == [50.0, 200.0, 120.0]


def test_ticks_are_round_and_within():
    assert ticks(-0.021, 0.083) == [-0.02, 0.0, 0.02, 0.04, 0.06, 0.08]
    assert ticks(97_000, 109_000) == [97_500, 100_000, 102_500, 105_000, 107_500]
    assert ticks(5, 5) == [5]


@given(FINITE, st.floats(0.001, 1e6))
def test_there_are_some_ticks_and_not_too_many(low, width):
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 12


def test_a_missing_value_breaks_a_line():
    assert path([0, 1, None, 1, 0], 0, 1, 40, 10) == "M0.0 10.0L10.0 0.0M30.0 0.0L40.0 10.0"


def test_values_that_do_not_vary_make_a_level_line():
    assert sparkline([5, 5, 5], 20, 10) == "M0.0 5.0L10.0 5.0L20.0 5.0"
    assert span([[None, None]]) == (0.0, 1.0)


def test_a_long_series_is_thinned_and_keeps_its_ends():
    shown = thinned(list(range(1000)), 60)
    assert len(shown) == 60
    assert (shown[0], shown[-1]) == (0, 999)

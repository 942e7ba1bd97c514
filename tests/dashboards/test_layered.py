"""The evidence graph's layout: whatever the graph, boxes lie apart and lines run from box to box."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.layered import GAP, Line, Node, cut, layout

COLUMNS = 6


@st.composite
def graphs(draw):
    columns = draw(st.lists(st.integers(0, COLUMNS - 1), min_size=1, max_size=24))
    words = st.text(max_size=60)
    nodes = [Node(f"n{n}", column, draw(words), draw(words)) for n, column in enumerate(columns)]
    ahead = [
        Line(one.id, other.id) for one, other in itertools.permutations(nodes, 2) if one.column < other.column
    ]
    lines = draw(st.lists(st.sampled_from(ahead), max_size=40)) if ahead else []
    return nodes, lines


def overlap(one, other):
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_no_box_lies_on_another_and_all_lie_within_the_drawing(graph):
    nodes, lines = graph
    drawing = layout(nodes, lines)
    assert {box.id for box in drawing.boxes} == {node.id for node in nodes}
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert not overlap(one, other)
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_a_line_runs_from_the_right_of_one_box_to_the_left_of_the_other(graph):
    nodes, lines = graph
    drawing = layout(nodes, lines)
    boxes = {box.id: box for box in drawing.boxes}
    assert {(route.start, route.end) for route in drawing.routes} == {
        (line.start, line.end) for line in lines
    }
    for route in drawing.routes:
        start, end = boxes[route.start], boxes[route.end]
        assert route.points[0] == (start.x + start.width, start.middle)
        assert route.points[-1] == (end.x, end.middle)
        assert [x for x, _ in route.points] == sorted(x for x, _ in route.points)


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_a_line_passes_between_the_boxes_of_the_columns_on_its_way(graph):
    drawing = layout(*graph)
    for route in drawing.routes:
        for x, y in route.points[1:-1]:
            for box in drawing.boxes:
                inside = box.x <= x <= box.x + box.width
                assert not inside or y < box.y - GAP / 2 or y > box.y + box.height + GAP / 2


def test_columns_without_boxes_take_no_room():
    near = layout([Node("a", 0, "A"), Node("b", 1, "B")], [Line("a", "b")])
    far = layout([Node("a", 0, "A"), Node("b", 7, "B")], [Line("a", "b")])
    assert near.width == far.width
    assert [column.column for column in far.columns] == [0, 7]


def test_a_box_stands_beside_what_it_is_joined_to():
    nodes = [Node("a", 0, "A"), Node("b", 0, "B"), Node("x", 1, "X"), Node("y", 1, "Y")]
    drawing = layout(nodes, [Line("a", "y"), Line("b", "x")])
    boxes = {box.id: box for box in drawing.boxes}
    assert boxes["a"].middle == boxes["y"].middle
    assert boxes["b"].middle == boxes["x"].middle


def test_a_long_text_is_cut_and_ends_in_an_ellipsis():
    assert cut("Quarterly  profit\nrises", 12) == "Quarterly p…"
    assert cut("short", 12) == "short"


@pytest.mark.parametrize(
    ("nodes", "lines", "says"),
    [
        ([Node("a", 0, ""), Node("a", 1, "")], [], "same id"),
        ([Node("a", 0, "")], [Line("a", "b")], "no box"),
        ([Node("a", 1, ""), Node("b", 1, "")], [Line("a", "b")], "to the right"),
    ],
)
def test_a_graph_that_cannot_be_drawn_is_refused(nodes, lines, says):
    with pytest.raises(ValueError, match=says):
        layout(nodes, lines)


def test_nothing_is_drawn_of_nothing():
    drawing = layout([], [])
    assert (drawing.width, drawing.height, drawing.boxes) == (0, 0, ())

"""Where the boxes and lines of a layered graph go: from boxes in columns to coordinates in pixels.

A pure function after Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures" (1981), whose columns are given: a line that passes columns runs through places of its own in
them, the columns are ordered by the mean place of their neighbours, and each box comes as near to its
neighbours as the order of its column allows (isotonic regression: the nearest places in least squares).
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

BOX = 44.0
"""Height of a box; all sizes are pixels."""
GAP = 10.0
"""Between what lies one above the other."""
CHANNEL = 24.0
"""Between two columns: where lines curve."""
LANE = 8.0
"""Height of the place that a line has in a column it passes."""
MARGIN = 6.0
PADDING = 11.0
"""Between a box's side and its text."""
HEADING = 26.0
"""Height of the row of column titles."""
LONGEST, LONGEST_NOTE = 21, 25
"""Characters of a box's title and note before they are cut."""
SWEEPS = 12
# Of a sans-serif as wide as DejaVu Sans, which stands in where there is none better; the title is bold.
NARROW, WIDE = set("fijlrtI1.,:;'|!()[] ·"), set("mwMW@%—")
TITLE_EM, NOTE_EM = 14.4, 11.8


@dataclass(frozen=True, slots=True)
class Node:
    """A box: its column (0 is the leftmost), a title, and a note under it."""

    id: str
    column: int
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """From one box to one in a column further right."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Box:
    """A placed box; `title` and `note` are cut to fit in it."""

    id: str
    column: int
    x: float
    y: float
    width: float
    height: float
    title: str
    note: str

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Route:
    """A placed line: the points it runs through, two for each column it leaves, passes or reaches."""

    start: str
    end: str
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """As the `d` of an SVG path: curves between columns, straight within them."""
        x, y = self.points[0]
        parts = [f"M{x:.1f} {y:.1f}"]
        for place, (next_x, next_y) in enumerate(self.points[1:], 1):
            if place % 2:
                bend = (x + next_x) / 2
                parts.append(f"C{bend:.1f} {y:.1f} {bend:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
            else:
                parts.append(f"H{next_x:.1f}")
            x, y = next_x, next_y
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Column:
    """The place of a column that holds boxes."""

    column: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is placed, and how large it is."""

    width: float
    height: float
    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]


@dataclass(slots=True)
class _Place:
    """One occupant of a column: a box, or a line that passes."""

    key: tuple[str, ...]
    layer: int
    height: float
    order: float = 0.0
    y: float = 0.0


def text_width(text: str, em: float) -> float:
    """About how wide a sans-serif text is, rather too wide than too narrow."""
    width = 0.0
    for letter in text:
        if unicodedata.east_asian_width(letter) in "WF":
            width += 1.05
        elif letter in NARROW:
            width += 0.36
        elif letter in WIDE:
            width += 0.95
        elif letter.isupper() or letter.isdigit():
            width += 0.68
        else:
            width += 0.58
    return width * em


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most so many characters; what was cut ends in `…`."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def layout(nodes: Sequence[Node], lines: Iterable[Line]) -> Drawing:
    """Place boxes and lines. Columns without boxes take no room. Raises ValueError for two boxes of one id,
    for a line to nowhere and for one that does not lead to the right."""
    by_id = {node.id: node for node in nodes}
    if len(by_id) != len(nodes):
        raise ValueError("two boxes have the same id")
    used = sorted({node.column for node in nodes})
    layer_of = {column: layer for layer, column in enumerate(used)}
    ends = list(dict.fromkeys((line.start, line.end) for line in lines))
    for start, end in ends:
        if start not in by_id or end not in by_id:
            raise ValueError(f"the line {start} to {end} has no box at one end")
        if by_id[start].column >= by_id[end].column:
            raise ValueError(f"the line {start} to {end} does not lead to the right")

    places, chains = _places(by_id, ends, layer_of)
    _order(places, chains)
    _align(places, chains)
    return _drawing(by_id, used, places, chains)


def _places(
    by_id: Mapping[str, Node], ends: Sequence[tuple[str, str]], layer_of: Mapping[int, int]
) -> tuple[list[list[_Place]], dict[tuple[str, str], list[_Place]]]:
    """The occupants of each layer, and for each line those it runs through, its ends included."""
    layers: list[list[_Place]] = [[] for _ in layer_of]
    boxes: dict[str, _Place] = {}
    for node in by_id.values():
        place = _Place((node.id,), layer_of[node.column], BOX)
        boxes[node.id] = place
        layers[place.layer].append(place)
    chains: dict[tuple[str, str], list[_Place]] = {}
    for start, end in ends:
        first, last = boxes[start], boxes[end]
        passed = [_Place((start, end), layer, LANE) for layer in range(first.layer + 1, last.layer)]
        for place in passed:
            layers[place.layer].append(place)
        chains[start, end] = [first, *passed, last]
    for layer in layers:
        for position, place in enumerate(layer):
            place.order = float(position)
    return layers, chains


def _neighbours(chains: Mapping[tuple[str, str], list[_Place]]) -> dict[str, dict[int, list[_Place]]]:
    """Of each place, by `id()`, what it is joined to on its left and on its right."""
    left: dict[int, list[_Place]] = defaultdict(list)
    right: dict[int, list[_Place]] = defaultdict(list)
    for chain in chains.values():
        for one, other in itertools.pairwise(chain):
            right[id(one)].append(other)
            left[id(other)].append(one)
    return {"left": left, "right": right}


def _order(layers: list[list[_Place]], chains: Mapping[tuple[str, str], list[_Place]]) -> None:
    """Sort each layer by the mean place of its neighbours, to and fro; keep the order that crosses least."""
    joined = _neighbours(chains)
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, joined["right"])
    for sweep in range(SWEEPS):
        towards = joined["left"] if sweep % 2 == 0 else joined["right"]
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            for place in layer:
                near = towards.get(id(place))
                if near:
                    place.order = sum(each.order for each in near) / len(near)
            layer.sort(key=lambda place: place.order)
            for position, place in enumerate(layer):
                place.order = position / max(len(layer) - 1, 1)
        crossing = _crossings(layers, joined["right"])
        if crossing < fewest:
            best, fewest = [list(layer) for layer in layers], crossing
    for kept, layer in zip(best, layers, strict=True):
        layer[:] = kept


def _crossings(layers: list[list[_Place]], right: Mapping[int, list[_Place]]) -> int:
    position = {id(place): number for layer in layers for number, place in enumerate(layer)}
    crossed = 0
    for layer in layers:
        drawn: list[tuple[int, int]] = sorted(
            (position[id(place)], position[id(end)]) for place in layer for end in right.get(id(place), ())
        )
        for number, (start, end) in enumerate(drawn):
            crossed += sum(1 for other, there in drawn[:number] if other < start and there > end)
    return crossed


def _align(layers: list[list[_Place]], chains: Mapping[tuple[str, str], list[_Place]]) -> None:
    """Move each place towards its neighbours without changing the order of its layer."""
    joined = _neighbours(chains)
    for layer in layers:
        top = 0.0
        for place in layer:
            place.y = top + place.height / 2
            top += place.height + GAP
    for sweep in range(2 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for place in layer:
                near = [*joined["left"].get(id(place), ()), *joined["right"].get(id(place), ())]
                wanted.append(sum(each.y for each in near) / len(near) if near else place.y)
            for place, y in zip(layer, _spaced(layer, wanted), strict=True):
                place.y = y
    highest = min((place.y - place.height / 2 for layer in layers for place in layer), default=0.0)
    for layer in layers:
        for place in layer:
            place.y -= highest


def _spaced(layer: Sequence[_Place], wanted: Sequence[float]) -> list[float]:
    """The middles nearest to those wanted that keep the order and the gaps: pool adjacent violators."""
    offsets, offset = [], 0.0
    for number, place in enumerate(layer):
        if number:
            offset += (layer[number - 1].height + place.height) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for target, offset in zip(wanted, offsets, strict=True):
        pools.append((target - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, many), (other, more) = pools[-2:]
            pools[-2:] = [((one * many + other * more) / (many + more), many + more)]
    levels = [mean for mean, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]


def _drawing(
    by_id: Mapping[str, Node],
    used: Sequence[int],
    layers: list[list[_Place]],
    chains: Mapping[tuple[str, str], list[_Place]],
) -> Drawing:
    columns: list[Column] = []
    x = MARGIN
    for column in used:
        width = max(_width(node) for node in by_id.values() if node.column == column)
        columns.append(Column(column, x, width))
        x += width + CHANNEL
    top = HEADING + MARGIN
    boxes: dict[str, Box] = {}
    bottom = 0.0
    for column_of, layer in zip(columns, layers, strict=True):
        for place in layer:
            bottom = max(bottom, place.y + place.height / 2)
            if len(place.key) == 1:
                node = by_id[place.key[0]]
                boxes[node.id] = Box(
                    id=node.id,
                    column=node.column,
                    x=column_of.x,
                    y=top + place.y - place.height / 2,
                    width=column_of.width,
                    height=place.height,
                    title=cut(node.title),
                    note=cut(node.note, LONGEST_NOTE),
                )
    routes = []
    for (start, end), chain in chains.items():
        first, last = boxes[start], boxes[end]
        points = [(first.x + first.width, first.middle)]
        for place in chain[1:-1]:
            passed = columns[place.layer]
            points += [(passed.x, top + place.y), (passed.x + passed.width, top + place.y)]
        points.append((last.x, last.middle))
        routes.append(Route(start, end, tuple(points)))
    return Drawing(
        width=math.ceil(x - CHANNEL + MARGIN) if columns else 0,
        height=math.ceil(top + bottom + MARGIN) if columns else 0,
        columns=tuple(columns),
        boxes=tuple(boxes[node] for node in by_id),
        routes=tuple(routes),
    )


def _width(node: Node) -> float:
    text = max(text_width(cut(node.title), TITLE_EM), text_width(cut(node.note, LONGEST_NOTE), NOTE_EM))
    return math.ceil(text + 2 * PADDING)

"""The evidence graph of a decision: from what was collected, on the left, to the book that came of it.

A graph of all evidence has hundreds of boxes. Drawn share by share are the few shares in focus, those that
the decision ordered unless another is chosen; everything else is one box for each kind, with its number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arena_pipeline.warehouse.lineage import kind, prefix, window_of
from arena_pipeline.warehouse.store import Edge, Row
from dashboards import formats
from dashboards.addresses import anchor
from dashboards.evidence import Walk, symbol_of
from dashboards.layered import Drawing, Line, Node, Route, layout

FOCUS = 3
"""At most so many shares are drawn one by one."""

COLUMNS = ("Collected", "Derived", "Briefing", "Prompt", "Reply", "Gate", "Orders", "Fills", "Book")
COLUMN_OF = {
    "bar_window": 0,
    "article": 0,
    "figure": 0,
    "action": 0,
    "extraction": 1,
    "indicators": 1,
    "momentum": 1,
    "watchlist": 1,
    "briefing": 2,
    "prompt": 3,
    "reply": 4,
    "rule": 4,
    "gate": 5,
    "order": 6,
    "bar": 6,
    "fill": 7,
    "snapshot": 8,
}
NAMES = {
    "bar_window": "bars",
    "article": "articles",
    "figure": "company figures",
    "action": "splits and dividends",
    "extraction": "readings",
    "indicators": "indicators",
    "momentum": "momentum",
    "watchlist": "watchlist",
    "briefing": "briefings",
    "prompt": "prompt",
    "reply": "reply",
    "rule": "rule",
    "gate": "gate",
    "order": "orders",
    "bar": "bars of fills",
    "fill": "fills",
    "snapshot": "book",
}
PLURALS = {
    "bar_window": ("run of bars", "runs of bars"),
    "bar": ("bar", "bars"),
    "article": ("article", "articles"),
    "figure": ("figure", "figures"),
    "action": ("split or dividend", "splits, dividends"),
    "extraction": ("reading", "readings"),
    "indicators": ("row of indicators", "indicators"),
    "momentum": ("momentum", "momenta"),
    "watchlist": ("watchlist entry", "watchlist entries"),
    "briefing": ("briefing", "briefings"),
    "order": ("order", "orders"),
    "fill": ("fill", "fills"),
}


@dataclass
class Part:
    """One box: what it stands for, and where its card is. `alert` marks what was refused or failed."""

    id: str
    kind: str
    href: str
    title: str = ""
    note: str = ""
    about: str = ""
    """In full, for the tooltip."""
    cited: bool = False
    alert: bool = False
    members: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Join:
    """A line between two boxes; `cites` when the right one names the left one as its reason."""

    start: str
    end: str
    cites: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and lines, and where they go. `shares` are all that can be put in focus."""

    parts: Mapping[str, Part]
    joins: Sequence[Join]
    drawing: Drawing
    focus: Sequence[str]
    shares: Sequence[str]

    @property
    def routes(self) -> dict[tuple[str, str], Route]:
        """Where each line runs, by its ends."""
        return {(route.start, route.end): route for route in self.drawing.routes}

    @property
    def headings(self) -> list[tuple[str, float, float]]:
        """Title, left side and width of each column."""
        return [(COLUMNS[column.column], column.x, column.width) for column in self.drawing.columns]

    @property
    def kinds(self) -> list[str]:
        """The kinds that are drawn, from left to right."""
        found = {part.kind for part in self.parts.values()}
        return [name for name in COLUMN_OF if name in found]


def graph_of(
    decision: Mapping[str, Any], walk: Walk, books: Mapping[str, Row], *, share: str | None = None
) -> Graph:
    """The graph of a decision, its document as the API gives it, over the evidence below and the books
    above; `share` puts one share in focus."""
    drawn = _Drawn(decision, walk, books, share)
    parts, joins = drawn.parts(), drawn.joins()
    used = {end for join in joins for end in (join.start, join.end)}
    shown = {key: part for key, part in parts.items() if key in used or part.kind in ("rule", "gate")}
    nodes = [Node(part.id, COLUMN_OF[part.kind], part.title, part.note) for part in shown.values()]
    drawing = layout(nodes, [Line(join.start, join.end) for join in joins])
    return Graph(shown, joins, drawing, drawn.focus, drawn.shares)


class _Drawn:
    """One graph in the making."""

    def __init__(
        self, decision: Mapping[str, Any], walk: Walk, books: Mapping[str, Row], share: str | None
    ) -> None:
        self.decision, self.walk, self.books = decision, walk, books
        self.orders: Sequence[Mapping[str, Any]] = decision["orders"]
        ordered = list(dict.fromkeys(order["symbol"] for order in self.orders))
        briefed = sorted(
            symbol_of(identity, row) for identity, row in walk.rows.items() if prefix(identity) == "briefing"
        )
        self.shares = list(dict.fromkeys([*ordered, *(symbol for symbol in briefed if symbol)]))
        self.focus: list[str] = ordered[:FOCUS] if len(ordered) <= 2 * FOCUS else []
        if share is not None and share in self.shares:
            self.focus = [share]
        self.calls = sorted(
            edge.parent
            for edge in walk.edges
            if edge.child == decision["id"] and prefix(edge.parent) == "llm"
        )
        self.cited = {
            cite["evidence"] for order in self.orders for cite in order["cites"] if cite["evidence"]
        }
        self.shares_of = _shares_of(walk.edges, walk.rows)
        self.box_of: dict[str, str] = {}
        self._parts: dict[str, Part] = {}

    def parts(self) -> dict[str, Part]:
        for identity in sorted(self.walk.rows.keys() - self.walk.remembered):
            name = kind(identity)
            if name in PLURALS and name not in ("order", "fill"):
                self._evidence(identity, name)
        for key, part in self._parts.items():
            self._describe(key, part)
        self._answer()
        self._orders()
        for identity, row in self.books.items():
            self._add(
                Part(
                    identity,
                    "snapshot",
                    anchor(identity),
                    f"Book {formats.day(row['trading_day'])}",
                    f"NAV {formats.amount(row['nav'])}",
                )
            )
        return self._parts

    def joins(self) -> list[Join]:
        found: dict[tuple[str, str], bool] = {}

        def join(start: str, end: str, cites: bool = False) -> None:
            one, other = self._parts.get(start), self._parts.get(end)
            if one and other and COLUMN_OF[one.kind] < COLUMN_OF[other.kind]:
                found[start, end] = found.get((start, end), True) and cites

        asked = [f"prompt:{call}" for call in self.calls] or ["rule"]
        for edge in sorted(self.walk.edges, key=lambda edge: (edge.child, edge.parent)):
            parent = self.box_of.get(edge.parent, "")
            if edge.child == self.decision["id"]:
                for prompt in asked:
                    join(parent, prompt)
            else:
                join(parent, self.box_of.get(edge.child, ""), edge.role == "cites")
        for call in self.calls:
            join(f"prompt:{call}", f"reply:{call}")
            join(f"reply:{call}", "gate")
        join("rule", "gate")
        for order in self.orders:
            join("gate", self.box_of[order["id"]])
        for identity, row in self.books.items():
            for fill in row["fills"]:
                join(self.box_of.get(fill, ""), identity)
        return [Join(start, end, cites) for (start, end), cites in found.items()]

    def _add(self, part: Part) -> Part:
        kept = self._parts.setdefault(part.id, part)
        self.box_of[part.id] = part.id
        return kept

    def _evidence(self, identity: str, name: str) -> None:
        """Put a piece into its box: of its own, of its share, or of all the rest of its kind."""
        known = self.shares_of.get(identity, set())
        share = next((symbol for symbol in self.focus if symbol in known), "")
        cited = identity in self.cited
        if name == "article" and cited and share:
            key, href = identity, anchor(identity)
        elif share:
            key, href = f"{name}@{share}", f"#s-{name}"
        else:
            key, href = f"{name}@", f"#s-{name}"
        part = self._parts.setdefault(key, Part(key, name, href))
        part.members.append(identity)
        part.cited = part.cited or cited
        if len(part.members) == 1:
            part.href = anchor(identity)
        else:
            part.href = f"#s-{name}"
        self.box_of[identity] = key

    def _describe(self, key: str, part: Part) -> None:
        share = key.partition("@")[2]
        count = len(part.members)
        first = self.walk.rows.get(part.members[0], {}) if part.members else {}
        rest = "other " if self.focus and not share else ""
        counted = f"{count} {rest}{PLURALS[part.kind][count > 1]}"
        if "@" not in key or (part.kind == "article" and count == 1):
            part.title, part.note = str(first.get("title") or "Article"), _origin(first)
            part.about = f"{part.title} ({part.note})"
            return
        part.title, part.note = counted, share
        if share and count == 1:
            part.title, part.note = _named(part.kind, share, part.members[0], first)
        elif share and part.kind == "bar_window":
            part.title, part.note = f"{share} bars", _span(part.members)
        part.about = f"{part.title}, {part.note}" if part.note else part.title

    def _answer(self) -> None:
        """The prompt and the reply of each call, or the rule; and the gate."""
        failure = self.decision["failure"]
        for number, call in enumerate(self.calls, 1):
            row = self.walk.rows.get(call, {})
            which = f" {number}" if len(self.calls) > 1 else ""
            sent, got = row.get("prompt_tokens"), row.get("completion_tokens")
            self._add(Part(f"prompt:{call}", "prompt", f"#prompt-{number}", f"Prompt{which}", _tokens(sent)))
            self._add(Part(f"reply:{call}", "reply", f"#reply-{number}", f"Reply{which}", _tokens(got)))
        if not self.calls:
            title = "Abstained" if failure else "Rule"
            self._add(Part("rule", "rule", "#s-decision", title, failure or self.decision["model"]))
        passed = sum(1 for order in self.orders if order["accepted"])
        refused = len(self.orders) - passed
        note = f"{passed} passed" if self.orders else "no orders"
        note += f", {refused} refused" if refused else ""
        gate = self._add(Part("gate", "gate", "#s-order", "Gate", note, alert=refused > 0))
        if failure:
            gate.title, gate.note, gate.alert = "Abstained", failure, True
        for part in self._parts.values():
            part.about = part.about or f"{part.title}, {part.note}"

    def _orders(self) -> None:
        waiting: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for order in self.orders:
            if order["symbol"] in self.focus:
                self._order(order)
            else:
                waiting[order["state"]].append(order)
        rest = "other " if self.focus else ""
        for state, group in waiting.items():
            alert = state in ("refused", "rejected")
            word = PLURALS["order"][len(group) > 1]
            part = self._add(
                Part(f"orders@{state}", "order", "#s-order", f"{len(group)} {rest}{word}", state, alert=alert)
            )
            done = [order["fill"] for order in group if "fill" in order]
            for order in group:
                self.box_of[order["id"]] = part.id
            if done:
                word = PLURALS["fill"][len(done) > 1]
                fill = self._add(Part("fills@", "fill", "#s-order", f"{len(done)} {rest}{word}"))
                for each in done:
                    self.box_of[each["id"]] = fill.id

    def _order(self, order: Mapping[str, Any]) -> None:
        quantity = order["fill"]["quantity"] if "fill" in order else order["quantity"]
        state = order["state"]
        why = order.get("refusal") or order.get("rejection")
        self._add(
            Part(
                order["id"],
                "order",
                anchor(order["id"]),
                f"{order['side']} {quantity} {order['symbol']}",
                f"{state}: {why}" if why else state,
                f"{order['side']} {quantity} {order['symbol']}, {state}. {order['reason']}",
                alert=state in ("refused", "rejected"),
            )
        )
        if "fill" in order:
            fill = order["fill"]
            self._add(
                Part(
                    fill["id"],
                    "fill",
                    anchor(order["id"]),
                    f"{fill['quantity']} at {formats.amount(fill['price'])}",
                    _short(fill["filled_at"]),
                    f"{fill['quantity']} {order['symbol']} at {formats.amount(fill['price'], 4)}",
                )
            )


def _shares_of(edges: Iterable[Edge], rows: Mapping[str, Row]) -> dict[str, set[str]]:
    """The shares that each piece is evidence on: its own, or those of what was made from it."""
    found: dict[str, set[str]] = defaultdict(set)
    for identity, row in rows.items():
        symbol = symbol_of(identity, row)
        if symbol:
            found[identity].add(symbol)
    for _ in range(3):
        for edge in edges:
            if prefix(edge.child) in ("briefing", "momentum", "extraction") and prefix(edge.parent) in (
                "article",
                "extraction",
            ):
                found[edge.parent] |= found[edge.child]
    return found


def _named(name: str, share: str, identity: str, row: Row) -> tuple[str, str]:
    """Title and note of a box with one piece on one share."""
    match name:
        case "briefing":
            quality = row.get("quality_score")
            note = f"{row.get('stance', 'not stored')} {formats.amount(row.get('strength'))}"
            return f"Briefing {share}", note if quality is None else f"{note}, quality {quality}"
        case "indicators":
            return "Indicators", f"{share}, RSI {formats.amount(row.get('rsi_14'), 1)}"
        case "momentum":
            return "Momentum", f"{share} {formats.amount(row.get('score'), signed=True)}"
        case "bar_window":
            return f"{share} bars", _span([identity])
        case "bar":
            return f"{share} bar", _short(row["start"]) if row.get("start") else ""
        case _:
            return f"1 {PLURALS[name][0]}", share


def _span(runs: Sequence[str]) -> str:
    return f"to {formats.day(max(window_of(run)[2] for run in runs))}"


def _origin(row: Row) -> str:
    known = row.get("published_at") or row.get("known_at")
    return f"{row.get('source', '')}, {_short(known)}" if known else str(row.get("source", ""))


def _short(moment: str | datetime) -> str:
    """Day, month and time: the year stands at the top of the page."""
    at = formats.moment_of(moment)
    return f"{at.day} {formats.STYLE['months'][at.month - 1]} {at:%H:%M}"


def _tokens(count: int | None) -> str:
    return "tokens unknown" if count is None else f"{formats.amount(count, 0)} tokens"

"""What a session asks a search engine about a share: templates by strategy and language, a few at a time.

The templates are data (`queries.toml`). No text from outside is in a query: it is a template and the name of
a company of the universe. Which templates a session takes follows from its key alone, so that a query made
again is the same, and sessions in a row go through all of them.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Literal

from arena_pipeline.market.universe import Company
from arena_pipeline.strategies import Style

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")


class Reach(StrEnum):
    """How old what a query finds may be."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Query:
    """One question about one share; `text` is what the engine is sent."""

    symbol: str
    text: str
    language: Language
    reach: Reach


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of one style, by language, with `{name}` for the company's name."""

    looks_for: str
    reach: Reach
    by_language: dict[Language, tuple[str, ...]]


@functools.cache
def templates() -> dict[Style, Templates]:
    """The shipped templates."""
    raw = tomllib.loads((resources.files(__package__) / "queries.toml").read_text(encoding="utf-8"))
    return {
        style: Templates(
            raw[style]["looks_for"],
            Reach(raw[style]["reach"]),
            {language: tuple(raw[style][language]) for language in LANGUAGES},
        )
        for style in Style
    }


def queries(company: Company, styles: Sequence[Style], session: str, *, at_most: int) -> list[Query]:
    """The queries about a company in a session (its key): both languages of one style, then of the next.

    Each session begins where the one before it ended, so every template has its turn.
    """
    every = _in_turn(tuple(styles))
    if not every or at_most <= 0:
        return []
    first = _number(session) * at_most % len(every)
    taken = [every[(first + place) % len(every)] for place in range(min(at_most, len(every)))]
    return [
        Query(company.symbol, template.format(name=company.name), language, reach)
        for template, language, reach in taken
    ]


@functools.cache
def _in_turn(styles: tuple[Style, ...]) -> list[tuple[str, Language, Reach]]:
    """All templates of some styles, the first of each style and language before the second of any."""
    longest = max(
        (len(some) for style in styles for some in templates()[style].by_language.values()), default=0
    )
    return [
        (some[place], language, templates()[style].reach)
        for place in range(longest)
        for style in styles
        for language, some in templates()[style].by_language.items()
        if place < len(some)
    ]


def _number(session: str) -> int:
    """A number that grows by one from a session to the next of the same day, and by two from day to day."""
    day, _, hour = session.partition("T")
    return 2 * date.fromisoformat(day).toordinal() + (hour >= "12:00")

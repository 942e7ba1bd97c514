"""What a session asks a search engine about a share: templates by strategy and language, a few at a time, or
what a research model asks instead.

The templates are data (`queries.toml`). No text from outside is in a query: it is a template and the name of
a company of the universe. Which templates a session takes follows from its key alone, so that a query made
again is the same, and sessions in a row go through all of them.

A model is shown names and our own reasons, no news. What it asks is data too: few short queries without an
operator, each with the name of a watched company; the others are left out, and templates take their place.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import match_symbols
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


LONGEST_QUERY, MOST_QUERIES = 80, 40
_PLAIN = re.compile(r"\w[\w&.'-]*(?: [\w&][\w&.'-]*){1,11}")
"""Words and spaces: no operator of an engine, no address, no line break."""


class AskedQuery(BaseModel):
    """One query that a model wants asked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
    text: Annotated[str, Field(min_length=3, max_length=LONGEST_QUERY)]
    language: Language
    reach: Annotated[Reach, Field(strict=False)]


class QueriesReply(BaseModel):
    """What a model that writes queries answers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    queries: Annotated[tuple[AskedQuery, ...], Field(strict=False, max_length=MOST_QUERIES)]


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


def usable(
    reply: QueriesReply, watched: Sequence[str], companies: Mapping[str, Company], *, at_most: int
) -> tuple[dict[str, list[Query]], Counter[str]]:
    """By symbol the queries of a model that may be asked, at most so many of each share, and how many were
    left out for which reason."""
    found: dict[str, list[Query]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for asked in reply.queries:
        query = Query(asked.symbol, " ".join(asked.text.split()), asked.language, asked.reach)
        known = {each.text.casefold() for each in found[query.symbol]}
        if query.symbol not in watched:
            left_out["about no share that is watched"] += 1
        elif _PLAIN.fullmatch(query.text) is None or "://" in query.text or "_" in query.text:
            left_out["not plain words"] += 1
        elif match_symbols(query.text, companies) != (query.symbol,):
            left_out["without the name of its company alone"] += 1
        elif query.text.casefold() in known:
            left_out["asked twice"] += 1
        elif len(known) >= at_most:
            left_out["more than are asked"] += 1
        else:
            found[query.symbol].append(query)
    return {symbol: some for symbol, some in found.items() if some}, left_out


def filled(own: Sequence[Query], templates: Sequence[Query], *, at_most: int) -> list[Query]:
    """A model's queries, and templates in the places that it left."""
    known = {query.text.casefold() for query in own}
    more = [query for query in templates if query.text.casefold() not in known]
    return [*own, *more][:at_most]


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

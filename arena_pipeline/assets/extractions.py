"""The quarantine: each article read by the research model in a call of its own, once for good.

What comes back is kept in its closed form, under the hash of what was asked. An article that no model could
read (an answer out of form, no money, no endpoint) stays unread for good too, and the rules read it: asked
again later, the same session would be another one in a replay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from arena_pipeline.arena import Arena
from arena_pipeline.assets.costs import RESEARCH, note_costs
from arena_pipeline.assets.step import Run
from arena_pipeline.llm.client import ModelOutcome, ModelRequest
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.prompts import Prompt, extraction_prompt
from arena_pipeline.news.articles import Article, match_symbols
from arena_pipeline.research.extraction import EventType, ExtractionReply, Reading, read, text_of
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.store import CHUNK, ArenaStore, Edge, Row, utc_text

MAX_TOKENS = 4000
"""The most that may be answered about one article, reasoning included."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What is known of one article. `readings` is None where no model could read it."""

    id: str
    readings: tuple[Reading, ...] | None
    failure: str | None = None


NAMELESS = Extraction("", ())
"""Of an article that names no share of the universe."""


class ArticleReader:
    """Reads articles for the sessions of one run; each is asked about once, whoever asks first."""

    def __init__(self, arena: Arena, run: Run) -> None:
        self._arena, self._run = arena, run
        self._known: dict[str, Extraction] = {}

    def read(self, session: str, articles: Iterable[Article]) -> dict[str, Extraction]:
        """What is known of each article, by its id. One that names no share of the universe is asked about
        nobody: nothing can be read of it. `session` pays for what is asked."""
        names: dict[str, str] = {}
        asked: dict[str, tuple[Article, Prompt]] = {}
        for article in articles:
            if match_symbols(text_of(article), self._arena.companies):
                prompt = extraction_prompt(article, self._arena.companies)
                names[article.id] = extraction_id(prompt)
                asked[names[article.id]] = (article, prompt)
            else:
                names[article.id] = NAMELESS.id
        self._recall(asked.keys() - self._known.keys())
        asked = {name: pair for name, pair in asked.items() if name not in self._known}
        if asked:
            self._ask(session, asked)
        return {article: self._known.get(name, NAMELESS) for article, name in names.items()}

    def _recall(self, names: Iterable[str]) -> None:
        for row in _stored(self._arena.store, names):
            self._known[row["id"]] = _extraction(row)

    def _ask(self, session: str, asked: Mapping[str, tuple[Article, Prompt]]) -> None:
        arena = self._arena
        authors = {} if arena.origin is None else {r["id"]: r["model"] for r in _stored(arena.origin, asked)}
        requests = [
            ModelRequest(
                model=authors.get(name) or arena.research_choice.model,
                purpose="extraction",
                system=prompt.system,
                user=prompt.user,
                schema=ExtractionReply,
                spender=RESEARCH,
                max_tokens=MAX_TOKENS,
            )
            for name, (_, prompt) in asked.items()
        ]
        outcomes = arena.models.ask_all(requests)
        note_costs(arena, session, RESEARCH, "extraction", outcomes)
        rows = [
            _row(name, article, request.model, outcome, utc_text(arena.clock()))
            for (name, (article, _)), request, outcome in zip(asked.items(), requests, outcomes, strict=True)
        ]
        self._store(rows)
        self._known |= {row["id"]: _extraction(row) for row in rows}
        self._report(session, outcomes)

    def _store(self, rows: Sequence[Row]) -> None:
        store = self._arena.store
        insert = sqlite_insert if store.ledger.is_sqlite else postgres_insert
        with store.ledger.transaction() as connection:
            connection.execute(insert(extractions).on_conflict_do_nothing(), list(rows))
            store.add_edges(
                connection,
                [
                    edge
                    for row in rows
                    for edge in (
                        Edge(row["id"], row["article"], "read from"),
                        *(Edge(row["id"], each, "answered by") for each in json.loads(row["exchanges"])),
                    )
                ],
            )

    def _report(self, session: str, outcomes: Sequence[ModelOutcome[ExtractionReply]]) -> None:
        failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
        if failures:
            undone = "left undone: " if any(each.kind in WANT_OF_MONEY for each in failures) else ""
            self._run.report(
                f"{undone}{len(failures)} of {len(outcomes)} articles of {session} were read by the rules: "
                f"{failures[0]}"
            )


def extraction_id(prompt: Prompt) -> str:
    """The id of what was asked: the article's text and the version of the prompt."""
    return f"extraction:{hashlib.sha256(f'{prompt.version}{chr(0)}{prompt.user}'.encode()).hexdigest()}"


def _stored(store: ArenaStore, names: Iterable[str]) -> list[Row]:
    wanted, rows = sorted(names), []
    with store.ledger.read() as connection:
        for start in range(0, len(wanted), CHUNK):
            part = select(extractions).where(extractions.c.id.in_(wanted[start : start + CHUNK]))
            rows += [dict(row) for row in connection.execute(part).mappings()]
    return rows


def _row(
    name: str, article: Article, model: str, outcome: ModelOutcome[ExtractionReply], now: str
) -> dict[str, Any]:
    readings = () if outcome.answer is None else read(article, outcome.answer)
    return {
        "id": name,
        "article": article.id,
        "model": model,
        "exchanges": canonical([exchange.id for exchange in outcome.exchanges]),
        "readings": canonical([_plain(reading) for reading in readings]),
        "failure": None if outcome.failure is None else str(outcome.failure),
        "recorded_at": now,
    }


def _plain(reading: Reading) -> Row:
    return {
        "symbol": reading.symbol,
        "event": reading.event.value,
        "direction": reading.direction,
        "percent": reading.percent,
        "day": None if reading.day is None else reading.day.isoformat(),
        "quote": reading.quote,
    }


def _extraction(row: Mapping[str, Any]) -> Extraction:
    if row["failure"] is not None:
        return Extraction(row["id"], None, row["failure"])
    return Extraction(
        row["id"],
        tuple(
            Reading(
                entry["symbol"],
                EventType(entry["event"]),
                entry["direction"],
                entry["percent"],
                None if entry["day"] is None else date.fromisoformat(entry["day"]),
                entry["quote"],
            )
            for entry in json.loads(row["readings"])
        ),
    )

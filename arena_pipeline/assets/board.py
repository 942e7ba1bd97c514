"""Group *arena*: the leaderboard, and what chance has to do with it.

Computed from the stored snapshots, fills and decisions; with it, for the day as a whole, an assessment: which
days count, whether anybody leads by more than chance, and at the end of a quarter whether other terms would
have ranked the models otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import register_models, registered_models
from arena_pipeline.assets.orders import accepted_orders
from arena_pipeline.assets.scores import Scores, Window
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.market.bars import Bar
from arena_pipeline.scoring import robustness
from arena_pipeline.scoring.benchmark import Closes
from arena_pipeline.scoring.document import assessment_document, board_document
from arena_pipeline.scoring.leaderboard import leaderboard as board_of
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.store import Edge, Row


def leaderboard(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """All registered models, ranked by return over the days that count, with the benchmark's return,
    intervals, decision skill and luck; for the day as a whole, which differences are more than chance. A
    model that was taken out stays listed, without a rank from the day on that its book does not reach.

    Ratios are fractions or null with a reason; money in EUR (the market's currency), model costs in USD.
    """
    with arena.store.ledger.transaction() as connection:
        register_models(arena, connection)
    days = [date.fromisoformat(key) for key in keys]
    ledger = Scores(arena, days[-1])
    return [_rank(arena, ledger, day, run) for day in days]


@dataclass(frozen=True)
class Ranking:
    """A day's board before it is stored: `rows` by table, and what is shown of the run that made it."""

    rows: dict[str, list[Row]]
    edges: list[Edge]
    documents: list[dict[str, Any]]
    verdict: str
    days_left_out: int
    not_settled: Sequence[str]


def _rank(arena: Arena, ledger: Scores, day: date, run: Run) -> Outcome:
    ranking = board_tables(arena, ledger, day)
    with arena.store.ledger.transaction() as connection:
        written = arena.store.write_rows(
            connection,
            "leaderboard",
            day.isoformat(),
            ranking.rows,
            edges=ranking.edges,
            run_id=run.id,
            now=arena.clock(),
        )
    return Outcome(
        written,
        {
            "leader": ranking.documents[0]["model"],
            "verdict": ranking.verdict,
            "days_left_out": ranking.days_left_out,
            "not_settled": ranking.not_settled,
            "simulated": arena.settings.simulated,
        },
        [
            {name: entry[name] for name in ("rank", "model", "nav", "return", "trades")}
            for entry in ranking.documents
        ],
    )


def board_tables(arena: Arena, ledger: Scores, day: date) -> Ranking:
    """The board of a day as the stored snapshots, fills and decisions make it. Nothing is stored."""
    known = arena.daily_bars().comparable(
        arena.settings.universe.benchmark, readers.end_of_day(arena.calendar, day)
    )
    benchmark = [(bar.day, bar.close) for bar in known if not bar.stale]
    window = ledger.window(day)
    records = ledger.records(day, window)
    rows = board_of(
        records, benchmark=benchmark, as_of=day, left_out=window.left_out, unranked=window.unranked
    )
    assessment = ledger.assessment(records, day, window)
    assessed = {entry.model: entry for entry in assessment.models}
    documents = [
        board_document(
            row,
            assessed.get(row.model),
            luck=None if row.model in window.unranked else ledger.luck(row.model, day, window),
            skill={} if row.model in window.unranked else ledger.skills(row.model, day, window),
        )
        for row in rows
    ]
    entries = [
        {
            "id": f"board:{day}:{document['model']}",
            "trading_day": day.isoformat(),
            "model": document["model"],
            "rank": document["rank"],
            "nav_cents": to_cents(Decimal(document["nav"])),
            "row": canonical(document),
        }
        for document in documents
    ]
    not_settled = ledger.not_settled(day)
    whole = assessment_document(
        assessment,
        as_of=day,
        left_out={kind.value: count for kind, count in window.counts.items()},
        terms=arena.terms,
        not_settled=not_settled,
    )
    if window.left_out or window.unranked:
        whole["all_days"] = _over_all_days(ledger, day, benchmark)
    other_terms = canonical(robustness_of(arena, day, window)) if _ends_quarter(arena, day) else None
    edges = [
        Edge(f"board:{day}:{record.model}", f"snapshot:{record.model}:{record.navs[-1][0]}", "ranks")
        for record in records
        if record.navs
    ]
    edges += [
        Edge(entry["id"], bar, "compared with") for entry in entries for bar in _ends(known, day, arena.start)
    ]
    return Ranking(
        {
            "leaderboard": entries,
            "assessments": [
                {
                    "trading_day": day.isoformat(),
                    "document": canonical(whole),
                    "robustness": other_terms,
                }
            ],
        },
        edges,
        documents,
        assessment.verdict.text,
        len(window.left_out),
        not_settled,
    )


def _over_all_days(ledger: Scores, day: date, benchmark: Closes) -> list[dict[str, Any]]:
    """The lines of the board as if every day counted, also those that a model may have known."""
    everything = Window(frozenset(), {}, ledger.retired(day))
    records = ledger.records(day, everything)
    rows = board_of(records, benchmark=benchmark, as_of=day, unranked=everything.unranked)
    return [board_document(row) for row in rows]


def robustness_of(arena: Arena, day: date, window: Window | None = None) -> dict[str, Any]:
    """The stored orders up to a day, filled again under every set of terms, and ranked like the board: over
    the days that count (those of the `window`, else found out), of the models that it ranks."""
    window = window or Scores(arena, day).window(day)
    scenarios = robustness.surface(
        {
            model: [wish for placed in accepted_orders(arena.store, model).values() for wish in placed]
            for model, _ in registered_models(arena.store)
            if model not in window.unranked
        },
        arena.market_days(day),
        cash=arena.settings.arena.starting_cash,
        policy=arena.fill_policy,
        dividend_tax=arena.dividend_tax,
        left_out=window.left_out,
    )
    return {"as_of": day.isoformat(), **robustness.robustness_document(scenarios)}


def _ends_quarter(arena: Arena, day: date) -> bool:
    following = arena.calendar.next_day(day)
    return (following.year, (following.month - 1) // 3) != (day.year, (day.month - 1) // 3)


def _ends(known: Sequence[Bar], day: date, start: date) -> list[str]:
    """The benchmark's bars that its return is between: the last before the start, and the day's."""
    before = [bar.id for bar in known if bar.day < start and not bar.stale][-1:]
    return before + [bar.id for bar in known if bar.day <= day and not bar.stale][-1:]

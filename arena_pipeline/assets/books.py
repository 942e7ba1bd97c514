"""The books of the models: their stored orders, replayed over the market days. Nothing here is stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.orders import accepted_orders
from arena_pipeline.errors import ChainGap, DataError
from arena_pipeline.settings import ModelKind
from arena_pipeline.trading.book import DayResult
from arena_pipeline.trading.journal import Transaction, journal
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from arena_pipeline.warehouse.tables import decisions, models


def register_models(arena: Arena, connection: Connection) -> None:
    """Enter the models in the ledger; one that is known stays as it was registered."""
    known = set(connection.scalars(select(models.c.id)))
    for model in arena.contestants.values():
        if model.id not in known:
            connection.execute(
                models.insert().values(
                    id=model.id,
                    kind=model.kind.value,
                    model=model.model,
                    strategy=model.rule or model.style,
                    knowledge_cutoff=model.knowledge_cutoff.isoformat() if model.knowledge_cutoff else None,
                    registered_at=utc_text(arena.clock()),
                )
            )


def registered_models(store: ArenaStore) -> list[tuple[str, ModelKind]]:
    """(id, kind) of every model ever registered, by id."""
    with store.ledger.read() as connection:
        rows = connection.execute(select(models.c.id, models.c.kind).order_by(models.c.id))
        return [(row.id, ModelKind(row.kind)) for row in rows]


def decided_sessions(store: ArenaStore, model: str) -> set[str]:
    with store.ledger.read() as connection:
        return set(connection.scalars(select(decisions.c.session).where(decisions.c.model == model)))


def is_retired(arena: Arena, model: str) -> bool:
    """Whether a registered model was taken out of the configuration: it decides no more."""
    return all(model != listed.id for listed in arena.settings.models)


def last_day(arena: Arena, model: str, last: date) -> date | None:
    """How far a model's book goes, at most to `last`: that of a retired one ends on the day of its last
    decision. None when it never decided."""
    if not is_retired(arena, model):
        return last
    decided = decided_sessions(arena.store, model)
    return min(last, arena.calendar.session(max(decided)).day) if decided else None


def book_days(arena: Arena, model: str, last: date) -> dict[date, DayResult]:
    """Every trading day of a model's book from the start to `last`.

    Raises ChainGap when a session of an earlier day is undecided or a day's bars were not collected. On the
    day that is under way the sessions still to come, or being decided now, are not waited for, nor those
    after the last decision of a retired model.
    """
    decided = decided_sessions(arena.store, model)
    end = max(decided, default="") if is_retired(arena, model) else None
    for session in arena.calendar.sessions(arena.start, last):
        if end is not None and session.key > end:
            break
        if session.key not in decided and not (arena.origin is None and arena.is_today(session.day)):
            raise ChainGap(
                f"{model} has not decided {session.key}, so its book of {last} is not known",
                remedy=f"materialise decisions for {model}|{session.key} first, or run arena backfill",
            )
    require_bars(arena, [day for day in arena.calendar.days(arena.start, last) if day < last])
    submitted = [order for entry in accepted_orders(arena.store, model).values() for order in entry]
    return arena.replayed(model, submitted, last)


def journals(arena: Arena, last: date, model: str | None = None) -> dict[str, list[Transaction]]:
    """The double-entry journals of all registered models, or of one, up to a trading day or their last one.

    Raises ChainGap as `book_days` does, and DataError for a model that was never registered.
    """
    names = [name for name, _ in registered_models(arena.store) if model in (None, name)]
    ends = {name: end for name in names if (end := last_day(arena, name, last)) is not None}
    if not ends:
        raise DataError(f"{model} has no book yet", remedy="run arena backfill")
    cash = to_cents(arena.settings.arena.starting_cash)
    return {
        name: list(
            journal(book_days(arena, name, end).values(), opening=arena.start, starting_cash_cents=cash)
        )
        for name, end in ends.items()
    }


def require_bars(arena: Arena, days: Iterable[date]) -> None:
    """Raises ChainGap naming the first day whose bars were not collected."""
    collected = arena.store.partitions("daily_bars")
    for day in days:
        if day.isoformat() not in collected:
            raise ChainGap(
                f"the bars of {day} were not collected",
                remedy=f"materialise daily_bars for {day} first, or run arena backfill",
            )

"""The terms of an arena: what all that it holds was computed under, stored with it, and not to be changed.

Books begin on `start` with `starting_cash` and are replayed as a whole, so a changed term would rewrite the
days that are made again and leave the others as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from arena_pipeline.errors import ConfigError
from arena_pipeline.settings import ModelKind, Settings
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from arena_pipeline.warehouse.tables import catalog, models, terms


def terms_of(settings: Settings) -> dict[str, str]:
    """Each term as text, by its key in `arena.toml`."""
    arena, fills = settings.arena, settings.fills
    return {
        "arena.market": arena.market,
        "arena.currency": arena.currency,
        "arena.starting_cash": str(arena.starting_cash),
        "arena.fee_per_order": str(arena.fee_per_order),
        "arena.start": arena.start.isoformat(),
        "arena.seed": str(arena.seed),
        "fills.limit": fills.limit,
        "fills.slippage_bp": str(fills.slippage_bp),
        "fills.participation": str(fills.participation),
        "fills.dividend_tax": str(fills.dividend_tax),
        "universe.benchmark": settings.universe.benchmark,
    }


def hold_to_terms(settings: Settings, store: ArenaStore) -> None:
    """Store the terms of an arena that holds nothing yet, and those of one from before terms were stored.

    Raises ConfigError for a term, or what a model is, that differs from what the arena was made under.
    """
    asked = terms_of(settings)
    with store.ledger.read() as connection:
        stored = _stored(connection)
        registered = {row.id: row for row in connection.execute(select(models))}
        empty = not registered and connection.execute(select(catalog.c.id).limit(1)).first() is None
    changed = {key: value for key, value in asked.items() if stored.get(key) != value}
    if not empty:
        _refuse(settings, {key: (stored[key], asked[key]) for key in changed if key in stored})
        _refuse(settings, _other_models(settings, registered))
    if changed:
        _store(store, asked if empty else {key: asked[key] for key in changed})


def _other_models(settings: Settings, registered: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Models that go by the id of another: key -> (registered, configured)."""
    found = {}
    for model in settings.models:
        known = registered.get(model.id)
        follows = model.rule or model.style
        for key, now in (("kind", model.kind), ("model", model.model), ("strategy", follows)):
            before = getattr(known, key, None)
            if key == "strategy" and before is None and model.kind is ModelKind.LLM:
                continue  # registered before language models had a style
            if known is not None and before != now:
                found[f"models.{model.id}.{key}"] = (str(before), str(now))
    return found


def _refuse(settings: Settings, differences: Mapping[str, tuple[str, str]]) -> None:
    if not differences:
        return
    parts = [
        f"{key} is {now}, but this arena was made with {before}" for key, (before, now) in differences.items()
    ]
    another_id = all(key.startswith("models.") for key in differences)
    raise ConfigError(
        f"{settings.file}: {'; '.join(parts)}",
        remedy="put it back, or give the new model an id of its own"
        if another_id
        else f"put it back, or begin another arena with a new ARENA_HOME (this one is {settings.home})",
    )


def _stored(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(terms))}


def _store(store: ArenaStore, values: Mapping[str, str]) -> None:
    with store.ledger.transaction() as connection:
        connection.execute(terms.delete().where(terms.c.key.in_(list(values))))
        connection.execute(
            terms.insert(),
            [
                {"key": key, "value": value, "recorded_at": utc_text(datetime.now(UTC))}
                for key, value in values.items()
            ],
        )

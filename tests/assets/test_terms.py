"""What an arena was made under cannot be changed under it."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from arena_pipeline.arena import open_store
from arena_pipeline.errors import ConfigError
from arena_pipeline.settings import Strategy
from arena_pipeline.warehouse.tables import terms

CHANGES = [
    ("arena", "start", date(2025, 3, 4), "2025-03-03"),
    ("arena", "starting_cash", Decimal("50000.00"), "100000.00"),
    ("arena", "fee_per_order", Decimal("9.00"), "5.00"),
    ("arena", "market", "XLON", "XETR"),
    ("arena", "currency", "GBP", "EUR"),
    ("arena", "seed", 1, "20250915"),
    ("fills", "limit", "touch", "through"),
    ("fills", "slippage_bp", 5.0, "0.0"),
    ("fills", "participation", 0.1, "0.0"),
    ("fills", "dividend_tax", 0.26375, "0.0"),
    ("universe", "benchmark", "^MDAXI", "^GDAXI"),
]


def changed(settings, section, key, value):
    part = getattr(settings, section).model_copy(update={key: value})
    return settings.model_copy(update={section: part})


@pytest.fixture
def arena(world, ready):
    ready(world, world.days(last=date(2025, 3, 4)))
    return world.arena()


def test_a_changed_term_is_refused_and_named_with_both_values(arena):
    for section, key, value, before in CHANGES:
        with pytest.raises(ConfigError) as refusal:
            open_store(changed(arena.settings, section, key, value))
        text = str(refusal.value)
        assert f"{section}.{key} is {value}, but this arena was made with {before}" in text
        assert str(arena.settings.file) in text
        assert "put it back" in text
        assert "ARENA_HOME" in text


def test_another_model_under_the_id_of_one_is_refused(arena):
    first, *others = arena.settings.models
    other = first.model_copy(update={"strategy": Strategy.MOMENTUM})
    with pytest.raises(ConfigError, match=r"models\.benchmark-hold\.strategy is momentum.*an id of its own"):
        open_store(arena.settings.model_copy(update={"models": (other, *others)}))


def test_an_arena_that_holds_nothing_takes_other_terms(world):
    settings = world.arena().settings
    for fee in ("9.00", "5.00", "7.00"):
        open_store(changed(settings, "arena", "fee_per_order", Decimal(fee))).close()


def test_an_arena_from_before_takes_the_terms_of_its_next_opening(arena):
    with arena.store.ledger.transaction() as connection:
        connection.execute(terms.delete())
    open_store(arena.settings).close()
    with pytest.raises(ConfigError, match=r"arena\.seed is 1"):
        open_store(changed(arena.settings, "arena", "seed", 1))


def test_the_same_terms_write_nothing(arena):
    def state():
        with arena.store.ledger.read() as connection:
            return connection.execute(select(func.count(), func.max(terms.c.recorded_at))).one()

    before = state()
    open_store(arena.settings).close()
    assert state() == before

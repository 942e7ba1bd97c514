"""What the board of a day is made of when a share or a model has left, at a split, and on a day under way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DECISION_STEPS
from arena_pipeline.assets.score_prices import ScorePrices
from arena_pipeline.assets.step import Run
from arena_pipeline.warehouse.tables import orders
from arena_pipeline.warehouse.views import board
from tests.assets.conftest import SYMBOLS, Row

RUN = Run("test")


def lines(document):
    return {line["model"]: line for line in document["models"]}


def decide(arena, model, days):
    keys = [session.key for day in days for session in arena.calendar.sessions_of(day)]
    DECISION_STEPS[0](arena, [f"{model}|{key}" for key in keys], RUN)


def settle(arena, model, days):
    for step in BOOK_STEPS:
        step(arena, [f"{model}|{day}" for day in days], RUN)


def ranked(arena, *days):
    BOARD_STEPS[1](arena, [str(day) for day in days], RUN)
    return board(arena.store, simulated=False)


def test_a_board_is_provisional_until_every_configured_model_has_its_book_of_the_day(world, steps):
    world.models = {"cash": "cash", "benchmark-hold": "benchmark", "equal-weight": "equal_weight"}
    arena, (first, second) = world.arena(), world.days()[:2]
    steps.shared(arena, [first, second])
    for model in world.models:
        decide(arena, model, [first, second])
        settle(arena, model, [first])
    settle(arena, "cash", [second])
    document = ranked(arena, first, second)
    why = f"its last value is of {first}, others have one of {second}"
    late = {"benchmark-hold": why, "equal-weight": why}
    assert document["assessment"]["not_settled"] == sorted(late)
    assert document["assessment"]["not_assessed"] == late
    for model, line in lines(document).items():
        assert line["reasons"].get("significance") == line["reasons"].get("rank") == late.get(model)
        assert (line["significance"] is None) == (model in late)

    for model in late:
        settle(arena, model, [second])
    document = ranked(arena, second)
    assert document["assessment"]["not_settled"] == []
    assert document["assessment"]["not_assessed"] == {}
    assert all(line["significance"] for line in document["models"])


def test_a_model_that_is_no_longer_configured_is_listed_without_a_rank(world, steps):
    arena, (first, second) = world.arena(), world.days()[:2]
    steps.all(arena, [first])
    del world.models["equal-weight"]
    arena = world.arena()
    steps.shared(arena, [second])
    decide(arena, "benchmark-hold", [second])
    settle(arena, "benchmark-hold", [second])
    document = ranked(arena, second)
    line = lines(document)["equal-weight"]
    assert (line["rank"], line["days"], line["luck"], line["skill"]) == (None, 0, None, {})
    assert line["reasons"]["rank"] == f"it is no longer configured: its last value is of {first}"
    assert (line["trades"], line["fees"]) == (3, "15.00")
    assert document["assessment"]["not_settled"] == []
    assert document["assessment"]["not_assessed"] == {}
    assert lines(document)["benchmark-hold"]["rank"] == 1


def test_shares_that_left_the_universe_keep_their_part_in_luck_and_skill(world, steps):
    arena, days = world.arena(), world.days()[:2]
    steps.all(arena, days)
    with arena.store.ledger.transaction() as connection:
        connection.execute(orders.update().values(confidence="0.7"))
    before = lines(ranked(arena, days[-1]))["equal-weight"]
    assert (before["luck"]["stays"], before["skill"]["1"]["calls"]) == (3, 3)
    world.symbols = SYMBOLS[1:]
    after = lines(ranked(world.arena(), days[-1]))["equal-weight"]
    assert after["skill"] == before["skill"]
    assert after["luck"]["stays"] == 3
    assert after["luck"]["percentile"] == pytest.approx(before["luck"]["percentile"], abs=0.05)


def _split(world, symbol, ex_date, ratio):
    """The same world with a split of a share: prices as traded."""
    for day, row in world.prices[symbol].items():
        prices = [Fraction(price) for price in (row.open, row.high, row.low, row.close)]
        if day >= ex_date:
            prices = [price / ratio for price in prices]
        world.prices[symbol][day] = Row(*(f"{float(price):.4f}" for price in prices))
    (world.folder / "prices").mkdir(exist_ok=True)
    (world.folder / "prices" / "corporate_actions.csv").write_text(
        f"symbol,ex_date,type,ratio,amount,pay_date\n{symbol},{ex_date},split,{ratio},,\n"
    )


def test_a_split_is_neither_luck_nor_skill(world, steps):
    days, world.models, world.adjustment = world.days()[:3], {"equal-weight": "equal_weight"}, "raw"
    arenas = [world.arena("whole")]
    steps.all(arenas[0], days)
    _split(world, "ALV.DE", days[2], Fraction(2))
    arenas.append(world.arena("halved"))
    steps.all(arenas[1], days)
    whole, halved = (lines(board(arena.store, simulated=False))["equal-weight"] for arena in arenas)
    assert halved["nav"] == whole["nav"]
    assert halved["luck"] == whole["luck"]
    closes, after = (ScorePrices(arena, days[-1]) for arena in arenas)
    assert after.closes["ALV.DE"] == pytest.approx(closes.closes["ALV.DE"])
    assert all(np.allclose(after.marks[day], closes.marks[day]) for day in days)

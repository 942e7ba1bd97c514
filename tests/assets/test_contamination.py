"""Days that a model may have known the outcome of are flagged, and left out of the board for everybody."""

from datetime import date

import pytest
from sqlalchemy import select

from arena_pipeline.sandbox.server import SandboxServer
from arena_pipeline.warehouse.tables import decisions
from arena_pipeline.warehouse.views import board
from tests.assets.conftest import INDEX, SYMBOLS

DAYS = (date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5))


@pytest.fixture(scope="module")
def endpoint(calendar):
    """Models at an address of their own, which the arena does not know to be the sandbox's."""
    with SandboxServer(1, SYMBOLS, INDEX, calendar) as server:
        yield server.llm_url


@pytest.fixture
def contest(world, steps, endpoint):
    """The board and the flags of three days, for language models with these knowledge cutoffs."""

    def run(**cutoffs):
        world.extra = f'[llm]\nbase_url = "{endpoint}"\nresearch_model = "sandbox/analyst"\n'
        for name, cutoff in cutoffs.items():
            told = f"knowledge_cutoff = {cutoff}\n" if cutoff else ""
            world.extra += (
                f'[[models]]\nid = "{name}"\nkind = "llm"\nmodel = "sandbox/trend-follower"\n{told}'
            )
        arena = world.arena()
        steps.all(arena, DAYS)
        with arena.store.ledger.read() as connection:
            rows = connection.execute(
                select(decisions.c.model, decisions.c.trading_day, decisions.c.contamination).distinct()
            ).all()
        flags = {(row.model, row.trading_day): row.contamination for row in rows}
        return board(arena.store, simulated=False), flags

    return run


def test_each_decision_is_flagged_by_its_day_and_the_models_cutoff(contest):
    _, flags = contest(early="2025-03-03", untold=None)
    assert [flags["early", str(day)] for day in DAYS] == ["contaminated", "clean", "clean"]
    assert {flags["untold", str(day)] for day in DAYS} == {"unknown"}
    assert {flags["benchmark-hold", str(day)] for day in DAYS} == {"clean"}


def test_a_contaminated_day_counts_for_nobody_and_the_board_says_how_many_are_left_out(contest):
    document, _ = contest(early="2025-03-03")
    assert document["assessment"]["left_out"] == {"contaminated": 1, "unknown": 0}
    assert {line["days"] for line in document["models"]} == {2}
    bought_on_that_day = {line["model"]: line["luck"] for line in document["models"]}["equal-weight"]
    assert (bought_on_that_day["stays"], bought_on_that_day["reason"]) == (0, "nothing was bought")


def test_a_model_without_a_clean_day_has_no_rank_and_the_others_keep_their_days(contest):
    document, _ = contest(untold=None)
    lines = {line["model"]: line for line in document["models"]}
    assert lines["untold"]["rank"] is None
    assert "cutoff is not given" in lines["untold"]["reasons"]["rank"]
    assert lines["benchmark-hold"]["days"] == 3
    assert (lines["untold"]["days"], lines["untold"]["luck"], lines["untold"]["skill"]) == (0, None, {})
    assert lines["untold"]["max_drawdown"] is None
    assert lines["untold"]["reasons"]["luck"] == lines["untold"]["reasons"]["rank"]
    assert float(lines["untold"]["nav"]) / 100_000 - 1 == pytest.approx(lines["untold"]["return"])

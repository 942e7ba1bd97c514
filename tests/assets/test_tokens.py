"""What a session takes: tokens of the real prompts, counted by the sandbox's models, and research shared."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.held import SharingDesk
from arena_pipeline.assets.research import HELD
from arena_pipeline.assets.step import Run
from arena_pipeline.look_ahead import (
    every_run_of_bars_was_known_to_its_session,
    evidence_is_as_old_as_what_rests_on_it,
)
from arena_pipeline.rederive import rederive
from arena_pipeline.research.sharing import Why
from arena_pipeline.settings import Settings, load_settings
from arena_pipeline.warehouse.costs import cost_document
from arena_pipeline.warehouse.research_tables import citations
from arena_pipeline.warehouse.store import Edge
from arena_pipeline.warehouse.tables import decisions, evidence

MODELS, WATCHED, MOST_TOKENS = 7, 10, 60_000
RULES = ("news-follower", "trend-follower", "contrarian")
SYMBOLS = (
    "SAP.DE", "SIE.DE", "ALV.DE", "DTE.DE", "BAS.DE", "BMW.DE",
    "MBG.DE", "MUV2.DE", "IFX.DE", "ADS.DE", "BAYN.DE", "VOW3.DE",
)  # fmt: skip
DAYS = [date(2025, 9, 15), date(2025, 9, 16)]
RUN = Run("tokens")


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Two days of seven models, decided together."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
            patch.delenv(name, raising=False)
        settings = configured(tmp_path_factory.mktemp("tokens"))
        with Arena(settings, open_store(settings)) as arena:
            for step in DAY_STEPS:
                step(arena, [str(day) for day in DAYS], RUN)
            for step in SESSION_STEPS:
                step(arena, sessions(arena), RUN)
            keys = [f"{model.id}|{key}" for model in settings.models for key in sessions(arena)]
            DECISION_STEPS[0](arena, keys, RUN)
            yield arena


def configured(folder: Path, models: int = MODELS) -> Settings:
    contestants = "".join(
        f'[[models]]\nid = "model-{place}"\nkind = "llm"\nmodel = "sandbox/{RULES[place % 3]}"\n'
        for place in range(models)
    )
    config = folder / "arena.toml"
    config.write_text(
        f'[arena]\nstart = "{DAYS[0]}"\n[universe]\nsymbols = {list(SYMBOLS)}\n'
        f'[fundamentals]\nsource = "sandbox"\n{contestants}'
    )
    return load_settings(config, home=folder / "home")


def sessions(arena: Arena) -> list[str]:
    return [session.key for day in DAYS for session in arena.calendar.sessions_of(day)]


def test_a_session_of_seven_models_takes_at_most_60_000_tokens_of_each(arena: Arena) -> None:
    """A model's own tokens and all of the research, which the models share, count together."""
    watched = arena.store.rows("watchlist")
    document = cost_document(arena.store, simulated=True)
    assert all(sum(row["session"] == key for row in watched) == WATCHED for key in sessions(arena))
    tokens: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in document["sessions"]:
        tokens[row["session"]][row["model"]] += row["tokens"]
    assert set(tokens) == set(sessions(arena))
    most = 0
    for used in tokens.values():
        research = used.pop("research")
        assert len(used) == MODELS
        most = max(most, max(used.values()) + research)
    print(f"most tokens of a model and session, with all of the research: {most}")
    assert most <= MOST_TOKENS


def test_what_seven_models_share_saves_three_quarters_of_the_research_or_more(arena: Arena) -> None:
    total = cost_document(arena.store, simulated=True)["sharing"]["total"]
    print(f"calls for briefings saved by sharing: {total['saved_ratio']:.1%}")
    assert total["uses"] >= MODELS * WATCHED * len(sessions(arena))
    assert total["saved_ratio"] >= 0.75


@pytest.mark.parametrize(
    ("terms", "why", "of_the_morning"),
    [
        ({"price_gap": 0.9}, Why.STILL_GOOD, True),
        ({"price_gap": 1e-9}, Why.PRICE_GAP, False),
        ({"held_ttl_hours": 5.0}, Why.TOO_OLD, False),
    ],
)
def test_a_held_share_off_the_watchlist_is_served_by_the_morning_unless_something_happened(
    arena: Arena, tmp_path: Path, terms: dict[str, float], why: Why, of_the_morning: bool
) -> None:
    shutil.copytree(arena.settings.home, tmp_path / "home")
    research = arena.settings.research.model_copy(update=terms)
    settings = configured(tmp_path).model_copy(update={"research": research})
    with Arena(settings, open_store(settings)) as copy:
        morning, afternoon = (copy.calendar.session(key) for key in sessions(copy)[-2:])
        watched = {row["symbol"] for row in copy.store.rows("watchlist", "session = $s", s=afternoon.key)}
        symbol = next(symbol for symbol in SYMBOLS if symbol not in watched)
        desk = SharingDesk(copy, [afternoon], RUN)
        desk.prepare(afternoon, [symbol])
        (shown,) = [each for each in desk.briefings_for(afternoon, [symbol]) if each.why != Why.WATCHLIST]
        calls = len(cost_document(copy.store, simulated=True)["sessions"])
        again = SharingDesk(copy, [afternoon], RUN)
        again.prepare(afternoon, [symbol])
        assert again.briefings_for(afternoon, [symbol])[-1] == shown
        assert len(cost_document(copy.store, simulated=True)["sessions"]) == calls
    assert (shown.briefing.symbol, shown.why) == (symbol, why)
    assert shown.briefing.session == (morning if of_the_morning else afternoon).key


def test_two_runs_that_add_held_shares_to_one_session_keep_both(arena: Arena, tmp_path: Path) -> None:
    shutil.copytree(arena.settings.home, tmp_path / "home")
    settings = configured(tmp_path)
    with Arena(settings, open_store(settings)) as copy:
        morning = copy.calendar.session(sessions(copy)[0])
        watched = {row["symbol"] for row in copy.store.rows("watchlist", "session = $s", s=morning.key)}
        first, second = (symbol for symbol in SYMBOLS if symbol not in watched)
        one, other = SharingDesk(copy, [morning], RUN), SharingDesk(copy, [morning], RUN)
        for desk in (one, other):
            assert len(desk.briefings_for(morning, [])) == WATCHED
        one.prepare(morning, [first])
        other.prepare(morning, [second])
        kept = copy.store.rows(HELD, "session = $s", s=morning.key)
    assert {row["symbol"] for row in kept} == {first, second}


def test_what_orders_cite_is_kept_with_what_it_rests_on(arena: Arena) -> None:
    with arena.store.ledger.read() as connection:
        rows = connection.execute(select(citations)).all()
        edges = {
            (edge.child, edge.parent, edge.role)
            for edge in connection.execute(select(evidence).where(evidence.c.role == "cites"))
        }
        horizons = {*connection.scalars(select(decisions.c.horizon_days))}
    assert rows
    assert all((row.order_id, row.evidence, "cites") in edges for row in rows)
    assert horizons == {5}


@pytest.mark.slow
def test_models_asked_one_after_the_other_are_shown_the_same(arena: Arena, tmp_path: Path) -> None:
    """In whatever order they come, and from the archive alone."""
    settings = configured(tmp_path)
    with Arena(settings, open_store(settings)) as other:
        for step in DAY_STEPS:
            step(other, [str(day) for day in DAYS], RUN)
        for step in SESSION_STEPS:
            step(other, sessions(other), RUN)
        for model in reversed(settings.models):
            for key in sessions(other):
                DECISION_STEPS[0](other, [f"{model.id}|{key}"], RUN)
        for asset in ("briefings", HELD, "decisions"):
            assert other.store.partitions(asset) == arena.store.partitions(asset)
        assert rederive(other).problems == []


def test_only_a_decision_may_rest_on_a_briefing_of_before_and_nothing_on_one_of_after(
    arena: Arena, tmp_path: Path
) -> None:
    shutil.copytree(arena.settings.home, tmp_path / "home")
    settings = configured(tmp_path)
    with Arena(settings, open_store(settings)) as copy:
        assert list(every_run_of_bars_was_known_to_its_session(copy)) == []
        assert list(evidence_is_as_old_as_what_rests_on_it(copy)) == []
        earlier, session, later = sessions(copy)[:3]
        made = {
            Edge(f"decision:model-0:{session}", f"briefing:{earlier}:SAP.DE", "decided from"): False,
            Edge(f"decision:model-0:{session}", f"briefing:{later}:SAP.DE", "decided from"): True,
            Edge(f"watchlist:{session}:SAP.DE", f"momentum:{earlier}:SAP.DE", "ranks"): True,
        }
        with copy.store.ledger.transaction() as connection:
            copy.store.add_edges(connection, made)
        told = [problem.split(",")[0] for problem in evidence_is_as_old_as_what_rests_on_it(copy)]
    assert sorted(told) == sorted(
        f"{edge.child} {edge.role} {edge.parent}" for edge, wrong in made.items() if wrong
    )

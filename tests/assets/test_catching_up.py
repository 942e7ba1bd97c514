"""A session that is caught up has the evidence of its own time; two runs at once share what they write."""

from __future__ import annotations

import json

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug import Request, Response

from arena_pipeline.assets.decisions import decisions
from arena_pipeline.assets.held import SharingDesk
from arena_pipeline.assets.research import HELD
from arena_pipeline.assets.step import Run
from arena_pipeline.sandbox import policies
from arena_pipeline.warehouse.tables import evidence
from tests.assets.conftest import START, SYMBOLS, World

MORNING, AFTERNOON = f"{START}T08:30", f"{START}T14:00"
STAND_INS = {"stand-in/analyst": policies.ANALYST, "stand-in/first": "sandbox/contrarian"}


@pytest.fixture
def asked(world: World, httpserver: HTTPServer) -> World:
    def answer(request: Request) -> Response:
        body = request.get_json()
        _, reply = policies.answer({**body, "model": STAND_INS[body["model"]]})
        reply["model"] = body["model"]
        return Response(json.dumps(reply), content_type="application/json")

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    world.models = {}
    world.extra = (
        f'[llm]\nbase_url = "{httpserver.url_for("/v1")}"\nresearch_model = "stand-in/analyst"\n'
        '[[models]]\nid = "first"\nkind = "llm"\nmodel = "stand-in/first"\n'
    )
    return world


def briefed(arena, session):
    """The briefings that the decision of a session was made from."""
    with arena.store.ledger.read() as connection:
        parents = connection.scalars(
            select(evidence.c.parent).where(evidence.c.child == f"decision:first:{session}")
        )
        return {parent for parent in parents if parent.startswith("briefing:")}


@pytest.mark.slow
def test_a_session_that_is_caught_up_is_decided_from_its_briefings(asked, steps):
    in_turn, late = asked.arena("in_turn"), asked.arena("late")
    for arena in (in_turn, late):
        steps.shared(arena, [START])
    decisions(in_turn, [f"first|{MORNING}", f"first|{AFTERNOON}"], Run("test"))
    decisions(late, [f"first|{AFTERNOON}"], Run("test"))
    for session in (MORNING, AFTERNOON):
        assert briefed(late, session) == {f"briefing:{session}:{symbol}" for symbol in SYMBOLS}
    assert late.store.partitions("decisions") == in_turn.store.partitions("decisions")


def test_two_runs_that_ask_for_held_shares_at_once_keep_each_others_briefings(world, steps):
    arena = world.arena()
    steps.collected(arena, [START])
    session = arena.calendar.session(MORNING)
    one, other = (SharingDesk(arena, [session], Run(name)) for name in ("one", "other"))
    assert one.briefings_for(session, ()) == other.briefings_for(session, ()) == []
    one.prepare(session, [])
    other.prepare(session, [])
    one.prepare(session, ["SAP.DE", "ALV.DE"])
    other.prepare(session, ["SAP.DE", "SIE.DE"])
    first = one.briefings_for(session, ["SAP.DE", "ALV.DE"])
    second = other.briefings_for(session, ["SAP.DE", "SIE.DE"])
    assert [entry.briefing.symbol for entry in second] == ["SAP.DE", "SIE.DE"]
    assert [entry for entry in second if entry.briefing.symbol == "SAP.DE"] == first[1:]
    assert {row["symbol"] for row in arena.store.rows(HELD)} == set(SYMBOLS)
    assert arena.store.partitions(HELD).keys() == {f"{MORNING}|{symbol}" for symbol in SYMBOLS}

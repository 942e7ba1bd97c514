"""Each article is read once, by a model that nobody trusts; what does not hold is left out and said."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from arena_pipeline.assets.step import Run
from arena_pipeline.rederive import rederive
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.lineage import lineage
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.tables import evidence, model_costs

MONDAY = date(2025, 3, 3)
RUN = Run("test")
CONTESTANT = """
[llm]
base_url = "sandbox"
research_model = "sandbox/analyst"
[[models]]
id = "news"
kind = "llm"
model = "sandbox/news-follower"
"""
RAISED = "SAP raises its outlook after strong orders"
GREAT = "SAP posts record profit, beats and raises, wins strong orders, surges"
OTHER = "Software maker jumps after record quarter"


@pytest.fixture
def researched(world, steps, publish):
    """An arena that has researched Monday."""

    def run(*titles, extra="", contestant=CONTESTANT):
        publish(*((MONDAY, 5, title) for title in titles))
        world.extra = contestant + extra
        arena = world.arena()
        steps.shared(arena, [MONDAY], RUN)
        return arena

    return run


def rows(arena, table):
    with arena.store.ledger.read() as connection:
        return connection.execute(select(table)).all()


def briefing(arena, session="2025-03-03T08:30", symbol="SAP.DE"):
    (row,) = arena.store.rows("briefings", "id = $id", id=f"briefing:{session}:{symbol}")
    return row


@pytest.mark.slow
def test_an_article_is_read_once_and_what_it_says_leads_back_to_it(researched, steps):
    arena = researched("SAP raises its outlook, and so does Siemens")
    (extraction,) = rows(arena, extractions)
    calls = [row for row in rows(arena, model_costs) if row.purpose == "extraction"]
    assert [(row.session, row.spender) for row in calls] == [("2025-03-03T08:30", "research")]
    symbols = {entry["symbol"] for entry in json.loads(extraction.readings)}
    assert symbols == {"SAP.DE", "SIE.DE"}
    for session in ("2025-03-03T08:30", "2025-03-03T14:00"):
        for symbol in symbols:
            row = briefing(arena, session, symbol)
            assert row["extractions"] == [extraction.id]
            assert json.loads(row["facts"])["news"][0]["text"].startswith("positive news, event guidance")
    found = lineage(arena.store, "briefing:2025-03-03T08:30:SAP.DE")
    edges = {(edge.child, edge.parent, edge.role) for edge in found.edges}
    assert ("briefing:2025-03-03T08:30:SAP.DE", extraction.id, "read as") in edges
    assert (extraction.id, extraction.article, "read from") in edges
    assert (extraction.id, json.loads(extraction.exchanges)[0], "answered by") in edges
    steps.researched(arena, [MONDAY])
    assert [row for row in rows(arena, model_costs) if row.purpose == "extraction"] == calls
    steps.contest(arena, [MONDAY])
    assert verify(arena) == []
    assert rederive(arena).problems == []


def test_every_point_of_a_briefing_leads_to_an_article_a_figure_or_a_bar(researched):
    arena = researched(RAISED)
    for row in arena.store.rows("briefings", "session = '2025-03-03T08:30'"):
        facts = json.loads(row["facts"])
        told = [fact for group in ("technical", "news", "figures") for fact in facts[group]]
        evidence_of = {fact["id"]: fact["evidence"] for fact in told}
        points = json.loads(row["points"])
        assert points
        for ground in {evidence_of[cite] for point in points for cite in point["cites"]}:
            kinds = {node["kind"] for node in lineage(arena.store, ground).nodes.values()}
            assert kinds & {"article", "figure", "bar"}, (row["id"], ground)


def test_a_strong_claim_of_one_source_is_no_fact_and_asks_for_a_person(researched):
    arena = researched(GREAT)
    row = briefing(arena)
    ((article, reason),) = json.loads(row["dropped"])
    assert (json.loads(row["facts"])["news"], reason) == ([], "dropped: a strong claim of one source")
    assert row["review"] is True
    assert (row["id"], article, reason) in [tuple(edge)[1:4] for edge in rows(arena, evidence)]


def test_an_article_that_names_no_share_is_sent_to_nobody(researched):
    assert rows(researched(OTHER), extractions) == []


def test_what_no_model_could_read_is_read_by_the_rules_and_said(researched, httpserver):
    out_of_order = CONTESTANT.replace('"sandbox"', f'"{httpserver.url_for("/v1")}"\nmax_attempts = 1')
    arena = researched(RAISED, contestant=out_of_order)
    (extraction,) = rows(arena, extractions)
    assert extraction.failure.startswith("server_error")
    row = briefing(arena)
    assert "1 articles were read by the rules: server_error" in row["problems"][-1]
    assert "sentiment" in json.loads(row["facts"])["news"][0]["text"]


def test_by_the_rules_nobody_is_asked(researched):
    arena = researched(RAISED, extra='[research]\nextraction = "rules"\n')
    assert rows(arena, extractions) == []
    assert {row.purpose for row in rows(arena, model_costs)} == {"synthesis"}
    assert briefing(arena)["extractions"] is None
    assert len(json.loads(briefing(arena)["facts"])["news"]) == 1

"""Briefings to rows of the lake and back, and the evidence beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from arena_pipeline.research.briefing import Briefing, Point
from arena_pipeline.research.contradictions import Contradiction, Kind, Severity
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.quality import Quality
from arena_pipeline.research.readings import Signal
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.store import Edge, Partition, Row


def briefing_row(briefing: Briefing) -> Row:
    return {
        "id": briefing.id,
        "session": briefing.session,
        "symbol": briefing.symbol,
        "stance": briefing.stance.value,
        "strength": briefing.strength,
        "points": canonical([point.model_dump(mode="json") for point in briefing.points]),
        "facts": canonical(briefing.facts.document()),
        "problems": list(briefing.problems),
        "confidence_penalty": briefing.confidence_penalty,
        "author_model": briefing.author_model,
        "llm": list(briefing.llm),
        "ok": briefing.ok,
        **_quality_columns(briefing.quality),
        "dropped": canonical([list(pair) for pair in briefing.dropped]) if briefing.dropped else None,
        "extractions": list(briefing.extractions) or None,
    }


def briefing_from(row: Row) -> Briefing:
    facts = json.loads(row["facts"])
    groups = {
        group: tuple(
            Fact(
                entry["id"],
                entry["text"],
                entry["value"],
                entry["evidence"],
                Signal(entry["signal"]) if entry["signal"] else None,
            )
            for entry in facts[group]
        )
        for group in ("technical", "news", "figures")
    }
    return Briefing(
        id=row["id"],
        session=row["session"],
        symbol=row["symbol"],
        stance=Signal(row["stance"]),
        strength=row["strength"],
        points=tuple(Point.model_validate(point) for point in json.loads(row["points"])),
        facts=Facts(facts["symbol"], facts["name"], facts["session"], **groups),
        confidence_penalty=row["confidence_penalty"],
        problems=tuple(row["problems"]),
        author_model=row["author_model"],
        llm=tuple(row["llm"]),
        ok=row["ok"],
        quality=_quality_from(row),
        dropped=tuple((article, reason) for article, reason in json.loads(row.get("dropped") or "[]")),
        extractions=tuple(row.get("extractions") or ()),
    )


def _quality_columns(quality: Quality | None) -> Row:
    if quality is None:
        return {}
    return {
        "quality_score": quality.score,
        "quality_parts": canonical(dict(quality.parts)),
        "contradictions": canonical([asdict(found) for found in quality.contradictions]),
        "quality_passed": quality.passed,
        "review": quality.review,
    }


def _quality_from(row: Row) -> Quality | None:
    """None for a row of a file that was written before quality was assessed."""
    if row.get("quality_score") is None:
        return None
    return Quality(
        score=row["quality_score"],
        parts=json.loads(row["quality_parts"]),
        contradictions=tuple(
            Contradiction(
                Kind(found["kind"]), Severity(found["severity"]), found["text"], tuple(found["facts"])
            )
            for found in json.loads(row["contradictions"])
        ),
        passed=row["quality_passed"],
        penalty=row["confidence_penalty"],
        review=row["review"],
    )


def partition_of(key: str, briefings: Sequence[Briefing]) -> Partition:
    edges = []
    for briefing in briefings:
        edges += [Edge(briefing.id, fact.evidence, "rests on") for fact in briefing.facts.all]
        edges += [Edge(briefing.id, exchange, "written by") for exchange in briefing.llm]
        edges += [Edge(briefing.id, extraction, "read as") for extraction in briefing.extractions]
        edges += [Edge(briefing.id, article, reason) for article, reason in briefing.dropped]
        edges.append(Edge(briefing.id, f"momentum:{key}:{briefing.symbol}", "rests on"))
    return Partition(key, [briefing_row(briefing) for briefing in briefings], edges)

"""The briefing: the evidence on one share for one session, the same for every model.

A research model puts the facts into at most a few points, each citing the facts it rests on. Deterministic
checks follow: they may only find problems, never approve more than is written. Whatever fails them is not
used: the briefing then consists of its facts alone, has no opinion and says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from arena_pipeline.research.contradictions import NO_GROUNDS, Grounds, among_facts, with_synthesis
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.quality import Quality, assess
from arena_pipeline.research.readings import Signal

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TICKER = re.compile(r"\b[A-Z0-9]{2,6}\.[A-Z]{1,3}\b|\^[A-Z0-9]{2,8}\b")
_POINT = re.compile(r"point \d+")
_FACT_ID = re.compile(r"\b[TNF]\d{1,3}\b")


class Point(BaseModel):
    """One statement and the ids of the facts it rests on."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=240)]
    cites: Annotated[tuple[Annotated[str, Field(max_length=8)], ...], Field(strict=False, max_length=12)]


class BriefingSynthesis(BaseModel):
    """What the research model answers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    stance: Annotated[Signal, Field(strict=False)]
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    points: Annotated[tuple[Point, ...], Field(strict=False, min_length=1, max_length=8)]


@dataclass(frozen=True, slots=True)
class Briefing:
    """A briefing. Not `ok`: no usable synthesis, so neutral, without points, with `problems` saying why.

    `confidence_penalty` in [0, 1] is what the deterministic checks take off a decision's confidence; `llm`
    are the ids of the model exchanges behind it.
    """

    id: str
    session: str
    symbol: str
    stance: Signal
    strength: float
    points: tuple[Point, ...]
    facts: Facts
    confidence_penalty: float
    problems: tuple[str, ...]
    author_model: str
    llm: tuple[str, ...]
    ok: bool
    quality: Quality | None = None
    """None in a briefing that was stored before quality was assessed."""

    @property
    def review(self) -> bool:
        """Whether a person should look at it before anybody buys."""
        return self.quality is not None and self.quality.review


def briefing_id(session: str, symbol: str) -> str:
    return f"briefing:{session}:{symbol}"


def _readings(number: str) -> set[Decimal]:
    """What a written number may mean: 1,234.5 and 1.234,5 and 3,5 are all met with in texts."""
    separators = [c for c in number if c in ".,"]
    if not separators:
        return {Decimal(number)}
    last = separators[-1]
    whole, _, fraction = number.rpartition(last)
    digits = re.sub(r"[.,]", "", whole)
    readings = {Decimal(f"{digits}.{fraction}")} if separators.count(last) == 1 else set()
    groups = re.split(r"[.,]", number)
    if all(len(group) == 3 for group in groups[1:]):
        readings.add(Decimal("".join(groups)))
    return readings


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(unicodedata.normalize("NFKC", text))


def _supported(number: str, known: set[Decimal]) -> bool:
    for reading in _readings(number):
        exponent = reading.as_tuple().exponent
        quantum = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        if any(value.quantize(quantum, ROUND_HALF_UP) == reading for value in known):
            return True
    return False


def check_synthesis(facts: Facts, synthesis: BriefingSynthesis) -> list[str]:
    """Problems of a synthesis, empty when there are none. Each point must cite facts that exist; each number
    in it must stand, at the precision written, in a fact it cites; no other symbol may be named.
    """
    by_id = {fact.id: fact for fact in facts.all}
    problems = []
    for place, point in enumerate(synthesis.points, start=1):
        if not point.cites:
            problems.append(f"point {place} cites nothing")
        missing = sorted(set(point.cites) - by_id.keys())
        if missing:
            problems.append(f"point {place} cites {', '.join(missing)}, which does not exist")
        text = _FACT_ID.sub(" ", unicodedata.normalize("NFKC", point.text))
        foreign = sorted({symbol for symbol in _TICKER.findall(text) if symbol != facts.symbol})
        if foreign:
            problems.append(f"point {place} names {', '.join(foreign)}; the briefing is about {facts.symbol}")
        cited = [by_id[cite].text for cite in point.cites if cite in by_id]
        known = {reading for line in cited for number in _numbers(line) for reading in _readings(number)}
        own_words = text.replace(facts.symbol, " ")
        unsupported = [number for number in _numbers(own_words) if not _supported(number, known)]
        if unsupported:
            problems.append(f"point {place}: {', '.join(unsupported)} is in no fact it cites")
    return problems


def compose_briefing(
    facts: Facts,
    synthesis: BriefingSynthesis | None,
    *,
    author_model: str,
    exchanges: tuple[str, ...] = (),
    failure: str | None = None,
    caveats: Sequence[str] = (),
    grounds: Grounds = NO_GROUNDS,
) -> Briefing:
    """The briefing from facts and what the research model made of them (None: nothing, for `failure`).

    `caveats` are problems of the evidence itself, such as that no feed answered: the synthesis stands.
    `grounds` is what is known of the evidence, for its quality.
    """
    if synthesis is None:
        problems = [f"no synthesis: {failure or 'the model gave no usable answer'}"]
    else:
        problems = check_synthesis(facts, synthesis)
    usable = synthesis if not problems else None
    quality = _quality(facts, grounds, synthesis, () if synthesis is None else problems)
    return Briefing(
        id=briefing_id(facts.session, facts.symbol),
        session=facts.session,
        symbol=facts.symbol,
        stance=usable.stance if usable else Signal.NEUTRAL,
        strength=usable.strength if usable else 0.0,
        points=usable.points if usable else (),
        facts=facts,
        confidence_penalty=quality.penalty,
        problems=(*problems, *caveats),
        author_model=author_model,
        llm=exchanges,
        ok=usable is not None,
        quality=quality,
    )


def _quality(
    facts: Facts, grounds: Grounds, synthesis: BriefingSynthesis | None, problems: Sequence[str]
) -> Quality:
    """`problems` are those of the synthesis. One that has any is not used: its stance counts for nothing."""
    found = among_facts(facts, grounds)
    if synthesis is None:
        return assess(facts, grounds, found, cited=None)
    used = not problems
    found += with_synthesis(
        facts,
        synthesis.stance if used else Signal.NEUTRAL,
        synthesis.strength if used else 0.0,
        problems,
    )
    faulty = {match[0] for problem in problems if (match := _POINT.match(problem))}
    cited = 1 - len(faulty) / len(synthesis.points)
    return assess(facts, grounds, found, cited=cited)


def cited_fact(briefings: dict[str, Briefing], cite: str) -> Fact | None:
    """The fact that a decision cites as `SYMBOL:FACT` (`SAP.DE:T3`), None when there is none such.

    `briefings` is by symbol.
    """
    symbol, _, fact_id = cite.rpartition(":")
    briefing = briefings.get(symbol)
    if briefing is None:
        return None
    return next((fact for fact in briefing.facts.all if fact.id == fact_id), None)


def to_prompt_block(briefing: Briefing) -> dict[str, Any]:
    """The briefing as a decision prompt shows it: JSON-ready, without any text from outside."""
    facts = briefing.facts
    return {
        "symbol": briefing.symbol,
        "name": facts.name,
        "complete": briefing.ok,
        "stance": briefing.stance.value,
        "strength": briefing.strength,
        "confidence_penalty": briefing.confidence_penalty,
        "points": [{"text": point.text, "cites": list(point.cites)} for point in briefing.points],
        "facts": [
            {"id": fact.id, "text": fact.text, "signal": fact.signal.value if fact.signal else None}
            for fact in facts.all
        ],
    }

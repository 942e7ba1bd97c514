"""The briefing: the evidence on one share for one session, the same for every model.

A research model puts the facts into at most a few points: each is one of a closed list of claims, and cites
the facts it is about. Deterministic checks follow: they may only find problems, never approve more than is
written. Whatever fails them is not used: the briefing then consists of its facts alone, has no opinion and
says why. Deciding models read the claims in our own words; what the research model wrote is for people.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from arena_pipeline.research.bounds import Bounded, bounded
from arena_pipeline.research.contradictions import (
    NO_GROUNDS,
    OPPOSITE,
    Grounds,
    among_facts,
    with_synthesis,
)
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.numbers import is_supported, numbers_in, stated_in
from arena_pipeline.research.quality import Quality, assess
from arena_pipeline.research.readings import Signal

_TICKER = re.compile(r"\b[A-Z0-9]{2,6}\.[A-Z]{1,3}\b|\^[A-Z0-9]{2,8}\b")
_POINT = re.compile(r"point \d+")
_FACT_ID = re.compile(r"\b[TNF]\d{1,3}\b")


class ClaimKind(enum.StrEnum):
    """What the research model may say of facts. Our words for it are in `SAYS`."""

    SUPPORTS = "supports"
    OPPOSES = "opposes"
    MIXED = "mixed"
    RISK = "risk"
    CATALYST = "catalyst"
    UNCERTAIN = "uncertain"


SAYS: Mapping[ClaimKind, str] = {
    ClaimKind.SUPPORTS: "for the share",
    ClaimKind.OPPOSES: "against the share",
    ClaimKind.MIXED: "pointing both ways",
    ClaimKind.RISK: "the main risk",
    ClaimKind.CATALYST: "may move the price soon",
    ClaimKind.UNCERTAIN: "not certain",
}


NO_STANCE = Bounded(Signal.NEUTRAL, 0.0)
"""Where there is no usable synthesis."""

_DENIED = {ClaimKind.SUPPORTS: Signal.BEARISH, ClaimKind.OPPOSES: Signal.BULLISH}
"""What a claim denies: it cannot rest on such facts alone."""


class Point(BaseModel):
    """A claim about some facts, by their ids. `text` is the model's own wording: it is checked, and shown to
    people beside the briefing; no other model reads it. `claim` is None in a point that was stored before
    there were claims."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, Field(max_length=240)] = ""
    cites: Annotated[tuple[Annotated[str, Field(max_length=8)], ...], Field(strict=False, max_length=12)]
    claim: Annotated[ClaimKind, Field(strict=False)] | None = None


class ClaimedPoint(Point):
    """A point as it has to be answered."""

    claim: Annotated[ClaimKind, Field(strict=False)]


class BriefingSynthesis(BaseModel):
    """What the research model answers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    stance: Annotated[Signal, Field(strict=False)]
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    points: Annotated[tuple[ClaimedPoint, ...], Field(strict=False, min_length=1, max_length=8)]


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
    dropped: tuple[tuple[str, str], ...] = ()
    """Articles that no fact rests on, with the reason."""
    extractions: tuple[str, ...] = ()
    """The ids of the readings that the news facts, and what was dropped, come from."""

    @property
    def review(self) -> bool:
        """Whether a person should look at it before anybody buys."""
        return self.quality is not None and self.quality.review


def briefing_id(session: str, symbol: str) -> str:
    return f"briefing:{session}:{symbol}"


def check_synthesis(facts: Facts, synthesis: BriefingSynthesis) -> list[str]:
    """Problems of a synthesis, empty when there are none. Each point must cite facts that exist; its claim
    must not deny all of them; each number in it must stand, at the precision written, in a fact it cites; no
    other symbol may be named.
    """
    by_id = {fact.id: fact for fact in facts.all}
    problems = []
    for place, point in enumerate(synthesis.points, start=1):
        if not point.cites:
            problems.append(f"point {place} cites nothing")
        missing = sorted(set(point.cites) - by_id.keys())
        if missing:
            problems.append(f"point {place} cites {', '.join(missing)}, which does not exist")
        signals = {by_id[cite].signal for cite in point.cites if cite in by_id}
        denied = _DENIED.get(point.claim)
        if denied is not None and denied in signals and OPPOSITE[denied] not in signals:
            problems.append(f"point {place} {point.claim}, and every fact it cites points the other way")
        text = _FACT_ID.sub(" ", unicodedata.normalize("NFKC", point.text))
        foreign = sorted({symbol for symbol in _TICKER.findall(text) if symbol != facts.symbol})
        if foreign:
            problems.append(f"point {place} names {', '.join(foreign)}; the briefing is about {facts.symbol}")
        cited = [by_id[cite].text for cite in point.cites if cite in by_id]
        known = stated_in(cited)
        own_words = text.replace(facts.symbol, " ")
        unsupported = [number for number in numbers_in(own_words) if not is_supported(number, known)]
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
    dropped: Sequence[tuple[str, str]] = (),
    extractions: Sequence[str] = (),
) -> Briefing:
    """The briefing from facts and what the research model made of them (None: nothing, for `failure`); its
    stance as far as the facts bear it out (`bounds.py`).

    `caveats` are problems of the evidence itself, such as that no feed answered: the synthesis stands.
    `grounds` is what is known of the evidence, for its quality; `dropped` and `extractions` are as in the
    briefing.
    """
    if synthesis is None:
        problems = [f"no synthesis: {failure or 'the model gave no usable answer'}"]
    else:
        problems = check_synthesis(facts, synthesis)
    usable = synthesis if not problems else None
    taken = bounded(usable.stance, usable.strength, facts, grounds) if usable else NO_STANCE
    quality = _quality(facts, grounds, synthesis, () if synthesis is None else problems)
    return Briefing(
        id=briefing_id(facts.session, facts.symbol),
        session=facts.session,
        symbol=facts.symbol,
        stance=taken.stance,
        strength=taken.strength,
        points=usable.points if usable else (),
        facts=facts,
        confidence_penalty=quality.penalty,
        problems=(*problems, *taken.lowered, *caveats),
        author_model=author_model,
        llm=exchanges,
        ok=usable is not None,
        quality=quality,
        dropped=tuple(dropped),
        extractions=tuple(extractions),
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


def in_our_words(point: Point) -> str:
    """A point as deciding models read it: `T1, N2: for the share`. Nothing in it is the research model's own
    wording."""
    return f"{', '.join(point.cites)}: {SAYS[point.claim or ClaimKind.UNCERTAIN]}"


def _quality_block(briefing: Briefing) -> dict[str, Any]:
    quality = briefing.quality
    return {
        "score": quality.score if quality else None,
        "passed": quality.passed if quality else None,
        "penalty": briefing.confidence_penalty,
        "review": briefing.review,
    }


def to_prompt_block(briefing: Briefing) -> dict[str, Any]:
    """The briefing as a decision prompt shows it: JSON-ready, without a word from outside or of a model."""
    facts = briefing.facts
    return {
        "symbol": briefing.symbol,
        "name": facts.name,
        "complete": briefing.ok,
        "stance": briefing.stance.value,
        "strength": briefing.strength,
        "quality": _quality_block(briefing),
        "points": [in_our_words(point) for point in briefing.points],
        "facts": [
            {"id": fact.id, "text": fact.text, "signal": fact.signal.value if fact.signal else None}
            for fact in facts.all
        ],
    }

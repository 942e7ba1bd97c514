"""How much of an article is about one share: where it is named, how often, and among how many others.

A list of thirty shares names each once; an article about one names it in its title and again. The figure
orders articles and can leave out the incidental ones. It is lexical: a pronoun or a product names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import count_mentions

TITLE, SHARE, OPENING = 0.5, 0.3, 0.2
OPENING_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Relevance:
    """`score` lies in [0, 1]; 0 exactly if the share is not named. `reason` says what it is made of."""

    symbol: str
    score: float
    mentions: int
    reason: str


def relevance(symbol: str, *, title: str, text: str, companies: Mapping[str, Company]) -> Relevance:
    """Half for a title that names the share, divided by how many it names; up to 0.3 for the share's part of
    all mentions; 0.2 for being named in the first 500 characters of the text.
    """
    titled, told = count_mentions(title, companies), count_mentions(text, companies)
    own, everybody = titled[symbol] + told[symbol], titled.total() + told.total()
    if own == 0:
        return Relevance(symbol, 0.0, 0, "not named")
    reasons = [f"{own} of {everybody} mentions"]
    score = SHARE * own / everybody
    if titled[symbol]:
        score += TITLE / len(titled)
        reasons.append("named in the title" + (f" among {len(titled)}" if len(titled) > 1 else ""))
    if count_mentions(text[:OPENING_CHARACTERS], companies)[symbol]:
        score += OPENING
        reasons.append("named at the beginning")
    return Relevance(symbol, round(score, 4), own, ", ".join(reasons))

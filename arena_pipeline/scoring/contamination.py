"""May a language model have known how a day ended before it decided?

A model that was trained after a day may have read how prices moved on it, so its decision of that day shows
memory, not judgement. A decision made live, on the day itself, is clean whatever the model knows; one made
afterwards, in a backfill, is judged by the model's knowledge cutoff. The cutoff is the provider's word: a
model may have been trained further since, and nothing here can tell.
"""

from __future__ import annotations

import enum
from datetime import date


class Contamination(enum.StrEnum):
    """`unknown`: the model's knowledge cutoff is not given."""

    CLEAN = "clean"
    CONTAMINATED = "contaminated"
    UNKNOWN = "unknown"


def flag(day: date, knowledge_cutoff: date | None, *, needs_knowledge: bool) -> Contamination:
    """Whether a decision of a trading day counts. `needs_knowledge` is False where a model cannot have known
    the outcome: a rule, a decision made live, a simulated market."""
    if not needs_knowledge:
        return Contamination.CLEAN
    if knowledge_cutoff is None:
        return Contamination.UNKNOWN
    return Contamination.CONTAMINATED if day <= knowledge_cutoff else Contamination.CLEAN

"""What a contestant may be told to do: the rules of baselines and the styles of language models."""

from __future__ import annotations

import enum
from typing import Any


class Strategy(enum.StrEnum):
    """The rules that baselines follow; see `trading/baselines.py`."""

    CASH = "cash"
    BENCHMARK = "benchmark"
    EQUAL_WEIGHT = "equal_weight"
    MOMENTUM = "momentum"
    RANDOM = "random"


class Style(enum.StrEnum):
    """How a language model is told to trade; the words are in `llm/prompts/strategy_*.txt`."""

    SWING = "swing"
    DAY = "day"
    VALUE = "value"


def strategy_named(value: Any) -> Any:
    """The rule or style of a name. Raises ValueError listing those there are."""
    if value is None or isinstance(value, Strategy | Style):
        return value
    for known in (Strategy, Style):
        if value in {each.value for each in known}:
            return known(value)
    raise ValueError(
        f"{value!r} is no strategy; a language model follows {' | '.join(Style)}, "
        f"a baseline {' | '.join(Strategy)}"
    )

"""Which model writes the briefings: the cheaper model of a contestant's maker, from `research_models.toml`.

One research model serves every contestant, for all read the same briefings. `auto` takes the cheapest of the
contestants' research models by the price table; of equals, and of those that the table does not know, the
first by name. The same contestants so always get the same one; name one in `llm.research_model` to keep it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources

from arena_pipeline.llm.budget import table_price

AUTO = "auto"
ROUTINGS = frozenset({"nitro", "floor", "exacto", "online"})
"""OpenRouter's suffixes that choose among the providers of a model, not another model."""


@dataclass(frozen=True, slots=True)
class ResearchModels:
    """The table: research model by contestant's model, by maker; `default` for a model that is not in it."""

    default: str
    makers: Mapping[str, Mapping[str, str]]

    def of(self, model: str) -> str | None:
        """The research model of a contestant's model, None when the table does not know it."""
        name = base_name(model)
        return self.makers.get(maker(name), {}).get(name)


@dataclass(frozen=True, slots=True)
class ResearchChoice:
    """The model that writes the briefings, and what the arena should say aloud about how it was chosen."""

    model: str
    warnings: tuple[str, ...] = ()


def maker(model: str) -> str:
    """The part before the slash; the whole name where there is none."""
    return model.partition("/")[0]


def base_name(model: str) -> str:
    """The name without a suffix that only chooses the provider: `openai/gpt-5:nitro` is `openai/gpt-5`."""
    name, _, suffix = model.rpartition(":")
    return name if name and suffix in ROUTINGS else model


@functools.cache
def research_models() -> ResearchModels:
    """The shipped table."""
    text = (resources.files(__package__) / "research_models.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return ResearchModels(str(document["default"]), document["makers"])


def choose_research_model(configured: str, contestants: Iterable[str], *, openrouter: bool) -> ResearchChoice:
    """The research model for some contestants' models; `configured` unless that is `auto`.

    A contestant that the table does not know counts with the default at OpenRouter, and with itself at any
    other endpoint, which has no other model that is known of.
    """
    if configured != AUTO:
        return ResearchChoice(configured)
    table, found, warnings = research_models(), set(), []
    for model in sorted(set(contestants)):
        own = table.of(model)
        if own is None:
            own = table.default if openrouter else model
            warnings.append(
                f"no research model of its maker is known for {model}: counted with {own}; "
                "name one in llm.research_model"
            )
        found.add(own)
    if not found:
        return ResearchChoice(table.default)
    return ResearchChoice(min(found, key=_dearness), tuple(warnings))


def _dearness(model: str) -> tuple[bool, Decimal, str]:
    price = table_price(model)
    return price is None, price or Decimal(0), model

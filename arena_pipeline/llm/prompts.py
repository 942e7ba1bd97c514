"""The prompts: texts in `prompts/`, filled with one JSON document. The same input gives the same bytes.

Text from outside enters one prompt alone, that of the extraction, with one article; what comes back is a
closed form (`research/extraction.py`). Briefings hold derived facts only (`research/facts.py`).
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from importlib import resources
from typing import Any

from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import Article, match_symbols
from arena_pipeline.research.briefing import Briefing, to_prompt_block
from arena_pipeline.research.extraction import text_of
from arena_pipeline.research.facts import Facts
from arena_pipeline.strategies import Style

_MARKER, _STRATEGY = "{{document}}", "{{strategy}}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent. `version` is the sha256 of the texts before filling: the code version of an answer."""

    system: str
    user: str
    version: str


@dataclass(frozen=True, slots=True)
class PositionView:
    """A holding as a contestant sees it. `cost` is the total paid, `price` the last known, per share."""

    symbol: str
    quantity: int
    cost: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """Everything a contestant is told in one session. Amounts are in the market's currency.

    `open_orders`, `recent_decisions`, `limits` and `market` are JSON-ready mappings made from the ledger and
    the settings; `prices` are the last known per share.
    """

    session: str
    session_name: str
    currency: str
    cash: Decimal
    nav: Decimal
    fee_per_order: Decimal
    positions: tuple[PositionView, ...]
    briefings: tuple[Briefing, ...]
    prices: Mapping[str, Decimal]
    open_orders: tuple[Mapping[str, Any], ...] = ()
    recent_decisions: tuple[Mapping[str, Any], ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    strategy: Style = Style.SWING


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} cannot stand in a prompt")


def _document(content: Mapping[str, Any]) -> str:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    )


@functools.cache
def _texts(name: str, strategy: Style | None = None) -> tuple[str, str, str]:
    folder = resources.files(__package__) / "prompts"
    system = (folder / f"{name}_system.txt").read_text(encoding="utf-8").strip()
    if strategy is not None:
        own = (folder / f"strategy_{strategy}.txt").read_text(encoding="utf-8").strip()
        system = system.replace(_STRATEGY, own)
    user = (folder / f"{name}_user.txt").read_text(encoding="utf-8").strip()
    return system, user, hashlib.sha256(f"{system}\0{user}".encode()).hexdigest()


def prompt_version(name: str) -> str:
    """The code version of the prompt `decision`, `synthesis`, `extraction` or `queries`; of the first with
    all its strategies."""
    if name != "decision":
        return _texts(name)[2]
    return hashlib.sha256("".join(_texts(name, style)[2] for style in Style).encode()).hexdigest()


def _prompt(name: str, content: Mapping[str, Any], strategy: Style | None = None) -> Prompt:
    system, user, version = _texts(name, strategy)
    return Prompt(system, user.replace(_MARKER, _document(content)), version)


def decision_prompt(context: DecisionContext) -> Prompt:
    """The prompt of one decision, under the model's strategy. Positions, briefings and prices are put in
    order of their symbols."""
    return _prompt(
        "decision",
        {
            "session": {"key": context.session, "name": context.session_name},
            "portfolio": {
                "currency": context.currency,
                "cash": context.cash,
                "nav": context.nav,
                "positions": [
                    {
                        "symbol": position.symbol,
                        "quantity": position.quantity,
                        "cost": position.cost,
                        "price": position.price,
                    }
                    for position in sorted(context.positions, key=lambda position: position.symbol)
                ],
                "open_orders": list(context.open_orders),
                "recent_decisions": list(context.recent_decisions),
            },
            "limits": {**context.limits, "fee_per_order": context.fee_per_order},
            "market": {**context.market, "prices": dict(context.prices)},
            "briefings": [
                to_prompt_block(briefing)
                | ({} if briefing.session == context.session else {"session": briefing.session})
                for briefing in sorted(context.briefings, key=lambda briefing: briefing.symbol)
            ],
        },
        context.strategy,
    )


def synthesis_prompt(facts: Facts) -> Prompt:
    """The prompt that asks the research model for a briefing's synthesis."""
    return _prompt(
        "synthesis",
        {
            "symbol": facts.symbol,
            "name": facts.name,
            "session": facts.session,
            "facts": [{"id": fact.id, "text": fact.text, "signal": fact.signal} for fact in facts.all],
        },
    )


def queries_prompt(
    session: str, shares: Mapping[str, tuple[str, str]], looks_for: Sequence[str], *, at_most: int
) -> Prompt:
    """The prompt that asks the research model for a session's queries. `shares` are the names of the watched
    companies and why they are watched, in our words, by symbol."""
    return _prompt(
        "queries",
        {
            "session": session,
            "looks_for": list(looks_for),
            "at_most": at_most,
            "shares": [
                {"symbol": symbol, "name": name, "why": why} for symbol, (name, why) in shares.items()
            ],
        },
    )


def extraction_prompt(article: Article, companies: Mapping[str, Company]) -> Prompt:
    """The prompt that asks what one article reports: the same for every session and share."""
    published = article.published_at or article.known_at
    return _prompt(
        "extraction",
        {
            "article": {
                "title": article.title,
                "summary": article.summary,
                "language": article.language,
                "published": published.date(),
            },
            "companies": {
                symbol: companies[symbol].name for symbol in match_symbols(text_of(article), companies)
            },
        },
    )

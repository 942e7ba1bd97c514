"""What each vendor of company figures can do for this arena: its key, whether it answers, what it covers.

Nothing here is needed to run: without a single key there are prices, indicators and feeds.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select

from arena_pipeline.arena import FIGURE_KEYS, Arena
from arena_pipeline.errors import SourceError
from arena_pipeline.research.coverage import Ask, Coverage, Learned
from arena_pipeline.sources.alphavantage import AlphaVantage
from arena_pipeline.sources.finnhub import Finnhub
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.warehouse import coverage
from arena_pipeline.warehouse.store import utc_text
from arena_pipeline.warehouse.tables import fetches

NOT_ASKED = "not asked (--online asks)"
PING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class VendorState:
    """One vendor. `shares` counts the universe's shares that it knows under some name, of all; the other
    counts are pairs of share and subject, as last learned. `last_answer` is when a complete answer of
    whatever kind came, `last_success` as of when figures were read from one; both are UTC."""

    vendor: str
    used: bool
    key: str
    reachable: str
    budget_left: str
    last_answer: str | None
    last_success: str | None
    shares: str
    covered: int
    not_covered: int
    premium: int
    unknown: int

    def document(self) -> dict[str, Any]:
        return asdict(self)


def vendor_states(arena: Arena, *, online: bool = False) -> list[VendorState]:
    """Every vendor of figures there is, used or not. Offline unless `online`: then one cheap call for each
    that has a key. Nothing is stored."""
    learned = coverage.learned(arena.store)
    return [_state(arena, name, learned, online) for name in FIGURE_KEYS]


def _budget_left(arena: Arena, vendor: str) -> str:
    """What is left of each of a vendor's limits; of one that was never asked, all of them."""
    limits = [entry for entry in arena.vendor_budget.left() if entry.vendor == vendor]
    if limits:
        return ", ".join(f"{entry.left} of {entry.limit}" for entry in limits)
    return ", ".join(f"{limit.calls} of {limit}" for limit in arena.vendor_budget.limits_of(vendor))


def _state(arena: Arena, name: str, learned: list[Learned], online: bool) -> VendorState:
    key = os.environ.get(FIGURE_KEYS[name])
    client = _client(arena, name, key)
    own = [entry for entry in learned if entry.ask.vendor == name]
    newest: dict[Ask, Coverage] = {entry.ask: entry.coverage for entry in own}
    counts = Counter(newest.values())
    known = sum(client.vendor_symbol(symbol) is not None for symbol in arena.symbols)
    simulated = arena.settings.fundamentals.source == "sandbox"
    return VendorState(
        vendor=name,
        used=simulated or (name in arena.figure_vendor_names and bool(key)),
        key=f"{FIGURE_KEYS[name]} is {'set' if key else 'not set'}",
        reachable=_reachable(arena, client) if online and key else NOT_ASKED if key else "no key",
        budget_left=_budget_left(arena, name),
        last_answer=_last_answer(arena, name),
        last_success=max((utc_text(entry.at) for entry in own if _is_success(entry)), default=None),
        shares=f"{known} of {len(arena.symbols)}",
        covered=counts[Coverage.COVERED],
        not_covered=counts[Coverage.NOT_COVERED],
        premium=counts[Coverage.PREMIUM],
        unknown=counts[Coverage.UNKNOWN],
    )


def _client(arena: Arena, name: str, key: str | None) -> AlphaVantage | Finnhub:
    http = Http(
        MemoryRecorder(),
        clock=arena.clock,
        timeout=PING_SECONDS,
        attempts=1,
        budget=arena.vendor_budget,
        breaker=arena.breaker,
    )
    settings = arena.settings.fundamentals
    if name == "alphavantage":
        return AlphaVantage(http, api_key=key, base_url=settings.alphavantage_url)
    return Finnhub(http, api_key=key, base_url=settings.finnhub_url)


def _reachable(arena: Arena, client: AlphaVantage | Finnhub) -> str:
    try:
        client.ping(arena.clock())
    except SourceError as error:
        return f"no: {error}"
    return "yes"


def _is_success(entry: Learned) -> bool:
    return entry.coverage is Coverage.COVERED


def _last_answer(arena: Arena, name: str) -> str | None:
    """Status 200 is no success yet: Alpha Vantage refuses with it too."""
    with arena.store.ledger.read() as connection:
        newest: str | None = connection.execute(
            select(func.max(fetches.c.fetched_at)).where(
                fetches.c.vendor == name, fetches.c.status == 200, fetches.c.failure.is_(None)
            )
        ).scalar_one()
    return newest

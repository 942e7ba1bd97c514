"""What each vendor can do for this arena, in one table: key, reach, what is left of its limits, coverage.

Nothing in it but the prices is needed to run: without a single key there are prices, indicators and feeds.
"""

from __future__ import annotations

import enum
import importlib.util
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from arena_pipeline import probes
from arena_pipeline.arena import FIGURE_KEYS, Arena
from arena_pipeline.llm.local import LOCAL
from arena_pipeline.probes import Probe, Question, Reach
from arena_pipeline.research.coverage import Ask, Coverage
from arena_pipeline.settings import Feed
from arena_pipeline.sources import articles, files, search, yahoo
from arena_pipeline.sources.feed_table import feeds_in_force
from arena_pipeline.sources.vendors import symbol_map
from arena_pipeline.warehouse import coverage
from arena_pipeline.warehouse.budget import spent_today
from arena_pipeline.warehouse.store import utc_text
from arena_pipeline.warehouse.usage import last_answer, last_readable, last_reply, priced

FEEDS, MODELS, SANDBOX = "feeds", "model endpoint", "sandbox"
NO_KEY = "none needed"
NOT_ASKED = "not asked (--offline)"
NOT_USED = "not used"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

PURPOSES: Mapping[str, tuple[str, str]] = {
    yahoo.VENDOR: ("prices, splits, dividends", "prices from your own files"),
    files.VENDOR: ("prices from your own files", "Yahoo's prices, which need no key"),
    FEEDS: ("news", "prices, indicators, figures"),
    "alphavantage": (
        "figures of the companies, news",
        "prices, indicators, feeds, Finnhub's figures",
    ),
    "finnhub": (
        "figures and news of shares listed in New York",
        "prices, indicators, feeds, Alpha Vantage's figures",
    ),
    search.VENDOR: ("news found by searching", "what the feeds carry"),
    articles.VENDOR: ("the text behind a link", "titles and summaries, as the feeds carry them"),
    MODELS: (
        "decisions and briefings by language models",
        "the baselines; your own server needs no key",
    ),
    SANDBOX: ("simulated prices, news, figures, models", "the real vendors"),
}
"""Vendor: what it is for, and what an arena without it still has."""


class State(enum.StrEnum):
    """OFF: not used, or used only where there is a key. DEGRADED: the arena runs, with less. FAILED: what the
    configuration asks for does not work."""

    OK = "ok"
    SIMULATED = "simulated"
    OFF = "off"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class VendorState:
    """One vendor. `key` names the variable and says whether it is set; `reachable` is what a probe found now;
    `last_success` (UTC, or a trading day for a feed) is when something that was used came last; `remedy` is
    what to do where `state` is not fine. `counts` are the numbers behind `coverage`."""

    vendor: str
    purpose: str
    state: State
    key: str
    reachable: str
    budget_left: str
    last_success: str | None
    coverage: str
    without: str
    remedy: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Line:
    """A vendor before it was asked. `question` is None for one that is not: it is not used, or has no host of
    its own. `must_answer`: without it the configuration does not work."""

    state: VendorState
    question: Question | None = None
    must_answer: bool = True


def vendor_states(arena: Arena, *, offline: bool = False) -> list[VendorState]:
    """Every vendor there is, used or not. Those in use are asked one cheap question each, unless `offline`.

    Nothing is stored, and no key's value is in what is returned.
    """
    lines = [
        _prices(arena, yahoo.VENDOR, "Yahoo's symbols", partial(probes.yahoo, arena), stands_in=True),
        _prices(arena, files.VENDOR, "what they hold", partial(probes.files, arena), stands_in=False),
        *_feeds(arena),
        *(_figures(arena, name) for name in FIGURE_KEYS),
        _search(arena),
        _articles(arena),
        _models(arena),
        _sandbox(arena),
    ]
    asked = {line.state.vendor: line.question for line in lines if line.question is not None}
    if offline:
        return [
            replace(line.state, reachable=NOT_ASKED) if line.state.vendor in asked else line.state
            for line in lines
        ]
    found = probes.ask(asked)
    states = [
        _judged(line, found[line.state.vendor], _budget_left(arena, line.state.vendor))
        if line.question
        else line.state
        for line in lines
    ]
    return _with_all_feeds_down(states)


def _judged(line: _Line, probe: Probe, budget_left: str) -> VendorState:
    state = line.state
    shown = replace(state, reachable=str(probe), budget_left=budget_left)
    if probe.reach is Reach.YES or state.state is State.FAILED:
        return shown
    failed = probe.reach is Reach.NO and line.must_answer
    return replace(shown, state=State.FAILED if failed else State.DEGRADED, remedy=probe.remedy)


def _with_all_feeds_down(states: list[VendorState]) -> list[VendorState]:
    """A feed may fail; all of them may not."""
    down = [state for state in states if _is_feed(state) and state.reachable.startswith(Reach.NO)]
    if not down or len(down) < sum(_is_feed(state) for state in states):
        return states
    return [replace(state, state=State.FAILED) if _is_feed(state) else state for state in states]


def _is_feed(state: VendorState) -> bool:
    return state.vendor.startswith("feed-")


def _line(
    arena: Arena,
    vendor: str,
    *,
    used: bool,
    simulated: bool = False,
    key: str = NO_KEY,
    last_success: str | None = None,
    coverage: str = "",
    counts: dict[str, int] | None = None,
    question: Question | None = None,
    must_answer: bool = True,
) -> _Line:
    purpose, without = PURPOSES[FEEDS if vendor.startswith("feed-") else vendor]
    state = State.SIMULATED if simulated else State.OK if used else State.OFF
    made = VendorState(
        vendor=vendor,
        purpose=purpose,
        state=state,
        key=key,
        reachable="the sandbox stands in" if simulated else "" if used else NOT_USED,
        budget_left="no limit" if simulated else _budget_left(arena, vendor),
        last_success=last_success,
        coverage=coverage,
        without=without,
        counts=counts or {},
    )
    return _Line(made, question if used and not simulated else None, must_answer)


def _prices(arena: Arena, vendor: str, covers: str, question: Question, *, stands_in: bool) -> _Line:
    source = arena.settings.prices.source
    simulated = stands_in and source == "sandbox"
    in_use = simulated or source == vendor
    found = priced(arena.store, arena.priced_symbols) if in_use else None
    return _line(
        arena,
        vendor,
        used=source == vendor,
        simulated=simulated,
        last_success=last_answer(arena.store, vendor),
        coverage=str(found or "no bars yet") if in_use else covers,
        counts={"shares": found.symbols, "of": found.of} if found else {},
        question=question,
    )


def _feeds(arena: Arena) -> list[_Line]:
    """A line for each feed in force; one for all where feeds are not read."""
    source = arena.settings.news.source
    if source != "feeds":
        simulated = source == "sandbox"
        last = max(last_readable(arena.store).values(), default=None)
        covers = f"each of {len(arena.symbols)} shares" if simulated else "shares that they name"
        return [_line(arena, FEEDS, used=False, simulated=simulated, last_success=last, coverage=covers)]
    healthy = last_readable(arena.store)
    return [_feed(arena, feed, healthy.get(feed.name)) for feed in feeds_in_force(arena.settings.news)]


def _feed(arena: Arena, feed: Feed, last: str | None) -> _Line:
    per_share = "{symbol}" in feed.url
    return _line(
        arena,
        f"feed-{feed.name}",
        used=True,
        last_success=last,
        coverage=f"each of {len(arena.symbols)} shares" if per_share else "shares that it names",
        counts={"shares": len(arena.symbols), "of": len(arena.symbols)} if per_share else {},
        question=partial(probes.feed, arena, feed),
        must_answer=False,
    )


def _figures(arena: Arena, name: str) -> _Line:
    """`counts`: shares that the vendor knows under a name, and pairs of share and subject as last learned."""
    variable = FIGURE_KEYS[name]
    has_key = bool(os.environ.get(variable))
    simulated = arena.settings.fundamentals.source == "sandbox"
    named = name in arena.figure_vendor_names
    own = [entry for entry in coverage.learned(arena.store) if entry.ask.vendor == name]
    newest: dict[Ask, Coverage] = {entry.ask: entry.coverage for entry in own}
    counted = Counter(newest.values())
    counts = {
        "shares": sum(symbol_map(name).vendor_symbol(symbol) is not None for symbol in arena.symbols),
        "of": len(arena.symbols),
    } | {outcome.value: counted[outcome] for outcome in Coverage}
    text = f"{counts['shares']} of {counts['of']} shares"
    if own:
        text += ": " + ", ".join(
            f"{counts[outcome]} {outcome.value.replace('_', ' ')}" for outcome in Coverage if counts[outcome]
        )
    line = _line(
        arena,
        name,
        used=named and has_key,
        simulated=simulated,
        key=_key(variable, has_key),
        last_success=max((utc_text(e.at) for e in own if e.coverage is Coverage.COVERED), default=None),
        coverage=text,
        counts=counts,
        question=partial(probes.figures, arena, name),
    )
    if not named or has_key or simulated:
        return line
    only = len(arena.figure_vendor_names) == 1
    return _without_key(line, variable, State.FAILED if only else State.OFF)


def _searches(arena: Arena) -> bool:
    return arena.settings.news.source == "feeds" and arena.settings.research.search != "off"


def _search(arena: Arena) -> _Line:
    installed = importlib.util.find_spec("ddgs") is not None
    return _line(
        arena,
        search.VENDOR,
        used=_searches(arena) and (installed or arena.settings.research.search == "on"),
        last_success=last_answer(arena.store, search.VENDOR),
        coverage="any share, by name" if installed else "nothing: pip install 'sentiment-arena[search]'",
        question=partial(probes.web_search, arena),
        must_answer=False,
    )


def _articles(arena: Arena) -> _Line:
    return _line(
        arena,
        articles.VENDOR,
        used=_searches(arena),
        last_success=last_answer(arena.store, articles.VENDOR),
        coverage="any public page that a search finds",
    )


def _models(arena: Arena) -> _Line:
    settings = arena.settings.llm
    simulated, used = settings.base_url == "sandbox", arena.has_research_model
    has_key = bool(os.environ.get(settings.api_key_env))
    own_server = settings.base_url == LOCAL or urlsplit(settings.base_url).hostname in LOOPBACK
    line = _line(
        arena,
        MODELS,
        used=used,
        simulated=used and simulated,
        key=NO_KEY if own_server and not has_key else _key(settings.api_key_env, has_key),
        last_success=last_reply(arena.store),
        coverage=f"{len(arena.models_in_use)} models in use",
        counts={"models": len(arena.models_in_use)},
        question=partial(probes.models, arena),
    )
    if used and not simulated and not has_key and not own_server:
        return _without_key(line, settings.api_key_env, State.FAILED)
    return line


def _sandbox(arena: Arena) -> _Line:
    settings = arena.settings
    sources = {
        "prices": settings.prices.source,
        "news": settings.news.source,
        "figures": settings.fundamentals.source,
        "models": settings.llm.base_url if arena.has_research_model else "",
    }
    simulated = [name for name, source in sources.items() if source == "sandbox"]
    return _line(
        arena,
        SANDBOX,
        used=bool(simulated),
        coverage=f"all shares: {', '.join(simulated)}" if simulated else "all shares",
        question=partial(probes.sandbox, arena),
    )


def _without_key(line: _Line, variable: str, state: State) -> _Line:
    lacking = replace(
        line.state, state=state, reachable="no key", remedy=f"set {variable} in .env or the environment"
    )
    return replace(line, state=lacking, question=None)


def _key(variable: str, is_set: bool) -> str:
    return f"{variable} is {'set' if is_set else 'not set'}"


def _budget_left(arena: Arena, vendor: str) -> str:
    """What is left of the widest of a vendor's limits, the day's where there is one."""
    if vendor in {files.VENDOR, SANDBOX}:
        return "no limit"
    if vendor == MODELS:
        cap = arena.settings.llm.daily_budget_usd
        return f"{max(cap - spent_today(arena.store, arena.clock()), Decimal(0)):.2f} of {cap} USD"
    used = [entry for entry in arena.vendor_budget.left() if entry.vendor == vendor]
    if used:
        return f"{used[-1].left} of {used[-1].limit}"
    widest = arena.vendor_budget.limits_of("feed-any" if vendor == FEEDS else vendor)[-1]
    return f"{widest.calls} of {widest}"

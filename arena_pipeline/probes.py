"""Whether each vendor answers now: one cheap question each, all at once, in a few seconds; nothing is stored.

A question is a function that returns what to say of the answer and raises one of our errors for none. What it
costs is counted in the vendor's budget like any other call.
"""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

from arena_pipeline.arena import FIGURE_KEYS, Arena
from arena_pipeline.errors import (
    ArenaError,
    ConfigError,
    NotCovered,
    OutOfCredit,
    RateLimited,
    SourceError,
    VendorRefused,
)
from arena_pipeline.llm.client import speaks_openrouter
from arena_pipeline.settings import Feed
from arena_pipeline.sources.alphavantage import AlphaVantage
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.feeds import FeedSource
from arena_pipeline.sources.files import FilePrices
from arena_pipeline.sources.finnhub import Finnhub
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.model_catalog import (
    ADD_CREDIT,
    MAX_BYTES,
    SPENT,
    Credit,
    CreditState,
    ModelCatalog,
    credit_of,
)
from arena_pipeline.sources.prices import PriceSource
from arena_pipeline.sources.recorder import Failure, MemoryRecorder
from arena_pipeline.sources.yahoo import YahooPrices

Question = Callable[[], str]

PROBE_SECONDS = 5.0
"""The longest that one request of a probe may take."""

PATIENCE_SECONDS = 12.0
"""The longest that all probes together are waited for: Yahoo's client makes several requests for one bar."""

CHECK_NETWORK = "check the network, and the vendor's address in arena.toml"


CHECK_KEY = "check the key, where there is one, and what its plan allows; else ask again later"
LEFT_OUT = "nothing need be done: what a vendor does not have is left out"


class Reach(enum.StrEnum):
    """Whether a vendor answered. LIMITED: it did, and does not give us this now, or not on our plan."""

    YES = "yes"
    LIMITED = "limited"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of a question, in our words."""

    reach: Reach
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reach}: {self.said}" if self.said else str(self.reach)


def ask(questions: Mapping[str, Question], *, patience: float = PATIENCE_SECONDS) -> dict[str, Probe]:
    """Ask every question at once. One without an answer after `patience` seconds counts as unanswered."""
    if not questions:
        return {}
    ends = time.monotonic() + patience
    threads = ThreadPoolExecutor(len(questions), thread_name_prefix="probe")
    try:
        asked = {name: threads.submit(_outcome, question) for name, question in questions.items()}
        found: dict[str, Probe] = {}
        for name, future in asked.items():
            try:
                found[name] = future.result(max(ends - time.monotonic(), 0))
            except TimeoutError:
                found[name] = Probe(Reach.NO, f"no answer within {patience:g} s", CHECK_NETWORK)
        return found
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _outcome(question: Question) -> Probe:
    try:
        return Probe(Reach.YES, question())
    except NotCovered as error:
        return Probe(Reach.LIMITED, str(error.args[0]), error.remedy or LEFT_OUT)
    except RateLimited as error:
        return Probe(Reach.LIMITED, str(error.args[0]), error.remedy or "ask again later")
    except VendorRefused as error:
        return Probe(Reach.NO, str(error.args[0]), error.remedy or CHECK_KEY)
    except ArenaError as error:
        return Probe(Reach.NO, str(error.args[0]), error.remedy or CHECK_NETWORK)


def yahoo(arena: Arena) -> str:
    """The benchmark's bar of the last trading day."""
    day = arena.calendar.previous_day(_today(arena))
    prices = YahooPrices(
        MemoryRecorder(),
        clock=arena.clock,
        calendar=arena.calendar,
        max_jump=arena.settings.prices.max_jump,
        base_url=arena.settings.prices.yahoo_url,
        timeout=PROBE_SECONDS,
        budget=arena.vendor_budget,
    )
    return _priced(prices, arena.settings.universe.benchmark, day, day)


def files(arena: Arena) -> str:
    """Whether the prices' folder and the benchmark's file can be read."""
    settings = arena.settings.prices
    if settings.path is None or settings.benchmark_path is None:
        raise SourceError(
            "prices.path and prices.benchmark_path are not set", remedy="set both in arena.toml"
        )
    prices = FilePrices(
        settings.path,
        settings.benchmark_path,
        benchmark=arena.settings.universe.benchmark,
        symbols=(),
        adjustment=settings.adjustment,
        calendar=arena.calendar,
        max_jump=settings.max_jump,
        recorder=MemoryRecorder(),
        clock=arena.clock,
    )
    return _priced(prices, arena.settings.universe.benchmark, arena.start, _today(arena))


def feed(arena: Arena, which: Feed) -> str:
    """One request: the feed, or a feed per share of the first share."""
    day = _today(arena)
    (reply,) = FeedSource(_http(arena), [which]).collect(arena.symbols[:1], day, day)
    if reply.recorded.kind is Failure.HELD_BACK:
        raise RateLimited(str(reply.broken), remedy="ask again later")
    if reply.parsed is None:
        raise SourceError(str(reply.broken), remedy="correct its address, or switch it off: enabled = false")
    return f"{len(reply.parsed.items)} items"


def figures(arena: Arena, name: str) -> str:
    """One quote. Raises KeyRefused for a key that is not taken."""
    settings, key = arena.settings.fundamentals, os.environ.get(FIGURE_KEYS[name])
    if name == AlphaVantage.name:
        AlphaVantage(_http(arena), api_key=key, base_url=settings.alphavantage_url).ping(arena.clock())
    else:
        Finnhub(_http(arena), api_key=key, base_url=settings.finnhub_url).ping(arena.clock())
    return ""


def models(arena: Arena) -> str:
    """The endpoint's list of models, and at OpenRouter, whose list is open to all, what the key may spend.

    Raises OutOfCredit where that is nothing; NotCovered where it is less than a day's budget.
    """
    settings = arena.settings.llm
    catalog = ModelCatalog(_http(arena, MAX_BYTES), base_url=arena.llm_url, api_key=arena.llm_key)
    credit = _credit(arena, catalog) if speaks_openrouter(settings.base_url) else None
    if credit is not None and credit.state in SPENT:
        raise OutOfCredit(credit.said, remedy=ADD_CREDIT)
    try:
        listed = catalog.models()
    except NotCovered as error:
        return str(error.args[0])
    names = {name for model in listed for name in (model.id, model.canonical_slug, *model.aliases)}
    missing = sorted(set(arena.models_in_use) - names)
    if missing:
        raise NotCovered(
            f"it does not list {', '.join(missing)}", remedy="correct the model's name in arena.toml"
        )
    told = f"lists all {len(arena.models_in_use)} models in use"
    if credit is None:
        return told
    if credit.state is CreditState.LOW:
        raise NotCovered(f"{told}; {credit.said}", remedy=ADD_CREDIT)
    return f"{told}; {credit.said}"


def _credit(arena: Arena, catalog: ModelCatalog) -> Credit | None:
    """What the key may still spend; None where there is no key, or the endpoint does not tell."""
    try:
        allowance = catalog.key_allowance()
    except NotCovered:
        return None
    return credit_of(allowance, wanted=arena.settings.llm.daily_budget_usd, now=arena.clock())


def require_models(arena: Arena) -> None:
    """Raises ConfigError without a key for OpenRouter, and SourceError when the endpoint does not answer or
    refuses, or the key may spend nothing more. The sandbox's is always there; one that lists no models is
    taken at its word."""
    settings = arena.settings.llm
    if settings.base_url == "sandbox":
        return
    if speaks_openrouter(settings.base_url) and not os.environ.get(settings.api_key_env):
        raise ConfigError(
            f"{settings.api_key_env} is not set, and language models are to decide at {settings.base_url}",
            remedy="set it in .env or the environment, or backfill the baselines alone with --models",
        )
    try:
        models(arena)
    except NotCovered:
        return
    except OutOfCredit as error:
        raise OutOfCredit(
            f"no language model can be asked: {error.args[0]}",
            remedy=f"nothing was decided; {error.remedy}, and run the backfill again",
        ) from error
    except SourceError as error:
        raise SourceError(
            f"no language model can be asked: {error.args[0]}",
            remedy="nothing was decided; run the backfill again when the endpoint answers (arena doctor)",
        ) from error


def web_search(arena: Arena) -> str:
    """One query, for the first share of the universe."""
    name = arena.companies[arena.symbols[0]].name
    until = arena.clock() + timedelta(seconds=PROBE_SECONDS)
    found = arena.web_search(MemoryRecorder(), until=until).news(name)
    return f"{len(found.items)} items about {name}"


def sandbox(arena: Arena) -> str:
    """One question to the first stand-in that the settings name."""
    settings, recorder = arena.settings, MemoryRecorder()
    if settings.prices.source == "sandbox":
        return _priced(arena.prices(recorder), settings.universe.benchmark, arena.start, arena.start)
    if settings.news.source == "sandbox":
        replies = arena.feeds(recorder).collect(arena.symbols[:1], arena.start, arena.start)
        return f"{len(replies)} feeds"
    if settings.fundamentals.source == "sandbox":
        return f"{len(arena.figure_vendors(recorder))} vendors of figures"
    return f"{len(arena.model_catalog(recorder).models())} models"


def _priced(prices: PriceSource, symbol: str, first: date, last: date) -> str:
    reply = prices.daily([symbol], first, last)
    if symbol in reply.missing:
        raise NotCovered(reply.missing[symbol])
    return f"{symbol} to {max(bar.day for bar in reply.bars)}"


def _http(arena: Arena, max_bytes: int = 5_000_000) -> Http:
    """One attempt, with a breaker of its own: what failed a moment ago is asked all the same."""
    return Http(
        MemoryRecorder(),
        clock=arena.clock,
        timeout=PROBE_SECONDS,
        max_bytes=max_bytes,
        attempts=1,
        budget=arena.vendor_budget,
        breaker=CircuitBreaker(),
    )


def _today(arena: Arena) -> date:
    return arena.clock().astimezone(arena.calendar.zone).date()

"""One arena put together: settings, calendar, store, and the sources that the settings name.

Assets, commands and the replay receive an `Arena` and nothing else. Everything that reaches outside is
made here, with its recorder, so that a replay is the same arena with recorders that answer from the archive.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TypeVar, cast

from arena_pipeline.environment import make_home
from arena_pipeline.errors import ArenaError, ConfigError
from arena_pipeline.llm.budget import UnlimitedBudget
from arena_pipeline.llm.client import MAX_TOKENS, ModelClient, speaks_openrouter
from arena_pipeline.llm.local import LOCAL, LONGEST_REPLY, LocalModel
from arena_pipeline.llm.research_models import ResearchChoice, choose_research_model
from arena_pipeline.market.bars import Adjustment
from arena_pipeline.market.calendar import Session, TradingCalendar, trading_calendar
from arena_pipeline.market.indicators import indicator_anchor
from arena_pipeline.market.universe import Company, companies
from arena_pipeline.market.vintages import BarHistory
from arena_pipeline.news.feeds import MAX_BYTES
from arena_pipeline.research.coverage import Subject
from arena_pipeline.settings import Feed, Model, ModelKind, Settings
from arena_pipeline.sources import articles, yahoo
from arena_pipeline.sources.addresses import PublicRoute, Route
from arena_pipeline.sources.alphavantage import AlphaVantage
from arena_pipeline.sources.articles import ArticleSource
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.budget import Budget, Unmetered, Until, VendorBudget
from arena_pipeline.sources.feed_table import feeds_in_force
from arena_pipeline.sources.feeds import FeedSource
from arena_pipeline.sources.files import FilePrices
from arena_pipeline.sources.finnhub import Finnhub
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.model_catalog import MAX_BYTES as MAX_CATALOG_BYTES
from arena_pipeline.sources.model_catalog import KeyAllowance, ModelCatalog, key_allowance
from arena_pipeline.sources.prices import PriceSource
from arena_pipeline.sources.recorder import Recorder
from arena_pipeline.sources.search import WebSearch
from arena_pipeline.sources.vendors import FigureVendor
from arena_pipeline.sources.yahoo import YahooPrices
from arena_pipeline.strategies import Style
from arena_pipeline.terms import hold_to_terms
from arena_pipeline.trading.book import DayResult, MarketDay
from arena_pipeline.trading.fills import FillPolicy, LimitFill
from arena_pipeline.trading.orders import Cancellation, Order
from arena_pipeline.trading.replay import Replay, fold
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.budget import LedgerBudget
from arena_pipeline.warehouse.readers import market_day
from arena_pipeline.warehouse.recorder import Collection, ModelRecorder, RecordedCollection
from arena_pipeline.warehouse.store import ArenaStore

T = TypeVar("T")
Clock = Callable[[], datetime]
HISTORY = "history"
"""The partition of daily_bars that holds what lies before the arena's first day."""

AHEAD_AT_MOST = timedelta(minutes=30)
"""How long before its time the run of a session may begin: what was collected earlier would be too old."""

LATE_AFTER = timedelta(minutes=30)
"""A session that is decided later than this on its day is marked late; its orders go out when it decides."""

SANDBOX_PATHS = {"yahoo_url": "", "feeds_url": "/rss", "fundamentals_url": "", "llm_url": "/v1"}
"""Below which path the sandbox stands in for a vendor; during a replay there is no host behind it."""

FIGURE_KEYS = {"alphavantage": "ALPHAVANTAGE_API_KEY", "finnhub": "FINNHUB_API_KEY"}
"""Which environment variable holds a vendor's key."""

SANDBOX_KEY = "no-key-is-needed-by-the-sandbox"
SANDBOX_SUBJECTS = {
    "alphavantage": (Subject("overview", timedelta(days=20)), Subject("earnings", timedelta(days=60))),
    "finnhub": tuple(
        Subject(name, timedelta(days=20)) for name in ("metrics", "recommendations", "profile", "quote")
    ),
}
"""What the sandbox's vendors are asked for, and after how many trading days again; it has no statements."""

VENDOR_BYTES = 5_000_000
"""The most that one answer may unpack to; a feed may hold less."""

FEED_SECONDS = 10.0
"""The longest that one feed may take, however slowly it answers: there is one for each share."""


LINK_SECONDS = 10.0
"""The longest that one search or one page may take."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def open_store(settings: Settings) -> ArenaStore:
    """The ledger, lake and archive of an arena. Raises ConfigError when it was made on other terms, and
    where nothing can be stored."""
    store = ArenaStore(
        ledger_url=settings.ledger_url,
        lake_url=settings.lake_url,
        archive_folder=str(settings.home / "archive"),
        market=settings.arena.market,
    )
    try:
        hold_to_terms(settings, store)
        make_home(settings.home)
    except ConfigError:
        store.close()
        raise
    return store


@dataclass
class Arena:
    """The parts of one arena. Use it as a context manager: it stops the sandbox it may have started."""

    settings: Settings
    store: ArenaStore
    clock: Clock = system_clock
    origin: ArenaStore | None = None
    """During a replay, the store whose archive answers; nothing outside is asked then."""
    strangers: Route = field(default_factory=PublicRoute)
    """Where links that come from outside may lead."""
    tell: Callable[[str], None] = lambda line: None
    """Told of each question to a model that has ended."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _recorded: RecordedCollection | None = None
    _market_days: tuple[object, list[MarketDay]] | None = None
    _reads: dict[tuple[str, ...], tuple[object, object]] = field(default_factory=dict)
    _books: dict[str, tuple[object, list[DayResult]]] = field(default_factory=dict)

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the sandbox and let go of the ledger; what is asked for next opens them again."""
        self._stack.close()
        for started in ("_sandbox", "_local_model", "models"):
            self.__dict__.pop(started, None)
        if "vendor_budget" in self.__dict__:
            self.vendor_budget.close()
        self.store.close()

    # -- facts -----------------------------------------------------------------------------------------

    @cached_property
    def calendar(self) -> TradingCalendar:
        return trading_calendar(self.settings.arena.market)

    @cached_property
    def companies(self) -> dict[str, Company]:
        return companies(self.settings.universe.symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.settings.universe.symbols

    @property
    def priced_symbols(self) -> tuple[str, ...]:
        """The shares and the benchmark, which benchmark hold buys."""
        return (*self.symbols, self.settings.universe.benchmark)

    @property
    def start(self) -> date:
        return self.settings.arena.start

    @property
    def contestants(self) -> dict[str, Model]:
        """By id, the models that decide: the configured ones; during a replay also those that have been
        taken out since, as they were registered."""
        return {model.id: model for model in (*self._registered, *self.settings.models)}

    @cached_property
    def _registered(self) -> list[Model]:
        return [] if self.origin is None else readers.registrations(self.origin)

    def contestant(self, model_id: str) -> Model:
        """Raises ConfigError naming those there are."""
        return self.contestants.get(model_id) or self.settings.model_named(model_id)

    @property
    def styles(self) -> tuple[Style, ...]:
        """The styles of the language models that take part; all of them when none does."""
        used = {model.style for model in self.contestants.values()}
        return tuple(style for style in Style if style in used) or tuple(Style)

    @property
    def has_research_model(self) -> bool:
        """Whether anybody reads what a research model would write."""
        return any(model.kind is ModelKind.LLM for model in self.contestants.values())

    @property
    def reads_with_model(self) -> bool:
        """Whether the research model reads the articles; else the rules do."""
        return self.has_research_model and self.settings.research.extraction == "model"

    @cached_property
    def research_choice(self) -> ResearchChoice:
        """The model that writes the briefings, and what to say of how it was chosen."""
        url = self.settings.llm.base_url
        return choose_research_model(
            self.settings.llm.research_model,
            [str(model.model) for model in self.contestants.values() if model.kind is ModelKind.LLM],
            openrouter=speaks_openrouter(url),
        )

    @property
    def models_in_use(self) -> dict[str, tuple[str, ...]]:
        """Model names at the endpoint, and who uses them: contestants, and `research`."""
        users: dict[str, list[str]] = {}
        for model in self.settings.models:
            if model.kind is ModelKind.LLM:
                users.setdefault(str(model.model), []).append(model.id)
        if users:
            users.setdefault(self.research_choice.model, []).append("research")
        return {name: tuple(users[name]) for name in sorted(users)}

    def is_live(self, session: Session) -> bool:
        """Whether a session is being decided at its own time."""
        return timedelta(0) <= self.clock() - session.time <= LATE_AFTER

    def is_today(self, day: date) -> bool:
        return self.clock().astimezone(self.calendar.zone).date() == day

    def daily_bars(self) -> BarHistory:
        """All daily bars that any session looks back on; read again when the stored ones change."""
        anchor = indicator_anchor(self.start)
        return self._cached(
            ("daily_bars", "corporate_actions"), lambda: readers.daily_bars(self.store, anchor)
        )

    def intraday_bars(self) -> BarHistory:
        """All 15-minute bars; read again when the stored ones change."""
        return self._cached(("intraday_bars",), lambda: readers.intraday_bars(self.store))

    def market_days(self, last: date) -> list[MarketDay]:
        """The days from the start to `last` as the replay sees them."""
        actions = self._cached(("corporate_actions",), lambda: readers.corporate_actions(self.store))
        parts = (self.daily_bars(), self.intraday_bars(), actions)
        if self._market_days is None or self._market_days[0] != parts or self._market_days[1][-1].day < last:
            stored = [
                date.fromisoformat(key) for key in self.store.partitions("daily_bars") if key != HISTORY
            ]
            days = self.calendar.days(self.start, max([*stored, last]))
            self._market_days = (parts, [market_day(self.calendar, day, *parts) for day in days])
        return [day for day in self._market_days[1] if day.day <= last]

    @property
    def fill_policy(self) -> FillPolicy:
        fills = self.settings.fills
        return FillPolicy(
            LimitFill(fills.limit),
            Decimal(str(fills.slippage_bp)),
            Decimal(str(fills.participation)) if fills.participation else None,
        )

    @property
    def dividend_tax(self) -> Decimal:
        return Decimal(str(self.settings.fills.dividend_tax))

    @property
    def terms(self) -> dict[str, str | None]:
        """On what terms orders fill, for the board; plain values, money as text."""
        policy = self.fill_policy
        return {
            "market": self.settings.arena.market,
            "currency": self.settings.arena.currency,
            "fee_per_order": str(self.settings.arena.fee_per_order),
            "limit": policy.limit_fill.value,
            "slippage_bp": str(policy.slippage_bp),
            "participation": None if policy.participation is None else str(policy.participation),
            "dividend_tax": str(self.dividend_tax),
        }

    def engine(self, model: str) -> Replay:
        """A book at its start, under this arena's cash, fee and rules."""
        arena = self.settings.arena
        return Replay(model, arena.starting_cash, arena.fee_per_order, self.fill_policy, self.dividend_tax)

    def replayed(
        self, model: str, orders: Sequence[Order | Cancellation], last: date
    ) -> dict[date, DayResult]:
        """Every trading day of a model's book from the start to `last`, replayed once for the same input."""
        days = self.market_days(last)
        inputs = (tuple(orders), tuple(map(id, days)))
        if model not in self._books or self._books[model][0] != inputs:
            self._books[model] = (inputs, fold(self.engine(model), orders, days))
        return {day.day: result for day, result in zip(days, self._books[model][1], strict=True)}

    def _cached(self, assets: tuple[str, ...], load: Callable[[], T]) -> T:
        """What was read of lake tables, for as long as their partitions in force stay the same."""
        state = [self.store.partitions(asset) for asset in assets]
        if assets not in self._reads or self._reads[assets][0] != state:
            self._reads[assets] = (state, load())
        return cast(T, self._reads[assets][1])

    # -- the border ------------------------------------------------------------------------------------

    def collection(self, asset: str, partitions: Sequence[str]) -> Collection | RecordedCollection:
        """The recorder for one reading of a source; during a replay, the recorded one."""
        if self.origin is not None:
            if self._recorded is None:
                raise ArenaError(f"{asset} was read during a replay outside a recorded collection")
            return self._recorded
        fresh_for = {yahoo.VENDOR: yahoo.FRESH_FOR} if self.settings.prices.source == "yahoo" else {}
        return Collection(self.store, asset, partitions, self.clock(), fresh_for=fresh_for)

    def answer_from(self, recorded: RecordedCollection) -> None:
        """From here on, sources answer from this recorded collection, and the clock stands at its time."""
        self._recorded = recorded
        self.clock = lambda: recorded.at

    def prices(self, recorder: Recorder, *, asked_at: datetime | None = None) -> PriceSource:
        settings = self.settings.prices
        if settings.source == "files":
            if settings.path is None or settings.benchmark_path is None:
                raise ArenaError("prices.path and prices.benchmark_path are not set")
            return FilePrices(
                settings.path,
                settings.benchmark_path,
                benchmark=self.settings.universe.benchmark,
                symbols=self.symbols,
                adjustment=settings.adjustment,
                calendar=self.calendar,
                max_jump=settings.max_jump,
                recorder=recorder,
                clock=self.clock,
            )
        return YahooPrices(
            recorder,
            clock=self.clock,
            calendar=self.calendar,
            max_jump=settings.max_jump,
            base_url=self._sandbox_url("yahoo_url") if settings.source == "sandbox" else settings.yahoo_url,
            timeout=self.settings.network.timeout_seconds,
            budget=self._budget_of(settings.source),
            reach=None if settings.source == "sandbox" else yahoo.REACH,
            asked_at=asked_at,
            adjustment=Adjustment.SPLIT if settings.source == "sandbox" else Adjustment.RAW,
        )

    def feeds(self, recorder: Recorder) -> FeedSource:
        if self.settings.news.source == "sandbox":
            base = self._sandbox_url("feeds_url")
            feeds: tuple[Feed, ...] = (
                Feed(name="sandbox-en", url=base + "/{symbol}?from={from}&to={to}&lang=en"),
                Feed(name="sandbox-de", url=base + "/{symbol}?from={from}&to={to}&lang=de", language="de"),
            )
        else:
            feeds = feeds_in_force(self.settings.news)
        http = self._http(recorder, self.settings.news.source, at_most=FEED_SECONDS, max_bytes=MAX_BYTES)
        memory = recorder if isinstance(recorder, Collection) else None
        return FeedSource(http, feeds, memory=memory)

    def web_search(self, recorder: Recorder, *, until: datetime) -> WebSearch:
        """The search engine, asked until a moment (UTC)."""
        settings = self.settings.research
        return WebSearch(
            recorder,
            clock=self.clock,
            timeout=max(1, round(min(self.settings.network.timeout_seconds, LINK_SECONDS))),
            budget=Until(self.vendor_budget, until, clock=self.clock),
            breaker=self.breaker,
            proxy=settings.search_proxy,
            ca_file=settings.search_ca_file,
        )

    def article_pages(self, recorder: Recorder, *, until: datetime) -> ArticleSource:
        """Pages behind links from outside, fetched until a moment (UTC)."""
        return ArticleSource(
            Http(
                recorder,
                clock=self.clock,
                budget=Until(self.vendor_budget, until, clock=self.clock),
                breaker=self.breaker,
                timeout=min(self.settings.network.timeout_seconds, LINK_SECONDS),
                max_bytes=articles.MAX_BYTES,
                attempts=2,
                route=self.strangers,
            )
        )

    def figure_vendors(self, recorder: Recorder) -> tuple[FigureVendor, ...]:
        """The vendors of company figures that the settings name and that a key is there for.

        During a replay no key is needed: nobody is asked. The sandbox answers as of the day asked about.
        """
        settings = self.settings.fundamentals
        http = self._http(recorder, settings.source)
        if settings.source == "sandbox":
            base = self._sandbox_url("fundamentals_url") + "/on/{day}"
            return (
                AlphaVantage(
                    http,
                    api_key=SANDBOX_KEY,
                    base_url=base,
                    companies=self.companies,
                    subjects=SANDBOX_SUBJECTS["alphavantage"],
                ),
                Finnhub(
                    http,
                    api_key=SANDBOX_KEY,
                    base_url=f"{base}/api/v1",
                    companies=self.companies,
                    subjects=SANDBOX_SUBJECTS["finnhub"],
                ),
            )
        found: list[FigureVendor] = []
        for name in self.figure_vendor_names if self.origin is None else FIGURE_KEYS:
            key = os.environ.get(FIGURE_KEYS[name]) or None
            if key is None and self.origin is None:
                continue
            if name == "alphavantage":
                url = settings.alphavantage_url
                found.append(AlphaVantage(http, api_key=key, base_url=url, companies=self.companies))
            else:
                url = settings.finnhub_url
                found.append(Finnhub(http, api_key=key, base_url=url, companies=self.companies))
        return tuple(found)

    @property
    def figure_vendor_names(self) -> tuple[str, ...]:
        """The vendors of company figures that the settings name, with or without a key."""
        source = self.settings.fundamentals.source
        if source == "vendors":
            return tuple(FIGURE_KEYS)
        return (source,) if source in FIGURE_KEYS else ()

    @cached_property
    def vendor_budget(self) -> VendorBudget:
        """What may still be asked of each vendor, shared by every process of this home."""
        return VendorBudget(self.settings.home / "vendor_calls.db")

    @cached_property
    def breaker(self) -> CircuitBreaker:
        """Which hosts failed just now, for everything in this run that asks over the network."""
        return CircuitBreaker()

    def _http(
        self,
        recorder: Recorder,
        source: str,
        *,
        at_most: float = math.inf,
        max_bytes: int = VENDOR_BYTES,
    ) -> Http:
        """The HTTP client for a source of the settings; the sandbox is no vendor and has no budget."""
        return Http(
            recorder,
            clock=self.clock,
            budget=self._budget_of(source),
            breaker=self.breaker,
            timeout=min(self.settings.network.timeout_seconds, at_most),
            max_bytes=max_bytes,
        )

    def _budget_of(self, source: str) -> Budget:
        """Of calls to a source; the sandbox is no vendor and has none."""
        return Unmetered() if source == "sandbox" else self.vendor_budget

    @cached_property
    def models(self) -> ModelClient:
        """The one client for every model."""
        settings = self.settings.llm
        sandbox = settings.base_url == "sandbox"
        caps = {m.id: m.daily_budget_usd for m in self.settings.models if m.daily_budget_usd is not None}
        client = ModelClient(
            base_url=self.llm_url,
            api_key=self.llm_key,
            recorder=ModelRecorder(self.origin or self.store, offline=self.origin is not None),
            clock=self.clock,
            budget=UnlimitedBudget()
            if sandbox or self.origin
            else LedgerBudget(self.store, settings.daily_budget_usd, clock=self.clock, per_spender=caps),
            timeout=settings.timeout_seconds,
            max_attempts=settings.max_attempts,
            concurrency=settings.concurrency,
            tell=lambda line: self.tell(line),
            max_tokens=LONGEST_REPLY if settings.base_url == LOCAL else MAX_TOKENS,
        )
        return self._stack.enter_context(client)

    def model_catalog(self, recorder: Recorder) -> ModelCatalog:
        """The model endpoint's own lists."""
        http = self._http(recorder, self.settings.llm.base_url, max_bytes=MAX_CATALOG_BYTES)
        return ModelCatalog(http, base_url=self.llm_url, api_key=self.llm_key)

    @property
    def tells_allowance(self) -> bool:
        """Whether there is a key at an endpoint that tells what a key may still spend."""
        return speaks_openrouter(self.settings.llm.base_url) and bool(self.llm_key)

    def key_allowance(self) -> KeyAllowance:
        """What the model key may still spend, asked now and kept nowhere. Raises a SourceError."""
        return key_allowance(self.llm_url, self.llm_key, clock=self.clock)

    @property
    def llm_url(self) -> str:
        """The model endpoint's address; a stand-in or local one is started where it is not running."""
        url = self.settings.llm.base_url
        if url == LOCAL and self.origin is None:
            return self._local_model.url
        return self._sandbox_url("llm_url") if url in ("sandbox", LOCAL) else url

    @property
    def llm_key(self) -> str | None:
        """What the endpoint is sent as the key: never one that is meant for another."""
        url = self.settings.llm.base_url
        if url == LOCAL:
            return self._local_model.key if self.origin is None else None
        return SANDBOX_KEY if url == "sandbox" else os.environ.get(self.settings.llm.api_key_env)

    @cached_property
    def _local_model(self) -> LocalModel:
        model = LocalModel()
        self._stack.callback(model.close)
        return model

    def _sandbox_url(self, name: str) -> str:
        if self.origin is not None:
            return f"http://127.0.0.1:9{SANDBOX_PATHS[name]}"
        return str(getattr(self._sandbox, name))

    @cached_property
    def _sandbox(self) -> object:
        from arena_pipeline.sandbox.server import SandboxServer

        return self._stack.enter_context(
            SandboxServer(
                seed=self.settings.arena.seed,
                symbols=self.symbols,
                benchmark=self.settings.universe.benchmark,
                calendar=self.calendar,
            )
        )

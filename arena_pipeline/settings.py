"""`arena.toml` and the environment, as one frozen model. Every key is explained in the shipped `arena.toml`.

A wrong key, symbol, path or number raises one `ConfigError` that names file, key and remedy. Secrets are
read from the environment (or `.env`) when they are used and are never part of the settings.
"""

from __future__ import annotations

import enum
import math
import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import load_dotenv
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from arena_pipeline.environment import home_from_environment, lake_url, ledger_url
from arena_pipeline.errors import ConfigError
from arena_pipeline.market.bars import Adjustment
from arena_pipeline.market.calendar import FIRST_YEAR, LAST_YEAR, trading_calendar
from arena_pipeline.market.profiles import market_profile
from arena_pipeline.market.universe import dax40
from arena_pipeline.strategies import Strategy, Style, strategy_named

SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-]{0,14}")
MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


MOST_MONEY = Decimal("1000000000000.00")
"""The largest amount that may be configured: books of many times that still fit the ledger's cents."""


class ModelKind(enum.StrEnum):
    LLM = "llm"
    BASELINE = "baseline"


def _money(value: Any) -> Decimal:
    if isinstance(value, bool | float):
        raise ValueError('write an amount as a string with two decimals, such as "100000.00"')
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount of money") from error
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no finite amount of money")
    if amount < 0:
        raise ValueError(f"{value!r} is negative")
    if amount > MOST_MONEY:
        raise ValueError(f"{value!r} is more than {MOST_MONEY:,}")
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError(f"{value!r} has more than two decimals")
    return amount.quantize(Decimal("0.01"))


def _symbol(value: str) -> str:
    if not SYMBOL.fullmatch(value):
        raise ValueError(f"{value!r} is no symbol; write it like SAP.DE or ^GDAXI")
    return value


def _model_id(value: str) -> str:
    if not MODEL_ID.fullmatch(value):
        raise ValueError(f"{value!r} is no model id; use a-z, 0-9, dot, dash and underscore, at most 40")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _holds_certificates(file: Path) -> bool:
    try:
        return ssl.create_default_context(cafile=file).cert_store_stats()["x509"] > 0
    except (ssl.SSLError, OSError):
        return False


Money = Annotated[Decimal, BeforeValidator(_money)]
Symbol = Annotated[str, AfterValidator(_symbol)]
ModelId = Annotated[str, AfterValidator(_model_id)]
Fraction = Annotated[float, Field(gt=0, le=1), AfterValidator(_finite)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArenaSection(_Section):
    market: str = "XETR"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    starting_cash: Annotated[Money, Field(gt=0)] = Decimal("100000.00")
    fee_per_order: Money = Decimal("5.00")
    start: date = date(2025, 9, 15)
    seed: int = 20250915


class FillsSection(_Section):
    """How kind the market is; see `trading/fills.py`."""

    limit: Literal["through", "touch"] = "through"
    slippage_bp: Annotated[float, Field(ge=0, le=1000), AfterValidator(_finite)] = 0.0
    participation: Annotated[float, Field(ge=0, le=1), AfterValidator(_finite)] = 0.0
    """The fraction of a bar's volume that one order may be; 0: no bound."""
    dividend_tax: Annotated[float, Field(ge=0, lt=1), AfterValidator(_finite)] = 0.0
    """The fraction withheld of each dividend."""


class UniverseSection(_Section):
    symbols: tuple[Symbol, ...] = Field(default_factory=lambda: tuple(dax40()), min_length=1)
    benchmark: Symbol = "^GDAXI"

    @model_validator(mode="after")
    def _distinct(self) -> UniverseSection:
        twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"symbols lists {', '.join(twice)} more than once")
        if self.benchmark in self.symbols:
            raise ValueError(f"the benchmark {self.benchmark} must not be one of the symbols")
        return self


class PricesSection(_Section):
    source: Literal["sandbox", "files", "yahoo"] = "sandbox"
    path: Path | None = None
    benchmark_path: Path | None = None
    adjustment: Adjustment = Adjustment.SPLIT
    max_jump: Annotated[float, Field(gt=0), AfterValidator(_finite)] = 0.35
    """A day's change of the close beyond this fraction is reported as a jump."""
    yahoo_url: Annotated[str, Field(pattern=r"^https?://.+$")] | None = None
    """What stands in for Yahoo's hosts; None: they themselves."""

    @model_validator(mode="after")
    def _paths(self) -> PricesSection:
        if self.source == "files":
            for key, path in (("path", self.path), ("benchmark_path", self.benchmark_path)):
                if path is None:
                    raise ValueError(f'source = "files" needs {key}')
                if not path.exists():
                    raise ValueError(f"{key} = {str(path)!r} does not exist")
        return self


class Feed(_Section):
    """One news feed. `{symbol}` in the url makes it one feed per share. `user_agent` is for a vendor that
    refuses clients which do not look like a browser; `note` says what is known of the feed's state."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    url: Annotated[str, Field(pattern=r"^https?://", max_length=500)]
    language: Literal["en", "de"] = "en"
    user_agent: Annotated[str, Field(pattern=r"^[ -~]{1,200}$")] | None = None
    enabled: bool = True
    note: Annotated[str, Field(max_length=300)] = ""


class NewsSection(_Section):
    """`feeds` takes the place of the shipped table (`sources/feeds.toml`), which is read where there is
    none."""

    source: Literal["sandbox", "feeds", "none"] = "sandbox"
    feeds: tuple[Feed, ...] = ()

    @model_validator(mode="after")
    def _feeds_usable(self) -> NewsSection:
        names = [feed.name for feed in self.feeds]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"feeds: the name {', '.join(twice)} is used more than once")
        if self.source == "feeds" and self.feeds and not any(feed.enabled for feed in self.feeds):
            raise ValueError('source = "feeds", but every feed is switched off; use source = "none"')
        return self


class FundamentalsSection(_Section):
    """`vendors` is every vendor whose key is set. An address may name a stand-in."""

    source: Literal["sandbox", "alphavantage", "finnhub", "vendors", "none"] = "none"
    alphavantage_url: Annotated[str, Field(pattern=r"^https?://.+$")] = "https://www.alphavantage.co"
    finnhub_url: Annotated[str, Field(pattern=r"^https?://.+$")] = "https://finnhub.io/api/v1"


class NetworkSection(_Section):
    """How patient the arena is with vendors; the models have `llm.timeout_seconds`."""

    timeout_seconds: Annotated[float, Field(gt=0, le=300), AfterValidator(_finite)] = 20.0
    """The longest that one call may take, attempts and waits included."""


class LlmSection(_Section):
    base_url: Annotated[str, Field(pattern=r"^(sandbox|local|https?://.+)$")] = "sandbox"
    """`local` is the small real model of the extra `local-llm`, see `llm/local.py`."""
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = "OPENROUTER_API_KEY"
    research_model: Annotated[str, Field(min_length=1)] = "auto"
    """The model that writes the briefings; "auto": see `llm/research_models.py`."""
    daily_budget_usd: Money = Decimal("2.00")
    timeout_seconds: Annotated[float, Field(gt=0, le=600), AfterValidator(_finite)] = 120.0
    max_attempts: Annotated[int, Field(ge=1, le=5)] = 3
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8


class ResearchSection(_Section):
    """How articles are read, what becomes of a briefing that a person should look at, and how far a session
    searches."""

    extraction: Literal["model", "rules"] = "model"
    """Who reads articles: the research model, one article a call, or the rules of the lexicon. Without a
    language model among the contestants it is always the rules."""
    held_ttl_hours: Annotated[float, Field(ge=0, le=96), AfterValidator(_finite)] = 6.0
    """How long the briefing of a share that is held and not on the watchlist serves later sessions."""
    price_gap: Annotated[float, Field(gt=0, le=1), AfterValidator(_finite)] = 0.03
    """A change of its price by this fraction ends that, as does an article of high impact."""
    review_blocks: bool = True
    """Whether the gate refuses purchases of its share in that session."""
    search: Literal["auto", "on", "off"] = "auto"
    """Whether news is searched for the watchlist; auto: with what is installed and has a key."""
    queries: Literal["templates", "model"] = "templates"
    """What is asked: templates, or what the research model writes, with templates where that is of no use."""
    queries_per_share: Annotated[int, Field(ge=0, le=10)] = 2
    queries_per_session: Annotated[int, Field(ge=0, le=100)] = 20
    pages_per_share: Annotated[int, Field(ge=0, le=10)] = 2
    pages_per_session: Annotated[int, Field(ge=0, le=50)] = 12
    articles_per_share: Annotated[int, Field(ge=1, le=30)] = 6
    """How many of what was found are kept."""
    alphavantage_news: Annotated[int, Field(ge=0, le=10)] = 2
    """Calls a session for Alpha Vantage's news, of the 25 a day that its figures need too."""
    search_proxy: Annotated[str, Field(pattern=r"^(https?|socks5h?)://.+$")] | None = None
    """Through which proxy the search engine is asked; a stand-in may be one."""
    search_ca_file: Path | None = None
    """PEM certificates to trust the engine's by, instead of the usual ones."""

    @model_validator(mode="after")
    def _certificates(self) -> ResearchSection:
        file = self.search_ca_file
        if file is not None and not file.is_file():
            raise ValueError(f"search_ca_file = {str(file)!r} is no file")
        if file is not None and not _holds_certificates(file):
            raise ValueError(f"search_ca_file = {str(file)!r} holds no certificates in PEM")
        return self


class LimitsSection(_Section):
    """What the order gate allows a language model, whatever it asks for."""

    max_position: Fraction = 0.25
    max_orders_per_session: Annotated[int, Field(ge=1, le=100)] = 10
    max_turnover_per_session: Annotated[float, Field(gt=0, le=2), AfterValidator(_finite)] = 0.5


class ApiSection(_Section):
    """How much one caller may ask of the API, and where Dagster's webserver is."""

    dagster_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")] = "http://127.0.0.1:3000"
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 1200
    """Of one key or address; requests from this machine without a key are not counted."""
    sockets_per_address: Annotated[int, Field(ge=1, le=10_000)] = 20


class Model(_Section):
    """One contestant."""

    id: ModelId
    kind: ModelKind
    model: str | None = None
    strategy: Annotated[Strategy | Style | None, BeforeValidator(strategy_named)] = None
    """A baseline's rule, or a language model's style of trading; a language model without one swings."""
    knowledge_cutoff: date | None = None
    daily_budget_usd: Money | None = None
    """What its own calls may cost on one day; None: only the arena's cap holds."""

    @model_validator(mode="after")
    def _kind_matches(self) -> Model:
        if self.kind is ModelKind.LLM and not self.model:
            raise ValueError(f'{self.id}: kind = "llm" needs model, the name at the endpoint')
        if self.kind is ModelKind.LLM and isinstance(self.strategy, Strategy):
            raise ValueError(
                f"{self.id}: strategy {self.strategy} belongs to baselines; use {' | '.join(Style)}"
            )
        if self.kind is ModelKind.BASELINE and not isinstance(self.strategy, Strategy):
            raise ValueError(f'{self.id}: kind = "baseline" needs strategy = {" | ".join(Strategy)}')
        if self.kind is ModelKind.BASELINE and self.model:
            raise ValueError(f"{self.id}: a baseline has no model name")
        if self.kind is ModelKind.BASELINE and self.daily_budget_usd is not None:
            raise ValueError(f"{self.id}: a baseline spends nothing and has no daily_budget_usd")
        return self

    @property
    def rule(self) -> Strategy | None:
        """What a baseline follows; None for a language model."""
        return self.strategy if isinstance(self.strategy, Strategy) else None

    @property
    def style(self) -> Style | None:
        """How a language model trades; None for a baseline."""
        if self.kind is ModelKind.BASELINE:
            return None
        return self.strategy if isinstance(self.strategy, Style) else Style.SWING


class Settings(_Section):
    """Everything the arena is told. `home` is ARENA_HOME, `file` the arena.toml it was read from."""

    arena: ArenaSection = ArenaSection()
    fills: FillsSection = FillsSection()
    universe: UniverseSection = UniverseSection()
    prices: PricesSection = PricesSection()
    news: NewsSection = NewsSection()
    fundamentals: FundamentalsSection = FundamentalsSection()
    network: NetworkSection = NetworkSection()
    llm: LlmSection = LlmSection()
    limits: LimitsSection = LimitsSection()
    research: ResearchSection = ResearchSection()
    api: ApiSection = ApiSection()
    models: tuple[Model, ...] = Field(min_length=1)
    home: Path
    file: Path
    ledger_url: str
    lake_url: str

    @model_validator(mode="before")
    @classmethod
    def _of_the_market(cls, raw: Any) -> Any:
        """What the market's profile says where the file says nothing."""
        arena, universe = (raw.get(name, {}) for name in ("arena", "universe"))
        if not all(isinstance(part, Mapping | BaseModel) for part in (arena, universe)):
            return raw
        arena, universe = dict(arena), dict(universe)
        try:
            profile = market_profile(str(arena.get("market", "XETR")))
        except ConfigError as error:
            raise ValueError(f"arena.{error}") from None
        if arena.setdefault("currency", profile.currency) != profile.currency:
            raise ValueError(
                f"arena.currency is {arena['currency']}, but {profile.exchange} trades in {profile.currency}"
            )
        arena.setdefault("fee_per_order", profile.fee)
        universe.setdefault("benchmark", profile.benchmark)
        if profile.code != "XETR" and "symbols" not in universe:
            raise ValueError(f"universe.symbols must list the shares to trade on {profile.exchange}")
        return {**raw, "arena": arena, "universe": universe}

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        ids = [model.id for model in self.models]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"models: the id {', '.join(twice)} is used more than once")
        calendar = trading_calendar(self.arena.market)
        if not FIRST_YEAR < self.arena.start.year < LAST_YEAR:
            raise ValueError(f"arena.start must lie between {FIRST_YEAR + 1} and {LAST_YEAR - 1}")
        if not calendar.is_trading_day(self.arena.start):
            following = calendar.next_day(self.arena.start)
            raise ValueError(f"arena.start {self.arena.start} is no trading day; the next is {following}")
        if self.prices.source == "sandbox" and self.arena.market == "XETR":
            unknown = [symbol for symbol in self.universe.symbols if symbol not in dax40()]
            if unknown:
                raise ValueError(
                    f"universe.symbols: the sandbox has only the DAX 40's shares, not {', '.join(unknown)}"
                )
        return self

    @property
    def simulated(self) -> bool:
        """Whether anything here comes from the sandbox: then everything made of it says so."""
        sources: list[str] = [self.prices.source, self.news.source, self.fundamentals.source]
        if any(model.kind is ModelKind.LLM for model in self.models):
            sources.append(self.llm.base_url)
        return "sandbox" in sources

    @property
    def fictional(self) -> bool:
        """Whether no language model can have learned how a day ended: the prices are made up, or the models
        are the sandbox's, which have learned nothing."""
        return self.prices.source == "sandbox" or self.llm.base_url == "sandbox"

    def model_named(self, model_id: str) -> Model:
        for model in self.models:
            if model.id == model_id:
                return model
        known = ", ".join(model.id for model in self.models)
        raise ConfigError(f"{self.file}: no model {model_id!r}", remedy=f"use one of: {known}")


def _flatten(error: ValidationError) -> str:
    problems = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key"
        problems.append(f"{key}: {message}" if key else message)
    return "; ".join(problems)


def config_file() -> Path:
    """The configuration in force: ARENA_CONFIG, else arena.toml in the working directory."""
    return Path(os.environ.get("ARENA_CONFIG") or "arena.toml").absolute()


def load_settings(file: Path | None = None, *, home: Path | None = None) -> Settings:
    """Read and check the configuration. Raises ConfigError naming the file, the key and the remedy."""
    load_dotenv(Path.cwd() / ".env")
    file = (file or config_file()).absolute()
    if not file.is_file():
        raise ConfigError(
            f"no configuration at {file}", remedy="run in the folder of arena.toml or set ARENA_CONFIG"
        )
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is no valid TOML: {error}", remedy="correct that line") from error
    for reserved in ("home", "file", "ledger_url", "lake_url"):
        if reserved in raw:
            raise ConfigError(
                f"{file}: {reserved}: unknown key", remedy="it is set through the environment (ARENA_HOME)"
            )
    for section, keys in (("prices", ("path", "benchmark_path")), ("research", ("search_ca_file",))):
        table = raw.get(section)
        for key in keys:
            if isinstance(table, dict) and isinstance(table.get(key), str):
                table[key] = file.parent / table[key]
    home = home.absolute() if home else home_from_environment()
    try:
        return Settings(
            **raw,
            home=home,
            file=file,
            ledger_url=ledger_url(home),
            lake_url=lake_url(home),
        )
    except ValidationError as error:
        raise ConfigError(
            f"{file}: {_flatten(error)}", remedy="the shipped arena.toml explains every key"
        ) from None
    except TypeError as error:
        raise ConfigError(f"{file}: {error}", remedy="the shipped arena.toml explains every key") from None

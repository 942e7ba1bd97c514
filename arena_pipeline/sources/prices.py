"""What every vendor of prices offers, and the shape of its replies."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from arena_pipeline.market.bars import Bar
from arena_pipeline.market.checks import Finding
from arena_pipeline.trading.corporate_actions import CorporateAction


class Gap(enum.StrEnum):
    """How a vendor failed on a symbol that it may well have: what is missing so is worth asking for again."""

    NO_ANSWER = "no_answer"
    """Nothing in time, a broken connection, a status from 500."""
    NO_CHART = "no_chart"
    """An answer that cannot be read as prices."""
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    NOT_ASKED = "not_asked"
    """Our own budget was used up, or the vendor had failed too often just before."""


@dataclass(frozen=True, slots=True)
class PriceReply:
    """Bars that passed the checks, by symbol and time; what was found wrong; symbols without any bar.

    `missing` gives a symbol's reason in plain words, `gaps` the kind of failure where the vendor failed on
    it. A symbol is in `bars` or in `missing`, never in both. `splits` are those without
    which bars as traded cannot be compared, none where the vendor has adjusted them.
    `reaches_from` is set where the days before it were asked for and the vendor keeps none so old.
    `unknown` are symbols of which the source has nothing at all: they are misspelt, or a file is missing.
    """

    bars: list[Bar] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    splits: list[CorporateAction] = field(default_factory=list)
    reaches_from: date | None = None
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ActionReply:
    """Splits and dividends by symbol and ex-date. A symbol without any is no gap, so only
    symbols that could not be asked about are in `missing`, with their `gaps`."""

    actions: list[CorporateAction] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)


class PriceSource(Protocol):
    """A vendor of prices. `first` and `last` are trading days, both included.

    What a vendor does not have is said in the reply. A vendor that cannot be understood or does not answer
    for any symbol raises SourceError or one of its kinds; a file that cannot be read raises DataError.
    """

    @property
    def name(self) -> str: ...

    def daily(self, symbols: Sequence[str], first: date, last: date) -> PriceReply: ...

    def intraday(self, symbols: Sequence[str], first: date, last: date) -> PriceReply: ...

    def actions(self, symbols: Sequence[str], first: date, last: date) -> ActionReply: ...

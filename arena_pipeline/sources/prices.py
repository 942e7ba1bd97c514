"""What every vendor of prices offers, and the shape of its replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from arena_pipeline.market.bars import Bar
from arena_pipeline.market.checks import Finding
from arena_pipeline.trading.corporate_actions import CorporateAction


@dataclass(frozen=True, slots=True)
class PriceReply:
    """Bars that passed the checks, by symbol and time; what was found wrong; symbols without any bar.

    `missing` gives a symbol's reason in plain words. A symbol is in `bars` or in `missing`, never in both.
    `reaches_from` is set where the days before it were asked for and the vendor keeps none so old.
    """

    bars: list[Bar] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    reaches_from: date | None = None


@dataclass(frozen=True, slots=True)
class ActionReply:
    """Splits and dividends by symbol and ex-date. A symbol without any is no gap, so only
    symbols that could not be asked about are in `missing`."""

    actions: list[CorporateAction] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


class PriceSource(Protocol):
    """A vendor of prices. `first` and `last` are trading days, both included.

    What a vendor does not have is said in the reply. A vendor that cannot be understood or does not answer
    raises SourceError or one of its kinds; a file that cannot be read raises DataError.
    """

    @property
    def name(self) -> str: ...

    def daily(self, symbols: Sequence[str], first: date, last: date) -> PriceReply: ...

    def intraday(self, symbols: Sequence[str], first: date, last: date) -> PriceReply: ...

    def actions(self, symbols: Sequence[str], first: date, last: date) -> ActionReply: ...

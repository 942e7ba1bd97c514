"""Splits and cash dividends, as one vendor reported them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from arena_pipeline.errors import DataError


class ActionKind(enum.StrEnum):
    SPLIT = "split"
    DIVIDEND = "dividend"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One event that changes what a share is worth without a trade.

    `ratio` (splits): new shares for one old share, so 2 for a 2:1 split and 1/10 for a reverse one.
    `amount` (dividends): gross, per share, in the market's currency. `pay_date` None means that the cash
    arrives on the ex-date. `raw` is the sha256 of the vendor's answer. Raises DataError when the figure of
    its kind is missing or not positive, or when it is paid before its ex-date.
    """

    kind: ActionKind
    symbol: str
    ex_date: date
    ratio: Fraction | None
    amount: Decimal | None
    pay_date: date | None
    known_at: datetime
    source: str
    raw: str

    def __post_init__(self) -> None:
        if self.kind is ActionKind.SPLIT and (self.ratio is None or self.ratio <= 0):
            raise DataError(f"{self.id} has no positive ratio, but {self.ratio}")
        if self.kind is ActionKind.DIVIDEND and not (
            self.amount is not None and self.amount.is_finite() and self.amount > 0
        ):
            raise DataError(f"{self.id} has no positive amount, but {self.amount}")
        if self.pay_date is not None and self.pay_date < self.ex_date:
            raise DataError(f"{self.id} is paid on {self.pay_date}, before its ex-date")

    @property
    def id(self) -> str:
        """`action:split:SAP.DE:2025-01-03`."""
        return f"action:{self.kind}:{self.symbol}:{self.ex_date.isoformat()}"

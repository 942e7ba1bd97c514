"""What a contestant answers. Strict: no coercion, no unknown keys, no NaN or infinity; whole shares."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from arena_pipeline.trading.orders import OrderType, Side, TimeInForce

MAX_ORDERS = 20


def _printable(text: str) -> str:
    """Refuses control characters, which no store or page should have to cope with."""
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("control characters are not allowed")
    return text


Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Cite = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]
Price = Annotated[Decimal, Field(gt=0, le=10**6, decimal_places=4, allow_inf_nan=False)]
OrderId = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]


class OrderReply(BaseModel):
    """One order asked for: its size is one of `quantity`, `amount` and `weight`; a limit order has `limit`,
    a stop order `stop`, a stop_limit order both; `stop_loss` and `take_profit` close a purchase; `replaces`
    is the id of an open order. Prices and amounts in the market's currency, as strings or numbers. `cites`
    are facts as `SYMBOL:FACT`, for example `SAP.DE:T3`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
    side: Side
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    confidence: Confidence
    reason: Annotated[str, Field(max_length=500), AfterValidator(_printable)]
    cites: Annotated[list[Cite], Field(max_length=40)]
    type: OrderType = OrderType.MARKET
    limit: Price | None = None
    stop: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    amount: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=2, allow_inf_nan=False)] | None = None
    weight: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4, allow_inf_nan=False)] | None = None
    stop_loss: Price | None = None
    take_profit: Price | None = None
    replaces: OrderId | None = None

    @model_validator(mode="after")
    def _one_size(self) -> OrderReply:
        if sum(size is not None for size in (self.quantity, self.amount, self.weight)) != 1:
            raise ValueError("give exactly one of quantity, amount and weight")
        return self


class DecisionReply(BaseModel):
    """One decision: orders (none is a decision too), open orders to cancel by id, confidence in [0, 1],
    reasoning, horizon in days."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    orders: Annotated[list[OrderReply], Field(max_length=MAX_ORDERS)]
    confidence: Confidence
    reasoning: Annotated[str, Field(max_length=4000), AfterValidator(_printable)]
    horizon_days: Annotated[int, Field(ge=1, le=60)]
    cancel: Annotated[list[OrderId], Field(max_length=MAX_ORDERS)] = []

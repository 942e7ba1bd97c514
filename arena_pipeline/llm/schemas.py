"""What a contestant answers. Strict: no coercion, no unknown keys, no NaN or infinity; whole shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from arena_pipeline.trading.orders import Side

MAX_ORDERS = 20


def _printable(text: str) -> str:
    """Refuses control characters, which no store or page should have to cope with."""
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("control characters are not allowed")
    return text


Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Cite = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]


class OrderReply(BaseModel):
    """One order asked for. `cites` are facts as `SYMBOL:FACT`, for example `SAP.DE:T3`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
    side: Side
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    confidence: Confidence
    reason: Annotated[str, Field(max_length=500), AfterValidator(_printable)]
    cites: Annotated[list[Cite], Field(max_length=40)]


class DecisionReply(BaseModel):
    """One decision: orders (none is a decision too), confidence in [0, 1], reasoning, horizon in days."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    orders: Annotated[list[OrderReply], Field(max_length=MAX_ORDERS)]
    confidence: Confidence
    reasoning: Annotated[str, Field(max_length=4000), AfterValidator(_printable)]
    horizon_days: Annotated[int, Field(ge=1, le=60)]

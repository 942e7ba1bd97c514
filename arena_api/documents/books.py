"""What a model owns, and its value over time."""

from __future__ import annotations

from pydantic import Field

from arena_api.documents.boards import BoardLine
from arena_api.documents.common import (
    DAY,
    FRACTION,
    MONEY,
    PRICE,
    TIME,
    Cents,
    Day,
    Document,
    Moment,
    Price,
    Shape,
)


class Portfolio(Document):
    """Net asset value is cash, dividends receivable and the positions' values, to the cent."""

    model: str
    kind: str = Field(description="llm or baseline")
    currency: str = Field(description="of every amount", examples=["EUR"])
    starting_cash: Cents = Field(description=MONEY)
    cash: Cents = Field(description=MONEY)
    receivable: Cents = Field(description=f"dividends past their ex-date and not yet paid: {MONEY}")
    invested: Cents = Field(description=f"value of the positions: {MONEY}")
    nav: Cents = Field(description=f"net asset value: {MONEY}")
    result: Cents = Field(description=f"net asset value less starting cash: {MONEY}")
    realised: Cents = Field(description=f"of sales, before fees: {MONEY}")
    unrealised: Cents = Field(description=f"value of the positions less their cost: {MONEY}")
    fees: Cents = Field(description=f"paid so far: {MONEY}")
    dividends: Cents = Field(description=f"received or receivable, after tax: {MONEY}")
    positions: int = Field(description="number of shares held")
    provisional: bool = Field(description="a mark stands in for a close that is not known yet")
    recorded_at: Moment | None = Field(description=f"when this was stored: {TIME}")


class Position(Shape):
    symbol: str
    name: str = Field(description="of the company")
    quantity: int = Field(description="whole shares")
    average_cost: Price = Field(description=PRICE)
    cost: Cents = Field(description=f"of all its shares, before fees: {MONEY}")
    price: Price | None = Field(description=f"of the mark: {PRICE}; null when none is known")
    value: Cents = Field(description=MONEY)
    unrealised: Cents = Field(description=f"value less cost: {MONEY}")
    weight: float | None = Field(description=f"of the net asset value: {FRACTION}")
    provisional: bool = Field(description="not marked at an official close of the day")
    bar: str | None = Field(description="id of the bar it is marked at")


class Mark(Shape):
    symbol: str
    at: Moment = Field(description=f"end of the 15-minute bar: {TIME}")
    quantity: int = Field(description="whole shares")
    price: Price = Field(description=PRICE)
    value: Cents = Field(description=MONEY)
    bar: str = Field(description="id of the bar")


class Positions(Document):
    model: str
    currency: str
    positions: list[Position] = Field(description="at the end of the day, the largest first")
    marked_at: Moment | None = Field(description=f"time of the newest 15-minute mark: {TIME}")
    marks: list[Mark] = Field(description="the newest of each holding; none without 15-minute bars")


class Marks(Document):
    model: str
    marks: list[Mark] = Field(description="every 15-minute mark of the day, in order of time")


class DayValue(Shape):
    day: Day = Field(description=DAY)
    nav: Cents = Field(description=f"net asset value at its end: {MONEY}")
    total_return: float | None = Field(alias="return", description=f"since the start: {FRACTION}")
    drawdown: float | None = Field(description=f"from the highest value so far, zero or negative: {FRACTION}")
    benchmark_return: float | None = Field(description=f"since the close before the start: {FRACTION}")
    provisional: bool


class Performance(Document):
    model: str
    currency: str
    starting_cash: Cents = Field(description=MONEY)
    benchmark: str = Field(description="symbol of the index", examples=["^GDAXI"])
    metrics_as_of: Day | None = Field(description=f"{DAY}, of the board that `metrics` are from")
    metrics: BoardLine | None = Field(description="its line of the last board in the span")
    series: list[DayValue] = Field(description="every trading day of the span, in order")

"""What all answers share: units in words, the marks of where a document comes from, and the problem."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DAY = "trading day, such as 2025-10-24"
SESSION = "session in the market's own time, such as 2025-10-24T08:30"
TIME = "ISO 8601 with its offset"
MONEY = "text with two decimals, in the arena's currency"
PRICE = "a share, text with four decimals, in the arena's currency"
FRACTION = "fraction, 0.05 is five per cent; null when not defined"
SIMULATED = "whether anything in the answer comes from the sandbox"

Cents = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["101234.56"])]
"""Money: text with two decimals."""

Price = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["230.5000"])]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2025-10-24"])]
Session = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$", examples=["2025-10-24T08:30"])
]
Moment = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2025-10-24T07:00:00.000000+00:00"])
]
Provenance = Literal["live", "backfill", "mixed"]


class Shape(BaseModel):
    """A field that a document has and its shape does not know is passed on."""

    model_config = ConfigDict(extra="allow")


class Document(Shape):
    """An answer as a whole."""

    simulated: bool = Field(description=SIMULATED)
    as_of: str | None = Field(
        description="what the answer is as of: a trading day, or a session or time where its path says so; "
        "null while there is nothing"
    )
    provenance: Provenance | None = Field(
        description="how the decisions behind it were made; null where there is none"
    )


class Page(Document):
    """A list that continues elsewhere."""

    next_cursor: str | None = Field(
        default=None, description="`cursor` of the next page; null on the last, and where all was asked for"
    )


class Problem(BaseModel):
    """RFC 9457, `application/problem+json`."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no model 'x'. /api/models lists them"])
    errors: list[dict[str, Any]] | None = Field(default=None, description="of a 422: parameter and problem")
    reference: str | None = Field(default=None, description="of a 500: what the server's log has it under")
    run_id: str | None = Field(default=None, description="of a 409: the run that is under way")

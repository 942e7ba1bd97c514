"""What an admin may ask to start, what was started, and the log of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from arena_api.documents.common import Day, Moment, Session, Shape
from arena_pipeline.settings import MODEL_ID

MODEL = Annotated[str, StringConstraints(pattern=f"^(?:{MODEL_ID.pattern})$")]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ResearchRequest(Request):
    session: Session | None = Field(
        default=None, description="the session to research; the last one whose time has come when not given"
    )


class BackfillRequest(Request):
    first: Day = Field(alias="from", description="the first trading day")
    last: Day = Field(alias="to", description="the last one; at most 400 trading days")
    models: Annotated[list[MODEL], Field(max_length=100)] = Field(
        default=[], description="only these contestants; all when empty"
    )
    assets: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=30)] = Field(
        default=[], description="only these assets; all when empty"
    )


class Started(Shape):
    run_id: str = Field(description="of the run, or of the backfill, in Dagster")
    url: str = Field(description="its page in the Dagster UI")
    action: str = Field(description="trigger-research or backfill")
    target: str = Field(description="the session, or the trading days")
    simulated: bool


class AdminCall(Shape):
    number: int
    at: Moment
    key_id: str = Field(description="empty for somebody without a key")
    address: str
    action: str
    target: str
    status: int = Field(description="of the answer")
    run_id: str | None
    detail: str


class AdminCalls(Shape):
    calls: list[AdminCall] = Field(description="newest first")

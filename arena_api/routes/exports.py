"""Whole tables as CSV or Parquet, and the books as journals."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import BigInteger, Boolean, Integer
from starlette.concurrency import run_in_threadpool

from arena_api.documents.common import Problem
from arena_api.exporting import AMOUNT, csv_blocks, parquet_blocks
from arena_api.journals import journal
from arena_api.reading import books as book_readers
from arena_api.reading import exports as readers
from arena_api.routes.parameters import UNKNOWN, AsOf, Between, ModelName, Read

router = APIRouter(tags=["exports"])


class Table(StrEnum):
    """The tables of `readers.EXPORTS`."""

    MODELS = "models"
    DECISIONS = "decisions"
    ORDERS = "orders"
    TRADES = "trades"
    SNAPSHOTS = "snapshots"
    POSITIONS = "positions"
    MARKS = "marks"
    LEADERBOARD = "leaderboard"
    COSTS = "costs"


CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"
JOURNALS = {"beancount": "text/plain; charset=utf-8", "json": "application/json"}
BEYOND: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "a model's book does not reach so far"}
}


@router.get(
    "/exports/journal",
    response_class=Response,
    responses={
        200: {
            "description": "the file",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        **UNKNOWN,
        **BEYOND,
    },
)
async def export_journal(
    request: Request,
    read: Read,
    model: ModelName = None,
    as_of: AsOf = None,
    layout: Annotated[Literal["beancount", "json"], Query(alias="format", description="of the file")] = (
        "beancount"
    ),
) -> Response:
    """The books as a double-entry journal, for another program to check: the bytes of `arena ledger export`.
    It is made from every order and bar, which takes seconds."""
    await run_in_threadpool(book_readers.require_book, read, model, as_of)
    content = await journal(read, request.app.state.journals, layout=layout, model=model, as_of=as_of)
    name = f"{'simulated-' if read.simulated else ''}journal.{layout}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=JOURNALS[layout], headers=headers)


@router.get(
    "/exports/{table}",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "the file",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                PARQUET: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
def export(
    read: Read,
    table: Annotated[Table, Path(description="which table")],
    between: Between,
    model: ModelName = None,
    form: Annotated[Literal["csv", "parquet"], Query(alias="format", description="of the file")] = "csv",
) -> StreamingResponse:
    """A whole table, as it is in force: amounts with two decimals, times in ISO 8601 with their offset. In
    CSV a cell that would begin a formula has an apostrophe before it."""
    columns = readers.columns(table.value)
    parts = readers.parts(read, table.value, model=model, span=between)
    content: Iterator[bytes]
    if form == "csv":
        content, media_type = csv_blocks(columns, parts), CSV
    else:
        content, media_type = parquet_blocks(columns, _types(table.value), parts), PARQUET
    name = f"{'simulated-' if read.simulated else ''}{table.value}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)


def _types(name: str) -> list[pa.DataType]:
    found = []
    for column in readers.EXPORTS[name].statement.selected_columns:
        if column.name.endswith(readers.CENTS):
            found.append(AMOUNT)
        elif isinstance(column.type, Boolean):
            found.append(pa.bool_())
        elif isinstance(column.type, BigInteger | Integer):
            found.append(pa.int64())
        else:
            found.append(pa.string())
    return found

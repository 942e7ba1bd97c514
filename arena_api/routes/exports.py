"""Whole tables as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import BigInteger, Boolean, Integer

from arena_api.exporting import AMOUNT, csv_lines, parquet_blocks
from arena_api.reading import exports as readers
from arena_api.routes.parameters import Between, ModelName, Read

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
    content: Iterator[Any]
    if form == "csv":
        content, media_type = csv_lines(columns, parts), CSV
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

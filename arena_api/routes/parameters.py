"""What a request may ask, checked: days, sessions, symbols, ids, pages. What is not known is refused."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BeforeValidator

from arena_api.documents.common import Problem
from arena_api.reading import Reading
from arena_api.reading.pages import LONGEST, MAX_ROWS, PAGE, Asked, key_of
from arena_pipeline.settings import MODEL_ID, SYMBOL
from arena_pipeline.warehouse.listings import Key, Span

MAX_DEPTH = 100
MAX_OFFSET = 10**12
LONGEST_ID = 300
SESSION_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"
SYMBOL_PATTERN = f"^(?:{SYMBOL.pattern})$"
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "nothing has this id"}}


def reading(request: Request) -> Reading:
    """The process's one reader."""
    return cast(Reading, request.app.state.reading)


def uncached(response: Response) -> None:
    """The answer depends on the moment: nobody keeps it."""
    response.headers["Cache-Control"] = "no-store"


def only_known_parameters(request: Request) -> None:
    """A misspelt filter would silently show everything: raises for a parameter the route does not have."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _names(route)
    errors = [
        {"loc": ("query", name[:50]), "msg": "unknown parameter", "type": "extra_forbidden"}
        for name in dict.fromkeys(request.query_params)
        if name not in known
    ]
    if errors:
        raise RequestValidationError(errors)


def _names(route: APIRoute) -> frozenset[str]:
    """The names of a route's parameters in the query."""
    found: set[str] = set()
    open_ = [route.dependant]
    while open_:
        dependant = open_.pop()
        found |= {field.alias for field in dependant.query_params}
        open_ += dependant.dependencies
    return frozenset(found)


def _day(value: object) -> object:
    """pydantic would also take a number of seconds, or a time, for a date."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("write a day like 2025-10-24")
    return value


def _in_calendar(value: date) -> date:
    if not 2001 <= value.year <= 2034:
        raise ValueError("lies outside the calendar (2001 to 2034)")
    return value


Read = Annotated[Reading, Depends(reading)]
Day = Annotated[date, BeforeValidator(_day), AfterValidator(_in_calendar)]
AsOf = Annotated[
    date | None, BeforeValidator(_day), Query(description="as of the last trading day not after this one")
]
OneDay = Annotated[Day, Query(description="a trading day, such as 2025-10-24")]
From = Annotated[
    date | None, BeforeValidator(_day), Query(alias="from", description="from this trading day on")
]
To = Annotated[date | None, BeforeValidator(_day), Query(description="up to this trading day", alias="to")]
ModelName = Annotated[
    str | None, Query(pattern=f"^(?:{MODEL_ID.pattern})$", description="of one contestant only")
]
ModelId = Annotated[
    str, Path(alias="id", pattern=f"^(?:{MODEL_ID.pattern})$", description="a contestant's id")
]
SymbolName = Annotated[
    str | None, Query(pattern=SYMBOL_PATTERN, description="of one share only, such as SAP.DE")
]
SymbolPath = Annotated[str, Path(alias="symbol", pattern=SYMBOL_PATTERN, description="such as SAP.DE")]
Side = Annotated[Literal["buy", "sell"] | None, Query(description="of one side only")]
Outcome = Annotated[Literal["decided", "abstained"] | None, Query(description="of one outcome only")]
SessionKey = Annotated[
    str | None,
    Query(
        pattern=SESSION_PATTERN,
        description="of one session only, in the market's own time, such as 2025-10-24T08:30",
    ),
]
SessionPath = Annotated[
    str, Path(alias="session", pattern=SESSION_PATTERN, description="such as 2025-10-24T08:30")
]
DecisionId = Annotated[str, Path(alias="id", max_length=LONGEST_ID, description="decision:<model>:<session>")]
AnyId = Annotated[
    str,
    Path(
        alias="id", max_length=LONGEST_ID, description="of a decision, order, fill, snapshot, board line, …"
    ),
]
Depth = Annotated[
    int | None,
    Query(ge=0, le=MAX_DEPTH, description="how many edges away; all evidence when not given"),
]
Kinds = Annotated[
    str,
    Query(
        pattern=r"^[a-z_]{0,30}(,[a-z_]{1,30}){0,19}$",
        description="only nodes of these kinds and the root, such as briefing,article",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="at most so many rows")]
Offset = Annotated[
    int, Query(ge=0, le=MAX_OFFSET, description="leave out so many rows; a cursor is quicker and steadier")
]


def _cursor(text: str | None) -> Key | None:
    return None if text is None else key_of(text)


Cursor = Annotated[
    str | None,
    Query(max_length=LONGEST, description="`next_cursor` of the page before"),
]


def span(first: From = None, last: To = None) -> Span:
    """The trading days asked for."""
    return Span(first, last)


Between = Annotated[Span, Depends(span)]


def asked(between: Between, limit: Limit = PAGE, cursor: Cursor = None, offset: Offset = 0) -> Asked:
    """The page asked for. Raises for a cursor that is none of ours."""
    try:
        after = _cursor(cursor)
    except ValueError as error:
        raise RequestValidationError(
            [{"loc": ("query", "cursor"), "msg": str(error), "type": "value_error"}]
        ) from error
    return Asked(between, limit, after, offset)


Listed = Annotated[Asked, Depends(asked)]

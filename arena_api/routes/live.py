"""What happens, as it happens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, WebSocket
from fastapi.exceptions import HTTPException
from fastapi.responses import Response, StreamingResponse

from arena_api.live.events import EventStream
from arena_api.live.messages import TYPES
from arena_api.live.seats import NoSeat
from arena_api.live.sockets import serve_socket
from arena_api.routes.parameters import Read

router = APIRouter(tags=["live"])
sockets = APIRouter()
ONE = "|".join(TYPES)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"description": "messages", "content": {"text/event-stream": {}}}},
)
async def events(
    request: Request,
    read: Read,
    after: Annotated[int | None, Query(ge=0, le=10**15, description="everything after this number")] = None,
    types: Annotated[
        str,
        Query(pattern=f"^(({ONE})(,({ONE})){{0,20}})?$", description="only these, such as trade,decision"),
    ] = "",
    last_event_id: Annotated[
        int | None, Header(ge=0, le=10**15, description="as a browser that comes back sends it")
    ] = None,
) -> Response:
    """Messages as server-sent events: what followed the number given, then what happens."""
    live, address = request.app.state, request.client.host if request.client else ""
    try:
        return EventStream(
            live.hub,
            live.seats,
            address,
            read.settings.api.sockets_per_address,
            last_event_id if last_event_id is not None else after,
            frozenset(types.split(",")) - {""},
        )
    except NoSeat:
        raise HTTPException(
            429, "too many live connections from this address", {"Retry-After": "60"}
        ) from None


@sockets.websocket("/ws/live")
async def live(socket: WebSocket) -> None:
    """Messages as they happen; `?after=` a number for what followed it, `?types=` for some only."""
    state = socket.app.state
    await serve_socket(socket, state.hub, state.seats, state.reading.settings.api.sockets_per_address)

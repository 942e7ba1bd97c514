"""`WS /ws/live`: messages as they happen. What a client sends is read and ignored; much of it is refused."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from arena_api.live.hub import Hub, Listener
from arena_api.live.messages import TYPES
from arena_api.live.seats import NoSeat, Seats
from arena_api.live.together import until_one_ends

GOING_AWAY, POLICY, TRY_LATER, RESTARTING = 1001, 1008, 1013, 1012
CHATTER = 100
"""Messages that a client may send in all: the first hundred are ignored, the next ends the connection."""

CLOSING = 2.0
"""Seconds that a client has to take note of a closing."""


async def serve_socket(socket: WebSocket, hub: Hub, seats: Seats, most: int) -> None:
    """One connection, from its handshake to its end."""
    wanted = _wanted(socket)
    if wanted is None or not same_origin(socket):
        await socket.close(POLICY)  # before it is accepted: the client gets a 403
        return
    try:
        with seats.taken(socket.client.host if socket.client else "", most):
            await socket.accept()
            await _converse(socket, hub, *wanted)
    except NoSeat:
        await socket.accept()
        await socket.close(TRY_LATER, "too many connections from this address")


def same_origin(socket: WebSocket) -> bool:
    """A browser says where a page is from; one of another site is not answered. Programs say nothing."""
    origin = socket.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
    except ValueError:
        return False


def _wanted(socket: WebSocket) -> tuple[int | None, frozenset[str]] | None:
    """The last number seen and the types wanted; None when the address makes no sense."""
    query = socket.query_params
    if not set(query) <= {"after", "types"}:
        return None
    last, types = query.get("after"), frozenset(query.get("types", "").split(",")) - {""}
    if not types <= set(TYPES):
        return None
    if last is None:
        return None, types
    return (int(last), types) if last.isascii() and last.isdecimal() and len(last) <= 15 else None


async def _converse(socket: WebSocket, hub: Hub, last: int | None, types: frozenset[str]) -> None:
    listener = hub.join()
    try:
        await until_one_ends(
            partial(_speak, socket, hub, listener, last, types),
            partial(_hear, socket),
            listener.dropped.wait,
        )
    finally:
        hub.leave(listener)
    if socket.client_state is WebSocketState.DISCONNECTED:
        return
    if listener.stopped:
        code, reason = RESTARTING, "the server stops"
    elif listener.dropped.is_set():
        code, reason = TRY_LATER, "too slow: come back with ?after="
    else:
        code, reason = POLICY, "this connection only tells"
    with contextlib.suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
        await asyncio.wait_for(socket.close(code, reason), CLOSING)


async def _speak(
    socket: WebSocket, hub: Hub, listener: Listener, last: int | None, types: frozenset[str]
) -> None:
    async for message in hub.messages(listener, last, types):
        await socket.send_text(message.text)


async def _hear(socket: WebSocket) -> None:
    """Without this a client that has gone would never be noticed."""
    for _ in range(CHATTER):
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))

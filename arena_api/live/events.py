"""`GET /api/events`: the same messages as server-sent events (https://html.spec.whatwg.org/#server-sent-events)."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from arena_api.live.hub import Dropped, Hub
from arena_api.live.messages import Message
from arena_api.live.seats import Seats
from arena_api.live.together import until_one_ends

RETRY = 3_000
"""Milliseconds after which a browser tries again."""


class EventStream(Response):
    """A stream that ends when the client has gone, falls behind, or the server stops."""

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, seats: Seats, address: str, most: int, last: int | None, types: Collection[str]
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._last, self._types = hub, last, types
        self._seat = seats.taken(address, most)
        self._seat.__enter__()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        listener = self._hub.join()

        async def speak() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(_body(f"retry: {RETRY}\n\n"))
            with contextlib.suppress(Dropped):
                async for message in self._hub.messages(listener, self._last, self._types):
                    await send(_body(_event(message)))
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def hear() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        try:
            await until_one_ends(speak, hear, listener.dropped.wait)
        finally:
            self._hub.leave(listener)
            self._seat.__exit__(None, None, None)


def _event(message: Message) -> str:
    number = f"id: {message.number}\n" if message.number else ""
    return f"{number}event: {message.type}\ndata: {message.text}\n\n"


def _body(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}

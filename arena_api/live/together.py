"""Several things at once, until one of them ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
from starlette.websockets import WebSocketDisconnect

from arena_api.live.hub import Dropped

log = logging.getLogger(__name__)

EXPECTED = (WebSocketDisconnect, Dropped, RuntimeError, OSError)
"""How a connection ends when the client does not wait for it."""


async def until_one_ends(*work: Callable[[], Awaitable[object]]) -> None:
    """Run all; when one ends, however it does, the others are cancelled."""

    async def run(one: Callable[[], Awaitable[object]]) -> None:
        try:
            await one()
        except EXPECTED as error:
            log.debug("a live connection ended: %s", type(error).__name__)
        finally:
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for one in work:
            group.start_soon(run, one)

"""One reader of the outbox per process, and everyone who listens to it.

A listener has a queue of its own. Whoever does not empty it in time is dropped, and loses nothing by it: it
comes back with the last number it has seen and is told what followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
import weakref
from collections.abc import AsyncIterator, Collection
from functools import partial

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from arena_api.live.messages import AT_ONCE, Message, about, after, bounds, is_kept
from arena_api.reading import Reading
from arena_api.watching import Watch
from arena_pipeline.errors import ArenaError

log = logging.getLogger(__name__)

TICK = 0.05
"""Seconds between two looks at the ledger."""

QUEUE = 1_000
"""Messages that a listener may be behind."""

HEARTBEAT = 15.0
"""Seconds between two signs of life."""

HUBS: weakref.WeakSet[Hub] = weakref.WeakSet()
"""Those of this process, for the server to stop before it closes its connections."""


class Dropped(Exception):
    """The listener fell behind by more than its queue."""


class Listener:
    """What one connection has still to be told."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE)
        self.dropped = asyncio.Event()
        self.stopped = False


class Hub:
    """Tells listeners what is committed. Used from one event loop."""

    def __init__(self, reading: Reading, *, heartbeat: float = HEARTBEAT) -> None:
        self._reading = reading
        self._heartbeat = heartbeat
        self._watch = Watch(reading)
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._seen: object = None
        self._number = 0
        self._begun = False
        """Whether it is known what was there already: not while the ledger cannot be read."""
        HUBS.add(self)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def start(self) -> None:
        """Begin to look at the ledger; what is there already is no news."""
        with contextlib.suppress(ArenaError, SQLAlchemyError):
            await self._begin()
        self._task = asyncio.create_task(self._run())

    async def _begin(self) -> None:
        _, self._number = await to_thread.run_sync(bounds, self._reading)
        self._begun = True

    async def stop(self) -> None:
        """Send everybody home."""
        self.dismiss()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._watch.close()

    def dismiss(self) -> None:
        """Tell all listeners that the server stops."""
        for listener in list(self._listeners):
            listener.stopped = True
            self._tell(listener, about("bye"))

    def join(self) -> Listener:
        """A new listener. It has to `leave`."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    async def messages(
        self, listener: Listener, last: int | None, types: Collection[str]
    ) -> AsyncIterator[Message]:
        """Everything after number `last`, each once and in order, then what happens; without `last`, what
        happens from now on. Of some `types`, or of all. Raises Dropped for a listener that falls behind."""
        reached = self._number
        yield about("hello", number=reached, heartbeat_seconds=self._heartbeat)
        if last is not None:
            known, reached = reached, max(reached, last)
            async for message in self._missed(last, known):
                if not types or message.type in types or not message.number:
                    yield message
                if message.type == "reset":
                    reached = 0
        while not listener.dropped.is_set():
            message = await listener.queue.get()
            if message.number and message.number <= reached:
                continue
            if types and message.number and message.type not in types:
                continue
            if message.type == "reset":
                reached = 0
            yield message
            if message.type == "bye":
                return
        raise Dropped

    async def _missed(self, last: int, reached: int) -> AsyncIterator[Message]:
        oldest, newest = await to_thread.run_sync(bounds, self._reading)
        within = oldest and last >= oldest
        if last > newest or (within and not await to_thread.run_sync(is_kept, self._reading, last)):
            yield about("reset", number=newest)
            return
        if oldest and last + 1 < oldest:
            yield about("gap", oldest=oldest)
        while last < reached:
            found = await to_thread.run_sync(partial(after, self._reading, last, up_to=reached))
            for message in found:
                yield message
            if not found:
                return
            last = found[-1].number

    async def _run(self) -> None:
        beat = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            try:
                await self._look()
            except (ArenaError, SQLAlchemyError, sqlite3.Error) as error:
                log.warning("the outbox cannot be read: %s", type(error).__name__)
                self._seen = None
                await asyncio.sleep(1)
            if time.monotonic() - beat >= self._heartbeat:
                beat = time.monotonic()
                self._tell_all(about("heartbeat", number=self._number))

    async def _look(self) -> None:
        """Tell what was committed since the last look."""
        state = self._watch.look()
        if state is not None and state == self._seen:
            return
        if not self._begun:
            await self._begin()
        found = await to_thread.run_sync(after, self._reading, self._number)
        if self._number and (not found or found[0].number != self._number + 1):
            oldest, newest = await to_thread.run_sync(bounds, self._reading)
            replaced = newest < self._number or (
                self._number >= oldest and not await to_thread.run_sync(is_kept, self._reading, self._number)
            )
            if replaced:  # an earlier state was put in the ledger's place
                self._number, found = newest, []
                self._tell_all(about("reset", number=newest))
        for message in found:
            self._number = message.number
            self._tell_all(message)
        self._seen = state if len(found) < AT_ONCE else None

    def _tell_all(self, message: Message) -> None:
        for listener in list(self._listeners):
            self._tell(listener, message)

    def _tell(self, listener: Listener, message: Message) -> None:
        try:
            listener.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.leave(listener)
            listener.dropped.set()

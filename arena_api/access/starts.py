"""Starting something once: the same request twice is one run, and so are two requests for the same.

An `Idempotency-Key` names a request: with the same body it gets the first one's answer, with another it is a
conflict (as Stripe has it: https://docs.stripe.com/api/idempotent_requests). Whatever is asked for by two
requests at once is started by one of them; the other is told its run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from arena_api.access.book import AccessBook
from arena_api.access.gate import Caller
from arena_api.errors import Conflict

Answer = dict[str, Any]
Clock = Callable[[], datetime]

PATIENCE = 20.0
"""Seconds to wait for another request that starts the same: longer than Dagster may take to answer."""

LOOK = 0.1
FORGOTTEN = timedelta(days=1)
"""A name of a request counts for a day; what never came to an answer, as after a crash, for a minute."""

ABANDONED = timedelta(minutes=1)


class Starts:
    """What the API starts, in the file of one home."""

    def __init__(self, book: AccessBook, clock: Clock) -> None:
        self._book, self._clock = book, clock

    def once(
        self,
        caller: Caller,
        name: str | None,
        body: Answer,
        start: Callable[[], Answer],
    ) -> Answer:
        """What `start` answers, or answered to the request of this name before. Raises Conflict for a name
        that was used with another body."""
        if name is None or caller.key is None:
            return start()
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        deadline = time.monotonic() + PATIENCE
        while not self._claim_name(caller.key.id, name, digest):
            held = self._answer(caller.key.id, name, digest)
            if held is not None:
                return held
            if time.monotonic() > deadline:
                raise Conflict("the first request of this Idempotency-Key is still being answered")
            time.sleep(LOOK)
        try:
            answer = start()
        except BaseException:
            with self._book.writing() as connection:
                connection.execute(
                    "DELETE FROM repeats WHERE key_id = ? AND idempotency_key = ?", (caller.key.id, name)
                )
            raise
        with self._book.writing() as connection:
            connection.execute(
                "UPDATE repeats SET answer = ? WHERE key_id = ? AND idempotency_key = ?",
                (json.dumps(answer), caller.key.id, name),
            )
        return answer

    def alone(self, action: str, target: str, active: Callable[[str], bool], start: Callable[[], str]) -> str:
        """The id of what `start` starts. Raises Conflict, with the id of the other run, while one that was
        started for the same target is `active`, or is just being started."""
        deadline = time.monotonic() + PATIENCE
        while True:
            other = self._claim_target(action, target)
            if other is None:
                break
            if other and not active(other):
                self._release(action, target, other)
                continue
            if other:
                raise Conflict(f"{action} of {target} is under way", run_id=other)
            if time.monotonic() > deadline:
                raise Conflict(f"{action} of {target} is just being started")
            time.sleep(LOOK)
        try:
            run_id = start()
        except BaseException:
            self._release(action, target, None)
            raise
        with self._book.writing() as connection:
            connection.execute(
                "UPDATE starts SET run_id = ? WHERE action = ? AND target = ?", (run_id, action, target)
            )
        return run_id

    def note(
        self, caller: Caller, action: str, target: str, status: int, run_id: str | None, detail: str
    ) -> None:
        """Enter an admin call in the log."""
        with self._book.writing() as connection:
            connection.execute(
                "INSERT INTO calls (at, key_id, address, action, target, status, run_id, detail) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._clock().isoformat(timespec="seconds"),
                    caller.key.id if caller.key else "",
                    caller.address,
                    action,
                    target[:500],
                    status,
                    run_id,
                    detail[:500],
                ),
            )

    def calls(self, limit: int) -> list[Answer]:
        """The newest admin calls."""
        with self._book.reading() as connection:
            rows = (
                []
                if connection is None
                else connection.execute("SELECT * FROM calls ORDER BY number DESC LIMIT ?", (limit,))
            )
            return [dict(row) for row in rows]

    def _claim_name(self, key_id: str, name: str, digest: str) -> bool:
        now = self._clock()
        with self._book.writing() as connection:
            connection.execute("DELETE FROM repeats WHERE at < ?", ((now - FORGOTTEN).isoformat(),))
            connection.execute(
                "DELETE FROM repeats WHERE answer IS NULL AND at < ?", ((now - ABANDONED).isoformat(),)
            )
            done = connection.execute(
                "INSERT OR IGNORE INTO repeats VALUES (?, ?, ?, ?, NULL)",
                (key_id, name, digest, now.isoformat()),
            )
            return bool(done.rowcount)

    def _answer(self, key_id: str, name: str, digest: str) -> Answer | None:
        with self._book.reading() as connection:
            row = None
            if connection is not None:
                row = connection.execute(
                    "SELECT * FROM repeats WHERE key_id = ? AND idempotency_key = ?", (key_id, name)
                ).fetchone()
        if row is None:
            return None
        if row["body_sha256"] != digest:
            raise Conflict(
                "this Idempotency-Key was used for another request", remedy="use another for another request"
            )
        answer: Answer | None = None if row["answer"] is None else json.loads(row["answer"])
        return answer

    def _claim_target(self, action: str, target: str) -> str | None:
        """None when it is ours to start, else the run that was started, empty while it is being started."""
        now = self._clock()
        with self._book.writing() as connection:
            connection.execute(
                "DELETE FROM starts WHERE run_id IS NULL AND at < ?", ((now - ABANDONED).isoformat(),)
            )
            done = connection.execute(
                "INSERT OR IGNORE INTO starts VALUES (?, ?, ?, NULL)", (action, target, now.isoformat())
            )
            if done.rowcount:
                return None
            row = connection.execute(
                "SELECT run_id FROM starts WHERE action = ? AND target = ?", (action, target)
            ).fetchone()
            return row["run_id"] or ""

    def _release(self, action: str, target: str, run_id: str | None) -> None:
        with self._book.writing() as connection:
            connection.execute(
                "DELETE FROM starts WHERE action = ? AND target = ? AND run_id IS ?", (action, target, run_id)
            )

"""Messages as listeners get them: one line of JSON each, `{"v", "number", "type", "at", "partition",
"simulated", "data"}`. Those without a number are about the connection: `hello`, `gap`, `reset`, `heartbeat`
and `bye`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import func, select

from arena_api.reading import Reading
from arena_pipeline.warehouse.outbox import KINDS, outbox

VERSION = 1
TYPES = KINDS
AT_ONCE = 500
"""Messages that are read from the ledger at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """`number` is 0 for one about the connection itself."""

    number: int
    type: str
    text: str


def after(reading: Reading, number: int, *, up_to: int | None = None) -> list[Message]:
    """The next messages after a number, in order, at most `AT_ONCE`."""
    store = reading.store()
    if store is None:
        return []
    statement = select(outbox).where(outbox.c.number > number).order_by(outbox.c.number).limit(AT_ONCE)
    if up_to is not None:
        statement = statement.where(outbox.c.number <= up_to)
    with store.ledger.read() as connection:
        rows = connection.execute(statement).all()
    simulated = json.dumps(reading.simulated)
    return [
        Message(
            row.number,
            row.kind,
            f'{{"v":{VERSION},"number":{row.number},"type":"{row.kind}","at":"{row.at}",'
            f'"partition":{json.dumps(row.partition)},"simulated":{simulated},"data":{row.data}}}',
        )
        for row in rows
    ]


def bounds(reading: Reading) -> tuple[int, int]:
    """The oldest number that is kept and the newest; 0 and 0 while there is none."""
    store = reading.store()
    if store is None:
        return 0, 0
    with store.ledger.read() as connection:
        oldest, newest = connection.execute(
            select(func.min(outbox.c.number), func.max(outbox.c.number))
        ).one()
    return oldest or 0, newest or 0


def is_kept(reading: Reading, number: int) -> bool:
    """Whether there is a message of this number. One that was told and is not too old is there, unless a
    restore took it back."""
    store = reading.store()
    if store is None:
        return False
    with store.ledger.read() as connection:
        return connection.scalar(select(outbox.c.number).where(outbox.c.number == number)) is not None


def about(kind: str, **data: object) -> Message:
    """A message about the connection."""
    return Message(0, kind, json.dumps({"v": VERSION, "type": kind, **data}, separators=(",", ":")))

"""Recorders on the archive: what was read from outside, so that it can be read again without the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from arena_pipeline.errors import ArchiveError, ArchiveMissing
from arena_pipeline.llm.exchange import is_paid_answer
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.warehouse.digest import rows_digest
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from arena_pipeline.warehouse.tables import collections, exchanges, fetches


class Collection:
    """One reading of a source for one asset and some trading days.

    Answers go into the archive as they come; the collection itself is entered with the rows made of it,
    and only if it brought anything that the one before it, for the same days, had not.

    `fresh_for` says for which vendors, and how long, an answer stands in for asking again. It becomes an
    answer of this collection too, with the time at which it came, so that a replay finds it here.
    """

    def __init__(
        self,
        store: ArenaStore,
        asset: str,
        partitions: Sequence[str],
        at: datetime,
        *,
        fresh_for: Mapping[str, timedelta] | None = None,
    ) -> None:
        self.asset, self.partitions, self.at = asset, list(partitions), at
        self._store = store
        self._answers: dict[tuple[str, str], Recorded] = {}
        self._fresh_for = dict(fresh_for or {})

    def recall(self, vendor: str, request: str) -> Recorded | None:
        key = (vendor, request)
        if key not in self._answers and vendor in self._fresh_for:
            fresh = self._fresh(vendor, request)
            if fresh is not None:
                self._answers[key] = fresh
        return self._answers.get(key)

    def _fresh(self, vendor: str, request: str) -> Recorded | None:
        """An answer of the last minutes. Not one from the quarter hour before: bars have ended since."""
        earlier = self.last_good(vendor, request)
        if earlier is None or _quarter(earlier.fetched_at) != _quarter(self.at):
            return None
        age = self.at - earlier.fetched_at
        return earlier if timedelta(0) <= age <= self._fresh_for[vendor] else None

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        self._store.archive.put(answer.body)
        self._answers[vendor, request] = answer

    def last_good(self, vendor: str, request: str) -> Recorded | None:
        """The newest entered answer with status 200 to a request; None where the archive has lost it."""
        with self._store.ledger.read() as connection:
            row = connection.execute(
                select(fetches)
                .where(fetches.c.vendor == vendor, fetches.c.request == request, fetches.c.status == 200)
                .order_by(fetches.c.collection.desc())
                .limit(1)
            ).one_or_none()
        try:
            return _answer(self._store, row, row.sha256) if row is not None else None
        except ArchiveError:
            return None

    def enter(self, connection: Connection, run_id: str) -> None:
        """Write the collection and its fetches, unless the last one for these days was the same."""
        rows = [
            {
                "vendor": vendor,
                "request": request,
                "status": answer.status,
                "failure": answer.failure,
                "sha256": answer.sha256,
            }
            for (vendor, request), answer in self._answers.items()
        ]
        digest = rows_digest(rows)
        partitions = json.dumps(self.partitions)
        last = connection.execute(
            select(collections.c.digest)
            .where(collections.c.asset == self.asset, collections.c.partitions == partitions)
            .order_by(collections.c.id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if last == digest or not rows:
            return
        entered = connection.execute(
            collections.insert()
            .values(
                asset=self.asset, partitions=partitions, at=utc_text(self.at), digest=digest, run_id=run_id
            )
            .returning(collections.c.id)
        ).scalar_one()
        connection.execute(
            fetches.insert(),
            [
                {
                    **row,
                    "collection": entered,
                    "headers": json.dumps(dict(answer.headers), sort_keys=True),
                    "fetched_at": utc_text(answer.fetched_at),
                }
                for row, answer in zip(rows, self._answers.values(), strict=True)
            ],
        )


class RecordedCollection:
    """A collection of the past, answered from the archive. What it does not hold is an error."""

    def __init__(self, store: ArenaStore, collection: int, at: datetime) -> None:
        self.at = at
        self._store, self._collection = store, collection

    def recall(self, vendor: str, request: str) -> Recorded:
        with self._store.ledger.read() as connection:
            row = connection.execute(
                select(fetches).where(
                    fetches.c.collection == self._collection,
                    fetches.c.vendor == vendor,
                    fetches.c.request == request,
                )
            ).one_or_none()
        if row is None:
            raise ArchiveMissing(
                f"the archive has no answer of {vendor} to {request[:200]} (collection {self._collection})"
            )
        return _answer(self._store, row, row.sha256)

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        raise ArchiveMissing(f"{vendor} was asked {request[:200]} during a replay")

    def enter(self, connection: Connection, run_id: str) -> None:
        """Nothing: the collection is entered already, where it comes from."""


class ModelRecorder:
    """Model exchanges by the hash of their request: the same request is never paid for twice.

    A failure (a rate limit, a broken connection) is kept too, but is no reason not to ask again.
    `offline` makes it a replay: a request without a stored reply is an error.
    """

    def __init__(self, store: ArenaStore, *, offline: bool = False) -> None:
        self._store, self._offline = store, offline

    def recall(self, vendor: str, request: str) -> Recorded | None:
        with self._store.ledger.read() as connection:
            row = connection.execute(
                select(exchanges).where(exchanges.c.id == exchange_id(request))
            ).one_or_none()
        if row is None:
            if self._offline:
                raise ArchiveMissing(f"the archive has no reply to {request}")
            return None
        answer = _answer(self._store, row, row.reply_sha256)
        return answer if self._offline or is_paid_answer(answer) else None

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        if self._offline:
            raise ArchiveMissing(f"a model was asked {request} during a replay")
        sent_sha256 = self._store.archive.put(sent)
        self._store.archive.put(answer.body)
        row = {
            "sent_sha256": sent_sha256,
            "status": answer.status,
            "failure": answer.failure,
            "headers": json.dumps(dict(answer.headers), sort_keys=True),
            "reply_sha256": answer.sha256,
            "fetched_at": utc_text(answer.fetched_at),
        }
        with self._store.ledger.transaction() as connection:
            known = connection.execute(
                update(exchanges).where(exchanges.c.id == exchange_id(request)).values(**row)
            )
            if known.rowcount == 0:
                connection.execute(exchanges.insert().values(id=exchange_id(request), **row))


def _quarter(moment: datetime) -> datetime:
    """The quarter hour of an hour (UTC, in which every market's quarters begin alike) that a time lies in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def exchange_id(request: str) -> str:
    """The id of an exchange in the evidence, from the hash that names its request."""
    return f"llm:{request}"


def _answer(store: ArenaStore, row: Row[Any], sha256: str) -> Recorded:
    return Recorded(
        status=row.status,
        body=store.archive.get(sha256),
        fetched_at=datetime.fromisoformat(row.fetched_at),
        headers=json.loads(row.headers),
        failure=row.failure,
    )

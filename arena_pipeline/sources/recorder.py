"""The border between the arena and everything outside: each answer is recorded before it is read.

A source never talks to a vendor directly. It asks its `Recorder` for an answer to a request; live, the
recorder has none (or, for a model, the paid answer to the very same request), so the source fetches and
hands the bytes over to be archived. During a replay the recorder answers from the archive and raises
`ArchiveMissing` for anything it does not hold, so nothing can reach the network.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from arena_pipeline.errors import ArchiveMissing, RateLimited, SourceError


class Failure(enum.StrEnum):
    """Why no answer came. Each is how its reason begins, so that a replay knows the kind from the archive."""

    HELD_BACK = "not asked: "
    """Our own budget for the vendor is used up, or it failed too often just now. Nothing was sent."""
    REFUSED_ADDRESS = "address refused: "
    """A link from outside that does not lead to a public address. Nothing was sent there."""
    TOO_LARGE = "the answer is larger than "
    NO_ANSWER = ""
    """Anything else: no connection, no complete answer in time, an answer cut short."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer from outside. `failure` is set (and `status` 0) when no answer came at all.

    `headers` holds the few that parsing needs (content-type, etag, last-modified, retry-after), lower case;
    and `final-url` where a link from outside was redirected, which is where the body was.
    """

    status: int
    body: bytes
    fetched_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def kind(self) -> Failure | None:
        """What kind of failure this is; None for an answer, whatever its status."""
        if self.failure is None:
            return None
        return next(kind for kind in Failure if self.failure.startswith(kind))


def unanswered(what: str, answer: Recorded) -> SourceError:
    """The error behind a failure. `what` names the vendor and the thing, such as "finnhub for SAP.DE"."""
    if answer.kind is Failure.HELD_BACK:
        return RateLimited(f"{what}: {answer.failure}", remedy="ask again later")
    return SourceError(f"{what}: no answer ({answer.failure})")


class Recorder(Protocol):
    """Where answers from outside are kept. `request` names the question without host, port or secret."""

    def recall(self, vendor: str, request: str) -> Recorded | None:
        """The recorded answer; None when the vendor must be asked; ArchiveMissing during a replay."""

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        """Archive an answer and the body that was sent for it. Secrets must not be in either."""


class MemoryRecorder:
    """A recorder without a store, for tests and for one-off commands. `offline` makes it a replay."""

    def __init__(self, *, offline: bool = False) -> None:
        self.answers: dict[tuple[str, str], Recorded] = {}
        self.offline = offline

    def recall(self, vendor: str, request: str) -> Recorded | None:
        if not self.offline:
            return None
        if (vendor, request) not in self.answers:
            raise ArchiveMissing(f"the archive has no answer of {vendor} to {request[:200]}")
        return self.answers[vendor, request]

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        self.answers[vendor, request] = answer

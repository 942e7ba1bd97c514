"""The model calls behind a decision, from the archive: what was asked, word for word, and the raw reply."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena_pipeline.errors import ArchiveCorrupt, ArchiveMissing
from arena_pipeline.warehouse.store import ArenaStore, Row

HOLDS, MISSING, CHANGED = "holds", "missing", "changed"


@dataclass(frozen=True, slots=True)
class Bytes:
    """An archived entry as text, what is no UTF-8 replaced. `state` says whether it still has its hash."""

    sha256: str
    state: str
    text: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request to a model."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its reply; `row` is what the ledger holds of both, `answer` the reply's words."""

    id: str
    row: Row
    sent: Bytes
    replied: Bytes
    messages: Sequence[Message]
    answer: str


def call_of(store: ArenaStore, identity: str, row: Row) -> Call:
    sent, replied = (bytes_of(store, str(row.get(name) or "")) for name in ("sent_sha256", "reply_sha256"))
    return Call(identity, row, sent, replied, _messages(sent.text), _answer(replied.text))


def bytes_of(store: ArenaStore, sha256: str) -> Bytes:
    try:
        content = store.archive.get(sha256)
    except ArchiveMissing:
        return Bytes(sha256, MISSING)
    except ArchiveCorrupt:
        return Bytes(sha256, CHANGED)
    return Bytes(sha256, HOLDS, content.decode("utf-8", "replace"), len(content))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a message; `cite` is the citation of the fact that it states, empty for all else."""

    text: str
    cite: str = ""


def marked(text: str, cites: Collection[str]) -> list[Stretch]:
    """A decision prompt's message in stretches: the facts that orders cite (`SYMBOL:FACT`), and what lies
    between. Together they are the message, word for word. What is not found as the prompt writes it, a fact
    and later in the same briefing its share, is not marked."""
    places = sorted(
        (*place, cite) for cite in cites if (place := _place_of(text, *cite.rpartition(":")[::2]))
    )
    found, done = [], 0
    for start, end, cite in places:
        if start < done:
            continue
        found += [Stretch(text[done:start]), Stretch(text[start:end], cite)]
        done = end
    return [*found, Stretch(text[done:])]


def _place_of(text: str, symbol: str, fact: str) -> tuple[int, int] | None:
    """Where a fact of a share's briefing begins and ends, as JSON within the message."""
    last = text.find(f'"symbol":{json.dumps(symbol)}}}')
    start = text.rfind(f'{{"id":{json.dumps(fact)},', 0, max(last, 0))
    if start < 0:
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None
    return (start, end) if end <= last else None


def pretty(text: str) -> str:
    """JSON indented; anything else as it is."""
    found = _json(text)
    return json.dumps(found, indent=2, ensure_ascii=False) if isinstance(found, dict | list) else text


def _messages(request: str) -> list[Message]:
    """The messages of a request to chat completions; none when it has another form."""
    body = _json(request)
    found = body.get("messages") if isinstance(body, Mapping) else None
    if not isinstance(found, list):
        return []
    return [
        Message(str(each.get("role", "")), _text(each.get("content")))
        for each in found
        if isinstance(each, Mapping)
    ]


def _answer(reply: str) -> str:
    """The first choice's words; empty when the reply has another form."""
    body = _json(reply)
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return ""
    message = choices[0].get("message")
    return _text(message.get("content")) if isinstance(message, Mapping) else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

"""Secrets taken out of whatever a vendor answers, before anybody else sees it: vendors echo keys."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from arena_pipeline.sources.recorder import Recorded

REDACTED = "[redacted]"
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|key", re.IGNORECASE)


def secrets_of(params: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
    """Everything that must not be seen of a request: its secret parameters and its headers' credentials."""
    values = list(params.values())
    for name, value in headers.items():
        if _SECRET_HEADER.search(name):
            values += [value, value.partition(" ")[2]]
            values += [pair.partition("=")[2] for pair in value.split("; ") if name.lower() == "cookie"]
    shapes = {shape for value in values if value for shape in _shapes(value)}
    return sorted(shapes, key=len, reverse=True)


def _shapes(value: str) -> list[str]:
    """How a page, a JSON document or an address may write a value."""
    quoted = [quote(value, safe=""), quote_plus(value), quote(value)]
    escaped = json.dumps(value)[1:-1]
    return [
        value,
        *quoted,
        *(re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), shape) for shape in quoted),
        escaped,
        escaped.replace("/", "\\/"),
        html.escape(value),
    ]


def redact(text: str, secrets: list[str]) -> str:
    """`text` with every secret, longest first, replaced."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def redacted(answer: Recorded, secrets: list[str]) -> Recorded:
    body = answer.body
    for secret in secrets:
        body = body.replace(secret.encode(), REDACTED.encode())
    return Recorded(
        answer.status,
        body,
        answer.fetched_at,
        {name: redact(value, secrets) for name, value in answer.headers.items()},
        redact(answer.failure, secrets) if answer.failure is not None else None,
    )

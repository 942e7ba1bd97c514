"""The content hash of a set of rows: the same rows give the same digest, in any order and on any machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def canonical(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, times and decimals as text, floats by shortest repr."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_text, allow_nan=False)


def rows_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """sha256 over the sorted canonical rows."""
    hasher = hashlib.sha256()
    for line in sorted(canonical(row) for row in rows):
        hasher.update(line.encode())
        hasher.update(b"\n")
    return hasher.hexdigest()


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no canonical form")

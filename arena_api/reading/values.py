"""Stored values as JSON has them: times in ISO 8601 with their offset, decimals as text."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def plain(row: Mapping[str, Any], *, drop: Collection[str] = ()) -> dict[str, Any]:
    """A stored row without some of its columns. What is no finite number is null."""
    return {name: _plain(value) for name, value in row.items() if name not in drop}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize() if value == value.to_integral_value() else value, "f")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""How long a vendor asks to wait: Retry-After, a number of seconds or a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from arena_pipeline.sources.recorder import Recorded

MOST_DIGITS = 9
"""A number of more digits is more than thirty years, which is longer than anybody waits: it is for ever."""


def retry_after(answer: Recorded) -> float | None:
    """Seconds from when the answer came; None where the header is missing or no time at all."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value) if len(value) <= MOST_DIGITS else math.inf
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - answer.fetched_at) / timedelta(seconds=1), 0.0)

"""The currency of Yahoo's prices. Shares in London, Johannesburg and Tel Aviv are quoted in hundredths."""

from __future__ import annotations

import json

from arena_pipeline.errors import NotCovered

HUNDREDTHS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}


def quoted_per_unit(body: bytes, currency: str, symbol: str) -> int:
    """What a chart's prices are to be divided by to be in `currency`: 1, or 100 where it quotes hundredths.

    Raises NotCovered for a share that is quoted in another currency: the book holds one. A chart that names
    no currency is taken to be in ours.
    """
    try:
        quoted = json.loads(body)["chart"]["result"][0]["meta"].get("currency")
    except (LookupError, TypeError, AttributeError, ValueError):
        return 1
    if quoted is None or quoted == currency:
        return 1
    if isinstance(quoted, str) and HUNDREDTHS.get(quoted) == currency:
        return 100
    raise NotCovered(f"yahoo quotes {symbol} in {str(quoted)[:12]!r}, and the book is in {currency}")

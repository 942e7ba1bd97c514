"""The lake's tables: their columns and what one row is. A file has these columns, by name, and `partition`.

Prices are decimals with four places; times are UTC; nested values (a briefing's points) are JSON text.
"""

from __future__ import annotations

import pyarrow as pa

PRICE = pa.decimal128(14, 4)
AMOUNT = pa.decimal128(24, 6)
TIME = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())


def _table(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field("partition", pa.string()), *(pa.field(*column) for column in columns)])


_BARS = _table(
    ("id", pa.string()),
    ("symbol", pa.string()),
    ("interval", pa.string()),
    ("day", pa.date32()),
    ("start", TIME),
    ("end", TIME),
    ("open", PRICE),
    ("high", PRICE),
    ("low", PRICE),
    ("close", PRICE),
    ("volume", pa.int64()),
    ("adjustment", pa.string()),
    ("stale", pa.bool_()),
    ("known_at", TIME),
    ("vintage", pa.int32()),
    ("source", pa.string()),
    ("raw", pa.string()),
)

_ARTICLE = (
    ("id", pa.string()),
    ("title", pa.string()),
    ("summary", pa.string()),
    ("url", pa.string()),
    ("source", pa.string()),
    ("language", pa.string()),
    ("published_at", TIME),
    ("known_at", TIME),
    ("symbols", TEXTS),
    ("sentiment", pa.float64()),
    ("copies", pa.int32()),
    ("raw", pa.string()),
)

_INDICATORS = (
    "close",
    "change_1d",
    "change_5d",
    "change_20d",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "bollinger_lower",
    "bollinger_middle",
    "bollinger_upper",
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "ema_26",
    "stochastic_k",
    "stochastic_d",
    "adx_14",
    "plus_di",
    "minus_di",
    "atr_14",
    "cross_age",
    "obv_slope_20",
)

_BRIEFINGS = _table(
    ("id", pa.string()),
    ("session", pa.string()),
    ("symbol", pa.string()),
    ("stance", pa.string()),
    ("strength", pa.float64()),
    ("points", pa.string()),
    ("facts", pa.string()),
    ("problems", TEXTS),
    ("confidence_penalty", pa.float64()),
    ("author_model", pa.string()),
    ("llm", TEXTS),
    ("ok", pa.bool_()),
    ("quality_score", pa.int32()),
    ("quality_parts", pa.string()),
    ("contradictions", pa.string()),
    ("quality_passed", pa.bool_()),
    ("review", pa.bool_()),
    ("dropped", pa.string()),
    ("extractions", TEXTS),
)
_GAPS = _table(
    ("id", pa.string()),
    ("symbol", pa.string()),
    ("gap", pa.string()),
    ("reason", pa.string()),
)
QUALITY = frozenset({"quality_score", "quality_parts", "contradictions", "quality_passed", "review"})
_LATER = QUALITY | {"dropped", "extractions"}
ADDED: dict[str, frozenset[str]] = {"briefings": _LATER, "held_briefings": _LATER}
"""Columns that files of before do not have: where they are null they are no part of a digest."""

SCHEMAS: dict[str, pa.Schema] = {
    "daily_bars": _BARS,
    "intraday_bars": _BARS,
    "bar_findings": _table(
        ("id", pa.string()),
        ("kind", pa.string()),
        ("symbol", pa.string()),
        ("day", pa.date32()),
        ("detail", pa.string()),
        ("file", pa.string()),
        ("line", pa.int32()),
        ("quarantined", pa.bool_()),
    ),
    "corporate_actions": _table(
        ("id", pa.string()),
        ("kind", pa.string()),
        ("symbol", pa.string()),
        ("ex_date", pa.date32()),
        ("ratio", pa.string()),
        ("amount", AMOUNT),
        ("pay_date", pa.date32()),
        ("known_at", TIME),
        ("source", pa.string()),
        ("raw", pa.string()),
    ),
    "corporate_actions_gaps": _GAPS,
    "intraday_bars_gaps": _GAPS,
    "articles": _table(*_ARTICLE),
    "found_articles": _table(
        *_ARTICLE,
        ("session", pa.string()),
        ("symbol", pa.string()),
        ("query", pa.string()),
        ("vendor", pa.string()),
        ("credibility", pa.string()),
        ("relevance", pa.float64()),
    ),
    "found_answers": _table(
        ("id", pa.string()),
        ("session", pa.string()),
        ("vendor", pa.string()),
        ("symbol", pa.string()),
        ("asked", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("items", pa.int32()),
        ("kept", pa.int32()),
        ("known_at", TIME),
        ("raw", pa.string()),
    ),
    "feed_answers": _table(
        ("id", pa.string()),
        ("feed", pa.string()),
        ("symbol", pa.string()),
        ("status", pa.int32()),
        ("items", pa.int32()),
        ("rejected", pa.int32()),
        ("newest", TIME),
        ("broken", pa.string()),
        ("asked_at", TIME),
        ("known_at", TIME),
        ("raw", pa.string()),
    ),
    "feed_health": _table(
        ("id", pa.string()),
        ("feed", pa.string()),
        ("state", pa.string()),
        ("requests", pa.int32()),
        ("broken", pa.int32()),
        ("status", pa.int32()),
        ("items", pa.int32()),
        ("rejected", pa.int32()),
        ("newest", TIME),
        ("age_hours", pa.float64()),
        ("reason", pa.string()),
    ),
    "financials": _table(
        ("id", pa.string()),
        ("symbol", pa.string()),
        ("name", pa.string()),
        ("value", AMOUNT),
        ("unit", pa.string()),
        ("period", pa.string()),
        ("source", pa.string()),
        ("known_at", TIME),
        ("raw", pa.string()),
        ("note", pa.string()),
    ),
    "model_catalog": _table(
        ("id", pa.string()),
        ("model", pa.string()),
        ("used_by", TEXTS),
        ("found", pa.bool_()),
        ("canonical_slug", pa.string()),
        ("context_length", pa.int64()),
        ("max_completion_tokens", pa.int64()),
        ("prompt_usd", AMOUNT),
        ("completion_usd", AMOUNT),
        ("expires", pa.date32()),
        ("structured", pa.bool_()),
        ("note", pa.string()),
        ("raw", pa.string()),
    ),
    "indicators": _table(
        ("id", pa.string()),
        ("session", pa.string()),
        ("symbol", pa.string()),
        ("day", pa.date32()),
        ("first_bar", pa.string()),
        ("last_bar", pa.string()),
        ("bars_used", pa.int32()),
        ("stale_skipped", pa.int32()),
        ("reason", pa.string()),
        *((name, pa.float64()) for name in _INDICATORS),
    ),
    "momentum": _table(
        ("id", pa.string()),
        ("session", pa.string()),
        ("symbol", pa.string()),
        ("articles", pa.int32()),
        ("distinct_sources", pa.int32()),
        ("mean_sentiment", pa.float64()),
        ("weighted", pa.float64()),
        ("volume_ratio", pa.float64()),
        ("baseline", pa.float64()),
        ("score", pa.float64()),
        ("inputs", TEXTS),
        ("reason", pa.string()),
    ),
    "watchlist": _table(
        ("id", pa.string()),
        ("session", pa.string()),
        ("symbol", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float64()),
        ("why", pa.string()),
    ),
    "briefings": _BRIEFINGS,
    "held_briefings": _BRIEFINGS,
}
"""One row: a bar per symbol, period and vintage; a finding of the bar checks; a split or dividend; an article
(once across copies); one found by a search for a share of a watchlist; what came of one question of such a
search, or of one page; what came of one request to a feed; the health of one feed; a figure of one company; a
model as its endpoint lists it; indicators, momentum, watchlist entry and briefing per symbol and session."""

"""The state of an arena for `arena doctor`: what is configured, what is there, and what is missing."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date

from arena_pipeline.arena import FIGURE_KEYS, Arena
from arena_pipeline.news.health import FeedState
from arena_pipeline.warehouse.views import newest_days

NAMED = 8
"""So many shares are named that have no bar."""

Entry = dict[str, str]


def diagnose(arena: Arena) -> list[Entry]:
    """What is configured, there and missing, one entry each: `check`, `state` (ok, off, empty, used up,
    degraded or failed) and `detail`."""
    settings, now = arena.settings, arena.clock()
    days = newest_days(arena.store)
    key_name = settings.llm.api_key_env
    needs_key = arena.has_research_model and settings.llm.base_url != "sandbox"
    has_key = bool(os.environ.get(key_name))
    vendors = {
        FIGURE_KEYS[name]: bool(os.environ.get(FIGURE_KEYS[name])) for name in arena.figure_vendor_names
    }
    following = next(
        session
        for session in arena.calendar.sessions(now.date(), date(now.year + 1, now.month, 1))
        if session.time > now
    )

    def entry(check: str, fine: bool, detail: str, otherwise: str = "failed") -> Entry:
        return {"check": check, "state": "ok" if fine else otherwise, "detail": detail}

    return [
        entry("configuration", True, str(settings.file)),
        entry("home", True, str(settings.home)),
        entry("simulated", True, "yes: nothing here is real" if settings.simulated else "no"),
        entry("prices", True, f"{settings.prices.source}; newest bars {days['bars'] or 'none yet'}"),
        *_price_coverage(arena, days["bars"]),
        entry("news", settings.news.source != "none", settings.news.source, "off"),
        *_feed_coverage(arena),
        entry("fundamentals", settings.fundamentals.source != "none", settings.fundamentals.source, "off"),
        entry(
            "fundamentals key",
            not vendors or any(vendors.values()),
            ", ".join(f"{key} is {'set' if there else 'not set'}" for key, there in vendors.items())
            or "not needed",
            "off" if settings.fundamentals.source == "vendors" else "failed",
        ),
        entry(
            "model key",
            not needs_key or has_key,
            f"{key_name} is {'set' if has_key else 'not set' if needs_key else 'not needed'}",
        ),
        entry("models", True, ", ".join(model.id for model in settings.models)),
        entry("leaderboard", days["leaderboard"] is not None, days["leaderboard"] or "none yet", "empty"),
        entry("next session", True, f"{following.key} {arena.calendar.zone.key}"),
        *(
            entry(f"calls to {left.vendor}", left.left > 0, f"{left.left} left of {left.limit}", "used up")
            for left in arena.vendor_budget.left()
        ),
    ]


def _price_coverage(arena: Arena, day: str | None) -> list[Entry]:
    """How many of the shares and the benchmark have a bar of the newest day."""
    if day is None:
        return []
    rows = arena.store.rows("daily_bars", "partition = $day", day=day)
    priced = {row["symbol"] for row in rows if row["day"].isoformat() == day}
    missing = [symbol for symbol in arena.priced_symbols if symbol not in priced]
    detail = f"{len(arena.priced_symbols) - len(missing)} of {len(arena.priced_symbols)} have a bar of {day}"
    if missing:
        detail += f"; none of {', '.join(missing[:NAMED])}{' …' if len(missing) > NAMED else ''}"
    return [{"check": "price coverage", "state": "degraded" if missing else "ok", "detail": detail}]


def _feed_coverage(arena: Arena) -> list[Entry]:
    """How the feeds answered on the newest day that they were read."""
    days = arena.store.partitions("feed_health")
    rows = arena.store.rows("feed_health", "partition = $day", day=max(days)) if days else []
    if not rows:
        return []
    states = Counter(row["state"] for row in rows)
    broken = [f"{row['feed']}: {row['reason']}" for row in rows if row["state"] == FeedState.BROKEN]
    detail = f"{max(days)}: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if broken:
        detail += f"; {'; '.join(broken)[:300]}"
    return [{"check": "feeds", "state": "degraded" if broken else "ok", "detail": detail}]

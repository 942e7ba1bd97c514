"""The state of an arena for `arena doctor`: what is configured, what is there, and what is missing."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from pathlib import Path

from arena_pipeline.arena import Arena
from arena_pipeline.assets.gaps import KEEP_GAPS, owed
from arena_pipeline.news.health import FeedState
from arena_pipeline.warehouse.usage import priced
from arena_pipeline.warehouse.views import newest_days

NAMED = 8
"""So many shares are named that have no bar."""

Entry = dict[str, str]


def diagnose(arena: Arena) -> list[Entry]:
    """What is configured, there and missing, one entry each: `check`, `state` (ok, off, empty, degraded or
    failed), `detail`, and `remedy` where something is to be done. The vendors are in `capability.py`."""
    settings, now = arena.settings, arena.clock()
    days = newest_days(arena.store)
    following = next(
        session
        for session in arena.calendar.sessions(now.date(), date(now.year + 1, now.month, 1))
        if session.time > now
    )
    return [
        _entry("configuration", str(settings.file)),
        _home(settings.home),
        _entry("simulated", "yes: nothing here is real" if settings.simulated else "no"),
        _entry("prices", f"{settings.prices.source}; newest bars {days['bars'] or 'none yet'}"),
        *_price_coverage(arena),
        *_owed(arena),
        _entry("news", settings.news.source, "off" if settings.news.source == "none" else "ok"),
        *_feed_coverage(arena),
        _entry(
            "fundamentals",
            settings.fundamentals.source,
            "off" if settings.fundamentals.source == "none" else "ok",
        ),
        _entry("models", ", ".join(model.id for model in settings.models)),
        _entry("leaderboard", days["leaderboard"] or "none yet", "ok" if days["leaderboard"] else "empty"),
        _entry("next session", f"{following.key} {arena.calendar.zone.key}"),
    ]


def _entry(check: str, detail: str, state: str = "ok", remedy: str = "") -> Entry:
    return {"check": check, "state": state, "detail": detail, "remedy": remedy}


def _home(home: Path) -> Entry:
    """Whether the home, or the folder in which it will be made, can be written."""
    if os.access(next(path for path in (home, *home.parents) if path.exists()), os.W_OK):
        return _entry("home", str(home))
    return _entry("home", f"{home} cannot be written", "failed", "make it writable, or set ARENA_HOME")


def _price_coverage(arena: Arena) -> list[Entry]:
    """How many of the shares and the benchmark have a bar of the newest day."""
    found = priced(arena.store, arena.priced_symbols)
    if found is None:
        return []
    if not found.missing:
        return [_entry("price coverage", str(found))]
    more = " …" if len(found.missing) > NAMED else ""
    return [
        _entry(
            "price coverage",
            f"{found}; none of {', '.join(found.missing[:NAMED])}{more}",
            "degraded",
            f"arena backfill --from {found.day} --to {found.day} asks again; correct a wrong symbol",
        )
    ]


def _owed(arena: Arena) -> list[Entry]:
    """The shares whose splits, dividends or quarter hours the vendor of prices owes, longest first."""
    owing = {
        f"{asset}: {line}": line.since for asset in KEEP_GAPS for line in owed(arena.store, asset).values()
    }
    if not owing:
        return []
    first = sorted(owing, key=lambda line: owing[line])
    more = " …" if len(first) > NAMED else ""
    remedy = "each collection asks again; correct a wrong symbol"
    return [_entry("prices owed", "; ".join(first[:NAMED]) + more, "degraded", remedy)]


def _feed_coverage(arena: Arena) -> list[Entry]:
    """How the feeds answered on the newest day that they were read."""
    days = arena.store.partitions("feed_health")
    rows = arena.store.rows("feed_health", "partition = $day", day=max(days)) if days else []
    if not rows:
        return []
    states = Counter(row["state"] for row in rows)
    broken = [f"{row['feed']}: {row['reason']}" for row in rows if row["state"] == FeedState.BROKEN]
    detail = f"{max(days)}: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if not broken:
        return [_entry("feeds", detail)]
    remedy = "switch a feed off that stays broken: enabled = false"
    return [_entry("feeds", f"{detail}; {'; '.join(broken)[:300]}", "degraded", remedy)]

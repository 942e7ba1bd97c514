"""How far each asset has come, what vendors answered, what runs did, and how much of the budget is spent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, case, func, or_, select

from arena_api.reading import Document, Reading
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.warehouse.outbox import outbox
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import budgets, catalog, fetches

SETTLED = time(18, 5)
"""When the last schedule of a trading day runs, on the exchange's clock."""

RUNS, MOST_MESSAGES = 15, 600
"""So many runs are shown, and so many messages of runs are looked through for them."""

MICRO = Decimal(1_000_000)
KEY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?")


def freshness(reading: Reading) -> Document:
    """For each asset its newest trading day or session, when it was last written, and how many trading days
    it is behind what the calendar says should be there by now (`due_day`, `due_session`)."""
    due_day, due_session = _due(reading.calendar, reading.clock())
    store = reading.store()
    rows = [] if store is None else reading.remembered(("freshness",), _state(store), lambda: _newest(store))
    return {
        "simulated": reading.simulated,
        "as_of": reading.clock().isoformat(timespec="seconds"),
        "due_day": due_day.isoformat(),
        "due_session": due_session,
        "assets": [{**row, "behind": _behind(reading.calendar, row["newest"], due_day)} for row in rows],
    }


def _state(store: ArenaStore) -> int | None:
    with store.ledger.read() as connection:
        newest: int | None = connection.scalar(select(func.max(catalog.c.id)))
    return newest


def _newest(store: ArenaStore) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(catalog.c.asset, catalog.c.partition, catalog.c.known_at).where(
                catalog.c.superseded_at.is_(None)
            )
        )
        for asset, partition, known_at in rows:
            line = found.setdefault(
                asset, {"asset": asset, "partitions": 0, "newest": None, "written_at": ""}
            )
            line["partitions"] += 1
            line["written_at"] = max(line["written_at"], known_at)
            key = KEY.search(partition)
            if key is not None and (line["newest"] is None or key[0] > line["newest"]):
                line["newest"] = key[0]
    return [found[asset] for asset in sorted(found)]


def _due(calendar: TradingCalendar, now: datetime) -> tuple[date, str]:
    """The last trading day that is settled, and the last session whose time has come."""
    local = now.astimezone(calendar.zone)
    today = local.date()
    settled = calendar.is_trading_day(today) and local.time() >= SETTLED
    before = calendar.previous_day(today)
    days = [before, *([today] if calendar.is_trading_day(today) else [])]
    session = [each for day in days for each in calendar.sessions_of(day) if each.time <= now][-1]
    return today if settled else before, session.key


def _behind(calendar: TradingCalendar, newest: str | None, due: date) -> int | None:
    if newest is None:
        return None
    reached = date.fromisoformat(newest[:10])
    return 0 if reached >= due else len(calendar.days(reached + timedelta(days=1), due))


def vendors(reading: Reading) -> list[Document]:
    """Each vendor's answers that are archived: how many, the last, and how many of them were failures."""
    store = reading.store()
    if store is None:
        return []
    failed = or_(fetches.c.failure.is_not(None), fetches.c.status >= 400)
    statement = (
        select(
            fetches.c.vendor,
            func.count(),
            func.max(fetches.c.fetched_at),
            func.sum(case((failed, 1), else_=0)),
            func.max(case((failed, fetches.c.fetched_at))),
        )
        .group_by(fetches.c.vendor)
        .order_by(fetches.c.vendor)
    )
    with store.ledger.read() as connection:
        rows = connection.execute(statement).all()
    names = ("vendor", "answers", "last", "failures", "last_failure")
    return [dict(zip(names, row, strict=True)) for row in rows]


def runs(reading: Reading) -> list[Document]:
    """What runs last did, an asset each, the newest first, as they told it; `started` may also be a run that
    was killed and tells no more."""
    store = reading.store()
    if store is None:
        return []
    statement = select(outbox.c.at, outbox.c.data).where(outbox.c.kind == "run")
    with store.ledger.read() as connection:
        told = connection.execute(statement.order_by(outbox.c.number.desc()).limit(MOST_MESSAGES)).all()
    found: dict[tuple[str, str, str | None], Document] = {}
    for at, text in told:
        data = json.loads(text)
        if "asset" not in data:
            continue
        line = found.setdefault(
            (data["run_id"], data["asset"], data["first"]), {"ended_at": None, "started_at": None, **data}
        )
        line["started_at" if data["state"] == "started" else "ended_at"] = at
    return [{**line, **_span(line["first"], line["last"])} for line in list(found.values())[:RUNS]]


def _span(first: str | None, last: str | None) -> dict[str, str | None]:
    """The model that some partitions are of, if they are of one, and the first and last day or session."""
    model = first.partition("|")[0] if first and not KEY.match(first) and "|" in first else None
    keys = [KEY.search(key or "") for key in (first, last)]
    return {
        "model": model,
        **{name: key and key[0] for name, key in zip(("since", "until"), keys, strict=True)},
    }


def budget(reading: Reading) -> Document:
    """What language models have spent of the caps on the newest day on which any did, and what is reserved
    for calls in flight; US dollars."""
    settings = reading.settings
    caps = {
        model.id: model.daily_budget_usd for model in settings.models if model.daily_budget_usd is not None
    }
    store = reading.store()
    day: str | None = None
    rows: Sequence[Row[Any]] = []
    if store is not None:
        with store.ledger.read() as connection:
            day = connection.scalar(select(func.max(budgets.c.day)))
            rows = connection.execute(
                select(budgets).where(budgets.c.day == (day or "")).order_by(budgets.c.spender)
            ).all()
    return {
        "day": day,
        "cap_usd": str(settings.llm.daily_budget_usd),
        "spent_usd": None if day is None else _usd(row.spent_microusd for row in rows),
        "reserved_usd": None if day is None else _usd(row.reserved_microusd for row in rows),
        "spenders": [
            {
                "spender": row.spender,
                "cap_usd": None if row.spender not in caps else str(caps[row.spender]),
                "spent_usd": _usd([row.spent_microusd]),
                "reserved_usd": _usd([row.reserved_microusd]),
            }
            for row in rows
        ],
    }


def _usd(amounts: Iterable[int]) -> str:
    return format(Decimal(sum(amounts)) / MICRO, "f")

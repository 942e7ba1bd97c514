"""A small arena, put into its stores row by row: two models, one trading day, hostile words throughout."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from arena_pipeline.scoring.document import assessment_document, board_document
from arena_pipeline.scoring.leaderboard import ModelRecord, leaderboard, returns_that_count
from arena_pipeline.scoring.luck import Luck
from arena_pipeline.scoring.significance import assess
from arena_pipeline.scoring.skill import skill
from arena_pipeline.settings import Model, Settings
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.store import ArenaStore, Edge, Partition, utc_text

DAY = date(2025, 9, 15)
SESSION = "2025-09-15T08:30"
DECIDED_AT = datetime(2025, 9, 15, 6, 30, tzinfo=UTC)
NOW = datetime(2025, 9, 15, 18, 0, tzinfo=UTC)
DECISION = f"decision:tester:{SESSION}"
SCRIPT = "<script>alert(1)</script>"
ARTICLE = "article:" + "a" * 64
CALL = "llm:" + "c" * 64
FEED_BYTES = b"<rss>the feed as it came</rss>"
RUN = {"run_id": "run", "now": NOW}

TERMS = {
    "market": "XETR",
    "currency": "EUR",
    "fee_per_order": "5.00",
    "limit": "through",
    "slippage_bp": "0.0",
    "participation": None,
    "dividend_tax": "0.0",
}


def settings_of(home: Path) -> Settings:
    return Settings(
        models=(
            Model(id="cash", kind="baseline", strategy="cash"),
            Model(id="tester", kind="llm", model="sandbox/tester"),
        ),
        home=home,
        file=home / "arena.toml",
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        lake_url=str(home / "lake"),
    )


def store_of(home: Path) -> ArenaStore:
    return ArenaStore(
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        lake_url=str(home / "lake"),
        archive_folder=str(home / "archive"),
    )


def fill_store(store: ArenaStore, *, days: int = 1) -> None:
    """Everything that one session and one evening leave behind; `days` is what the board counts."""
    raw = store.archive.put(FEED_BYTES)
    _write_lake(store, raw)
    with store.ledger.transaction() as connection:
        for name, kind in (("cash", "baseline"), ("tester", "llm")):
            values = {"id": name, "kind": kind, "registered_at": utc_text(DECIDED_AT)}
            values |= {"model": "sandbox/tester"} if kind == "llm" else {"strategy": "cash"}
            connection.execute(tables.models.insert().values(**values))
            connection.execute(tables.decisions.insert().values(**_decision(name)))
        connection.execute(tables.orders.insert(), [order_row(1), order_row(2, refused=True), order_row(3)])
        connection.execute(
            tables.collections.insert().values(
                id=1, asset="articles", partitions="[]", at=utc_text(NOW), digest="d", run_id="run"
            )
        )
        connection.execute(
            tables.fetches.insert().values(
                collection=1, vendor="feeds", request=f"/rss?q={SCRIPT}", status=200, headers="{}",
                sha256=raw, fetched_at=utc_text(NOW),
            )
        )  # fmt: skip
        connection.execute(
            tables.exchanges.insert().values(
                id=CALL, sent_sha256="d" * 64, status=200, headers="{}", reply_sha256="e" * 64,
                fetched_at=utc_text(DECIDED_AT),
            )
        )  # fmt: skip
        connection.execute(
            tables.model_costs.insert().values(
                exchange=CALL, spender="tester", session=SESSION, purpose="decision",
                model_asked="sandbox/tester", model_served="sandbox/tester", prompt_tokens=900,
                completion_tokens=100, cost_usd="0.001250", cost_source="reply",
            )
        )  # fmt: skip
        store.add_edges(
            connection,
            [
                Edge(DECISION, f"briefing:{SESSION}:SAP.DE", "decided from"),
                Edge(DECISION, CALL, "answered by"),
                Edge(DECISION, "bars:SAP.DE:2025-09-11..2025-09-12", "priced by"),
                Edge(f"order:tester:{SESSION}:1", DECISION, "ordered by"),
                Edge(f"fill:tester:{SESSION}:1", f"order:tester:{SESSION}:1", "executes"),
                Edge(f"fill:tester:{SESSION}:1", "bar:SAP.DE:2025-09-12:1", "filled at"),
            ],
        )
        store.write_rows(connection, "trades", f"tester|{DAY}", trade_rows(), **RUN)
        store.write_rows(
            connection,
            "portfolio_snapshots",
            f"tester|{DAY}",
            {"snapshots": [_snapshot()], "positions": [_position()]},
            **RUN,
        )
        store.write_rows(connection, "position_marks", str(DAY), {"position_marks": _marks()}, **RUN)
        board = _board(days)
        store.write_rows(connection, "leaderboard", str(DAY), board, **RUN)


def _decision(model: str) -> dict[str, Any]:
    return {
        "id": f"decision:{model}:{SESSION}",
        "model": model,
        "session": SESSION,
        "trading_day": str(DAY),
        "session_time": utc_text(DECIDED_AT),
        "submitted_at": utc_text(DECIDED_AT),
        "outcome": "decided",
        "confidence": "0.75" if model == "tester" else None,
        "reasoning": f"Two lines.\n{SCRIPT}" if model == "tester" else "",
        "code_version": "f" * 64,
        "provenance": "backfill",
        "contamination": "clean",
        "late": False,
        "simulated": True,
        "run_id": "run",
        "recorded_at": utc_text(NOW),
    }


def order_row(seq: int, *, refused: bool = False) -> dict[str, Any]:
    return {
        "id": f"order:tester:{SESSION}:{seq}",
        "decision": DECISION,
        "model": "tester",
        "session": SESSION,
        "seq": seq,
        "symbol": "SAP.DE",
        "side": "buy",
        "quantity": 10 * seq,
        "type": "market",
        "reason": f"reason {seq} <b>bold</b>",
        "accepted": not refused,
        "refusal": "position_limit" if refused else None,
        "refusal_detail": "20 shares pass a quarter of the book" if refused else None,
        "submitted_at": utc_text(DECIDED_AT),
    }


def trade_rows() -> dict[str, list[dict[str, Any]]]:
    common = {"model": "tester", "trading_day": str(DAY), "symbol": "SAP.DE", "side": "buy"}
    at = utc_text(datetime(2025, 9, 15, 7, 0, tzinfo=UTC))
    fill = common | {
        "id": f"fill:tester:{SESSION}:1",
        "order_id": f"order:tester:{SESSION}:1",
        "quantity": 10,
        "price": "230.5000",
        "notional_cents": 230_500,
        "fee_cents": 500,
        "filled_at": at,
        "bar": "bar:SAP.DE:2025-09-12:1",
        "realised_cents": None,
        "net_cents": None,
    }
    rejection = common | {
        "order_id": f"order:tester:{SESSION}:3",
        "quantity": 30,
        "rejected_at": at,
        "bar": "bar:SAP.DE:2025-09-12:1",
        "reason": "insufficient_cash",
    }
    return {"fills": [fill], "rejections": [rejection]}


def _snapshot() -> dict[str, Any]:
    return {
        "id": f"snapshot:tester:{DAY}",
        "model": "tester",
        "trading_day": str(DAY),
        "cash_cents": 9_769_000,
        "receivable_cents": 0,
        "nav_cents": 10_123_456,
        "fees_cents": 500,
        "realised_cents": 0,
        "dividends_cents": 0,
        "provisional": False,
    }


def _position() -> dict[str, Any]:
    return {
        "model": "tester",
        "trading_day": str(DAY),
        "symbol": "SAP.DE",
        "quantity": 10,
        "cost_cents": 230_500,
        "price": "354.4560",
        "value_cents": 354_456,
        "bar": "bar:SAP.DE:2025-09-12:1",
        "provisional": False,
    }


def _marks() -> list[dict[str, Any]]:
    return [
        {
            "model": "tester",
            "symbol": "SAP.DE",
            "at": utc_text(datetime(2025, 9, 15, 7, minute, tzinfo=UTC)),
            "quantity": 10,
            "price": f"230.{minute}00",
            "value_cents": 230_000 + 10 * minute,
            "bar": "bar:SAP.DE:2025-09-12:1",
        }
        for minute in (15, 30)
    ]


def _board(days: int) -> dict[str, list[dict[str, Any]]]:
    records = [
        _record("cash", "baseline", [10_000_000] * days, trades=0, cost=Decimal(0)),
        _record("tester", "llm", [12_500_000 + 500 * (n % 7) for n in range(days)], trades=1, cost=None),
    ]
    rows = leaderboard(records, benchmark=[], as_of=date.max)
    returns = {record.model: list(returns_that_count(record, date.max).values()) for record in records}
    found = assess(returns, trials=2, seed=1, draws=100)
    models = {each.model: each for each in found.models}
    documents = [
        board_document(
            row,
            models[row.model],
            luck=Luck(None, 0, 100, 1, "nothing was bought"),
            skill={horizon: skill([], horizon) for horizon in (1, 5)},
        )
        for row in rows
    ]
    whole = assessment_document(found, as_of=DAY, left_out={"contaminated": 3, "unknown": 0}, terms=TERMS)
    other_terms = {
        "as_of": str(DAY),
        "spans": [{"model": "tester", "best": 1, "worst": 2, "led": 0.75}],
        "scenarios": [],
    }
    return {
        "leaderboard": [
            {
                "id": f"board:{DAY}:{row.model}",
                "trading_day": str(DAY),
                "model": row.model,
                "rank": row.rank,
                "nav_cents": row.nav_cents,
                "row": json.dumps(document),
            }
            for row, document in zip(rows, documents, strict=True)
        ],
        "assessments": [
            {
                "trading_day": str(DAY),
                "document": json.dumps(whole),
                "robustness": json.dumps(other_terms),
            }
        ],
    }


def _record(model: str, kind: str, navs: list[int], *, trades: int, cost: Decimal | None) -> ModelRecord:
    first = DAY.toordinal()
    return ModelRecord(
        model=model,
        kind=kind,
        navs=[(date.fromordinal(first + n), nav) for n, nav in enumerate(navs)],
        starting_cash_cents=10_000_000,
        closed_nets=[],
        trades=trades,
        fees_cents=500 * trades,
        bought_cents=230_500 * trades,
        sold_cents=0,
        llm_cost_usd=cost,
        provisional=False,
    )


def _write_lake(store: ArenaStore, raw: str) -> None:
    bars = [_bar(date(2025, 9, 11), raw), _bar(date(2025, 9, 12), raw)]
    store.write_frames("daily_bars", [Partition("2025-09-12", bars)], **RUN)
    article = {
        "id": ARTICLE,
        "title": f"SAP {SCRIPT} rises",
        "summary": SCRIPT,
        "url": "javascript:alert(1)",
        "source": f"paper{SCRIPT}",
        "language": "en",
        "published_at": datetime(2025, 9, 14, 20, 0, tzinfo=UTC),
        "known_at": datetime(2025, 9, 14, 20, 5, tzinfo=UTC),
        "symbols": ["SAP.DE"],
        "sentiment": 0.5,
        "copies": 1,
        "raw": raw,
    }
    store.write_frames("articles", [Partition("2025-09-14", [article])], **RUN)
    briefing = {
        "id": f"briefing:{SESSION}:SAP.DE",
        "session": SESSION,
        "symbol": "SAP.DE",
        "stance": "bullish",
        "strength": 0.4,
        "points": "[]",
        "facts": "{}",
        "problems": [],
        "confidence_penalty": 0.0,
        "author_model": "sandbox/analyst",
        "llm": [],
        "ok": True,
    }
    _write_session(store)
    edges = [Edge(briefing["id"], ARTICLE, "rests on")]
    store.write_frames("briefings", [Partition(SESSION, [briefing], edges)], **RUN)


def _write_session(store: ArenaStore) -> None:
    """What the session knew of the share beside its briefing, and of the day's data."""
    common = {"session": SESSION, "symbol": "SAP.DE"}
    watched = {"id": f"watchlist:{SESSION}:SAP.DE", "rank": 1, "score": 1.5, "why": "much news", **common}
    momentum = {
        "id": f"momentum:{SESSION}:SAP.DE",
        "articles": 3,
        "distinct_sources": 2,
        "mean_sentiment": 0.5,
        "volume_ratio": 1.5,
        "score": 0.75,
        "inputs": [ARTICLE],
        **common,
    }
    indicators = {
        "id": f"indicators:{SESSION}:SAP.DE",
        "day": date(2025, 9, 12),
        "bars_used": 250,
        "stale_skipped": 0,
        "close": 230.5,
        "rsi_14": 55.5,
        **common,
    }
    for asset, row in (("watchlist", watched), ("momentum", momentum), ("indicators", indicators)):
        store.write_frames(asset, [Partition(SESSION, [row])], **RUN)
    finding = {
        "id": "finding:1",
        "kind": "stale",
        "symbol": "SIE.DE",
        "day": date(2025, 9, 12),
        "detail": "repeats the day before",
        "quarantined": False,
    }
    store.write_frames("bar_findings", [Partition("2025-09-12", [finding])], **RUN)


def _bar(day: date, raw: str) -> dict[str, Any]:
    return {
        "id": f"bar:SAP.DE:{day}:1",
        "symbol": "SAP.DE",
        "interval": "1d",
        "day": day,
        "start": datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC),
        "end": datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC),
        **{name: Decimal("230.5000") for name in ("open", "high", "low", "close")},
        "volume": 1000,
        "adjustment": "split",
        "stale": False,
        "known_at": datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC),
        "vintage": 1,
        "source": "files",
        "raw": raw,
    }

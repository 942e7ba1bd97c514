"""The worked cases of the book: expected amounts were computed by hand, not by this code."""

import itertools
import json
import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.fills import FillPolicy, LimitFill
from arena_pipeline.trading.money import from_cents
from arena_pipeline.trading.orders import Order, OrderType, RejectReason, Side, TimeInForce
from arena_pipeline.trading.replay import replay

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def cases(request):
    file = os.environ.get("ARENA_GOLDEN_CASES")
    if not file:
        file = request.getfixturevalue("recorded_data") / "golden" / "accounting_cases.json"
    every = json.loads(Path(file).read_text(encoding="utf-8")).get("cases")
    if every is None:
        pytest.skip(f"{file} has no cases of accounting")
    return {case["id"]: case for case in every}


def moment(text):
    """`2025-01-02T08:40` in Berlin time; a bare date is the opening."""
    stamp = datetime.fromisoformat(text)
    if "T" not in text:
        stamp = datetime.combine(stamp, time(9))
    return stamp.replace(tzinfo=BERLIN).astimezone(UTC)


def bar(symbol, row, adjustment):
    when, opening, high, low, close, *volume = row
    start = moment(when)
    daily = "T" not in when
    end = start + (timedelta(hours=8, minutes=30) if daily else timedelta(minutes=15))
    return Bar(
        symbol=symbol,
        interval=Interval.DAILY if daily else Interval.QUARTER_HOUR,
        day=date.fromisoformat(when[:10]),
        start=start,
        end=end,
        open=Decimal(opening),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=int(volume[0]) if volume else 1,
        adjustment=adjustment,
        stale=False,
        known_at=end,
        vintage=1,
        source="golden",
        raw="",
    )


def market_days(case):
    adjustment = Adjustment(case.get("policy", {}).get("adjustment", "raw"))
    bars = [bar(symbol, row, adjustment) for symbol, rows in case["bars"].items() for row in rows]
    actions = [
        CorporateAction(
            kind=ActionKind(raw["type"]),
            symbol=raw["symbol"],
            ex_date=date.fromisoformat(raw["ex_date"]),
            ratio=Fraction(raw["ratio"]) if "ratio" in raw else None,
            amount=Decimal(raw["amount"]) if "amount" in raw else None,
            pay_date=date.fromisoformat(raw["pay_date"]) if "pay_date" in raw else None,
            known_at=moment(raw["ex_date"]),
            source="golden",
            raw="",
        )
        for raw in case.get("corporate_actions", ())
    ]
    before = date.min
    for day, group in itertools.groupby(sorted(bars, key=lambda b: b.start), key=lambda b: b.day):
        series: dict[str, tuple[Bar, ...]] = {}
        for entry in group:
            series[entry.symbol] = (*series.get(entry.symbol, ()), entry)
        yield MarketDay(
            day,
            moment(f"{day}T09:00"),
            moment(f"{day}T17:30"),
            series,
            {symbol: entries[-1] for symbol, entries in series.items()},
            tuple(action for action in actions if before < action.ex_date <= day),
        )
        before = day


def stamp(case, fill):
    """The fill's bar in the case's own words: its day, or its start in Berlin time."""
    daily = "T" not in case["bars"][fill.symbol][0][0]
    return fill.day.isoformat() if daily else fill.filled_at.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M")


def outcome(case):
    """Everything a case may expect, in the same words."""
    orders = [
        Order(
            raw["id"],
            "golden",
            raw["symbol"],
            Side(raw["side"]),
            raw.get("qty"),
            moment(raw["submit"]),
            OrderType(raw.get("type", "market")),
            limit=Decimal(raw["limit"]) if "limit" in raw else None,
            stop=Decimal(raw["stop"]) if "stop" in raw else None,
            time_in_force=TimeInForce(raw.get("tif", "GTC")),
            amount=Decimal(raw["amount"]) if "amount" in raw else None,
            weight=Decimal(raw["weight"]) if "weight" in raw else None,
            oco=raw.get("oco"),
            parent=raw.get("parent"),
            replaces=raw.get("replaces"),
        )
        for raw in case["orders"]
    ]
    terms = {"limit_fill": "through", "slippage_bp": "0", "participation": None, "dividend_tax": "0"}
    terms |= {"fee": "5.00"} | case.get("policy", {})
    policy = FillPolicy(
        LimitFill(terms["limit_fill"]),
        Decimal(terms["slippage_bp"]),
        None if terms["participation"] is None else Decimal(terms["participation"]),
    )
    cash, fee, tax = (Decimal(text) for text in (case["initial_cash"], terms["fee"], terms["dividend_tax"]))
    results = replay("golden", cash, fee, orders, market_days(case), policy, tax)
    fills = [fill for result in results for fill in result.fills]
    ended = [rejection for result in results for rejection in result.rejections]
    last = results[-1].snapshot
    value = sum(mark.value_cents for mark in last.marks)
    cost = sum(mark.cost_cents for mark in last.marks)
    return {
        "fills": [
            [f.order_id, stamp(case, f), f.price, f.quantity, str(from_cents(f.notional_cents))]
            for f in fills
        ],
        "rejected": [
            [r.order_id, r.day.isoformat(), r.reason.value]
            for r in ended
            if r.reason not in (RejectReason.EXPIRED, RejectReason.OTHER_FILLED)
        ],
        "expired": [[r.order_id, r.day.isoformat()] for r in ended if r.reason is RejectReason.EXPIRED],
        "cancelled": [
            [r.order_id, r.day.isoformat()] for r in ended if r.reason is RejectReason.OTHER_FILLED
        ],
        "cash": {r.snapshot.day.isoformat(): str(from_cents(r.snapshot.cash_cents)) for r in results},
        "equity": {r.snapshot.day.isoformat(): str(from_cents(r.snapshot.nav_cents)) for r in results},
        "positions": {
            mark.symbol: {"qty": mark.quantity, "cost_basis": str(from_cents(mark.cost_cents))}
            for mark in last.marks
        },
        "realised_gross": str(from_cents(last.realised_cents)),
        "fees": str(from_cents(last.fees_cents)),
        "dividends": str(from_cents(last.dividends_cents)),
        "unrealised": str(from_cents(value - cost)),
        "closed_trades": [
            {
                "order": f.order_id,
                "qty": f.quantity,
                "proceeds": str(from_cents(f.notional_cents)),
                "basis": str(from_cents(f.notional_cents - f.realised_cents)),
                "gross": str(from_cents(f.realised_cents)),
                "net": str(from_cents(f.net_cents)),
            }
            for f in fills
            if f.side is Side.SELL
        ],
    }


def test_the_selection_of_cases_is_not_empty(cases):
    assert len(cases) >= (1 if os.environ.get("ARENA_GOLDEN_CASES") else 28)


def test_every_case_comes_out_as_worked_by_hand(cases, subtests):
    for name, case in cases.items():
        with subtests.test(name, title=case["title"]):
            found = outcome(case)
            for key, expected in case["expected"].items():
                if key in ("cash", "equity"):
                    assert {day: found[key][day] for day in expected} == expected
                elif key == "fills":
                    assert found[key] == [[*row[:2], Decimal(row[2]), *row[3:]] for row in expected]
                elif key == "closed_trades":
                    assert [
                        {k: trade[k] for k in row} for trade, row in zip(found[key], expected, strict=True)
                    ] == expected
                else:
                    assert found[key] == expected

"""Prices from Yahoo through yfinance: daily and 15-minute bars, splits and dividends.

Yahoo's close has past splits divided out, not dividends (`Adjustment.SPLIT`). It appends the running bar,
repeats stale ones (open = high = low = close = the day before, no volume) and repairs them later: a bar that
was running when it was fetched is refused, a stale one flagged. 15-minute bars reach back 60 days,
and a request for more is refused as a whole. One request per symbol and interval, a few at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from arena_pipeline.errors import NotCovered
from arena_pipeline.market.bars import Adjustment, Bar, Interval, price
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.market.checks import Finding, FindingKind, check_bars, nominal_hours
from arena_pipeline.sources.budget import Budget
from arena_pipeline.sources.prices import ActionReply, PriceReply
from arena_pipeline.sources.recorder import Recorder
from arena_pipeline.sources.yahoo_session import TIMEOUT_SECONDS, Span, YahooSession, histories
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction

VENDOR = "yahoo"
FRESH_FOR = timedelta(minutes=5)
"""So long an answer may stand in for asking again."""

CONTEXT = {Interval.DAILY: timedelta(days=10), Interval.QUARTER_HOUR: timedelta(days=4)}
"""How much earlier than asked for is fetched, to know the close before the first bar: without it the first
bar could be neither stale nor a jump. Ten days span every run of holidays."""

REACH = timedelta(days=59)
"""So far back 15-minute bars are asked for: within Yahoo's 60 days at any hour of the day."""

_PRICES = ("Open", "High", "Low", "Close")


@dataclass(frozen=True, slots=True)
class _Answer:
    frame: pd.DataFrame
    raw: str
    fetched_at: datetime


class YahooPrices:
    """Yahoo's prices. `base_url` sends every request to a stand-in instead of Yahoo's hosts; `timeout` is the
    longest that one request may take, in seconds. `reach` is how far back 15-minute bars go, from when
    this object is made, as a replay's clock stands there too; None for a stand-in that serves any day. Days
    before are not asked for.

    Raises RateLimited when Yahoo asks to slow down, VendorRefused when it refuses, SourceError when no
    answer came or it is no chart. What Yahoo does not know, or is no symbol, is `missing` in the reply.
    """

    name = VENDOR

    def __init__(
        self,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        calendar: TradingCalendar,
        max_jump: float,
        base_url: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        budget: Budget | None = None,
        reach: timedelta | None = REACH,
    ) -> None:
        self._session = YahooSession(recorder, clock=clock, base_url=base_url, timeout=timeout, budget=budget)
        self._calendar = calendar
        self._max_jump = max_jump
        self._reaches_from = (clock() - reach).astimezone(calendar.zone).date() if reach is not None else None
        self._fetched: dict[tuple[str, date, date], _Answer] = {}

    def daily(self, symbols: Sequence[str], first: date, last: date) -> PriceReply:
        self._fetched.clear()
        return self._bars(symbols, Interval.DAILY, first, last)

    def intraday(self, symbols: Sequence[str], first: date, last: date) -> PriceReply:
        earliest = self._reaches_from
        if earliest is None or earliest <= first:
            return self._bars(symbols, Interval.QUARTER_HOUR, first, last)
        if last < earliest:
            reason = f"not covered by yahoo: it has no 15-minute bars before {earliest}"
            return PriceReply(missing=dict.fromkeys(symbols, reason), reaches_from=earliest)
        return replace(self._bars(symbols, Interval.QUARTER_HOUR, earliest, last), reaches_from=earliest)

    def actions(self, symbols: Sequence[str], first: date, last: date) -> ActionReply:
        """Splits and dividends out of the daily history; one that `daily` has just fetched is used, once."""
        reply = ActionReply()
        kept = {s: self._fetched.pop((s, first, last)) for s in symbols if (s, first, last) in self._fetched}
        fetched = self._fetch([s for s in symbols if s not in kept], Interval.DAILY, first, last)
        for symbol in symbols:
            answer = kept.get(symbol) or fetched[symbol]
            if isinstance(answer, NotCovered):
                reply.missing[symbol] = str(answer)
                continue
            reply.actions.extend(
                action for action in self._read_actions(symbol, answer) if first <= action.ex_date <= last
            )
        reply.actions.sort(key=lambda action: (action.symbol, action.ex_date, action.kind))
        return reply

    def _bars(self, symbols: Sequence[str], interval: Interval, first: date, last: date) -> PriceReply:
        reply = PriceReply()
        fetched = self._fetch(symbols, interval, first, last)
        for symbol in symbols:
            answer = fetched[symbol]
            if isinstance(answer, NotCovered):
                reply.missing[symbol] = str(answer)
                continue
            if interval is Interval.DAILY:
                self._fetched[symbol, first, last] = answer
            read, refused = self._read_bars(symbol, interval, answer)
            kept, doubts = check_bars(
                read, self._calendar, max_jump=self._max_jump, splits=self._split_days(symbol, answer)
            )
            within = [bar for bar in kept if first <= bar.day <= last]
            reply.bars.extend(within)
            reply.findings.extend(
                finding for finding in refused + doubts if finding.day and first <= finding.day <= last
            )
            if not within:
                reply.missing[symbol] = f"no bars between {first} and {last}"
        return reply

    def _fetch(
        self, symbols: Sequence[str], interval: Interval, first: date, last: date
    ) -> dict[str, _Answer | NotCovered]:
        start = first - CONTEXT[interval]
        if interval is Interval.QUARTER_HOUR and self._reaches_from is not None:
            start = max(start, self._reaches_from)
        span = Span(interval, start, last + timedelta(days=1), self._calendar.zone)
        answers: dict[str, _Answer | NotCovered] = {}
        for symbol, found in histories(self._session, symbols, span).items():
            if isinstance(found, NotCovered):
                answers[symbol] = found
            else:
                frame, recorded = found
                answers[symbol] = _Answer(frame, recorded.sha256, recorded.fetched_at)
        return answers

    def _read_bars(self, symbol: str, interval: Interval, answer: _Answer) -> tuple[list[Bar], list[Finding]]:
        bars: list[Bar] = []
        findings: list[Finding] = []
        rows = answer.frame[[*_PRICES, "Volume"]].itertuples(name=None)
        for stamp, *prices, volume in rows:
            start, end, day = self._period(stamp, interval)
            values = [float(value) for value in prices]
            if end > answer.fetched_at:
                problem = FindingKind.NOT_ENDED, f"ends at {end.isoformat()}, after it was fetched"
            elif any(math.isnan(value) for value in values):
                problem = FindingKind.NULL_PRICE, "no complete prices"
            elif not all(math.isfinite(value) and abs(value) < 1e9 for value in values):
                problem = FindingKind.MALFORMED_ROW, f"prices {values} are none"
            else:
                bars.append(self._bar(symbol, interval, day, start, end, values, int(volume), answer))
                continue
            findings.append(Finding(problem[0], symbol, day, problem[1], quarantined=True))
        return bars, findings

    def _period(self, stamp: Any, interval: Interval) -> tuple[datetime, datetime, date]:
        """Start and end in UTC, and the exchange's day. A daily row is stamped with local midnight."""
        day = stamp.date()
        if interval is Interval.DAILY:
            hours = nominal_hours(self._calendar, day)
            return hours.opens_at, hours.closes_at, day
        start = stamp.to_pydatetime().astimezone(UTC)
        return start, start + timedelta(minutes=15), day

    def _bar(
        self,
        symbol: str,
        interval: Interval,
        day: date,
        start: datetime,
        end: datetime,
        values: Sequence[float],
        volume: int,
        answer: _Answer,
    ) -> Bar:
        opening, high, low, close = (price(round(value, 4)) for value in values)
        return Bar(
            symbol=symbol,
            interval=interval,
            day=day,
            start=start,
            end=end,
            open=opening,
            high=high,
            low=low,
            close=close,
            volume=volume,
            adjustment=Adjustment.SPLIT,
            stale=False,
            known_at=end,
            vintage=1,
            source=VENDOR,
            raw=answer.raw,
        )

    def _split_days(self, symbol: str, answer: _Answer) -> set[tuple[str, date]]:
        actions = self._read_actions(symbol, answer)
        return {(symbol, action.ex_date) for action in actions if action.kind is ActionKind.SPLIT}

    def _read_actions(self, symbol: str, answer: _Answer) -> list[CorporateAction]:
        actions = []
        rows: Iterable[tuple[Any, Any]] = answer.frame.iterrows()
        for stamp, row in rows:
            day = stamp.date()
            split, dividend = float(row["Stock Splits"]), float(row["Dividends"])
            if split > 0 and split != 1 and math.isfinite(split):
                ratio = Fraction(split).limit_denominator(1000)
                actions.append(self._action(ActionKind.SPLIT, symbol, day, ratio, None, answer.raw))
            if dividend > 0 and math.isfinite(dividend):
                amount = Decimal(str(round(dividend, 6)))
                actions.append(self._action(ActionKind.DIVIDEND, symbol, day, None, amount, answer.raw))
        return actions

    def _action(
        self,
        kind: ActionKind,
        symbol: str,
        day: date,
        ratio: Fraction | None,
        amount: Decimal | None,
        raw: str,
    ) -> CorporateAction:
        opens_at = nominal_hours(self._calendar, day).opens_at
        return CorporateAction(kind, symbol, day, ratio, amount, None, opens_at, VENDOR, raw)

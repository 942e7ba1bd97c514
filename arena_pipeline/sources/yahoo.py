"""Prices from Yahoo through yfinance: daily and 15-minute bars, splits and dividends.

Yahoo divides the splits up to the hour of asking out of prices, and out of dividends per share. Both are
asked for up to today, so that an answer names all of these splits, and given as traded (`Adjustment.RAW`,
`yahoo_splits.py`). Yahoo appends the running bar, repeats stale ones (open = high = low = close = the day
before, no volume) and repairs them later: a bar that was running when it was fetched is refused, a stale one
flagged. 15-minute bars reach back 60 days, and a request for more is refused as a whole. One request per
symbol and interval, a few at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from arena_pipeline.errors import NotCovered, SourceError
from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.market.checks import Finding, FindingKind, check_bars, nominal_hours, spanning
from arena_pipeline.market.splits import WHOLE, as_traded, volume_as_traded
from arena_pipeline.sources.budget import Budget
from arena_pipeline.sources.prices import ActionReply, Gap, PriceReply
from arena_pipeline.sources.recorder import Recorder
from arena_pipeline.sources.yahoo_currency import quoted_per_unit
from arena_pipeline.sources.yahoo_session import (
    TIMEOUT_SECONDS,
    Span,
    Unanswered,
    YahooSession,
    histories,
)
from arena_pipeline.sources.yahoo_splits import DatedRatio, ratio_after, splits_in, worked_in
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
    splits: tuple[DatedRatio, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """The bars of one answer on Yahoo's scale, with the very numbers of each, by its start."""

    bars: list[Bar]
    numbers: dict[datetime, list[float]]
    refused: list[Finding]


class YahooPrices:
    """Yahoo's prices. `base_url` sends every request to a stand-in instead of Yahoo's hosts; `timeout` is the
    longest that one request may take, in seconds; `asked_at` is now, and a replay's clock stands there too.
    `reach` is how far back from then 15-minute bars go; None for a stand-in that serves any day. Days before
    are not asked for. `adjustment` is what the bars shall be: as traded, or left as they come (`split`), for
    a stand-in that has worked in the splits of the future too.

    What Yahoo does not know, or is no symbol, is `missing` in the reply; so is what it failed on, with its
    `gaps`. Where it failed on everything that was asked: raises RateLimited when it asks to slow down,
    VendorRefused when it refuses, SourceError when no answer came or it is no chart.
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
        asked_at: datetime | None = None,
        adjustment: Adjustment = Adjustment.RAW,
    ) -> None:
        self._session = YahooSession(recorder, clock=clock, base_url=base_url, timeout=timeout, budget=budget)
        self._calendar = calendar
        self._max_jump = max_jump
        now = asked_at or clock()
        self._today = now.astimezone(calendar.zone).date()
        self._reaches_from = (now - reach).astimezone(calendar.zone).date() if reach is not None else None
        self._adjustment = adjustment
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
            if not isinstance(answer, _Answer):
                _note(reply, symbol, answer)
                continue
            found = self._splits(symbol, answer) + self._dividends(symbol, answer)
            reply.actions.extend(action for action in found if first <= action.ex_date <= last)
        reply.actions.sort(key=lambda action: (action.symbol, action.ex_date, action.kind))
        return reply

    def _bars(self, symbols: Sequence[str], interval: Interval, first: date, last: date) -> PriceReply:
        reply = PriceReply()
        fetched = self._fetch(symbols, interval, first, last)
        for symbol in symbols:
            answer = fetched[symbol]
            if not isinstance(answer, _Answer):
                _note(reply, symbol, answer)
                continue
            if interval is Interval.DAILY:
                self._fetched[symbol, first, last] = answer
            read = self._read(symbol, interval, answer)
            split_days = {(symbol, split.ex_date) for split in answer.splits}
            kept, doubts = check_bars(read.bars, self._calendar, max_jump=self._max_jump, splits=split_days)
            within = [bar for bar in self._on_own_scale(kept, read, answer) if first <= bar.day <= last]
            reply.bars.extend(within)
            if self._adjustment is Adjustment.RAW:
                until = self._day_of(answer)
                reply.splits.extend(s for s in self._splits(symbol, answer) if s.ex_date <= until)
            reply.findings.extend(
                finding for finding in read.refused + doubts if finding.day and first <= finding.day <= last
            )
            if not within:
                reply.missing[symbol] = f"no bars between {first} and {last}"
        return reply

    def _fetch(
        self, symbols: Sequence[str], interval: Interval, first: date, last: date
    ) -> dict[str, _Answer | NotCovered | Unanswered]:
        start = first - CONTEXT[interval]
        if interval is Interval.QUARTER_HOUR and self._reaches_from is not None:
            start = max(start, self._reaches_from)
        until = last if self._adjustment is not Adjustment.RAW else max(last, self._today)
        span = Span(interval, start, until + timedelta(days=1), self._calendar.zone)
        answers: dict[str, _Answer | NotCovered | Unanswered] = {}
        for symbol, found in histories(self._session, symbols, span).items():
            if not isinstance(found, tuple):
                answers[symbol] = found
                continue
            frame, recorded = found
            try:
                splits = splits_in(recorded.body, self._calendar.zone, symbol)
                unit = quoted_per_unit(recorded.body, self._calendar.profile.currency, symbol)
            except NotCovered as error:
                answers[symbol] = error
            except SourceError as error:
                answers[symbol] = Unanswered(Gap.NO_CHART, error)
            else:
                if unit != 1:
                    frame[[*_PRICES, "Dividends"]] /= unit
                answers[symbol] = _Answer(frame, recorded.sha256, recorded.fetched_at, splits)
        failed = [answer.error for answer in answers.values() if isinstance(answer, Unanswered)]
        if failed and not any(isinstance(answer, _Answer) for answer in answers.values()):
            raise failed[0]
        return answers

    def _read(self, symbol: str, interval: Interval, answer: _Answer) -> _Read:
        read = _Read([], {}, [])
        columns = [*_PRICES, "Volume", "Dividends", "Stock Splits"]
        for stamp, *prices, volume, dividend, split in answer.frame[columns].itertuples(name=None):
            start, end, day = self._period(stamp, interval)
            values = [float(value) for value in prices]
            if all(math.isnan(value) for value in values) and (dividend or split):
                continue  # yfinance's row for an event on a day without a bar
            if end > answer.fetched_at:
                problem = FindingKind.NOT_ENDED, f"ends at {end.isoformat()}, after it was fetched"
            elif any(math.isnan(value) for value in values):
                problem = FindingKind.NULL_PRICE, "no complete prices"
            elif not all(math.isfinite(value) and abs(value) < 1e9 for value in values):
                problem = FindingKind.MALFORMED_ROW, f"prices {values} are none"
            else:
                read.bars.append(self._bar(symbol, interval, day, start, end, values, int(volume), answer))
                read.numbers[start] = values
                continue
            read.refused.append(Finding(problem[0], symbol, day, problem[1], quarantined=True))
        return read

    def _on_own_scale(self, bars: Sequence[Bar], read: _Read, answer: _Answer) -> Iterator[Bar]:
        """The bars of one symbol as they are to be stored: each at the prices of its own day."""
        splits = worked_in(answer.splits, bars, self._day_of(answer))
        for bar in bars:
            ratio = ratio_after(splits, bar.day)
            if self._adjustment is not Adjustment.RAW or ratio == WHOLE:
                yield bar
                continue
            opening, high, low, close = (as_traded(value, ratio) for value in read.numbers[bar.start])
            volume = volume_as_traded(bar.volume, ratio)
            yield spanning(replace(bar, open=opening, high=high, low=low, close=close, volume=volume))

    def _day_of(self, answer: _Answer) -> date:
        return answer.fetched_at.astimezone(self._calendar.zone).date()

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
        opening, high, low, close = (as_traded(value, WHOLE) for value in values)
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
            adjustment=self._adjustment,
            stale=False,
            known_at=end,
            vintage=1,
            source=VENDOR,
            raw=answer.raw,
        )

    def _splits(self, symbol: str, answer: _Answer) -> list[CorporateAction]:
        return [
            self._action(ActionKind.SPLIT, symbol, split.ex_date, split.ratio, None, answer.raw)
            for split in answer.splits
        ]

    def _dividends(self, symbol: str, answer: _Answer) -> list[CorporateAction]:
        """Each per share as it was then."""
        until = self._day_of(answer)
        splits = [split for split in answer.splits if split.ex_date <= until]
        dividends = []
        paid_on: Iterable[tuple[Any, Any]] = answer.frame["Dividends"].items()
        for stamp, value in paid_on:
            day, amount = stamp.date(), float(value)
            if amount > 0 and math.isfinite(amount):
                ratio = ratio_after(splits, day) if self._adjustment is Adjustment.RAW else WHOLE
                paid = Decimal(str(round(amount, 6))) if ratio == WHOLE else as_traded(amount, ratio)
                if paid:
                    dividends.append(self._action(ActionKind.DIVIDEND, symbol, day, None, paid, answer.raw))
        return dividends

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


def _note(reply: PriceReply | ActionReply, symbol: str, answer: NotCovered | Unanswered) -> None:
    """Enter why a symbol is missing."""
    if isinstance(answer, Unanswered):
        reply.missing[symbol], reply.gaps[symbol] = str(answer.error), answer.gap
    else:
        reply.missing[symbol] = str(answer)

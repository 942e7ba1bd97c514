"""Named checks on bars at the border. Every bar that comes in is kept or quarantined, and every doubt
becomes a finding: the kept bars and the quarantined findings add up to the bars that were given.

Quarantined: prices that are not positive, a high below or a low above the rest of its bar, two different
bars for one period, bars of days and hours without trading, a close at half the last one or at one and a half
times it without a split. Kept and reported: stale bars, smaller jumps, gaps, volumes that cannot be.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import Bar, Interval
from arena_pipeline.market.calendar import FIRST_YEAR, LAST_YEAR, TradingCalendar, TradingHours

ROUNDING = Decimal("0.0001")
"""How far the high may lie below (the low above) open and close, as a fraction of the close, and still be
a vendor's rounding. Real violations in fifteen years of XETRA history begin at 0.0014."""


HELD_BELOW, HELD_ABOVE = Decimal("0.55"), Decimal("1.5")
"""A close outside these multiples of the last one looks like a split that the vendor has not worked in, or
like a wrong unit: the bar is held back until one of another day confirms the level. In ten recorded years of
19 DAX shares the largest day's change was +28 %."""

FURTHEST = 10
"""A level so many times the last one, or that part of it, is never confirmed: no share moves so in a day."""

MOST_VOLUME = 10**11
"""Shares in one bar; beyond it the number is a mistake."""


class FindingKind(enum.StrEnum):
    MALFORMED_ROW = "malformed_row"
    NULL_PRICE = "null_price"
    HIGH_BELOW_LOW = "high_below_low"
    NON_POSITIVE = "non_positive"
    DUPLICATE = "duplicate"
    NOT_A_TRADING_DAY = "not_a_trading_day"
    OUTSIDE_HOURS = "outside_hours"
    NOT_ENDED = "not_ended"
    STALE = "stale"
    JUMP = "jump"
    UNEXPLAINED_JUMP = "unexplained_jump"
    BAD_VOLUME = "bad_volume"
    MISSING_DAY = "missing_day"
    NOT_ANSWERED = "not_answered"
    """The vendor failed on the share: a later reading may bring it."""
    ANOTHER_SCALE = "another_scale"
    CHANGED_HISTORY = "changed_history"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row was read: a file's name and its line (a table's row number), from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt about one row. `quarantined` means that the row is not among the bars.

    `day` is None when the row does not even give a date, `symbol` empty when it does not say whose it is; a
    run of missing days names its first.
    """

    kind: FindingKind
    symbol: str
    day: date | None
    detail: str
    file: str | None = None
    line: int | None = None
    quarantined: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        whose = f"{self.symbol} " if self.symbol else ""
        return f"{where}{whose}{self.day or 'without a date'}: {self.kind}: {self.detail}"


def trades_on(calendar: TradingCalendar, day: date) -> bool:
    """Whether the exchange trades; a day outside the calendar's years is no trading day."""
    return FIRST_YEAR <= day.year <= LAST_YEAR and calendar.is_trading_day(day)


def nominal_hours(calendar: TradingCalendar, day: date) -> TradingHours:
    """Opening and closing; for a day without trading 24 hours from its midnight there, so that
    a vendor's bar of that day can be built and then named by `check_bars`."""
    if trades_on(calendar, day):
        return calendar.hours(day)
    midnight = datetime.combine(day, time(), tzinfo=calendar.zone).astimezone(UTC)
    return TradingHours(midnight, midnight + timedelta(days=1))


@dataclass(slots=True)
class _Row:
    bar: Bar
    place: Place | None
    finding: Finding | None = None

    def report(self, kind: FindingKind, detail: str, *, quarantined: bool) -> Finding:
        file, line = (self.place.file, self.place.line) if self.place else (None, None)
        return Finding(kind, self.bar.symbol, self.bar.day, detail, file, line, quarantined)

    def quarantine(self, kind: FindingKind, detail: str) -> None:
        self.finding = self.report(kind, detail, quarantined=True)


def check_bars(
    bars: Sequence[Bar],
    calendar: TradingCalendar,
    *,
    max_jump: float,
    places: Sequence[Place] | None = None,
    splits: Collection[tuple[str, date]] = (),
) -> tuple[list[Bar], list[Finding]]:
    """The bars to keep, by symbol and time, and what was found, in the same order.

    `bars` are one vendor's answer, in any order; `places`, parallel to it, says where each was read.
    `max_jump` is a fraction: a close further than that from the last close that was not stale is reported.
    `splits` are the symbols and days on which a split explains any jump. An unexplained one that looks like a
    split is quarantined for review; the next bar that lies near it confirms the level and is kept. A volume
    that cannot be is taken as 0, and reported.

    Two equal bars for one period: the first is kept. Two different ones: all are quarantined, since nothing
    tells which is right. A bar is stale when open, high, low and close repeat the previous close and nothing
    was traded; an index without volume is therefore stale only when it did not move either.
    """
    if places is not None and len(places) != len(bars):
        raise DataError(f"{len(bars)} bars came with {len(places)} places")
    groups: dict[tuple[str, Interval], list[_Row]] = {}
    for number, bar in enumerate(bars):
        row = _Row(bar, places[number] if places is not None else None)
        groups.setdefault((bar.symbol, bar.interval), []).append(row)
    kept: list[Bar] = []
    findings: list[Finding] = []
    for _, rows in sorted(groups.items()):
        rows.sort(key=lambda row: row.bar.start)
        for row in rows:
            _check_alone(row, calendar)
        _check_duplicates(rows)
        findings += [row.finding for row in rows if row.finding]
        sound = [row for row in rows if not row.finding]
        _hold_unexplained_jumps(sound, splits, Decimal(str(max_jump)))
        findings += [row.finding for row in sound if row.finding]
        sound = [row for row in sound if not row.finding]
        flagged, doubts = _check_sequence(sound, Decimal(str(max_jump)))
        kept += flagged
        findings += doubts
        if rows[0].bar.interval is Interval.DAILY:
            findings += _gaps(flagged, calendar)
    return kept, findings


def _check_alone(row: _Row, calendar: TradingCalendar) -> None:
    bar = row.bar
    if min(bar.open, bar.high, bar.low, bar.close) <= 0:
        row.quarantine(
            FindingKind.NON_POSITIVE,
            f"open {bar.open}, high {bar.high}, low {bar.low}, close {bar.close}",
        )
    elif not trades_on(calendar, bar.day):
        row.quarantine(FindingKind.NOT_A_TRADING_DAY, f"{calendar.code} does not trade on {bar.day}")
    elif _disorder(bar) > ROUNDING * bar.close:
        row.quarantine(
            FindingKind.HIGH_BELOW_LOW,
            f"open {bar.open} and close {bar.close} do not lie between low {bar.low} and high {bar.high}",
        )
    else:
        hours = calendar.hours(bar.day)
        if bar.start < hours.opens_at or bar.end > hours.closes_at:
            row.quarantine(
                FindingKind.OUTSIDE_HOURS,
                f"{bar.start.isoformat()} to {bar.end.isoformat()} lies outside trading hours",
            )


def _disorder(bar: Bar) -> Decimal:
    return max(max(bar.open, bar.close) - bar.high, bar.low - min(bar.open, bar.close))


def spanning(bar: Bar) -> Bar:
    """The bar with a range that holds its open and close, so that no fill at them lies outside it."""
    return replace(bar, high=max(bar.high, bar.open, bar.close), low=min(bar.low, bar.open, bar.close))


def _values(bar: Bar) -> tuple[Decimal, Decimal, Decimal, Decimal, int]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume)


def _check_duplicates(rows: Iterable[_Row]) -> None:
    periods: dict[datetime, list[_Row]] = {}
    for row in rows:
        if not row.finding:
            periods.setdefault(row.bar.start, []).append(row)
    for twins in periods.values():
        if len({_values(row.bar) for row in twins}) > 1:
            for row in twins:
                row.quarantine(
                    FindingKind.DUPLICATE,
                    f"one of {len(twins)} bars for the same period with different values",
                )
        else:
            for row in twins[1:]:
                row.quarantine(FindingKind.DUPLICATE, "repeats an equal bar for the same period")


def _hold_unexplained_jumps(
    rows: Sequence[_Row], splits: Collection[tuple[str, date]], max_jump: Decimal
) -> None:
    """Quarantine a bar at another level than the last one kept, unless the bar before it, of an earlier day
    and itself held back, is at the same level. A day is judged by what came before it alone, so that it is
    judged alike later; but for the first, which all that follow would else be judged by."""
    kept: Decimal | None = None
    held: Bar | None = None
    for place, row in enumerate(rows):
        bar = row.bar
        if kept is None and _stands_alone(bar, rows[place + 1 : place + 3], splits, max_jump):
            row.quarantine(
                FindingKind.UNEXPLAINED_JUMP,
                f"{bar.close} before {rows[place + 1].bar.close} without a split: held back for review",
            )
            continue
        usual = kept is None or HELD_BELOW < bar.close / kept < HELD_ABOVE
        near = held is not None and held.day < bar.day and abs(bar.close / held.close - 1) <= max_jump
        confirmed = near and kept is not None and kept < bar.close * FURTHEST < kept * FURTHEST**2
        if usual or confirmed or (bar.symbol, bar.day) in splits:
            kept, held = bar.close, None
            continue
        held = bar
        row.quarantine(
            FindingKind.UNEXPLAINED_JUMP,
            f"from {kept} to {bar.close} without a split: held back for review",
        )


def _stands_alone(
    first: Bar, following: Sequence[_Row], splits: Collection[tuple[str, date]], max_jump: Decimal
) -> bool:
    """Whether a first bar is so far from the level of the two that follow, which agree, that it could never
    lead to it: one in a wrong unit would hold back all that comes after it."""
    if len(following) < 2 or (first.symbol, following[0].bar.day) in splits:
        return False
    second, third = (row.bar.close for row in following)
    apart = not first.close < second * FURTHEST < first.close * FURTHEST**2
    return apart and abs(third / second - 1) <= max_jump


def _check_sequence(rows: Sequence[_Row], max_jump: Decimal) -> tuple[list[Bar], list[Finding]]:
    kept: list[Bar] = []
    findings: list[Finding] = []
    previous: Bar | None = None
    traded: Bar | None = None
    for row in rows:
        bar = row.bar
        if not 0 <= bar.volume <= MOST_VOLUME:
            findings.append(
                row.report(
                    FindingKind.BAD_VOLUME, f"volume {bar.volume} is none; taken as 0", quarantined=False
                )
            )
            bar = replace(bar, volume=0)
        flat = bar.open == bar.high == bar.low == bar.close
        stale = previous is not None and flat and bar.volume == 0 and bar.close == previous.close
        if bar.stale != stale:
            bar = replace(bar, stale=stale)
        served = bar
        if _disorder(bar) > 0:
            bar = spanning(bar)
        kept.append(bar)
        previous = bar
        if stale:
            findings.append(
                row.report(FindingKind.STALE, f"repeats the close {bar.close} of before", quarantined=False)
            )
            continue
        if served is not bar:
            findings.append(
                row.report(
                    FindingKind.HIGH_BELOW_LOW,
                    f"open or close leaves low {served.low} to high {served.high} by a rounding; widened",
                    quarantined=False,
                )
            )
        if traded is not None and abs(bar.close / traded.close - 1) > max_jump:
            change = (bar.close / traded.close - 1) * 100
            findings.append(
                row.report(
                    FindingKind.JUMP,
                    f"{change:+.1f} % from {traded.close} on {traded.day} to {bar.close}",
                    quarantined=False,
                )
            )
        traded = bar
    return kept, findings


def _gaps(bars: Sequence[Bar], calendar: TradingCalendar) -> list[Finding]:
    findings = []
    for before, after in itertools.pairwise(bars):
        if calendar.next_day(before.day) == after.day:
            continue
        missing = calendar.days(before.day, after.day)[1:-1]
        detail = f"no bar on {len(missing)} trading day(s), to {missing[-1]}"
        findings.append(Finding(FindingKind.MISSING_DAY, before.symbol, missing[0], detail))
    return findings

"""The splits in Yahoo's answers, and its prices as they were traded.

Yahoo divides every split out of the prices before it, up to the hour of asking, and multiplies volumes: what
it said of a day last week is another number once the share has been split. So the splits that an answer
reports are undone again, and a bar stays what it was. Now and then Yahoo reports a split that it has not
worked into its history yet; the step in the prices at the split says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from arena_pipeline.errors import SourceError
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.splits import WHOLE

TELLING = math.log(1.3)
"""A split further from 1 than this shows in the prices, beside what a share may move in a day."""

LARGEST = 1000
"""New shares for one old, or the reverse, beyond which a split is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class DatedRatio:
    """A split as an answer has it: new shares for one old share, from the opening of `ex_date`."""

    ex_date: date
    ratio: Fraction


def splits_in(body: bytes, zone: ZoneInfo, symbol: str) -> tuple[DatedRatio, ...]:
    """The splits in a chart, by day, two of one day made one. Raises SourceError for one that is none:
    without it nothing tells on which scale the prices are."""
    ratios: dict[date, Fraction] = {}
    try:
        events = json.loads(body)["chart"]["result"][0].get("events") or {}
        for event in (events.get("splits") or {}).values():
            day = datetime.fromtimestamp(event["date"], UTC).astimezone(zone).date()
            new, old = (Fraction(str(float(event[name]))) for name in ("numerator", "denominator"))
            ratio = new / old
            if not Fraction(1, LARGEST) <= ratio <= LARGEST:
                raise ValueError(f"{new}:{old}")
            ratios[day] = ratios.get(day, WHOLE) * ratio
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, OSError) as error:
        what = f"{type(error).__name__}: {error}"
        raise SourceError(f"yahoo's answer for {symbol} has a split that is none: {what:.80}") from None
    return tuple(DatedRatio(day, ratio) for day, ratio in sorted(ratios.items()) if ratio != WHOLE)


def worked_in(splits: Sequence[DatedRatio], bars: Sequence[Bar], until: date) -> tuple[DatedRatio, ...]:
    """Of the splits up to a day those that the prices of `bars` (one symbol's, oldest first, on the vendor's
    scale) already contain: across such a split they go on, across another they jump by its ratio."""
    return tuple(split for split in splits if split.ex_date <= until and not _jumps(split, bars))


def _jumps(split: DatedRatio, bars: Sequence[Bar]) -> bool:
    before = [bar.close for bar in bars if bar.day < split.ex_date]
    after = [bar.open for bar in bars if bar.day >= split.ex_date]
    expected = math.log(split.ratio)
    if not before or not after or abs(expected) < TELLING:
        return False
    step = math.log(before[-1] / after[0])
    return abs(step - expected) < abs(step)


def ratio_after(splits: Sequence[DatedRatio], day: date) -> Fraction:
    """By how much the splits after a day have divided its prices."""
    return math.prod((split.ratio for split in splits if split.ex_date > day), start=WHOLE)

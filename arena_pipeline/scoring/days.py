"""Which days the figures of a model are made of, and whether the others' are of the same days."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from arena_pipeline.scoring import metrics


class DayReturn(NamedTuple):
    """A simple return (fraction) up to `day`, from the value of `since`, or for None from the starting cash.
    Without a value on the day before, it is of several days."""

    since: date | None
    day: date
    change: float


def counted_returns(
    starting_cash_cents: int, navs: Sequence[tuple[date, int]], as_of: date, left_out: Collection[date] = ()
) -> list[DayReturn]:
    """The returns that count, up to `as_of`; `navs` are a model's values in cents, by day, in order. One that
    covers a day `left_out` does not count, also where that day has no value of its own."""
    days = [day for day, _ in navs if day <= as_of]
    before = [None, *days]
    changes = metrics.daily_returns([starting_cash_cents, *(nav for day, nav in navs if day <= as_of)])
    out = sorted(left_out)
    counted = []
    for since, day, change in zip(before, days, changes, strict=False):
        latest = bisect.bisect_right(out, day)
        if latest and (since is None or since < out[latest - 1]):
            continue
        counted.append(DayReturn(since, day, change))
    return counted


def other_days(days: Mapping[str, Collection[date]]) -> dict[str, str]:
    """Of the models (days that count, by model) whose returns are not of the same days as the others', why.

    The model with the most days stands for all, of several the one whose days most models share. Models
    without the same days cannot be compared day by day.
    """
    sets = {model: frozenset(days[model]) for model in sorted(days)}
    shared = Counter(sets.values())
    most = max(sets.values(), key=lambda each: (len(each), shared[each]), default=frozenset())
    return {model: _lacks(own, most) for model, own in sets.items() if own != most}


def _lacks(own: Collection[date], most: Collection[date]) -> str:
    missing = sorted(set(most) - set(own))
    if not own:
        return "it has no value on any day that counts"
    if missing[0] > max(own):
        return f"its last value is of {max(own)}, others have one of {max(most)}"
    more = f" and {len(missing) - 1} more days" if len(missing) > 1 else ""
    return f"it has no return of its own on {missing[0]}{more}, of {len(most)} days that count"

"""Bars at the border: what is kept, what is quarantined, and that nothing is lost between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval, price
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.market.checks import ROUNDING, Finding, FindingKind, Place, check_bars, nominal_hours

XETR = trading_calendar()
FIRST = date(2025, 3, 3)


def bar(day: date, close: str = "100", *, symbol: str = "SAP.DE", volume: int = 1000, **figures: str) -> Bar:
    hours = nominal_hours(XETR, day)
    high, low = figures.get("high", close), figures.get("low", close)
    return Bar(
        symbol=symbol,
        interval=Interval.DAILY,
        day=day,
        start=hours.opens_at,
        end=hours.closes_at,
        open=price(figures.get("open", close)),
        high=price(high),
        low=price(low),
        close=price(close),
        volume=volume,
        adjustment=Adjustment.SPLIT,
        stale=False,
        known_at=hours.closes_at,
        vintage=1,
        source="test",
        raw="00",
    )


def quarter_hour(day: date, minutes_after_opening: int) -> Bar:
    start = XETR.hours(day).opens_at + timedelta(minutes=minutes_after_opening)
    return replace(bar(day), interval=Interval.QUARTER_HOUR, start=start, end=start + timedelta(minutes=15))


def checked(*bars: Bar, max_jump: float = 0.35) -> tuple[list[Bar], list[Finding]]:
    return check_bars(bars, XETR, max_jump=max_jump)


def kinds(findings: Sequence[Finding]) -> list[tuple[FindingKind, bool]]:
    return [(finding.kind, finding.quarantined) for finding in findings]


def test_sound_bars_pass_in_order_of_time() -> None:
    days = XETR.days(FIRST, date(2025, 3, 7))
    bars = [bar(day, str(100 + number)) for number, day in enumerate(days)]
    assert checked(*reversed(bars)) == (bars, [])


def test_a_high_below_the_close_is_quarantined() -> None:
    kept, findings = checked(bar(FIRST, "100", high="99.9", low="90"))
    assert kept == []
    assert kinds(findings) == [(FindingKind.HIGH_BELOW_LOW, True)]


def test_a_range_that_misses_the_close_by_a_rounding_is_widened_and_reported() -> None:
    doubtful = bar(FIRST, "100", high="99.995", low="90")
    kept, findings = checked(doubtful)
    assert kept == [replace(doubtful, high=price("100"))]
    assert kinds(findings) == [(FindingKind.HIGH_BELOW_LOW, False)]
    assert "99.995" in findings[0].detail


def test_prices_that_are_not_positive_are_quarantined() -> None:
    _, findings = checked(bar(FIRST, "0"), bar(date(2025, 3, 4), "100", low="-1"))
    assert kinds(findings) == [(FindingKind.NON_POSITIVE, True)] * 2


def test_the_second_of_two_equal_bars_is_quarantined() -> None:
    kept, findings = checked(bar(FIRST), bar(FIRST))
    assert len(kept) == 1
    assert kinds(findings) == [(FindingKind.DUPLICATE, True)]


def test_two_different_bars_of_one_day_are_both_quarantined() -> None:
    kept, findings = checked(bar(FIRST, "100"), bar(FIRST, "101"))
    assert kept == []
    assert kinds(findings) == [(FindingKind.DUPLICATE, True)] * 2


def test_a_bar_on_a_holiday_is_quarantined() -> None:
    kept, findings = checked(bar(date(2026, 4, 3)))
    assert kept == []
    assert kinds(findings) == [(FindingKind.NOT_A_TRADING_DAY, True)]


def test_a_bar_after_the_close_is_quarantined() -> None:
    kept, findings = checked(quarter_hour(FIRST, 0), quarter_hour(FIRST, 8 * 60 + 30))
    assert [found.start for found in kept] == [XETR.hours(FIRST).opens_at]
    assert kinds(findings) == [(FindingKind.OUTSIDE_HOURS, True)]


def test_a_bar_that_repeats_the_close_without_volume_is_kept_and_flagged_stale() -> None:
    kept, findings = checked(bar(FIRST, "100"), bar(date(2025, 3, 4), "100", volume=0))
    assert [found.stale for found in kept] == [False, True]
    assert kinds(findings) == [(FindingKind.STALE, False)]


def test_an_index_without_volume_that_moves_is_not_stale() -> None:
    kept, findings = checked(
        bar(FIRST, "22000", symbol="^GDAXI", volume=0),
        bar(date(2025, 3, 4), "22100", symbol="^GDAXI", volume=0),
    )
    assert [found.stale for found in kept] == [False, False]
    assert findings == []


def test_a_traded_bar_at_the_old_close_is_not_stale() -> None:
    kept, _ = checked(bar(FIRST, "100"), bar(date(2025, 3, 4), "100", volume=7))
    assert not kept[1].stale


def test_a_jump_is_kept_and_reported_against_the_last_close_that_traded() -> None:
    kept, findings = checked(
        bar(FIRST, "100"),
        bar(date(2025, 3, 4), "100", volume=0),
        bar(date(2025, 3, 5), "60"),
    )
    assert len(kept) == 3
    assert kinds(findings) == [(FindingKind.STALE, False), (FindingKind.JUMP, False)]
    assert "-40.0 % from 100.0000 on 2025-03-03" in findings[1].detail


def test_half_the_price_without_a_split_is_held_back_until_a_second_bar_confirms_it() -> None:
    days = XETR.days(FIRST, date(2025, 3, 6))
    kept, findings = checked(
        *(bar(day, close) for day, close in zip(days, ["100", "50", "51", "52"], strict=True))
    )
    assert [found.day for found in kept] == [days[0], days[2], days[3]]
    assert kinds(findings)[0] == (FindingKind.UNEXPLAINED_JUMP, True)
    assert "from 100.0000 to 50.0000 without a split: held back for review" in findings[0].detail


def test_a_single_spike_is_held_back_and_what_follows_is_kept() -> None:
    days = XETR.days(FIRST, date(2025, 3, 5))
    kept, findings = checked(
        *(bar(day, close) for day, close in zip(days, ["100", "10000", "101"], strict=True))
    )
    assert [found.day for found in kept] == [days[0], days[2]]
    assert (FindingKind.UNEXPLAINED_JUMP, True) in kinds(findings)


def test_quarter_hours_at_half_the_price_are_held_back_for_the_whole_day() -> None:
    """A split that is reported in the evening only would otherwise halve a holding from the second bar on."""
    monday, tuesday = (
        [quarter_hour(day, minutes) for minutes in (0, 15, 30)] for day in (FIRST, XETR.next_day(FIRST))
    )
    half = {name: price("50") for name in ("open", "high", "low", "close")}
    late = [replace(bar, **half) for bar in (*monday[1:], *tuesday)]
    kept, findings = checked(monday[0], *late)
    assert kept == [monday[0], *late[2:]]
    assert kinds(findings)[:2] == [(FindingKind.UNEXPLAINED_JUMP, True)] * 2


def test_a_hundredfold_level_is_never_confirmed() -> None:
    days = XETR.days(FIRST, date(2025, 3, 10))
    closes = ["1", "1.02", "100", "101", "102", "1.01"]
    kept, _ = checked(*(bar(day, close) for day, close in zip(days, closes, strict=True)))
    assert [found.day for found in kept] == [*days[:2], days[5]]


@pytest.mark.parametrize(
    ("closes", "held"),
    [
        (["10000", "100", "101", "102"], [0]),
        (["1", "100", "101", "102"], [0]),
        (["10000", "100", "1"], [1, 2]),
        (["200", "100", "101", "102"], [1]),
    ],
)
def test_a_first_bar_in_a_wrong_unit_does_not_hold_back_all_that_follow(
    closes: list[str], held: list[int]
) -> None:
    """Where the two after it agree, and only at a level that its own could never lead to."""
    days = XETR.days(FIRST, date(2025, 3, 6))
    bars = [bar(day, close) for day, close in zip(days, closes, strict=False)]
    kept, _ = checked(*bars)
    assert [found.day for found in kept] == [
        day for place, day in enumerate(days[: len(bars)]) if place not in held
    ]


def test_a_first_bar_before_a_split_of_twenty_for_one_is_kept() -> None:
    days = XETR.days(FIRST, date(2025, 3, 6))
    bars = [bar(day, close) for day, close in zip(days, ["2000", "100", "101", "102"], strict=True)]
    kept, _ = check_bars(bars, XETR, max_jump=0.35, splits={("SAP.DE", days[1])})
    assert len(kept) == 4


def test_a_day_is_judged_alike_whatever_comes_after_it() -> None:
    days = XETR.days(FIRST, date(2025, 3, 6))
    bars = [bar(day, close) for day, close in zip(days, ["100", "50", "51", "52"], strict=True)]
    whole, _ = checked(*bars)
    for count in range(1, 5):
        kept, _ = checked(*bars[:count])
        assert kept == [found for found in whole if found.day <= days[count - 1]]


def test_a_split_explains_half_the_price() -> None:
    second = date(2025, 3, 4)
    bars = [bar(FIRST, "100"), bar(second, "50")]
    kept, findings = check_bars(bars, XETR, max_jump=0.35, splits={("SAP.DE", second)})
    assert kept == bars
    assert kinds(findings) == [(FindingKind.JUMP, False)]


def test_a_volume_that_cannot_be_is_taken_as_none_and_reported() -> None:
    kept, findings = checked(bar(FIRST, "100", volume=-5), bar(date(2025, 3, 4), "101", volume=10**12))
    assert [found.volume for found in kept] == [0, 0]
    assert kinds(findings) == [(FindingKind.BAD_VOLUME, False)] * 2


def test_a_gap_names_its_first_and_last_missing_day() -> None:
    _, findings = checked(bar(FIRST), bar(date(2025, 3, 10), "101"))
    assert kinds(findings) == [(FindingKind.MISSING_DAY, False)]
    assert findings[0].day == date(2025, 3, 4)
    assert "4 trading day(s), to 2025-03-07" in findings[0].detail


def test_a_finding_says_where_its_row_was_read() -> None:
    _, findings = check_bars([bar(FIRST, "0")], XETR, max_jump=0.35, places=[Place("SAP.DE.csv", 17)])
    assert str(findings[0]).startswith("SAP.DE.csv:17: SAP.DE 2025-03-03: non_positive")


PRICES = st.sampled_from(["-1", "0", "99.999", "100", "100.005", "150", "20"])


@given(
    st.lists(
        st.builds(
            lambda offset, close, high, low, volume, symbol: bar(
                FIRST + timedelta(days=offset), close, high=high, low=low, volume=volume, symbol=symbol
            ),
            st.integers(0, 12),
            PRICES,
            PRICES,
            PRICES,
            st.sampled_from([0, 1000]),
            st.sampled_from(["SAP.DE", "SIE.DE"]),
        ),
        max_size=30,
    )
)
def test_kept_and_quarantined_add_up_to_what_came_in(bars: list[Bar]) -> None:
    kept, findings = checked(*bars)
    assert len(kept) + sum(finding.quarantined for finding in findings) == len(bars)
    for found in kept:
        assert found.low <= min(found.open, found.close) <= max(found.open, found.close) <= found.high
        assert any(
            replace(found, stale=False, high=served.high, low=served.low) == served
            and found.high - served.high <= ROUNDING * served.close
            and served.low - found.low <= ROUNDING * served.close
            for served in bars
        )
        assert found.high >= max(found.open, found.close) * Decimal("0.9998")
    assert len({(found.symbol, found.day) for found in kept}) == len(kept)
    again, doubts = checked(*reversed(bars))
    assert again == kept
    assert sorted(kinds(doubts)) == sorted(kinds(findings))

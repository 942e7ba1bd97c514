"""Numbers and times on a page."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dashboards.formats import (
    amount,
    berlin,
    coded,
    day,
    money,
    path,
    percent,
    session,
    usd,
    worded,
    zoned,
)


def test_a_loss_too_small_to_show_has_no_minus():
    assert percent(-0.00001) == "+0.00\u202f%"
    assert percent(-0.0123) == "−1.23\u202f%"
    assert percent(0.5, signed=False) == "50.00\u202f%"
    assert amount("-0.001") == "0.00"


def test_times_are_on_the_exchanges_clock_in_summer_and_winter():
    summer, winter = "2025-07-01T07:00:00.000000+00:00", "2025-12-01T08:00:00.000000+00:00"
    assert berlin(summer) == "1 Jul 2025 09:00"
    assert zoned(summer) == "2025-07-01 09:00 CEST"
    assert berlin(winter) == "1 Dec 2025 09:00"
    assert zoned(winter) == "2025-12-01 09:00 CET"
    assert session("2025-10-24T08:30") == "24 Oct 2025 08:30"


def test_money_has_its_unit_and_what_calls_cost_has_four_decimals_below_a_cent():
    assert money("1234567.5") == "1\u202f234\u202f567.50\u202f€"
    assert money("-3", "CHF", signed=True) == "−3.00\u202fCHF"
    assert money("3", "NOK", signed=True) == "+3.00\u202fNOK"
    assert [usd("0.00425"), usd("1.236"), usd("0")] == ["$0.0043", "$1.24", "$0.00"]


def test_what_is_missing_is_a_dash_and_never_zero():
    assert [amount(None), money(None), percent(None), usd(None), berlin(None), day(None)] == ["–"] * 6


def test_an_id_keeps_its_colons_and_nothing_else_that_an_address_would_read():
    assert path("decision:a:2025-09-15T08:30") == "decision:a:2025-09-15T08:30"
    assert path("a/b?c#d") == "a%2Fb%3Fc%23d"


@given(st.decimals(-(10**12), 10**12, places=2))
def test_an_amount_reads_back_as_itself(value):
    assert Decimal(amount(value).replace("\u202f", "").replace("−", "-")) == value


def test_commands_in_a_sentence_are_set_as_code_and_all_else_stays_text():
    assert str(coded("start it with `arena up` <b>")) == "start it with <code>arena up</code> &lt;b&gt;"
    assert str(coded("`<i>`")) == "<code>&lt;i&gt;</code>"
    assert str(coded("one ` alone")) == "one ` alone"


def test_an_order_is_named_by_its_session():
    said = "take profit of order:sandbox-trend:2025-09-16T14:00:1"
    assert worded(said) == "take profit of the order of 16 Sep 2025 14:00"
    assert worded("reorder:x order: nothing") == "reorder:x order: nothing"
    assert worded("order:a:9999-99-99T99:99:1") == "order:a:9999-99-99T99:99:1"

"""Numbers and times on a page."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dashboards.formats import amount, berlin, path, percent


def test_a_loss_too_small_to_show_has_no_minus():
    assert percent(-0.00001) == "+0.00%"
    assert percent(-0.0123) == "−1.23%"
    assert percent(0.5, signed=False) == "50.00%"


def test_times_are_on_the_exchanges_clock_in_summer_and_winter():
    assert berlin("2025-07-01T07:00:00.000000+00:00") == "2025-07-01 09:00 CEST"
    assert berlin("2025-12-01T08:00:00.000000+00:00") == "2025-12-01 09:00 CET"


def test_an_id_keeps_its_colons_and_nothing_else_that_an_address_would_read():
    assert path("decision:a:2025-09-15T08:30") == "decision:a:2025-09-15T08:30"
    assert path("a/b?c#d") == "a%2Fb%3Fc%23d"


@given(st.decimals(-(10**12), 10**12, places=2))
def test_an_amount_reads_back_as_itself(value):
    assert Decimal(amount(value).replace(",", "").replace("−", "-")) == value

"""The journal of a book says in double entries what the replay says in snapshots."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.beancount import beancount, commodity
from arena_pipeline.trading.book import DayResult
from arena_pipeline.trading.journal import Account, balances, journal
from arena_pipeline.trading.money import to_cents
from arena_pipeline.trading.replay import replay
from tests.trading.scenarios import scenario

START = date(2025, 1, 2)
CASH = Decimal("1000.00")


def transactions(results: list[DayResult], cash: Decimal = CASH):
    return list(journal(results, opening=START, starting_cash_cents=to_cents(cash)))


@pytest.fixture
def traded(market):
    """Ten bought, a dividend, six sold at a gain."""
    days = [
        market.day(2, {"A": "10"}),
        market.day(3, {"A": ("12", "12")}, market.dividend("A", 3, "0.50", pay=6)),
        market.day(6, {"A": "13"}),
    ]
    orders = [market.order("in", "buy", 10, "A", 2), market.order("out", "sell", 6, "A", 6)]
    return replay("m", CASH, Decimal("5.00"), orders, days, dividend_tax=Decimal("0.2"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_every_transaction_balances_and_the_accounts_are_those_of_the_last_snapshot(seed):
    made = scenario(seed)
    results = made.replay()
    written = transactions(results, made.cash)
    assert all(sum(entry.cents for entry in each.entries) == 0 for each in written)
    found, last = balances(written), results[-1].snapshot

    def cents(account):
        return sum(amount for (name, _), (amount, _) in found.items() if name is account)

    assert cents(Account.CASH) == last.cash_cents
    assert cents(Account.RECEIVABLE) == last.receivable_cents
    assert cents(Account.FEES) == last.fees_cents
    assert cents(Account.TRADING) == -last.realised_cents
    assert cents(Account.DIVIDENDS) + cents(Account.TAX) == -last.dividends_cents
    held = {
        symbol: (shares, cost) for (name, symbol), (cost, shares) in found.items() if name is Account.SHARES
    }
    assert {symbol: each for symbol, each in held.items() if each != (0, 0)} == {
        symbol: (quantity, last.costs[symbol]) for symbol, quantity in last.quantities.items()
    }


def test_a_sale_takes_its_share_of_the_cost_out_and_shows_the_gain_before_the_fee(traded):
    sale = transactions(traded)[-1]
    assert sale.reference == "out"
    assert sale.evidence == traded[-1].fills[0].bar_id
    assert [(entry.account, entry.cents, entry.shares) for entry in sale.entries] == [
        (Account.SHARES, -6000, -6),
        (Account.FEES, 500, 0),
        (Account.TRADING, -1800, 0),
        (Account.CASH, 7300, 0),
    ]


def test_a_dividend_is_owed_from_its_ex_date_less_tax_and_paid_on_its_pay_date(traded):
    owed, paid = (each for each in transactions(traded) if each.reference.startswith("action:dividend"))
    assert (owed.day, paid.day) == (date(2025, 1, 3), date(2025, 1, 6))
    assert [(entry.account, entry.cents) for entry in owed.entries] == [
        (Account.RECEIVABLE, 400),
        (Account.TAX, 100),
        (Account.DIVIDENDS, -500),
    ]
    assert [(entry.account, entry.cents) for entry in paid.entries] == [
        (Account.CASH, 400),
        (Account.RECEIVABLE, -400),
    ]


def test_amounts_in_json_are_text_with_two_decimals(traded):
    document = transactions(traded)[1].to_json()
    assert document["text"] == "buy 10 A at 10"
    assert [entry["amount"] for entry in document["entries"]] == ["100.00", "5.00", "-105.00"]


def test_the_ledger_for_beancount_asserts_cash_after_each_day_and_holdings_at_the_end(traded):
    text = beancount({"gpt-5": transactions(traded)}, currency="EUR")
    assert '2025-01-02 * "buy 10 A at 10"' in text
    assert "2025-01-03 balance Assets:Gpt-5:Cash  895.00 ~ 0 EUR" in text
    assert text.rstrip().endswith("balance Assets:Gpt-5:Shares:X-A  4 ~ 0 X-A")


@pytest.mark.parametrize(
    ("symbol", "name"), [("SAP.DE", "SAP.DE"), ("^GDAXI", "GDAXI"), ("1COV.DE", "X-1COV.DE"), ("A", "X-A")]
)
def test_a_symbol_becomes_a_commodity_that_beancount_allows(symbol, name):
    assert commodity(symbol) == name


def test_two_models_that_would_share_a_name_are_refused(traded):
    written = transactions(traded)
    with pytest.raises(LedgerError, match="would both be called"):
        beancount({"a.b": written, "a-b": written}, currency="EUR")


def test_quotes_in_a_title_stay_inside_it(traded):
    text = beancount({"m": transactions(traded)}, currency="EUR", title='a "b" \\c')
    assert text.startswith('option "title" "a \\"b\\" \\\\c"\n')

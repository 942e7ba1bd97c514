"""The exported books against beancount's own checker, which knows nothing of the replay."""

import re

import pytest
from beancount import loader

from arena_pipeline.trading.beancount import beancount
from arena_pipeline.trading.journal import journal
from arena_pipeline.trading.money import to_cents
from tests.trading.scenarios import scenario

SEEDS = range(150)


def exported(seed):
    made = scenario(seed, days=12, orders=24)
    results = made.replay()
    transactions = list(journal(results, opening=made.days[0].day, starting_cash_cents=to_cents(made.cash)))
    return beancount({"m": transactions}, currency="EUR"), results


def complaints(ledger):
    return [error.message for error in loader.load_string(ledger, dedent=False)[1]]


@pytest.mark.parametrize("seed", SEEDS)
def test_beancount_accepts_books_with_every_kind_of_order_split_and_dividend(seed):
    ledger, _ = exported(seed)
    assert complaints(ledger) == []


def test_the_scenarios_have_splits_dividends_and_sales_to_export():
    kinds, sales = set(), 0
    for seed in SEEDS:
        _, results = exported(seed)
        kinds |= {posting.kind.value for result in results for posting in result.postings}
        sales += sum(fill.realised_cents is not None for result in results for fill in result.fills)
    assert kinds == {"split", "accrual", "payment"}
    assert sales > 100


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        (r"(Assets:M:Cash  -?\d+)\.(\d)(\d) EUR", r"\1.\g<2>9 EUR"),
        (r"(balance Assets:M:Cash  \d+)\.\d\d", r"\1.77"),
        (r"(balance Assets:M:Shares:X-[A-C]  )\d+ ~ 0 ([A-Z-]+)\n", r"\g<1>999999 ~ 0 \2\n"),
    ],
    ids=["an amount", "a balance of cash", "a number of shares"],
)
def test_beancount_notices_one_wrong_figure(pattern, wrong):
    ledger = next(
        text for text, _ in map(exported, SEEDS) if re.search(pattern, text) and complaints(text) == []
    )
    changed = re.sub(pattern, wrong, ledger, count=1)
    assert changed != ledger
    assert complaints(changed)

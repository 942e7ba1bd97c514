"""The replay and the oracle, which share no code, agree on every day of any scenario."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from arena_pipeline.trading.money import from_cents
from tests.trading.oracle import second_opinion
from tests.trading.scenarios import scenario


def plain(result):
    """A day of the replay in the words of the oracle."""
    snapshot = result.snapshot
    money = (
        snapshot.cash_cents,
        snapshot.receivable_cents,
        snapshot.nav_cents,
        snapshot.realised_cents,
        snapshot.fees_cents,
        snapshot.dividends_cents,
    )
    return {
        "fills": [
            (
                fill.order_id,
                fill.filled_at,
                fill.price,
                fill.quantity,
                from_cents(fill.notional_cents),
                None if fill.realised_cents is None else from_cents(fill.realised_cents),
                None if fill.net_cents is None else from_cents(fill.net_cents),
            )
            for fill in result.fills
        ],
        "ends": [(entry.order_id, entry.reason.value) for entry in result.rejections],
        "money": [from_cents(cents) for cents in money],
        "holdings": {mark.symbol: (mark.quantity, from_cents(mark.cost_cents)) for mark in snapshot.marks},
    }


def second(day):
    return {
        "fills": day.fills,
        "ends": day.ends,
        "money": [day.cash, day.receivable, day.nav, day.realised, day.fees, day.dividends],
        "holdings": day.holdings,
    }


@settings(max_examples=4 * settings().max_examples)
@given(st.integers(0, 2**32))
def test_replay_and_oracle_agree(seed):
    made = scenario(seed)
    results = made.replay()
    opinion = second_opinion(made.cash, made.fee, made.wishes, made.days, made.policy, made.tax)
    for result, day in zip(results, opinion, strict=True):
        assert plain(result) == second(day), result.snapshot.day


def test_scenarios_reach_every_type_of_order_and_every_end():
    kinds, reasons, types = set(), set(), set()
    for seed in range(400):
        made = scenario(seed)
        by_id = {wish.id: wish for wish in made.wishes if hasattr(wish, "type")}
        for result in made.replay():
            reasons |= {entry.reason for entry in result.rejections}
            kinds |= {posting.kind for posting in result.postings}
            types |= {by_id[fill.order_id].type for fill in result.fills}
    assert len(types) == 4
    assert len(kinds) == 3
    assert {reason.value for reason in reasons} == {
        "INSUFFICIENT_CASH", "INSUFFICIENT_POSITION", "INSUFFICIENT_CASH_FOR_FEE", "BELOW_ONE_SHARE",
        "ALREADY_AT_TARGET", "TOO_LATE", "EXPIRED", "CANCELLED", "REPLACED", "OTHER_FILLED", "ENTRY_ENDED",
    }  # fmt: skip

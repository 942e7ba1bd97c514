"""What holds for every order list and every market: gaps, stale days, 15-minute bars, splits, dividends,
every type of order, brackets, redelivery. None of it needs to know what the right answer is."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import Holding, MarketDay, Posting, PostingKind
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.fills import LimitFill, Wait
from arena_pipeline.trading.money import to_cents
from arena_pipeline.trading.orders import Order, OrderType, RejectReason, Side, TimeInForce
from arena_pipeline.trading.replay import replay
from tests.trading.scenarios import SYMBOLS, scenarios

NONE_HELD = Holding(0, 0, 0, "")
REFUSED = {
    RejectReason.INSUFFICIENT_CASH,
    RejectReason.INSUFFICIENT_POSITION,
    RejectReason.INSUFFICIENT_CASH_FOR_FEE,
    RejectReason.BELOW_ONE_SHARE,
    RejectReason.ALREADY_AT_TARGET,
}


def is_half_up(cents, exact):
    """Whether an amount that is not negative is the exact one, rounded half up."""
    return Fraction(-1, 2) < cents - exact <= Fraction(1, 2)


def said(results):
    """What days left behind, but for the market that they were given."""
    return [(r.fills, r.rejections, r.postings, r.snapshot, r.before) for r in results]


def postings(results, kind):
    return [posting for result in results for posting in result.postings if posting.kind is kind]


def changes(results):
    """Each split and fill in turn, with what of its symbol was held before it and after."""
    held = dict.fromkeys(SYMBOLS, NONE_HELD)
    for result in results:
        splits = [posting for posting in result.postings if posting.kind is PostingKind.SPLIT]
        for event in (*splits, *result.fills):
            before = held[event.symbol]
            after = held[event.symbol] = changed(before, event)
            yield event, before, after
        left = {symbol: holding for symbol, holding in held.items() if holding.quantity}
        assert {symbol: holding.quantity for symbol, holding in left.items()} == result.snapshot.quantities
        assert {symbol: holding.cost_cents for symbol, holding in left.items()} == result.snapshot.costs


def changed(held, event):
    """What is held after a split or a fill, by what it says of itself."""
    quantity, cost, fees, _ = held
    if isinstance(event, Posting):
        return Holding(event.quantity, cost - event.cost_cents, fees if event.quantity else 0, "")
    if event.side is Side.BUY:
        return Holding(quantity + event.quantity, cost + event.notional_cents, fees + event.fee_cents, "")
    sold = event.notional_cents - event.realised_cents
    share = event.realised_cents - event.fee_cents - event.net_cents
    return Holding(quantity - event.quantity, cost - sold, fees - share, "")


def held_on(results, day):
    """What was held when a day began to trade, or the first one after it."""
    return next(result.before for result in results if result.snapshot.day >= day)


def deliver(engine, wishes):
    for wish in sorted(wishes, key=lambda wish: wish.submitted_at):
        if isinstance(wish, Order):
            engine.submit(wish)
        else:
            engine.cancel(wish)


def ways(side):
    """+1 where a higher price is worse, -1 where it is better."""
    return 1 if side is Side.BUY else -1


@given(scenarios())
def test_the_books_always_balance(made):
    results, fills = made.replay(), 0
    for number, result in enumerate(results, start=1):
        snapshot = result.snapshot
        fills += len(result.fills)
        accrued, paid = (
            postings(results[:number], kind) for kind in (PostingKind.ACCRUAL, PostingKind.PAYMENT)
        )
        cost = sum(mark.cost_cents for mark in snapshot.marks)
        value = sum(mark.value_cents for mark in snapshot.marks)
        earned = (
            to_cents(made.cash) + snapshot.realised_cents - snapshot.fees_cents + snapshot.dividends_cents
        )
        assert snapshot.cash_cents >= 0
        assert snapshot.cash_cents + snapshot.receivable_cents + cost == earned
        assert snapshot.nav_cents == earned + value - cost
        assert snapshot.fees_cents == to_cents(made.fee) * fills
        assert snapshot.dividends_cents == sum(posting.cents - posting.tax_cents for posting in accrued)
        assert snapshot.dividends_cents == snapshot.receivable_cents + sum(posting.cents for posting in paid)


@given(scenarios())
def test_a_holding_is_the_sum_of_its_fills_and_splits(made):
    results = made.replay()
    came = went = realised = 0
    for event, _, after in changes(results):
        assert after.quantity >= 0
        assert after.cost_cents >= 0
        if isinstance(event, Posting):
            went += event.cents
            realised += event.cents - event.cost_cents
        elif event.side is Side.BUY:
            came += event.notional_cents
        else:
            went += event.notional_cents
            realised += event.realised_cents
    last = results[-1].snapshot
    assert last.realised_cents == realised
    assert came == went - realised + sum(mark.cost_cents for mark in last.marks)


@given(scenarios())
def test_every_posting_is_exact_to_half_a_cent_rounded_up(made):
    days = {day.day: day for day in made.days}
    ratios = {action.id: action.ratio for day in made.days for action in day.actions}
    for event, before, after in changes(made.replay()):
        if isinstance(event, Posting):
            shares = before.quantity * ratios[event.action_id]
            fraction = shares - int(shares)
            fresh = [bar for bar in days[event.day].bars.get(event.symbol, ()) if not bar.stale]
            assert after.quantity == int(shares)
            assert is_half_up(event.cost_cents, before.cost_cents * fraction / shares)
            assert not fresh or is_half_up(event.cents, Fraction(fresh[0].open) * fraction * 100)
            continue
        assert is_half_up(event.notional_cents, Fraction(event.price) * event.quantity * 100)
        if event.side is Side.SELL:
            part = Fraction(event.quantity, before.quantity)
            assert is_half_up(before.cost_cents - after.cost_cents, before.cost_cents * part)
            assert is_half_up(before.buy_fees_cents - after.buy_fees_cents, before.buy_fees_cents * part)


@given(scenarios())
def test_a_price_that_holds_an_action_already_is_not_given_it_again(made):
    """Splits belong to as-traded prices, dividends to as-traded and split-adjusted ones, once each."""
    results = made.replay()
    held = {}
    actions = {}
    for day, result in zip(made.days, results, strict=True):
        due = [action for action in day.actions if action.symbol in held]
        splits = [a.id for a in due if a.kind is ActionKind.SPLIT and made.adjustment is Adjustment.RAW]
        dividends = [
            a.id
            for a in day.actions
            if a.kind is ActionKind.DIVIDEND
            and made.adjustment is not Adjustment.TOTAL
            and a.symbol in held_on(results, a.ex_date)
        ]
        assert splits == [p.action_id for p in result.postings if p.kind is PostingKind.SPLIT]
        assert dividends == [p.action_id for p in result.postings if p.kind is PostingKind.ACCRUAL]
        actions |= {action.id: action for action in day.actions}
        held = result.snapshot.quantities
    for accrual in postings(results, PostingKind.ACCRUAL):
        action = actions[accrual.action_id]
        assert accrual.quantity == held_on(results, action.ex_date)[action.symbol]
        assert is_half_up(accrual.cents, Fraction(action.amount) * accrual.quantity * 100)
        assert is_half_up(accrual.tax_cents, accrual.cents * Fraction(made.tax))
        pay = max(action.pay_date or action.ex_date, accrual.day)
        paid = [p.day for p in postings(results, PostingKind.PAYMENT) if p.action_id == action.id]
        assert paid == [day.day for day in made.days if day.day >= pay][:1]


@given(scenarios())
def test_a_split_in_two_changes_no_value(made):
    before, after = (closing(made, later, price) for later, price in ((1, "24.68"), (2, "12.34")))
    splits = tuple(
        CorporateAction(
            ActionKind.SPLIT, symbol, after.day, Fraction(2), None, None, after.opens_at, "test", ""
        )
        for symbol in SYMBOLS
    )
    results = made.replay(days=[*made.days, before, replace(after, actions=splits)])
    old, new = (result.snapshot for result in results[-2:])
    assert new.nav_cents == old.nav_cents
    assert new.quantities == {symbol: 2 * quantity for symbol, quantity in old.quantities.items()}
    assert new.costs == old.costs


def closing(made, days_later, price):
    """A day that marks every symbol at one price as traded, and on which nothing trades."""
    opens, closes = (
        at + timedelta(days=days_later) for at in (made.days[-1].opens_at, made.days[-1].closes_at)
    )
    day, at = opens.date(), Decimal(price)
    bars = {
        symbol: Bar(
            symbol, Interval.DAILY, day, opens, closes, at, at, at, at, 1, Adjustment.RAW, False, closes, 1,
            "test", "",
        )
        for symbol in SYMBOLS
    }  # fmt: skip
    return MarketDay(day, opens, closes, {}, bars)


@given(scenarios())
def test_every_fill_is_at_a_fresh_bar_that_opened_after_its_order_and_has_room_for_it(made):
    for day, result in zip(made.days, made.replay(), strict=True):
        for fill in result.fills:
            order, bar = made.restated(made.orders[fill.order_id], day.day), fill.bar
            assert bar in day.bars[fill.symbol]
            assert not bar.stale
            assert fill.filled_at == bar.start >= order.submitted_at
            assert bar.low <= fill.price <= bar.high
            assert fill.quantity <= (made.policy.participation or 1_000_000) * bar.volume
            assert fill.quantity == (order.quantity or fill.quantity)


@given(scenarios())
def test_no_fill_is_better_than_its_order_can_ask_for(made):
    policy, half_a_tick = made.policy, Decimal("0.00005")
    for fill in (fill for result in made.replay() for fill in result.fills):
        order, bar, way = made.restated(made.orders[fill.order_id], fill.day), fill.bar, ways(fill.side)
        from_open = way * (fill.price - bar.open)
        towards, against = (bar.low, bar.high) if order.side is Side.BUY else (bar.high, bar.low)
        slip = policy.slippage_bp / 10_000 * bar.open + half_a_tick
        if order.type is OrderType.MARKET:
            assert 0 <= from_open <= slip
            assert policy.slippage_bp or from_open == 0
        if order.limit is not None:
            assert way * (order.limit - fill.price) >= 0
        if order.type is OrderType.LIMIT:
            beyond = way * (order.limit - towards)
            assert fill.price == (bar.open if way * (order.limit - bar.open) > 0 else order.limit)
            assert beyond > 0 or (beyond == 0 and policy.limit_fill is LimitFill.TOUCH)
        if order.type is OrderType.STOP and policy.participation is None:
            assert way * (fill.price - order.stop) >= 0
            assert way * (against - order.stop) >= 0
            gapped = order.parent is None and way * (bar.open - order.stop) >= 0
            assert not gapped or 0 <= from_open <= slip


@given(scenarios(plain=True))
def test_an_order_that_the_market_met_does_not_stay_open(made):
    ends = {}
    for result in made.replay():
        ends |= {fill.order_id: fill.filled_at for fill in result.fills}
        ends |= {entry.order_id: entry.rejected_at for entry in result.rejections}
    for sent in made.orders.values():
        way, triggered = ways(sent.side), sent.stop is None
        for bar in (bar for day in made.days for bar in day.bars.get(sent.symbol, ())):
            ended = sent.id in ends and ends[sent.id] <= bar.start
            if ended or bar.stale or bar.start < sent.submitted_at or sent.parent is not None:
                continue
            order = made.restated(sent, bar.day)
            towards, against = (bar.low, bar.high) if order.side is Side.BUY else (bar.high, bar.low)
            if triggered:
                assert order.limit is not None
                assert way * (order.limit - towards) <= 0
            elif way * (against - order.stop) >= 0:
                at = bar.open if way * (bar.open - order.stop) >= 0 else order.stop
                assert order.limit is not None
                assert way * (at - order.limit) > 0
                triggered = True


def days_of(made, order):
    """The day of an order for the day, and the next where it may have to wait through its own."""
    days = [
        day
        for day in made.days
        if day.opens_at >= order.submitted_at
        or any(bar.start >= order.submitted_at and not bar.stale for bar in day.bars.get(order.symbol, ()))
    ]
    return days[: 1 if made.policy.wait is Wait.NOW else 2]


@given(scenarios())
def test_an_order_ends_once_and_a_day_order_on_its_day(made):
    results = made.replay()
    ended = Counter()
    for result in results:
        for entry in (*result.fills, *result.rejections):
            ended[entry.order_id] += 1
    assert set(ended.values()) <= {1}
    for day, result in zip(made.days, results, strict=True):
        for entry in (*result.fills, *result.rejections):
            order = made.orders[entry.order_id]
            reason = getattr(entry, "reason", None)
            if order.time_in_force is not TimeInForce.DAY:
                assert reason is not RejectReason.EXPIRED
            elif reason in (None, RejectReason.EXPIRED):
                assert day in days_of(made, order)
            else:
                assert day.day <= (days_of(made, order) or made.days)[-1].day
    for order in made.orders.values():
        over = len(days_of(made, order)) == (1 if made.policy.wait is Wait.NOW else 2)
        assert ended[order.id] or order.time_in_force is not TimeInForce.DAY or not over


@given(scenarios())
def test_the_first_of_two_exits_to_fill_ends_the_other(made):
    results = made.replay()
    ended = {entry.order_id: entry.rejected_at for result in results for entry in result.rejections}
    for fill in (fill for result in results for fill in result.fills):
        other = made.orders[fill.order_id].oco
        if other is not None:
            assert ended[other] <= fill.filled_at


@given(scenarios())
def test_of_a_stop_and_a_target_in_one_bar_the_stop_is_taken(made):
    results = made.replay()
    taken_back = {
        entry.order_id
        for result in results
        for entry in result.rejections
        if entry.reason in (RejectReason.CANCELLED, RejectReason.REPLACED)
    }
    for fill in (fill for result in results for fill in result.fills):
        order = made.orders[fill.order_id]
        if order.oco is not None and order.oco not in taken_back and order.type is OrderType.LIMIT:
            other = made.restated(made.orders[order.oco], fill.day)
            assert fill.bar.low > other.stop


@given(scenarios())
def test_at_one_moment_sales_come_before_purchases_and_the_oldest_first(made):
    ranks = {OrderType.STOP: 0, OrderType.STOP_LIMIT: 0, OrderType.MARKET: 1, OrderType.LIMIT: 2}
    for result in made.replay():
        plain = [fill for fill in result.fills if made.orders[fill.order_id].parent is None]
        turns = [
            (
                fill.filled_at,
                fill.side is Side.BUY,
                ranks[made.orders[fill.order_id].type] if fill.side is Side.SELL else 0,
                made.orders[fill.order_id].submitted_at,
            )
            for fill in plain
        ]
        assert all(earlier <= later for earlier, later in pairwise(turns))


@given(scenarios())
def test_an_amount_or_a_weight_buys_as_many_shares_as_it_pays_for_and_no_more(made):
    fee, ticks, cash = to_cents(made.fee), {}, to_cents(made.cash)
    for day, result in zip(made.days, made.replay(), strict=True):
        held = dict(result.before)
        cash += sum(p.cents for p in result.postings if p.kind is not PostingKind.ACCRUAL)
        split = any(action.kind is ActionKind.SPLIT for action in day.actions)
        for fill in result.fills:
            order, price = made.orders[fill.order_id], Fraction(fill.price) * 100
            buying = fill.side is Side.BUY
            now = held.get(fill.symbol, 0)
            ticks = {**ticks, fill.symbol: int(price * 100)}
            if order.amount is not None:
                room = to_cents(order.amount) - (fee if buying else 0)
                assert fill.quantity * price <= room < (fill.quantity + 1) * price
            if order.weight is not None and not split:
                value = sum((quantity * ticks[symbol] + 50) // 100 for symbol, quantity in held.items())
                worth = cash + result.snapshot.receivable_cents + value
                target = Fraction(order.weight) * worth - (fee if buying else 0)
                goal = now + fill.quantity if buying else now - fill.quantity
                assert goal * price <= max(target, 0) < (goal + 1) * price
            held[fill.symbol] = now + fill.quantity * ways(fill.side)
            cash -= fill.notional_cents * ways(fill.side) + fee
        assert cash == result.snapshot.cash_cents
        ticks = result.snapshot.tape.ticks


@given(scenarios())
def test_an_order_that_is_refused_leaves_no_trace(made):
    results = made.replay()
    bound = {order.replaces for order in made.orders.values()}
    bound |= {order.id for order in made.orders.values() if order.replaces is not None}
    bound |= {order.parent for order in made.orders.values() if order.id in bound}
    refused = {entry.order_id for r in results for entry in r.rejections if entry.reason in REFUSED} - bound
    refused |= {order.id for order in made.orders.values() if order.parent in refused}
    others = [w for w in made.wishes if (w.id if isinstance(w, Order) else w.order_id) not in refused]
    assume(len(others) < len(made.wishes))
    again = made.replay(orders=others)
    assert [result.fills for result in again] == [result.fills for result in results]
    assert [result.snapshot for result in again] == [result.snapshot for result in results]


@given(scenarios(plain=True))
def test_the_last_cent_can_be_spent_and_no_more(made):
    results = made.replay(dividend_tax=Decimal(0))
    purchases = [
        fill
        for result in results
        for fill in result.fills
        if made.orders[fill.order_id].type is OrderType.MARKET
        and made.orders[fill.order_id].quantity is not None
        and fill.side is Side.BUY
        and made.restated(made.orders[fill.order_id], fill.day) == made.orders[fill.order_id]
    ]
    assume(purchases)
    fill = purchases[0]
    order = replace(made.orders[fill.order_id], replaces=None)
    for spare, filled in ((0, True), (-1, False)):
        cash = Decimal(fill.notional_cents + fill.fee_cents + spare).scaleb(-2)
        alone = [result for result in replay("m", cash, made.fee, [order], made.days) if result.fills]
        assert bool(alone) is filled


@given(scenarios())
def test_a_later_day_changes_no_earlier_one(made):
    cut = len(made.days) // 2
    known = [wish for wish in made.wishes if wish.submitted_at < made.days[cut - 1].closes_at]
    assert made.replay()[:cut] == made.replay(orders=known, days=made.days[:cut])


@given(scenarios())
def test_delivering_everything_again_every_day_changes_nothing(made):
    """Orders, cancellations and corporate actions: a run that is tried again sends what it sent before."""
    engine, actions, results = made.engine(), (), []
    for day in made.days:
        deliver(engine, [wish for wish in made.wishes if wish.submitted_at < day.closes_at])
        actions = (*actions, *day.actions)
        results.append(engine.run(replace(day, actions=actions)))
    assert said(results) == said(made.replay())


@given(scenarios())
def test_delivering_everything_on_the_first_day_changes_nothing(made):
    engine = made.engine()
    deliver(engine, made.wishes)
    assert [engine.run(day) for day in made.days] == made.replay()


@given(scenarios(), st.integers(0, 8))
def test_a_fork_and_its_origin_do_not_touch_each_other(made, cut):
    engine = made.engine()
    deliver(engine, made.wishes)
    for day in made.days[:cut]:
        engine.run(day)
    before = engine.book
    fork = engine.fork()
    assert fork.book == before
    late = datetime.combine(date(2025, 2, 1), time(8), tzinfo=made.days[0].opens_at.tzinfo)
    fork.submit(Order("more", "m", "A", Side.BUY, 1, late))
    forked = [fork.run(day) for day in made.days[cut:]]
    assert engine.book == before
    assert [engine.run(day) for day in made.days[cut:]] == forked

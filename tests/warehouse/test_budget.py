"""The cap holds for all spenders together, across threads and processes, and fails closed."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from arena_pipeline.errors import BudgetExhausted
from arena_pipeline.warehouse.budget import LedgerBudget, spent_today
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import budgets

NOON = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
BEFORE_MIDNIGHT, AFTER_MIDNIGHT = (
    datetime(2025, 3, 3, 22, 59, tzinfo=UTC),  # 23:59 in Berlin
    datetime(2025, 3, 3, 23, 1, tzinfo=UTC),
)


def budget_of(store, at=NOON, cap="1.00"):
    return LedgerBudget(store, Decimal(cap), clock=lambda: at)


def books(store):
    with store.ledger.read() as connection:
        rows = connection.execute(select(budgets).order_by(budgets.c.day, budgets.c.spender))
        return [(row.day, row.spender, row.reserved_microusd, row.spent_microusd) for row in rows]


def test_what_would_pass_the_cap_is_refused_and_reserves_nothing(store):
    budget = budget_of(store)
    budget.reserve("a", Decimal("0.90"))
    with pytest.raises(BudgetExhausted, match="daily cap"):
        budget.reserve("b", Decimal("0.11"))
    assert books(store) == [("2025-03-03", "a", 900_000, 0)]


def test_the_whole_cap_may_be_used(store):
    budget_of(store).reserve("a", Decimal("1.00"))


def test_what_a_day_has_cost_so_far_is_what_is_spent_and_reserved_on_it_in_berlin(store):
    budget = budget_of(store, BEFORE_MIDNIGHT)
    budget.reserve("a", Decimal("0.50"))
    budget.settle("a", Decimal("0.50"), Decimal("0.25"))
    budget.reserve("b", Decimal("0.10"))
    assert spent_today(store, NOON) == Decimal("0.35")
    assert spent_today(store, AFTER_MIDNIGHT) == 0


def test_a_settled_call_costs_what_it_cost(store):
    budget = budget_of(store)
    budget.reserve("a", Decimal("0.90"))
    budget.settle("a", Decimal("0.90"), Decimal("0.0123456"))
    assert books(store) == [("2025-03-03", "a", 0, 12_346)]
    budget.reserve("b", Decimal("0.98"))


def test_an_unknown_cost_keeps_the_whole_reservation(store):
    budget = budget_of(store)
    budget.reserve("a", Decimal("0.90"))
    budget.settle("a", Decimal("0.90"), None)
    with pytest.raises(BudgetExhausted):
        budget.reserve("a", Decimal("0.11"))


def test_a_call_that_was_never_settled_stays_reserved_after_a_restart(store, second_store):
    budget_of(store).reserve("a", Decimal("0.90"))
    store.close()
    with pytest.raises(BudgetExhausted):
        budget_of(second_store).reserve("a", Decimal("0.11"))


def test_the_next_day_in_berlin_has_a_cap_of_its_own(store):
    budget_of(store, BEFORE_MIDNIGHT).reserve("a", Decimal("1.00"))
    budget_of(store, AFTER_MIDNIGHT).reserve("a", Decimal("1.00"))
    assert [row[0] for row in books(store)] == ["2025-03-03", "2025-03-04"]


def test_a_call_over_midnight_is_settled_on_the_day_it_was_reserved(store):
    budget_of(store, BEFORE_MIDNIGHT).reserve("a", Decimal("0.50"))
    budget_of(store, AFTER_MIDNIGHT).settle("a", Decimal("0.50"), Decimal("0.20"))
    assert books(store) == [("2025-03-03", "a", 0, 200_000)]


def test_no_cap_at_all_lets_nothing_through(store):
    with pytest.raises(BudgetExhausted):
        budget_of(store, cap="0.00").reserve("a", Decimal("0.000001"))


def test_the_cap_holds_for_threads_that_spend_at_once(store):
    def spend(number):
        try:
            budget_of(store).reserve(f"model-{number % 3}", Decimal("0.10"))
        except BudgetExhausted:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(spend, range(24))) == 10
    assert sum(row[2] for row in books(store)) == 1_000_000


def test_the_cap_holds_for_processes_that_spend_at_once(store, tmp_path):
    assert books(store) == []
    store.close()
    processes = multiprocessing.get_context("fork")
    granted, together = processes.Queue(), processes.Barrier(2)

    def spend(number):
        mine = ArenaStore(
            ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}", lake_url=str(tmp_path), archive_folder=""
        )
        budget, spender = budget_of(mine), f"model-{number}"
        together.wait()
        for _ in range(20):
            try:
                budget.reserve(spender, Decimal("0.10"))
            except BudgetExhausted:
                continue
            budget.settle(spender, Decimal("0.10"), None)
            granted.put(spender)

    workers = [processes.Process(target=spend, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len([granted.get(timeout=5) for _ in range(10)]) == 10
    assert granted.empty()
    assert sum(row[2] + row[3] for row in books(store)) == 1_000_000

"""The model client's archive, budget and secrets: what is paid once, replayed, refused and never told."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from arena_pipeline.errors import ArchiveCorrupt, ArchiveMissing, BudgetExhausted, LedgerError
from arena_pipeline.llm.budget import UnlimitedBudget
from arena_pipeline.llm.client import ModelClient, ModelOutcome, ModelRequest
from arena_pipeline.llm.exchange import CostSource, is_paid_answer
from arena_pipeline.llm.failure import FailureKind
from arena_pipeline.llm.schemas import DecisionReply
from arena_pipeline.sources.recorder import MemoryRecorder, Recorded

GOOD = json.dumps({"orders": [], "confidence": 0.5, "reasoning": "Nothing to do.", "horizon_days": 5})
CANARY = "sk-or-v1-canary-0123456789"
Make = Callable[..., ModelClient]


def ask(client: ModelClient, user: str = "Decide.") -> ModelOutcome[DecisionReply]:
    request = ModelRequest("openai/gpt-5", "decision", "You trade.", user, DecisionReply, spender="gpt-5")
    return client.ask_all([request])[0]


def kind_of(outcome: ModelOutcome[DecisionReply]) -> FailureKind | None:
    return outcome.failure.kind if outcome.failure else None


def test_a_replay_gives_the_same_outcome_with_no_server(
    endpoint: Any, closed_port: int, make_client: Make
) -> None:
    recorder = MemoryRecorder()
    endpoint.reply({"error": {"code": 503}}, 503).completes("not json").completes(GOOD)
    live = ask(make_client(f"{endpoint.url}/v1", recorder=recorder))
    assert live.answer is not None
    recorder.offline = True
    spent = UnlimitedBudget()
    replay = ask(make_client(f"http://127.0.0.1:{closed_port}/v1", recorder=recorder, budget=spent))
    assert replay == live
    assert spent.spent == 0


def test_a_replay_without_the_entry_raises_and_sends_nothing(endpoint: Any, make_client: Make) -> None:
    client = make_client(f"{endpoint.url}/v1", recorder=MemoryRecorder(offline=True))
    with pytest.raises(ArchiveMissing):
        ask(client)
    assert endpoint.requests == []


class Broken(MemoryRecorder):
    """An archive that fails with one error, when asked or when told."""

    def __init__(self, error: Exception, *, when: str) -> None:
        super().__init__()
        self.error, self.when = error, when

    def recall(self, vendor: str, request: str) -> Recorded | None:
        if self.when == "recall":
            raise self.error
        return None

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None:
        raise self.error


@pytest.mark.parametrize("when", ["recall", "record"])
@pytest.mark.parametrize("error", [ArchiveCorrupt("x"), LedgerError("x"), OSError("disk full")])
def test_an_archive_that_fails_is_never_taken_for_a_silent_model(
    endpoint: Any, make_client: Make, error: Exception, when: str
) -> None:
    endpoint.completes(GOOD)
    with pytest.raises(type(error)):
        ask(make_client(f"{endpoint.url}/v1", recorder=Broken(error, when=when)))


class PaidOnly(MemoryRecorder):
    """As a live archive: gives back a paid answer, asks again after anything else."""

    def recall(self, vendor: str, request: str) -> Recorded | None:
        answer = self.answers.get((vendor, request))
        return answer if answer is not None and is_paid_answer(answer) else None


def test_a_paid_answer_is_not_bought_twice(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD)
    recorder, budget = PaidOnly(), UnlimitedBudget()
    client = make_client(f"{endpoint.url}/v1", recorder=recorder, budget=budget)
    first, second, other = ask(client), ask(client), ask(client, "Decide otherwise.")
    assert first == second
    assert other.exchanges[0].id != first.exchanges[0].id
    assert len(endpoint.requests) == 2
    assert budget.spent == Decimal("0.0042")


def test_a_failure_is_not_taken_for_a_paid_answer(endpoint: Any, make_client: Make) -> None:
    endpoint.reply({"error": {"code": 402, "message": "no"}}, 402).completes(GOOD)
    client = make_client(f"{endpoint.url}/v1", recorder=PaidOnly())
    assert kind_of(ask(client)) is FailureKind.QUOTA
    assert ask(client).failure is None


class Purse(UnlimitedBudget):
    """A cap on reserved and spent money together."""

    def __init__(self, cap: str) -> None:
        super().__init__()
        self.left = Decimal(cap)

    def reserve(self, spender: str, usd: Decimal) -> None:
        if usd > self.left:
            raise BudgetExhausted(f"{spender}: {usd} USD is more than is left")
        self.left -= usd

    def settle(self, spender: str, reserved: Decimal, actual: Decimal | None) -> None:
        super().settle(spender, reserved, actual)
        self.left += reserved - (reserved if actual is None else actual)


def test_without_budget_nothing_is_sent(endpoint: Any, make_client: Make) -> None:
    outcome = ask(make_client(f"{endpoint.url}/v1", budget=Purse("0")))
    assert outcome.answer is None
    assert kind_of(outcome) is FailureKind.BUDGET
    assert outcome.exchanges == ()
    assert endpoint.requests == []


def test_what_the_budget_kept_back_is_kept_back_in_a_replay_too(endpoint: Any, make_client: Make) -> None:
    endpoint.completes("not json", cost=0.25)
    recorder = MemoryRecorder()
    live = ask(make_client(f"{endpoint.url}/v1", recorder=recorder, budget=Purse("0.25")))
    assert kind_of(live) is FailureKind.BUDGET
    assert len(endpoint.requests) == len(live.exchanges) == 1
    recorder.offline = True
    assert ask(make_client(f"{endpoint.url}/v1", recorder=recorder)) == live
    assert len(endpoint.requests) == 1


def test_calls_of_unknown_price_at_a_server_of_ones_own_never_pass_the_cap(
    endpoint: Any, make_client: Make
) -> None:
    endpoint.completes(GOOD, cost=0.02)
    purse = Purse("0.10")
    client = make_client(f"{endpoint.url}/v1", budget=purse)
    requests = [
        ModelRequest("local/model", "decision", "You trade.", f"Decide {n}.", DecisionReply, spender="m")
        for n in range(20)
    ]
    outcomes = client.ask_all(requests)
    assert purse.spent == Decimal("0.10")
    assert purse.left == 0
    assert [kind_of(outcome) for outcome in outcomes].count(FailureKind.BUDGET) == 15


def test_a_server_of_ones_own_that_names_no_cost_is_not_stopped_by_a_cap(
    endpoint: Any, make_client: Make
) -> None:
    endpoint.completes(GOOD, cost=None)
    purse = Purse("0.50")
    client = make_client(f"{endpoint.url}/v1", budget=purse)
    assert all(ask(client, f"Decide {n}.").failure is None for n in range(60))


def test_a_reservation_is_replaced_by_the_real_cost(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD, cost=0.25)
    purse = Purse("1")
    ask(make_client(f"{endpoint.url}/v1", budget=purse))
    assert purse.left == Decimal("0.75")


def test_an_unknown_cost_leaves_the_reservation_spent(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD, cost=None)
    purse = Purse("1")
    outcome = ask(make_client(f"{endpoint.url}/v1", budget=purse))
    assert outcome.exchanges[0].cost_source is CostSource.UNKNOWN
    assert purse.left < 1


def test_an_error_costs_nothing_and_a_timeout_stays_reserved(endpoint: Any, make_client: Make) -> None:
    endpoint.reply({"error": {"code": 500}}, 500)
    purse = Purse("1")
    ask(make_client(f"{endpoint.url}/v1", budget=purse))
    assert purse.left == 1
    endpoint.forget().completes(GOOD, delay=1.0)
    ask(make_client(f"{endpoint.url}/v1", budget=purse, timeout=0.2, max_attempts=1))
    assert purse.left < 1


def test_the_key_is_nowhere_but_on_the_wire(
    endpoint: Any, make_client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    endpoint.reply({"error": {"code": 401, "message": f"key {CANARY} is invalid"}, "user_id": "user_x"}, 401)
    recorder = MemoryRecorder()
    outcome = ask(make_client(f"{endpoint.url}/api/v1", recorder=recorder))
    assert endpoint.requests[0][1]["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in repr(outcome)
    assert CANARY not in repr(recorder.answers)
    assert CANARY not in caplog.text
    offline = make_client(endpoint.url, recorder=MemoryRecorder(offline=True))
    with pytest.raises(ArchiveMissing) as caught:
        ask(offline)
    assert CANARY not in repr(caught.value)


def test_request_names_do_not_depend_on_host_or_port(endpoint: Any, make_client: Make) -> None:
    endpoint.completes(GOOD)
    by_address = ask(make_client(f"{endpoint.url}/v1"))
    by_name = ask(make_client(f"http://localhost:{endpoint.port}/other/v1/"))
    assert by_address.exchanges[0].id == by_name.exchanges[0].id

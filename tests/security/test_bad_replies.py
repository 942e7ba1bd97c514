"""Whatever a model answers: no order, no exception, and the other models of the session as if it were not
there.

One contestant per bad reply and one that is well behaved decide in the same session, through the real client
against a loopback endpoint.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.graph import DECISION_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.llm.failure import FailureKind
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.tables import decisions, model_costs, orders
from tests.assets.conftest import Steps, World
from tests.security.bad_replies import (
    ELSEWHERE,
    BadReply,
    Reply,
    cases_of_the_file,
    deciding,
    not_covered,
    ordering,
    own_kinds,
    replies_of_the_file,
    says,
)

INVARIANTS = "tests.security.invariants"
STEADY = "steady"
GREEDY = "greedy"
CANARY = "sk-or-v1-canary-5566778899"
OWN, FILED = own_kinds(), replies_of_the_file()
ALL = [*OWN, *FILED]
PURCHASES = [
    {"symbol": symbol, "side": "buy", "weight": "0.24", "confidence": 0.6, "reason": "r", "cites": []}
    for symbol in ("SAP.DE", "SIE.DE", "ALV.DE")
]


class Endpoint:
    """Answers each model as it is told to; what nobody is told of is not found."""

    def __init__(self, replies: dict[str, Reply]) -> None:
        self.replies = replies
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                self._send(Reply(b"{}", 404))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self._send(outer.replies.get(asked["model"], Reply(b"{}", 404)))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
                self.close_connection = reply.cut

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"


@dataclass
class Contest:
    """One decided session: what each model decided and ordered, and what the run said."""

    arena: Arena
    session: str
    reports: list[str]
    decided: dict[str, Any]
    ordered: dict[str, list[Any]]
    before: Any
    """What the named invariants compare with; None where they are not there."""

    def digest(self, model: str) -> str:
        return self.arena.store.partitions("decisions")[f"{model}|{self.session}"]


def _hold(folder: Path, contestants: dict[str, Reply]) -> tuple[World, Endpoint]:
    folder.mkdir()
    endpoint = Endpoint({f"stand-in/{name}": reply for name, reply in contestants.items()})
    world = World(folder, trading_calendar("XETR"))
    world.models = {}
    models = "".join(
        f'[[models]]\nid = "{name}"\nkind = "llm"\nmodel = "stand-in/{name}"\n' for name in contestants
    )
    world.extra = (
        f'[llm]\nbase_url = "{endpoint.url}"\nresearch_model = "stand-in/nobody"\nmax_attempts = 2\n'
        f'daily_budget_usd = "1000.00"\n{models}'
    )
    return world, endpoint


def _contest(folder: Path, contestants: dict[str, Reply]) -> Iterator[Contest]:
    world, endpoint = _hold(folder, contestants)
    steps, run, day = Steps(), Run("bad-replies"), world.days()[0]
    with endpoint:
        arena = world.arena()
        steps.shared(arena, [day], run)
        session, before = arena.calendar.sessions_of(day)[0].key, None
        if importlib.util.find_spec(INVARIANTS) is not None:
            before = importlib.import_module(INVARIANTS).State.of(arena, new_days=(str(day),))
        for model in contestants:
            DECISION_STEPS[0](arena, [f"{model}|{session}"], run)
        with arena.store.ledger.read() as connection:
            made = connection.execute(select(decisions).where(decisions.c.session == session)).all()
            placed = connection.execute(select(orders).where(orders.c.session == session)).all()
        yield Contest(
            arena,
            session,
            run.reports,
            {row.model: row for row in made},
            {name: [row for row in placed if row.model == name] for name in contestants},
            before,
        )
        arena.close()


@pytest.fixture(scope="module")
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
            patch.delenv(name, raising=False)
        patch.setenv("OPENROUTER_API_KEY", CANARY)
        yield


GOOD = {STEADY: says(ordering()), GREEDY: says(deciding(orders=PURCHASES))}


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Iterator[Contest]:
    bad = {kind.id: kind.reply for kind in ALL}
    yield from _contest(tmp_path_factory.mktemp("bad-replies") / "all", bad | GOOD)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Iterator[Contest]:
    yield from _contest(tmp_path_factory.mktemp("bad-replies") / "alone", GOOD)


def test_there_are_at_least_34_kinds() -> None:
    assert len({kind.name for kind in OWN}) >= 34
    assert len({kind.id for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("case", cases_of_the_file(), ids=lambda case: str(case["id"]))
def test_every_case_of_the_file_has_a_reply_or_is_named_as_not_covered(case: dict[str, Any]) -> None:
    why = not_covered().get(case["id"])
    if why is not None:
        pytest.skip(f"not covered: {why}")
    covered = {kind.id.rpartition("-")[0] for kind in FILED}
    assert case["id"].lower() in covered | {identity.lower() for identity in ELSEWHERE}


@pytest.mark.parametrize("kind", ALL, ids=[f"{kind.id} {kind.name}" for kind in ALL])
def test_a_bad_reply_is_a_decision_without_an_order(contest: Contest, kind: BadReply) -> None:
    decision = contest.decided[kind.id]
    assert [row for row in contest.ordered[kind.id] if row.accepted] == []
    refused = contest.ordered[kind.id]
    if decision.outcome == "abstained":
        assert refused == []
        assert decision.failure.partition(":")[0] in set(FailureKind)
        assert any(kind.id in text and contest.session in text for text in contest.reports)
    else:
        assert decision.failure is None
        assert all(row.refusal for row in refused)


def test_an_answer_of_another_makers_model_is_told(contest: Contest) -> None:
    (other,) = (kind.id for kind in OWN if kind.name == "an answer of another maker's model")
    told = f"{other} asked stand-in/{other} in {contest.session} and was answered by other/model"
    assert told in contest.reports


def test_the_other_models_of_the_session_are_unaffected(contest: Contest, alone: Contest) -> None:
    assert [row.symbol for row in contest.ordered[STEADY] if row.accepted] == ["SAP.DE"]
    for model in GOOD:
        assert contest.digest(model) == alone.digest(model)


def test_purchases_that_are_each_affordable_stop_where_the_limit_is(contest: Contest) -> None:
    placed = contest.ordered[GREEDY]
    assert [row.accepted for row in placed] == [True, True, False]
    assert placed[2].refusal


def test_the_books_hold_after_all_of_it(contest: Contest) -> None:
    assert verify(contest.arena) == []


def test_the_key_is_in_nothing_that_was_kept(contest: Contest) -> None:
    store = contest.arena.store
    assert all(CANARY.encode() not in store.archive.get(sha) for sha in store.archive.entries())
    assert all(CANARY not in text for text in contest.reports)


def test_what_a_bad_reply_cost_is_counted(contest: Contest) -> None:
    with contest.arena.store.ledger.read() as connection:
        spenders = set(connection.scalars(select(model_costs.c.spender)))
    assert {kind.id for kind in ALL} <= spenders


def test_the_named_invariants_hold_after_all_of_it(
    contest: Contest, capfd: pytest.CaptureFixture[str]
) -> None:
    """The eight invariants of `bad_inputs.json`, where their checks are there."""
    if contest.before is None:
        pytest.skip("tests/security/invariants.py is not there")
    invariants = importlib.import_module(INVARIANTS)
    said = "\n".join([*contest.reports, *capfd.readouterr()])
    case = invariants.Case(contest.arena, contest.before, said, (CANARY,), (contest.session[:10],))
    broken = invariants.broken_invariants(case)
    assert {name: problems for name, problems in broken.items() if problems} == {}

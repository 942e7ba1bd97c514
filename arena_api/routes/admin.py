"""Starting runs, for keys that may; every call is logged, also one that is refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from arena_api.access.book import AccessBook
from arena_api.access.gate import Caller
from arena_api.access.keys import Scope
from arena_api.access.rates import Rates
from arena_api.access.starts import Starts
from arena_api.documents import admin as shapes
from arena_api.documents.common import Problem
from arena_api.errors import Conflict, DagsterRefused, DagsterUnreachable
from arena_api.reading import Reading
from arena_api.reading.pages import PAGE
from arena_api.routes.parameters import Limit, Read, uncached
from arena_api.runs import launching
from arena_api.runs.graphql import Dagster, dagster_url
from arena_pipeline.errors import DataError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
MOST_DAYS = 400
STATUS_OF = {Conflict: 409, DagsterRefused: 502, DagsterUnreachable: 503}


class LoggedRoute(APIRoute):
    """A call with a key whose request makes no sense is in the log like every other."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                if request.method == "POST" and caller(request).key is not None:
                    wrong = ", ".join(str(entry["loc"][-1]) for entry in error.errors())
                    await run_in_threadpool(_note_wrong, request, wrong)
                raise

        return handled


router = APIRouter(tags=["admin"], prefix="/admin", dependencies=[Depends(uncached)], route_class=LoggedRoute)
FAILURES: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "the same is under way, or the Idempotency-Key was used before"},
    502: {"model": Problem, "description": "Dagster refused"},
}
Name = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="a name for the request: sent again with the same body it starts nothing",
    ),
]
RATES = Rates(60, 30)
"""Of one key, for admin calls together."""


def caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


def needing(scope: Scope) -> Callable[[Request], Caller]:
    """Let in a program with a key of this scope. Raises 401 without a key, 403 with one that may not."""

    def check(request: Request) -> Caller:
        found = caller(request)
        if found.key is None:
            raise HTTPException(
                401, f"A key with the scope {scope} is needed.", {"WWW-Authenticate": "Bearer"}
            )
        if not found.may(scope) or not found.explicit:
            _starts(request.app.state.reading).note(found, request.url.path, "", 403, None, f"needs {scope}")
            raise HTTPException(403, f"The key has to have the scope {scope}, and be sent as a bearer token.")
        if RATES.wait(found.key.id):
            raise HTTPException(429, "Too many admin calls.", {"Retry-After": "1"})
        return found

    return check


TradeAdmin = Annotated[Caller, Depends(needing(Scope.TRADE_ADMIN))]
Ops = Annotated[Caller, Depends(needing(Scope.OPS))]


@router.post("/trigger-research", response_model=shapes.Started, status_code=202, responses=FAILURES)
def trigger_research(
    read: Read, who: TradeAdmin, body: shapes.ResearchRequest | None = None, name: Name = None
) -> dict[str, Any]:
    """Start the research of a session; each model's decision follows when it has succeeded."""
    session = _session(read, body.session if body else None)
    starts = _starts(read)

    def start() -> dict[str, Any]:
        with Dagster(dagster_url(read.settings)) as dagster:
            other = launching.active_research(dagster, session)
            if other is not None:
                raise Conflict(f"the research of {session} is under way", run_id=other)
            tags = {"arena/started_by": who.key.name if who.key else ""}
            run_id = starts.alone(
                "trigger-research",
                session,
                lambda run: launching.is_active_run(dagster, run),
                lambda: launching.launch_research(dagster, session, tags),
            )
            return _started(read, "trigger-research", session, run_id, dagster.run_link(run_id))

    with _logged(starts, who, "trigger-research", session) as answer:
        answer |= starts.once(who, name, {"session": body.session if body else None}, start)
    return answer


@router.post("/backfill", response_model=shapes.Started, status_code=202, responses=FAILURES)
def backfill(read: Read, who: TradeAdmin, body: shapes.BackfillRequest, name: Name = None) -> dict[str, Any]:
    """Start a backfill of trading days. One at a time: a model's decisions rest on its earlier ones."""
    days = _days(read, body)
    models = body.models or [model.id for model in read.settings.models]
    _known("models", models, [model.id for model in read.settings.models])
    assets = body.assets or list(launching.ASSETS)
    _known("assets", assets, launching.ASSETS)
    target = f"{days[0]} to {days[-1]}"
    starts = _starts(read)

    def start() -> dict[str, Any]:
        with Dagster(dagster_url(read.settings)) as dagster:
            tags = {"arena/started_by": who.key.name if who.key else ""}
            identity = starts.alone(
                "backfill",
                "any",
                lambda other: launching.is_active_backfill(dagster, other),
                lambda: launching.launch_backfill(
                    dagster, read.calendar, days, models, assets, tags, now=read.clock()
                ),
            )
            return _started(read, "backfill", target, identity, dagster.backfill_link(identity))

    with _logged(starts, who, "backfill", target) as answer:
        answer |= starts.once(who, name, body.model_dump(mode="json"), start)
    return answer


@router.get("/calls", response_model=shapes.AdminCalls)
def calls(read: Read, _: Ops, limit: Limit = PAGE) -> dict[str, Any]:
    """The newest admin calls: who started what, and what came of it."""
    return {"calls": _starts(read).calls(limit)}


def _note_wrong(request: Request, parameters: str) -> None:
    action = request.url.path.rsplit("/", 1)[-1]
    _starts(request.app.state.reading).note(caller(request), action, "", 422, None, f"wrong: {parameters}")


def _starts(read: Reading) -> Starts:
    return Starts(AccessBook(read.settings.home), read.clock)


@contextmanager
def _logged(starts: Starts, who: Caller, action: str, target: str) -> Iterator[dict[str, Any]]:
    """Enters the call in the log, however it ends; the body fills in the answer."""
    answer: dict[str, Any] = {}
    try:
        yield answer
    except Exception as error:
        status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
        run_id = error.run_id if isinstance(error, Conflict) else None
        starts.note(who, action, target, status, run_id, type(error).__name__)
        raise
    starts.note(who, action, target, 202, answer["run_id"], "")


def _started(read: Reading, action: str, target: str, run_id: str, url: str) -> dict[str, Any]:
    return {"run_id": run_id, "url": url, "action": action, "target": target, "simulated": read.simulated}


def _session(read: Reading, key: str | None) -> str:
    """The session asked for, or the last whose time has come; one in the future cannot be researched."""
    calendar, now = read.calendar, read.clock()
    if key is None:
        today = now.astimezone(calendar.zone).date()
        days = [calendar.previous_day(today), *([today] if calendar.is_trading_day(today) else [])]
        return [s.key for day in days for s in calendar.sessions_of(day) if s.time <= now][-1]
    try:
        session = calendar.session(key)
    except DataError as error:
        raise _wrong("session", str(error)) from error
    if session.time > now:
        raise _wrong("session", f"{key} lies in the future")
    if session.day < read.settings.arena.start:
        raise _wrong("session", f"the arena starts on {read.settings.arena.start}")
    return key


def _days(read: Reading, body: shapes.BackfillRequest) -> list[date]:
    try:
        first, last = date.fromisoformat(body.first), date.fromisoformat(body.last)
    except ValueError as error:
        raise _wrong("from", "write days like 2025-10-24") from error
    today = read.clock().astimezone(read.calendar.zone).date()
    if last < first:
        raise _wrong("to", "it lies before `from`")
    if last > today:
        raise _wrong("to", f"{last} lies in the future")
    if first < read.settings.arena.start:
        raise _wrong("from", f"the arena starts on {read.settings.arena.start}")
    days = read.calendar.days(first, last)
    if not days:
        raise _wrong("from", "there is no trading day in that span")
    if len(days) > MOST_DAYS:
        raise _wrong("to", f"more than {MOST_DAYS} trading days; use `arena backfill`")
    return days


def _known(name: str, given: list[str], known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise _wrong(name, f"{unknown[0]!r} is not known; use {', '.join(known)}")


def _wrong(parameter: str, text: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", parameter), "msg": text, "type": "value_error"}])

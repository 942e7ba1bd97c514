"""`arena`: everything a person or a script does with an arena. Exit code 2 for wrong input, 1 for a failure.

Heavy imports (Dagster, DuckDB) happen inside the commands that need them.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from arena_api.commands import keys_app
from arena_pipeline.errors import ArenaError, ConfigError, DataError
from arena_pipeline.terminal import (
    err,
    out,
    print_board,
    print_caught,
    print_diagnosis,
    print_json,
    print_robustness,
    progress,
    say,
    say_if_simulated,
    table,
)

if TYPE_CHECKING:
    from arena_pipeline.arena import Arena
    from arena_pipeline.backfill import Backfill, Progress
    from arena_pipeline.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
ledger_app = typer.Typer(
    no_args_is_help=True, help="Books in and out: journals, and ledgers of other arenas."
)
app.add_typer(ledger_app, name="ledger")
app.add_typer(keys_app, name="keys")

DEMO_DAYS = 30
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a table.")]
ModelOption = Annotated[str | None, typer.Option(help="Only this model.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many rows.")]


def main(words: list[str] | None = None) -> None:
    """Run a command; an error of ours is one line that names cause and remedy, never a traceback."""
    with _errors():
        app(words)


@app.command()
def demo(
    days: Annotated[
        int, typer.Option(min=1, max=60, help="Trading days; each has two sessions.")
    ] = DEMO_DAYS,
) -> None:
    """Run the simulated arena over 30 trading days and print its leaderboard: no key, no network."""
    from arena_pipeline.warehouse.views import board

    settings = _settings()
    if settings.prices.source != "sandbox":
        raise ConfigError(
            f"{settings.file}: prices.source is {settings.prices.source!r}, and the demo is a simulation",
            remedy="use the shipped arena.toml, or run arena backfill",
        )
    with _arena(settings) as arena:
        start = settings.arena.start
        last = arena.calendar.days(start, date(start.year + 1, start.month, 1))[days - 1]
        err.print(f"[bold]SIMULATED[/] arena: {start} to {last}, seed {settings.arena.seed}")
        if settings.llm.base_url == "local":
            err.print("A real language model on this computer answers: slow, some minutes for a day.")
            arena.tell = lambda line: err.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
        summary = _backfill(arena, settings, start, last)
        document = board(arena.store, simulated=settings.simulated)
    print_board(document, settings.arena.currency)
    say(summary.line())
    set_here = [
        f"{name}={os.environ[name]}" for name in ("ARENA_CONFIG", "ARENA_HOME") if os.environ.get(name)
    ]
    if set_here:
        say(f"The commands below need {' '.join(set_here)} before them.")
    out.print(
        "Everything above is SIMULATED: market, news, figures and models are the sandbox's.\n"
        "Where to look next:\n"
        "  arena trades                what was bought and sold\n"
        "  arena decisions             what each model decided, and\n"
        "  arena lineage DECISION_ID   the evidence behind it, down to the archived bytes\n"
        "  arena verify                every invariant of the books\n"
        "  arena replay                derive it all again from the archive, without a network\n"
        "  make up                     the Dagster UI on port 3000, the API and pages on port 8000",
        soft_wrap=True,
        highlight=False,
    )


@app.command()
def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    models: Annotated[str, typer.Option(help="Only these models, separated by commas.")] = "",
    assets: Annotated[str, typer.Option(help="Only these assets, separated by commas.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Materialise the assets of past trading days, through Dagster. Running it again changes no row."""
    settings = _collecting_settings()
    with _arena(settings) as arena:
        summary = _backfill(arena, settings, first.date(), last.date(), _list(models), _list(assets))
    if as_json:
        print_json(
            {
                "from": str(summary.first),
                "to": str(summary.last),
                "trading_days": summary.trading_days,
                "sessions": summary.sessions,
                "partitions": summary.partitions,
                "runs": summary.runs,
                "rows_written": summary.rows,
                "seconds": round(summary.seconds, 3),
                "waiting": summary.waiting or None,
                "undone": summary.undone,
                "without_prices": summary.unpriced,
            }
        )
    else:
        out.print(summary.line(), soft_wrap=True, highlight=False)


@app.command()
def run(session: Annotated[str, typer.Argument(help="A session, for example 2025-10-24T08:30.")]) -> None:
    """Collect, research and decide the trading day of a session, after the days missed before it.

    Begun up to 30 minutes ahead, ten being enough, it also searches for news of the watchlist, waits for the
    session's time, and decides then.
    """
    from arena_pipeline.arena import AHEAD_AT_MOST

    settings = _collecting_settings()
    with _arena(settings) as arena:
        asked = arena.calendar.session(session)
        if asked.time - arena.clock() > AHEAD_AT_MOST:
            raise ConfigError(
                f"{session} lies in the future",
                remedy="run it when its time has come, or up to 30 minutes before",
            )

        def wait(until: datetime) -> None:
            say(f"waiting for {asked.key}")
            while (left := (until - arena.clock()).total_seconds()) > 0:
                time.sleep(min(left, 10))

        with _work(arena, settings) as (work, advance):
            summary = work.run_session(asked, wait=wait, progress=advance)
    out.print(summary.line(), soft_wrap=True, highlight=False)


@app.command()
def leaderboard(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The board of this day.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The models, ranked by what their books are worth."""
    from arena_pipeline.warehouse.views import board

    with _arena(_settings()) as arena:
        day = as_of.date() if as_of else None
        document = board(arena.store, simulated=arena.settings.simulated, as_of=day)
    if as_json:
        print_json(document)
    else:
        print_board(document, arena.settings.arena.currency)


@app.command()
def robustness(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With the orders up to this day.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Would other fees, slippage or fills have ranked the models otherwise? Fills their orders again."""
    from arena_pipeline.assets.board import robustness_of

    with _arena(_settings()) as arena:
        day = _booked_day(arena, as_of)
        document = {"simulated": arena.settings.simulated, **robustness_of(arena, day)}
    if as_json:
        print_json(document)
    else:
        say_if_simulated(document)
        print_robustness(document)


@app.command()
def decisions(
    model: ModelOption = None,
    session: Annotated[str | None, typer.Option(help="Only this session.")] = None,
    limit: LimitOption = 50,
    as_json: JsonFlag = False,
) -> None:
    """What the models decided, newest first."""
    from arena_pipeline.warehouse.listings import Page, decision_list

    with _arena(_settings()) as arena:
        _require_model(arena, model)
        if session is not None:
            session = arena.calendar.session(session).key
        document = decision_list(
            arena.store,
            simulated=arena.settings.simulated,
            model=model,
            session=session,
            page=Page(limit),
        )
    if as_json:
        print_json(document)
        return
    say_if_simulated(document)
    table(
        document["decisions"],
        {
            "id": "decision",
            "outcome": "outcome",
            "orders": "orders",
            "confidence": "confidence",
            "failure": "failure",
        },
    )


@app.command()
def trades(model: ModelOption = None, limit: LimitOption = 100_000, as_json: JsonFlag = False) -> None:
    """The executed orders, newest first."""
    from arena_pipeline.warehouse.listings import Page
    from arena_pipeline.warehouse.listings import trades as trade_list

    with _arena(_settings()) as arena:
        _require_model(arena, model)
        document = trade_list(arena.store, simulated=arena.settings.simulated, model=model, page=Page(limit))
    if as_json:
        print_json(document)
        return
    say_if_simulated(document)
    columns = ("filled_at", "model", "side", "quantity", "symbol", "price", "fee", "net", "decision_id")
    table(document["trades"], {name: name for name in columns})


@app.command()
def lineage(
    identity: Annotated[
        str, typer.Argument(metavar="DECISION_ID", help="Any id: a decision, fill, board row, …")
    ],
    depth: Annotated[int | None, typer.Option(min=0, help="How many steps away at most.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """What a number was made from, down to the bytes in the archive."""
    from arena_pipeline.warehouse.caught import caught
    from arena_pipeline.warehouse.lineage import lineage as walk

    with _arena(_settings()) as arena:
        document = walk(arena.store, identity, depth=depth).document()
    document["caught"] = caught(document)
    if as_json:
        print_json(document)
        return
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for node in document["nodes"]:
        by_kind.setdefault(node["kind"], []).append(node)
    out.print(f"{identity}: {len(document['nodes'])} nodes, {len(document['edges'])} edges", highlight=False)
    for kind, nodes in sorted(by_kind.items()):
        out.print(f"[bold]{kind}[/] ({len(nodes)})")
        for node in nodes[:8]:
            out.print(f"  {node['id']}", highlight=False, markup=False, soft_wrap=True)
        if len(nodes) > 8:
            out.print(f"  … and {len(nodes) - 8} more (--json lists all)", highlight=False)
    print_caught(document["caught"])


@app.command()
def verify(as_json: JsonFlag = False) -> None:
    """Check every invariant of what is stored; exit 1 with a list when one fails."""
    from arena_pipeline.verify import INVARIANTS
    from arena_pipeline.verify import verify as check

    with _arena(_settings()) as arena, progress("verifying", len(INVARIANTS)) as advance:
        violations = check(arena, report=lambda name: advance(name, 1))
    if as_json:
        print_json(
            {
                "invariants": len(INVARIANTS),
                "violations": [{"invariant": v.invariant, "problem": v.problem} for v in violations],
            }
        )
    else:
        for violation in violations:
            out.print(
                f"{violation.invariant}: {violation.problem}", highlight=False, markup=False, soft_wrap=True
            )
        out.print(f"{len(INVARIANTS)} invariants checked, {len(violations)} violations", highlight=False)
    if violations:
        raise typer.Exit(1)


@app.command()
def replay(as_json: JsonFlag = False) -> None:
    """Derive everything again from the archive, with the network off, and compare all digests."""
    from arena_pipeline.rederive import rederive

    with _arena(_settings()) as arena, progress("replaying", None) as advance:
        result = rederive(arena, report=lambda text: advance(text, 0))
    if as_json:
        print_json({"entries": result.entries, "digests": result.digests, "problems": result.problems})
    else:
        for problem in result.problems[:50]:
            out.print(problem, highlight=False, markup=False, soft_wrap=True)
        out.print(result.line(), highlight=False, markup=False, soft_wrap=True)
    if result.problems:
        raise typer.Exit(1)


@app.command()
def rebuild(
    into: Annotated[Path, typer.Option(help="The new home: a folder that is empty or does not exist yet.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a new home from the archive alone, with the network off, and compare its digests with the old."""
    from arena_pipeline.rebuild import rebuild as build

    with _arena(_settings()) as arena, progress("rebuilding", None) as advance:
        result = build(arena, into.absolute(), report=lambda text: advance(text, 0))
    if as_json:
        print_json(
            {
                "home": str(into.absolute()),
                "entries": result.entries,
                "digests": result.digests,
                "problems": result.problems,
            }
        )
    else:
        for problem in result.problems[:50]:
            out.print(problem, highlight=False, markup=False, soft_wrap=True)
        out.print(f"{into}: {result.line()}", highlight=False, markup=False, soft_wrap=True)
    if result.problems:
        raise typer.Exit(1)


@app.command()
def backup(
    into: Annotated[Path, typer.Option(help="A folder that is empty or does not exist yet.")],
    as_json: JsonFlag = False,
) -> None:
    """Copy the whole arena: ledger, lake, archive and Dagster's storage. Runs may go on meanwhile."""
    from arena_pipeline.backup import backup as copy

    with progress("backing up", None) as advance:
        made = copy(_settings(), into.absolute(), now=datetime.now(UTC), report=lambda part: advance(part, 0))
    if as_json:
        print_json(
            {"folder": str(made.folder), "made_at": made.made_at, "files": made.files, "bytes": made.bytes}
        )
    else:
        say(f"{made.folder}: {made.files:,} files, {made.bytes:,} bytes, each with its digest")


@app.command()
def restore(
    origin: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder that arena backup wrote.")],
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in the place of what the home holds, which is set aside. No run may be under way."""
    from arena_pipeline.restore import restore as put_back

    settings = _settings()
    with progress("restoring", None) as advance:
        done = put_back(
            settings, origin.absolute(), now=datetime.now(UTC), report=lambda part: advance(part, 0)
        )
    if as_json:
        print_json(
            {
                "home": str(settings.home),
                "made_at": done.made_at,
                "files": done.files,
                "bytes": done.bytes,
                "aside": None if done.aside is None else str(done.aside),
            }
        )
        return
    say(f"{settings.home} is as it was on {done.made_at}: {done.files:,} files, each as it was written")
    if done.aside is not None:
        say(f"What was there is in {done.aside}; delete it when you are sure.")


@app.command()
def costs(as_json: JsonFlag = False) -> None:
    """Tokens and cost per model, session and day, and what a month would come to."""
    from arena_pipeline.cost_report import print_costs
    from arena_pipeline.warehouse.costs import cost_document

    with _arena(_settings()) as arena:
        document = cost_document(arena.store, simulated=arena.settings.simulated)
    print_json(document) if as_json else print_costs(document)


@ledger_app.command("export")
def export_ledger(
    model: ModelOption = None,
    layout: Annotated[str, typer.Option("--format", help="beancount or json.")] = "beancount",
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Up to this day.")] = None,
) -> None:
    """The books as a double-entry journal on standard output, for another program to check."""
    from arena_pipeline.assets.books import journals
    from arena_pipeline.trading.beancount import beancount

    if layout not in ("beancount", "json"):
        raise DataError(f"--format {layout!r} is not known", remedy="use beancount or json")
    settings = _settings()
    with _arena(settings) as arena:
        _require_model(arena, model)
        found = journals(arena, _booked_day(arena, as_of), model)
    if layout == "json":
        print_json(
            {
                "simulated": settings.simulated,
                "currency": settings.arena.currency,
                "journals": {name: [entry.to_json() for entry in each] for name, each in found.items()},
            }
        )
    else:
        title = "Sentiment Arena, SIMULATED" if settings.simulated else "Sentiment Arena"
        sys.stdout.write(beancount(found, currency=settings.arena.currency, title=title))


@ledger_app.command("import")
def import_ledger(
    trades: Annotated[
        Path,
        typer.Argument(
            metavar="TRADES", help="A log in CSV or JSON lines, or AI-Trader's logs or their folder."
        ),
    ],
    prices: Annotated[Path, typer.Option(help="Columns symbol, date, open, high, low, close, volume.")],
    cash: Annotated[str, typer.Option(help="Starting cash of each model.")],
    fee: Annotated[
        str | None, typer.Option(help="Fee per executed order; 0, or with --score the arena's own.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Currency of all amounts.")] = "EUR",
    layout: Annotated[
        str | None, typer.Option("--format", help="csv, jsonl or aitrader; told by the content otherwise.")
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Add the board: our figures and verdict.")] = False,
    benchmark: Annotated[
        Path | None, typer.Option(help="Columns date, close; the board compares with it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Replay somebody's trade log under our book: each day's value, and every row that cannot be right."""
    from arena_pipeline.import_report import print_import, print_imported_board
    from arena_pipeline.scoring.imported import imported_board
    from arena_pipeline.trading.imports import import_trades, log_format
    from arena_pipeline.trading.imports.prices import read_benchmark

    if benchmark is not None and not score:
        raise DataError("--benchmark belongs to a board", remedy="add --score")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise DataError(f"--currency {currency[:20]!r} is no currency", remedy="write it like USD")
    arena_section = _settings().arena if score else None
    own_fee = str(arena_section.fee_per_order) if arena_section else "0"
    result = import_trades(
        trades,
        prices,
        cash=_amount("--cash", cash),
        fee=_amount("--fee", own_fee if fee is None else fee),
        currency=currency,
        layout=log_format(layout) if layout is not None else None,
    )
    document = result.to_json()
    if arena_section:
        closes = read_benchmark(benchmark) if benchmark else []
        document["board"] = imported_board(result, benchmark=closes, seed=arena_section.seed)
    if as_json:
        print_json(document)
        return
    print_import(document)
    if arena_section:
        print_imported_board(document["board"], currency)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no vendor whether it answers.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What is configured, there and missing, and what each vendor can do; exit 1 when a needed one fails."""
    from arena_pipeline.capability import State, vendor_states
    from arena_pipeline.diagnosis import diagnose

    with _arena(_settings()) as arena:
        findings = diagnose(arena)
        states = vendor_states(arena, offline=offline)
    vendors = [state.document() for state in states]
    if as_json:
        print_json({"checks": findings, "vendors": vendors})
    else:
        print_diagnosis(findings, vendors)
    if any(entry["state"] == State.FAILED for entry in (*findings, *vendors)):
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line for each request.")] = False,
) -> None:
    """Serve the API and the pages. Other machines need a key: `arena keys add`."""
    from arena_api.serving import serve as serve_app

    serve_app(_settings(), host=host, port=port, workers=workers, access_log=access_log)


@app.command()
def up(
    dagster_port: Annotated[int, typer.Option(min=1, max=65535)] = 3000,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Start the Dagster UI with its daemon, and the API with the pages; stop both with Ctrl-C."""
    from arena_pipeline.home_lock import occupied
    from arena_pipeline.instance import open_instance
    from arena_pipeline.services import Service, require_free_ports, run_services

    settings = _settings()
    dagster = [str(Path(sys.executable).parent / "dagster"), "dev", "-m", "arena_pipeline.definitions"]
    services = [
        Service(
            "Dagster UI",
            [*dagster, "-h", "127.0.0.1", "-p", str(dagster_port)],
            dagster_port,
            "--dagster-port",
        ),
        Service(
            "API",
            [sys.executable, "-m", "arena_pipeline.cli", "serve", "--port", str(port)],
            port,
            "--port",
        ),
    ]
    require_free_ports(services)
    with open_instance(settings.home), _arena(settings) as arena:
        arena.store.sweep()
    environment = {**os.environ, "ARENA_HOME": str(settings.home), "ARENA_CONFIG": str(settings.file)}
    environment.setdefault("ARENA_DAGSTER_URL", f"http://127.0.0.1:{dagster_port}")
    out.print(
        f"Dagster UI: http://127.0.0.1:{dagster_port}   API and pages: http://127.0.0.1:{port}",
        highlight=False,
    )
    with occupied(settings.home):
        run_services(services, environment, lambda: out.print("stopping"))


def _backfill(
    arena: Arena,
    settings: Settings,
    first: date | None,
    last: date,
    models: list[str] | None = None,
    assets: list[str] | None = None,
) -> Any:
    with _work(arena, settings) as (work, advance):
        first = first or work.oldest_gap(last)
        return work.run(first, last, models=models or (), assets=assets or (), progress=advance)


@contextmanager
def _work(arena: Arena, settings: Settings) -> Iterator[tuple[Backfill, Progress]]:
    """What makes the assets of days and sessions, and whom it tells."""
    import warnings

    from arena_pipeline.instance import open_instance

    warnings.filterwarnings("ignore")
    from arena_pipeline.backfill import Backfill
    from arena_pipeline.definitions import build

    with open_instance(settings.home) as instance:
        work = Backfill(arena, build(settings), instance)
        with progress("backfill", None) as advance:
            yield work, advance


def _settings() -> Settings:
    from arena_pipeline.settings import load_settings

    return load_settings()


def _booked_day(arena: Arena, as_of: datetime | None) -> date:
    """The newest day with a book, at most `as_of`. Raises DataError where there is none."""
    from arena_pipeline.warehouse.views import newest_days

    newest = newest_days(arena.store)["snapshots"]
    if newest is None:
        raise DataError("there is no trading day with a book yet", remedy="run arena backfill")
    if as_of is None:
        return date.fromisoformat(newest)
    if as_of.date() < arena.start:
        raise DataError(f"--as-of {as_of:%Y-%m-%d}: the arena starts on {arena.start}")
    return min(as_of.date(), date.fromisoformat(newest))


def _require_model(arena: Arena, model: str | None) -> None:
    """Raises ConfigError for a model that is not configured and was never registered."""
    from arena_pipeline.assets.books import registered_models

    if model is not None and model not in {name for name, _ in registered_models(arena.store)}:
        arena.settings.model_named(model)


def _collecting_settings() -> Settings:
    """The settings of a command that collects, refused before it writes where a symbol has no prices."""
    from arena_pipeline.sources.coverage import require_prices

    settings = _settings()
    require_prices(settings)
    return settings


@contextmanager
def _arena(settings: Settings) -> Iterator[Arena]:
    from arena_pipeline.assets.resource import open_arena

    arena = open_arena(str(settings.file), str(settings.home))
    try:
        yield arena
    finally:
        arena.close()


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _amount(option: str, text: str) -> Decimal:
    from arena_pipeline.settings import MOST_MONEY

    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise DataError(f"{option} {text!r} is no amount", remedy="write it like 10000 or 5.00") from None
    if not (amount.is_finite() and 0 <= amount <= MOST_MONEY):
        raise DataError(
            f"{option} {text!r} is no amount from 0 to {MOST_MONEY:,}", remedy="write it like 10000 or 5.00"
        )
    return amount


def _fail(error: ArenaError, code: int) -> NoReturn:
    err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
    raise SystemExit(code)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (ConfigError, DataError) as error:
        _fail(error, 2)
    except ArenaError as error:
        _fail(error, 1)


if __name__ == "__main__":
    main()

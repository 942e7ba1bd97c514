"""What commands show a person: tables, progress, the board. Programs get JSON on standard output instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

WIDTH = 150
"""Columns of a table where no terminal says how wide it is."""


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDTH)


out, err = _console(), _console(stderr=True)


def say(text: str) -> None:
    """A line as it is: nothing in it is markup, and it is not wrapped."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def say_if_simulated(document: dict[str, Any]) -> None:
    if document["simulated"]:
        out.print("[bold yellow]SIMULATED[/]: nothing here is real.")


def table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> None:
    """Rows under titles; numbers to the right, None as a dash. Nothing in a cell is markup."""
    shown = Table(box=box.SIMPLE_HEAD)
    for name, title in columns.items():
        numeric = any(isinstance(row[name], int | float) for row in rows)
        shown.add_column(
            title,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name in ("#", "model", "nav"),
        )
    for row in rows:
        shown.add_row(*(Text("–" if row[name] is None else str(row[name])) for name in columns))
    out.print(shown)


def print_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def percent(value: float | None) -> str | None:
    return None if value is None else f"{value:+.2%}"


def print_board(document: dict[str, Any], currency: str) -> None:
    """The leaderboard, and below it how sure it is."""
    say_if_simulated(document)
    say(f"Leaderboard as of {document['as_of'] or 'no day yet'}")
    table(
        [
            {
                **row,
                "return": percent(row["return"]),
                "benchmark_return": percent(row["benchmark_return"]),
                "max_drawdown": percent(row["max_drawdown"]),
                "win_rate": percent(row["win_rate"]),
                "luck": None if not row["luck"] else _share(row["luck"]["percentile"]),
            }
            for row in document["models"]
        ],
        {
            "rank": "#",
            "model": "model",
            "kind": "kind",
            "nav": f"value {currency}",
            "return": "return",
            "benchmark_return": "benchmark",
            "max_drawdown": "max. drawdown",
            "win_rate": "wins",
            "trades": "trades",
            "fees": "fees",
            "luck": "luck score",
            "llm_cost_usd": "model cost USD",
        },
    )
    found = document["assessment"]
    if found is None:
        return
    if found["not_settled"]:
        say(f"Provisional: {', '.join(found['not_settled'])} without a book of the day yet.")
    if found["days"] and found["block"] is not None:
        print_certainty(document["models"], found)
    say(f"Verdict: {found['verdict']['text']} ({found['verdict']['reason']}).")
    for reason, count in found["left_out"].items():
        if count:
            say(f"{count} trading days are left out: {_LEFT_OUT[reason]}.")
    say(_terms(found["terms"]))


_LEFT_OUT = {
    "contaminated": "a model may have known their outcome from its training",
    "unknown": "whether a model knew their outcome cannot be told",
}


def print_certainty(models: Sequence[dict[str, Any]], found: dict[str, Any]) -> None:
    """What chance has to do with the ranks: intervals at the assessment's confidence."""
    confidence = f"{found['confidence']:.0%}"
    rows = [(row, row["significance"] or {}) for row in models]
    table(
        [
            {
                "model": row["model"],
                "sharpe": _number(row["sharpe"]),
                "interval": _interval(each.get("sharpe_low"), each.get("sharpe_high")),
                "dsr": _share(each.get("dsr")),
                "shared": each.get("shared_rank"),
                "ranks": _interval(each.get("rank_low"), each.get("rank_high"), "{}"),
                "p_best": _share(each.get("p_best")),
                "alpha": percent(row["alpha"]),
                "beta": _number(row["beta"]),
                "p": _number(row["alpha_p_value"], 3),
            }
            for row, each in rows
        ],
        {
            "model": "model",
            "sharpe": "Sharpe",
            "interval": f"{confidence} interval",
            "dsr": "deflated",
            "shared": "shared rank",
            "ranks": f"{confidence} of ranks",
            "p_best": "P(best)",
            "alpha": "alpha a year",
            "beta": "beta",
            "p": "p of alpha",
        },
    )


def print_diagnosis(checks: Sequence[dict[str, Any]], vendors: Sequence[dict[str, Any]]) -> None:
    """What the doctor found, the vendors in a table of their own, and what to do about what is not fine."""
    table(checks, {"check": "check", "state": "state", "detail": "detail"})
    table(
        vendors,
        {
            "vendor": "vendor",
            "purpose": "for",
            "state": "state",
            "key": "key",
            "reachable": "reachable",
            "budget_left": "left",
            "last_success": "last success",
            "coverage": "covers",
            "without": "without it",
        },
    )
    for entry in checks:
        if entry["remedy"]:
            say(f"{entry['check']} {entry['state']}: {entry['remedy']}")
    for entry in vendors:
        if entry["remedy"]:
            say(f"{entry['vendor']} {entry['state']} ({entry['reachable']}): {entry['remedy']}")


def print_caught(found: Sequence[dict[str, str]]) -> None:
    """What models got wrong, and what became of it; nothing where they made no mistake."""
    if found:
        out.print(f"[bold]what models got wrong, and how it was caught[/] ({len(found)})")
    for entry in found:
        say(f"  {entry['id']}: {entry['what']}; {entry['then']}")


def print_robustness(document: dict[str, Any]) -> None:
    """How the ranks move when the stored orders fill on other terms."""
    say(f"Ranks under {len(document['scenarios'])} sets of terms, as of {document['as_of']}")
    table(
        [
            {
                "model": span["model"],
                "ranks": _interval(span["best"], span["worst"], "{}"),
                "led": _share(span["led"]),
            }
            for span in document["spans"]
        ],
        {"model": "model", "ranks": "best and worst rank", "led": "led in"},
    )
    names = [span["model"] for span in document["spans"]]
    table(
        [
            {
                "terms": f"fee {each['fee']}, slippage {each['slippage_bp']} bp, {each['wait']}",
                **{outcome["model"]: outcome["rank"] for outcome in each["outcomes"]},
            }
            for each in document["scenarios"]
        ],
        {"terms": "terms", **{name: name for name in names}},
    )


def _terms(terms: dict[str, Any]) -> str:
    extra = [f"{terms['fee_per_order']} {terms['currency']} an order", f"slippage {terms['slippage_bp']} bp"]
    bound = terms["participation"]
    extra.append("no bound on volume" if bound is None else f"at most {bound} of a bar's volume")
    return f"Terms: {', '.join(extra)}, limits must be {_LIMITS[terms['limit']]}."


_LIMITS = {"through": "traded through", "touch": "touched"}


def _number(value: float | None, places: int = 2) -> str | None:
    return None if value is None else f"{value:.{places}f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _interval(low: Any, high: Any, form: str = "{:+.2f}") -> str | None:
    return None if low is None or high is None else f"{form.format(low)} to {form.format(high)}"


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, lines elsewhere; always on the error stream."""
    if not err.is_terminal:
        yield lambda text, _: err.print(f"{title}: {text}", highlight=False, markup=False, soft_wrap=True)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda text, step: bar.update(task, description=f"{title}: {text}", advance=step)

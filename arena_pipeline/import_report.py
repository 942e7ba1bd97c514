"""What `arena ledger import` shows a person: the books, all that was found in the log, and the board."""

from __future__ import annotations

from typing import Any

from arena_pipeline.terminal import percent, print_certainty, say, table
from arena_pipeline.trading.imports import quoted

MOST_FINDINGS = 200
"""Rows of the table of findings; `--json` has all."""


def print_import(document: dict[str, Any]) -> None:
    """The replayed books, then the findings by model and line."""
    currency = document["currency"]
    rows = [
        {
            "model": entry["model"],
            "days": len(entry["days"]),
            "nav": entry["days"][-1]["nav"] if entry["days"] else None,
            "rejected": len(entry["rejections"]),
            "differences": len(entry["differences"]),
            "unmarked": len(entry["unmarked"]),
        }
        for entry in document["models"]
    ]
    table(
        rows,
        {
            "model": "model",
            "days": "days marked",
            "nav": f"value {currency}",
            "rejected": "rejected rows",
            "differences": "differences",
            "unmarked": "days not marked",
        },
    )
    findings = [_rejected("", entry) for entry in document["rejections"]]
    for entry in document["models"]:
        found = [_rejected(entry["model"], each) for each in entry["rejections"]]
        found += [_differs(entry["model"], each) for each in entry["differences"]]
        findings += sorted(found, key=lambda row: row["line"])
        findings += [_not_marked(entry["model"], each) for each in entry["unmarked"]]
    if findings:
        names = ("model", "line", "seq", "date", "symbol", "finding", "detail")
        table(findings[:MOST_FINDINGS], {name: name for name in names})
    if len(findings) > MOST_FINDINGS:
        say(f"… and {len(findings) - MOST_FINDINGS} more findings (--json lists all)")
    if document["ignored"]:
        say(f"Fields that were not read: {', '.join(document['ignored'])}")


def print_imported_board(board: dict[str, Any], currency: str) -> None:
    """The models of an imported record under our figures, and how sure they are."""
    say(f"Board as of {board['as_of'] or 'no day on which every book has a value'}")
    table(
        [
            {
                "#": row["rank"],
                **{name: row[name] for name in ("model", "nav", "trades", "fees")},
                **{
                    name: percent(row[name])
                    for name in ("return", "benchmark_return", "max_drawdown", "win_rate")
                },
                "sharpe": row["reasons"]["sharpe"] if row["sharpe"] is None else f"{row['sharpe']:.2f}",
                "luck": row["luck"]["reason"]
                if row["luck"]["percentile"] is None
                else f"{row['luck']['percentile']:.0%}",
            }
            for row in board["models"]
        ],
        {
            "#": "#",
            "model": "model",
            "nav": f"value {currency}",
            "return": "return",
            "benchmark_return": "benchmark",
            "max_drawdown": "max. drawdown",
            "sharpe": "Sharpe",
            "win_rate": "wins",
            "trades": "trades",
            "fees": "fees",
            "luck": "luck score",
        },
    )
    found = board["assessment"]
    if found is None:
        return
    if found["block"] is not None:
        print_certainty(board["models"], found)
    say(f"Verdict: {found['verdict']['text']} ({found['verdict']['reason']}).")
    if found["left_out"]["unmarked"]:
        say(f"{found['left_out']['unmarked']} days are left out: a book has no value on them.")
    terms = found["terms"]
    say(
        f"Terms: {terms['starting_cash']} {terms['currency']} each, {terms['fee_per_order']} an order, "
        f"filled {terms['fills']}."
    )


def _rejected(model: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": model,
        **{name: entry[name] for name in ("line", "seq", "date", "symbol", "detail")},
        "finding": entry["reason"],
    }


def _differs(model: str, entry: dict[str, Any]) -> dict[str, Any]:
    stood = f", for {entry['records']} records" if entry["records"] > 1 else ""
    detail = f"; {entry['detail']}" if entry["detail"] else ""
    return {
        "model": model,
        **{name: entry[name] for name in ("line", "seq", "date", "symbol")},
        "finding": entry["reason"],
        "detail": f"theirs {entry['theirs']}, ours {entry['ours']}{stood}{detail}",
    }


def _not_marked(model: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": model,
        "line": None,
        "seq": None,
        "date": entry["date"],
        "symbol": " ".join(quoted(symbol) for symbol in entry["symbols"]),
        "finding": entry["reason"],
        "detail": "the day is not valued" if entry["symbols"] else entry["detail"],
    }

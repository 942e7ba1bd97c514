"""`arena costs` for a person."""

from __future__ import annotations

from typing import Any

from arena_pipeline.terminal import say, say_if_simulated, table

_TOKENS = {"prompt_tokens": "tokens in", "completion_tokens": "tokens out", "cost": "cost USD"}


def print_costs(document: dict[str, Any]) -> None:
    """What the models used in each session, each day and altogether, and what a month would come to."""
    say_if_simulated(document)
    if not document["sessions"]:
        say("No model has been asked anything yet.")
        return
    lines = [{**row, "cost": _cost(row)} for row in document["sessions"]]
    titles = {"session": "session", "model": "model", "purpose": "for", "asked": "asked", "calls": "calls"}
    table(lines, titles | _TOKENS)
    days = [{**row, "cost": _cost(row)} for row in document["days"]]
    table(days, {"day": "day", "calls": "calls"} | _TOKENS)
    models = [
        {
            **row,
            "cost": _cost(row),
            "month_tokens": row["month"]["tokens"],
            "month_cost": row["month"]["cost_usd"] or "unknown",
        }
        for row in document["models"]
    ]
    month = {"month_tokens": "tokens a month", "month_cost": "USD a month"}
    table(models, {"model": "model", "sessions": "sessions", "calls": "calls"} | _TOKENS | month)
    whole = document["month"]
    say(
        f"A month of {whole['trading_days']} trading days with {whole['sessions']} sessions, at the mean so "
        f"far: {whole['tokens']} tokens, {whole['cost_usd'] or 'unknown'} USD."
    )


def _cost(row: dict[str, Any]) -> str:
    """The known cost; beside it, of how many calls the cost is unknown."""
    if row["cost_usd"] is None:
        return "unknown"
    unknown = row["cost_unknown"]
    return f"{row['cost_usd']} + {unknown} unknown" if unknown else str(row["cost_usd"])

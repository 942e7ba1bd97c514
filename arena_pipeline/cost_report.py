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
    _print_sharing(document["sharing"])


def _print_sharing(sharing: dict[str, Any]) -> None:
    """How often each share's briefings were used, and the calls that this saved."""
    total = sharing["total"]
    if not total["uses"]:
        return
    columns = {"briefings": "briefings", "uses": "uses", "hits": "hits", "calls": "calls"}
    saved = {"calls_saved": "calls saved", "saved": "saved", "mean_quality": "mean quality"}
    rows = [*sharing["symbols"], {"symbol": "all", **total}]
    table(
        [{**row, "saved": _percent(row["saved_ratio"])} for row in rows],
        {"symbol": "share"} | columns | saved,
    )
    said = ", ".join(f"{count} {why}" for why, count in sharing["why"].items())
    say(f"Briefings shown: {said}. Written by: {', '.join(sharing['authors'])}.")
    articles = sharing["articles"]
    say(f"{articles['read_once']} articles read once, {articles['read_by_the_rules']} of them by the rules.")
    alone = total["calls"] + total["calls_saved"]
    say(
        f"Sharing saved {_percent(total['saved_ratio'])} of the {alone} calls that models would have made "
        "for briefings of their own."
    )


def _percent(ratio: float | None) -> str:
    return "n/a" if ratio is None else f"{ratio:.1%}"


def _cost(row: dict[str, Any]) -> str:
    """The known cost; beside it, of how many calls the cost is unknown."""
    if row["cost_usd"] is None:
        return "unknown"
    unknown = row["cost_unknown"]
    return f"{row['cost_usd']} + {unknown} unknown" if unknown else str(row["cost_usd"])

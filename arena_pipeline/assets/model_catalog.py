"""Group *arena*: what the model endpoint says of the models that take part, by trading day.

Source: `GET /models` of the endpoint in `[llm]`, asked once per run, before the sessions of the day. A list
is of the day on which it was asked for: days that are backfilled get the list of the backfill. An endpoint
without such a list, or one that says less than OpenRouter's, is a normal outcome, noted as not covered.
Nothing is decided from this table; the check `models_exist` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.errors import NotCovered, SourceError
from arena_pipeline.llm.research_models import base_name
from arena_pipeline.sources.model_catalog import SPENT, CreditState, ListedModel, credit_of
from arena_pipeline.sources.recorder import Recorder
from arena_pipeline.warehouse.store import Partition, Row

UNUSED = "no language model takes part"


def model_catalog(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """The models in use as their endpoint lists them: whether they exist, until when, at what price.

    One row per model name in use, with those who use it. `found` is null where the endpoint did not tell, and
    `note` says why; prices are US dollars per million tokens.
    """
    used_by = _in_use(arena, keys)
    collection = arena.collection("model_catalog", keys)
    listed: list[ListedModel] | None = None
    note = ""
    if any(used_by.values()):
        for warning in arena.research_choice.warnings:
            run.report(warning)
        listed, note = _ask(arena, collection, run)
    rows = {key: _rows(used_by[key], listed, note) for key in keys}
    written = arena.store.write_frames(
        "model_catalog",
        [
            Partition(key, [{**row, "id": f"listing:{key}:{row['model']}"} for row in rows[key]])
            for key in keys
        ],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    allowance = _allowance(arena, run) if any(used_by.values()) else {}
    return [
        Outcome(
            entry,
            {
                "models": len(used_by[entry.key]),
                "missing": sum(row["found"] is False for row in rows[entry.key]),
                "not_covered": sum(row["found"] is None for row in rows[entry.key] if row["used_by"]),
                **allowance,
            },
            [
                {name: row[name] for name in ("model", "found", "structured", "expires")}
                for row in rows[entry.key]
            ],
        )
        for entry in written
    ]


def _in_use(arena: Arena, keys: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """By day, the model names in use and their users. During a replay, those of the time: contestants come
    and go; where the lake that says so is gone, all that ever took part."""
    if arena.origin is None:
        return dict.fromkeys(keys, arena.models_in_use)
    used: dict[str, dict[str, Sequence[str]]] = {key: {} for key in keys}
    try:
        stored = arena.origin.rows("model_catalog", "list_contains($keys, partition)", keys=list(keys))
    except duckdb.IOException:
        return dict.fromkeys(keys, arena.models_in_use)
    for row in stored:
        if row["used_by"]:
            used[row["partition"]][row["model"]] = tuple(row["used_by"])
    return used


def _rows(
    used_by: Mapping[str, Sequence[str]], listed: Sequence[ListedModel] | None, note: str
) -> Sequence[Row]:
    if not used_by:
        return [_row("none", (), None, UNUSED)]
    return [_row(name, users, listed, note) for name, users in used_by.items()]


def _ask(arena: Arena, collection: Recorder, run: Run) -> tuple[list[ListedModel] | None, str]:
    try:
        return arena.model_catalog(collection).models(), ""
    except NotCovered as error:
        return None, f"not covered: {error}"
    except SourceError as error:
        run.report(f"the list of models: {error}")
        return None, f"failed: {error}"


def _row(name: str, users: Sequence[str], listed: Sequence[ListedModel] | None, note: str) -> Row:
    entry = _entry(name, listed or ())
    return {
        "model": name,
        "used_by": list(users),
        "found": None if listed is None else entry is not None,
        "canonical_slug": entry.canonical_slug if entry else None,
        "context_length": entry.context_length if entry else None,
        "max_completion_tokens": entry.max_completion_tokens if entry else None,
        "prompt_usd": entry.prompt_usd if entry else None,
        "completion_usd": entry.completion_usd if entry else None,
        "expires": entry.expires if entry else None,
        "structured": entry.structured if entry else None,
        "note": note or None,
        "raw": entry.raw if entry else "",
    }


def _entry(name: str, listed: Sequence[ListedModel]) -> ListedModel | None:
    """The entry of a model by its id, else by a name that it also answers to."""
    wanted = (name, base_name(name))
    for entry in listed:
        if entry.id in wanted:
            return entry
    return next((e for e in listed if {e.canonical_slug, *e.aliases}.intersection(wanted)), None)


def _allowance(arena: Arena, run: Run) -> Mapping[str, str]:
    """What the key may still spend, where the endpoint tells; the key itself is nowhere."""
    if arena.origin is not None or not arena.tells_allowance:
        return {}
    try:
        allowance = arena.key_allowance()
    except SourceError as error:
        run.report(f"what the model key may still spend is not known: {error}")
        return {"key_remaining_usd": "unknown", "key_credit": CreditState.UNKNOWN.value}
    credit = credit_of(allowance, wanted=arena.settings.llm.daily_budget_usd, now=arena.clock())
    if credit.state in SPENT or credit.state is CreditState.LOW:
        run.report(credit.said)
    left = allowance.remaining
    return {
        "key_remaining_usd": "no limit" if left is None else f"{left:f}",
        "key_credit": credit.state.value,
    }

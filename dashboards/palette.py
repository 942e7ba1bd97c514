"""The colour of each model: by the order in which models came to the arena, so that it keeps it for ever.

Served as a stylesheet (`/static/palette.css`), because the content policy allows no style in a page. Twelve
lines cannot be told apart by colour alone: a page labels them at their ends, and a model beyond the eleventh
has an earlier one's colour with a dashed line.
"""

from __future__ import annotations

from sqlalchemy import select

from arena_api.reading import Reading
from arena_pipeline.warehouse.tables import models

# Each pair lies at least 6.1 apart in OKLab (times 100) for every kind of colour vision. On a card the
# contrast is at least 4.5:1 in the dark theme and 3:1 in the light one.
DARK = (
    "#f4e300", "#a2caf2", "#d5663e", "#3bb3ce", "#9ef89d", "#9195fd",
    "#f0b6aa", "#1c7dee", "#ba6f9c", "#8ac319", "#b5a06f",
)  # fmt: skip
LIGHT = (
    "#603ec6", "#95580c", "#0aa424", "#7289f1", "#d8649c", "#4d420e",
    "#5d8a69", "#39387c", "#692451", "#a02c5b", "#67628f",
)  # fmt: skip
BENCHMARK = {"dark": "#e6eaf2", "light": "#1b2330"}
BENCHMARK_CLASS = "sb"


def slots(reading: Reading) -> dict[str, int]:
    """Each registered model's slot; of those that are configured and have not come yet, the slots after."""
    store = reading.store()
    known: list[str] = []
    if store is not None:
        with store.ledger.read() as connection:
            known = list(
                connection.scalars(select(models.c.id).order_by(models.c.registered_at, models.c.id))
            )
    coming = [model.id for model in reading.settings.models if model.id not in known]
    return {model: slot for slot, model in enumerate([*known, *coming])}


def series_class(slot: int) -> str:
    """The class that sets `--series` for a slot, with `dashed` where its colour is used a second time."""
    return f"s{slot % len(DARK)}{' dashed' if slot >= len(DARK) else ''}"


def stylesheet() -> str:
    """`--series` for each slot and the benchmark, in both themes."""
    lines = []
    for theme, colours in (("dark", DARK), ("light", LIGHT)):
        scope = "" if theme == "dark" else '[data-theme="light"] '
        lines += [f"{scope}.s{slot}{{--series:{colour}}}" for slot, colour in enumerate(colours)]
        lines.append(f"{scope}.{BENCHMARK_CLASS}{{--series:{BENCHMARK[theme]}}}")
    lines.append(
        "@media print{"
        + "".join(f".s{n}{{--series:{c}}}" for n, c in enumerate(LIGHT))
        + f".sb{{--series:{BENCHMARK['light']}}}"
        + "}"
    )
    return "\n".join(lines) + "\n"

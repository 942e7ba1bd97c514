"""The cases of `bad_inputs.json`: the file named by ARENA_BAD_INPUTS, else the recorded data's."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class BadInput:
    """One bad input. `kind` is `literal`, or names the generator or server that makes it (`server:drip`)."""

    id: str
    name: str
    kind: str
    input: Any
    expected: str


def file() -> Path:
    named = os.environ.get("ARENA_BAD_INPUTS")
    recorded = Path(os.environ.get("ARENA_RECORDED_DATA") or PROJECT.parent / "shared" / "data")
    return Path(named) if named else recorded / "security" / "bad_inputs.json"


def bad_inputs(surface: str) -> list[BadInput]:
    """The cases of one surface; none where the file is not there."""
    if not file().is_file():
        return []
    document = json.loads(file().read_text(encoding="utf-8"))
    return [
        BadInput(case["id"], case["name"], case["input_kind"], case["input"], case["expected"])
        for case in document["cases"]
        if case["surface"] == surface
    ]


def invariant_names() -> set[str]:
    """The invariants that the file names."""
    return set(json.loads(file().read_text(encoding="utf-8"))["invariant_names"])

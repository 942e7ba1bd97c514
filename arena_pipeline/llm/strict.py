"""Text of a model read as exactly one JSON object, or refused."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_REPLY_CHARS = 200_000
_FENCE = re.compile(r"\A\s*```[A-Za-z]*\s*\n?(.*?)\n?\s*```\s*\Z", re.DOTALL)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands more than once in one object")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def bare(text: str) -> str:
    """The text without the one Markdown fence that may be around it."""
    fenced = _FENCE.match(text)
    return (fenced[1] if fenced else text).strip()


def single_object(text: str) -> dict[str, Any]:
    """The one JSON object that `text` is, bare or in one Markdown fence. Raises ValueError saying what is
    wrong: prose around it, a second object, a key twice in one object, NaN or Infinity, no object at all.
    """
    if len(text) > MAX_REPLY_CHARS:
        raise ValueError(f"the answer has {len(text)} characters, the limit is {MAX_REPLY_CHARS}")
    try:
        value = json.loads(bare(text), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not exactly one JSON object: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value

"""How far the word of a source goes: a table of domains with reasons, and nothing beyond it.

The table is an opinion about kinds of publication (`credibility.toml`). It says nothing about one article,
and whoever is not in it counts as low, because anybody can have a domain.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit


class Level(StrEnum):
    """From what answers for its word to what anybody may have written."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Credibility:
    """A source's level, why, and by which domain of the table; `domain` is empty where it has none."""

    level: Level
    reason: str
    domain: str


NOT_LISTED = Credibility(Level.LOW, "not in the table", "")


def credibility(url: str) -> Credibility:
    """The credibility of whoever answers at an address: for a page that was redirected, of its last host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return NOT_LISTED
    labels = host.rstrip(".").split(".")
    for first in range(len(labels) - 1):
        domain = ".".join(labels[first:])
        if domain in _table():
            level, reason = _table()[domain]
            return Credibility(level, reason, domain)
    return NOT_LISTED


@functools.cache
def _table() -> Mapping[str, tuple[Level, str]]:
    raw = tomllib.loads((Path(__file__).parent / "credibility.toml").read_text(encoding="utf-8"))
    return {domain: (level, reason) for level in Level for domain, reason in raw[level.value].items()}

"""The attacks, their clean controls and the benign look-alikes, and what counts as an attacker's own words.

The file is the recorded corpus or the one that ARENA_INJECTIONS names, one JSON object a line.
"""

from __future__ import annotations

import functools
import json
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

VARIABLE = "ARENA_INJECTIONS"
Mark = tuple[str, ...]
RUN = 3
"""So many words in a row of an attacker's text are the attacker's own."""

LONG_WORD = 12
"""A single word of so many characters is, too."""

_TAGS = {code: code - 0xE0000 for code in range(0xE0020, 0xE007F)}
"""Tag characters, which no screen shows and a model reads as ASCII."""


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in a feed item or a vendor's field."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Attack:
    """One line of the corpus. `target` is a symbol or `*`; the meaning of `success` and `must_never` is in
    `verdicts.py` and `must_never.py`."""

    id: str
    language: str
    surface: str
    goal: str
    target: str
    text: Text
    control: Text
    success: dict[str, Any]
    must_never: tuple[str, ...]
    expects_flag: bool


def injections(recorded: Path) -> list[Attack]:
    """The attacks, in the order of their file."""
    file = Path(os.environ.get(VARIABLE) or recorded / "security/injections.jsonl")
    return [
        Attack(
            row["id"],
            row["lang"],
            row["surface"],
            row["goal"],
            row["target_symbol"],
            Text(row["title"], row["body"]),
            Text(row["clean_control"]["title"], row["clean_control"]["body"]),
            row["success_if"],
            tuple(row["must_never"]),
            row["expect_review_flag"],
        )
        for row in _rows(file)
    ]


def lookalikes(recorded: Path) -> list[Attack]:
    """News that only looks like an attack, as attacks that want nothing."""
    found = []
    for row in _rows(recorded / "security/benign_lookalikes.jsonl"):
        text = Text(row["title"], row["body"])
        found.append(
            Attack(row["id"], row["lang"], "rss_title", "none", "*", text, text, {}, (), expects_flag=False)
        )
    return found


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def words(text: str) -> list[str]:
    """The words as a model may read them: compatibility form, tag characters as letters, the rest shown."""
    shown = unicodedata.normalize("NFKC", text.translate(_TAGS))
    shown = "".join(c for c in shown if c in "\n\t\r" or unicodedata.category(c)[0] != "C")
    return re.findall(r"\w+", shown.casefold())


def marks(texts: Iterable[str]) -> set[Mark]:
    """Every run of three words in some texts, and every long word."""
    found: set[Mark] = set()
    for text in texts:
        spoken = words(text)
        found.update(tuple(spoken[start : start + RUN]) for start in range(len(spoken) - RUN + 1))
        found.update((word,) for word in spoken if len(word) >= LONG_WORD)
    return found


def attackers_words(attack: Attack) -> set[Mark]:
    """What only the attack says: the marks of its text without those of its clean control and of what the
    arena itself writes into every prompt."""
    said = marks([attack.text.title, attack.text.body])
    return said - marks([attack.control.title, attack.control.body]) - _own_texts()


@functools.cache
def _own_texts() -> set[Mark]:
    folder = resources.files("arena_pipeline.llm") / "prompts"
    return marks(file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".txt"))


def strings(document: Any) -> list[str]:
    """Every text in a JSON document, its keys included."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, dict):
        return [text for pair in document.items() for part in pair for text in strings(part)]
    if isinstance(document, list):
        return [text for part in document for text in strings(part)]
    return []

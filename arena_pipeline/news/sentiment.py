"""The always-on sentiment of a headline: a lexicon score, the same on every machine, without a model.

English is scored by VADER (Hutto and Gilbert 2014, https://github.com/cjhutto/vaderSentiment) with the
finance words of `lexicon.toml` on top; German by the lexicon alone, with VADER's normalisation
x / sqrt(x^2 + 15) and VADER's factor -0.74 for a weight with a negation up to three words before it or two
after it.
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

TITLE_WEIGHT = 0.65
"""A headline says more per word than its summary; the rest of the weight is the summary's."""

_NEGATION_FACTOR = -0.74
_NORMALISATION = 15.0
_GERMAN_NEGATIONS = frozenset(
    {"nicht", "kein", "keine", "keinen", "keiner", "keinem", "nie", "niemals", "ohne", "kaum", "weder"}
)
_WORD = re.compile(r"[^\W\d_]+")


@functools.cache
def lexicon() -> Mapping[str, Any]:
    """The shipped `lexicon.toml`: word weights `en` and `de`, and `events`."""
    return tomllib.loads((resources.files(__package__) / "lexicon.toml").read_text(encoding="utf-8"))


@functools.cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    analyzer.lexicon.update({word: float(weight) for word, weight in lexicon()["en"].items()})
    return analyzer


@functools.cache
def _german_lexicon() -> Mapping[str, float]:
    return {word.casefold(): float(weight) for word, weight in lexicon()["de"].items()}


@functools.lru_cache(maxsize=20_000)
def _german_weight(word: str) -> float:
    weights = _german_lexicon()
    stems = (f"{word[:length]}*" for length in range(len(word), 2, -1))
    return next((weights[entry] for entry in (word, *stems) if entry in weights), 0.0)


def _german(text: str) -> float:
    words = [word.casefold() for word in _WORD.findall(text)]
    total = 0.0
    for position, word in enumerate(words):
        weight = _german_weight(word)
        near = words[max(0, position - 3) : position + 3]
        total += weight * (_NEGATION_FACTOR if _GERMAN_NEGATIONS.intersection(near) else 1.0)
    return total / math.sqrt(total * total + _NORMALISATION)


def _text_score(text: str, language: str) -> float:
    if not text:
        return 0.0
    if language == "de":
        return _german(text)
    return float(_analyzer().polarity_scores(text)["compound"])


def score(title: str, summary: str, language: str) -> float:
    """Sentiment in [-1, 1], 0 for none, to four decimals. `language` is `de` or else read as English."""
    total = _text_score(title, language)
    if summary:
        total = TITLE_WEIGHT * total + (1 - TITLE_WEIGHT) * _text_score(summary, language)
    return round(max(-1.0, min(1.0, total)), 4)


@functools.cache
def _event_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (name, re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word.casefold()) for word in words)})(?!\w)"))
        for name, words in lexicon()["events"].items()
    )


def event_class(title: str, summary: str) -> str:
    """The kind of event that a text reports: a class of `lexicon.toml`, or `other`. The title decides first.

    The result is one of a closed set of words: no text from outside passes through.
    """
    for text in (title.casefold(), summary.casefold()):
        for name, pattern in _event_patterns():
            if pattern.search(text):
                return name
    return "other"

"""Numbers as texts write them: found, read in every way they may be meant, compared at their precision."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def numbers_in(text: str) -> list[str]:
    """Every run of digits in a text, with the separators inside it; signs and units are left out."""
    return _NUMBER.findall(unicodedata.normalize("NFKC", text))


def readings_of(number: str) -> set[Decimal]:
    """What a written number may mean: 1,234.5 and 1.234,5 and 3,5 are all met with in texts."""
    separators = [c for c in number if c in ".,"]
    if not separators:
        return {Decimal(number)}
    last = separators[-1]
    whole, _, fraction = number.rpartition(last)
    digits = re.sub(r"[.,]", "", whole)
    readings = {Decimal(f"{digits}.{fraction}")} if separators.count(last) == 1 else set()
    groups = re.split(r"[.,]", number)
    if all(len(group) == 3 for group in groups[1:]):
        readings.add(Decimal("".join(groups)))
    return readings


def stated_in(texts: Iterable[str]) -> set[Decimal]:
    """Every value that a number in some texts may mean."""
    return {reading for text in texts for number in numbers_in(text) for reading in readings_of(number)}


def is_supported(number: str, known: set[Decimal]) -> bool:
    """Whether a written number is one of the known values, rounded to the places it is written with."""
    for reading in readings_of(number):
        exponent = reading.as_tuple().exponent
        quantum = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        if any(value.quantize(quantum, ROUND_HALF_UP) == reading for value in known):
            return True
    return False

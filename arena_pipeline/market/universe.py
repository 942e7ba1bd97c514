"""The shares an arena trades: symbols, names and the aliases under which news texts mention them."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Company:
    """One share of the universe. `aliases` are whole words to look for in a text, longest first."""

    symbol: str
    name: str
    sector: str
    aliases: tuple[str, ...]


@functools.cache
def dax40() -> dict[str, Company]:
    """The shipped DAX 40, by symbol."""
    raw = tomllib.loads((Path(__file__).parent / "universe.toml").read_text(encoding="utf-8"))
    return {
        symbol: Company(
            symbol, entry["name"], entry["sector"], tuple(sorted(entry["aliases"], key=len, reverse=True))
        )
        for symbol, entry in raw["symbols"].items()
    }


def companies(symbols: tuple[str, ...]) -> dict[str, Company]:
    """The companies behind `symbols`; a symbol that is not shipped is known by its bare ticker."""
    known = dax40()
    return {
        symbol: known.get(symbol) or Company(symbol, symbol.split(".")[0], "", (symbol.split(".")[0],))
        for symbol in symbols
    }

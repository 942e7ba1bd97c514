"""How the sandbox's analyst reads an article: by a short list of words, and now and then wrongly."""

from __future__ import annotations

import re
from typing import Any

GOOD = re.compile(
    r"\b(beats?|record|raises?|lifts?|wins?|upgrades?|clears?|gains?|rises?|strong|surges?|jumps?|success"
    r"|übertrifft|steigt|stark|hebt|erhält|hochgestuft|erfolg\w*|gewinnt|positiv|legt\w* zu|recht)\b"
)
BAD = re.compile(
    r"\b(miss(?:es)?|loss|slumps?|cuts?|warn\w*|loses|lost|downgrades?|probe|lawsuit|weak|falls?|drops?|plunges?"
    r"|verfehlt|enttäuscht|sinkt|senkt|verliert|herabgestuft|razzia|gewinnwarnung|schwach\w*|rückgang|fällt)\b"
)
EVENTS = {
    "rating": ("upgrade", "downgrade", "gestuft", "analyst"),
    "guidance": ("outlook", "guidance", "prognose", "warning", "gewinnwarnung"),
    "earnings": ("quarter", "profit", "earnings", "quartal", "gewinn", "umsatz"),
    "order": ("order", "contract", "auftrag"),
    "legal": ("court", "lawsuit", "probe", "gericht", "razzia", "kartellamt"),
    "management": ("ceo", "chief", "board", "vorstand", "aufsichtsrat"),
}
PERCENT = re.compile(r"(\d+[.,]\d+)\s?(?:%|percent|prozent)", re.IGNORECASE)
STRONG_WORDS = 4
"""So many words of one side more than of the other make a claim out of the ordinary."""

MISQUOTED, MISCOUNTED, MISPLACED = 1, 3, 4
"""Of 100 readings, below which place of chance each kind of error lies."""

Document = dict[str, Any]


def reading(document: Document, luck: int) -> Document:
    """The answer about the article of a prompt; `luck` from 0 to 99 decides whether it errs."""
    article = document["article"]
    text = f"{article['title']} {article['summary']}"
    folded = text.casefold()
    balance = len(GOOD.findall(folded)) - len(BAD.findall(folded))
    direction = (balance > 0) - (balance < 0)
    event = next((name for name, words in EVENTS.items() if any(word in folded for word in words)), "other")
    stated = PERCENT.search(text)
    claim = {
        "event": event,
        "direction": 2 * direction if abs(balance) >= STRONG_WORDS else direction,
        "percent": float(stated[1].replace(",", ".")) if stated else None,
        "day": None,
        "quote": article["title"][:400],
    }
    if luck < MISQUOTED:
        claim["quote"] = f"Reportedly, {claim['quote'][:300]}"
    elif luck < MISCOUNTED:
        claim["percent"] = 873.5
    claims = [{"symbol": symbol, **claim} for symbol in document["companies"]][:6]
    if MISCOUNTED <= luck < MISPLACED:
        claims = [{**claim, "symbol": "PNNY.DE"} for claim in claims]
    return {"claims": claims}

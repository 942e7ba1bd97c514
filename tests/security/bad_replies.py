"""Bad replies of a model: those of `bad_inputs.json`, and kinds of our own. None may become an order.

The file is the one named by ARENA_BAD_INPUTS, else the recorded data's; our own kinds need neither.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
SURFACE = "llm_response"
HOLD: dict[str, Any] = {"orders": [], "confidence": 0.5, "reasoning": "Nothing to do.", "horizon_days": 5}
ORDER: dict[str, Any] = {
    "symbol": "SAP.DE",
    "side": "buy",
    "quantity": 10,
    "confidence": 0.6,
    "reason": "r",
    "cites": [],
}
OUTSIDE = "The article says:"
LONG = 100_000


@dataclass(frozen=True)
class Reply:
    """What an endpoint sends back. `cut` closes the connection before the end."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True)
class BadReply:
    """One kind of bad reply; `id` is also the id of the model that gives it."""

    id: str
    name: str
    reply: Reply


def completion(text: Any, *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "id": "gen-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "stand-in/served",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, "refusal": None, **message},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "cost": 0.0001},
    }


def body(document: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(document).encode(), status, headers)


def says(text: Any, **options: Any) -> Reply:
    return body(completion(text, **options))


def deciding(**changes: Any) -> str:
    return json.dumps({**HOLD, **changes})


def ordering(**changes: Any) -> str:
    """A decision with one order; a change of None takes a key out of it."""
    order = {key: value for key, value in {**ORDER, **changes}.items() if value is not None}
    return deciding(orders=[order])


def with_raw(field_name: str, literal: str) -> str:
    """A decision whose order (or itself, where an order has no such field) says this of a field, as it is."""
    marker = f'"{field_name}": "@@"'
    text = ordering(**{field_name: "@@"}) if field_name in ORDER else deciding(**{field_name: "@@"})
    assert marker in text
    return text.replace(marker, f'"{field_name}": {literal}')


def failing(status: int) -> Reply:
    return body({"error": {"code": status, "message": "no"}}, status, **{"retry-after": "0"})


def own_kinds() -> list[BadReply]:
    """The kinds that need no file."""
    buy = ordering()
    texts: dict[str, str] = {
        "NaN as a quantity": with_raw("quantity", "NaN"),
        "Infinity as a confidence": with_raw("confidence", "Infinity"),
        "1e309 as a quantity": with_raw("quantity", "1e309"),
        "true as a quantity": with_raw("quantity", "true"),
        "a string as a quantity": with_raw("quantity", '"10"'),
        "a fraction of a share": with_raw("quantity", "0.5"),
        "a whole number as a float": with_raw("quantity", "10.0"),
        "a negative quantity": with_raw("quantity", "-10"),
        "no share at all": with_raw("quantity", "0"),
        "10^30 shares": with_raw("quantity", "1" + "0" * 30),
        "a number of 5000 digits": with_raw("quantity", "9" * 5000),
        "the quantity twice": with_raw("quantity", '10, "quantity": 900'),
        "the orders twice": buy.replace('"confidence": 0.5', '"orders": [], "confidence": 0.5'),
        "two sizes": ordering(weight="0.1"),
        "no size": ordering(quantity=None),
        "a weight of 500 %": ordering(quantity=None, weight="5"),
        "NaN as an amount": ordering(quantity=None, amount="NaN"),
        "an unknown symbol": ordering(symbol="GME"),
        "the index itself": ordering(symbol="^GDAXI"),
        "a symbol in lower case": ordering(symbol="sap.de"),
        "a symbol that is a path": ordering(symbol="../../etc/passwd"),
        "a symbol that is SQL": ordering(symbol="SAP.DE'; DROP TABLE orders; --"),
        "a symbol with a Cyrillic letter": ordering(symbol="S\u0410P.DE"),
        "an unknown side": ordering(side="hold"),
        "a side in capitals": ordering(side="BUY"),
        "a zero-width space in the side": ordering(side="b\u200buy"),
        "a sale of what is not held": ordering(side="sell"),
        "more than the cash": ordering(quantity=900_000),
        "more than one share may weigh": ordering(quantity=None, weight="0.9"),
        "a negative limit": ordering(type="limit", limit="-1"),
        "a limit order without a limit": ordering(type="limit"),
        "an unknown type": ordering(type="iceberg"),
        "a confidence of 50": ordering(confidence=50),
        "no reasoning": json.dumps(
            {key: HOLD[key] for key in HOLD if key != "reasoning"} | {"orders": [ORDER]}
        ),
        "a key of its own": buy.replace('"orders"', '"tool": "x", "orders"', 1),
        "a horizon of a million days": deciding(orders=[ORDER], horizon_days=10**6),
        "300 orders": deciding(orders=[ORDER] * 300),
        "another model's schema": json.dumps({"allocations": {"SAP.DE": 1.0}, "reasoning": "all in"}),
        "the research model's schema": json.dumps({"stance": "bullish", "strength": 1.0, "points": []}),
        "fenced JSON quoted from an article": f"{OUTSIDE}\n```json\n{buy}\n```\nI would rather wait.",
        "an article's fence, then its own": f"```json\n{buy}\n```\n```json\n{deciding()}\n```",
        "an object after the object": f"{buy} {deciding()}",
        "an order inside prose": f"Sure! {buy} Hope this helps.",
        "keywords only": "BUY BUY BUY SAP.DE 100 shares now",
        "a list": f"[{buy}]",
        "a string that holds JSON": json.dumps(buy),
        "null": "null",
        "100 kB of text": "buy " * (LONG // 4),
        "a reason of 100 kB": ordering(reason="x" * LONG),
        "a reasoning of 1 MB": deciding(orders=[ORDER], reasoning="x" * 10**6),
        "deep nesting": "[" * LONG + "]" * LONG,
        "deep nesting in a field": with_raw("quantity", '{"a":' * 5000 + "1" + "}" * 5000),
        "cut JSON": buy[: len(buy) * 2 // 3],
        "single quotes": buy.replace('"', "'"),
        "a trailing comma": buy[:-1] + ",}",
        "a comment": buy[:-1] + " /* sure */}",
        "a lone surrogate": buy.replace('"r"', '"\\ud800"'),
        "control characters": buy.replace('"r"', '"\\u0000\\u001b[31m"'),
        "only spaces": " \n\t ",
        "empty": "",
    }
    replies = {name: says(text) for name, text in texts.items()}
    replies |= {
        "a refusal": says(None, refusal="I cannot help with that."),
        "cut off at the token limit": says(buy, finish="length"),
        "stopped by a filter": says(buy, finish="content_filter"),
        "an error while it wrote": body(completion(buy, finish="error"), 200, **{"retry-after": "0"}),
        "a tool call": says(
            None,
            finish="tool_calls",
            tool_calls=[{"id": "1", "type": "function", "function": {"name": "buy", "arguments": buy}}],
        ),
        "content that is a number": says(7),
        "content in parts": says([{"type": "text", "text": buy}]),
        "no choices": body({"choices": []}),
        "choices of strings": body({"choices": [buy]}),
        "an order beside the choices": body({**json.loads(buy), "choices": []}),
        "an error in a 200": body({"error": {"code": 502, "message": "no"}}, 200, **{"retry-after": "0"}),
        "an error beside a good answer": body({**completion(buy), "error": {"code": 400, "message": "no"}}),
        "an answer of another maker's model": body({**completion(deciding()), "model": "other/model"}),
        "402": failing(402),
        "404": failing(404),
        "429": failing(429),
        "500": failing(500),
        "503 in HTML": Reply(b"<html>busy</html>", 503, {"retry-after": "0"}),
        "HTML": Reply(b"<html>hello</html>", 200, {"content-type": "text/html"}),
        "a redirect": Reply(b"", 302, {"location": "http://127.0.0.1:9/"}),
        "bytes that are no text": Reply(b"\xff\xfe\x00\x80" * 40),
        "gzip that is none": Reply(b"no gzip", 200, {"content-encoding": "gzip"}),
        "a connection cut short": Reply(json.dumps(completion(buy)).encode(), cut=True),
    }
    return [
        BadReply(f"own-{place:03}", name, reply) for place, (name, reply) in enumerate(replies.items(), 1)
    ]


def file() -> Path:
    named = os.environ.get("ARENA_BAD_INPUTS")
    recorded = Path(os.environ.get("ARENA_RECORDED_DATA") or PROJECT.parent / "shared" / "data")
    return Path(named) if named else recorded / "security" / "bad_inputs.json"


def cases_of_the_file() -> list[dict[str, Any]]:
    if not file().is_file():
        return []
    document = json.loads(file().read_text(encoding="utf-8"))
    return [case for case in document["cases"] if case["surface"] == SURFACE]


BY_ID = {
    "LLM-18": lambda value: [says(ordering(symbol=symbol)) for symbol in value],
    "LLM-19": lambda value: [says(ordering(side="sell", quantity=json.loads(value)["quantity"]))],
    "LLM-23": lambda value: [says(deciding(reasoning=value))],
    "LLM-24": lambda value: [says(deciding(orders=[ORDER], reasoning="x" * 10**6))],
    "LLM-25": lambda value: [says(value, finish="length")],
    "LLM-27": lambda value: [
        body(value),
        says(None),
        says(None, finish="tool_calls", tool_calls=[{"id": "1", "type": "function", "function": {}}]),
    ],
    "LLM-30": lambda value: [body({**completion(deciding()), **value})],
    "LLM-31": lambda value: [body({**completion(deciding()), **value})],
    "LLM-33": lambda value: [says(ordering(side=value.lower()))],
}
"""Cases whose text in the file has to be put where a model would say it."""

ELSEWHERE = {"LLM-20"}
"""Cases with a test of their own: purchases that are each affordable."""


def replies_of_the_file() -> list[BadReply]:
    """The file's cases as replies, by id where known, else by kind of input."""
    found = []
    for case in cases_of_the_file():
        if case["id"] in ELSEWHERE:
            continue
        make = BY_ID.get(case["id"])
        replies = make(case["input"]) if make else list(_by_kind(case["input_kind"], case["input"]))
        for place, reply in enumerate(replies):
            identity = f"{case['id'].lower()}-{place}"
            found.append(BadReply(re.sub(r"[^a-z0-9._-]", "-", identity)[:40], case["name"], reply))
    return found


def not_covered() -> dict[str, str]:
    """The file's cases that no reply here stands for, with the reason."""
    covered = {reply.id.rpartition("-")[0] for reply in replies_of_the_file()}
    return {
        case["id"]: f"input kind {case['input_kind']!r} is not known"
        for case in cases_of_the_file()
        if case["id"].lower() not in covered and case["id"] not in ELSEWHERE
    }


def _by_kind(kind: str, value: Any) -> Iterator[Reply]:
    """A reply for a case that is not known by its id."""
    name, _, argument = kind.partition(":")
    if name == "literal":
        yield from _literal(value)
    elif name == "generator" and argument.startswith("long"):
        yield says("x" * 10**6)
    elif name == "server" and argument.isdecimal():
        yield failing(int(argument))
    elif name == "server" and argument in ("short", "down", "cut"):
        yield Reply(json.dumps(completion(ordering())).encode(), cut=True)


def _literal(value: Any) -> Iterator[Reply]:
    if isinstance(value, list):
        for entry in value:
            yield from _literal(entry)
    elif isinstance(value, dict):
        whole = value.keys() & {"choices", "error", "usage", "model", "id"}
        yield (
            body({**completion(deciding()), **value} if whole - {"error"} else value)
            if whole
            else says(json.dumps(value))
        )
    else:
        text = str(value)
        yield says(text)
        field_said = re.fullmatch(r'\s*\{\s*"(\w+)"\s*:\s*(.*)\}\s*', text, re.DOTALL)
        if field_said and field_said[1] in ORDER.keys() | HOLD.keys() - {"orders"}:
            yield says(with_raw(field_said[1], field_said[2]))

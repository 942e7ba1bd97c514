"""The sandbox's models: small deterministic rules behind the chat completions format.

`sandbox/analyst` reads articles and writes briefings; three more decide, each with orders of its own kind:
`sandbox/news-follower` buys shares at the market, `sandbox/trend-follower` to a weight with a stop and a
target, `sandbox/contrarian` for an amount, with a limit that is good for the day. They read nothing but the
JSON document in the user prompt, as a real model does, and the same request always gets the same reply. They
also err as real models do, by the hash of the request: about 2 in 100 briefings state a number that no fact
supports, about 4 in 100 readings of an article quote or number it wrongly or name a share of no universe, and
about 1 in 100 decisions is broken JSON when first asked. Their judgement is worth nothing
outside the sandbox's own market.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, DecimalException
from typing import Any, NamedTuple

from arena_pipeline.sandbox.reader import reading

ANALYST = "sandbox/analyst"
UNSUPPORTED_NUMBER_PERCENT = 2
BROKEN_JSON_PERCENT = 1
POSITION_SHARE = Decimal("0.10")
"""Of net asset value, per purchase."""

MAX_BUYS, MAX_SELLS, MAX_POSITIONS = 2, 3, 8
_CASH_BUFFER = Decimal("0.98")
_BRACKET = Decimal("0.94"), Decimal("1.12")
_DISCOUNT, _PRICE_STEP = Decimal("0.997"), Decimal("0.01")
_PRICE_IN, _PRICE_OUT = Decimal("0.0000001"), Decimal("0.0000004")
_SIGNAL = {"bullish": 1, "bearish": -1}
_NEWS_WEIGHT = 1.5
_TREND_WORDS = ("20-day average", "50-day average", "MACD", "ADX")

Document = dict[str, Any]
Score = Callable[[Document], float]


def _signals(block: Document, kind: str) -> int:
    facts = [fact for fact in block.get("facts", []) if str(fact.get("id", "")).startswith(kind)]
    return sum(_SIGNAL.get(fact.get("signal"), 0) for fact in facts)


def _follow_news(block: Document) -> float:
    stance = _SIGNAL.get(block.get("stance", ""), 0) * float(block.get("strength", 0.0))
    return 0.5 * _signals(block, "N") + stance


def _follow_trend(block: Document) -> float:
    trend = [
        fact
        for fact in block.get("facts", [])
        if any(word in str(fact.get("text", "")) for word in _TREND_WORDS)
    ]
    return 0.5 * sum(_SIGNAL.get(fact.get("signal"), 0) for fact in trend)


def _against_the_crowd(block: Document) -> float:
    words = " ".join(str(fact.get("text", "")) for fact in block.get("facts", []))
    stretched = words.count("oversold") - words.count("overbought")
    bands = words.count("below the lower Bollinger") - words.count("above the upper Bollinger")
    return 0.6 * (stretched + bands) - 0.2 * _follow_trend(block)


class Contestant(NamedTuple):
    """A model's score of a briefing, from where it buys, below which it sells, and the terms on which it buys
    for so much at a price."""

    score: Score
    buy_from: float
    sell_below: float
    terms: Callable[[Decimal, Decimal, Decimal], Document]


def _at_the_market(money: Decimal, price: Decimal, nav: Decimal) -> Document:
    return {"quantity": min(_whole(money / price), 1_000_000)}


def _with_a_bracket(money: Decimal, price: Decimal, nav: Decimal) -> Document:
    weight = (money / nav).quantize(Decimal("0.0001"), ROUND_DOWN)
    stop_loss, take_profit = (str((price * share).quantize(_PRICE_STEP)) for share in _BRACKET)
    return {"weight": str(weight), "stop_loss": stop_loss, "take_profit": take_profit}


def _below_the_market(money: Decimal, price: Decimal, nav: Decimal) -> Document:
    return {
        "amount": str(money.quantize(_PRICE_STEP, ROUND_DOWN)),
        "type": "limit",
        "limit": str((price * _DISCOUNT).quantize(_PRICE_STEP)),
        "time_in_force": "DAY",
    }


_CONTESTANTS = {
    "sandbox/news-follower": Contestant(_follow_news, 0.6, -0.4, _at_the_market),
    "sandbox/trend-follower": Contestant(_follow_trend, 1.5, -0.4, _with_a_bracket),
    "sandbox/contrarian": Contestant(_against_the_crowd, 0.9, -0.5, _below_the_market),
}


def models() -> dict[str, Any]:
    """The reply to GET /models, in OpenRouter's shape."""
    return {
        "data": [
            {
                "id": name,
                "canonical_slug": name,
                "name": name,
                "created": 1_700_000_000,
                "context_length": 128_000,
                "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
                "pricing": {"prompt": f"{_PRICE_IN:f}", "completion": f"{_PRICE_OUT:f}"},
                "top_provider": {"context_length": 128_000, "max_completion_tokens": 8_000},
                "supported_parameters": ["max_tokens", "response_format", "structured_outputs"],
                "knowledge_cutoff": None,
                "expiration_date": None,
            }
            for name in (ANALYST, *_CONTESTANTS)
        ]
    }


def answer(body: Document) -> tuple[int, Document]:
    """The reply to POST /chat/completions: status and JSON. What the request lacks is answered as an error in
    OpenRouter's shape, never raised.
    """
    model = body.get("model")
    if model != ANALYST and model not in _CONTESTANTS:
        return _error(404, f"No endpoints found for {str(model)[:100]}.")
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    messages = body.get("messages")
    if not isinstance(messages, list):
        return _error(400, "messages must be a list")
    try:
        document = _document(messages)
        luck = int(digest[:8], 16) % 100
        first_time = not any(_field(message, "role") == "assistant" for message in messages)
        if model == ANALYST and "article" in document:
            text = json.dumps(reading(document, luck))
        elif model == ANALYST:
            text = json.dumps(_synthesis(document, unsupported=luck < UNSUPPORTED_NUMBER_PERCENT))
        else:
            text = json.dumps(_decision(document, _CONTESTANTS[str(model)]))
            if first_time and luck < BROKEN_JSON_PERCENT:
                text = text[: len(text) * 2 // 3]
    except (ValueError, KeyError, TypeError, AttributeError, DecimalException) as error:
        return _error(400, f"the prompt holds no document that can be read ({type(error).__name__})")
    return 200, _completion(str(model), digest, text, messages)


def _error(code: int, message: str) -> tuple[int, Document]:
    return code, {"error": {"code": code, "message": message}}


def _field(message: Any, name: str) -> str:
    value = message.get(name) if isinstance(message, dict) else None
    if isinstance(value, list):
        value = "".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _document(messages: list[Any]) -> Document:
    """The JSON document of the first user message that holds one."""
    for message in messages:
        content = _field(message, "content")
        if _field(message, "role") == "user" and "{" in content:
            document, _ = json.JSONDecoder().raw_decode(content, content.index("{"))
            if isinstance(document, dict):
                return document
    raise ValueError("no JSON document in the user messages")


def _completion(model: str, digest: str, text: str, messages: list[Any]) -> Document:
    tokens_in = sum(len(_field(message, "content")) for message in messages) // 4 + 1
    tokens_out = len(text) // 4 + 1
    return {
        "id": f"gen-{digest[:24]}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "provider": "sandbox",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "native_finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "cost": float(tokens_in * _PRICE_IN + tokens_out * _PRICE_OUT),
        },
    }


def _synthesis(document: Document, *, unsupported: bool) -> Document:
    facts = document["facts"]
    technical, news = _signals(document, "T"), _signals(document, "N")
    count = sum(fact.get("signal") is not None for fact in facts)
    balance = (technical + _NEWS_WEIGHT * news) / (count or 1)
    stance = "bullish" if balance > 0.2 else "bearish" if balance < -0.2 else "neutral"
    points = [
        {
            "claim": "supports" if balance > 0 else "opposes" if balance < 0 else "mixed",
            "text": _reading(kind, balance),
            "cites": [fact["id"] for fact in facts if fact["id"][0] == letter][:12],
        }
        for kind, letter, balance in (("Prices", "T", technical), ("News", "N", news))
    ]
    points = [point for point in points if point["cites"]]
    strongest = next((f for f in facts if f.get("signal") == stance and len(f["text"]) <= 200), None)
    if strongest is not None:
        said = f"Mainly: {strongest['text']}"
        points.append({"claim": "catalyst", "text": said, "cites": [strongest["id"]]})
    if unsupported and points:
        points[-1] = {**points[-1], "text": "Upside of 873.5 percent is likely"}
    if not points:
        raise ValueError("no facts")
    return {"stance": stance, "strength": round(min(abs(balance), 1.0), 2), "points": points}


def _reading(kind: str, balance: int) -> str:
    direction = (
        "speak for the share" if balance > 0 else "speak against the share" if balance < 0 else "are mixed"
    )
    return f"{kind} {direction}"


def _decision(document: Document, contestant: Contestant) -> Document:
    portfolio, prices = document["portfolio"], document["market"]["prices"]
    blocks = {block["symbol"]: block for block in document["briefings"]}
    held = {position["symbol"]: int(position["quantity"]) for position in portfolio["positions"]}
    pending = [order for order in portfolio.get("open_orders", []) if isinstance(order, dict)]
    entering = {str(order.get("symbol")) for order in pending if order.get("side") == "buy"}
    scores = {symbol: contestant.score(block) for symbol, block in blocks.items()}
    ranked = sorted(scores, key=lambda symbol: (-scores[symbol], symbol))
    sold = [
        symbol
        for symbol in reversed(ranked)
        if held.get(symbol, 0) > 0 and symbol not in entering and scores[symbol] <= contestant.sell_below
    ][:MAX_SELLS]
    exits = [str(order["id"]) for order in pending if order.get("symbol") in sold]
    orders = [
        _order(symbol, "sell", {"quantity": held[symbol]}, scores[symbol], blocks[symbol]) for symbol in sold
    ]
    nav, fee = Decimal(portfolio["nav"]), Decimal(str(document["limits"].get("fee_per_order", "0")))
    cash = Decimal(portfolio["cash"]) * _CASH_BUFFER
    room = min(MAX_BUYS, MAX_POSITIONS - len(held))
    wanted = [
        symbol
        for symbol in ranked
        if scores[symbol] >= contestant.buy_from and symbol not in {*held, *entering}
    ]
    for symbol in wanted[: max(room, 0)]:
        price = Decimal(str(prices.get(symbol) or 0))
        money = min(nav * POSITION_SHARE, cash - fee)
        if price > 0 and money >= price:
            terms = contestant.terms(money, price, nav)
            orders.append(_order(symbol, "buy", terms, scores[symbol], blocks[symbol]))
            cash -= money + fee
    confidence = max((order["confidence"] for order in orders), default=0.5)
    reasoning = f"{len(orders)} orders by rule." if orders else "No briefing is clear enough to act on."
    return {
        "orders": orders,
        "cancel": exits[:20],
        "confidence": confidence,
        "reasoning": reasoning,
        "horizon_days": 5,
    }


def _order(symbol: str, side: str, terms: Document, score: float, block: Document) -> Document:
    wanted = "bullish" if side == "buy" else "bearish"
    cites = [fact["id"] for fact in block.get("facts", []) if fact.get("signal") == wanted]
    return {
        "symbol": symbol,
        "side": side,
        **terms,
        "confidence": round(min(0.5 + abs(score) / 10, 0.9), 2),
        "reason": f"score {score:+.2f} of the briefing's signals",
        "cites": [f"{symbol}:{fact_id}" for fact_id in cites[:5]],
    }


def _whole(shares: Decimal) -> int:
    return int(shares.to_integral_value(ROUND_DOWN))

"""Every page, by name, and where it is in a home."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.served import Served

Where = Callable[[Served], str]


def _decision(served: Served) -> str:
    """A language model's decision that traded, where there is one."""
    trades = sorted(served.ask("/api/trades")["trades"], key=lambda trade: trade["model_kind"] != "llm")
    if trades:
        return f"/decisions/{trades[0]['decision_id']}"
    found = served.ask("/api/decisions")["decisions"]
    return f"/decisions/{found[0]['id']}" if found else "/decisions/decision:nobody:2025-09-15T08:30"


def _model(served: Served) -> str:
    """A language model's page, where there is one."""
    found = served.ask("/api/models")["models"]
    models = [each["id"] for each in found if each["kind"] == "llm"] or [each["id"] for each in found]
    return f"/models/{models[-1] if models else 'nobody'}"


def _briefing(served: Served) -> str:
    """A briefing that rests on an article, where there is one; else the page that would list it."""
    found = served.ask("/api/briefings")["briefings"]
    found.sort(key=lambda each: not each["facts"].get("news"))
    return f"/research/{found[0]['symbol']}/{found[0]['session']}" if found else "/research"


def _article(served: Served) -> str:
    found = served.ask("/api/articles")["articles"]
    return f"/articles/{found[0]['id']}" if found else "/research"


def _evidence(served: Served) -> str:
    found = served.ask("/api/briefings")["briefings"]
    return f"/evidence/{found[0]['id']}" if found else "/decisions"


def _bytes(served: Served) -> str:
    """The answer that an article was read from."""
    found = [each for each in served.ask("/api/articles")["articles"] if each["raw"]]
    return f"/evidence/raw:{found[0]['raw']}" if found else "/decisions"


PAGES: dict[str, Where] = {
    "overview": lambda served: "/",
    "leaderboard": lambda served: "/leaderboard",
    "models": lambda served: "/models",
    "model": _model,
    "duel": lambda served: "/duel",
    "pipeline": lambda served: "/pipeline",
    "decisions": lambda served: "/decisions",
    "decision": _decision,
    "research": lambda served: "/research",
    "briefing": _briefing,
    "article": _article,
    "evidence": _evidence,
    "bytes": _bytes,
    "symbols": lambda served: "/symbols",
    "symbol": lambda served: f"/symbols/{served.settings.universe.symbols[0]}?range=1y",
}

OF_SOMETHING = {"decision", "model"}
"""Pages about one thing, which a home before its first run does not have."""

"""How many tokens a session takes: the real prompts, counted by the sandbox's models."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse.costs import cost_document

MODELS, WATCHED, MOST_TOKENS = 7, 10, 60_000
RULES = ("news-follower", "trend-follower", "contrarian")
SYMBOLS = (
    "SAP.DE", "SIE.DE", "ALV.DE", "DTE.DE", "BAS.DE", "BMW.DE",
    "MBG.DE", "MUV2.DE", "IFX.DE", "ADS.DE", "BAYN.DE", "VOW3.DE",
)  # fmt: skip
DAYS = [date(2025, 9, 15), date(2025, 9, 16)]


def test_a_session_of_seven_models_takes_at_most_60_000_tokens_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model's own tokens and all of the research, which the models share, count together."""
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    contestants = "".join(
        f'[[models]]\nid = "model-{place}"\nkind = "llm"\nmodel = "sandbox/{RULES[place % 3]}"\n'
        for place in range(MODELS)
    )
    config = tmp_path / "arena.toml"
    config.write_text(
        f'[arena]\nstart = "{DAYS[0]}"\n[universe]\nsymbols = {list(SYMBOLS)}\n'
        f'[fundamentals]\nsource = "sandbox"\n{contestants}'
    )
    settings = load_settings(config, home=tmp_path / "home")
    with Arena(settings, open_store(settings)) as arena:
        run = Run("tokens")
        for step in DAY_STEPS:
            step(arena, [str(day) for day in DAYS], run)
        keys = [session.key for day in DAYS for session in arena.calendar.sessions_of(day)]
        for step in SESSION_STEPS:
            step(arena, keys, run)
        for model in settings.models:
            DECISION_STEPS[0](arena, [f"{model.id}|{key}" for key in keys], run)
        watched = arena.store.rows("watchlist")
        document = cost_document(arena.store, simulated=True)
    assert all(sum(row["session"] == key for row in watched) == WATCHED for key in keys)
    tokens: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in document["sessions"]:
        tokens[row["session"]][row["model"]] += row["tokens"]
    assert set(tokens) == set(keys)
    for used in tokens.values():
        research = used.pop("research")
        assert len(used) == MODELS
        assert max(used.values()) + research <= MOST_TOKENS

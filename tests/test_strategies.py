"""Which strategies a contestant may follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena_pipeline.errors import ConfigError
from arena_pipeline.settings import Settings, load_settings
from arena_pipeline.strategies import Strategy, Style


def configured(folder: Path, kind: str, strategy: str | None) -> Settings:
    model = 'model = "sandbox/contrarian"\n' if kind == "llm" else ""
    rule = "" if strategy is None else f'strategy = "{strategy}"\n'
    config = folder / "arena.toml"
    config.write_text(f'[[models]]\nid = "one"\nkind = "{kind}"\n{model}{rule}')
    return load_settings(config, home=folder / "home")


@pytest.mark.parametrize("style", list(Style))
def test_a_language_model_has_a_style(tmp_path: Path, style: Style) -> None:
    (model,) = configured(tmp_path, "llm", style).models
    assert (model.style, model.rule) == (style, None)


def test_a_language_model_without_a_style_swings(tmp_path: Path) -> None:
    assert configured(tmp_path, "llm", None).models[0].style is Style.SWING


def test_a_baseline_has_a_rule(tmp_path: Path) -> None:
    (model,) = configured(tmp_path, "baseline", "momentum").models
    assert (model.style, model.rule) == (None, Strategy.MOMENTUM)


@pytest.mark.parametrize(
    ("kind", "strategy", "said"),
    [
        ("llm", "scalping", "'scalping' is no strategy; a language model follows swing | day | value"),
        ("llm", "momentum", "one: strategy momentum belongs to baselines; use swing | day | value"),
        ("baseline", "swing", 'one: kind = "baseline" needs strategy = cash | benchmark'),
        ("baseline", None, 'one: kind = "baseline" needs strategy = cash | benchmark'),
        ("baseline", "", "'' is no strategy"),
    ],
)
def test_a_strategy_that_does_not_fit_is_refused_with_those_that_do(
    tmp_path: Path, kind: str, strategy: str | None, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, kind, strategy)
    assert said in str(refused.value)

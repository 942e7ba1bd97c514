"""Which model writes the briefings: the table of makers, and how `auto` picks one for all contestants."""

from __future__ import annotations

from arena_pipeline.llm.budget import table_price
from arena_pipeline.llm.research_models import choose_research_model, maker, research_models

TABLE = research_models()
LISTED = {
    model: research
    for name, models in TABLE.makers.items()
    if name != "sandbox"
    for model, research in models.items()
}


def test_forty_models_of_eight_makers_have_a_research_model() -> None:
    assert len(LISTED) >= 40
    assert len({maker(model) for model in LISTED}) >= 8


def test_a_research_model_is_of_the_same_maker_and_not_dearer() -> None:
    for model, research in LISTED.items():
        assert maker(research) == maker(model)
        own, cheaper = table_price(model), table_price(research)
        assert own is not None, model
        assert cheaper is not None, research
        assert research == model or cheaper < own, model


def test_models_stand_under_their_maker() -> None:
    for name, models in TABLE.makers.items():
        assert {maker(model) for model in models} == {name}


def test_auto_takes_the_cheapest_of_the_contestants_research_models() -> None:
    contestants = ["anthropic/claude-opus-5.5", "openai/gpt-6.1-sol", "x-ai/grok-4.7"]
    chosen = choose_research_model("auto", contestants, openrouter=True)
    options = [TABLE.of(model) for model in contestants]
    assert chosen.model in options
    assert table_price(chosen.model) == min(table_price(str(option)) for option in options)
    assert chosen.warnings == ()
    assert choose_research_model("auto", reversed(contestants), openrouter=True) == chosen


def test_a_routing_suffix_does_not_hide_a_model() -> None:
    assert TABLE.of("openai/gpt-5:nitro") == TABLE.of("openai/gpt-5")
    assert TABLE.of("openai/gpt-5:free") is None


def test_an_unknown_model_gets_the_default_and_a_warning() -> None:
    chosen = choose_research_model("auto", ["nobody/knows-1"], openrouter=True)
    assert chosen.model == TABLE.default
    assert "nobody/knows-1" in chosen.warnings[0]
    assert TABLE.default in chosen.warnings[0]


def test_an_unknown_model_of_another_endpoint_writes_for_itself() -> None:
    chosen = choose_research_model("auto", ["llama3.2"], openrouter=False)
    assert chosen.model == "llama3.2"
    assert len(chosen.warnings) == 1


def test_a_named_research_model_is_taken_as_it_is() -> None:
    assert choose_research_model("some/model", ["nobody/knows"], openrouter=True).model == "some/model"


def test_the_sandbox_has_its_analyst() -> None:
    names = ["sandbox/contrarian", "sandbox/news-follower", "sandbox/trend-follower"]
    assert choose_research_model("auto", names, openrouter=False).model == "sandbox/analyst"

"""The table of vendors: who answers, what fails and what to do about it; all vendors are on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arena_pipeline.arena import Arena
from arena_pipeline.capability import NOT_ASKED, State, VendorState, vendor_states
from arena_pipeline.errors import SourceError
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.probes import CHECK_KEY, Probe, Reach, ask
from arena_pipeline.sandbox.server import SandboxServer
from arena_pipeline.settings import Feed, NewsSection
from tests.faults.vendor_faults import BENCHMARK, CANARIES, SYMBOLS, arena_at
from tests.faults.vendors import VENDORS, Fault, VendorsAtFault

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
DOWN = "http://127.0.0.1:9"
NAMES = {"yahoo": "yahoo", "feeds": "feed-wire", "models": "model endpoint"}
"""What the stand-in's vendors are called in the table, where it is something else."""


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorsAtFault]:
    """The stand-ins, each asked once: what they make when first asked may take longer than a probe waits."""
    with (
        SandboxServer(1, SYMBOLS, BENCHMARK, trading_calendar(), clock=lambda: NOW) as sandbox,
        VendorsAtFault(sandbox, tmp_path_factory.mktemp("authority")) as stand_ins,
    ):
        urls = {name: stand_ins.url(name) for name in VENDORS}
        with arena_at(
            tmp_path_factory.mktemp("first"), urls, {"now": NOW}, ca_file=stand_ins.ca_file
        ) as arena:
            vendor_states(arena)
        yield stand_ins


class World:
    """Opens arenas whose vendors are the stand-ins, but for those that are `down`."""

    def __init__(self, vendors: VendorsAtFault, folder: Path, stack: ExitStack) -> None:
        self._vendors, self._folder, self._stack = vendors, folder, stack
        vendors.fault = None
        vendors.requests.clear()

    def arena(self, *down: str) -> Arena:
        urls = {name: DOWN if name in down else self._vendors.url(name) for name in VENDORS}
        return self._stack.enter_context(
            arena_at(self._folder / "a", urls, {"now": NOW}, ca_file=self._vendors.ca_file)
        )

    def states(self, *down: str, offline: bool = False) -> dict[str, VendorState]:
        found = vendor_states(self.arena(*down), offline=offline)
        return {state.vendor: state for state in found}


@pytest.fixture
def world(vendors: VendorsAtFault, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(vendors, tmp_path, stack)


def test_every_vendor_in_use_is_asked_once_and_nothing_is_stored(
    world: World, vendors: VendorsAtFault
) -> None:
    arena = world.arena()
    states = {state.vendor: state for state in vendor_states(arena)}
    asked_of = {"yahoo", "feed-wire", "alphavantage", "finnhub", "search", "model endpoint"}
    used = asked_of | {"article"}
    assert {name: state.state for name, state in states.items()} == {
        name: State.OK if name in used else State.OFF for name in states
    }
    assert {name: state.reachable.split(":")[0] for name, state in states.items() if name in asked_of} == (
        dict.fromkeys(asked_of, "yes")
    )
    asked = [request for request in vendors.requests if "chart" in request or "/query" in request]
    assert len(asked) == 2
    twice = {request for request, count in vendors.requests.items() if count > 1}
    assert twice <= {"GET /"}, "Yahoo's cookie alone is fetched again"
    assert list(arena.store.archive.entries()) == []
    assert states["finnhub"].budget_left == "59 of 60 calls in 1 min"
    assert states["model endpoint"].budget_left == "2.00 of 2.00 USD"
    assert states["model endpoint"].reachable == "yes: lists all 2 models in use"


@pytest.mark.parametrize("vendor", [name for name in VENDORS if name not in ("search", "pages")])
def test_a_vendor_that_is_down_fails_alone_with_a_remedy(world: World, vendor: str) -> None:
    states = world.states(vendor)
    name = NAMES.get(vendor, vendor)
    assert {state.vendor for state in states.values() if state.state is State.FAILED} == {name}
    assert states[name].reachable.startswith("no: ")
    assert states[name].remedy


def test_a_search_that_is_down_is_less_and_no_failure(world: World) -> None:
    states = world.states("search")
    assert states["search"].state is State.DEGRADED
    assert states["search"].remedy
    assert not [state for state in states.values() if state.state is State.FAILED]


def test_one_feed_of_several_that_is_down_is_less_and_no_failure(world: World) -> None:
    arena = world.arena()
    feeds = (*arena.settings.news.feeds, Feed(name="gone", url=f"{DOWN}/feed.xml"))
    arena.settings = arena.settings.model_copy(update={"news": NewsSection(source="feeds", feeds=feeds)})
    states = {state.vendor: state.state for state in vendor_states(arena)}
    assert (states["feed-wire"], states["feed-gone"]) == (State.OK, State.DEGRADED)


@pytest.mark.parametrize(
    ("fault", "failed", "degraded"),
    [
        (
            Fault.DAILY_THROTTLE,
            set(),
            {"yahoo", "alphavantage", "finnhub", "model endpoint"},
        ),
        (Fault.HTML, {"yahoo", "feed-wire", "alphavantage", "finnhub", "model endpoint"}, set()),
    ],
)
def test_used_up_is_less_and_nonsense_is_a_failure(
    world: World, vendors: VendorsAtFault, fault: Fault, failed: set[str], degraded: set[str]
) -> None:
    vendors.fault = fault
    states = world.states()
    shown = repr([state.document() for state in states.values()])
    assert {state.vendor for state in states.values() if state.state is State.FAILED} >= failed
    assert {state.vendor for state in states.values() if state.state is State.DEGRADED} >= degraded
    assert all(state.remedy for state in states.values() if state.state in {State.FAILED, State.DEGRADED})
    assert not [canary for canary in CANARIES.values() if canary in shown]


def test_a_key_that_is_refused_fails_and_names_the_key(world: World, vendors: VendorsAtFault) -> None:
    vendors.fault = Fault.FORBIDDEN
    states = world.states()
    refused = {state.vendor for state in states.values() if state.remedy == CHECK_KEY}
    assert refused == {"yahoo", "alphavantage", "finnhub", "model endpoint"}
    assert {states[name].state for name in refused} == {State.FAILED}


def test_offline_nobody_is_asked(world: World, vendors: VendorsAtFault) -> None:
    states = world.states(offline=True)
    assert not vendors.requests
    assert {states[name].reachable for name in ("yahoo", "feed-wire", "alphavantage")} == {NOT_ASKED}
    assert not [state for state in states.values() if state.state is State.FAILED]


def test_without_a_single_key_prices_and_feeds_are_there_and_only_the_models_fail(
    world: World, vendors: VendorsAtFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = world.arena()
    for name in CANARIES:
        monkeypatch.delenv(name)
    far = arena.settings.llm.model_copy(update={"base_url": "https://models.test/v1"})
    arena.settings = arena.settings.model_copy(update={"llm": far})
    states = {state.vendor: state for state in vendor_states(arena)}
    assert states["yahoo"].state is states["feed-wire"].state is State.OK
    assert states["alphavantage"].state is states["finnhub"].state is State.OFF
    assert (states["model endpoint"].state, states["model endpoint"].remedy) == (
        State.FAILED,
        "set OPENROUTER_API_KEY in .env or the environment",
    )


def test_a_vendor_of_figures_that_was_chosen_and_has_no_key_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = world.arena()
    monkeypatch.delenv("FINNHUB_API_KEY")
    only = arena.settings.fundamentals.model_copy(update={"source": "finnhub"})
    arena.settings = arena.settings.model_copy(update={"fundamentals": only})
    states = {state.vendor: state.state for state in vendor_states(arena, offline=True)}
    assert (states["finnhub"], states["alphavantage"]) == (State.FAILED, State.OFF)


def test_a_probe_that_hangs_is_given_up_and_holds_up_no_other() -> None:
    released = threading.Event()

    def hangs() -> str:
        released.wait(10)
        return "too late"

    def fails() -> str:
        raise SourceError("broken", remedy="mend it")

    begun = time.monotonic()
    found = ask({"slow": hangs, "well": lambda: "here", "ill": fails}, patience=0.3)
    took = time.monotonic() - begun
    released.set()
    assert took < 3
    assert found["slow"].reach is Reach.NO
    assert "within 0.3 s" in found["slow"].said
    assert found["well"] == Probe(Reach.YES, "here")
    assert found["ill"] == Probe(Reach.NO, "broken", "mend it")

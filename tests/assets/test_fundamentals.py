"""Figures by day: what is asked, remembered, limited, replayed; the vendors are stand-ins on loopback."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Run
from arena_pipeline.capability import State, VendorState, vendor_states
from arena_pipeline.probes import LEFT_OUT
from arena_pipeline.rederive import rederive
from arena_pipeline.research.coverage import Ask, Coverage, Learned
from arena_pipeline.research.figures import text_block, unify
from arena_pipeline.warehouse import coverage, readers
from arena_pipeline.warehouse.store import Partition
from tests.sources.stand_in import (
    CANARY,
    NO_ACCESS,
    PREMIUM,
    StandIn,
    arena_at,
    collect,
    morning,
    overview,
    ticking,
)

THURSDAY, FRIDAY, MONDAY = date(2025, 3, 6), date(2025, 3, 7), date(2025, 3, 10)
SYMBOLS = ("SAP.DE", "SIE.DE", "ALV.DE", "BMW.DE")
At = Callable[..., Arena]


@pytest.fixture
def vendors(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", CANARY)
    monkeypatch.setenv("FINNHUB_API_KEY", CANARY)
    return StandIn(httpserver)


@pytest.fixture
def at(vendors: StandIn, tmp_path: Path) -> Iterator[At]:
    opened: list[Arena] = []

    def open_at(
        day: date,
        hour: int = 7,
        *,
        source: str = "alphavantage",
        symbols: tuple[str, ...] = SYMBOLS,
        home: str = "home",
        news: str = "none",
    ) -> Arena:
        url, now = vendors.server.url_for("/"), morning(day, hour)
        read = f'source = "{news}"'
        arena = arena_at(tmp_path, now, source=source, url=url, symbols=symbols, home=home, news=read)
        opened.append(arena)
        return arena

    yield open_at
    for arena in opened:
        arena.close()


def notes(arena: Arena, day: date) -> dict[str, str]:
    rows = arena.store.rows("financials", "partition = $key AND name = 'none'", key=str(day))
    return {row["id"]: row["note"] for row in rows}


def outcomes(arena: Arena, subject: str) -> dict[str, Coverage]:
    return {e.ask.symbol: e.coverage for e in coverage.learned(arena.store) if e.ask.subject == subject}


def test_on_the_day_itself_everything_is_asked_and_known_since_it_was_read(at: At, vendors: StandIn) -> None:
    arena = at(FRIDAY)
    (outcome,) = collect(arena, FRIDAY)
    functions = ("OVERVIEW", "EARNINGS", "INCOME_STATEMENT", "CASH_FLOW", "BALANCE_SHEET")
    assert vendors.calls == dict.fromkeys(functions, 4)
    assert outcome.figures["asked"] == 20
    (figure,) = readers.figures(arena.store, FRIDAY).known("SAP.DE", morning(FRIDAY, 8))
    assert (figure.name, figure.value, figure.source) == ("pe_ratio", Decimal("20.5"), "alphavantage")
    assert figure.known_at == morning(FRIDAY)
    assert readers.figures(arena.store, FRIDAY).known("SAP.DE", morning(FRIDAY)) == []


def test_a_past_day_asks_nobody_and_has_no_figures_of_today(at: At, vendors: StandIn) -> None:
    arena = at(MONDAY)
    asked = [outcome.figures["asked"] for outcome in collect(arena, THURSDAY, FRIDAY, MONDAY)]
    assert asked == [0, 0, 20]
    assert arena.store.rows("financials", "partition < $key", key=str(MONDAY)) == []


def test_what_is_not_covered_is_remembered_for_thirty_days(at: At, vendors: StandIn) -> None:
    vendors.answers = {("OVERVIEW", "SIE.DEX"): {}, ("OVERVIEW", "ALV.DEX"): PREMIUM}
    arena = at(FRIDAY)
    collect(arena, FRIDAY)
    assert outcomes(arena, "overview") == {
        "SAP.DE": Coverage.COVERED,
        "BMW.DE": Coverage.COVERED,
        "SIE.DE": Coverage.NOT_COVERED,
        "ALV.DE": Coverage.PREMIUM,
    }
    assert "premium plans only" in notes(arena, FRIDAY)["figure:ALV.DE:alphavantage:no-overview:2025-03-07"]
    vendors.asked.clear()
    later = FRIDAY + timedelta(days=25)
    collect(at(later), later)
    assert {symbol for what, symbol in vendors.asked if what == "OVERVIEW"} == {"SAP.DEX", "BMW.DEX"}
    vendors.asked.clear()
    afterwards = FRIDAY + timedelta(days=31)
    collect(at(afterwards), afterwards)
    assert {symbol for what, symbol in vendors.asked if what == "OVERVIEW"} >= {"SIE.DEX", "ALV.DEX"}


def test_the_second_collection_of_a_day_asks_only_what_is_still_open(at: At, vendors: StandIn) -> None:
    vendors.limit = 2
    first = at(FRIDAY)
    run = Run("morning")
    (outcome,) = collect(first, FRIDAY, run=run)
    assert len(vendors.asked) == 3
    assert outcome.figures["not_fetched"] == 18
    assert "today's calls are used up" in run.reports[0]
    vendors.limit = 10_000
    (again,) = collect(at(FRIDAY, 12), FRIDAY)
    assert (again.figures["asked"], again.figures["not_fetched"]) == (18, 0)
    assert len(vendors.asked) == 3 + 18
    (third,) = collect(at(FRIDAY, 13), FRIDAY)
    assert (third.figures["asked"], third.written.changed) == (0, False)


def test_an_answer_that_cannot_be_read_is_asked_for_again(at: At, vendors: StandIn) -> None:
    vendors.answers = {("OVERVIEW", "SAP.DEX"): '{"Symbol": "SAP.DEX", "PER'}
    arena = at(FRIDAY)
    collect(arena, FRIDAY)
    assert outcomes(arena, "overview")["SAP.DE"] is Coverage.UNKNOWN
    vendors.asked.clear()
    vendors.answers = {}
    collect(at(FRIDAY, 12), FRIDAY)
    assert vendors.asked == [("OVERVIEW", "SAP.DEX")]
    assert "figure:SAP.DE:alphavantage:no-overview:2025-03-07" not in notes(arena, FRIDAY)


def test_a_firewall_s_403_is_not_remembered_as_premium(at: At, vendors: StandIn) -> None:
    vendors.forbidden = "<html>Access denied</html>"
    first = at(FRIDAY, source="finnhub")
    collect(first, FRIDAY)
    assert outcomes(first, "quote") == {"SAP.DE": Coverage.UNKNOWN}
    vendors.asked.clear()
    vendors.forbidden = NO_ACCESS
    arena = at(MONDAY, source="finnhub")
    collect(arena, MONDAY)
    assert ("quote", "SAP") in vendors.asked
    assert outcomes(arena, "quote") == {"SAP.DE": Coverage.PREMIUM}


def test_two_vendors_that_disagree_are_both_kept_and_flagged(at: At, vendors: StandIn) -> None:
    vendors.answers = {("stock/metric", "SAP"): {"symbol": "SAP", "metric": {"peTTM": 30.1}}}
    arena = at(FRIDAY, source="vendors")
    (outcome,) = collect(arena, FRIDAY)
    assert outcome.figures["disputed"] == 1
    rows = arena.store.rows("financials", "symbol = 'SAP.DE' AND name = 'pe_ratio'")
    assert {row["source"]: (row["value"], row["note"]) for row in rows} == {
        "alphavantage": (Decimal("20.5"), "finnhub says 30.10, 32 percent apart"),
        "finnhub": (Decimal("30.1"), "alphavantage says 20.50, 32 percent apart"),
    }
    assert {row["name"] for row in arena.store.rows("financials", "source = 'finnhub'")} == {
        "pe_ratio",
        "none",
    }
    assert {symbol for what, symbol in vendors.asked if what.islower() or "/" in what} == {"SAP"}


def test_two_vendors_that_disagree_on_different_days_are_both_kept_and_flagged(
    at: At, vendors: StandIn
) -> None:
    collect(at(THURSDAY), THURSDAY)
    vendors.answers = {("stock/metric", "SAP"): {"symbol": "SAP", "metric": {"peTTM": 30.1}}}
    arena = at(MONDAY, source="finnhub")
    (outcome,) = collect(arena, MONDAY)
    assert outcome.figures["disputed"] == 1
    rows = arena.store.rows("financials", "symbol = 'SAP.DE' AND name = 'pe_ratio'")
    assert {(row["partition"], row["source"]): (row["value"], row["note"]) for row in rows} == {
        (str(THURSDAY), "alphavantage"): (Decimal("20.5"), None),
        (str(MONDAY), "finnhub"): (
            Decimal("30.1"),
            "alphavantage said 20.50 on 2025-03-06, 32 percent apart",
        ),
    }
    (line,) = text_block(
        unify(readers.figures(arena.store, MONDAY).known("SAP.DE", morning(MONDAY, 8)))
    ).values()
    assert line.endswith("finnhub said 30.10 on 2025-03-10, 32 percent apart")
    assert rederive(arena).problems == []


def test_every_stored_figure_has_a_unit_and_a_period(at: At, vendors: StandIn) -> None:
    arena = at(MONDAY, source="sandbox")
    collect(arena, date(2025, 3, 3))
    rows = arena.store.rows("financials", "name != 'none'")
    assert {row["source"] for row in rows} == {"alphavantage", "finnhub"}
    assert len(rows) > 40
    for row in rows:
        assert re.fullmatch(r"[A-Z]{3}(/share)?|unknown/share|ratio|fraction|analysts", row["unit"]), row
        assert re.fullmatch(r"latest|[0-9]{4}-[0-9]{2}-[0-9]{2}", row["period"]), row


def test_a_replay_asks_what_was_asked_and_reaches_nobody(at: At, vendors: StandIn) -> None:
    vendors.answers = {("OVERVIEW", "SIE.DEX"): {}}
    collect(at(THURSDAY, source="vendors"), THURSDAY)
    vendors.limit = len(vendors.asked) + 3
    collect(at(FRIDAY, source="vendors"), FRIDAY)
    collect(at(FRIDAY, 12, source="vendors"), FRIDAY)
    arena = at(MONDAY, source="vendors")
    collect(arena, MONDAY)
    calls = len(vendors.asked)
    result = rederive(arena)
    assert (result.problems, result.digests) == ([], 3)
    assert len(vendors.asked) == calls


def test_a_replay_gives_missing_figures_the_time_they_had_though_the_clock_went_on(
    at: At, vendors: StandIn
) -> None:
    vendors.answers = {("OVERVIEW", "SIE.DEX"): {}, ("OVERVIEW", "ALV.DEX"): "<html>"}
    vendors.limit = 10
    arena = at(FRIDAY, source="vendors")
    arena.clock = ticking(morning(FRIDAY))
    collect(arena, FRIDAY)
    said = {note.split(":")[0] for note in notes(arena, FRIDAY).values()}
    assert said == {"not covered", "failed", "not fetched"}
    result = rederive(arena)
    assert (result.problems, result.digests) == ([], 1)


def test_a_vendor_that_stays_down_all_day_is_replayed_as_down_since_the_morning(
    at: At, vendors: StandIn
) -> None:
    functions = ("OVERVIEW", "EARNINGS", "INCOME_STATEMENT", "CASH_FLOW", "BALANCE_SHEET")
    vendors.answers = {(function, "SAP.DEX"): "<html>maintenance</html>" for function in functions}
    for hour in (7, 12, 16):
        collect(at(FRIDAY, hour, symbols=("SAP.DE",)), FRIDAY)
    assert len(vendors.asked) == 3 * len(functions)
    arena = at(FRIDAY, 17, symbols=("SAP.DE",))
    assert {row["known_at"] for row in arena.store.rows("financials")} == {morning(FRIDAY)}
    result = rederive(arena)
    assert (result.problems, result.digests) == ([], 1)


def test_the_watchlist_is_asked_about_first(at: At, vendors: StandIn) -> None:
    symbols = tuple(f"S{number:02}.DE" for number in range(30))
    arena = at(FRIDAY, symbols=symbols)
    arena.store.write_frames(
        "watchlist",
        [
            Partition(
                "2025-03-06T14:00",
                [
                    {
                        "id": "watchlist:2025-03-06T14:00:S29.DE",
                        "session": "2025-03-06T14:00",
                        "symbol": "S29.DE",
                        "rank": 1,
                        "score": 1.0,
                        "why": "news",
                    }
                ],
            )
        ],
        run_id="test",
        now=morning(THURSDAY),
    )
    collect(arena, FRIDAY)
    assert len(vendors.asked) == 25
    assert {symbol for _, symbol in vendors.asked[:5]} == {"S29.DEX"}


def test_as_many_calls_are_kept_as_a_day_s_sessions_may_spend_on_the_vendor_s_news(
    at: At, vendors: StandIn
) -> None:
    symbols = ("SAP.DE", *(f"S{number:02}.DE" for number in range(29)))
    collect(at(FRIDAY, symbols=symbols, news="feeds"), FRIDAY)
    assert len(vendors.asked) == 25 - 2  # one share with news, two sessions
    vendors.asked.clear()
    arena = at(MONDAY, symbols=symbols, news="feeds")
    refused = Learned(Ask("alphavantage", "SAP.DE", "news"), Coverage.PREMIUM, morning(FRIDAY, 8))
    with arena.store.ledger.transaction() as connection:
        coverage.enter(arena.store, connection, [refused])
    collect(arena, MONDAY)
    assert len(vendors.asked) == 25


def test_without_a_key_nobody_is_asked_and_the_run_says_so(
    at: At, vendors: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPHAVANTAGE_API_KEY")
    run = Run("test")
    (outcome,) = collect(at(FRIDAY), FRIDAY, run=run)
    assert (outcome.figures["asked"], vendors.asked) == (0, [])
    assert run.reports == ["financials: nobody was asked, ALPHAVANTAGE_API_KEY is not set"]


def test_the_key_is_sent_to_the_vendors_and_is_found_nowhere_else(
    at: At,
    vendors: StandIn,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    vendors.limit = 3
    run = Run("test")
    arena = at(FRIDAY, source="vendors")
    collect(arena, FRIDAY, run=run)
    states = [state.document() for state in vendor_states(arena)]
    assert vendors.keys == {CANARY}
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    archived = b"".join(arena.store.archive.get(entry) for entry in arena.store.archive.entries())
    logged = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    shown = repr((run.reports, states, logged, capfd.readouterr().out, arena.store.rows("financials")))
    assert b"[redacted]" in archived
    assert CANARY.encode() not in stored + archived
    assert CANARY not in shown


def test_the_doctor_knows_key_reach_last_success_and_coverage(
    at: At, vendors: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def states(*, offline: bool = False) -> tuple[VendorState, VendorState]:
        found = {state.vendor: state for state in vendor_states(arena, offline=offline)}
        return found["alphavantage"], found["finnhub"]

    vendors.answers = {("OVERVIEW", "SIE.DEX"): {}, ("OVERVIEW", "ALV.DEX"): PREMIUM, ("quote", "SAP"): 401}
    arena = at(FRIDAY, source="vendors")
    collect(arena, FRIDAY)
    vendors.asked.clear()
    alphavantage, finnhub = states(offline=True)
    assert vendors.asked == []
    assert (alphavantage.state, alphavantage.coverage, finnhub.counts["shares"]) == (
        State.OK,
        "4 of 4 shares: 2 covered, 17 not covered, 1 premium",
        1,
    )
    assert alphavantage.last_success == "2025-03-07T07:15:00.000000+00:00"
    vendors.answers["GLOBAL_QUOTE", "IBM"] = {"Global Quote": {"05. price": "160.05"}}
    alphavantage, finnhub = states()
    assert sorted(vendors.asked) == [("GLOBAL_QUOTE", "IBM"), ("quote", "SAP")]
    assert (alphavantage.state, alphavantage.reachable) == (State.OK, "yes")
    assert (finnhub.state, finnhub.reachable) == (
        State.DEGRADED,
        "limited: finnhub gives no access to the quote of SAP on this plan",
    )
    assert finnhub.remedy == LEFT_OUT
    monkeypatch.delenv("FINNHUB_API_KEY")
    _, finnhub = states(offline=True)
    assert (finnhub.state, finnhub.key, finnhub.remedy) == (
        State.OFF,
        "FINNHUB_API_KEY is not set",
        "set FINNHUB_API_KEY in .env or the environment",
    )


def test_the_sandbox_gives_the_same_figures_in_one_run_and_day_by_day_backwards(at: At) -> None:
    days = [date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)]
    whole, backwards = (at(MONDAY, source="sandbox", home=home) for home in ("whole", "backwards"))
    collect(whole, *days)
    for day in reversed(days):
        collect(backwards, day)
    digests = whole.store.partitions("financials")
    assert backwards.store.partitions("financials") == digests
    assert len(digests) == 3
    rows = whole.store.rows("financials")
    assert {row["source"] for row in rows} == {"alphavantage", "finnhub"}
    assert all(row["known_at"] == morning(date.fromisoformat(row["partition"]), 7, 0) for row in rows)
    result = rederive(whole)
    assert (result.problems, result.digests) == ([], 3)


def test_figures_are_told_apart_by_vendor_in_the_briefing_s_words(at: At, vendors: StandIn) -> None:
    vendors.answers = {
        ("OVERVIEW", "SAP.DEX"): overview(
            "SAP.DEX", MarketCapitalization="251000000000", LatestQuarter="2024-12-31"
        ),
        ("stock/metric", "SAP"): {"symbol": "SAP", "metric": {"dividendYieldIndicatedAnnual": 0.94}},
    }
    arena = at(FRIDAY, source="vendors")
    collect(arena, FRIDAY)
    known = readers.figures(arena.store, FRIDAY).known("SAP.DE", morning(FRIDAY, 8))
    assert list(text_block(unify(known)).values()) == [
        "market value 251.0 billion EUR (alphavantage, 2024-12-31)",
        "price to earnings 20.50 (alphavantage, 2024-12-31)",
        "dividend yield 0.9 percent (finnhub)",
    ]

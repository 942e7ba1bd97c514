"""What a vendor of figures may answer at its worst: each case ends as expected and harms nothing."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.assets.fundamentals import financials
from arena_pipeline.llm.prompts import synthesis_prompt
from arena_pipeline.research.facts import build_facts
from arena_pipeline.research.figures import text_block, unify
from arena_pipeline.settings import FundamentalsSection
from arena_pipeline.sources.budget import Limit, VendorBudget
from arena_pipeline.warehouse import readers
from tests.security.bad_inputs import BadInput, bad_inputs
from tests.security.conftest import Bench
from tests.sources.stand_in import CANARY, StandIn, morning, overview

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 2)
BEFORE = date(2026, 2, 27)


@dataclass
class Scene:
    """The small arena with a vendor of figures, and what its runs said."""

    bench: Bench
    vendors: StandIn
    log: pytest.LogCaptureFixture

    def collect(self, input_: Any = None, day: date = DAY, **answers: Any) -> list[dict[str, Any]]:
        """The day's rows of SAP, collected in its morning; `input_` is the answer for its overview."""
        if input_ is not None:
            self.vendors.answers["OVERVIEW", "SAP.DEX"] = input_
        self.vendors.answers |= answers
        self.bench.at(morning(day))
        self.bench.steps([financials], [str(day)])
        return self.bench.arena.store.rows(
            "financials", "partition = $key AND symbol = 'SAP.DE'", key=str(day)
        )

    def known(self, day: date) -> list[Any]:
        """The figures of SAP that the morning's session of a day knows."""
        return readers.figures(self.bench.arena.store, day).known("SAP.DE", morning(day, 8))

    @property
    def said(self) -> str:
        return repr((self.bench.run.reports, [entry.getMessage() for entry in self.log.records]))

    def overviews(self) -> int:
        return self.vendors.asked.count(("OVERVIEW", "SAP.DEX"))


@pytest.fixture
def scene(
    bench: Bench,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Scene:
    """SAP and Siemens alone, as often as a case asks; the stand-in's own log, which holds the key, is off."""
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", CANARY)
    caplog.set_level(logging.WARNING, logger="werkzeug")
    arena, settings = bench.arena, bench.arena.settings
    url = httpserver.url_for("/av")
    arena.settings = settings.model_copy(
        update={
            "fundamentals": FundamentalsSection(source="alphavantage", alphavantage_url=url),
            "universe": settings.universe.model_copy(update={"symbols": ("SAP.DE", "SIE.DE")}),
        }
    )
    many = (Limit(100_000, 86_400),)
    arena.vendor_budget = VendorBudget(
        settings.home / "vendor_calls.db", limits={"alphavantage": many, "default": many}
    )
    return Scene(bench, StandIn(httpserver), caplog)


def invalid_key(scene: Scene, input_: Any) -> None:
    rows = scene.collect(input_)
    assert scene.vendors.asked == [("OVERVIEW", "SAP.DEX")]
    assert {row["note"][:12] for row in rows} == {"not fetched:"}
    assert "refused the key" in scene.said


def nulls(scene: Scene, input_: Any) -> None:
    rows = scene.collect(overview("SAP.DEX") | input_)
    assert [row for row in rows if row["name"] in {"pe_ratio", "eps"}] == []


def nan(scene: Scene, input_: Any) -> None:
    body = input_.replace("{", '{"Symbol": "SAP.DEX", ', 1)
    (row,) = [row for row in scene.collect(body) if row["name"] == "pe_ratio"]
    assert (row["value"], row["note"]) == (None, "the vendor sent no number")
    assert scene.known(DAY) == []


def cut_short(scene: Scene, input_: Any) -> None:
    """The connection ends before the length it promised."""

    def short(request: Request) -> Response:
        scene.vendors.asked.append((request.args["function"], request.args["symbol"]))
        return Response(input_, 200, headers={"Content-Length": str(len(input_) + 500)})

    scene.vendors.server.clear()
    scene.vendors.server.expect_request("/av/query").respond_with_handler(short)
    rows = scene.collect()
    assert 1 <= scene.overviews() <= 3
    assert {row["note"].partition(":")[0] for row in rows} == {"failed"}


def later_report(scene: Scene, input_: Any) -> None:
    """What is reported on a day to come is no figure of this one."""
    filed, partition = (part for part in input_.replace("a ", "").split() if part[:2] == "20")
    scene.vendors.answers["EARNINGS", "SAP.DEX"] = {
        "symbol": "SAP.DEX",
        "quarterlyEarnings": [
            {"fiscalDateEnding": "2025-12-31", "reportedDate": filed, "reportedEPS": "9.99"},
            {"fiscalDateEnding": "2025-09-30", "reportedDate": "2025-10-22", "reportedEPS": "1.50"},
        ],
    }
    rows = scene.collect(overview("SAP.DEX", LatestQuarter=filed), day=date.fromisoformat(partition))
    assert {row["name"]: row["period"] for row in rows if row["value"] is not None} == {
        "eps_reported": "2025-09-30"
    }


def other_company(scene: Scene, input_: Any) -> None:
    name = input_.split("'")[1]
    rows = scene.collect(overview("SAP.DEX", Name=name))
    assert [row for row in rows if row["value"] is not None] == []
    assert "another company" in scene.said


def quota(scene: Scene, input_: Any) -> None:
    """The 26th call is refused; what was known of the day before stays, with its date."""
    scene.collect(overview("SAP.DEX", PERatio="18.5"), day=BEFORE)
    scene.vendors.asked.clear()
    scene.vendors.limit = 0
    later = BEFORE + timedelta(days=10)
    rows = scene.collect(day=later)
    assert {row["note"].partition(":")[0] for row in rows} == {"not fetched"}
    assert len(scene.vendors.asked) == 1
    (known,) = scene.known(later)
    assert (str(known.value), known.known_at) == ("18.500000", morning(BEFORE))


def instruction(scene: Scene, input_: Any) -> None:
    text = input_.partition(": ")[2]
    hostile = overview("SAP.DEX", PERatio="20", Description=text, longBusinessSummary=text, Currency=text)
    scene.collect(hostile | {"MarketCapitalization": "5", "Sector": text, "LatestQuarter": text})
    stored = repr(scene.bench.arena.store.rows("financials"))
    block = text_block(unify(scene.known(DAY)))
    assert len(block) == 2
    facts = build_facts(
        symbol="SAP.DE",
        name="SAP",
        session="2026-03-02T08:30",
        at=morning(DAY, 8),
        technical=(),
        evidence={},
        articles=[],
        figures=block,
    )
    prompt = synthesis_prompt(facts)
    assert text
    assert text not in stored + prompt.system + prompt.user
    assert "BUY" not in prompt.user


ENDINGS: dict[str, Callable[[Scene, Any], None]] = {
    "FUND-02": invalid_key,
    "FUND-03": nulls,
    "FUND-04": nan,
    "FUND-05": cut_short,
    "FUND-08": later_report,
    "FUND-09": other_company,
    "FUND-10": quota,
    "FUND-11": instruction,
}


def any_other(scene: Scene, case: BadInput) -> None:
    """A case that is not known by its id: a literal is the vendor's answer for the overview, and ends in
    figures or in a note that says why there are none."""
    if case.kind != "literal":
        warnings.warn(f"{case.id} ({case.name}): not covered, no input of kind {case.kind!r}", stacklevel=1)
        pytest.xfail(f"{case.id} is not covered: no input of kind {case.kind!r}")
    for row in scene.collect(case.input):
        assert row["value"] is not None or row["note"]


@pytest.mark.recorded
@pytest.mark.parametrize("case", bad_inputs("fundamentals_vendor"), ids=lambda case: case.id)
def test_a_bad_answer_ends_as_expected_and_leaves_the_arena_as_it_was(
    scene: Scene, hold: Callable[[], None], case: BadInput
) -> None:
    if case.id in ENDINGS:
        ENDINGS[case.id](scene, case.input)
    else:
        any_other(scene, case)
    archive = scene.bench.arena.store.archive
    stored = [path.read_bytes() for path in scene.bench.arena.settings.home.rglob("*") if path.is_file()]
    assert CANARY not in scene.said + repr(scene.bench.arena.store.rows("financials"))
    assert CANARY.encode() not in b"".join([*stored, *map(archive.get, archive.entries())])
    hold()

"""Bad answers of a vendor of figures, each case of a list from outside ending as the list says it must.

The list is the file named by ARENA_BAD_INPUTS, else the recorded one; a case of the surface
`fundamentals_vendor` that is not known here fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Run
from arena_pipeline.llm.prompts import synthesis_prompt
from arena_pipeline.research.facts import build_facts
from arena_pipeline.research.figures import text_block, unify
from arena_pipeline.warehouse import readers
from tests.sources.stand_in import CANARY, StandIn, arena_at, collect, morning, overview

DATA = Path(os.environ.get("ARENA_RECORDED_DATA") or Path(__file__).parents[3] / "shared" / "data").resolve()
LIST = Path(os.environ.get("ARENA_BAD_INPUTS") or DATA / "security" / "bad_inputs.json")
CASES = {
    case["id"]: case
    for case in (json.loads(LIST.read_text(encoding="utf-8"))["cases"] if LIST.is_file() else [])
    if case["surface"] == "fundamentals_vendor"
}
DAY = date(2026, 3, 2)
BEFORE = date(2026, 2, 27)


@dataclass
class Scene:
    """A stand-in, an arena that asks it, and what the run said. `good` are the rows of the day before."""

    vendors: StandIn
    arena_on: Callable[..., Arena]
    run: Run
    log: pytest.LogCaptureFixture

    def collect(self, input_: Any = None, day: date = DAY, **answers: Any) -> list[dict[str, Any]]:
        if input_ is not None:
            self.vendors.answers["OVERVIEW", "SAP.DEX"] = input_
        self.vendors.answers |= answers
        arena = self.arena_on(day)
        collect(arena, day, run=self.run)
        return arena.store.rows("financials", "partition = $key AND symbol = 'SAP.DE'", key=str(day))

    @property
    def said(self) -> str:
        messages = [entry.getMessage() for entry in self.log.records if entry.name != "werkzeug"]
        return repr((self.run.reports, messages))

    def overviews(self) -> int:
        return self.vendors.asked.count(("OVERVIEW", "SAP.DEX"))


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
    assert readers.figures(scene.arena_on(DAY).store, DAY).known("SAP.DE", morning(DAY, 8)) == []


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
    (known,) = readers.figures(scene.arena_on(later).store, later).known("SAP.DE", morning(later, 8))
    assert (str(known.value), known.known_at) == ("18.500000", morning(BEFORE))


def instruction(scene: Scene, input_: Any) -> None:
    text = input_.partition(": ")[2]
    hostile = overview("SAP.DEX", PERatio="20", Description=text, longBusinessSummary=text, Currency=text)
    scene.collect(hostile | {"MarketCapitalization": "5", "Sector": text, "LatestQuarter": text})
    arena = scene.arena_on(DAY)
    stored = repr(arena.store.rows("financials"))
    block = text_block(unify(readers.figures(arena.store, DAY).known("SAP.DE", morning(DAY, 8))))
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


@pytest.mark.recorded
@pytest.mark.parametrize(
    "case", CASES or [pytest.param("", marks=pytest.mark.skip(reason=f"no {LIST.name}"))]
)
def test_a_bad_answer_ends_as_it_must(
    httpserver: HTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", CANARY)
    caplog.set_level("DEBUG")
    opened: list[Arena] = []

    def arena_on(day: date) -> Arena:
        url = httpserver.url_for("/")
        opened.append(
            arena_at(tmp_path, morning(day), source="alphavantage", url=url, symbols=("SAP.DE", "SIE.DE"))
        )
        return opened[-1]

    scene = Scene(StandIn(httpserver), arena_on, Run("test"), caplog)
    try:
        ENDINGS[case](scene, CASES[case]["input"])
        stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        archive = opened[-1].store.archive
        archived = b"".join(archive.get(entry) for entry in archive.entries())
        rows = repr(opened[-1].store.rows("financials"))
    finally:
        for arena in opened:
            arena.close()
    assert CANARY.encode() not in stored + archived
    assert CANARY not in scene.said + rows

"""Alpha Vantage: every body comes with status 200; the recorded ones say what each means."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from arena_pipeline.sources.fundamentals import AlphaVantage, Figure
from pytest_httpserver import HTTPServer

from arena_pipeline.errors import NotCovered, RateLimited, SourceError, VendorRefused
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder

AT = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
KEY = "ABCDEF1234567890"


def overview(
    server: HTTPServer, body: bytes | str, *, symbol: str = "SAP.DE", recorder: MemoryRecorder | None = None
) -> list[Figure]:
    server.expect_request("/query").respond_with_data(body, content_type="application/json")
    http = Http(recorder or MemoryRecorder(), clock=lambda: AT, timeout=5, attempts=1)
    return AlphaVantage(http, api_key=KEY, base_url=server.url_for("")).overview(symbol, AT)


def sample(folder: Path, name: str) -> bytes:
    return (folder / "api_samples" / "alphavantage" / f"{name}.200.json").read_bytes()


@pytest.mark.recorded
def test_the_recorded_overview_gives_figures_with_units(httpserver: HTTPServer, recorded_data: Path) -> None:
    figures = {
        figure.name: figure
        for figure in overview(httpserver, sample(recorded_data, "overview_IBM"), symbol="IBM")
    }
    assert figures["market_cap"].value == Decimal("114234572800")
    assert figures["market_cap"].unit == "USD"
    assert (figures["pe_ratio"].value, figures["pe_ratio"].unit) == (Decimal("14.1327"), "ratio")
    assert (figures["dividend_yield"].value, figures["dividend_yield"].unit) == (
        Decimal("0.0529"),
        "fraction",
    )
    assert (figures["eps"].value, figures["eps"].unit) == (Decimal("8.811"), "USD/share")
    assert {figure.period for figure in figures.values()} == {"2020-06-30"}
    assert {figure.known_at for figure in figures.values()} == {AT}
    assert figures["eps"].id == "figure:IBM:eps:2025-10-24T06:30"


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("overview_not_covered", NotCovered, "no overview of SAP.DE"),
        ("premium_endpoint", NotCovered, "premium"),
        ("throttle_daily", RateLimited, "wait until tomorrow"),
        ("throttle_burst", RateLimited, "in some seconds"),
        ("throttle_legacy_note", RateLimited, "in some seconds"),
        ("invalid_key", VendorRefused, "ALPHAVANTAGE_API_KEY"),
        ("invalid_call", VendorRefused, "Invalid API call"),
    ],
)
def test_a_refusal_with_status_200_is_its_own_error(
    httpserver: HTTPServer, recorded_data: Path, name: str, error: type[SourceError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        overview(httpserver, sample(recorded_data, name))
    assert type(raised.value) is error


@pytest.mark.recorded
def test_null_markers_give_no_figures(httpserver: HTTPServer, recorded_data: Path) -> None:
    assert overview(httpserver, sample(recorded_data, "overview_null_markers"), symbol="XYZ") == []


def test_a_xetra_symbol_is_asked_for_as_dex(httpserver: HTTPServer) -> None:
    figures = overview(httpserver, json.dumps({"Symbol": "SAP.DEX", "Currency": "EUR", "Beta": "1.1"}))
    assert [(figure.symbol, figure.name, figure.value) for figure in figures] == [
        ("SAP.DE", "beta", Decimal("1.1"))
    ]
    ((request, _),) = httpserver.log
    assert request.args["symbol"] == "SAP.DEX"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "12abc", "1,5"])
def test_a_figure_that_is_no_number_is_there_without_a_value(httpserver: HTTPServer, text: str) -> None:
    (figure,) = overview(httpserver, json.dumps({"Symbol": "SAP.DEX", "PERatio": text}))
    assert figure.value is None


def test_a_bare_nan_in_the_json_is_no_number(httpserver: HTTPServer) -> None:
    (figure,) = overview(httpserver, '{"Symbol": "SAP.DEX", "PERatio": NaN}')
    assert figure.value is None


@pytest.mark.parametrize("body", ['{"Symbol": "SAP.DEX", "PER', "<html></html>", "[]", '"x"', b"\xff"])
def test_what_is_no_json_object_is_an_error(httpserver: HTTPServer, body: bytes | str) -> None:
    with pytest.raises(SourceError, match="no JSON"):
        overview(httpserver, body)


def test_figures_of_another_company_are_refused(httpserver: HTTPServer) -> None:
    with pytest.raises(SourceError, match=r"asked for SAP\.DEX and answered for 'SAP'"):
        overview(httpserver, json.dumps({"Symbol": "SAP", "PERatio": "20"}))


def test_an_echoed_key_is_in_no_error_record_or_log(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = MemoryRecorder()
    with pytest.raises(RateLimited) as raised:
        overview(
            httpserver,
            json.dumps({"Information": f"We have detected your API key as {KEY} and our limit is 25"}),
            recorder=recorder,
        )
    logged = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]  # the stand-in's
    assert KEY not in str(raised.value) + repr(recorder.answers) + repr(logged)
    assert list(recorder.answers) == [("alphavantage", "/query?function=OVERVIEW&symbol=SAP.DEX")]


def test_an_index_is_not_covered_without_a_call(httpserver: HTTPServer) -> None:
    with pytest.raises(NotCovered):
        overview(httpserver, "{}", symbol="^GDAXI")
    assert httpserver.log == []


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (403, VendorRefused), (500, SourceError)])
def test_other_statuses_are_typed(httpserver: HTTPServer, status: int, error: type[SourceError]) -> None:
    httpserver.expect_request("/query").respond_with_data("no", status=status)
    http = Http(MemoryRecorder(), clock=lambda: AT, timeout=5, attempts=1)
    with pytest.raises(error) as raised:
        AlphaVantage(http, api_key=None, base_url=httpserver.url_for("")).overview("SAP.DE", AT)
    assert type(raised.value) is error


def test_a_replay_gives_equal_figures_without_a_server(httpserver: HTTPServer) -> None:
    recorder = MemoryRecorder()
    live = overview(httpserver, json.dumps({"Symbol": "SAP.DEX", "EPS": "3.1"}), recorder=recorder)
    recorder.offline = True
    http = Http(recorder, clock=lambda: AT)
    assert AlphaVantage(http, api_key=None).overview("SAP.DE", AT) == live

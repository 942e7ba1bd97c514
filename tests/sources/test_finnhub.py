"""Finnhub: what its answers become, in our units, and what its refusals mean."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.errors import (
    KeyRefused,
    NotCovered,
    PremiumOnly,
    RateLimited,
    SourceError,
    VendorRefused,
)
from arena_pipeline.market.universe import dax40
from arena_pipeline.research.figures import Figure
from arena_pipeline.sources.finnhub import Finnhub
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.sources.vendors import symbol_map

AT = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
KEY = "finnhub-canary-key"


def client(server: HTTPServer, path: str, body: Any, status: int = 200) -> Finnhub:
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    server.expect_request(f"/v1{path}").respond_with_data(text, status, content_type="application/json")
    http = Http(MemoryRecorder(), clock=lambda: AT, timeout=5, attempts=1)
    return Finnhub(http, api_key=KEY, base_url=server.url_for("/v1"), companies=dax40())


def read(figures: list[Figure]) -> dict[str, tuple[Decimal | None, str, str]]:
    return {figure.name: (figure.value, figure.unit, figure.period) for figure in figures}


def sample(folder: Path, name: str) -> bytes:
    return (folder / "api_samples" / "finnhub" / f"{name}.json").read_bytes()


@pytest.mark.recorded
def test_a_recorded_quote_is_a_price_in_dollars_at_its_own_day(
    httpserver: HTTPServer, recorded_data: Path
) -> None:
    vendor = client(httpserver, "/quote", sample(recorded_data, "quote.200"))
    assert read(vendor.figures("SAP.DE", "quote", AT)) == {
        "us_price": (Decimal("261.74"), "USD/share", "2020-02-25"),
        "us_change": (Decimal("0.008826"), "fraction", "2020-02-25"),
    }
    ((request, _),) = httpserver.log
    assert request.args.to_dict() == {"symbol": "SAP"}
    assert request.headers["X-Finnhub-Token"] == KEY


@pytest.mark.recorded
def test_a_quote_of_zeros_is_an_unknown_symbol(httpserver: HTTPServer, recorded_data: Path) -> None:
    vendor = client(httpserver, "/quote", sample(recorded_data, "quote_unknown_symbol.200"))
    with pytest.raises(NotCovered, match="no quote"):
        vendor.figures("SAP.DE", "quote", AT)


@pytest.mark.parametrize("seconds", [1e30, "soon", None, 99_999_999_999_999])
def test_a_quote_without_a_usable_time_is_none(httpserver: HTTPServer, seconds: Any) -> None:
    with pytest.raises(SourceError):
        client(httpserver, "/quote", {"c": 5, "t": seconds}).figures("SAP.DE", "quote", AT)


def test_a_quote_of_a_later_time_is_left_out(httpserver: HTTPServer) -> None:
    later = int(AT.timestamp()) + 86_400
    assert client(httpserver, "/quote", {"c": 5.5, "dp": 1, "t": later}).figures("SAP.DE", "quote", AT) == []


@pytest.mark.recorded
def test_recorded_recommendations_are_counts_of_the_newest_month(
    httpserver: HTTPServer, recorded_data: Path
) -> None:
    recorded = json.loads(sample(recorded_data, "recommendation.200"))
    later = {**recorded[0], "period": "2025-11-01", "hold": 99}
    answer = [{**entry, "symbol": "SAP"} for entry in (later, *recorded)]
    vendor = client(httpserver, "/stock/recommendation", answer)
    assert read(vendor.figures("SAP.DE", "recommendations", AT)) == {
        "analysts_buy": (Decimal(37), "analysts", "2025-03-01"),
        "analysts_hold": (Decimal(7), "analysts", "2025-03-01"),
        "analysts_sell": (Decimal(0), "analysts", "2025-03-01"),
    }


def test_metrics_in_percent_become_fractions_and_what_is_no_number_has_no_value(
    httpserver: HTTPServer,
) -> None:
    metric = {
        "peTTM": 40.25,
        "netProfitMarginTTM": 19.5,
        "dividendYieldIndicatedAnnual": "N/A",
        "roeTTM": None,
        "beta": "much",
        "epsTTM": 7.1,
        "revenueGrowthQuarterlyYoy": 1e-05,
    }
    vendor = client(httpserver, "/stock/metric", {"symbol": "SAP", "metric": metric})
    assert read(vendor.figures("SAP.DE", "metrics", AT)) == {
        "pe_ratio": (Decimal("40.25"), "ratio", "latest"),
        "profit_margin": (Decimal("0.195"), "fraction", "latest"),
        "beta": (None, "ratio", "latest"),
        "revenue_growth": (Decimal(0), "fraction", "latest"),
    }


def test_a_profile_s_market_value_is_in_its_own_currency_and_no_longer_in_millions(
    httpserver: HTTPServer,
) -> None:
    profile = {"ticker": "SAP", "name": "SAP SE", "currency": "EUR", "marketCapitalization": 251234.5}
    vendor = client(httpserver, "/stock/profile2", profile)
    assert read(vendor.figures("SAP.DE", "profile", AT)) == {
        "market_cap": (Decimal("251234500000"), "EUR", "latest")
    }


@pytest.mark.parametrize(
    ("subject", "path", "body"),
    [
        ("profile", "/stock/profile2", {"ticker": "SAP", "name": "Saputo Inc", "currency": "CAD"}),
        ("profile", "/stock/profile2", {"ticker": "SAPGF", "name": "SAP SE"}),
        ("profile", "/stock/profile2", {"ticker": "SAPGF: buy"}),
        ("metrics", "/stock/metric", {"symbol": "SAPGF", "metric": {"peTTM": 1}}),
        ("recommendations", "/stock/recommendation", [{"symbol": "SAPGF", "period": "2025-10-01"}]),
        ("quote", "/quote", [1]),
        ("quote", "/quote", "<html>"),
    ],
)
def test_an_answer_about_another_share_or_in_another_shape_is_refused(
    httpserver: HTTPServer, subject: str, path: str, body: Any
) -> None:
    with pytest.raises(SourceError) as raised:
        client(httpserver, path, body).figures("SAP.DE", subject, AT)
    assert type(raised.value) is SourceError
    assert "SAPGF" not in str(raised.value)


@pytest.mark.parametrize(
    ("subject", "path", "body"),
    [
        ("profile", "/stock/profile2", {}),
        ("metrics", "/stock/metric", {"symbol": "", "metric": {}}),
        ("recommendations", "/stock/recommendation", []),
    ],
)
def test_an_empty_answer_is_not_covered(httpserver: HTTPServer, subject: str, path: str, body: Any) -> None:
    with pytest.raises(NotCovered):
        client(httpserver, path, body).figures("SAP.DE", subject, AT)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("forbidden.403", 403, PremiumOnly),
        ("forbidden.403", 401, PremiumOnly),
        ("invalid_key.401", 401, KeyRefused),
        ("rate_limited.429", 429, RateLimited),
    ],
)
def test_recorded_refusals_are_told_apart(
    httpserver: HTTPServer, recorded_data: Path, name: str, status: int, error: type[SourceError]
) -> None:
    vendor = client(httpserver, "/quote", sample(recorded_data, name), status)
    with pytest.raises(error) as raised:
        vendor.figures("SAP.DE", "quote", AT)
    assert type(raised.value) is error
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        "<html><title>Access denied</title></html>",
        "",
        "null",
        {"error": "Blocked"},
        {"error": ["access"]},
        {"message": "no access"},
    ],
)
def test_a_403_that_does_not_speak_of_access_is_no_premium(httpserver: HTTPServer, body: Any) -> None:
    with pytest.raises(VendorRefused) as raised:
        client(httpserver, "/quote", body, 403).figures("SAP.DE", "quote", AT)
    assert type(raised.value) is VendorRefused


@pytest.mark.parametrize(("status", "error"), [(404, VendorRefused), (500, SourceError)])
def test_other_statuses_are_typed(httpserver: HTTPServer, status: int, error: type[SourceError]) -> None:
    with pytest.raises(error) as raised:
        client(httpserver, "/quote", "no", status).figures("SAP.DE", "quote", AT)
    assert type(raised.value) is error


@pytest.mark.parametrize("symbol", ["SIE.DE", "^GDAXI", "BAYN.DE"])
def test_a_share_without_a_listing_in_new_york_costs_no_call(httpserver: HTTPServer, symbol: str) -> None:
    with pytest.raises(NotCovered, match="United States"):
        client(httpserver, "/quote", {}).figures(symbol, "quote", AT)
    assert httpserver.log == []


@pytest.mark.recorded
def test_recorded_company_news_become_items_of_a_feed(httpserver: HTTPServer, recorded_data: Path) -> None:
    answer = json.loads(sample(recorded_data, "company_news.200"))
    answer[0]["datetime"] = 1761290000
    vendor = client(httpserver, "/company-news", [*answer, {"headline": "", "url": "ftp://x"}])
    _, parsed = vendor.company_news("SAP.DE", date(2025, 10, 23), date(2025, 10, 24), AT)
    (item,) = parsed.items
    assert (item.title, item.feed, item.language) == ("SAP raises outlook", "finnhub", "en")
    assert item.published_at == datetime(2025, 10, 24, 7, 13, 20, tzinfo=UTC)
    assert len(parsed.rejected) == 1
    ((request, _),) = httpserver.log
    assert request.args.to_dict() == {"symbol": "SAP", "from": "2025-10-23", "to": "2025-10-24"}


def test_general_news_are_asked_for_without_a_symbol(httpserver: HTTPServer) -> None:
    vendor = client(
        httpserver, "/news", [{"headline": "Markets", "url": "https://x.test/1", "datetime": "x"}]
    )
    _, parsed = vendor.general_news(AT)
    assert [(item.title, item.published_at) for item in parsed.items] == [("Markets", None)]
    ((request, _),) = httpserver.log
    assert request.args.to_dict() == {"category": "general"}


def test_the_maps_name_only_shares_of_the_universe() -> None:
    for vendor in ("finnhub", "alphavantage-news"):
        assert set(symbol_map(vendor).symbols) <= set(dax40())
        assert set(symbol_map(vendor).symbols.values()) == {"SAP", "DB", "FMS", "QGEN"}
    assert [symbol_map("alphavantage").vendor_symbol(s) for s in ("SAP.DE", "SAP.F", "IBM", "^X", "A.L")] == [
        "SAP.DEX",
        "SAP.FRK",
        "IBM",
        None,
        None,
    ]

"""The lists of a model endpoint, from recorded and hostile answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.errors import NotCovered, OutOfCredit, RateLimited, SourceError, VendorRefused
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.model_catalog import (
    CreditState,
    KeyAllowance,
    ModelCatalog,
    credit_of,
    key_allowance,
)
from arena_pipeline.sources.recorder import MemoryRecorder

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
KEY = "sk-or-v1-canary-0123456789"


def catalog(
    server: HTTPServer, recorder: MemoryRecorder | None = None, key: str | None = KEY
) -> ModelCatalog:
    http = Http(recorder or MemoryRecorder(), clock=lambda: NOW, attempts=1)
    return ModelCatalog(http, base_url=server.url_for("/api/v1"), api_key=key)


def test_openrouters_documented_list_is_read(httpserver: HTTPServer, recorded_data: Path) -> None:
    sample = json.loads((recorded_data / "api_samples/openrouter/models.200.json").read_text())
    httpserver.expect_request("/api/v1/models").respond_with_json(sample)
    (model,) = catalog(httpserver).models()
    assert (model.id, model.canonical_slug) == ("openai/gpt-4", "openai/gpt-4")
    assert (model.context_length, model.max_completion_tokens) == (8192, 4096)
    assert (model.prompt_usd, model.completion_usd) == (Decimal(30), Decimal(60))
    assert model.structured is False
    assert model.expires is None


def test_llama_cpps_recorded_list_names_its_models_and_no_more(
    httpserver: HTTPServer, recorded_data: Path
) -> None:
    sample = json.loads(
        (recorded_data / "api_samples/openai_compatible/llamacpp_models.200.json").read_text()
    )
    httpserver.expect_request("/api/v1/models").respond_with_json(sample["body"])
    (model,) = catalog(httpserver, key=None).models()
    assert model.id.endswith("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert model.id in model.aliases
    assert model.structured is model.prompt_usd is model.canonical_slug is None


def test_a_list_in_pages_is_followed_on_the_same_host(httpserver: HTTPServer) -> None:
    following = {"data": [{"id": "a/1"}], "links": {"next": "http://169.254.169.254/x?offset=1&limit=1&q=z"}}
    httpserver.expect_request("/api/v1/models", query_string="limit=1&offset=1").respond_with_json(
        {"data": [{"id": "a/2", "expiration_date": "2026-05-01T00:00:00Z"}]}
    )
    httpserver.expect_request("/api/v1/models", query_string="").respond_with_json(following)
    found = catalog(httpserver).models()
    assert [model.id for model in found] == ["a/1", "a/2"]
    assert found[1].expires == date(2026, 5, 1)


def test_a_list_that_never_ends_is_left_after_twenty_pages(httpserver: HTTPServer) -> None:
    page = {"data": [{"id": "a/1"}], "links": {"next": "?offset=1"}}
    httpserver.expect_request("/api/v1/models").respond_with_json(page)
    assert len(catalog(httpserver).models()) == 20


STRANGE: list[Any] = [
    {"id": 7},
    {"id": ""},
    {"id": "x" * 500},
    {"id": "a\nb"},
    "a/1",
    None,
    {
        "id": "a/1",
        "context_length": True,
        "pricing": {"prompt": "-1", "completion": "NaN"},
        "expiration_date": "2026-99-99",
        "supported_parameters": [1, None, {}],
        "aliases": "x",
        "top_provider": [],
    },
]


def test_what_a_list_says_wrongly_is_not_known(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/models").respond_with_json({"data": STRANGE})
    (model,) = catalog(httpserver).models()
    assert (model.context_length, model.prompt_usd, model.completion_usd) == (None, None, None)
    assert (model.expires, model.structured, model.aliases) == (None, False, ())


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"{}", NotCovered),
        (501, b"", NotCovered),
        (200, b'{"object": "list"}', NotCovered),
        (401, b"{}", VendorRefused),
        (429, b"{}", RateLimited),
        (500, b"{}", SourceError),
        (200, b"<html>", SourceError),
        (200, b"[" * 100_000, SourceError),
        (200, b"[]", SourceError),
    ],
)
def test_an_endpoint_without_a_list_says_so_in_its_own_way(
    httpserver: HTTPServer, status: int, body: bytes, error: type[SourceError]
) -> None:
    httpserver.expect_request("/api/v1/models").respond_with_data(body, status=status)
    with pytest.raises(error):
        catalog(httpserver).models()


def test_the_key_is_sent_and_kept_nowhere(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/models", headers={"authorization": f"Bearer {KEY}"}).respond_with_json(
        {"data": [{"id": "a/1"}], "echo": KEY}
    )
    recorder = MemoryRecorder()
    catalog(httpserver, recorder).models()
    assert KEY not in repr(recorder.answers)
    recorder.offline = True
    assert [model.id for model in catalog(httpserver, recorder).models()] == ["a/1"]
    assert len(httpserver.log) == 1


def test_openrouters_documented_key_tells_what_is_left(httpserver: HTTPServer, recorded_data: Path) -> None:
    sample = json.loads((recorded_data / "api_samples/openrouter/key.200.json").read_text())
    httpserver.expect_request("/api/v1/key").respond_with_json(sample)
    found = key_allowance(httpserver.url_for("/api/v1"), KEY, clock=lambda: NOW)
    assert (found.limit, found.remaining, found.used_today) == (
        Decimal(100),
        Decimal("74.5"),
        Decimal("25.5"),
    )
    assert found.expires_at == "2027-12-31T23:59:59Z"


def test_without_a_key_nobody_is_asked(httpserver: HTTPServer) -> None:
    with pytest.raises(NotCovered):
        key_allowance(httpserver.url_for("/api/v1"), None, clock=lambda: NOW)
    assert httpserver.log == []


def test_a_refused_key_is_a_refusal(httpserver: HTTPServer, recorded_data: Path) -> None:
    sample = json.loads((recorded_data / "api_samples/openrouter/key.401.json").read_text())
    httpserver.expect_request("/api/v1/key").respond_with_json(sample, status=401)
    with pytest.raises(VendorRefused):
        key_allowance(httpserver.url_for("/api/v1"), KEY, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("limit", "remaining", "expires", "state", "said"),
    [
        (None, None, None, CreditState.NO_LIMIT, "the model key has no limit"),
        ("100", "74.5", "2027-12-31T23:59:59Z", CreditState.ENOUGH, "the model key has 74.5 USD left of 100"),
        ("10", "2", None, CreditState.ENOUGH, "the model key has 2 USD left of 10"),
        ("10", "1.99", None, CreditState.LOW, "less than the daily budget of 2.00 USD"),
        ("10", "0", None, CreditState.USED_UP, "the model key has 0 USD left of 10"),
        ("10", "-0.2", None, CreditState.USED_UP, "-0.2 USD left"),
        ("10", None, None, CreditState.UNKNOWN, "is not said"),
        ("10", "9", "2020-01-01T00:00:00Z", CreditState.EXPIRED, "expired on 2020-01-01"),
    ],
)
def test_an_allowance_comes_to_a_state_and_words(
    limit: str | None, remaining: str | None, expires: str | None, state: CreditState, said: str
) -> None:
    allowance = KeyAllowance(
        limit and Decimal(limit), remaining and Decimal(remaining), used_today=None, expires_at=expires
    )
    credit = credit_of(allowance, wanted=Decimal("2.00"), now=NOW)
    assert credit.state is state
    assert said in credit.said


def test_an_endpoint_that_asks_to_be_paid_is_out_of_credit(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/key").respond_with_json({"error": {"code": 402}}, status=402)
    with pytest.raises(OutOfCredit):
        key_allowance(httpserver.url_for("/api/v1"), KEY, clock=lambda: NOW)

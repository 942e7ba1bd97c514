"""The real yfinance against the sandbox: only the address is different from Yahoo's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
import requests
import yfinance
from yfinance.exceptions import YFPricesMissingError

from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.sandbox.paths import Bars
from arena_pipeline.sandbox.server import SandboxServer

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

COLUMNS = {"Open": "open", "High": "high", "Low": "low", "Close": "close"}


class SandboxSession(requests.Session):
    """Sends what is meant for Yahoo to the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.base_url = base_url

    def request(self, method, url, *args, **kwargs):  # type: ignore[no-untyped-def]
        parts = urlsplit(url)
        if (parts.hostname or "").endswith(".yahoo.com"):
            url = f"{self.base_url}{parts.path or '/'}"
        return super().request(method, url, *args, **kwargs)


@pytest.fixture(scope="module")
def session(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxSession]:
    cache: Path = tmp_path_factory.mktemp("yfinance")
    yfinance.set_tz_cache_location(str(cache))
    hidden = yfinance.config.debug.hide_exceptions
    yfinance.config.debug.hide_exceptions = False
    with SandboxSession(server.yahoo_url) as opened:
        yield opened
    yfinance.config.debug.hide_exceptions = hidden


def history(session: SandboxSession, symbol: str, first: date, last: date, interval: str) -> pd.DataFrame:
    return yfinance.Ticker(symbol, session=session).history(
        start=first, end=last + timedelta(days=1), interval=interval, auto_adjust=False, actions=True
    )


def assert_equal(frame: pd.DataFrame, bars: Bars) -> None:
    assert len(bars)
    for column, field in COLUMNS.items():
        assert np.array_equal(np.rint(frame[column].to_numpy() * 100), getattr(bars, field))
        assert np.array_equal(frame[column].to_numpy(), getattr(bars, field) / 100)
    assert np.array_equal(frame["Volume"].to_numpy(), bars.volume)


@pytest.mark.parametrize("symbol", ["SAP.DE", "MUV2.DE", "^GDAXI"])
def test_yfinance_reads_exactly_the_market_s_daily_bars(
    server: SandboxServer, session: SandboxSession, symbol: str
) -> None:
    first, last = date(2024, 1, 2), date(2025, 6, 30)
    frame = history(session, symbol, first, last, "1d")
    assert_equal(frame, server.market.daily(symbol, first, last))
    assert [stamp.date() for stamp in frame.index] == server.market.calendar.days(first, last)
    assert str(frame.index.tz) == "Europe/Berlin"


@pytest.mark.parametrize("symbol", ["SAP.DE", "^GDAXI"])
def test_yfinance_reads_exactly_the_market_s_quarter_hours_across_clock_change_and_early_close(
    server: SandboxServer, session: SandboxSession, symbol: str
) -> None:
    for first, last in ((date(2024, 12, 20), date(2025, 1, 8)), (date(2025, 3, 24), date(2025, 4, 4))):
        frame = history(session, symbol, first, last, "15m")
        bars = server.market.intraday(symbol, first, last)
        assert_equal(frame, bars)
        assert [int(stamp.timestamp()) for stamp in frame.index] == bars.starts.tolist()


def test_yfinance_reads_dividends_and_splits_on_their_ex_date(
    server: SandboxServer, session: SandboxSession
) -> None:
    market = server.market
    year = date(2012, 1, 2), date(2025, 6, 30)
    symbol = next(symbol for symbol in market.symbols if market.splits(symbol, *year))
    frame = history(session, symbol, *year, "1d")
    dividends = {stamp.date(): value for stamp, value in frame["Dividends"].items() if value}
    splits = {stamp.date(): value for stamp, value in frame["Stock Splits"].items() if value}
    assert dividends == {paid.ex_date: paid.cents / 100 for paid in market.dividends(symbol, *year)}
    assert splits == {split.ex_date: float(split.ratio) for split in market.splits(symbol, *year)}
    assert_equal(frame, market.daily(symbol, *year))


def test_adjusted_closes_make_a_dividend_disappear(server: SandboxServer, session: SandboxSession) -> None:
    (paid,) = server.market.dividends("SAP.DE", date(2025, 1, 1), date(2025, 12, 31))
    before = server.market.calendar.previous_day(paid.ex_date)
    frame = history(session, "SAP.DE", before, paid.ex_date, "1d")
    close, adjusted = frame["Close"].to_numpy(), frame["Adj Close"].to_numpy()
    assert adjusted[1] == close[1]
    assert adjusted[0] == pytest.approx(close[0] - paid.cents / 100, abs=1e-6)


def test_an_unknown_symbol_raises_in_yfinance(session: SandboxSession) -> None:
    with pytest.raises((requests.HTTPError, YFPricesMissingError)):
        history(session, "NOPE.DE", date(2025, 1, 2), date(2025, 1, 31), "1d")


@pytest.mark.parametrize("day", [date(2025, 10, 25), date(2030, 10, 25), date(2009, 3, 2)])
def test_a_window_without_bars_raises_in_yfinance(session: SandboxSession, day: date) -> None:
    with pytest.raises(YFPricesMissingError):
        history(session, "SAP.DE", day, day, "1d")


def test_a_bar_that_has_not_ended_is_not_answered(server: SandboxServer) -> None:
    market, noon = server.market, datetime(2025, 10, 24, 12, 7, tzinfo=BERLIN)
    with SandboxServer(market.seed, ("SAP.DE",), "^GDAXI", market.calendar, clock=lambda: noon) as early:
        window = {"period1": "1761170400", "period2": "1761602400"}
        for interval, last in (
            ("1d", datetime(2025, 10, 23, 9, 0, tzinfo=BERLIN)),
            ("15m", datetime(2025, 10, 24, 11, 45, tzinfo=BERLIN)),
        ):
            answer = requests.get(
                f"{early.yahoo_url}/v8/finance/chart/SAP.DE",
                params={**window, "interval": interval},
                timeout=10,
            ).json()["chart"]["result"][0]
            assert answer["timestamp"][-1] == int(last.timestamp())


@pytest.mark.parametrize("span", ["1d", "5d", "1mo", "1y", "ytd", "max"])
def test_a_range_ends_with_the_last_closed_day(server: SandboxServer, span: str) -> None:
    answer = requests.get(
        f"{server.yahoo_url}/v8/finance/chart/SAP.DE", params={"range": span, "interval": "1d"}, timeout=10
    ).json()["chart"]["result"][0]
    assert answer["timestamp"][-1] == int(datetime(2025, 11, 20, 9, 0, tzinfo=BERLIN).timestamp())
    assert answer["meta"]["exchangeTimezoneName"] == "Europe/Berlin"
    assert answer["meta"]["currency"] == "EUR"
    if span == "1d":
        assert len(answer["timestamp"]) == 1


def test_answers_have_the_keys_that_were_recorded_from_yahoo(
    server: SandboxServer, recorded_data: Path
) -> None:
    samples = recorded_data / "api_samples" / "yahoo"
    for interval in ("1d", "15m"):
        recorded = json.loads((samples / f"chart_SAP.DE_{interval}.200.json").read_text())["chart"]["result"][
            0
        ]
        ours = requests.get(
            f"{server.yahoo_url}/v8/finance/chart/SAP.DE",
            params={"range": "5d", "interval": interval},
            timeout=10,
        ).json()["chart"]["result"][0]
        assert set(recorded) <= set(ours)
        assert set(recorded["meta"]) - {"chartPreviousClose"} <= set(ours["meta"])
        assert set(recorded["indicators"]["quote"][0]) == set(ours["indicators"]["quote"][0])
    unknown = requests.get(f"{server.yahoo_url}/v8/finance/chart/NOPE.DE", timeout=10)
    assert unknown.status_code == 404
    assert unknown.json() == json.loads((samples / "chart_not_found.404.json").read_text())
    summary = requests.get(f"{server.yahoo_url}/v10/finance/quoteSummary/NOPE.DE", timeout=10)
    assert summary.json() == json.loads((samples / "quote_summary_not_found.404.json").read_text())

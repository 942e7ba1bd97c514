"""The real yfinance against a loopback stand-in that speaks Yahoo's chart format."""

from __future__ import annotations

import csv
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import ArchiveMissing, RateLimited, SourceError, VendorRefused
from arena_pipeline.market.bars import Adjustment, Interval
from arena_pipeline.market.calendar import BERLIN, trading_calendar
from arena_pipeline.market.checks import FindingKind
from arena_pipeline.sources.prices import Gap
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.sources.yahoo import YahooPrices
from arena_pipeline.sources.yahoo_session import WORKERS
from arena_pipeline.trading.corporate_actions import ActionKind

XETR = trading_calendar()
NOW = datetime(2025, 10, 24, 20, 0, tzinfo=UTC)
MONDAY, FRIDAY = date(2025, 10, 20), date(2025, 10, 24)
Rows = list[tuple[datetime, float | None, float | None, float | None, float | None, int | None]]


def berlin(day: date, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)


def chart(rows: Rows, *, symbol: str = "SAP.DE", events: dict[str, Any] | None = None) -> str:
    """Yahoo's v8 chart answer."""
    opens_at, closes_at = (int(berlin(FRIDAY, *time).timestamp()) for time in ((9, 0), (17, 30)))
    period = {"timezone": "CEST", "start": opens_at, "end": closes_at, "gmtoffset": 7200}
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
    days = sorted({row[0].date() for row in rows})
    meta = {
        "currency": "EUR",
        "symbol": symbol,
        "exchangeName": "GER",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": "Europe/Berlin",
        "timezone": "CEST",
        "gmtoffset": 7200,
        "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "tradingPeriods": [
            [period | {"start": int(berlin(day).timestamp()), "end": int(berlin(day, 17, 30).timestamp())}]
            for day in days
        ],
        "validRanges": ["1d", "max"],
    }
    names = ("open", "high", "low", "close", "volume")
    result: dict[str, Any] = {
        "meta": meta,
        "timestamp": [int(moment.timestamp()) for moment in columns[0]],
        "indicators": {
            "quote": [dict(zip(names, columns[1:], strict=True))],
            "adjclose": [{"adjclose": columns[4]}],
        },
    }
    if events:
        result["events"] = events
    return json.dumps({"chart": {"result": [result], "error": None}})


class Stand:
    """A stand-in Yahoo: `charts` answers by symbol and interval; `asked` lists the chart requests."""

    def __init__(self, server: HTTPServer, *, now: Callable[[], datetime] = lambda: NOW) -> None:
        self.charts: dict[tuple[str, str], Response] = {}
        self.asked: list[str] = []
        self.recorder = MemoryRecorder()
        self.url = server.url_for("")
        self._now = now
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        if request.path == "/v1/test/getcrumb":
            return Response("crumb-of-this-visitor")
        if not request.path.startswith("/v8/finance/chart/"):
            return Response("", 404)
        symbol = request.path.rpartition("/")[2]
        self.asked.append(symbol)
        return self.charts.get((symbol, request.args["interval"]), Response("?", 500))

    def serve(
        self, body: str | bytes, *, symbol: str = "SAP.DE", interval: str = "1d", status: int = 200
    ) -> None:
        self.charts[symbol, interval] = Response(body, status, content_type="application/json")

    @property
    def prices(self) -> YahooPrices:
        return YahooPrices(self.recorder, clock=self._now, calendar=XETR, max_jump=0.35, base_url=self.url)

    @property
    def replay(self) -> YahooPrices:
        """The same without any address to ask."""
        self.recorder.offline = True
        return YahooPrices(self.recorder, clock=self._now, calendar=XETR, max_jump=0.35)


@pytest.fixture
def yahoo(httpserver: HTTPServer) -> Stand:
    return Stand(httpserver)


def week(count: int = 10) -> Rows:
    days = XETR.days(date(2025, 10, 1), FRIDAY)[-count:]
    return [
        (berlin(day), 100.0 + n, 102.0 + n, 99.0 + n, 101.00000001 + n, 1000) for n, day in enumerate(days)
    ]


def test_daily_bars_carry_hours_adjustment_and_the_answers_hash(yahoo: Stand) -> None:
    yahoo.serve(chart(week()))
    reply = yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert [bar.day for bar in reply.bars] == XETR.days(MONDAY, FRIDAY)
    last = reply.bars[-1]
    assert (last.start, last.end) == (berlin(FRIDAY), berlin(FRIDAY, 17, 30))
    assert last.known_at == last.end
    assert last.adjustment is Adjustment.RAW
    assert (last.close, last.volume) == (Decimal("110.0000"), 1000)
    assert last.raw == next(iter(yahoo.recorder.answers.values())).sha256
    assert (reply.findings, reply.missing) == ([], {})


def test_each_symbol_and_interval_is_one_request_and_actions_use_it_again(yahoo: Stand) -> None:
    yahoo.serve(chart(week()))
    prices = yahoo.prices
    prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    prices.actions(["SAP.DE"], MONDAY, FRIDAY)
    assert yahoo.asked == ["SAP.DE"]
    prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert yahoo.asked == ["SAP.DE"] * 2


def test_a_stale_bar_is_flagged_even_as_the_first_one_asked_for(yahoo: Stand) -> None:
    rows = week()
    close = rows[-2][4]
    rows[-1] = (berlin(FRIDAY), close, close, close, close, 0)
    yahoo.serve(chart(rows))
    reply = yahoo.prices.daily(["SAP.DE"], FRIDAY, FRIDAY)
    assert [(bar.day, bar.stale) for bar in reply.bars] == [(FRIDAY, True)]
    assert [finding.kind for finding in reply.findings] == [FindingKind.STALE]


def test_a_running_bar_is_refused(httpserver: HTTPServer) -> None:
    yahoo = Stand(httpserver, now=lambda: berlin(FRIDAY, 17, 29))
    yahoo.serve(chart(week()))
    reply = yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert [bar.day for bar in reply.bars] == XETR.days(MONDAY, date(2025, 10, 23))
    assert [(finding.kind, finding.day, finding.quarantined) for finding in reply.findings] == [
        (FindingKind.NOT_ENDED, FRIDAY, True)
    ]


def test_null_prices_and_disorder_are_quarantined_and_said(yahoo: Stand) -> None:
    rows = week()
    rows[-1] = (rows[-1][0], None, None, None, None, None)
    rows[-2] = (rows[-2][0], 100.0, 99.0, 98.0, 100.0, 10)
    yahoo.serve(chart(rows))
    reply = yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert len(reply.bars) == 3
    assert {finding.day: finding.kind for finding in reply.findings if finding.quarantined} == {
        FRIDAY: FindingKind.NULL_PRICE,
        date(2025, 10, 23): FindingKind.HIGH_BELOW_LOW,
    }


def test_quarter_hours_end_15_minutes_later_and_stay_inside_trading_hours(yahoo: Stand) -> None:
    moments = [berlin(FRIDAY) + timedelta(minutes=15 * n) for n in range(34)]
    yahoo.serve(chart([(m, 100.0, 101.0, 99.0, 100.5, 10) for m in moments]), interval="15m")
    reply = yahoo.prices.intraday(["SAP.DE"], FRIDAY, FRIDAY)
    assert len(reply.bars) == 34
    assert all(bar.interval is Interval.QUARTER_HOUR for bar in reply.bars)
    assert reply.bars[0].id == "bar:SAP.DE:2025-10-24T09:00:1"
    assert reply.bars[-1].end == reply.bars[-1].known_at == berlin(FRIDAY, 17, 30)
    assert reply.findings == []


def test_days_beyond_yahoos_reach_are_not_asked_for_and_said(yahoo: Stand) -> None:
    earliest = date(2025, 8, 26)
    yahoo.serve(chart([(berlin(FRIDAY), 100.0, 101.0, 99.0, 100.5, 10)]), interval="15m")
    reply = yahoo.prices.intraday(["SAP.DE"], date(2025, 1, 2), FRIDAY)
    (request,) = (request for _, request in yahoo.recorder.answers)
    assert f"period1={int(berlin(earliest, 0).timestamp())}" in request
    assert ([bar.day for bar in reply.bars], reply.missing) == ([FRIDAY], {})
    assert reply.reaches_from == earliest
    assert NOW - berlin(earliest, 0) < timedelta(days=60)
    assert yahoo.replay.intraday(["SAP.DE"], date(2025, 1, 2), FRIDAY) == reply


def test_the_days_before_the_first_one_are_cut_off_at_yahoos_reach_too(yahoo: Stand) -> None:
    yahoo.serve(chart([(berlin(FRIDAY), 100.0, 101.0, 99.0, 100.5, 10)]), interval="15m")
    reply = yahoo.prices.intraday(["SAP.DE"], date(2025, 8, 27), FRIDAY)
    (request,) = (request for _, request in yahoo.recorder.answers)
    assert f"period1={int(berlin(date(2025, 8, 26), 0).timestamp())}" in request
    assert reply.reaches_from is None


def test_where_no_day_is_within_yahoos_reach_nothing_is_asked(yahoo: Stand) -> None:
    reply = yahoo.prices.intraday(["SAP.DE"], date(2025, 1, 2), date(2025, 8, 25))
    assert yahoo.asked == []
    assert reply.missing == {"SAP.DE": "not covered by yahoo: it has no 15-minute bars before 2025-08-26"}


def test_a_stand_in_without_a_reach_is_asked_for_any_day(yahoo: Stand) -> None:
    yahoo.serve(chart([(berlin(FRIDAY), 100.0, 101.0, 99.0, 100.5, 10)]), interval="15m")
    prices = YahooPrices(
        yahoo.recorder, clock=lambda: NOW, calendar=XETR, max_jump=0.35, base_url=yahoo.url, reach=None
    )
    assert prices.intraday(["SAP.DE"], date(2025, 1, 2), FRIDAY).reaches_from is None
    (request,) = (request for _, request in yahoo.recorder.answers)
    assert f"period1={int(berlin(date(2024, 12, 29), 0).timestamp())}" in request


def test_splits_and_dividends_come_from_the_same_history(yahoo: Stand) -> None:
    split_day, dividend_day = (int(berlin(day).timestamp()) for day in (date(2025, 10, 21), FRIDAY))
    yahoo.serve(
        chart(
            week(),
            events={
                "splits": {
                    str(split_day): {
                        "date": split_day,
                        "numerator": 1,
                        "denominator": 3,
                        "splitRatio": "1:3",
                    }
                },
                "dividends": {str(dividend_day): {"date": dividend_day, "amount": 2.35}},
            },
        )
    )
    split, dividend = sorted(
        yahoo.prices.actions(["SAP.DE"], MONDAY, FRIDAY).actions, key=lambda action: action.ex_date
    )
    assert (split.kind, split.ratio, split.ex_date) == (ActionKind.SPLIT, Fraction(1, 3), date(2025, 10, 21))
    assert (dividend.kind, dividend.amount, dividend.pay_date) == (ActionKind.DIVIDEND, Decimal("2.35"), None)
    assert dividend.known_at == berlin(FRIDAY)


@pytest.mark.recorded
def test_the_recorded_shapes_are_read(httpserver: HTTPServer, recorded_data: Path) -> None:
    samples = recorded_data / "api_samples" / "yahoo"
    yahoo = Stand(httpserver, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    for interval in ("1d", "15m"):
        yahoo.serve((samples / f"chart_SAP.DE_{interval}.200.json").read_bytes(), interval=interval)
    first, last = date(2026, 11, 16), date(2026, 11, 20)
    assert len(yahoo.prices.daily(["SAP.DE"], first, last).bars) == 5
    assert len(yahoo.prices.intraday(["SAP.DE"], first, last).bars) == 34


@pytest.mark.recorded
def test_an_unknown_symbol_is_missing_and_the_others_are_there(yahoo: Stand, recorded_data: Path) -> None:
    body = (recorded_data / "api_samples" / "yahoo" / "chart_not_found.404.json").read_bytes()
    yahoo.serve(body, symbol="NOPE.DE", status=404)
    yahoo.serve(chart(week()))
    reply = yahoo.prices.daily(["NOPE.DE", "SAP.DE"], MONDAY, FRIDAY)
    assert reply.missing == {"NOPE.DE": "not covered by yahoo: No data found, symbol may be delisted"}
    assert len(reply.bars) == 5


@pytest.mark.recorded
@pytest.mark.parametrize("name", ["rate_limited", "rate_limited_edge"])
def test_too_many_requests_are_a_rate_limit(yahoo: Stand, recorded_data: Path, name: str) -> None:
    yahoo.serve((recorded_data / "api_samples" / "yahoo" / f"{name}.429.txt").read_bytes(), status=429)
    with pytest.raises(RateLimited, match=r"SAP\.DE"):
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)


def test_after_a_rate_limit_the_next_call_works(yahoo: Stand) -> None:
    yahoo.serve("Too Many Requests", status=429)
    prices = yahoo.prices
    with pytest.raises(RateLimited):
        prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    yahoo.serve(chart(week()))
    assert len(prices.daily(["SAP.DE"], MONDAY, FRIDAY).bars) == 5


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>consent</html>", SourceError),
        (200, '{"chart": {"result": [{"meta"', SourceError),
        (500, "oops", SourceError),
        (403, "no", VendorRefused),
        (302, "", SourceError),
    ],
)
def test_what_is_no_chart_is_an_error_and_never_an_empty_day(
    yahoo: Stand, status: int, body: str, error: type[SourceError]
) -> None:
    yahoo.serve(body, status=status)
    with pytest.raises(error) as raised:
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert type(raised.value) is error


def test_a_redirect_to_another_host_is_refused(yahoo: Stand) -> None:
    yahoo.charts["SAP.DE", "1d"] = Response("", 302, headers={"Location": "http://elsewhere.example/"})
    with pytest.raises(SourceError, match=r"redirected to another host \(elsewhere\.example\)"):
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)


def test_an_answer_beyond_the_cap_is_refused(yahoo: Stand) -> None:
    yahoo.serve(b"x" * 20_000_001)
    with pytest.raises(SourceError, match="larger than 20000000 bytes"):
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)


def test_no_server_at_all_is_an_error() -> None:
    prices = YahooPrices(
        MemoryRecorder(), clock=lambda: NOW, calendar=XETR, max_jump=0.35, base_url="http://127.0.0.1:9"
    )
    with pytest.raises(SourceError, match="gave no answer"):
        prices.daily(["SAP.DE"], MONDAY, FRIDAY)


def test_a_replay_gives_equal_replies_without_any_server(yahoo: Stand) -> None:
    not_found = '{"chart": {"result": null, "error": {"code": "Not Found", "description": "No data found"}}}'
    yahoo.serve(chart(week()))
    yahoo.serve(not_found, symbol="NOPE.DE", status=404)
    asked = (["SAP.DE", "NOPE.DE"], MONDAY, FRIDAY)
    live = yahoo.prices.daily(*asked)
    visits = len(yahoo.asked)
    assert yahoo.replay.daily(*asked) == live
    assert len(yahoo.asked) == visits
    with pytest.raises(ArchiveMissing):
        yahoo.replay.daily(["SIE.DE"], MONDAY, FRIDAY)


def test_a_failure_replays_as_the_same_error(yahoo: Stand) -> None:
    yahoo.serve("oops", status=500)
    with pytest.raises(SourceError) as live:
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    with pytest.raises(SourceError) as again:
        yahoo.replay.daily(["SAP.DE"], MONDAY, FRIDAY)
    assert str(again.value) == str(live.value)


def test_the_recording_holds_charts_and_no_crumb(yahoo: Stand) -> None:
    yahoo.serve(chart(week()))
    yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)
    ((vendor, request),) = yahoo.recorder.answers
    assert vendor == "yahoo"
    assert request.startswith("/v8/finance/chart/SAP.DE?events=")
    assert "crumb" not in repr(yahoo.recorder.answers)


class Slow:
    """A Yahoo that takes its time over each chart, for any number of visitors at once."""

    def __init__(self, seconds: float) -> None:
        self.at_once = self.most_at_once = 0
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self._lock = threading.Lock()
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = stand.answer(self.path, seconds)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, seconds: float) -> tuple[int, bytes]:
        if not path.startswith("/v8/finance/chart/"):
            return 200, b"crumb"
        symbol = path.removeprefix("/v8/finance/chart/").partition("?")[0]
        with self._lock:
            self.asked.append(symbol)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(seconds)
        with self._lock:
            self.at_once -= 1
        if symbol in self.refused:
            return 429, b"Too Many Requests"
        return 200, chart(week(), symbol=symbol).encode()


@pytest.fixture
def slow() -> Iterator[Slow]:
    stand = Slow(0.1)
    yield stand
    stand.server.shutdown()
    stand.server.server_close()


SHARES = [f"S{number:02}.DE" for number in range(13)]


def slow_prices(stand: Slow, recorder: MemoryRecorder) -> YahooPrices:
    return YahooPrices(recorder, clock=lambda: NOW, calendar=XETR, max_jump=0.35, base_url=stand.url)


def test_a_few_charts_are_asked_for_at_once_and_come_in_the_order_of_the_symbols(slow: Slow) -> None:
    recorder = MemoryRecorder()
    live = slow_prices(slow, recorder).daily(SHARES, MONDAY, FRIDAY)
    assert 1 < slow.most_at_once <= WORKERS
    assert sorted(slow.asked) == SHARES
    assert list(dict.fromkeys(bar.symbol for bar in live.bars)) == SHARES
    raws = {
        symbol: recorder.answers["yahoo", request]
        for _, request in recorder.answers
        for symbol in SHARES
        if f"/{symbol}?" in request
    }
    assert all(bar.raw == raws[bar.symbol].sha256 for bar in live.bars)
    recorder.offline = True
    assert slow_prices(slow, recorder).daily(SHARES, MONDAY, FRIDAY) == live


def test_after_a_rate_limit_no_further_symbol_is_begun_and_what_came_is_kept(slow: Slow) -> None:
    slow.refused = {SHARES[1]}
    recorder = MemoryRecorder()
    live = slow_prices(slow, recorder).daily(SHARES, MONDAY, FRIDAY)
    asked = set(slow.asked)
    assert SHARES[0] in asked
    assert len(asked) < len(SHARES)
    assert {bar.symbol for bar in live.bars} == asked - {SHARES[1]}
    assert live.gaps == {SHARES[1]: Gap.RATE_LIMITED} | {
        share: Gap.NOT_ASKED for share in SHARES if share not in asked
    }
    assert live.missing.keys() == live.gaps.keys()
    assert slow.asked.count(SHARES[1]) == 1
    recorder.offline = True
    assert slow_prices(slow, recorder).daily(SHARES, MONDAY, FRIDAY) == live


@pytest.mark.parametrize("symbol", ["", "sap.de", "SAP.DE?x=1", "../v1/test", "A" * 40, "SAP DE", "SAP\n.DE"])
def test_what_is_no_symbol_is_not_asked_for(yahoo: Stand, symbol: str) -> None:
    yahoo.serve(chart(week()))
    reply = yahoo.prices.daily([symbol, "SAP.DE"], MONDAY, FRIDAY)
    assert yahoo.asked == ["SAP.DE"]
    assert "is no symbol" in reply.missing[symbol]
    assert len(reply.bars) == 5


def test_a_chart_without_a_column_is_an_error_that_names_it(yahoo: Stand) -> None:
    yahoo.serve(chart(week()).replace('"close"', '"close_adj"'))
    with pytest.raises(SourceError, match=r"SAP\.DE.*it has no 'close'"):
        yahoo.prices.daily(["SAP.DE"], MONDAY, FRIDAY)


def test_the_hour_of_the_answer_says_whether_a_bar_was_running(yahoo: Stand) -> None:
    """Read again from a recording, later: the bar had not ended when it was fetched."""
    yahoo._now = lambda: berlin(FRIDAY, 17, 29)
    yahoo.serve(chart(week()))
    live = yahoo.prices.daily(["SAP.DE"], FRIDAY, FRIDAY)
    yahoo._now = lambda: berlin(FRIDAY, 18, 5)
    assert live.bars == yahoo.replay.daily(["SAP.DE"], FRIDAY, FRIDAY).bars == []


@pytest.mark.recorded
def test_a_hundredfold_bar_of_a_recorded_history_is_held_back(yahoo: Stand, recorded_data: Path) -> None:
    """London's AET with days in pounds among days in pence, on XETRA's calendar."""
    with (recorded_data / "yahoo_defects" / "AET-L-1d-100x-error.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    table.sort(key=lambda row: row["Date"])
    rows: Rows = []
    for row in table:
        day = date.fromisoformat(row["Date"][:10])
        figures = [float(row[name]) for name in ("Open", "High", "Low", "Close")]
        rows.append((berlin(day, 0), *figures, int(float(row["Volume"]))))
    yahoo.serve(chart(rows, symbol="AET.L"), symbol="AET.L")
    first, last = rows[0][0].date(), rows[-1][0].date()
    reply = yahoo.prices.daily(["AET.L"], first, last)
    closes = [bar.close for bar in reply.bars]
    assert max(closes) / min(closes) < 3
    assert FindingKind.UNEXPLAINED_JUMP in {finding.kind for finding in reply.findings}

"""The real yfinance on a session of ours: every chart goes through the recorder, every host is checked.

yfinance keeps one crumb, one cookie, a response cache and its databases per process, guarded by locks of its
own: threads may share them, two sessions may not. So one batch of symbols runs at a time, `WORKERS` requests
at once. The response cache is emptied before each batch, crumb and cookie strategy after one with a failure,
and the databases lie in a temporary folder: which charts are asked for depends on nothing but the arguments,
so a replay asks for exactly what the recording holds.

yfinance tries again by itself: a chart with another crumb, a crumb by another way, for each share anew. So
every address is asked once within a batch, and whoever asks again gets the same answer; only a chart that
failed is asked for a second time, on our word. One thing costs at most `MOST_REQUESTS`, redirects included.
"""

from __future__ import annotations

import functools
import logging
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import pandas as pd
import yfinance
import yfinance.cache
import yfinance.data
import yfinance.exceptions
from curl_cffi import requests
from curl_cffi.curl import CURL_WRITEFUNC_ERROR

from arena_pipeline.errors import (
    ArchiveMissing,
    ArenaError,
    NotCovered,
    RateLimited,
    SourceError,
    VendorRefused,
)
from arena_pipeline.market.bars import Interval
from arena_pipeline.settings import SYMBOL
from arena_pipeline.sources.budget import Budget, Unmetered, wait_for_turn
from arena_pipeline.sources.prices import Gap
from arena_pipeline.sources.recorder import Failure, Recorded, Recorder

VENDOR = "yahoo"
CHART = "/v8/finance/chart/"
TIMEOUT_SECONDS = 20.0
MAX_BYTES = 20_000_000
MOST_REQUESTS = 5
"""So many requests are made for one address in a batch: two tries, and what they are redirected to."""
REFUSALS = frozenset({401, 403, 429})
"""Statuses after which no further chart of a batch is asked for."""
WORKERS = 4
"""So many charts are asked for at once."""
BEARABLE = Fraction(1, 3)
"""Of the shares of a batch, so many may stay without an answer, and one in any case; with more it is Yahoo
that fails, and the rest is not asked for."""
STOPPED = f"{Failure.HELD_BACK}yahoo refused or failed on too many shares before it"

_one_batch_at_a_time = threading.Lock()


class YahooSession(requests.Session[requests.Response]):
    """A browser-like session that rewrites Yahoo's hosts to `base_url` and records charts.

    Cookies and crumbs are credentials: they are fetched when live, never recorded, and a replay makes do
    without. Redirects are followed within Yahoo's hosts (or the stand-in's) only.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        base_url: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        budget: Budget | None = None,
    ) -> None:
        if base_url is None:
            super().__init__(impersonate="chrome")
        else:
            super().__init__(impersonate="chrome", trust_env=False)
        self.charts: dict[str, Recorded] = {}
        """The last answer to each symbol of the batch."""
        self.in_order = False
        """Whether yfinance's crumb and cookie strategy come from a batch that went well."""
        self._recorder = recorder
        self._recording = threading.Lock()
        self._answers: dict[str, Recorded] = {}
        self._sent: Counter[str] = Counter()
        self._again: set[str] = set()
        self._charts_asked: dict[str, str] = {}
        self.stopped = False
        """Whether no further chart of the batch is asked for."""
        self._clock = clock
        self._timeout = timeout
        self._budget = budget or Unmetered()
        self._base = urlsplit(base_url.rstrip("/")) if base_url else None

    def begin(self) -> None:
        """A new batch: nothing has been asked yet."""
        self.charts.clear()
        self._answers.clear()
        self._sent.clear()
        self._again.clear()
        self.stopped = False

    def stop(self) -> None:
        """Send no further request for a chart in this batch: it is recorded as not asked."""
        self.stopped = True

    def ask_again(self, symbol: str) -> None:
        """Let the next request for a share's chart reach Yahoo, if the last one was sent there."""
        with self._recording:
            request = self._charts_asked.get(symbol)
            if request is not None and request in self._sent:
                self._again.add(request)

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> requests.Response:
        """As curl_cffi's, for the few arguments that yfinance uses."""
        params = args[0] if args else options.pop("params", None)
        request = _request_name(url, params)
        is_chart = urlsplit(url).path.startswith(CHART)
        try:
            recorded = self._recall(request)
        except ArchiveMissing:
            if is_chart:
                raise
            recorded = Recorded(200, b"replay", self._clock())
        if recorded is None:
            recorded = self._fetch(method, url, params, options, request, is_chart=is_chart)
            with self._recording:
                self._answers[request] = recorded
                if is_chart:
                    self._recorder.record(VENDOR, request, recorded)
                    self.stopped |= recorded.status in REFUSALS
        if is_chart:
            symbol = unquote(urlsplit(url).path.removeprefix(CHART))
            self.charts[symbol], self._charts_asked[symbol] = recorded, request
        if recorded.failure is not None:
            raise requests.exceptions.ConnectionError(recorded.failure)
        return _response(url, recorded)

    def _recall(self, request: str) -> Recorded | None:
        with self._recording:
            if request in self._again:
                self._again.remove(request)
                return None
            return self._answers.get(request) or self._recorder.recall(VENDOR, request)

    def _fetch(
        self, method: Any, url: str, params: Any, options: dict[str, Any], request: str, *, is_chart: bool
    ) -> Recorded:
        if is_chart and self.stopped:
            return self._failure(STOPPED)
        while self._sent[request] < MOST_REQUESTS:
            body = bytearray()
            target = self._rewritten(url)
            if target is None:
                return self._failure(f"redirected to another host ({urlsplit(url).hostname}), refused")
            try:
                wait_for_turn(self._budget, VENDOR, seconds=self._timeout)
            except RateLimited as error:
                self.stop()
                return self._failure(f"{Failure.HELD_BACK}{str(error).removeprefix(Failure.HELD_BACK)}")
            self._sent[request] += 1
            try:
                response = super().request(
                    method,
                    target,
                    params=params,
                    data=options.get("data"),
                    timeout=self._timeout,
                    allow_redirects=False,
                    content_callback=functools.partial(_collect, body),
                )
            except requests.exceptions.RequestException as error:
                too_large = len(body) > MAX_BYTES
                return self._failure(f"larger than {MAX_BYTES} bytes" if too_large else type(error).__name__)
            location = response.headers.get("location")
            if response.status_code not in {301, 302, 303, 307, 308} or not location:
                return Recorded(response.status_code, bytes(body), self._clock())
            method, url, params, options = "GET", urljoin(url, location), None, {}
        return self._failure(f"redirected more than {MOST_REQUESTS - 1} times")

    def _failure(self, reason: str) -> Recorded:
        return Recorded(0, b"", self._clock(), failure=reason)

    def _rewritten(self, url: str) -> str | None:
        """The address to ask, None for a host that is neither Yahoo's nor the stand-in's."""
        parts = urlsplit(url)
        if self._base is not None and parts.netloc == self._base.netloc:
            return url
        if parts.scheme != "https" or not (parts.hostname or "").endswith(".yahoo.com"):
            return None
        if self._base is None:
            return url
        path = self._base.path + parts.path
        return urlunsplit(parts._replace(scheme=self._base.scheme, netloc=self._base.netloc, path=path))


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for of each symbol: bars from `start` up to, not including, `end` (days in `zone`)."""

    interval: Interval
    start: date
    end: date
    zone: ZoneInfo


History = tuple[pd.DataFrame, Recorded]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Yahoo failed on a share: of what kind the gap is, and what happened."""

    gap: Gap
    error: SourceError


Found = History | NotCovered | Unanswered


def histories(
    session: YahooSession, symbols: Sequence[str], span: Span, *, workers: int = WORKERS
) -> dict[str, Found]:
    """For each symbol yfinance's frame, unadjusted, null rows and actions included, with the answer it was
    made from; or that Yahoo does not have it, or failed on it. What is no symbol is not asked for.

    A share without an answer is asked for once more, after all others. Where Yahoo refuses, or fails on more
    of them than is `BEARABLE`, no further one is asked for. Raises ArchiveMissing during a replay.
    """
    found: dict[str, Found] = {
        symbol: NotCovered(f"not asked of yahoo: {symbol[:20]!r} is no symbol")
        for symbol in symbols
        if not SYMBOL.fullmatch(symbol)
    }
    asked = [symbol for symbol in dict.fromkeys(symbols) if symbol not in found]
    with _one_batch_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _prepare_yfinance(session)
        for symbol in asked:
            yfinance.cache.get_tz_cache().store(symbol, span.zone.key)
        found |= _ask(session, asked[:1], span, len(asked), workers)  # alone: the others share its crumb
        found |= _ask(session, asked[1:], span, len(asked), workers)
        silent = [symbol for symbol in asked if _gap(found[symbol]) is Gap.NO_ANSWER]
        if len(silent) <= _bearable(len(asked)) and not session.stopped:
            yfinance.data.YfData.cache_get.cache_clear()  # it keeps a failing answer too
            for symbol in silent:
                session.ask_again(symbol)
            found |= _ask(session, silent, span, len(asked), workers)
    session.in_order = not any(isinstance(found[symbol], NotCovered | Unanswered) for symbol in asked)
    return found


def _bearable(asked: int) -> Fraction:
    return max(Fraction(1), BEARABLE * asked)


def _gap(answer: Found) -> Gap | None:
    return answer.gap if isinstance(answer, Unanswered) else None


def _ask(
    session: YahooSession, symbols: Sequence[str], span: Span, of: int, workers: int
) -> dict[str, Found]:
    """The answers to some shares of a batch of `of`; told to stop, the session answers the rest itself."""
    found: dict[str, Found] = {}
    failures = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="yahoo") as threads:
        waiting = {symbol: threads.submit(_history, session, symbol, span) for symbol in symbols}
        try:
            for symbol, answer in waiting.items():
                found[symbol] = answer.result()
                failures += _gap(found[symbol]) is not None
                if failures > _bearable(of):
                    session.stop()
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    return found


def _history(session: YahooSession, symbol: str, span: Span) -> Found:
    try:
        frame = yfinance.Ticker(symbol, session=session).history(
            start=span.start,
            end=span.end,
            interval=str(span.interval),
            auto_adjust=False,
            actions=True,
            keepna=True,
            timeout=TIMEOUT_SECONDS,  # which the session overrules
        )
    except ArenaError:
        raise
    except yfinance.exceptions.YFRateLimitError:
        refusal = RateLimited(f"yahoo refused {symbol}: too many requests", remedy="try again in an hour")
        return Unanswered(Gap.RATE_LIMITED, refusal)
    except Exception as error:  # whatever yfinance's parsing meets  # noqa: BLE001
        return _typed(error, session.charts.get(symbol), symbol)
    if symbol not in session.charts:
        return Unanswered(Gap.NOT_ASKED, SourceError(f"yahoo was not asked for {symbol}"))
    return frame, session.charts[symbol]


def _typed(error: Exception, answer: Recorded | None, symbol: str) -> NotCovered | Unanswered:
    if answer is None or answer.failure is not None:
        reason = answer.failure if answer and answer.failure else f"{type(error).__name__}: {error}"
        if answer is not None and answer.kind is Failure.HELD_BACK:
            return Unanswered(Gap.NOT_ASKED, RateLimited(f"yahoo for {symbol}: {reason}"))
        return Unanswered(Gap.NO_ANSWER, SourceError(f"yahoo gave no answer for {symbol}: {reason}"))
    status = answer.status
    if status in {401, 403}:
        return Unanswered(Gap.REFUSED, VendorRefused(f"yahoo refused {symbol} with status {status}"))
    if status >= 500:
        return Unanswered(Gap.NO_ANSWER, SourceError(f"yahoo answered {symbol} with status {status}"))
    if isinstance(error, yfinance.exceptions.YFTickerMissingError):
        return NotCovered(f"not covered by yahoo: {error.rationale}")
    reason = f"it has no {error}" if isinstance(error, KeyError) else type(error).__name__
    what = f"yahoo's answer for {symbol} (status {status}) is no chart: {reason[:80]}"
    return Unanswered(Gap.NO_CHART, SourceError(what))


def _request_name(url: str, params: Any) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *dict(params or {}).items()]
    named = sorted((name, str(value)) for name, value in query if name != "crumb")
    path = unquote(parts.path) or "/"
    return f"{path}?{urlencode(named)}" if named else path


def _collect(body: bytearray, chunk: bytes) -> int:
    body += chunk
    return len(chunk) if len(body) <= MAX_BYTES else CURL_WRITEFUNC_ERROR


def _response(url: str, recorded: Recorded) -> requests.Response:
    response = requests.Response()
    response.url = url
    response.status_code = recorded.status
    response.ok = recorded.status < 400
    response.content = recorded.body
    return response


@functools.cache
def _cache_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for yfinance's databases that goes away with the process."""
    folder = tempfile.TemporaryDirectory(prefix="arena-yfinance-")
    yfinance.set_tz_cache_location(folder.name)
    yfinance.config.debug.hide_exceptions = False
    for noisy in ("yfinance", "bs4"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    return folder


def _prepare_yfinance(session: YahooSession) -> None:
    """Without this a refused crumb is sent again for ever, and a cached chart misses the recorder."""
    _cache_folder()
    yfinance.data.YfData.cache_get.cache_clear()
    if not session.in_order:
        yfinance.data.SingletonMeta._instances.pop(yfinance.data.YfData, None)
    session.in_order = False
    session.begin()

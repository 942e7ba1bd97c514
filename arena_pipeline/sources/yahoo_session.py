"""The real yfinance on a session of ours: every chart goes through the recorder, every host is checked.

yfinance keeps one crumb, one cookie, a response cache and its databases per process, guarded by locks of its
own: threads may share them, two sessions may not. So one batch of symbols runs at a time, `WORKERS` requests
at once. The response cache is emptied before each batch, crumb and cookie strategy after one with a failure,
and the databases lie in a temporary folder: which charts are asked for depends on nothing but the arguments,
so a replay asks for exactly what the recording holds.
"""

from __future__ import annotations

import functools
import logging
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
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
from arena_pipeline.sources.recorder import Recorded, Recorder

VENDOR = "yahoo"
CHART = "/v8/finance/chart/"
TIMEOUT_SECONDS = 20.0
MAX_BYTES = 20_000_000
MAX_REDIRECTS = 5
WORKERS = 4
"""So many charts are asked for at once."""

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
        self._clock = clock
        self._timeout = timeout
        self._budget = budget or Unmetered()
        self._base = urlsplit(base_url.rstrip("/")) if base_url else None

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> requests.Response:
        """As curl_cffi's, for the few arguments that yfinance uses."""
        params = args[0] if args else options.pop("params", None)
        request = _request_name(url, params)
        is_chart = urlsplit(url).path.startswith(CHART)
        try:
            with self._recording:
                recorded = self._recorder.recall(VENDOR, request)
        except ArchiveMissing:
            if is_chart:
                raise
            recorded = Recorded(200, b"replay", self._clock())
        if recorded is None:
            recorded = self._fetch(method, url, params, options)
            if is_chart:
                with self._recording:
                    self._recorder.record(VENDOR, request, recorded)
        if is_chart:
            self.charts[unquote(urlsplit(url).path.removeprefix(CHART))] = recorded
        if recorded.failure is not None:
            raise requests.exceptions.ConnectionError(recorded.failure)
        return _response(url, recorded)

    def _fetch(self, method: Any, url: str, params: Any, options: dict[str, Any]) -> Recorded:
        for _ in range(MAX_REDIRECTS + 1):
            body = bytearray()
            target = self._rewritten(url)
            if target is None:
                return self._failure(f"redirected to another host ({urlsplit(url).hostname}), refused")
            wait_for_turn(self._budget, VENDOR, seconds=self._timeout)
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
        return self._failure(f"more than {MAX_REDIRECTS} redirects")

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


def histories(
    session: YahooSession, symbols: Sequence[str], span: Span, *, workers: int = WORKERS
) -> dict[str, History | NotCovered]:
    """For each symbol yfinance's frame, unadjusted, null rows and actions included, with the answer it was
    made from; or that Yahoo does not have it. What is no symbol is not asked for.

    Raises RateLimited, VendorRefused or SourceError for the first symbol that fails so, in the order given;
    what was not asked for by then is not asked for. ArchiveMissing during a replay.
    """
    found: dict[str, History | NotCovered] = {
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
        for symbol in asked[:1]:  # alone: it fetches the crumb that the others share
            found[symbol] = _history(session, symbol, span)
        with ThreadPoolExecutor(workers, thread_name_prefix="yahoo") as threads:
            waiting = {symbol: threads.submit(_history, session, symbol, span) for symbol in asked[1:]}
            try:
                for symbol, answer in waiting.items():
                    found[symbol] = answer.result()
            except BaseException:
                threads.shutdown(wait=True, cancel_futures=True)
                raise
    session.in_order = not any(isinstance(answer, NotCovered) for answer in found.values())
    return found


def _history(session: YahooSession, symbol: str, span: Span) -> History | NotCovered:
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
        raise RateLimited(
            f"yahoo refused {symbol}: too many requests", remedy="try again in an hour"
        ) from None
    except Exception as error:  # whatever yfinance's parsing meets  # noqa: BLE001
        problem = _typed(error, session.charts.get(symbol), symbol)
        if isinstance(problem, NotCovered):
            return problem
        raise problem from None
    if symbol not in session.charts:
        raise SourceError(f"yahoo was not asked for {symbol}")
    return frame, session.charts[symbol]


def _typed(error: Exception, answer: Recorded | None, symbol: str) -> SourceError:
    if answer is None or answer.failure is not None:
        reason = answer.failure if answer else f"{type(error).__name__}: {error}"
        return SourceError(f"yahoo gave no answer for {symbol}: {reason}")
    if answer.status in {401, 403}:
        return VendorRefused(f"yahoo refused {symbol} with status {answer.status}")
    if answer.status >= 500:
        return SourceError(f"yahoo answered {symbol} with status {answer.status}")
    if isinstance(error, yfinance.exceptions.YFTickerMissingError):
        return NotCovered(f"not covered by yahoo: {error.rationale}")
    reason = f"it has no {error}" if isinstance(error, KeyError) else type(error).__name__
    return SourceError(f"yahoo's answer for {symbol} (status {answer.status}) is no chart: {reason[:80]}")


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
    session.charts.clear()

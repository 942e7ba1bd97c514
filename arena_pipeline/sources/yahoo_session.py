"""The real yfinance on a session of ours: every chart goes through the recorder, every host is checked.

yfinance keeps one crumb, one cookie, a response cache and its databases per process. Here the response cache
is emptied before each call, crumb and cookie strategy after each failed one, and the databases lie in a
temporary folder: which charts are asked for depends on nothing but the arguments, so a replay asks for
exactly what the recording holds.
"""

from __future__ import annotations

import functools
import logging
import tempfile
import threading
import warnings
from collections.abc import Callable
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
from arena_pipeline.sources.recorder import Recorded, Recorder

VENDOR = "yahoo"
CHART = "/v8/finance/chart/"
TIMEOUT_SECONDS = 20.0
MAX_BYTES = 20_000_000
MAX_REDIRECTS = 5
_one_at_a_time = threading.Lock()


class YahooSession(requests.Session[requests.Response]):
    """A browser-like session that rewrites Yahoo's hosts to `base_url` and records charts.

    Cookies and crumbs are credentials: they are fetched when live, never recorded, and a replay makes do
    without. Redirects are followed within Yahoo's hosts (or the stand-in's) only.
    """

    def __init__(
        self, recorder: Recorder, *, clock: Callable[[], datetime], base_url: str | None = None
    ) -> None:
        if base_url is None:
            super().__init__(impersonate="chrome")
        else:
            super().__init__(impersonate="chrome", trust_env=False)
        self.last_chart: Recorded | None = None
        self.in_order = False
        """Whether yfinance's crumb and cookie strategy come from a call that went well."""
        self._recorder = recorder
        self._clock = clock
        self._base = urlsplit(base_url.rstrip("/")) if base_url else None

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> requests.Response:
        """As curl_cffi's, for the few arguments that yfinance uses."""
        params = args[0] if args else options.pop("params", None)
        request = _request_name(url, params)
        is_chart = urlsplit(url).path.startswith(CHART)
        try:
            recorded = self._recorder.recall(VENDOR, request)
        except ArchiveMissing:
            if is_chart:
                raise
            recorded = Recorded(200, b"replay", self._clock())
        if recorded is None:
            recorded = self._fetch(method, url, params, options)
            if is_chart:
                self._recorder.record(VENDOR, request, recorded)
        if is_chart:
            self.last_chart = recorded
        if recorded.failure is not None:
            raise requests.exceptions.ConnectionError(recorded.failure)
        return _response(url, recorded)

    def _fetch(self, method: Any, url: str, params: Any, options: dict[str, Any]) -> Recorded:
        for _ in range(MAX_REDIRECTS + 1):
            body = bytearray()
            target = self._rewritten(url)
            if target is None:
                return self._failure(f"redirected to another host ({urlsplit(url).hostname}), refused")
            try:
                response = super().request(
                    method,
                    target,
                    params=params,
                    data=options.get("data"),
                    timeout=TIMEOUT_SECONDS,
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


def history(
    session: YahooSession, symbol: str, *, interval: Interval, start: date, end: date, zone: ZoneInfo
) -> tuple[pd.DataFrame, Recorded]:
    """yfinance's frame from `start` up to, not including, `end` (days in `zone`), unadjusted, null rows and
    actions included; with it the answer it was made from.

    Raises NotCovered, RateLimited, VendorRefused or SourceError, and ArchiveMissing during a replay.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _prepare_yfinance(session)
        try:
            yfinance.cache.get_tz_cache().store(symbol, zone.key)
            frame = yfinance.Ticker(symbol, session=session).history(
                start=start,
                end=end,
                interval=str(interval),
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=TIMEOUT_SECONDS,
            )
        except ArenaError:
            raise
        except yfinance.exceptions.YFRateLimitError:
            raise RateLimited(
                f"yahoo refused {symbol}: too many requests", remedy="try again in an hour"
            ) from None
        except Exception as error:  # whatever yfinance's parsing meets  # noqa: BLE001
            raise _typed(error, session.last_chart, symbol) from None
    if session.last_chart is None:
        raise SourceError(f"yahoo was not asked for {symbol}")
    session.in_order = True
    return frame, session.last_chart


def _typed(error: Exception, answer: Recorded | None, symbol: str) -> SourceError:
    if answer is None or answer.failure is not None:
        reason = answer.failure if answer else f"{type(error).__name__}: {error}"
        return SourceError(f"yahoo gave no answer for {symbol}: {reason}")
    if answer.status in {401, 403}:
        return VendorRefused(f"yahoo refused {symbol} with status {answer.status}")
    if isinstance(error, yfinance.exceptions.YFTickerMissingError):
        return NotCovered(f"not covered by yahoo: {error.rationale}")
    return SourceError(
        f"yahoo's answer for {symbol} (status {answer.status}) is no chart: {type(error).__name__}"
    )


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
    session.last_chart = None

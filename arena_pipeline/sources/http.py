"""The one place that speaks HTTP: a total deadline, a size cap, retries, redaction, and the recorder.

Every answer, good or bad, is recorded and returned; callers turn it into rows or into typed errors. An
answer that never came is returned too, as status 0 with the reason. A replay never opens a connection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import stamina

from arena_pipeline.errors import DataError
from arena_pipeline.sources.recorder import Recorded, Recorder

RETRIED = frozenset({408, 429, 500, 502, 503, 504, 522, 524, 529})
"""Statuses that may pass: busy, broken or overloaded. All other refusals are final."""

KEPT_HEADERS = ("content-type", "etag", "last-modified", "retry-after")
FIRST_WAIT = 0.2
"""Seconds before the second attempt; doubled each time, more where the vendor's Retry-After asks for it."""

MAX_REDIRECTS = 5
REDACTED = "[redacted]"
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|key", re.IGNORECASE)

for _name in ("httpx", "httpcore"):  # both write full URLs or headers, and so keys, into the log
    logging.getLogger(_name).setLevel(logging.WARNING)


class _NoAnswerError(Exception):
    """No usable answer came. `passing` says whether asking again may help."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing


class _PassingError(Exception):
    """An outcome that may pass if asked again: the outcome itself, and how long the vendor asks to wait."""

    def __init__(self, outcome: Recorded, wait: float | None) -> None:
        super().__init__(f"status {outcome.status}" if outcome.status else "no answer")
        self.outcome = outcome
        self.wait = wait


class Http:
    """GET with manners.

    `timeout` is the total for one `get` in seconds, attempts and waits included, however slowly a server
    drips. `max_bytes` caps the decompressed body. `clock` stamps `fetched_at`.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        timeout: float = 20,
        max_bytes: int = 5_000_000,
        attempts: int = 3,
        user_agent: str = "Mozilla/5.0 (compatible; sentiment-arena/0.1)",
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._attempts = attempts
        self._user_agent = user_agent
        self._tls = httpx.create_ssl_context()

    def get(
        self,
        vendor: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        secret_params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Recorded:
        """The recorded answer to a GET, or a fresh one, recorded under path and query without host.

        `secret_params` go into the URL and nowhere else: their values, like those of headers that carry
        credentials, are replaced in whatever is recorded. Never raises for what the vendor does; raises
        ArchiveMissing during a replay and DataError for a `url` that is none.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise DataError(f"{vendor}: the address is no URL ({error})", remedy="correct it") from None
        query = sorted([*parse_qsl(parts.query, keep_blank_values=True), *(params or {}).items()])
        request = f"{parts.path or '/'}?{urlencode(query)}" if query else parts.path or "/"
        recorded = self._recorder.recall(vendor, request)
        if recorded is not None:
            return recorded
        secrets = _secrets(secret_params or {}, headers or {})
        asked = urlunsplit(parts._replace(query=urlencode([*query, *(secret_params or {}).items()])))
        answer = _redacted(self._ask(asked, dict(headers or {})), secrets)
        self._recorder.record(vendor, request, answer)
        return answer

    def _ask(self, url: str, headers: dict[str, str]) -> Recorded:
        deadline = time.monotonic() + self._timeout
        waits = itertools.count()

        def backoff(error: Exception) -> bool | float:
            if not isinstance(error, _PassingError):
                return False
            own = FIRST_WAIT * 2 ** next(waits)
            wait = own if error.wait is None else max(error.wait, own)
            return wait if time.monotonic() + wait < deadline else False

        try:
            for attempt in stamina.retry_context(on=backoff, attempts=self._attempts, timeout=None):
                with attempt:
                    return self._attempt(url, headers, deadline)
        except _PassingError as error:
            return error.outcome
        raise AssertionError("a retry context ends with a result or an error")

    def _attempt(self, url: str, headers: dict[str, str], deadline: float) -> Recorded:
        remaining = deadline - time.monotonic()
        try:
            with ThreadPoolExecutor(1) as thread:  # its own event loop, even below a caller's
                answer = thread.submit(asyncio.run, self._fetch(url, headers, remaining)).result()
        except _NoAnswerError as error:
            failed = Recorded(0, b"", self._clock(), failure=error.reason)
            if error.passing:
                raise _PassingError(failed, None) from None
            return failed
        if answer.status in RETRIED:
            raise _PassingError(answer, _retry_after(answer))
        return answer

    async def _fetch(self, url: str, headers: dict[str, str], seconds: float) -> Recorded:
        late = _NoAnswerError(f"no complete answer within {self._timeout:g} s", passing=False)
        if seconds <= 0:
            raise late
        try:
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(
                    verify=self._tls,
                    timeout=seconds,
                    headers={"user-agent": self._user_agent, "accept-encoding": "gzip"} | headers,
                    mounts={"all://127.0.0.1": None, "all://localhost": None},
                ) as client,
            ):
                return await self._follow(client, url)
        except TimeoutError:
            raise late from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise _NoAnswerError(f"{type(error).__name__}: {error}", passing=False) from None
        except httpx.TransportError as error:
            raise _NoAnswerError(f"{type(error).__name__}: {error}", passing=True) from None

    async def _follow(self, client: httpx.AsyncClient, url: str) -> Recorded:
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream("GET", url, follow_redirects=False) as response:
                target = response.headers.get("location")
                if not response.is_redirect or target is None:
                    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                    body = await self._body(response)
                    return Recorded(response.status_code, body, self._clock(), kept)
            try:
                following = urljoin(url, target)
                same = _same_host(url, following)
            except ValueError:
                raise _NoAnswerError("redirected to an address that is no URL", passing=False) from None
            if not same:
                other = urlsplit(following).hostname
                raise _NoAnswerError(f"redirected to another host ({other}), refused", passing=False)
            url = following
        raise _NoAnswerError(f"more than {MAX_REDIRECTS} redirects", passing=False)

    async def _body(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise _NoAnswerError(f"answered in an encoding not asked for ({encoding[:40]})", passing=False)
        unpack = _Gunzip(self._max_bytes) if "gzip" in encoding else _Plain(self._max_bytes)
        async for chunk in response.aiter_raw():
            unpack.feed(chunk)
        return unpack.finish()


class _Plain:
    """Collects a body up to a size."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._take(chunk)

    def finish(self) -> bytes:
        return bytes(self._body)

    def _take(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes:
            raise _NoAnswerError(f"the answer is larger than {self._max_bytes} bytes", passing=False)


class _Gunzip(_Plain):
    """Unpacks gzip (RFC 1952) without ever holding more than the size allows, whatever a bomb claims."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._stream = zlib.decompressobj(wbits=31)
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        while chunk:
            self._begun = True
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=31)
            try:
                self._take(self._stream.decompress(chunk, self._max_bytes + 1 - len(self._body)))
            except zlib.error as error:
                raise _NoAnswerError(f"the answer is no valid gzip: {error}", passing=True) from None
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def finish(self) -> bytes:
        if self._begun and not self._stream.eof:
            raise _NoAnswerError("the answer's gzip is cut short", passing=True)
        return super().finish()


def _same_host(before: str, after: str) -> bool:
    """Same host and port, or its own step from http to https on the default ports."""
    one, other = urlsplit(before), urlsplit(after)
    if one.hostname != other.hostname:
        return False
    if one.scheme == other.scheme:
        return one.port == other.port
    return (
        (one.scheme, other.scheme) == ("http", "https")
        and one.port in {None, 80}
        and other.port in {None, 443}
    )


def _retry_after(answer: Recorded) -> float | None:
    """Seconds from a Retry-After header: a number or a date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,6}", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - answer.fetched_at) / timedelta(seconds=1), 0.0)


def _secrets(params: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
    values = list(params.values())
    for name, value in headers.items():
        if _SECRET_HEADER.search(name):
            values += [value, value.rpartition(" ")[2]]
    shapes = {
        shape for value in values if value for shape in (value, quote(value, safe=""), quote_plus(value))
    }
    return sorted(shapes, key=len, reverse=True)


def redact(text: str, secrets: list[str]) -> str:
    """`text` with every secret, longest first, replaced."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _redacted(answer: Recorded, secrets: list[str]) -> Recorded:
    body = answer.body
    for secret in secrets:
        body = body.replace(secret.encode(), REDACTED.encode())
    return Recorded(
        answer.status,
        body,
        answer.fetched_at,
        {name: redact(value, secrets) for name, value in answer.headers.items()},
        redact(answer.failure, secrets) if answer.failure is not None else None,
    )

"""The one place that speaks HTTP: a deadline, a size cap, retries, budgets, redaction, and the recorder.

Every answer, good or bad, is recorded and returned; callers turn it into rows or into typed errors. An
answer that never came is returned too, as status 0 with the reason; so is one that was not asked for, because
the vendor's budget is used up or the vendor failed too often (`Recorded.kind`, `unanswered`). A replay never
opens a connection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import stamina
from stamina.instrumentation import LoggingOnRetryHook

from arena_pipeline.errors import DataError, RateLimited
from arena_pipeline.sources.addresses import AddressRefused, NotResolved, Place, Route, VendorRoute
from arena_pipeline.sources.bodies import NoAnswerError, unpacked
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.budget import Budget, Unmetered
from arena_pipeline.sources.recorder import Failure, Recorded, Recorder
from arena_pipeline.sources.redaction import REDACTED as REDACTED
from arena_pipeline.sources.redaction import redacted, secrets_of
from arena_pipeline.sources.retry_after import retry_after

RETRIED = frozenset({408, 429, 500, 502, 503, 504, 522, 524, 529})
"""Statuses that may pass: busy, broken or overloaded. All other refusals are final."""

KEPT_HEADERS = ("content-type", "etag", "last-modified", "retry-after")
FIRST_WAIT = 0.2
"""Seconds before the second attempt; doubled each time, more where the vendor's Retry-After asks for it."""

GRACE = 0.25
"""Seconds that a call may outlast its deadline, until one that hangs in the system's resolver is given up."""

MAX_REDIRECTS = 5


stamina.instrumentation.set_on_retry_hooks([LoggingOnRetryHook])
"""Retries go to the log, not to standard output, which is for documents."""


class _Silence(logging.Filter):
    """For loggers that write full URLs or headers, and so keys, at any level. Switching them off would not
    do: `logging.config.dictConfig`, which Dagster calls, switches every logger on again."""

    def filter(self, record: logging.LogRecord) -> bool:
        return False


for _name in ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
    logging.getLogger(_name).addFilter(_Silence())


class _PassingError(Exception):
    """An outcome that may pass if asked again: the outcome itself, and how long the vendor asks to wait."""

    def __init__(self, outcome: Recorded, wait: float | None) -> None:
        super().__init__(f"status {outcome.status}" if outcome.status else "no answer")
        self.outcome = outcome
        self.wait = wait


class Http:
    """GET with manners.

    `timeout` is the total for one `get` in seconds, attempts and waits included, however slowly a server
    drips. `max_bytes` caps the decompressed body. `clock` stamps `fetched_at`. `route` says where calls may
    go; `budget` and `breaker` are shared by all clients of a run, and may forbid a call before it is sent.
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
        route: Route | None = None,
        budget: Budget | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._attempts = attempts
        self._user_agent = user_agent
        self._route = route or VendorRoute()
        self._budget = budget or Unmetered()
        self._breaker = breaker or CircuitBreaker()
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
        """The recorded answer to a GET, or a fresh one, recorded under path and query (and host, if public).

        `secret_params` go into the URL and nowhere else: their values, like those of headers that carry
        credentials, are replaced in whatever is recorded. Never raises for what the vendor does; raises
        ArchiveMissing during a replay and DataError for a `url` that is none or carries a user name.
        """
        try:
            parts = urlsplit(url)
            host = f"{parts.hostname}:{parts.port or parts.scheme}"
        except ValueError:
            raise DataError(f"{vendor}: the address is no URL", remedy="correct it") from None
        if "@" in parts.netloc:
            raise DataError(
                f"{vendor}: the address carries a user name or a password", remedy="take them out of it"
            )
        secrets = secrets_of(secret_params or {}, headers or {})
        if secrets and not self._route.trusted:
            raise DataError(f"{vendor}: a link from outside is never sent a secret")
        query = sorted([*parse_qsl(parts.query, keep_blank_values=True), *(params or {}).items()])
        path = self._route.name(parts) + (parts.path or "/")
        request = f"{path}?{urlencode(query)}" if query else path
        recorded = self._recorder.recall(vendor, request)
        if recorded is not None:
            return recorded
        if params or secret_params:
            parts = parts._replace(query=urlencode([*query, *(secret_params or {}).items()]))
        answer = self._ask(vendor, host, urlunsplit(parts._replace(fragment="")), dict(headers or {}))
        answer = redacted(answer, secrets)
        self._recorder.record(vendor, request, answer)
        return answer

    def _ask(self, vendor: str, host: str, url: str, headers: dict[str, str]) -> Recorded:
        refusal = self._breaker.refusal(host)
        if refusal is not None:
            return Recorded(0, b"", self._clock(), failure=refusal)
        answer = self._with_retries(vendor, url, headers)
        if answer.status in RETRIED or answer.kind is Failure.NO_ANSWER:
            self._breaker.failed(host)
        elif answer.kind is not Failure.HELD_BACK:
            self._breaker.succeeded(host)
        return answer

    def _with_retries(self, vendor: str, url: str, headers: dict[str, str]) -> Recorded:
        deadline = time.monotonic() + self._timeout
        waits = itertools.count()
        earlier: list[Recorded] = []

        def backoff(error: Exception) -> bool | float:
            if not isinstance(error, _PassingError):
                return False
            earlier.append(error.outcome)
            own = FIRST_WAIT * 2 ** next(waits)
            wait = own if error.wait is None else max(error.wait, own)
            return wait if time.monotonic() + wait < deadline else False

        try:
            for attempt in stamina.retry_context(on=backoff, attempts=self._attempts, timeout=None):
                with attempt:
                    answer = self._attempt(vendor, url, headers, deadline)
                    # What a vendor said says more than that it may not be asked again in time.
                    return earlier[-1] if earlier and answer.kind is Failure.HELD_BACK else answer
        except _PassingError as error:
            return error.outcome
        raise AssertionError("a retry context ends with a result or an error")

    def _attempt(self, vendor: str, url: str, headers: dict[str, str], deadline: float) -> Recorded:
        try:
            answer = self._in_a_thread(vendor, url, headers, deadline)
        except NoAnswerError as error:
            failed = Recorded(0, b"", self._clock(), failure=error.reason)
            if error.passing:
                raise _PassingError(failed, None) from None
            return failed
        if answer.status in RETRIED:
            raise _PassingError(answer, retry_after(answer))
        return answer

    def _in_a_thread(self, vendor: str, url: str, headers: dict[str, str], deadline: float) -> Recorded:
        """The answer, fetched in an event loop of its own, even below a caller's.

        The system's resolver cannot be interrupted. A thread that hangs in it is left behind at the deadline.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"http-{vendor}")
        try:
            future = thread.submit(asyncio.run, self._fetch(vendor, url, headers, deadline))
            return future.result(max(deadline - time.monotonic(), 0) + GRACE)
        except TimeoutError:
            raise self._late() from None
        finally:
            thread.shutdown(wait=False)

    def _late(self) -> NoAnswerError:
        return NoAnswerError(f"no complete answer within {self._timeout:g} s", passing=False)

    async def _fetch(self, vendor: str, url: str, headers: dict[str, str], deadline: float) -> Recorded:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise self._late()
        try:
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(
                    verify=self._tls,
                    timeout=seconds,
                    headers={"user-agent": self._user_agent, "accept-encoding": "gzip"} | headers,
                    trust_env=self._route.trusted,
                    mounts={"all://127.0.0.1": None, "all://localhost": None},
                ) as client,
            ):
                return await self._follow(client, vendor, url, deadline)
        except TimeoutError:
            raise self._late() from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}", passing=False) from None
        except httpx.TransportError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}", passing=True) from None

    async def _follow(self, client: httpx.AsyncClient, vendor: str, url: str, deadline: float) -> Recorded:
        for hop in range(MAX_REDIRECTS + 1):
            places = await self._places(url)
            if not self._route.trusted:
                client.cookies.clear()  # kept by address, which strangers share
            await self._take(vendor, deadline)
            async with self._opened(client, places, deadline - time.monotonic()) as response:
                target = response.headers.get("location")
                if not response.is_redirect or target is None:
                    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                    if hop and not self._route.trusted:
                        kept["final-url"] = url
                    encoding = response.headers.get("content-encoding", "")
                    body = await unpacked(response.aiter_raw(), encoding, self._max_bytes)
                    return Recorded(response.status_code, body, self._clock(), kept)
            try:
                following = urljoin(url, target)
                allowed = self._route.allows_redirect(url, following)
            except ValueError:
                raise NoAnswerError("redirected to an address that is no URL", passing=False) from None
            if not allowed:
                other = urlsplit(following).hostname
                raise NoAnswerError(f"redirected to another host ({other}), refused", passing=False)
            url = following
        raise NoAnswerError(f"more than {MAX_REDIRECTS} redirects", passing=False)

    async def _places(self, url: str) -> Sequence[Place]:
        try:
            return await self._route.places(url)
        except AddressRefused as error:
            raise NoAnswerError(f"{Failure.REFUSED_ADDRESS}{error}", passing=False) from None
        except NotResolved as error:
            raise NoAnswerError(str(error), passing=True) from None
        except ValueError:
            raise NoAnswerError(f"{Failure.REFUSED_ADDRESS}it is no URL", passing=False) from None

    async def _take(self, vendor: str, deadline: float) -> None:
        """Count the request that follows, after waiting for its turn if the deadline allows that."""
        try:
            while (spent := self._budget.take(vendor)) is not None:
                if time.monotonic() + spent.seconds >= deadline:
                    raise NoAnswerError(spent.reason, passing=False)
                await asyncio.sleep(spent.seconds)
        except RateLimited as error:
            raise NoAnswerError(f"{Failure.HELD_BACK}{error}", passing=False) from None

    @asynccontextmanager
    async def _opened(
        self, client: httpx.AsyncClient, places: Sequence[Place], seconds: float
    ) -> AsyncIterator[httpx.Response]:
        """The answer of the first place that can be connected to, its body still unread."""
        for number, place in enumerate(places, start=1):
            timeout = httpx.Timeout(seconds, connect=seconds / len(places))
            request = client.build_request(
                "GET", place.url, headers=place.headers, extensions=dict(place.extensions), timeout=timeout
            )
            try:
                response = await client.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(places):
                    raise
                continue
            try:
                yield response
            finally:
                await response.aclose()
            return

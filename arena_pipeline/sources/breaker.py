"""A circuit breaker per host: who has failed several times in a row is left alone for a while.

Without it, forty shares at a dead vendor cost forty deadlines. The state is one run's, in memory. The pattern
is Nygard's (*Release It!*, 2007): closed, open, and half open while one caller tries.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from arena_pipeline.sources.recorder import Failure

FAILED_CALLS = 3
PAUSE_SECONDS = 120.0


@dataclass(slots=True)
class _Circuit:
    failed: int = 0
    asked_again_at: float = 0.0


class CircuitBreaker:
    """Shared by everything in a run that asks over the network; threads may use it at once.

    A call has failed when no answer came, or only one that says busy or broken, after its own retries.
    After `failures` of them in a row the host is not asked for `pause` seconds; then one caller may try, and
    what comes of it decides.
    """

    def __init__(
        self,
        *,
        failures: int = FAILED_CALLS,
        pause: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}

    def refusal(self, host: str) -> str | None:
        """Why `host` is not asked now; None when it may be, and then the caller says how it went."""
        with self._lock:
            circuit = self._circuits.get(host)
            if circuit is None or circuit.failed < self._failures:
                return None
            now = self._clock()
            if now >= circuit.asked_again_at:
                circuit.asked_again_at = now + self._pause
                return None
        return (
            f"{Failure.HELD_BACK}{host.rpartition(':')[0] or host} failed {self._failures} times in a row, "
            f"and is left alone for {self._pause:g} s"
        )

    def succeeded(self, host: str) -> None:
        with self._lock:
            self._circuits.pop(host, None)

    def failed(self, host: str) -> None:
        with self._lock:
            circuit = self._circuits.setdefault(host, _Circuit())
            circuit.failed += 1
            circuit.asked_again_at = self._clock() + self._pause

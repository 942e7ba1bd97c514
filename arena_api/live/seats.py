"""How many live connections each address has open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoSeat(Exception):
    """The address has as many connections open as it may."""


class Seats:
    """Counts the connections of one process. Used from one event loop."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, address: str, most: int) -> Iterator[None]:
        """A seat for as long as the body runs. Raises NoSeat."""
        if self._taken[address] >= most:
            raise NoSeat
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]

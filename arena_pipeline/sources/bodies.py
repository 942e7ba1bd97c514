"""Bodies of answers, unpacked as they come and never held beyond a size, whatever a bomb claims."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

from arena_pipeline.sources.recorder import Failure


class NoAnswerError(Exception):
    """No usable answer came. `passing` says whether asking again may help."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing


async def unpacked(chunks: AsyncIterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """The body of an answer in `encoding` (Content-Encoding): none, or gzip once. Raises NoAnswerError."""
    encoding = encoding.strip().lower() or "identity"
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise NoAnswerError(f"answered in an encoding not asked for ({encoding[:40]})", passing=False)
    unpack = _Plain(max_bytes) if encoding == "identity" else _Gunzip(max_bytes)
    async for chunk in chunks:
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
            raise NoAnswerError(f"{Failure.TOO_LARGE}{self._max_bytes} bytes", passing=False)


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
                raise NoAnswerError(f"the answer is no valid gzip: {error}", passing=True) from None
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def finish(self) -> bytes:
        if self._begun and not self._stream.eof:
            raise NoAnswerError("the answer's gzip is cut short", passing=True)
        return super().finish()

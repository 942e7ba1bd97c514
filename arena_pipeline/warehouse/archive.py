"""The archive: the raw bytes of every answer from outside and of every model request, by their sha256.

One zstd file per entry, `archive/ab/abcdef….zst`, written once: to a temporary name, synced, renamed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from arena_pipeline.errors import ArchiveCorrupt, ArchiveMissing

MAX_ENTRY_BYTES = 256 * 1024 * 1024


class Archive:
    """A content-addressed folder. An entry that no longer has its hash is an error that names it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.zst"

    def put(self, content: bytes) -> str:
        """Store bytes, once; returns their sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if path.exists():
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(zstandard.ZstdCompressor(level=6).compress(content))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of an entry. Raises ArchiveMissing or ArchiveCorrupt, naming the entry."""
        path = self.path(sha256)
        if not path.is_file():
            raise ArchiveMissing(
                f"the archive has no entry {sha256}", remedy="restore it from a backup of the archive folder"
            )
        try:
            content = zstandard.ZstdDecompressor().decompress(
                path.read_bytes(), max_output_size=MAX_ENTRY_BYTES
            )
        except zstandard.ZstdError as error:
            raise self._corrupt(sha256, f"it cannot be decompressed ({error})") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise self._corrupt(sha256, "its bytes have another hash")
        return content

    def entries(self) -> Iterator[str]:
        """The hashes of all entries, in order."""
        for path in sorted(self.folder.glob("*/*.zst")):
            yield path.stem

    def _corrupt(self, sha256: str, how: str) -> ArchiveCorrupt:
        return ArchiveCorrupt(
            f"archive entry {sha256} was changed: {how}",
            remedy=f"restore {self.path(sha256).name} from a backup",
        )

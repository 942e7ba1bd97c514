"""The lake: immutable Parquet files. A file exists for a reader only once the catalog names it.

`url` is a folder by default; `s3://…` or `gs://…` through fsspec. On a local disk a file is written to a
temporary name, synced and renamed, so that a kill leaves at most a file that nothing refers to.
"""

from __future__ import annotations

import io
import os
import time
import uuid
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

ORPHAN_SECONDS = 24 * 3600.0


class Lake:
    """Files below one folder or bucket prefix."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._filesystem, self._root = fsspec.core.url_to_fs(url)
        self._local = url.startswith("file:") or "://" not in url

    def write(self, asset: str, frame: pa.Table) -> str:
        """Store a frame; returns its path below the lake. It is not visible before the catalog names it."""
        buffer = io.BytesIO()
        pq.write_table(frame, buffer, compression="zstd")
        name = f"{asset}/{uuid.uuid4().hex}.parquet"
        path = f"{self._root}/{name}"
        if not self._local:
            self._filesystem.pipe_file(path, buffer.getvalue())
            return name
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
        return name

    def path(self, name: str) -> str:
        """Where DuckDB reads a file."""
        return f"{self._root}/{name}" if self._local else f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        return bool(self._filesystem.exists(f"{self._root}/{name}"))

    def sweep(self, named: set[str], *, now: float | None = None, older_than: float = ORPHAN_SECONDS) -> int:
        """Delete local files that no catalog row names and that are older than a day; returns how many."""
        if not self._local or not Path(self._root).is_dir():
            return 0
        now = time.time() if now is None else now
        swept = 0
        for file in Path(self._root).glob("*/*"):
            name = f"{file.parent.name}/{file.name}"
            if name not in named and now - file.stat().st_mtime > older_than:
                file.unlink()
                swept += 1
        return swept

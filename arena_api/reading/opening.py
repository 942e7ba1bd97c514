"""Whether a ledger is there, and whether it is still the same one."""

from __future__ import annotations

import os

from sqlalchemy import make_url


def identity_of(ledger_url: str) -> object:
    """What tells one ledger from another: a file's place on the disk, else the address. None while there is
    no file. A restore puts another file under the same name."""
    url = make_url(ledger_url)
    if url.get_backend_name() != "sqlite":
        return ledger_url
    try:
        found = os.stat(url.database or "")
    except OSError:
        return None
    return (found.st_dev, found.st_ino)

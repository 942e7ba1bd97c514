"""Lists page by page: a cursor holds the sort key of a page's last row."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass

from arena_api.reading import Document
from arena_pipeline.warehouse.listings import ALWAYS, Key, Page, Span
from arena_pipeline.warehouse.store import Row

PAGE = 100
MAX_ROWS = 1000
LONGEST = 400
"""Characters of a cursor."""


class WrongCursor(ValueError):
    """The text is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of a list: trading days, and which page."""

    span: Span = ALWAYS
    limit: int = PAGE
    after: Key | None = None
    offset: int = 0

    @property
    def page(self) -> Page:
        """One row more than was asked for tells whether another page follows."""
        return Page(self.limit + 1, self.after, self.offset)

    def cut(self, document: Document, rows: str, key: Callable[[Row], Key]) -> Document:
        """The document with its list under `rows` cut to the limit, and the cursor of the next page."""
        found = document[rows]
        more = len(found) > self.limit
        shown = found[: self.limit]
        return {**document, rows: shown, "next_cursor": cursor(key(shown[-1])) if more else None}


def cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def key_of(text: str) -> Key:
    """The sort key in a cursor. Raises WrongCursor."""
    try:
        if len(text) > LONGEST:
            raise WrongCursor("it is too long")
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        moment, identity = found
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise WrongCursor("it is not one that a page gave as next_cursor") from error
    if not (isinstance(moment, str) and isinstance(identity, str) and (moment + identity).isprintable()):
        raise WrongCursor("it is not one that a page gave as next_cursor")
    return moment, identity

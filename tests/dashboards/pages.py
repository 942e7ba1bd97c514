"""A page as its tests read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """The text of a page, its elements and its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str | None] = []
        self.feed(html)
        self.text = re.sub(r"[^\S\u202f]+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append(dict(attrs).get("src", "inline"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(client: Any, path: str) -> Page:
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)

"""A search engine and article pages on loopback, as the real ddgs and the real guards reach them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.sources.stand_ins import Stage, certified, proxy_to

FIRST_PAGE = '<html><script>vqd="4-123"</script></html>'
SENTENCE = "Absatz {n}: {company} hob am Montag die Prognose für das laufende Jahr an, sagte ein Sprecher. "


def result(url: str, title: str, at: datetime | None, excerpt: str = "Mehr dazu hier.") -> dict[str, Any]:
    """One of the engine's results."""
    seconds = None if at is None else int(at.timestamp())
    return {"date": seconds, "title": title, "excerpt": excerpt, "url": url, "image": None, "source": "dpa"}


def page(company: str, *, head: str = "", title: str = "Prognose") -> str:
    """An article's page that names a company in each of six paragraphs."""
    body = "".join(f"<p>{SENTENCE.format(n=n, company=company)}</p>" for n in range(6))
    article = f"<article><h1>{title}</h1>{body}</article>"
    return f"<html><head><title>{title}</title>{head}</head><body>{article}</body></html>"


@dataclass
class Web:
    """`results` by a word of the query; `pages` by path, a number is a status. What was asked is kept."""

    proxy: str
    ca_file: Path
    strangers: Stage
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pages: dict[str, str | int] = field(default_factory=dict)
    refuses: bool = False
    searched: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    @property
    def research(self) -> str:
        """The section of the configuration that leads here."""
        return f'search_proxy = "{self.proxy}"\nsearch_ca_file = "{self.ca_file}"\n'

    def search(self, request: Request) -> Response:
        if self.refuses:
            return Response("<html>unusual traffic</html>", 202)
        if request.path == "/":
            return Response(FIRST_PAGE)
        self.searched.append(request.args["q"])
        found = [entry for word, some in self.results.items() if word in request.args["q"] for entry in some]
        return Response(json.dumps({"results": found}))

    def show(self, request: Request) -> Response:
        self.read.append(request.path)
        answer = self.pages.get(request.path, 404)
        if isinstance(answer, int):
            return Response("", answer)
        return Response(answer, content_type="text/html; charset=utf-8")


@contextmanager
def the_web(folder: Path) -> Iterator[Web]:
    """A running stand-in; its certificate is written into the folder."""
    with (
        HTTPServer(ssl_context=certified(folder, "duckduckgo.com")) as engine,
        HTTPServer() as publisher,
        proxy_to(engine.port) as (proxy, _),
    ):
        web = Web(proxy, folder / "ca.pem", Stage(publisher.port))
        for path in ("/", "/news.js"):
            engine.expect_request(path).respond_with_handler(web.search)
        publisher.expect_request("").respond_with_handler(web.show)
        yield web

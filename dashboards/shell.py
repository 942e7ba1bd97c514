"""What every page function gets: the process's reader, and a way to make an answer of a template.

A page function reads documents with the functions that the REST routes use, makes of them what its template
needs, and returns `shell.page(...)`. It computes nothing that is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from arena_api.live.messages import bounds
from arena_api.reading import Reading, market
from arena_api.security import SECURITY_HEADERS
from arena_pipeline.market.universe import companies
from dashboards import assets, formats, palette

T = TypeVar("T")
TEMPLATES = Path(__file__).parent / "templates"


def templates() -> Environment:
    """Everything that a template prints is text, whatever it holds."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats.install(environment)
    environment.globals |= {"asset": assets.address, "style": formats.STYLE}
    return environment


@dataclass(frozen=True, slots=True)
class Live:
    """What an open page is told of: messages of these kinds (all if empty) after a number. The parts of the
    page that may have changed are then asked for at `address`."""

    address: str
    kinds: str
    number: int


class Shell:
    """One request for a page."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.reading: Reading = request.app.state.reading
        self._slots: dict[str, int] | None = None

    def series(self, model: str) -> str:
        """The classes that give a model its colour."""
        if self._slots is None:
            self._slots = palette.slots(self.reading)
        return palette.series_class(self._slots.get(model, 0))

    def link(self, **changed: str | None) -> str:
        """This page's address with some of its parameters changed; None takes one away."""
        query = {**self.request.query_params, "n": None, **changed}
        kept = {name: value for name, value in query.items() if value is not None}
        return f"{self.request.url.path}?{urlencode(kept)}" if kept else self.request.url.path

    def live(self, *kinds: str) -> Live:
        """For `page`: keep the page true while it is open. To be called before anything that the page shows
        is read: a message that comes in between is then told, not lost. Its parts are asked for at its own
        address."""
        return Live(self.link(), " ".join(kinds), bounds(self.reading)[1])

    def page(
        self, template: str, *, here: str = "", status: int = 200, live: Live | None = None, **values: Any
    ) -> HTMLResponse:
        """A template as an answer. `here` is the address of the navigation's entry that the page is under."""
        html = self._made(
            template,
            here=here,
            live=live,
            navigation=self.request.app.state.navigation,
            market=market.status(self.reading),
            **values,
        )
        return HTMLResponse(html, status, headers={"Cache-Control": "private, no-cache"})

    def problem(self, status: int, found: Mapping[str, Any], headers: Mapping[str, str]) -> HTMLResponse:
        """What went wrong, for a person. It reads nothing but the configuration."""
        answer = self.page("problem.html", status=status, problem=found, here_path=self.request.url.path)
        kept = {"www-authenticate", "retry-after", *(name.lower() for name in SECURITY_HEADERS)}
        answer.headers.update({name: value for name, value in headers.items() if name.lower() in kept})
        return answer

    def part(self, template: str, **values: Any) -> HTMLResponse:
        """A part of a page, below `/dash/`: it depends on nothing but what is stored, and is kept while that
        stays as it is."""
        return HTMLResponse(self._made(template, **values))

    def _made(self, template: str, **values: Any) -> str:
        settings = self.reading.settings
        shown: Mapping[str, Any] = {
            "simulated": settings.simulated,
            "arena": settings.arena,
            "benchmark": settings.universe.benchmark,
            "series": self.series,
            "link": self.link,
            "company": company,
            **values,
        }
        html: str = self.request.app.state.templates.get_template(template).render(shown)
        return html

    def missing(self, what: str, *, here: str = "") -> HTMLResponse:
        """The page for an address that nothing is stored under."""
        return self.page("missing.html", status=404, what=what, here=here)


def chosen(asked: str | None, known: Collection[str], otherwise: T) -> str | T:
    """A parameter's value if it is one of those there are."""
    return asked if asked is not None and asked in known else otherwise


def company(symbol: str) -> str:
    """The name behind a symbol."""
    return companies((symbol,))[symbol].name


ShellOf = Annotated[Shell, Depends(Shell)]

"""A client of the API, for notebooks, dashboards and programs.

    with ArenaClient("http://127.0.0.1:8000") as arena:
        arena.leaderboard()["models"]
        for trade in arena.pages("trades", model="gpt-5"): ...
        for message in arena.live(after=0): ...

Answers are the documents of docs/api.md, as plain values: money is text, for `Decimal`. An answer that is
still in force is not sent twice.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from arena_pipeline.errors import ArenaError

Document = dict[str, Any]
Value = str | int | None
VERSION = "/api/v1"
KEPT = 128
"""Answers that are kept, to ask only whether they still hold."""


class ApiError(ArenaError):
    """The server refused. `status` is HTTP's, `problem` its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'no reason given'}")
        self.status, self.problem = status, dict(problem)


class ArenaClient:
    """Asks one server. `key` is needed where the server is not this machine, and to start runs. Raises
    ApiError for what the server refuses, httpx.HTTPError when it does not answer."""

    def __init__(
        self, url: str = "http://127.0.0.1:8000", *, key: str | None = None, timeout: float = 30.0
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout)
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Value) -> Document:
        """The document of a path below `/api/v1`; parameters that are None are left out. Python's `from_` is
        the parameter `from`."""
        request = self._http.build_request("GET", f"{VERSION}/{path}", params=_query(parameters))
        address = str(request.url)
        held = self._kept.get(address)
        if held is not None:
            request.headers["If-None-Match"] = held[0]
        answer = self._http.send(request)
        if answer.status_code == 304 and held is not None:
            self._kept.move_to_end(address)
            document: Document = json.loads(held[1])
            return document
        document = _document(answer)
        tag = answer.headers.get("etag")
        if tag is not None:
            self._kept[address] = (tag, answer.content)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return document

    def pages(self, path: str, **parameters: Value) -> Iterator[Document]:
        """Every row of a list, page by page."""
        rows = path.rsplit("/", 1)[-1]
        rows = "decisions" if rows == "reasoning" else rows
        cursor: str | None = None
        while True:
            document = self.get(path, cursor=cursor, **parameters)
            yield from document[rows]
            cursor = document.get("next_cursor")
            if cursor is None:
                return

    def leaderboard(self, **parameters: Value) -> Document:
        return self.get("leaderboard", **parameters)

    def models(self) -> Document:
        return self.get("models")

    def portfolio(self, model: str, **parameters: Value) -> Document:
        return self.get(f"models/{_part(model)}/portfolio", **parameters)

    def positions(self, model: str, **parameters: Value) -> Document:
        return self.get(f"models/{_part(model)}/positions", **parameters)

    def performance(self, model: str, **parameters: Value) -> Document:
        return self.get(f"models/{_part(model)}/performance", **parameters)

    def decision(self, identity: str) -> Document:
        return self.get(f"decisions/{_part(identity)}")

    def lineage(self, identity: str, **parameters: Value) -> Document:
        return self.get(f"lineage/{_part(identity)}", **parameters)

    def export(self, table: str, *, form: str = "csv", **parameters: Value) -> bytes:
        """A whole table as a CSV or Parquet file."""
        query = _query({**parameters, "format": form})
        answer = self._http.get(f"{VERSION}/exports/{_part(table)}", params=query)
        if answer.is_error:
            raise ApiError(answer.status_code, _problem(answer))
        return answer.content

    def journal(self, *, form: str = "beancount", **parameters: Value) -> bytes:
        """The books as a double-entry journal, as `arena ledger export` prints it."""
        answer = self._http.get(
            f"{VERSION}/exports/journal", params=_query({**parameters, "format": form}), timeout=300.0
        )
        if answer.is_error:
            raise ApiError(answer.status_code, _problem(answer))
        return answer.content

    def trigger_research(self, session: str | None = None, *, name: str | None = None) -> Document:
        """Start the research of a session. `name` makes sending it again harmless."""
        return self._post("admin/trigger-research", {"session": session} if session else {}, name)

    def backfill(
        self,
        first: str,
        last: str,
        *,
        models: list[str] | None = None,
        assets: list[str] | None = None,
        name: str | None = None,
    ) -> Document:
        """Start a backfill of trading days. `name` makes sending it again harmless."""
        body = {"from": first, "to": last, "models": models or [], "assets": assets or []}
        return self._post("admin/backfill", body, name)

    def live(self, *, after: int | None = None, types: str = "") -> Iterator[Document]:
        """Messages as they happen, without end; those without a number are about the connection. When the
        connection breaks, begin again with the last number seen."""
        query = _query({"after": after, "types": types or None})
        timeout = httpx.Timeout(self._http.timeout.connect, read=60.0)
        with self._http.stream("GET", f"{VERSION}/events", params=query, timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
                raise ApiError(answer.status_code, _problem(answer))
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def _post(self, path: str, body: Document, name: str | None) -> Document:
        headers = {"Idempotency-Key": name} if name else {}
        return _document(self._http.post(f"{VERSION}/{path}", json=body, headers=headers))


def _query(parameters: Mapping[str, Value]) -> dict[str, str | int]:
    return {name.rstrip("_"): value for name, value in parameters.items() if value is not None}


def _part(text: str) -> str:
    return quote(text, safe=":")


def _document(answer: httpx.Response) -> Document:
    if answer.is_error:
        raise ApiError(answer.status_code, _problem(answer))
    document: Document = answer.json()
    return document


def _problem(answer: httpx.Response) -> Document:
    try:
        found = answer.json()
    except ValueError:
        return {"title": answer.reason_phrase}
    return found if isinstance(found, dict) else {"title": answer.reason_phrase}

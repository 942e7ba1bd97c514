"""Style sheets, scripts and pictures, each under an address that changes with its bytes: a browser may
keep it without asking again.

uPlot's two files come out of the installed `youplot` wheel; nothing of others is kept in this repository.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboards import palette

HERE = Path(__file__).parent / "static"
VENDOR = {"vendor/uplot.js": "uplot.iife.min.js", "vendor/uplot.css": "uplot.min.css"}
FOR_EVER = "public, max-age=31536000, immutable"
IMPORT = re.compile(r'(from|import) "\./([\w.-]+)"')
"""How our scripts import one another: `from "./formats.js"`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """`version` is the beginning of the content's hash; `zipped` the content once compressed, for all."""

    content: bytes
    zipped: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name below `/static/`. A script's imports name the versions of what it imports."""
    raw = {
        path.relative_to(HERE).as_posix(): path.read_bytes()
        for path in sorted(HERE.rglob("*"))
        if path.is_file()
    }
    vendor = files("youplot") / "vendor"
    raw |= {name: (vendor / source).read_bytes() for name, source in VENDOR.items()}
    raw["palette.css"] = palette.stylesheet().encode()
    found: dict[str, Asset] = {}

    def finished(name: str) -> Asset:
        if name not in found:
            content = raw[name]
            if name.endswith(".js") and name not in VENDOR:
                text = IMPORT.sub(
                    lambda match: f'{match[1]} "./{match[2]}?v={finished(match[2]).version}"',
                    content.decode(),
                )
                content = text.encode()
            kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
            digest = hashlib.sha256(content).hexdigest()
            zipped = gzip.compress(content, mtime=0)
            found[name] = Asset(content, zipped, kind or "application/octet-stream", digest[:12])
        return found[name]

    for name in raw:
        finished(name)
    return found


def address(name: str) -> str:
    """Where a file is, with its version."""
    return f"/static/{name}?v={assets()[name].version}"


def answer(request: Request, name: str) -> Response:
    """A file; kept for ever only under its version."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "There is no such file.")
    current = request.query_params.get("v") == asset.version
    headers = {
        "Cache-Control": FOR_EVER if current else "no-cache",
        "ETag": f'"{asset.version}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            asset.zipped, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(asset.content, media_type=asset.media_type, headers=headers)

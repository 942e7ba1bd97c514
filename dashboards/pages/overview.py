"""The arena at a glance."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import models
from dashboards.shell import ShellOf

router = APIRouter()


@router.get("/")
def overview(shell: ShellOf) -> HTMLResponse:
    return shell.page("overview.html", here="/", board=models.board(shell.reading))

"""What goes wrong between this server and others, below `ArenaError`.

ArenaError
├── DagsterUnreachable   its webserver does not answer (503)
├── DagsterRefused       it answers, and does not do what was asked (502)
└── Conflict             the same is under way, or a key was used for something else (409)
"""

from __future__ import annotations

from arena_pipeline.errors import ArenaError


class DagsterUnreachable(ArenaError):
    """Nobody answers at the address of Dagster's webserver."""


class DagsterRefused(ArenaError):
    """The webserver refused, or lacks what is needed."""


class Conflict(ArenaError):
    """It cannot be done while something else is under way. `run_id` is the run, if that is what it is."""

    def __init__(self, message: str, *, remedy: str = "", run_id: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.run_id = run_id

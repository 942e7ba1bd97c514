"""The application: routes, pages, headers and error documents put together.

Importing this module reads nothing. `uvicorn arena_api.app:create_app --factory` serves it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from arena_api import routes
from arena_api.access.gate import Gate
from arena_api.caching import Caching
from arena_api.describing import describe, operation_name
from arena_api.live.hub import Hub
from arena_api.live.seats import Seats
from arena_api.problems import answer_with_problems
from arena_api.reading import Clock, Reading, system_clock
from arena_api.security import SecurityHeaders, allowed_hosts
from arena_api.versions import DataVersion
from arena_pipeline.settings import Settings
from dashboards import views

log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None, *, hosts: Iterable[str] = (), clock: Clock = system_clock
) -> FastAPI:
    """The arena's API and pages. Without `settings` the configuration in force is read at startup.

    `hosts` are names the server answers to besides loopback, such as the address it is bound to; there are
    more in ARENA_ALLOWED_HOSTS. `clock` tells the time, UTC. Starting it raises ConfigError when the
    configuration is missing or wrong.
    """
    reading = Reading(settings, clock=clock)
    data_version = DataVersion(reading)
    hub = Hub(reading)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.info("serving %s", reading.settings.home)
        await hub.start()
        yield
        await hub.stop()
        data_version.close()
        reading.close()

    app = FastAPI(
        title="Sentiment Arena",
        description="What the arena's models decided, traded and are worth. Read-only.",
        version=version("sentiment-arena"),
        lifespan=lifespan,
        docs_url=None,  # both pages load scripts from elsewhere, which the content policy forbids
        redoc_url=None,
        generate_unique_id_function=operation_name,
    )
    app.state.reading, app.state.hub, app.state.seats = reading, hub, Seats()
    app.state.journals = anyio.Lock()
    routes.mount(app)
    views.mount(app)
    answer_with_problems(app, views.readable)
    describe(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Caching, version=data_version)
    app.add_middleware(Gate, reading=reading)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(hosts), www_redirect=False)
    app.add_middleware(SecurityHeaders)
    return app

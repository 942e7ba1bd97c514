"""What every answer carries, and which names the server answers to."""

from __future__ import annotations

import os
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HOSTS_VARIABLE = "ARENA_ALLOWED_HOSTS"


def allowed_hosts(more: Iterable[str] = ()) -> list[str]:
    """Loopback, the names given and those in ARENA_ALLOWED_HOSTS, parted by commas.

    A page of another site whose name was rebound to this address sends its own name, and is refused:
    https://owasp.org/www-community/attacks/DNS_Rebinding
    """
    named = [name.strip() for name in os.environ.get(HOSTS_VARIABLE, "").split(",")]
    bracketed = [f"[{name}]" if ":" in name and not name.startswith("[") else name for name in more]
    return list(dict.fromkeys([*LOOPBACK, *(name for name in [*bracketed, *named] if name)]))


class SecurityHeaders:
    """Adds SECURITY_HEADERS to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)

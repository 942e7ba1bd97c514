"""Pages that are watched: whatever they should not do is a fault of the test that opened them."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebSocket

from tests.browser.served import Served

HEIGHT = 900
OWN_SCHEMES = ("data", "blob", "about")


class Watch:
    """Opens pages. `faults` are errors in the console, exceptions, and requests to other hosts."""

    def __init__(self, chromium: Browser) -> None:
        self.faults: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Beginnings of console messages that the test brings about on purpose."""
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []

    def open(
        self,
        served: Served,
        path: str,
        *,
        theme: str = "dark",
        width: int = 1440,
        scripts: bool = True,
        status: int = 200,
    ) -> Page:
        """A page in a fresh profile, loaded. Anything but `status` is a fault."""
        chosen = {"name": "arena.theme", "value": theme}
        context = self._chromium.new_context(
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=scripts,
            storage_state={"cookies": [], "origins": [{"origin": served.origin, "localStorage": [chosen]}]},
            reduced_motion="reduce",
            accept_downloads=True,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", lambda request: self._request(served, request))
        page.on("websocket", lambda socket: self._socket(served, socket))
        if status != 200:
            self.expected += (f"Failed to load resource: the server responded with a status of {status}",)
        answer = page.goto(f"{served.origin}{path}", wait_until="load")
        if answer is None or answer.status != status:
            self.faults.append(f"{path} is answered with {answer and answer.status}")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected):
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, served: Served, request: Request) -> None:
        self._own(served, request.url)

    def _socket(self, served: Served, socket: WebSocket) -> None:
        self._own(served, socket.url)

    def _own(self, served: Served, address: str) -> None:
        asked = urlsplit(address)
        if asked.scheme not in OWN_SCHEMES and asked.netloc != urlsplit(served.origin).netloc:
            self.faults.append(f"another host: {address}")

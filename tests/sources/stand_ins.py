"""What stands in for the internet on the loopback address: public hosts, certificates, a proxy."""

from __future__ import annotations

import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from arena_pipeline.sources.addresses import Place, PublicRoute, Resolver, Route

PUBLIC = "93.184.216.34"


def everywhere(host: str, port: int) -> Sequence[str]:
    """A public address for every name, but for those that begin with `inside`."""
    return ["127.0.0.1" if host.startswith("inside") else PUBLIC]


class Stage:
    """The public route, with the loopback server standing where the checked public addresses are."""

    def __init__(self, port: int, resolve: Resolver = everywhere) -> None:
        self._public: Route = PublicRoute(resolve)
        self._netloc = f"127.0.0.1:{port}"
        self.connected: list[str] = []

    @property
    def trusted(self) -> bool:
        return self._public.trusted

    def name(self, parts: SplitResult) -> str:
        return self._public.name(parts)

    def allows_redirect(self, before: str, after: str) -> bool:
        return self._public.allows_redirect(before, after)

    async def places(self, url: str) -> Sequence[Place]:
        places = []
        for place in await self._public.places(url):
            parts = urlsplit(place.url)
            self.connected.append(parts.netloc)
            places.append(
                Place(urlunsplit(parts._replace(netloc=self._netloc)), place.host, place.server_name)
            )
        return places


def certified(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a certificate for `name`, signed by the authority left in `folder`/ca.pem."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-days", "2", "-subj", "/CN=stand-in authority", "-keyout", "ca.key", "-out", "ca.pem"]
    leaf = ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    leaf += ["-addext", "basicConstraints=CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"]
    for arguments in (authority, [*leaf, "-keyout", "server.key", "-out", "server.pem"]):
        command = ["openssl", "req", "-x509", *new_key, *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@contextmanager
def proxy_to(port: int) -> Iterator[tuple[str, list[str]]]:
    """An HTTP proxy whose every tunnel ends at `port` on the loopback address; and what it was asked for."""
    asked: list[str] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode("latin-1").split()[1])
            while self.rfile.readline().strip():
                continue
            with socket.create_connection(("127.0.0.1", port)) as server:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pour, args=(server, self.connection))
                back.start()
                _pour(self.connection, server)
                back.join()

    class Proxy(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Proxy(("127.0.0.1", 0), Tunnel) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", asked
        proxy.shutdown()
        thread.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return

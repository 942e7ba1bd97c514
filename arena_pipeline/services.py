"""`arena up`: the Dagster UI and the API as child processes, until one ends or a person stops both."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arena_pipeline.errors import ArenaError, ConfigError

STOP_SECONDS = 60
"""How long a service may take to end before it is killed."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that listens on a port of the loopback address. `option` is what chooses the port."""

    name: str
    command: Sequence[str]
    port: int
    option: str


def require_free_ports(services: Sequence[Service]) -> None:
    """Raises ConfigError for a port that is in use, or that two services are to share."""
    taken: dict[int, Service] = {}
    for service in services:
        other = taken.setdefault(service.port, service)
        if other is not service:
            raise ConfigError(
                f"{other.option} and {service.option} are both {service.port}", remedy="choose two ports"
            )
        with socket.socket() as listener:
            # As servers do: a port that was let go of a moment ago is free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", service.port))
            except OSError as error:
                raise ConfigError(
                    f"port {service.port} of the {service.name} cannot be had: {error.strerror}",
                    remedy=f"stop what listens there, or choose another port with {service.option}",
                ) from error


def run_services(
    services: Sequence[Service], environment: Mapping[str, str], stopping: Callable[[], None]
) -> None:
    """Run all of them. Returns after SIGINT or SIGTERM, when all have ended; `stopping` is called first.

    Raises ArenaError naming the first that ends by itself, when the others have been stopped.
    """
    # A shell starts background jobs with SIGINT ignored, which the children would inherit.
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    ended: Service | None = None
    try:
        for service in services:
            running.append((service, subprocess.Popen(list(service.command), env=dict(environment))))  # noqa: S603
        while ended is None:
            for service, process in running:
                try:
                    process.wait(timeout=0.5)
                except subprocess.TimeoutExpired:
                    continue
                ended = service
                break
    except KeyboardInterrupt:
        stopping()
    finally:
        _stop([process for _, process in running])
        for number, handler in before.items():
            signal.signal(number, handler)
    if ended is not None:
        code = next(process.returncode for service, process in running if service is ended)
        raise ArenaError(
            f"the {ended.name} ended by itself with exit code {code}, so everything was stopped",
            remedy="its last lines above say why",
        )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

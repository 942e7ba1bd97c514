"""Where a call may connect: to a vendor of the configuration, or for a stranger's link to public addresses.

A link in an article or a search result may name a machine of ours. How it is spelled does not matter: the
name is resolved once, every address must be public, and the connection is made to one that was checked, so
that a second resolution cannot lead elsewhere. Every hop of a redirect is checked in the same way.

See: https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

import idna

PORTS = {"http": 80, "https": 443}
MAX_PLACES = 3
"""How many of a name's addresses are tried, one after the other."""

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments; older Pythons count parts of it as global
        "192.88.99.0/24",  # relays from IPv6, withdrawn
        "3fff::/20",  # documentation
    )
)

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port. May block; raises OSError when there are none."""


class AddressRefused(Exception):
    """The address leads where nothing may be fetched. The message holds no more of it than its host."""


class NotResolved(Exception):
    """The host has no address, or nobody could say."""


@dataclass(frozen=True, slots=True)
class Place:
    """One way to send a request: the URL to connect to, and what makes the server see the URL asked for.

    `host` is the Host header and `server_name` what the certificate must be for; None leaves both to the URL.
    """

    url: str
    host: str | None = None
    server_name: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return {"host": self.host} if self.host is not None else {}

    @property
    def extensions(self) -> Mapping[str, str]:
        return {"sni_hostname": self.server_name} if self.server_name is not None else {}


class Route(Protocol):
    """Where the calls of one client may go."""

    @property
    def trusted(self) -> bool:
        """Whether secrets may be sent along it, and the environment's proxy be used."""

    def name(self, parts: SplitResult) -> str:
        """What stands before the path in the archive's name of a request."""

    async def places(self, url: str) -> Sequence[Place]:
        """Where to connect for `url`, in order. Raises AddressRefused, NotResolved, ValueError (no URL)."""

    def allows_redirect(self, before: str, after: str) -> bool:
        """Whether a redirect may be followed, before its own address is checked."""


@dataclass(frozen=True, slots=True)
class VendorRoute:
    """To hosts that the configuration names: whatever they resolve to, and never on to another host."""

    @property
    def trusted(self) -> bool:
        return True

    def name(self, parts: SplitResult) -> str:
        """Nothing: the archive names a vendor's answers by the vendor, wherever it is."""
        return ""

    async def places(self, url: str) -> Sequence[Place]:
        return (Place(url),)

    def allows_redirect(self, before: str, after: str) -> bool:
        """Same host and port, or its own step from http to https on the default ports."""
        one, other = urlsplit(before), urlsplit(after)
        if one.hostname != other.hostname:
            return False
        if one.scheme == other.scheme:
            return one.port == other.port
        return (
            (one.scheme, other.scheme) == ("http", "https")
            and one.port in {None, 80}
            and other.port in {None, 443}
        )


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses that this computer would connect to."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """To public addresses only, for links that come from outside. Carries no secret and uses no proxy."""

    resolve: Resolver = field(default=system_resolver)

    @property
    def trusted(self) -> bool:
        return False

    def name(self, parts: SplitResult) -> str:
        return f"{parts.scheme}://{parts.netloc.lower()}"

    async def places(self, url: str) -> Sequence[Place]:
        """The checked addresses of `url`, version 4 first."""
        parts = urlsplit(url)
        host = _checked_host(parts)
        try:
            found = await asyncio.to_thread(self.resolve, host, PORTS[parts.scheme])
        except (OSError, UnicodeError) as error:
            raise NotResolved(f"{host[:100]} cannot be resolved ({type(error).__name__})") from None
        addresses = list(dict.fromkeys(found))
        hidden = [address for address in addresses if not is_public(address)]
        if hidden or not addresses:
            raise AddressRefused(f"{host[:100]} does not lead to public addresses only")
        name = host.rstrip(".")
        return tuple(
            Place(
                urlunsplit(parts._replace(netloc=f"[{address}]" if ":" in address else address, fragment="")),
                host=f"[{name}]" if ":" in name else name,
                server_name=name,
            )
            for address in sorted(addresses, key=lambda address: ":" in address)[:MAX_PLACES]
        )

    def allows_redirect(self, before: str, after: str) -> bool:
        """Any: nothing secret is sent, and `places` checks where it leads."""
        return True


def _checked_host(parts: SplitResult) -> str:
    """The host in ASCII, after what can be said about an address without resolving it."""
    if parts.scheme not in PORTS:
        raise AddressRefused("neither http nor https")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise AddressRefused("it carries a user name")
    host = parts.hostname or ""
    if not host:
        raise AddressRefused("it names no host")
    if parts.port not in {None, PORTS[parts.scheme]}:
        raise AddressRefused(f"port {parts.port} of {host[:100]}")
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        name = ""
    if not _HOST.fullmatch(name):
        raise AddressRefused("its host is no name")
    return name


def is_public(address: str) -> bool:
    """Whether an address is globally routable, and so is any IPv4 address inside it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_public(parsed)
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if parsed in _NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if parsed.teredo is not None:
        inner = parsed.teredo[1]
    if inner is not None:
        return _is_public(inner)
    return parsed in _GLOBAL_UNICAST and _is_public(parsed)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    )

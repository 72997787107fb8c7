"""Outbound connections: every address is resolved, checked and pinned before anything is sent to it.

Private, loopback, link-local and reserved networks are refused unless `outbound_allow` in crm.toml lists
them. A name is resolved once and the connection goes to the address that was checked. All failures look
alike to the caller, so that nobody maps a network by our error texts.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpx2

from crm_core.config import Config
from crm_core.errors import CrmError
from crm_core.i18n import Strings
from crm_core.transactions import outside_transaction

_ = Strings("crm_core")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
TIMEOUT = 10.0
"""Seconds to resolve, and seconds to connect."""

# Networks inside IPv6 that carry an IPv4 address which must be checked in its place.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED = tuple(
    ipaddress.ip_network(n)
    for n in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "64:ff9b:1::/48",
        "fec0::/10",
    )
)


class Unreachable(CrmError):
    """The address is refused, unknown, closed or silent; nobody is told which."""

    status = 502


def _unreachable() -> Unreachable:
    return Unreachable(_("This address cannot be reached."))


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)  # SOCK_STREAM
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks written in CIDR form; ValueError for one that is not."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if found := address.ipv4_mapped or address.sixtofour:
            return found
        if address in _NAT64 or int(address) >> 32 == 0:  # the latter: "IPv4-compatible", long withdrawn
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo:
            return address.teredo[1]
    return address


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the internet at large."""
    real = inner(address)
    special = real.is_multicast or real.is_reserved or real.is_unspecified or real.is_loopback or real.is_link_local
    return real.is_global and not special and not any(real in n for n in _REFUSED if n.version == real.version)


def allowed(address: Address, allow: Iterable[Network]) -> bool:
    """Return whether a connection may go there."""
    real = inner(address)
    return is_public(address) or any(a in n for n in allow for a in (address, real) if a.version == n.version)


async def checked(config: Config, host: str, port: int, *, find: Resolve = resolve) -> list[str]:
    """Return the addresses of a host to connect to; Unreachable unless every one of them is allowed."""
    outside_transaction(f"connecting to {host}")
    if not host or "%" in host or "@" in host or not 0 < port < 65536 or not host.isprintable():
        raise _unreachable()
    try:
        async with asyncio.timeout(TIMEOUT):
            found = [ipaddress.ip_address(text) for text in await find(host.strip("[]").rstrip("."), port)]
    except (OSError, ValueError, UnicodeError) as error:  # TimeoutError is an OSError
        raise _unreachable() from error
    allow = networks(config.outbound_allow)
    if not found or not all(allowed(address, allow) for address in found):
        raise _unreachable()
    return [str(address) for address in found]


async def open_checked(
    config: Config, host: str, port: int, *, tls: ssl.SSLContext | bool = False, find: Resolve = resolve
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a host at an address that was checked; with TLS the certificate is for the host's name.

    Raises Unreachable, and RuntimeError inside a transaction that has written.
    """
    context = ssl.create_default_context() if tls is True else tls or None
    last: Exception | None = None
    for address in await checked(config, host, port, find=find):
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.open_connection(
                    address, port, ssl=context, server_hostname=host.strip("[]") if context else None
                )
        except OSError as error:
            last = error
    raise _unreachable() from last


async def connect_checked(config: Config, host: str, port: int, *, find: Resolve = resolve) -> socket.socket:
    """Return a socket connected to a host at an address that was checked, for libraries that take one.

    TLS is theirs to add, with the certificate checked for `host`. Raises as `open_checked` does.
    """
    last: Exception | None = None
    for address in await checked(config, host, port, find=find):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.get_running_loop().sock_connect(made, (address, port))
        except OSError as error:
            made.close()
            last = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise _unreachable() from last


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Checks each request's host, redirects included, and sends it to the address that was checked."""

    def __init__(self, config: Config, *, find: Resolve = resolve, **kw: Any) -> None:
        self.config, self.find = config, find
        # No connection is kept: two hosts at one address must not share the other's TLS session.
        limits = httpx2.Limits(max_connections=100, max_keepalive_connections=0)
        self.wire = httpx2.AsyncHTTPTransport(trust_env=False, limits=limits, **kw)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; Unreachable for anything but http and https to an allowed address."""
        url = request.url
        if url.scheme not in ("http", "https") or url.userinfo:
            raise _unreachable()
        port = url.port or (443 if url.scheme == "https" else 80)
        address = (await checked(self.config, url.host, port, find=self.find))[0]
        pinned = httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,  # its Host header names the host
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        try:
            return await self.wire.handle_async_request(pinned)
        except (httpx2.TransportError, OSError) as error:
            raise _unreachable() from error

    async def aclose(self) -> None:
        """Close connections."""
        await self.wire.aclose()


def client(config: Config, *, find: Resolve = resolve, **kw: Any) -> httpx2.AsyncClient:
    """Return an HTTP client for the outside. It follows no redirects unless asked, and checks those too."""
    options: dict[str, Any] = {"timeout": TIMEOUT, "follow_redirects": False, "trust_env": False, **kw}
    return httpx2.AsyncClient(transport=CheckedTransport(config, find=find), **options)

"""Outgoing HTTP to addresses that partners chose: only public targets, no redirects, a capped answer.

The host is resolved once and the connection goes to that very address, so that a name cannot point somewhere else
between the check and the call. Everything above the connection keeps the name: certificates are checked for it, and a
connection is used again for that name only, not for another partner's host behind the same address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpcore
import httpx

from app.infra.database import refuse_in_transaction

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

KEPT_BODY = 1_000
_READ_AT_MOST = 64 * 1024

_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


class RefusedTarget(Exception):
    """The URL leads to a private, loopback or link-local address, or to none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a code and the first part of the body, or the reason why nothing did."""

    duration: timedelta
    code: int | None
    body: str | None
    error: str | None


class OutgoingClient:
    """One process's client for calls to partners' servers. `tls` is for a certificate authority of one's own."""

    def __init__(
        self,
        *,
        timeout: float,
        connections: int,
        allow_private: bool,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            keepalive_expiry=5,
            network_backend=_CheckedNetwork(allow_private),
        )

    async def get(self, url: str, headers: dict[str, str], *, keep: int = KEPT_BODY) -> Answer:
        """Call a URL once with GET. Never raises for what the other side does: the answer says it.

        `keep` is how many characters of the body are kept.
        """
        refuse_in_transaction("an outgoing HTTP request")
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                code, body = await self._call(httpx.URL(url), headers, keep)
        except TimeoutError:
            return _failed(started, f"no answer within {self._timeout:g} s")
        except (RefusedTarget, httpx.InvalidURL) as error:
            return _failed(started, str(error))
        except _FAILURES as error:
            return _failed(started, f"{type(error).__name__}: {error}".rstrip(": "))
        return Answer(_since(started), code, body, None)

    async def _call(self, url: httpx.URL, headers: dict[str, str], keep: int) -> tuple[int, str]:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        named = {**headers, "Host": url.netloc.decode("ascii")}
        async with self._pool.stream("GET", target, headers=list(named.items())) as response:
            return response.status, await _first_part(response, keep)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = await resolve(host, port, self._allow_private)
        return await self._network.connect_tcp(
            address, port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def resolve(host: str, port: int, allow_private: bool) -> str:
    """The address to connect to. Raises RefusedTarget when any address of the host is not public."""
    if not host:
        raise RefusedTarget("the URL names no host")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedTarget(f"{host} cannot be resolved: {error}") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not _is_allowed(address.partition("%")[0], allow_private):
            raise RefusedTarget(f"{host} leads to {address}, which is not a public address")
    return addresses[0]


def _is_allowed(address: str, allow_private: bool) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    # Cloud providers hand out credentials on a link-local address: never, not even on a test machine.
    if ip.is_link_local or ip.is_multicast:
        return False
    return allow_private or ip.is_global


async def _first_part(response: httpcore.Response, keep: int) -> str:
    data = b""
    async for chunk in response.aiter_stream():
        data += chunk
        if len(data) >= max(_READ_AT_MOST, keep):
            break
    return data[: keep * 4].decode("utf-8", "replace").replace("\x00", "")[:keep]


def _since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)


def _failed(started: float, error: str) -> Answer:
    return Answer(_since(started), None, None, error[:300])

"""Outgoing HTTP to addresses that partners chose: only public targets, no redirects, a capped answer.

The host is resolved once and the connection goes to that very address, so that a name cannot point somewhere else
between the check and the call.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from app.infra.database import refuse_in_transaction

KEPT_BODY = 1_000
_READ_AT_MOST = 64 * 1024


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
    """One process's client for calls to partners' servers."""

    def __init__(self, *, timeout: float, connections: int, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._timeout = timeout
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.AsyncClient(
            timeout=timeout,
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            # One partner's cookies are not for another one behind the same address.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # The first part of the body is kept as it comes.
            headers={"Accept-Encoding": "identity"},
        )

    async def get(self, url: str, headers: dict[str, str]) -> Answer:
        """Call a URL once with GET. Never raises for what the other side does: the answer says it."""
        refuse_in_transaction("an outgoing HTTP request")
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                code, body = await self._call(url, headers)
        except TimeoutError:
            return _failed(started, f"no answer within {self._timeout:g} s")
        except (RefusedTarget, httpx.InvalidURL) as error:
            return _failed(started, str(error))
        except (httpx.HTTPError, OSError) as error:
            return _failed(started, f"{type(error).__name__}: {error}".rstrip(": "))
        return Answer(_since(started), code, body, None)

    async def _call(self, url: str, headers: dict[str, str]) -> tuple[int, str]:
        parsed = httpx.URL(url)
        address = await resolve(
            parsed.host, parsed.port or _default_port(parsed), self._allow_private
        )
        request = self._client.build_request(
            "GET",
            parsed.copy_with(host=address),
            headers={**headers, "Host": parsed.netloc.decode("ascii")},
            extensions={"sni_hostname": parsed.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            return response.status_code, await _first_part(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _default_port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


async def resolve(host: str, port: int, allow_private: bool) -> str:
    """The address to connect to. Raises RefusedTarget when any address of the host is not public."""
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


async def _first_part(response: httpx.Response) -> str:
    data = b""
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) >= _READ_AT_MOST:
            break
    return data[: KEPT_BODY * 4].decode("utf-8", "replace").replace("\x00", "")[:KEPT_BODY]


def _since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)


def _failed(started: float, error: str) -> Answer:
    return Answer(_since(started), None, None, error[:300])

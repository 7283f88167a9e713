"""Outgoing HTTP to addresses that partners chose: only public targets, no redirects, a capped answer.

The host is resolved once and the connection goes to that very address, so that a name cannot point somewhere else
between the check and the call. Everything above the connection keeps the name: certificates are checked for it, and a
connection is used again for that name only, not for another partner's host behind the same address.
"""

from __future__ import annotations

import asyncio
import socket
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

import httpcore
import httpx

from app.infra.addresses import is_allowed_address
from app.infra.database import refuse_in_transaction

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

KEPT_BODY = 1_000
_LONGEST_ERROR = 300
_READ_AT_MOST = 64 * 1024
_LOOKUPS = 64
_LONGEST_RETRY_AFTER = 7 * 86_400
_MOST_DIGITS = 9

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
    """What came back: a code and the first part of the body, or the reason why nothing did.

    With a code, the error says why the body is not whole.
    """

    duration: timedelta
    code: int | None
    body: str | None
    error: str | None
    # How long the other side asked to be left alone (`Retry-After`, in seconds or as a date).
    retry_after: timedelta | None = None


Lookup = Callable[[str, int], Awaitable[list[str]]]


class OutgoingClient:
    """One process's client for calls to partners' servers.

    `tls` is for a certificate authority of one's own, `lookup` for another way from names to addresses.
    """

    def __init__(
        self,
        *,
        timeout: float,
        connections: int,
        allow_private: bool,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self._timeout = timeout
        # Names that nobody answers for must not hold up those of others: the loop's own threads are few.
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            keepalive_expiry=5,
            network_backend=_CheckedNetwork(allow_private, lookup or self._look_up),
        )

    async def _look_up(self, host: str, port: int) -> list[str]:
        find = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, find)
        return [str(entry[4][0]) for entry in found]

    async def get(self, url: str, headers: dict[str, str], *, keep: int = KEPT_BODY) -> Answer:
        """Call a URL once with GET. Never raises for what the other side does: the answer says it.

        `keep` is how many characters of the body are kept.
        """
        return await self.call("GET", url, headers, keep=keep)

    async def call(
        self, method: str, url: str, headers: dict[str, str], *, keep: int = KEPT_BODY
    ) -> Answer:
        """Call a URL once. With POST its query is sent as a form in the body.

        Never raises for what the other side does: the answer says it.
        """
        refuse_in_transaction("an outgoing HTTP request")
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout) as limit:
                return await self._call(prepare(method, url, headers), keep, started, limit)
        except TimeoutError:
            return _failed(started, f"no answer within {self._timeout:g} s")
        except RefusedTarget as error:
            return _failed(started, str(error))
        except _FAILURES as error:
            return _failed(started, _words(error))

    async def _call(
        self, request: Prepared, keep: int, started: float, limit: asyncio.Timeout
    ) -> Answer:
        async with self._pool.stream(
            request.method, request.url, headers=request.headers, content=request.body
        ) as response:
            # The head is there and decides, whatever becomes of the body.
            ends = limit.when()
            limit.reschedule(None)
            body, error = await self._body(response, keep, ends)
            return Answer(_since(started), response.status, body, error, _retry_after(response))

    async def _body(
        self, response: httpcore.Response, keep: int, ends: float | None
    ) -> tuple[str, str | None]:
        """The first part of the body, and why it broke off, if it did."""
        data, error = bytearray(), None
        try:
            async with asyncio.timeout_at(ends):
                async for chunk in response.aiter_stream():
                    data += chunk
                    if len(data) >= max(_READ_AT_MOST, keep):
                        break
        except TimeoutError:
            error = f"the answer had no end within {self._timeout:g} s"
        except _FAILURES as failure:
            error = f"the answer broke off: {_words(failure)}"[:_LONGEST_ERROR]
        return data[: keep * 4].decode("utf-8", "replace").replace("\x00", "")[:keep], error

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it goes out."""

    method: str
    url: httpcore.URL
    headers: list[tuple[str, str]]
    body: bytes | None


def prepare(method: str, url: str, headers: dict[str, str]) -> Prepared:
    """The request for a URL; a name and password in it become an Authorization header. Raises RefusedTarget."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RefusedTarget(str(error)) from None
    named = {**headers, "Host": parsed.netloc.decode("ascii")}
    if parsed.userinfo:
        credentials = f"{parsed.username}:{parsed.password}".encode()
        named["Authorization"] = f"Basic {b64encode(credentials).decode('ascii')}"
    path, body = parsed.raw_path, None
    if method == "POST":
        path, _, body = path.partition(b"?")
        named["Content-Type"] = "application/x-www-form-urlencoded"
        named["Content-Length"] = str(len(body))
    target = httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=path
    )
    return Prepared(method, target, list(named.items()), body)


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked."""

    def __init__(self, allow_private: bool, lookup: Lookup) -> None:
        self._allow_private = allow_private
        self._lookup = lookup
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = await resolve(host, port, self._allow_private, self._lookup)
        return await self._network.connect_tcp(
            address, port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def resolve(host: str, port: int, allow_private: bool, lookup: Lookup) -> str:
    """The address to connect to. Raises RefusedTarget when any address of the host is not public."""
    if not host:
        raise RefusedTarget("the URL names no host")
    try:
        addresses = await lookup(host, port)
    except (OSError, UnicodeError) as error:
        raise RefusedTarget(f"{host} cannot be resolved: {error}") from None
    for address in addresses:
        if not is_allowed_address(address.partition("%")[0], allow_private):
            raise RefusedTarget(f"{host} leads to {address}, which is not a public address")
    return addresses[0]


def _retry_after(response: httpcore.Response) -> timedelta | None:
    """What the header says; None without one, or for one that says nothing."""
    text = _header(response, b"retry-after")
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        # Python refuses to read a number of thousands of digits.
        digits = text.lstrip("0") or "0"
        seconds = float(_LONGEST_RETRY_AFTER if len(digits) > _MOST_DIGITS else int(digits))
    else:
        at = _date(text)
        if at is None:
            return None
        # By the other side's clock, where it tells its own time.
        now = _date(_header(response, b"date") or "") or datetime.now(UTC)
        seconds = (at - now).total_seconds()
    return timedelta(seconds=min(max(seconds, 0), _LONGEST_RETRY_AFTER))


def _header(response: httpcore.Response, wanted: bytes) -> str | None:
    found = [value for name, value in response.headers if name.lower() == wanted]
    return found[0].decode("latin-1").strip() if found else None


def _date(text: str) -> datetime | None:
    """A date of HTTP; None for what is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # Without a time zone it is of UTC, as HTTP has it.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)


def _failed(started: float, error: str) -> Answer:
    return Answer(_since(started), None, None, error[:_LONGEST_ERROR])


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(": ")

"""A real mail server on loopback that keeps what it takes, and refuses when told to."""

from __future__ import annotations

import asyncio
import logging
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult


@dataclass(slots=True)
class Taken:
    """A mail as it arrived: whom the server was told, and the message itself."""

    sender: str
    recipients: list[str]
    raw: bytes
    message: EmailMessage

    def part(self, subtype: str) -> str:
        """The text of the plain or the HTML part."""
        body = self.message.get_body((subtype,))
        assert body is not None
        return str(body.get_content())


@dataclass(slots=True)
class Post:
    """The server: `refusals` are given before mails are taken again."""

    port: int = 0
    # smtps: TLS from the start.
    scheme: str = "smtp"
    refusals: list[str] = field(default_factory=list)
    recipient_refusals: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    # Who signed in, by name.
    signed_in: list[str] = field(default_factory=list)
    # While it is not set, messages wait for their answer.
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: int = 0
    # Called when a message arrives, before it is answered.
    on_message: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """For TRIBUTARY_SMTP_URL."""
        return self.url_for()

    def url_for(self, user: str = "", host: str = "127.0.0.1", query: str = "") -> str:
        """The same with `user:password@`, another name for this machine, or a query."""
        return f"{self.scheme}://{user}{host}:{self.port}{query}"

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.recipient_refusals:
            return self.recipient_refusals.pop(0).format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.arrived += 1
        self.on_message()
        await self.answering.wait()
        if self.refusals:
            return self.refusals.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(
            Taken(envelope.mail_from, list(envelope.rcpt_tos), envelope.content, message)
        )
        return "250 kept"


@asynccontextmanager
async def post_office(
    *,
    certificate: ssl.SSLContext | None = None,
    implicit: bool = False,
    users: Mapping[str, str] | None = None,
) -> AsyncIterator[Post]:
    """A server for as long as the block lasts.

    With a certificate it takes nothing without TLS: on request (STARTTLS), or from the start when `implicit`. With
    users, by name and password, it takes nothing from anybody else.
    """
    # What a mail server of others logs is not ours.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    post = Post(scheme="smtps" if implicit else "smtp")
    post.answering.set()
    loop = asyncio.get_running_loop()

    def authenticate(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any
    ) -> AuthResult:
        name, password = given.login.decode(), given.password.decode()
        right = (users or {}).get(name) == password
        if right:
            post.signed_in.append(name)
        return AuthResult(success=right, handled=False)

    def connection() -> SMTP:
        # It warns of a sign-in without TLS, which is what some of the tests are about.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                post,
                enable_SMTPUTF8=True,
                loop=loop,
                tls_context=None if implicit else certificate,
                require_starttls=certificate is not None and not implicit,
                auth_required=users is not None,
                auth_require_tls=not implicit and certificate is not None,
                authenticator=authenticate,
            )

    server = await loop.create_server(
        connection, "127.0.0.1", 0, ssl=certificate if implicit else None
    )
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()

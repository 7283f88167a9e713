"""A real mail server on loopback that keeps what it takes, and refuses when told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


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
    refusals: list[str] = field(default_factory=list)
    recipient_refusals: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    # Called when a message arrives, before it is answered.
    on_message: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """For TRIBUTARY_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.recipient_refusals:
            return self.recipient_refusals.pop(0).format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.on_message()
        if self.refusals:
            return self.refusals.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(
            Taken(envelope.mail_from, list(envelope.rcpt_tos), envelope.content, message)
        )
        return "250 kept"


@asynccontextmanager
async def post_office() -> AsyncIterator[Post]:
    """A server for as long as the block lasts."""
    # What a mail server of others logs is not ours.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    post = Post()
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(post, enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(connection, "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()

"""The inbox of `make up`: what the built-in mail server received. On loopback only; otherwise it does not exist."""

from __future__ import annotations

import asyncio
import html
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import NotFound
from app.web.pages import page
from app.web.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN = 100


async def listing(request: Request) -> Response:
    """`GET /inbox`: the newest mails."""
    directory = _directory(request)
    mails = await asyncio.to_thread(_newest, directory)
    rows = "".join(
        f'<tr><td><a href="/inbox/{html.escape(name)}">{html.escape(subject)}</a></td>'
        f"<td>{html.escape(to)}</td><td>{html.escape(date)}</td></tr>"
        for name, subject, to, date in mails
    )
    table = f"<table><tr><th>Subject</th><th>To</th><th>Sent</th></tr>{rows}</table>"
    return page("Inbox", table if mails else "<p>No mail was sent yet.</p>")


async def one(request: Request) -> Response:
    """`GET /inbox/{name}`: the text of a mail."""
    directory = _directory(request)
    name = request.path_params["name"]
    path = directory / name
    if not name.endswith(".eml") or path.parent != directory or not path.is_file():
        raise NotFound("mail")
    mail = await asyncio.to_thread(_read, path)
    body = mail.get_body(("plain",))
    text = body.get_content() if body else ""
    link = _first_link(text)
    button = f'<p><a href="{html.escape(link, quote=True)}">Open the link</a></p>' if link else ""
    to = html.escape(str(mail["To"]))
    return page(str(mail["Subject"]), f"<p>To {to}</p><pre>{html.escape(text)}</pre>{button}")


def _directory(request: Request) -> Path:
    directory = services_of(request).settings.inbox_dir
    if directory is None:
        raise NotFound("page")
    return directory


def _newest(directory: Path) -> list[tuple[str, str, str, str]]:
    paths = sorted(directory.glob("*.eml"), reverse=True)[:_SHOWN]
    found = []
    for path in paths:
        mail = _read(path)
        found.append((path.name, str(mail["Subject"]), str(mail["To"]), str(mail["Date"])))
    return found


def _read(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=policy.default)


def _first_link(text: str) -> str | None:
    for word in text.split():
        if word.startswith(("http://", "https://")) and "token=" in word:
            return word
    return None

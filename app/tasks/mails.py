"""Sending mails: one actor claims what is due, writes each mail from its templates and hands it to the mail server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.domain.mails.queue import DueMail, claim_mails, mark_sent, postpone
from app.domain.scope import Scope
from app.infra.mail import Mailer, MailRefused, OutgoingMail
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.infra.clock import Clock
    from app.infra.crypto import SecretBox
    from app.settings import Settings

SEND = "mails.send"
_BATCH = 20
_LEASE = timedelta(minutes=2)
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(enabled_extensions=("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Where the link of a mail leads, below the frontend's address.
_PAGES = {
    "confirm_email": "account/confirm-email",
    "reset_password": "account/reset-password",
    "unlock": "account/unlock",
    "invitation": "account/invitation",
}


class MailSender:
    """Sends what is due, until nothing is."""

    def __init__(self, settings: Settings, clock: Clock, box: SecretBox) -> None:
        self._settings = settings
        self._clock = clock
        self._box = box
        self._mailer = Mailer(settings) if settings.smtp_url else None
        self._stopping = False
        self._told = False

    async def send(self, request_id: str) -> int:
        """Attempt every mail that is due now; returns how many were attempted. Without a mail server: none."""
        if self._mailer is None:
            # Mails that wait wake a worker every few seconds: once is enough to say why they wait.
            if not self._told:
                logger().warning("mail.no_server", fix="set TRIBUTARY_SMTP_URL")
            self._told = True
            return 0
        scope = Scope.system(self._clock, request_id)
        attempts = 0
        while not self._stopping and (
            claimed := await claim_mails(scope, _BATCH, _LEASE, box=self._box)
        ):
            await asyncio.gather(*(self._attempt(scope, mail, self._mailer) for mail in claimed))
            attempts += len(claimed)
        return attempts

    def stop(self) -> None:
        """Claim nothing more: what is under way is finished, the rest waits for the next worker."""
        self._stopping = True

    async def _attempt(self, scope: Scope, mail: DueMail, mailer: Mailer) -> None:
        with structlog.contextvars.bound_contextvars(request_id=mail.request_id):
            try:
                if mail.email is None:
                    raise MailRefused("the person was erased", for_good=True)
                if not mail.link_works:
                    raise MailRefused("its link was used, withdrawn or has expired", for_good=True)
                await mailer.send(write(mail, mail.email, self._settings.frontend_address))
            except MailRefused as refused:
                await postpone(scope, mail, str(refused), for_good=refused.for_good)
                logger().warning(
                    "mail.refused", mail_id=mail.id, template=mail.template, error=str(refused)
                )
            except Exception as error:
                # One mail that cannot be written must not hold up the others, nor be tried for ever.
                reason = f"not written: {type(error).__name__}"
                await postpone(scope, mail, reason, for_good=False)
                logger().error("mail.failed", mail_id=mail.id, template=mail.template, error=reason)
            else:
                await mark_sent(scope, mail.id)
                logger().info("mail.sent", mail_id=mail.id, template=mail.template)


def write(mail: DueMail, email: str, address: str) -> OutgoingMail:
    """The mail of its templates: `<template>.txt`, whose first line is the subject, and `<template>.html`."""
    page = _PAGES.get(mail.template)
    values: dict[str, Any] = {
        "name": mail.name,
        "partner_name": mail.partner_name or "",
        "link": f"{address}/{page}?token={mail.token}" if page and mail.token else address,
        "reason": mail.data.get("reason") or "",
        # The postback that the mail is about.
        "url": mail.data.get("url") or "",
    }
    subject, _, text = (
        _TEMPLATES.get_template(f"{mail.template}.txt").render(values).partition("\n")
    )
    html = _TEMPLATES.get_template(f"{mail.template}.html").render({**values, "subject": subject})
    # The same mail sent twice has the same id, so that mail programs show it once.
    return OutgoingMail(f"mail-{mail.id}", email, mail.name, subject, text.lstrip("\n"), html)

"""Mail over SMTP."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from app.infra.database import refuse_in_transaction
from app.settings import SettingsError

if TYPE_CHECKING:
    from app.settings import Settings


# Mail servers repeat the address that they refuse; it is personal data, and reasons are stored and logged (A6A).
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


# Refusals of the connection or of the sign-in, and the codes that ask for one (RFC 4954, RFC 3207).
_ABOUT_US = (
    aiosmtplib.SMTPAuthenticationError,
    aiosmtplib.SMTPConnectResponseError,
    aiosmtplib.SMTPHeloError,
)
_ABOUT_US_CODES = frozenset({530, 534, 535, 538})


class MailRefused(Exception):
    """The mail server did not take the mail. `for_good`: asking again changes nothing. The reason names no address."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(_ADDRESS.sub("[address]", reason))
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail ready to be sent; the id makes a repeated one recognisable."""

    id: str
    to: str
    name: str
    subject: str
    text: str
    html: str


class Mailer:
    """Sends mails through the configured server."""

    def __init__(self, settings: Settings) -> None:
        if settings.smtp_url is None:
            raise SettingsError(
                "TRIBUTARY_SMTP_URL: no mail server is configured. "
                "Example: TRIBUTARY_SMTP_URL=smtp://user:secret@mail.example.com:587?starttls=true"
            )
        parts = urlsplit(settings.smtp_url)
        starttls = parse_qs(parts.query).get("starttls", ["false"])[0] == "true"
        self._from = settings.mail_from
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (465 if parts.scheme == "smtps" else 25)
        self._tls = parts.scheme == "smtps"
        self._starttls = starttls
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._context = _trust(settings) if self._tls or starttls else None

    async def send(self, mail: OutgoingMail) -> None:
        """Hand a mail to the server. Raises MailRefused."""
        refuse_in_transaction("a mail")
        try:
            await aiosmtplib.send(
                compose(self._from, mail),
                hostname=self._host,
                port=self._port,
                use_tls=self._tls,
                start_tls=self._starttls,
                tls_context=self._context,
                username=self._user,
                password=self._password,
                timeout=20,
            )
        except aiosmtplib.SMTPResponseException as error:
            for_good = _is_for_good(error.code) and not isinstance(error, _ABOUT_US)
            raise MailRefused(f"{error.code} {error.message}", for_good=for_good) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            reason = "; ".join(f"{one.code} {one.message}" for one in error.recipients)
            raise MailRefused(reason, for_good=all(map(_is_for_good, codes))) from None
        except ssl.SSLError as error:
            # Before the others: a certificate that is refused is a ValueError as well.
            raise MailRefused(f"TLS: {error}", for_good=False) from None
        except ValueError as error:
            raise MailRefused(f"the address cannot be used: {error}", for_good=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailRefused(f"{type(error).__name__}: {error}", for_good=False) from None


def _is_for_good(code: int) -> bool:
    """Whether asking again changes nothing. What is wrong with us is no fault of the mail, which waits."""
    return 500 <= code < 600 and code not in _ABOUT_US_CODES


def _trust(settings: Settings) -> ssl.SSLContext:
    """TLS that checks the server's certificate. Raises SettingsError when the file of its authority cannot be used."""
    try:
        return ssl.create_default_context(cafile=settings.smtp_ca_file)
    except OSError as error:
        raise SettingsError(
            f"TRIBUTARY_SMTP_CA_FILE: {settings.smtp_ca_file} cannot be used as a list of authorities: {error}. "
            "Example: TRIBUTARY_SMTP_CA_FILE=/etc/ssl/our-authority.pem"
        ) from None


def compose(sender: str, mail: OutgoingMail) -> EmailMessage:
    """The message with a text and an HTML part. Raises MailRefused for an address that is none.

    Line breaks cannot get into a header: the header classes refuse them, and names lose them here.
    """
    message = EmailMessage()
    user, _, domain = mail.to.rpartition("@")
    name = _one_line(mail.name)
    try:
        message["From"] = sender
        message["To"] = Address(display_name=name, username=user, domain=domain)
        message["Subject"] = _one_line(mail.subject)
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = (
            f"<{mail.id}@{sender.rpartition('@')[2].rstrip('>') or 'localhost'}>"
        )
        message["Auto-Submitted"] = "auto-generated"
    except ValueError as error:
        raise MailRefused(
            f"the address or a header cannot be written: {error}", for_good=True
        ) from None
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _one_line(text: str) -> str:
    """The text without line breaks, also without those that Python decodes from an encoded word while it writes."""
    return " ".join(text.split()).replace("=?", "= ?")

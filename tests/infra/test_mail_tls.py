"""Mail over TLS, to a real server on loopback: who it is is checked before a password or a mail is sent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.infra.mail import Mailer, MailRefused, OutgoingMail
from app.settings import SettingsError, load_settings
from tests.domain.mails.post import Post, post_office
from tests.infra.certificates import Authority, make_authority

MAIL = OutgoingMail(
    "mail-1", "paula@partner.test", "Paula Partner", "A subject", "Hello", "<p>Hello</p>"
)
USERS = {"programme": "p@ss/word:é"}
# As it stands in a URL.
USER = "programme:p%40ss%2Fword%3A%C3%A9@"
# TLS on request, and from the start.
WAYS = [{"implicit": False}, {"implicit": True}]
STARTTLS = "?starttls=true"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Known to this test alone."""
    return make_authority(tmp_path)


def _mailer(post: Post, authority: Authority | None, user: str = "", **url: str) -> Mailer:
    query = STARTTLS if post.scheme == "smtp" else ""
    return Mailer(
        load_settings(
            smtp_url=post.url_for(user, **({"query": query} | url)),
            smtp_ca_file=None if authority is None else authority.file,
        )
    )


@pytest.mark.parametrize("way", WAYS, ids=["starttls", "implicit"])
async def test_a_mail_travels_over_tls_to_a_server_whose_authority_is_known(
    way: dict[str, Any], authority: Authority
) -> None:
    async with post_office(certificate=authority.server(), **way) as post:
        await _mailer(post, authority).send(MAIL)
    assert [mail.recipients for mail in post.taken] == [["paula@partner.test"]]


@pytest.mark.parametrize("way", WAYS, ids=["starttls", "implicit"])
async def test_the_name_of_a_server_is_that_of_its_certificate(
    way: dict[str, Any], authority: Authority
) -> None:
    async with post_office(certificate=authority.server("localhost"), **way) as post:
        await _mailer(post, authority, host="localhost").send(MAIL)
        with pytest.raises(MailRefused, match="certificate") as refused:
            await _mailer(post, authority).send(MAIL)
    assert not refused.value.for_good
    assert len(post.taken) == 1


@pytest.mark.parametrize("way", WAYS, ids=["starttls", "implicit"])
@pytest.mark.parametrize("kind", ["an unknown authority", "the machine's own", "it has expired"])
async def test_a_wrong_certificate_is_refused_and_the_mail_waits(
    kind: str, way: dict[str, Any], authority: Authority, tmp_path: Path
) -> None:
    certificate = authority.server()
    trusted: Authority | None = authority
    if kind == "it has expired":
        certificate = authority.server(valid=-timedelta(days=1))
    elif kind == "an unknown authority":
        trusted = make_authority(tmp_path)
    else:
        trusted = None
    async with post_office(certificate=certificate, users=USERS, **way) as post:
        with pytest.raises(MailRefused, match="certificate") as refused:
            await _mailer(post, trusted, USER).send(MAIL)
    assert not refused.value.for_good
    assert (post.taken, post.signed_in) == ([], [])


async def test_a_server_that_says_it_has_no_tls_gets_neither_password_nor_mail() -> None:
    async with post_office(users=USERS) as post:
        with pytest.raises(MailRefused) as refused:
            await _mailer(post, None, USER).send(MAIL)
    assert not refused.value.for_good
    assert (post.taken, post.signed_in) == ([], [])


@pytest.mark.parametrize("way", WAYS, ids=["starttls", "implicit"])
async def test_the_user_and_password_of_the_url_sign_in(
    way: dict[str, Any], authority: Authority
) -> None:
    async with post_office(certificate=authority.server(), users=USERS, **way) as post:
        await _mailer(post, authority, USER).send(MAIL)
    assert post.signed_in == ["programme"]
    assert len(post.taken) == 1


@pytest.mark.parametrize("user", ["programme:wrong-password@", "nobody:p%40ss@", ""])
async def test_a_sign_in_that_is_refused_is_no_fault_of_the_mail_which_waits(
    user: str, authority: Authority
) -> None:
    async with post_office(certificate=authority.server(), users=USERS) as post:
        with pytest.raises(MailRefused) as refused:
            await _mailer(post, authority, user).send(MAIL)
    assert not refused.value.for_good
    assert "wrong-password" not in str(refused.value)
    assert post.taken == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    settings = load_settings(smtp_url="smtps://mail.example.com", smtp_ca_file=path)
    with pytest.raises(SettingsError, match=r"TRIBUTARY_SMTP_CA_FILE: .*authority\.pem"):
        Mailer(settings)

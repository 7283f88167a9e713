"""Messages on the wire: no header can be smuggled in, and each refusal is told for what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.infra.database import OutgoingCallInTransaction, transaction
from app.infra.mail import Mailer, MailRefused, OutgoingMail, compose
from app.settings import Settings, SettingsError, load_settings
from tests.domain.mails.post import Post, post_office

SENDER = "Tributary <no-reply@tributary.test>"


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    """A mail server on loopback."""
    async with post_office() as server:
        yield server


def _mail(**values: Any) -> OutgoingMail:
    given: dict[str, Any] = {
        "id": "mail-1",
        "to": "paula@partner.test",
        "name": "Paula Partner",
        "subject": "Set a new password",
        "text": "Hello",
        "html": "<p>Hello</p>",
    }
    return OutgoingMail(**(given | values))


def _mailer(post: Post) -> Mailer:
    return Mailer(load_settings(smtp_url=post.url, mail_from=SENDER))


async def test_a_mail_arrives_with_its_headers_and_both_parts(post: Post) -> None:
    await _mailer(post).send(_mail())
    taken = post.taken[0]
    assert taken.message["To"] == "Paula Partner <paula@partner.test>"
    assert taken.message["From"] == SENDER
    assert taken.message["Message-ID"] == "<mail-1@tributary.test>"
    assert taken.message["Auto-Submitted"] == "auto-generated"
    assert taken.part("plain").strip() == "Hello"
    assert taken.part("html").strip() == "<p>Hello</p>"


@pytest.mark.parametrize(
    "name",
    [
        "Paula\r\nBcc: evil@attacker.test",
        "Paula\nSubject: another",
        "Paula\r\n\r\nbody",
        "Paula, evil@attacker.test",
        'Paula" <evil@attacker.test>, "',
        "evil@attacker.test",
        "<evil@attacker.test>",
        "Paula\u2028Bcc: evil@attacker.test",
        "Paula\u0085Bcc: evil@attacker.test",
        "=?utf-8?q?=0D=0ABcc=3A_evil=40attacker.test?=",
        "Ștefan Ţepeş 山田",
        "\u202egnp.exe",
        "x" * 500,
    ],
)
async def test_a61_a_name_adds_neither_header_nor_recipient(name: str, post: Post) -> None:
    await _mailer(post).send(_mail(name=name, subject=f"For {name}"))
    taken = post.taken[0]
    assert taken.recipients == ["paula@partner.test"]
    addresses = taken.message["To"].addresses
    assert [address.addr_spec for address in addresses] == ["paula@partner.test"]
    assert len(taken.message.get_all("Subject", [])) == 1
    assert {name.lower() for name in taken.message} == {
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "mime-version",
        "content-type",
    }
    assert taken.part("plain").strip() == "Hello"


@pytest.mark.parametrize(
    "address",
    [
        "paula@partner.test\r\nBcc: evil@attacker.test",
        "paula@partner.test\nRCPT TO:<evil@attacker.test>",
        "paula\r\n@partner.test",
        "",
    ],
)
async def test_a61_an_address_with_a_line_break_is_refused_for_good(
    address: str, post: Post
) -> None:
    with pytest.raises(MailRefused) as refused:
        await _mailer(post).send(_mail(to=address))
    assert refused.value.for_good
    assert post.taken == []


@pytest.mark.parametrize("address", ["a@x.test, b@attacker.test", "<b@attacker.test>a@x.test"])
async def test_a61_an_address_that_looks_like_two_reaches_no_second_one(
    address: str, post: Post
) -> None:
    try:
        await _mailer(post).send(_mail(to=address))
    except MailRefused:
        return
    assert "b@attacker.test" not in [one for mail in post.taken for one in mail.recipients]


def test_a_dot_at_the_start_of_a_line_does_not_end_the_mail() -> None:
    message = compose(SENDER, _mail(text="one\n.\nMAIL FROM:<evil@attacker.test>\n"))
    body = message.get_body(("plain",))
    assert body is not None
    assert "\n.\n" in body.get_content()


async def test_a_body_with_a_lone_dot_is_one_mail(post: Post) -> None:
    await _mailer(post).send(_mail(text="one\n.\nRCPT TO:<evil@attacker.test>\n"))
    assert len(post.taken) == 1
    lines = post.taken[0].part("plain").splitlines()
    assert lines == ["one", ".", "RCPT TO:<evil@attacker.test>"]


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [("421 4.3.2 closing", False), ("451 4.3.0 later", False), ("554 5.7.1 spam", True)],
)
async def test_d6_a_refusal_of_the_message_is_for_now_or_for_good_by_its_code(
    answer: str, for_good: bool, post: Post
) -> None:
    post.refusals = [answer]
    with pytest.raises(MailRefused) as refused:
        await _mailer(post).send(_mail())
    assert (refused.value.for_good, str(refused.value)) == (for_good, answer)


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [("450 4.2.1 <{address}> is busy", False), ("550 5.1.1 <{address}> is unknown", True)],
)
async def test_a6a_a_refusal_of_the_recipient_is_told_without_the_address(
    answer: str, for_good: bool, post: Post
) -> None:
    post.recipient_refusals = [answer]
    with pytest.raises(MailRefused) as refused:
        await _mailer(post).send(_mail())
    assert refused.value.for_good is for_good
    assert str(refused.value) == answer.format(address="[address]")


async def test_d6_no_mail_leaves_inside_a_transaction(post: Post, database: Settings) -> None:
    with pytest.raises(OutgoingCallInTransaction):
        async with transaction():
            await _mailer(post).send(_mail())
    assert post.taken == []


def test_a_mailer_without_a_server_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="TRIBUTARY_SMTP_URL"):
        Mailer(load_settings())

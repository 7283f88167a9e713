"""A61: no answer tells whether an e-mail exists, neither by its words nor by the work behind it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.domain.accounts.links import Purpose
from app.domain.accounts.users import Audience
from app.domain.permissions import StaffRole
from app.domain.personal import erase_subject
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import AccountLink, Mail, Partner
from tests.domain.accounts.conftest import Argon2Work
from tests.domain.accounts.people import change, code, document_of, link_of, log_in, row_of
from tests.factories import BOX, PASSWORD, make_operator, make_partner, make_partner_user, make_user
from tests.schema.statements import statements

# What is known about an e-mail. "staff" signs in elsewhere.
KINDS = (
    "active",
    "locked",
    "blocked",
    "unconfirmed",
    "invited",
    "pending",
    "partner_blocked",
    "two_factor",
    "staff",
    "erased",
)


async def _make_people(clock: ManualClock) -> dict[str, str]:
    """A user of each kind, and an e-mail that nobody has."""
    now = clock.now()
    columns: dict[str, dict[str, Any]] = {
        "locked": {"locked_at": now, "failed_attempts": 5},
        "blocked": {"state": "blocked"},
        "unconfirmed": {"email_confirmed_at": None},
        "invited": {"password_hash": None, "email_confirmed_at": None},
        "two_factor": {"totp_secret": BOX.encrypt("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")},
    }
    emails = {kind: f"{kind}@somebody.test" for kind in KINDS} | {
        "unknown": "unknown@somebody.test"
    }
    for kind in KINDS:
        if kind == "staff":
            await make_user(Audience.STAFF, StaffRole.SUPPORT, BOX, clock, email=emails[kind])
            continue
        state = {"pending": "pending", "partner_blocked": "blocked"}.get(kind, "active")
        partner = await make_partner(clock, state=state)
        user = await make_partner_user(partner, clock, email=emails[kind], **columns.get(kind, {}))
        if kind == "erased":
            await make_partner_user(partner, clock, email="another@somebody.test")
            await erase_subject(Scope.system(clock, "test-request"), user.subject_id)
    return emails


async def _answer(client: httpx.AsyncClient, field: str, values: dict[str, Any]) -> tuple[Any, ...]:
    """Everything of an answer that a stranger sees, except the request's id."""
    selection = "token" if field == "login" else "done"
    body = {"query": document_of(field, selection), "variables": {"input": values}}
    sent = {"Content-Type": "application/json"}
    answer = await client.post("/partner/graphql", content=json.dumps(body), headers=sent)
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    document = answer.json()
    # What is left in the address's own bucket falls with every request, whoever is asked for.
    document.get("extensions", {}).pop("cost", None)
    headers.pop("content-length", None)
    return answer.status_code, document, headers


async def _answers(
    client: httpx.AsyncClient,
    argon2: Argon2Work,
    emails: dict[str, str],
    field: str,
    **values: Any,
) -> tuple[list[Any], set[tuple[int, int]]]:
    """The different answers to all e-mails, and the different amounts of argon2 work behind them."""
    answers: list[Any] = []
    work = set()
    for email in emails.values():
        argon2.take()
        answer = await _answer(client, field, {"email": email, **values})
        work.add(argon2.take())
        if answer not in answers:
            answers.append(answer)
    return answers, work


async def test_a61_a_wrong_password_is_answered_alike_for_every_kind_of_email(
    client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    emails = await _make_people(clock)
    answers, _ = await _answers(client, argon2, emails, "login", password="wrong password")
    assert len(answers) == 1
    assert answers[0][1]["data"]["login"]["userErrors"][0]["code"] == "SIGN_IN_REFUSED"


async def test_a61_a_login_is_one_argon2_verification_for_every_kind_of_email(
    client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    emails = await _make_people(clock)
    _, wrong = await _answers(client, argon2, emails, "login", password="wrong password")
    _, right = await _answers(client, argon2, emails, "login", password=PASSWORD)
    assert wrong == right == {(1, 0)}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("active", None),
        ("locked", "ACCOUNT_LOCKED"),
        ("blocked", "ACCOUNT_BLOCKED"),
        ("unconfirmed", "ACCOUNT_PENDING"),
        ("pending", "ACCOUNT_PENDING"),
        ("partner_blocked", "ACCOUNT_BLOCKED"),
        ("two_factor", "OTP_REQUIRED"),
        ("invited", "SIGN_IN_REFUSED"),
        ("staff", "SIGN_IN_REFUSED"),
        ("erased", "SIGN_IN_REFUSED"),
        ("unknown", "SIGN_IN_REFUSED"),
    ],
)
async def test_a61_the_state_of_an_account_is_told_after_the_right_password_only(
    kind: str, told: str | None, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    emails = await _make_people(clock)
    assert code(await log_in(client, emails[kind])) == told


@pytest.mark.parametrize("field", ["requestPasswordReset", "resendConfirmation"])
async def test_a61_asking_for_a_mail_is_answered_alike_and_without_argon2(
    field: str, client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    emails = await _make_people(clock)
    answers, work = await _answers(client, argon2, emails, field)
    assert [answer[1]["data"][field]["done"] for answer in answers] == [True]
    assert work == {(0, 0)}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("requestPasswordReset", {}),
        ("resendConfirmation", {}),
        ("login", {"password": "wrong password"}),
    ],
)
async def test_a61_the_same_statements_run_for_every_kind_of_email(
    field: str, values: dict[str, str], client: httpx.AsyncClient, clock: ManualClock
) -> None:
    emails = await _make_people(clock)
    # The first request of an address is the one that begins its window.
    await _answer(client, field, {"email": "first@somebody.test", **values})
    ran: dict[tuple[str, ...], list[str]] = {}
    async with statements() as sent:
        for kind, email in emails.items():
            sent.clear()
            await _answer(client, field, {"email": email, **values})
            ran.setdefault(tuple(sent), []).append(kind)
    assert list(ran.values()) == [list(emails)], ran
    assert len(next(iter(ran))) > 3


async def test_a60_a_registration_is_answered_alike_and_hashes_once(
    client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    emails = await _make_people(clock)
    answers, work = await _answers(
        client,
        argon2,
        emails,
        "registerPartner",
        companyName="Review Hub",
        name="Rita Reviewer",
        password="seven green tractors",
        currency="EUR",
        acceptTermsVersion=0,
    )
    assert [answer[1]["data"]["registerPartner"]["done"] for answer in answers] == [True]
    assert work == {(0, 1)}


async def test_a60_a_repeated_registration_changes_nothing_of_the_account_it_meets(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock)
    user = await make_partner_user(partner, clock, email="known@somebody.test")
    before = await row_of(user)
    await change(
        client,
        "registerPartner",
        companyName="Another",
        name="Somebody Else",
        email="known@somebody.test",
        password="another good password",
        currency="EUR",
        acceptTermsVersion=0,
    )
    assert await row_of(user) == before
    assert await Partner.all().count() == 1


async def test_a60_two_registrations_of_one_email_at_once_are_answered_alike(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    values: dict[str, Any] = {
        "companyName": "Twice",
        "name": "Tina Twice",
        "email": "twice@somebody.test",
        "password": "seven green tractors",
        "currency": "EUR",
        "acceptTermsVersion": 0,
    }
    both = await asyncio.gather(*(change(client, "registerPartner", **values) for _ in range(4)))
    assert both == [{"done": True, "userErrors": []}] * 4
    assert await Partner.all().count() == 1


@pytest.mark.parametrize("field", ["acceptInvitation", "resetPassword"])
async def test_a61_links_that_do_not_work_are_answered_alike_and_hash_nothing(
    field: str, client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    purpose = Purpose.INVITATION if field == "acceptInvitation" else Purpose.RESET_PASSWORD
    tokens = await _refused_tokens(clock, purpose)
    answers: list[Any] = []
    for token in tokens.values():
        argon2.take()
        answer = await _answer(client, field, {"token": token, "password": "a good new password"})
        assert argon2.take() == (0, 0)
        if answer not in answers:
            answers.append(answer)
    assert len(answers) == 1
    assert answers[0][1]["data"][field]["userErrors"][0]["code"] == "LINK_REFUSED"


async def _refused_tokens(clock: ManualClock, purpose: Purpose) -> dict[str, str]:
    partner = await make_partner(clock)
    user = await make_partner_user(partner, clock)
    now = clock.now()

    async def link(kind: Purpose = purpose, **columns: Any) -> AccountLink:
        values: dict[str, Any] = {"created_at": now, "expires_at": now.replace(year=2030)}
        nonce = "0" * 32
        return await AccountLink.create(
            user_id=user.id, purpose=kind.value, nonce=nonce, **(values | columns)
        )

    used = await link(used_at=now)
    expired = await link(expires_at=now)
    other = await link(kind=Purpose.UNLOCK)
    right = await link()
    signed = BOX.link_token(right.id, right.nonce)
    return {
        "used": BOX.link_token(used.id, used.nonce),
        "expired": BOX.link_token(expired.id, expired.nonce),
        "other purpose": BOX.link_token(other.id, other.nonce),
        "another link's signature": f"{right.id}.{BOX.link_token(used.id, used.nonce).partition('.')[2]}",
        "forged": f"{right.id}.{'A' * 43}",
        "cut": signed[:-1],
        "unknown": f"999999.{'A' * 43}",
        "no number": f"x.{'A' * 43}",
        "another script's digits": f"{'١'}.{'A' * 43}",
        "huge number": f"{'9' * 40}.A",
        "negative": f"-{right.id}.A",
        "empty": "",
    }


@pytest.mark.parametrize("kind", ["active", "locked", "blocked", "unconfirmed", "invited"])
async def test_a61_an_invitation_is_accepted_alike_and_hashes_once_for_every_kind_of_user(
    kind: str, client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    emails = await _make_people(clock)
    found = await fetch(
        "SELECT id FROM users WHERE email_digest = ANY($1::text[])", BOX.digests(emails[kind])
    )
    user_id = found[0]["id"]
    await AccountLink.create(
        user_id=user_id,
        purpose="invitation",
        nonce="1" * 32,
        created_at=clock.now(),
        expires_at=clock.now().replace(year=2030),
    )
    token = await link_of(user_id, Purpose.INVITATION)
    argon2.take()
    answer = await change(client, "acceptInvitation", token=token, password="a good new password")
    assert answer == {"done": True, "userErrors": []}
    assert argon2.take() == (0, 1)


async def test_a61_no_mail_is_sent_or_even_planned_inside_a_request(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    emails = await _make_people(clock)
    for field in ("requestPasswordReset", "resendConfirmation"):
        for email in emails.values():
            await change(client, field, email=email)
    for _ in range(5):
        await log_in(client, emails["active"], "wrong password")
    assert await Mail.all().count() == 0


async def test_a61_staff_and_partners_are_unknown_at_each_others_door(
    client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    await make_operator(clock, email="operator@staff.test")
    partner = await make_partner(clock)
    await make_partner_user(partner, clock, email="owner@partner.test")
    argon2.take()
    assert code(await log_in(client, "operator@staff.test")) == "SIGN_IN_REFUSED"
    assert code(await log_in(client, "owner@partner.test", schema="admin")) == "SIGN_IN_REFUSED"
    assert argon2.take() == (2, 0)


async def test_a61_an_email_is_found_whatever_its_case_and_surrounding_space(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock)
    await make_partner_user(partner, clock, email="owner@partner.test")
    assert code(await log_in(client, "  Owner@Partner.TEST ")) is None

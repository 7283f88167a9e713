"""An account's whole life through the running processes, with its mails by real SMTP (A60–A68)."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest

from app.domain.simulation.programme import PASSWORD
from tests.factories import graphql
from tests.processes.instance import Instance

pytestmark = pytest.mark.timeout(300)

_NEW_PASSWORD = "seven green tractors 4"
_LOGIN = """
mutation($input: LoginInput!) {
  login(input: $input) { token userErrors { code message } }
}
"""
_ERRORS = "userErrors { code message field }"


class Person:
    """Somebody at a keyboard: signs in, runs operations, reads mails."""

    def __init__(self, client: httpx.AsyncClient, inbox: Path, endpoint: str, email: str) -> None:
        self.client = client
        self.inbox = inbox
        self.endpoint = endpoint
        self.email = email
        self.token: str | None = None

    async def try_to_sign_in(self, password: str, otp: str | None = None) -> dict[str, Any]:
        """The payload of a login."""
        values = {"email": self.email, "password": password, "otp": otp}
        answer = await graphql(self.client, _LOGIN, {"input": values}, endpoint=self.endpoint)
        payload: dict[str, Any] = answer["data"]["login"]
        return payload

    async def sign_in(self, password: str, otp: str | None = None) -> None:
        payload = await self.try_to_sign_in(password, otp)
        assert payload["userErrors"] == []
        self.token = payload["token"]

    async def refusal(self, password: str, otp: str | None = None) -> str:
        payload = await self.try_to_sign_in(password, otp)
        assert payload["token"] is None
        return str(payload["userErrors"][0]["code"])

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation and return its whole answer."""
        return await graphql(
            self.client, document, variables, token=self.token, endpoint=self.endpoint
        )

    async def change(self, field: str, selection: str = "done", **values: Any) -> dict[str, Any]:
        """Run a mutation with one input and return its payload."""
        name = field[0].upper() + field[1:] + "Input"
        name = {"confirmEmail": "LinkInput", "unlockAccount": "LinkInput"}.get(field, name)
        name = {"acceptInvitation": "SetPasswordInput", "confirmTwoFactor": "CodeInput"}.get(
            field, name
        )
        name = {"approvePartner": "PartnerInput", "blockMember": "MemberInput"}.get(field, name)
        document = (
            f"mutation($input: {name}!) {{ {field}(input: $input) {{ {selection} {_ERRORS} }} }}"
        )
        answer = await self.ask(document, input=values)
        payload: dict[str, Any] = answer["data"][field]
        return payload

    async def link_in_mail(self, subject: str) -> str:
        """The token of the newest mail to this person with that subject, as it came by SMTP."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for path in sorted(self.inbox.glob("*.eml"), reverse=True):
                mail = message_from_bytes(path.read_bytes(), policy=policy.default)
                if self.email in str(mail["To"]) and mail["Subject"] == subject:
                    body = mail.get_body(("plain",))
                    found = re.search(r"https?://\S+", body.get_content() if body else "")
                    assert found is not None
                    path.unlink()
                    return parse_qs(urlsplit(found[0]).query)["token"][0]
            await asyncio.sleep(0.1)
        raise AssertionError(f"no mail {subject!r} to {self.email} arrived")


async def test_an_account_lives_from_registration_to_a_mailed_unlock_a60_a68(
    demo_instance: Instance,
) -> None:
    inbox = demo_instance.data_dir / "inbox"
    unique = secrets.token_hex(4)
    async with httpx.AsyncClient(base_url=demo_instance.url, timeout=30) as client:
        owner = Person(client, inbox, "/partner/graphql", f"owner-{unique}@review.test")
        operator = Person(client, inbox, "/admin/graphql", "operator@demo.test")

        # Registration: pending until the e-mail is confirmed and an operator has approved.
        registered = await owner.change(
            "registerPartner",
            companyName=f"Journey {unique}",
            name="Jo Owner",
            email=owner.email,
            password=_NEW_PASSWORD,
            currency="EUR",
            acceptTermsVersion=1,
        )
        assert registered == {"done": True, "userErrors": []}
        assert await owner.refusal(_NEW_PASSWORD) == "ACCOUNT_PENDING"
        assert await owner.refusal("not the password at all") == "SIGN_IN_REFUSED"
        token = await owner.link_in_mail("Confirm your e-mail")
        assert (await owner.change("confirmEmail", token=token))["done"]
        assert await owner.refusal(_NEW_PASSWORD) == "ACCOUNT_PENDING"
        again = await owner.change("confirmEmail", token=token)
        assert again["userErrors"][0]["code"] == "LINK_REFUSED"

        # Approval.
        await operator.sign_in(PASSWORD)
        listed = await operator.ask(
            "{ partners(first: 5, filter: { state: PENDING }) { nodes { id name } } }"
        )
        mine = [
            node["id"]
            for node in listed["data"]["partners"]["nodes"]
            if node["name"] == f"Journey {unique}"
        ]
        approved = await operator.change("approvePartner", "partner { state }", partnerId=mine[0])
        assert approved["partner"] == {"state": "ACTIVE"}
        await owner.sign_in(_NEW_PASSWORD)

        # Two-factor authentication: on, asked for, a code works once, a recovery code as well.
        begun = await owner.ask("mutation { beginTwoFactor { enrolment { secret uri qrSvg } } }")
        enrolment = begun["data"]["beginTwoFactor"]["enrolment"]
        assert enrolment["qrSvg"].startswith("<svg")
        totp = pyotp.TOTP(enrolment["secret"])
        confirmed = await owner.change("confirmTwoFactor", "recoveryCodes", code=totp.now())
        codes = confirmed["recoveryCodes"]
        assert len(codes) == 10
        assert await owner.refusal(_NEW_PASSWORD) == "OTP_REQUIRED"
        assert await owner.refusal(_NEW_PASSWORD, totp.now()) == "OTP_REFUSED"
        await owner.sign_in(_NEW_PASSWORD, codes[0])
        assert await owner.refusal(_NEW_PASSWORD, codes[0]) == "OTP_REFUSED"

        # The team: an invitation by mail, and the limits of a role.
        viewer = Person(client, inbox, "/partner/graphql", f"viewer-{unique}@review.test")
        invited = await owner.change(
            "inviteMember", "user { id state }", email=viewer.email, name="Vi Viewer", role="VIEWER"
        )
        assert invited["user"]["state"] == "INVITED"
        token = await viewer.link_in_mail("You are invited")
        set_password = await viewer.change("acceptInvitation", token=token, password=_NEW_PASSWORD)
        assert set_password["done"]
        await viewer.sign_in(_NEW_PASSWORD)
        refused = await viewer.ask(
            'mutation { createCampaign(input: {name: "x"}) { campaign { id } } }'
        )
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"

        # The owner ends the viewer's session.
        document = "query($id: ID!) { node(id: $id) { ... on PartnerUser { email twoFactor } } }"
        seen = await owner.ask(document, id=invited["user"]["id"])
        assert seen["data"]["node"] == {"email": viewer.email, "twoFactor": False}
        blocked = await owner.change("blockMember", "user { state }", userId=invited["user"]["id"])
        assert blocked["user"]["state"] == "BLOCKED"
        ended = await viewer.ask("{ me { email } }")
        assert ended["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await viewer.refusal(_NEW_PASSWORD) == "ACCOUNT_BLOCKED"

        # Five wrong passwords lock the account; the right one then says so, and the mailed link opens it.
        for _ in range(5):
            assert await owner.refusal("wrong password again") == "SIGN_IN_REFUSED"
        assert await owner.refusal(_NEW_PASSWORD, codes[1]) == "ACCOUNT_LOCKED"
        token = await owner.link_in_mail("Your account is locked")
        assert (await owner.change("unlockAccount", token=token))["done"]
        await owner.sign_in(_NEW_PASSWORD, codes[1])

        # All of it is in the log.
        logged = await owner.ask("{ events(first: 100) { nodes { type actorName ip } } }")
        types = {node["type"] for node in logged["data"]["events"]["nodes"]}
        assert {
            "partner.registered",
            "user.email_confirmed",
            "partner.approved",
            "user.signed_in",
            "user.two_factor_enabled",
            "user.recovery_code_used",
            "user.invited",
            "user.password_set",
            "user.blocked",
            "user.locked",
            "user.unlocked",
        } <= types
        signed_in = [n for n in logged["data"]["events"]["nodes"] if n["type"] == "user.signed_in"]
        assert {node["ip"] for node in signed_in} == {"127.0.0.1"}

"""A64, O21: who may invite, change and block whom, and that an account keeps an owner."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.domain.accounts.links import Purpose
from app.domain.accounts.team import edit_member, set_member_blocked
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.scope import Actor
from app.infra.clock import ManualClock
from app.models import Event, Mail, User
from app.schema.ids import encode_id
from app.settings import Settings
from tests.domain.accounts.people import (
    ask,
    change,
    code,
    link_of,
    log_in,
    make_owner,
    plan_what_was_asked_for,
    row_of,
    still_signed_in,
    token_of,
)
from tests.factories import (
    BOX,
    make_brand,
    make_operator,
    make_partner,
    make_partner_user,
    partner_scope,
)

MISSING = 900_000_000_000
NEW_MEMBER = {"email": "new@partner.test", "name": "Nina New"}


@pytest.mark.parametrize("role", ["OWNER", "VIEWER"])
@pytest.mark.parametrize("by", [PartnerRole.MANAGER, PartnerRole.FINANCE, PartnerRole.VIEWER])
async def test_a64_only_an_owner_invites_whatever_the_role(
    by: PartnerRole, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, _ = await make_owner(clock)
    await make_partner_user(partner, clock, role=by, email="member@partner.test")
    token = await token_of(client, "member@partner.test")
    refused = await change(client, "inviteMember", "user { id }", by=token, role=role, **NEW_MEMBER)
    assert code(refused) == "FORBIDDEN"
    assert await User.all().count() == 2


async def test_a64_an_invited_member_sets_a_password_once_and_signs_in(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    owner = await token_of(client, email)
    await change(client, "inviteMember", "user { id }", by=owner, role="VIEWER", **NEW_MEMBER)
    member = await User.all().order_by("-id").first()
    assert member is not None
    token = await link_of(member.id, Purpose.INVITATION)
    accept = {"token": token, "password": "a good new password"}
    assert (await change(client, "acceptInvitation", **accept))["done"]
    assert code(await change(client, "acceptInvitation", **accept)) == "LINK_REFUSED"
    assert await token_of(client, "new@partner.test", password="a good new password")


async def test_a64_an_invitation_lasts_seven_days(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    owner = await token_of(client, email)
    await change(client, "inviteMember", "user { id }", by=owner, role="VIEWER", **NEW_MEMBER)
    member = await User.all().order_by("-id").first()
    assert member is not None
    token = await link_of(member.id, Purpose.INVITATION)
    clock.advance(timedelta(days=7))
    accept = await change(client, "acceptInvitation", token=token, password="a good new password")
    assert code(accept) == "LINK_REFUSED"


@pytest.mark.parametrize(
    ("field", "values"),
    [("editMember", {"role": "VIEWER"}), ("blockMember", {})],
)
async def test_a64_the_last_owner_neither_steps_down_nor_is_blocked(
    field: str, values: dict[str, str], client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, user, email = await make_owner(clock)
    await make_partner_user(partner, clock, email="blocked@partner.test", state="blocked")
    await make_partner_user(partner, clock, email="invited@partner.test", password_hash=None)
    owner = await token_of(client, email)
    own_id = encode_id("PartnerUser", user.id)
    refused = await change(client, field, "user { id }", by=owner, userId=own_id, **values)
    assert code(refused) in {"CONFLICT", "FORBIDDEN"}
    found = await User.get(id=user.id)
    assert (found.role, found.state) == ("owner", "active")


@pytest.mark.parametrize("way", ["step down", "block"])
async def test_a64_two_owners_cannot_end_each_other_at_once(
    way: str, database: Settings, clock: ManualClock
) -> None:
    partner, first, _ = await make_owner(clock)
    second = await make_partner_user(partner, clock, email="second@partner.test")

    async def end(by: User, target: User) -> User:
        scope = replace(partner_scope(partner, clock), actor=Actor("partner_user", by.id))
        if way == "block":
            return await set_member_blocked(scope, target.id, blocked=True)
        role = PartnerRole.VIEWER
        return await edit_member(scope, target.id, name=None, role=role, box=BOX)

    for _ in range(5):
        done = await asyncio.gather(end(first, second), end(second, first), return_exceptions=True)
        assert sorted(type(item).__name__ for item in done) == ["LastOwner", "User"]
        assert await User.filter(role="owner", state="active").count() == 1
        await User.all().update(role="owner", state="active")


@pytest.mark.parametrize(
    ("field", "values"),
    [("editMember", {"role": "VIEWER"}), ("blockMember", {})],
)
async def test_a64_of_two_owners_who_end_each_other_over_http_one_remains(
    field: str, values: dict[str, str], client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, first, first_email = await make_owner(clock)
    second = await make_partner_user(partner, clock, email="second@partner.test")
    tokens = [await token_of(client, first_email), await token_of(client, "second@partner.test")]
    ids = [encode_id("PartnerUser", second.id), encode_id("PartnerUser", first.id)]
    answers = await asyncio.gather(
        *(
            change(client, field, "user { id }", by=token, userId=target, **values)
            for token, target in zip(tokens, ids, strict=True)
        )
    )
    told = [code(answer) for answer in answers]
    assert told.count(None) == 1
    # The loser finds that it would be the last, or that it is no owner and signed in no longer.
    assert set(told) - {None} <= {"CONFLICT", "FORBIDDEN", "UNAUTHENTICATED"}
    assert await User.filter(role="owner", state="active").count() == 1


async def test_o21_the_last_owner_of_the_staff_stays_as_well(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    owner = await make_operator(clock, email="owner@staff.test")
    token = await token_of(client, "owner@staff.test", schema="admin")
    refused = await change(
        client,
        "editOperator",
        "user { id }",
        by=token,
        schema="admin",
        userId=encode_id("OperatorUser", owner.id),
        role="SUPPORT",
    )
    assert code(refused) == "CONFLICT"


async def test_a64_a_blocked_member_is_out_at_once_and_in_again_after_unblocking(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    member = await make_partner_user(
        partner, clock, role=PartnerRole.VIEWER, email="member@partner.test"
    )
    owner, theirs = await token_of(client, email), await token_of(client, "member@partner.test")
    target = encode_id("PartnerUser", member.id)
    blocked = await change(client, "blockMember", "user { state }", by=owner, userId=target)
    assert blocked["user"] == {"state": "BLOCKED"}
    assert not await still_signed_in(client, theirs)
    await change(client, "unblockMember", "user { state }", by=owner, userId=target)
    assert not await still_signed_in(client, theirs)
    assert code(await log_in(client, "member@partner.test")) is None


@pytest.mark.parametrize("schema", ["partner", "admin"])
async def test_a64_who_is_blocked_and_let_in_again_gets_a_mail_once(
    schema: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    if schema == "partner":
        partner, _, email = await make_owner(clock)
        target = await make_partner_user(partner, clock, role=PartnerRole.VIEWER)
        word, kind = "Member", "PartnerUser"
    else:
        email = "owner@staff.test"
        await make_operator(clock, email=email)
        target = await make_operator(clock, role=StaffRole.SUPPORT)
        word, kind = "Operator", "OperatorUser"
    owner = await token_of(client, email, schema=schema)
    for field in (f"block{word}", f"block{word}", f"unblock{word}", f"unblock{word}"):
        values = {"userId": encode_id(kind, target.id)}
        done = await change(client, field, "user { id }", by=owner, schema=schema, **values)
        assert code(done) is None
    await plan_what_was_asked_for(clock)
    told = [(mail.user_id, mail.template) for mail in await Mail.all().order_by("id")]
    assert told == [(target.id, "user_blocked"), (target.id, "user_unblocked")]
    assert await Event.filter(type="user.blocked").count() == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("editMember", {"name": "Changed"}),
        ("editMember", {"role": "OWNER"}),
        ("blockMember", {}),
        ("unblockMember", {}),
        ("unlockMember", {}),
    ],
)
async def test_a64_a_member_of_another_partner_and_an_operator_do_not_exist(
    field: str, values: dict[str, str], client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    foreign = await make_partner_user(await make_partner(clock), clock, email="f@partner.test")
    operator = await make_operator(clock)
    owner = await token_of(client, email)
    before = [await row_of(foreign), await row_of(operator)]
    answers = [
        await change(
            client,
            field,
            "user { id }",
            by=owner,
            userId=encode_id("PartnerUser", target),
            **values,
        )
        for target in (MISSING, foreign.id, operator.id)
    ]
    assert [code(answer) for answer in answers] == ["NOT_FOUND"] * 3
    assert answers[1:] == [answers[0]] * 2
    assert [await row_of(foreign), await row_of(operator)] == before


async def test_a66_a_statistic_token_of_a_foreign_user_does_not_exist(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    foreign = await make_partner_user(await make_partner(clock), clock)
    owner = await token_of(client, email)
    answers = [
        await change(
            client, "expireStatisticToken", by=owner, userId=encode_id("PartnerUser", target)
        )
        for target in (MISSING, foreign.id)
    ]
    assert code(answers[0]) == "NOT_FOUND"
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "role",
    [
        StaffRole.AFFILIATE_MANAGER,
        StaffRole.FINANCE,
        StaffRole.CONTENT,
        StaffRole.SUPPORT,
        StaffRole.ADVERTISER,
    ],
)
async def test_o21_only_a_staff_owner_blocks_or_invites_operators(
    role: StaffRole, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await make_operator(clock, role=role, email="someone@staff.test")
    target = await make_operator(clock)
    token = await token_of(client, "someone@staff.test", schema="admin")
    blocked = await change(
        client,
        "blockOperator",
        "user { id }",
        by=token,
        schema="admin",
        userId=encode_id("OperatorUser", target.id),
    )
    invited = await change(
        client,
        "inviteOperator",
        "user { id }",
        by=token,
        schema="admin",
        email="x@staff.test",
        name="X",
        role="OWNER",
    )
    assert [code(blocked), code(invited)] == ["FORBIDDEN"] * 2


async def test_o21_an_advertiser_is_invited_with_brands_or_not_at_all(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await make_operator(clock, email="owner@staff.test")
    brand = await make_brand(clock)
    token = await token_of(client, "owner@staff.test", schema="admin")
    told = []
    for role, brands in [
        ("ADVERTISER", []),
        ("ADVERTISER", [MISSING]),
        ("SUPPORT", [brand.id]),
        ("ADVERTISER", [brand.id]),
    ]:
        answer = await change(
            client,
            "inviteOperator",
            "user { id }",
            by=token,
            schema="admin",
            email="ad@staff.test",
            name="Ada",
            role=role,
            brandIds=[encode_id("Brand", item) for item in brands],
        )
        told.append(code(answer))
    assert told == ["INVALID", "INVALID", "INVALID", None]


async def test_o21_brands_without_a_role_are_refused_instead_of_forgotten(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await make_operator(clock, email="owner@staff.test")
    brand = await make_brand(clock)
    target = await make_operator(clock, role=StaffRole.ADVERTISER, brand_ids=(brand.id,))
    token = await token_of(client, "owner@staff.test", schema="admin")
    refused = await change(
        client,
        "editOperator",
        "user { id }",
        by=token,
        schema="admin",
        userId=encode_id("OperatorUser", target.id),
        brandIds=[encode_id("Brand", brand.id)],
    )
    assert code(refused) == "INVALID"


async def test_a6a_an_erased_member_has_neither_name_nor_email_and_frees_its_email(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    member = await make_partner_user(
        partner, clock, role=PartnerRole.MANAGER, email="member@partner.test"
    )
    theirs = await token_of(client, "member@partner.test")
    script = (
        await change(
            client, "createApiToken", "token", by=theirs, name="x", permissions=["READ_ACCOUNT"]
        )
    )["token"]
    await change(client, "requestPasswordReset", email="member@partner.test")
    await plan_what_was_asked_for(clock)
    reset = await link_of(member.id, Purpose.RESET_PASSWORD)
    await make_operator(clock, email="owner@staff.test")
    operator = await token_of(client, "owner@staff.test", schema="admin")
    user_id = encode_id("PartnerUser", member.id)
    erased = await change(client, "erasePerson", by=operator, schema="admin", userId=user_id)
    again = await change(client, "erasePerson", by=operator, schema="admin", userId=user_id)
    assert (erased["done"], again["done"]) == (True, False)
    assert not await still_signed_in(client, theirs)
    assert not await still_signed_in(client, script)
    new = {"token": reset, "password": "a good new password"}
    assert code(await change(client, "resetPassword", **new)) == "LINK_REFUSED"
    owner = await token_of(client, email)
    await change(client, "unblockMember", "user { id }", by=owner, userId=user_id)
    assert not await still_signed_in(client, script)
    document = f'{{ node(id: "{user_id}") {{ ... on PartnerUser {{ name email }} }} }}'
    shown = await ask(client, document, by=owner)
    assert shown["data"]["node"] == {"name": None, "email": None}
    events = await ask(client, "{ events(first: 50) { nodes { type actorName ip } } }", by=owner)
    signed_in = [n for n in events["data"]["events"]["nodes"] if n["type"] == "user.signed_in"]
    assert {"type": "user.signed_in", "actorName": None, "ip": None} in signed_in
    invited = await change(
        client,
        "inviteMember",
        "user { email }",
        by=owner,
        email="member@partner.test",
        name="Nina New",
        role="VIEWER",
    )
    assert invited["user"] == {"email": "member@partner.test"}

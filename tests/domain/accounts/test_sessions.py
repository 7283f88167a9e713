"""A63, A66, N01–N03: sessions and tokens, whose they are, and when they end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.accounts.sessions import NETWORK_GRACE, NetworkUser, authenticate_network
from app.domain.accounts.sign_in import Credentials, Device, SignedIn, sign_in_network
from app.domain.errors import Unauthenticated
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import hash_token
from app.infra.database import fetch
from app.models import ApiToken, Session, User
from app.schema.ids import encode_id
from app.settings import Settings
from tests.domain.accounts.people import (
    ask,
    change,
    code,
    log_in,
    make_owner,
    still_signed_in,
    token_of,
)
from tests.factories import (
    BOX,
    PASSWORD,
    make_operator,
    make_partner,
    make_partner_user,
    sign_in,
)

MISSING = 900_000_000_000


async def _session_id(token: str) -> str:
    row = await Session.get(token_hash=hash_token(token))
    return str(encode_id("Session", row.id))


async def test_a63_a_terminated_session_is_refused_at_once(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    stolen, own = await token_of(client, email), await token_of(client, email)
    ended = await change(client, "terminateSession", by=own, sessionId=await _session_id(stolen))
    assert ended["done"]
    assert not await still_signed_in(client, stolen)
    assert await still_signed_in(client, own)


async def test_a63_a_session_that_was_logged_out_is_refused(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    assert (await change(client, "logout", "ended", by=token))["ended"]
    assert not await still_signed_in(client, token)


async def test_a63_a_session_ends_after_its_lifetime(
    client: httpx.AsyncClient, clock: ManualClock, settings: Settings
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    clock.advance(timedelta(seconds=settings.session_lifetime - 1))
    assert await still_signed_in(client, token)
    clock.advance(timedelta(seconds=1))
    assert not await still_signed_in(client, token)


async def test_a61_a_changed_password_ends_the_other_sessions_and_keeps_this_one(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    stolen, own = await token_of(client, email), await token_of(client, email)
    new = {"presentPassword": PASSWORD, "password": "a good new password"}
    assert (await change(client, "changePassword", by=own, **new))["done"]
    assert not await still_signed_in(client, stolen)
    assert await still_signed_in(client, own)
    assert code(await log_in(client, email)) == "SIGN_IN_REFUSED"


async def test_a63_a_login_makes_a_new_token_and_adopts_none_that_the_client_brings(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    planted = "a-token-that-the-attacker-knows"
    client.cookies.set("tributary_session", planted)
    values = {"email": email, "password": PASSWORD, "cookie": True}
    headers = {"GraphQL-Require-Preflight": "1", "Authorization": f"Bearer {planted}"}
    query = "mutation($input: LoginInput!) { login(input: $input) { token } }"
    body = {"query": query, "variables": {"input": values}}
    client.cookies.clear()
    sent = headers | {"Cookie": f"tributary_session={planted}"}
    del sent["Authorization"]
    answer = await client.post("/partner/graphql", json=body, headers=sent)
    token = answer.json()["data"]["login"]["token"]
    assert token != planted
    assert f"tributary_session={token};" in answer.headers["set-cookie"]
    assert not await still_signed_in(client, planted)
    assert await still_signed_in(client, token)


async def test_a63_each_login_is_a_session_with_a_token_of_its_own(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    tokens = {await token_of(client, email) for _ in range(3)}
    assert len(tokens) == 3
    stored = {row.token_hash for row in await Session.all()}
    assert stored == {hash_token(token) for token in tokens}


async def test_a63_the_list_shows_device_address_and_the_current_session(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await token_of(client, email)
    own = await token_of(client, email)
    document = "{ sessions(first: 5) { nodes { current ip device } } }"
    listed = (await ask(client, document, by=own))["data"]["sessions"]["nodes"]
    assert sorted(item["current"] for item in listed) == [False, True]
    assert {item["ip"] for item in listed} == {"203.0.113.9"}
    assert all(item["device"].startswith("python-httpx/") for item in listed)


@pytest.mark.parametrize("role", [PartnerRole.MANAGER, PartnerRole.FINANCE, PartnerRole.VIEWER])
async def test_a63_only_an_owner_ends_a_teammates_session(
    role: PartnerRole, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    await make_partner_user(partner, clock, role=role, email="member@partner.test")
    owner, member = await token_of(client, email), await token_of(client, "member@partner.test")
    owners, members = await _session_id(owner), await _session_id(member)
    refused = await change(client, "terminateSession", by=member, sessionId=owners)
    assert code(refused) == "NOT_FOUND"
    assert await still_signed_in(client, owner)
    assert (await change(client, "terminateSession", by=owner, sessionId=members))["done"]
    assert not await still_signed_in(client, member)


async def test_a63_a_session_of_another_partner_does_not_exist(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    _, _, other_email = await make_owner(clock)
    own, foreign = await token_of(client, email), await token_of(client, other_email)
    theirs = await _session_id(foreign)
    none = encode_id("Session", MISSING)
    refused = await change(client, "terminateSession", by=own, sessionId=theirs)
    assert refused == await change(client, "terminateSession", by=own, sessionId=none)
    assert code(refused) == "NOT_FOUND"
    assert await still_signed_in(client, foreign)


async def test_a68_an_operator_who_ends_a_partners_session_is_in_the_partners_log(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    theirs = await token_of(client, email)
    await make_operator(clock, email="operator@staff.test")
    operator = await token_of(client, "operator@staff.test", schema="admin")
    session_id = await _session_id(theirs)
    ended = await change(
        client, "terminateSession", by=operator, schema="admin", sessionId=session_id
    )
    assert ended["done"]
    rows = await fetch("SELECT partner_id FROM events WHERE type = 'session.terminated'")
    assert [row["partner_id"] for row in rows] == [partner.id]


# API tokens


async def _api_token(client: httpx.AsyncClient, by: str, *permissions: str, **fields: Any) -> str:
    made = await change(
        client,
        "createApiToken",
        "token",
        by=by,
        name="Nightly",
        permissions=list(permissions),
        **fields,
    )
    assert made["userErrors"] == []
    return str(made["token"])


async def _code(client: httpx.AsyncClient, document: str, by: str) -> str | None:
    answer = await ask(client, document, by=by)
    errors = answer.get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else None


TEAM = "{ team(first: 1) { nodes { id } } }"
CAMPAIGNS = "{ campaigns(first: 1) { nodes { id } } }"


async def test_a66_an_api_token_may_do_what_it_names_and_nothing_else(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await _api_token(client, await token_of(client, email), "READ_CAMPAIGNS")
    assert await _code(client, CAMPAIGNS, token) is None
    assert await _code(client, TEAM, token) == "FORBIDDEN"


async def test_a66_an_api_token_loses_what_its_users_role_loses(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    owner = await token_of(client, email)
    token = await _api_token(client, owner, "READ_EVENTS", "READ_CAMPAIGNS")
    assert await _code(client, "{ events(first: 1) { nodes { id } } }", token) is None
    await User.filter(id=user.id).update(role="viewer")
    assert await _code(client, "{ events(first: 1) { nodes { id } } }", token) == "FORBIDDEN"
    assert await _code(client, CAMPAIGNS, token) is None


async def test_a66_nobody_makes_an_api_token_with_more_than_its_own_permissions(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, _ = await make_owner(clock)
    await make_partner_user(partner, clock, role=PartnerRole.FINANCE, email="f@partner.test")
    token = await token_of(client, "f@partner.test")
    refused = await change(
        client, "createApiToken", "token", by=token, name="x", permissions=["MANAGE_TEAM"]
    )
    assert code(refused) == "INVALID"


async def test_a66_a_revoked_api_token_is_refused(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    owner = await token_of(client, email)
    token = await _api_token(client, owner, "READ_CAMPAIGNS")
    token_id = encode_id("ApiToken", (await ApiToken.get()).id)
    assert (await change(client, "revokeApiToken", by=owner, tokenId=token_id))["done"]
    assert await _code(client, CAMPAIGNS, token) == "UNAUTHENTICATED"
    again = await change(client, "revokeApiToken", by=owner, tokenId=token_id)
    assert code(again) == "NOT_FOUND"


async def test_a66_an_expired_api_token_is_refused(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    ends = (clock.now() + timedelta(hours=1)).isoformat()
    token = await _api_token(
        client, await token_of(client, email), "READ_CAMPAIGNS", expiresAt=ends
    )
    clock.advance(timedelta(hours=1) - timedelta(seconds=1))
    assert await _code(client, CAMPAIGNS, token) is None
    clock.advance(timedelta(seconds=1))
    assert await _code(client, CAMPAIGNS, token) == "UNAUTHENTICATED"


async def test_a66_an_api_token_of_a_teammate_is_not_revoked(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    await make_partner_user(partner, clock, email="other@partner.test")
    await _api_token(client, await token_of(client, "other@partner.test"), "READ_CAMPAIGNS")
    token_id = encode_id("ApiToken", (await ApiToken.get()).id)
    owner = await token_of(client, email)
    refused = await change(client, "revokeApiToken", by=owner, tokenId=token_id)
    assert code(refused) == "NOT_FOUND"


async def test_a66_an_api_token_opens_no_other_schema(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await _api_token(client, await token_of(client, email), "READ_ACCOUNT")
    assert not await still_signed_in(client, token, "admin")
    assert not await still_signed_in(client, await token_of(client, email), "admin")


@pytest.mark.parametrize(
    ("field", "selection", "values"),
    [
        ("changePassword", "done", {"presentPassword": PASSWORD, "password": "a new password"}),
        ("beginTwoFactor", "enrolment { secret }", {}),
        ("confirmTwoFactor", "recoveryCodes", {"code": "000000"}),
        ("disableTwoFactor", "done", {"password": PASSWORD, "code": "000000"}),
        ("renewRecoveryCodes", "recoveryCodes", {"password": PASSWORD, "code": "000000"}),
        ("issueStatisticToken", "token", {}),
        ("createApiToken", "token", {"name": "x", "permissions": ["READ_ACCOUNT"]}),
        ("terminateSession", "done", {"sessionId": encode_id("Session", 1)}),
        ("updateProfile", "done", {"name": "Another"}),
    ],
)
async def test_a66_an_api_token_cannot_become_more_than_it_is(
    field: str,
    selection: str,
    values: dict[str, Any],
    client: httpx.AsyncClient,
    clock: ManualClock,
) -> None:
    _, _, email = await make_owner(clock)
    session = await token_of(client, email)
    token = await _api_token(client, session, "READ_ACCOUNT", "MANAGE_API_TOKENS")
    assert code(await change(client, field, selection, by=token, **values)) == "FORBIDDEN"
    assert await _code(client, "{ statisticToken }", token) == "FORBIDDEN"


async def test_a66_issuing_a_statistic_token_ends_the_earlier_one(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    token = await token_of(client, email)
    first = (await change(client, "issueStatisticToken", "token", by=token))["token"]
    second = (await change(client, "issueStatisticToken", "token", by=token))["token"]
    found = await User.get(id=user.id)
    assert found.statistic_token_hash == hash_token(second) != hash_token(first)
    shown = await ask(client, "{ statisticToken }", by=token)
    assert shown["data"]["statisticToken"] == second


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (PartnerRole.OWNER, None),
        (PartnerRole.MANAGER, "FORBIDDEN"),
        (PartnerRole.VIEWER, "FORBIDDEN"),
    ],
)
async def test_a66_an_owner_expires_the_statistic_token_of_a_teammate(
    role: PartnerRole, told: str | None, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, user, email = await make_owner(clock)
    await change(client, "issueStatisticToken", "token", by=await token_of(client, email))
    await make_partner_user(partner, clock, role=role, email="member@partner.test")
    member = await token_of(client, "member@partner.test")
    target = encode_id("PartnerUser", user.id)
    assert code(await change(client, "expireStatisticToken", by=member, userId=target)) == told
    assert ((await User.get(id=user.id)).statistic_token is None) == (told is None)


async def _with_a_statistic_token(user: User) -> str:
    """A user with a statistic token, by its hash."""
    digest = hash_token(f"statistic token {user.id}")
    await User.filter(id=user.id).update(
        statistic_token=BOX.encrypt("a token"), statistic_token_hash=digest
    )
    return digest


@pytest.mark.parametrize("role", list(StaffRole))
async def test_o21_who_manages_partners_expires_the_statistic_token_of_a_team_member(
    role: StaffRole, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, user, _ = await make_owner(clock)
    await _with_a_statistic_token(user)
    await make_operator(clock, role=role, email="operator@staff.test")
    operator = await token_of(client, "operator@staff.test", schema="admin")
    field, values = "expirePartnerUserStatisticToken", {"userId": encode_id("PartnerUser", user.id)}
    told = code(await change(client, field, by=operator, schema="admin", **values))
    may = role in {StaffRole.OWNER, StaffRole.AFFILIATE_MANAGER}
    assert told == (None if may else "FORBIDDEN")
    found = await User.get(id=user.id)
    assert (found.statistic_token, found.statistic_token_hash) == (None, None) or not may
    rows = await fetch("SELECT partner_id FROM events WHERE type = 'user.statistic_token_expired'")
    assert [row["partner_id"] for row in rows] == ([partner.id] if may else [])


@pytest.mark.parametrize("role", list(StaffRole))
async def test_a66_an_operator_expires_its_own_statistic_token_and_an_owner_those_of_others(
    role: StaffRole, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    other = await make_operator(clock, email="other@staff.test")
    own = await make_operator(clock, role=role, email="operator@staff.test")
    for user in (own, other):
        await _with_a_statistic_token(user)
    by = await token_of(client, "operator@staff.test", schema="admin")
    told = [
        code(await change(client, "expireStatisticToken", by=by, schema="admin", **values))
        for values in ({}, {"userId": encode_id("OperatorUser", other.id)})
    ]
    may = role is StaffRole.OWNER
    assert told == [None, None if may else "FORBIDDEN"]
    assert (await User.get(id=own.id)).statistic_token is None
    assert ((await User.get(id=other.id)).statistic_token is None) == may


async def test_o21_a_statistic_token_of_an_operator_is_not_a_partner_users(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await make_operator(clock, role=StaffRole.AFFILIATE_MANAGER, email="manager@staff.test")
    owner = await make_operator(clock)
    digest = await _with_a_statistic_token(owner)
    by = await token_of(client, "manager@staff.test", schema="admin")
    field, values = (
        "expirePartnerUserStatisticToken",
        {"userId": encode_id("PartnerUser", owner.id)},
    )
    assert code(await change(client, field, by=by, schema="admin", **values)) == "NOT_FOUND"
    assert (await User.get(id=owner.id)).statistic_token_hash == digest


# The network API


async def _network(clock: ManualClock, **device: Any) -> SignedIn:
    _, _, email = await make_owner(clock)
    scope = Scope.visitor(clock, "test-request", "203.0.113.9")
    lifetime = device.get("lifetime", timedelta(days=1))
    credentials = Credentials(email, PASSWORD)
    return await sign_in_network(scope, credentials, box=BOX, device=Device(None, lifetime))


async def _call(clock: ManualClock, client: str | None, token: str) -> NetworkUser:
    return await authenticate_network(client or "", token, clock, "test-request", None, box=BOX)


async def test_n03_every_answer_carries_the_next_token(
    database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    tokens = [opened.token]
    for _ in range(5):
        tokens.append((await _call(clock, opened.client, tokens[-1])).token)
    assert len(set(tokens)) == 6


async def test_n03_requests_in_parallel_with_one_token_all_work_and_get_the_same_next_one(
    database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    answers = await asyncio.gather(*(_call(clock, opened.client, opened.token) for _ in range(20)))
    assert len({answer.token for answer in answers}) == 1
    assert answers[0].token != opened.token


async def test_n03_pages_in_a_row_with_one_token_slide_the_grace(
    database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    present = (await _call(clock, opened.client, opened.token)).token
    for _ in range(30):
        clock.advance(NETWORK_GRACE)
        assert (await _call(clock, opened.client, opened.token)).token == present


async def test_n03_an_earlier_token_is_refused_after_the_grace_and_the_present_one_is_not(
    database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    present = (await _call(clock, opened.client, opened.token)).token
    clock.advance(NETWORK_GRACE + timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await _call(clock, opened.client, opened.token)
    assert (await _call(clock, opened.client, present)).token != present


async def test_n03_a_session_ends_at_its_expiry_whatever_its_use(
    database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock, lifetime=timedelta(minutes=20))
    clock.advance(timedelta(minutes=9))
    present = await _call(clock, opened.client, opened.token)
    clock.advance(timedelta(minutes=11))
    with pytest.raises(Unauthenticated):
        await _call(clock, opened.client, present.token)


async def test_n03_tokens_are_not_stored(database: Settings, clock: ManualClock) -> None:
    opened = await _network(clock)
    present = await _call(clock, opened.client, opened.token)
    rows = await fetch("SELECT row_to_json(s)::text AS line FROM sessions s")
    line = rows[0]["line"]
    for token in (opened.token, present.token):
        assert token not in line
        assert hash_token(token) not in line


@pytest.mark.parametrize("change_of", ["token", "client", "future"])
async def test_n03_a_forged_token_is_refused(
    change_of: str, database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    other = await _network(clock)
    assert opened.client is not None
    forged = {
        "token": (opened.client, "0" * 64),
        "client": (other.client, opened.token),
        "future": (opened.client, BOX.session_tokens(opened.client, 1)[0]),
    }[change_of]
    with pytest.raises(Unauthenticated):
        await _call(clock, *forged)


@pytest.mark.parametrize("ending", ["terminated", "user blocked", "partner blocked"])
async def test_n03_a_session_that_was_ended_is_refused(
    ending: str, database: Settings, clock: ManualClock
) -> None:
    opened = await _network(clock)
    statement = {
        "terminated": "UPDATE sessions SET terminated_at = created_at",
        "user blocked": "UPDATE users SET state = 'blocked'",
        "partner blocked": "UPDATE partners SET state = 'blocked'",
    }[ending]
    await fetch(statement)
    with pytest.raises(Unauthenticated):
        await _call(clock, opened.client, opened.token)


async def test_n01_a_network_token_is_no_bearer_token(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    opened = await _network(clock)
    assert not await still_signed_in(client, opened.token)
    assert not await still_signed_in(client, opened.client or "")


async def test_o21_an_advertiser_without_brands_sees_nothing(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await make_partner(clock)
    await make_operator(clock, role=StaffRole.ADVERTISER, email="a@staff.test", brand_ids=())
    await make_operator(clock, role=StaffRole.ADVERTISER, email="b@staff.test", brand_ids=None)
    await make_operator(clock, email="owner@staff.test")
    document = (
        "{ brands(first: 9) { nodes { id } } partners(first: 9) { nodes { id } }"
        " affiliations(first: 9) { nodes { id } } operators(first: 9) { nodes { email } } }"
    )
    for email in ("a@staff.test", "b@staff.test"):
        token = await sign_in(client, email, endpoint="/admin/graphql")
        seen = (await ask(client, document, by=token, schema="admin"))["data"]
        assert seen["operators"]["nodes"] == [{"email": email}]
        assert [seen[name]["nodes"] for name in ("brands", "partners", "affiliations")] == [[]] * 3

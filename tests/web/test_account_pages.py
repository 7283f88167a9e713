"""A60, A61: the plain pages behind mailed links."""

from __future__ import annotations

import httpx
import pytest

from app.domain.accounts.links import Purpose, issue_link
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import transaction
from app.models import User
from tests.domain.accounts.people import (
    code,
    link_of,
    log_in,
    make_owner,
    still_signed_in,
    token_of,
)

ACTIONS = {
    "confirm-email": Purpose.CONFIRM_EMAIL,
    "unlock": Purpose.UNLOCK,
    "reset-password": Purpose.RESET_PASSWORD,
    "invitation": Purpose.INVITATION,
}


async def _token(system: Scope, user: User, purpose: Purpose) -> str:
    async with transaction() as tx:
        await issue_link(system, tx, user.id, purpose)
    return await link_of(user.id, purpose)


@pytest.mark.parametrize("action", ACTIONS)
async def test_a60_opening_a_link_changes_nothing(
    action: str, client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    _, user, _ = await make_owner(clock, email_confirmed_at=None, locked_at=clock.now())
    token = await _token(system, user, ACTIONS[action])
    for _ in range(2):
        shown = await client.get(f"/account/{action}", params={"token": token})
        assert shown.status_code == 200
        assert f'value="{token}"' in shown.text
    found = await User.get(id=user.id)
    assert (found.email_confirmed_at, found.locked_at) == (None, clock.now())


@pytest.mark.parametrize("action", ACTIONS)
async def test_a60_the_button_of_a_page_does_what_the_link_is_for_once(
    action: str, client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    locked = clock.now() if action == "unlock" else None
    confirmed = None if action == "confirm-email" else clock.now()
    _, user, email = await make_owner(clock, email_confirmed_at=confirmed, locked_at=locked)
    form = {"token": await _token(system, user, ACTIONS[action])}
    sets_password = action in {"reset-password", "invitation"}
    password = {"password": "a good new password"} if sets_password else {}
    done = await client.post(f"/account/{action}", data=form | password)
    again = await client.post(f"/account/{action}", data=form | password)
    assert (done.status_code, again.status_code) == (200, 400)
    assert code(await log_in(client, email, **password)) is None


@pytest.mark.parametrize("action", ACTIONS)
async def test_a61_a_link_for_something_else_is_refused(
    action: str, client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    _, user, _ = await make_owner(clock)
    other = next(purpose for name, purpose in ACTIONS.items() if name != action)
    form = {"token": await _token(system, user, other), "password": "a good new password"}
    assert (await client.post(f"/account/{action}", data=form)).status_code == 400


async def test_a61_a_new_password_ends_every_session(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    _, user, email = await make_owner(clock)
    stolen = await token_of(client, email)
    form = {"token": await _token(system, user, Purpose.RESET_PASSWORD)}
    await client.post("/account/reset-password", data=form | {"password": "a good new password"})
    assert not await still_signed_in(client, stolen)


async def test_a61_a_weak_password_keeps_the_link(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    _, user, _ = await make_owner(clock)
    form = {"token": await _token(system, user, Purpose.RESET_PASSWORD)}
    weak = await client.post("/account/reset-password", data=form | {"password": "short"})
    assert (weak.status_code, "10 to 200 characters" in weak.text) == (400, True)
    good = form | {"password": "a good new password"}
    assert (await client.post("/account/reset-password", data=good)).status_code == 200


async def test_a61_a_token_is_escaped_into_the_page(client: httpx.AsyncClient) -> None:
    token = '"><script>alert(1)</script>'
    shown = await client.get("/account/unlock", params={"token": token})
    posted = await client.post("/account/unlock", data={"token": token})
    for answer in (shown, posted):
        assert "<script>" not in answer.text
        assert "&quot;&gt;&lt;script&gt;" in answer.text


async def test_a61_a_page_runs_nothing_is_framed_nowhere_and_tells_nobody_its_address(
    client: httpx.AsyncClient,
) -> None:
    headers = (await client.get("/account/unlock", params={"token": "x"})).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a61_an_unknown_page_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/account/anything")).status_code == 404
    assert (await client.post("/account/anything")).status_code == 404


async def test_a61_a_form_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/account/unlock", data={"token": "x" * 5_000})
    assert (answer.status_code, "too large" in answer.text) == (400, True)


@pytest.mark.parametrize("body", [b"", b"token", b"\xff\xfe", b"token=%FF%FE", b"token=a&token=b"])
async def test_a61_a_form_that_is_none_is_refused(body: bytes, client: httpx.AsyncClient) -> None:
    assert (await client.post("/account/unlock", content=body)).status_code == 400

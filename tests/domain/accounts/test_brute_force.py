"""A61: guessing ends per account, per address and per code, and what was counted is not forgotten."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from app.domain.accounts.attempts import address_key
from app.domain.accounts.links import Purpose
from app.domain.accounts.sign_in import FAILURES_BEFORE_LOCK
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import AccountLink, Session, User
from tests.domain.accounts.conftest import Argon2Work
from tests.domain.accounts.people import (
    change,
    code,
    enable_two_factor,
    event_types,
    from_address,
    link_of,
    log_in,
    make_owner,
    row_of,
    token_of,
)
from tests.factories import PASSWORD


async def _fail(client: httpx.AsyncClient, email: str, times: int = FAILURES_BEFORE_LOCK) -> None:
    for _ in range(times):
        assert code(await log_in(client, email, "wrong password")) == "SIGN_IN_REFUSED"


async def test_a61_one_failure_less_than_the_limit_does_not_lock(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await _fail(client, email, FAILURES_BEFORE_LOCK - 1)
    assert code(await log_in(client, email)) is None


async def test_a61_a_success_forgets_the_failures_of_the_account(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    for _ in range(2):
        await _fail(client, email, FAILURES_BEFORE_LOCK - 1)
        assert code(await log_in(client, email)) is None


async def test_a61_failures_lock_the_account_and_a_mailed_link_opens_it(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    await _fail(client, email)
    assert code(await log_in(client, email)) == "ACCOUNT_LOCKED"
    token = await link_of(user.id, Purpose.UNLOCK)
    assert (await change(client, "unlockAccount", token=token))["done"]
    assert code(await log_in(client, email)) is None
    assert (await event_types()).count("user.locked") == 1


async def test_a61_a_lock_does_not_end_with_time(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await _fail(client, email)
    clock.advance(timedelta(days=30))
    assert code(await log_in(client, email)) == "ACCOUNT_LOCKED"


async def test_a61_failures_of_a_locked_account_neither_mail_nor_lock_again(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    await _fail(client, email, FAILURES_BEFORE_LOCK + 7)
    assert (await event_types()).count("user.locked") == 1
    assert await AccountLink.filter(user_id=user.id, purpose="unlock").count() == 1


async def test_a61_the_right_password_of_a_locked_account_resets_nothing(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    await _fail(client, email)
    before = await row_of(user)
    assert code(await log_in(client, email)) == "ACCOUNT_LOCKED"
    assert await row_of(user) == before


async def test_a61_asking_for_a_new_password_does_not_unlock(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await _fail(client, email)
    await change(client, "requestPasswordReset", email=email)
    assert code(await log_in(client, email)) == "ACCOUNT_LOCKED"


async def test_a61_an_account_that_is_unlocked_locks_again_after_as_many_failures(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    for _ in range(2):
        await _fail(client, email)
        assert code(await log_in(client, email)) == "ACCOUNT_LOCKED"
        token = await link_of(user.id, Purpose.UNLOCK)
        await change(client, "unlockAccount", token=token)


async def test_a61_fifty_guesses_at_once_lock_the_account_once(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    await asyncio.gather(*(log_in(client, email, f"wrong password {n}") for n in range(50)))
    found = await User.get(id=user.id)
    assert found.locked_at is not None
    assert found.failed_attempts == FAILURES_BEFORE_LOCK
    assert (await event_types()).count("user.locked") == 1
    assert await AccountLink.filter(user_id=user.id).count() == 1


@pytest.fixture
def slow_right_password(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """The verification of the right password finishes when told to: (it has begun, let it finish)."""
    begun, finish = threading.Event(), threading.Event()
    verify = PasswordHasher.verify

    def waiting(self: PasswordHasher, stored: Any, password: Any) -> Any:
        found = verify(self, stored, password)
        begun.set()
        finish.wait(30)
        return found

    monkeypatch.setattr(PasswordHasher, "verify", waiting)
    return begun, finish


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        ("locked_at = created_at", "ACCOUNT_LOCKED"),
        ("state = 'blocked'", "ACCOUNT_BLOCKED"),
        ("password_hash = 'another'", "SIGN_IN_REFUSED"),
    ],
    ids=["locked", "blocked", "another password"],
)
async def test_a61_an_account_that_changes_while_its_password_is_verified_stays_shut(
    meanwhile: str,
    told: str,
    client: httpx.AsyncClient,
    clock: ManualClock,
    slow_right_password: tuple[threading.Event, threading.Event],
) -> None:
    _, user, email = await make_owner(clock)
    begun, finish = slow_right_password
    login = asyncio.create_task(log_in(client, email))
    await asyncio.to_thread(begun.wait, 30)
    await fetch(f"UPDATE users SET {meanwhile} WHERE id = $1", user.id)
    finish.set()
    assert code(await login) == told
    assert await Session.filter(user_id=user.id).count() == 0


async def test_a61_fifty_failures_from_an_address_stop_it_for_every_account(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    for number in range(50):
        answer = await log_in(client, f"nobody{number}@somewhere.test", "wrong password")
        assert code(answer) == "SIGN_IN_REFUSED"
    refused = await log_in(client, email)
    assert code(refused) == "TOO_MANY_ATTEMPTS"
    assert "try again in 900 seconds" in refused["userErrors"][0]["message"]
    async with from_address(client, "198.51.100.7") as elsewhere:
        assert code(await log_in(elsewhere, email)) is None
    clock.advance(timedelta(minutes=15))
    assert code(await log_in(client, email)) is None


async def test_a61_of_a_hundred_guesses_at_once_from_an_address_fifty_are_verified(
    client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    guesses = [log_in(client, f"nobody{n}@somewhere.test", "wrong password") for n in range(100)]
    told = [code(answer) for answer in await asyncio.gather(*guesses)]
    assert sorted(map(str, told)) == ["SIGN_IN_REFUSED"] * 50 + ["TOO_MANY_ATTEMPTS"] * 50
    assert argon2.take() == (50, 0)


async def test_a61_successes_from_an_address_do_not_count(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    for _ in range(55):
        assert code(await log_in(client, email)) is None


@pytest.mark.parametrize("field", ["changePassword", "disableTwoFactor", "renewRecoveryCodes"])
async def test_a61_of_forty_guesses_at_once_in_a_stolen_session_ten_are_verified(
    field: str, client: httpx.AsyncClient, clock: ManualClock, argon2: Argon2Work
) -> None:
    _, _, email = await make_owner(clock)
    thief = await token_of(client, email)
    values = {"presentPassword": "wrong password", "password": "a good new password"}
    selection = "done"
    if field != "changePassword":
        await enable_two_factor(client, thief, clock)
        values = {"password": "wrong password", "code": "000000"}
        selection = "done" if field == "disableTwoFactor" else "recoveryCodes"
    argon2.take()
    guesses = [change(client, field, selection, by=thief, **values) for _ in range(40)]
    told = [code(answer) for answer in await asyncio.gather(*guesses)]
    assert sorted(map(str, told)) == ["INVALID"] * 10 + ["TOO_MANY_ATTEMPTS"] * 30
    assert argon2.take() == (10, 0)


async def test_a62_of_forty_codes_at_once_that_would_switch_2fa_on_ten_are_compared(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    thief = await token_of(client, email)
    await change(client, "beginTwoFactor", "enrolment { secret }", by=thief)
    guesses = [
        change(client, "confirmTwoFactor", "recoveryCodes", by=thief, code="000000")
        for _ in range(40)
    ]
    told = [code(answer) for answer in await asyncio.gather(*guesses)]
    assert sorted(map(str, told)) == ["OTP_REFUSED"] * 10 + ["TOO_MANY_ATTEMPTS"] * 30


async def test_a61_of_forty_requests_for_mails_at_once_from_an_address_twenty_are_recorded(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    asked = [change(client, "requestPasswordReset", email="n@somewhere.test") for _ in range(40)]
    told = [code(answer) for answer in await asyncio.gather(*asked)]
    assert sorted(map(str, told)) == ["None"] * 20 + ["TOO_MANY_ATTEMPTS"] * 20
    assert (await event_types()).count("user.password_reset_requested") == 20


def test_a61_an_ipv6_address_counts_by_its_network() -> None:
    assert address_key("2001:db8:1:2:3:4:5:6") == address_key("2001:db8:1:2:ffff::1")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")


def test_a61_an_ipv4_address_counts_by_itself_however_it_is_written() -> None:
    assert address_key("::ffff:203.0.113.9") == address_key("203.0.113.9") == "203.0.113.9"
    assert address_key("203.0.113.9") != address_key("203.0.113.10")


async def test_a62_wrong_codes_lock_the_account(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await enable_two_factor(client, await token_of(client, email), clock)
    for _ in range(FAILURES_BEFORE_LOCK):
        assert code(await log_in(client, email, otp="000000")) == "OTP_REFUSED"
    assert code(await log_in(client, email, otp="000000")) == "ACCOUNT_LOCKED"


async def test_a62_wrong_recovery_codes_lock_the_account(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    await enable_two_factor(client, await token_of(client, email), clock)
    for number in range(FAILURES_BEFORE_LOCK):
        guess = f"abcde-fghj{number + 2}"
        assert code(await log_in(client, email, otp=guess)) == "OTP_REFUSED"
    assert code(await log_in(client, email, otp="abcde-fghjk")) == "ACCOUNT_LOCKED"


async def test_a62_a_code_that_was_used_counts_as_a_failure_although_its_request_is_rolled_back(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    totp = await enable_two_factor(client, await token_of(client, email), clock)
    assert code(await log_in(client, email, otp=totp.at(clock.now()))) == "OTP_REFUSED"
    assert (await User.get(id=user.id)).failed_attempts == 1


async def test_a62_codes_are_limited_per_user_across_unlocks_until_the_window_is_over(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    totp = await enable_two_factor(client, await token_of(client, email), clock)
    for _ in range(2):
        for _ in range(FAILURES_BEFORE_LOCK):
            assert code(await log_in(client, email, otp="000000")) == "OTP_REFUSED"
        await change(client, "unlockAccount", token=await link_of(user.id, Purpose.UNLOCK))
    clock.advance(timedelta(seconds=60))
    assert code(await log_in(client, email, otp=totp.at(clock.now()))) == "TOO_MANY_ATTEMPTS"
    clock.advance(timedelta(minutes=15))
    assert code(await log_in(client, email, otp=totp.at(clock.now()))) is None


async def test_a61_a_stolen_session_cannot_guess_the_password(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    thief = await token_of(client, email)
    for number in range(10):
        guess = {"presentPassword": f"wrong password {number}", "password": "a good new password"}
        assert code(await change(client, "changePassword", by=thief, **guess)) == "INVALID"
    right = {"presentPassword": PASSWORD, "password": "a good new password"}
    assert code(await change(client, "changePassword", by=thief, **right)) == "TOO_MANY_ATTEMPTS"


async def test_a60_thirty_wrong_links_stop_an_address(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock)
    await _fail(client, email)
    token = await link_of(user.id, Purpose.UNLOCK)
    for number in range(30):
        forged = f"{token.partition('.')[0]}.{number:043d}"
        assert code(await change(client, "unlockAccount", token=forged)) == "LINK_REFUSED"
    assert code(await change(client, "unlockAccount", token=token)) == "TOO_MANY_ATTEMPTS"
    clock.advance(timedelta(minutes=15))
    assert code(await change(client, "unlockAccount", token=token)) is None


@pytest.mark.parametrize("field", ["requestPasswordReset", "resendConfirmation"])
async def test_a61_twenty_mails_an_hour_can_be_asked_for_from_an_address(
    field: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for number in range(20):
        assert code(await change(client, field, email=f"n{number}@somewhere.test")) is None
    assert code(await change(client, field, email="n@somewhere.test")) == "TOO_MANY_ATTEMPTS"
    clock.advance(timedelta(hours=1))
    assert code(await change(client, field, email="n@somewhere.test")) is None

"""A62: TOTP and recovery codes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest

from app.domain.accounts.sessions import authenticate
from app.domain.accounts.sign_in import (
    Credentials,
    Device,
    OtpRefused,
    sign_in,
    sign_in_network,
)
from app.domain.accounts.two_factor import begin_two_factor, confirm_two_factor, match_code
from app.domain.accounts.users import Audience
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.models import RecoveryCode, Session, User
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.accounts.people import (
    change,
    code,
    enable_two_factor,
    event_types,
    log_in,
    make_owner,
    token_of,
)
from tests.factories import BOX, PASSWORD, email_of, make_partner, make_partner_user

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TOTP = pyotp.TOTP(SECRET)


async def _protected(clock: ManualClock) -> tuple[User, str]:
    """An owner with 2FA on, whose codes were never used: (user, e-mail)."""
    _, user, email = await make_owner(clock, totp_secret=BOX.encrypt(SECRET))
    return user, email


async def test_a62_a_right_code_signs_in(client: httpx.AsyncClient, clock: ManualClock) -> None:
    _, email = await _protected(clock)
    assert code(await log_in(client, email, otp=TOTP.at(clock.now()))) is None


@pytest.mark.parametrize("written", ["{0}{1} {2}", " {0}{1}{2} ", "{0} {1} {2}", "{0}{1}-{2}"])
async def test_a62_spaces_in_a_code_are_accepted(
    written: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email = await _protected(clock)
    digits = TOTP.at(clock.now())
    otp = written.format(digits[:2], digits[2:3], digits[3:])
    assert code(await log_in(client, email, otp=otp)) is None


async def test_a62_without_a_code_the_right_password_is_asked_for_one(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email = await _protected(clock)
    for otp in (None, "", "  "):
        assert code(await log_in(client, email, otp=otp)) == "OTP_REQUIRED"


async def test_a62_a_right_code_without_the_password_is_worth_nothing(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email = await _protected(clock)
    refused = await log_in(client, email, "wrong password", otp=TOTP.at(clock.now()))
    assert code(refused) == "SIGN_IN_REFUSED"


async def test_a62_a_code_works_once(client: httpx.AsyncClient, clock: ManualClock) -> None:
    _, email = await _protected(clock)
    otp = TOTP.at(clock.now())
    assert code(await log_in(client, email, otp=otp)) is None
    assert code(await log_in(client, email, otp=otp)) == "OTP_REFUSED"


async def test_a62_of_twenty_logins_at_once_with_one_code_one_opens_a_session(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    user, email = await _protected(clock)
    otp = TOTP.at(clock.now())
    answers = await asyncio.gather(*(log_in(client, email, otp=otp) for _ in range(20)))
    assert sum(answer["token"] is not None for answer in answers) == 1
    assert await Session.filter(user_id=user.id).count() == 1


async def test_a62_the_code_that_switched_2fa_on_signs_nobody_in(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    totp = await enable_two_factor(client, await token_of(client, email), clock)
    assert code(await log_in(client, email, otp=totp.at(clock.now()))) == "OTP_REFUSED"
    clock.advance(timedelta(seconds=30))
    assert code(await log_in(client, email, otp=totp.at(clock.now()))) is None


async def test_a62_the_code_before_one_that_was_used_is_refused(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email = await _protected(clock)
    earlier = TOTP.at(clock.now())
    clock.advance(timedelta(seconds=30))
    assert code(await log_in(client, email, otp=TOTP.at(clock.now()))) is None
    assert code(await log_in(client, email, otp=earlier)) == "OTP_REFUSED"


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a62_the_code_of_a_neighbouring_step_is_right(steps: int) -> None:
    match = match_code(SECRET, TOTP.at(NOW + timedelta(seconds=30 * steps)), NOW)
    assert match.step == int(NOW.timestamp()) // 30 + steps


@pytest.mark.parametrize(("seconds", "word"), [(-60, "behind"), (60, "ahead"), (600, "ahead")])
def test_a62_a_wrong_clock_is_told_from_a_wrong_code(seconds: int, word: str) -> None:
    match = match_code(SECRET, TOTP.at(NOW + timedelta(seconds=seconds)), NOW)
    assert match.step is None
    assert match.clock_offset_seconds == seconds
    assert f"{abs(seconds)} s {word}" in match.message


def test_a62_a_clock_that_is_further_off_is_a_wrong_code() -> None:
    match = match_code(SECRET, TOTP.at(NOW + timedelta(seconds=660)), NOW)
    assert (match.step, match.clock_offset_seconds) == (None, None)


@pytest.mark.parametrize(
    "guess", ["12345", "1234567", "", "abc", "²³²³²³", "١٢٣٤٥٦", "12345\x00", "0" * 10_000]
)
def test_a62_what_is_no_code_matches_nothing(guess: str) -> None:
    match = match_code(SECRET, guess, NOW)
    assert (match.step, match.recovery_hash) == (None, None)


async def test_a62_a_wrong_clock_is_told_at_login(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email = await _protected(clock)
    refused = await log_in(client, email, otp=TOTP.at(clock.now() + timedelta(minutes=3)))
    assert code(refused) == "OTP_REFUSED"
    assert "180 s ahead" in refused["userErrors"][0]["message"]


async def _with_recovery_codes(
    client: httpx.AsyncClient, clock: ManualClock
) -> tuple[User, str, str, pyotp.TOTP, list[str]]:
    _, user, email = await make_owner(clock)
    token = await token_of(client, email)
    begun = await change(client, "beginTwoFactor", "enrolment { secret }", by=token)
    totp = pyotp.TOTP(begun["enrolment"]["secret"])
    otp = totp.at(clock.now())
    confirmed = await change(client, "confirmTwoFactor", "recoveryCodes", by=token, code=otp)
    return user, email, token, totp, confirmed["recoveryCodes"]


async def test_a62_a_recovery_code_works_once(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email, _, _, codes = await _with_recovery_codes(client, clock)
    assert code(await log_in(client, email, otp=codes[0])) is None
    assert code(await log_in(client, email, otp=codes[0])) == "OTP_REFUSED"
    assert code(await log_in(client, email, otp=codes[1])) is None
    assert (await event_types()).count("user.recovery_code_used") == 2


async def test_a62_of_ten_logins_at_once_with_one_recovery_code_one_opens_a_session(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    user, email, _, _, codes = await _with_recovery_codes(client, clock)
    before = await Session.filter(user_id=user.id).count()
    answers = await asyncio.gather(*(log_in(client, email, otp=codes[0]) for _ in range(10)))
    assert sum(answer["token"] is not None for answer in answers) == 1
    assert await Session.filter(user_id=user.id).count() == before + 1


async def test_a62_a_recovery_code_may_be_typed_without_its_dash_and_in_capitals(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email, _, _, codes = await _with_recovery_codes(client, clock)
    assert code(await log_in(client, email, otp=codes[0].replace("-", "").upper())) is None


async def test_a62_recovery_codes_are_hashed_at_rest(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, _, _, codes = await _with_recovery_codes(client, clock)
    stored = {row.code_hash for row in await RecoveryCode.all()}
    assert len(stored) == 10
    assert not stored & {written for item in codes for written in (item, item.replace("-", ""))}


async def test_a62_new_recovery_codes_end_the_earlier_ones(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, email, token, totp, codes = await _with_recovery_codes(client, clock)
    clock.advance(timedelta(seconds=30))
    proof = {"password": PASSWORD, "code": totp.at(clock.now())}
    renewed = await change(client, "renewRecoveryCodes", "recoveryCodes", by=token, **proof)
    assert not set(renewed["recoveryCodes"]) & set(codes)
    assert code(await log_in(client, email, otp=codes[0])) == "OTP_REFUSED"
    assert code(await log_in(client, email, otp=renewed["recoveryCodes"][0])) is None


@pytest.mark.parametrize(
    ("password", "right_code", "told"),
    [
        ("wrong password", True, "INVALID"),
        (PASSWORD, False, "OTP_REFUSED"),
        ("wrong password", False, "INVALID"),
        (PASSWORD, True, None),
    ],
)
async def test_a62_switching_2fa_off_needs_password_and_code(
    password: str,
    right_code: bool,
    told: str | None,
    client: httpx.AsyncClient,
    clock: ManualClock,
) -> None:
    _, email, token, totp, _ = await _with_recovery_codes(client, clock)
    clock.advance(timedelta(seconds=30))
    otp = totp.at(clock.now()) if right_code else "000000"
    done = await change(client, "disableTwoFactor", by=token, password=password, code=otp)
    assert code(done) == told
    assert code(await log_in(client, email)) == (None if told is None else "OTP_REQUIRED")


async def test_a62_switching_2fa_off_cannot_be_guessed(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, token, totp, _ = await _with_recovery_codes(client, clock)
    for _ in range(10):
        guess = await change(client, "disableTwoFactor", by=token, password=PASSWORD, code="000000")
        assert code(guess) == "OTP_REFUSED"
    clock.advance(timedelta(seconds=30))
    proof: dict[str, Any] = {"password": PASSWORD, "code": totp.at(clock.now())}
    assert code(await change(client, "disableTwoFactor", by=token, **proof)) == "TOO_MANY_ATTEMPTS"


async def test_a62_a_secret_that_was_not_confirmed_neither_protects_nor_opens(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    await change(client, "beginTwoFactor", "enrolment { secret }", by=token)
    assert code(await log_in(client, email)) is None


async def test_a62_a_pending_secret_does_not_replace_the_present_one(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    other = pyotp.random_base32()
    _, _, email = await make_owner(
        clock, totp_secret=BOX.encrypt(SECRET), totp_pending=BOX.encrypt(other)
    )
    refused = await log_in(client, email, otp=pyotp.TOTP(other).at(clock.now()))
    assert code(refused) == "OTP_REFUSED"
    assert code(await log_in(client, email, otp=TOTP.at(clock.now()))) is None


async def test_a62_2fa_is_not_moved_to_another_device_while_it_is_on(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, token, _, _ = await _with_recovery_codes(client, clock)
    begun = await change(client, "beginTwoFactor", "enrolment { secret }", by=token)
    assert code(begun) == "CONFLICT"


async def test_a62_a_wrong_code_does_not_switch_2fa_on(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    await change(client, "beginTwoFactor", "enrolment { secret }", by=token)
    refused = await change(client, "confirmTwoFactor", "recoveryCodes", by=token, code="000000")
    assert code(refused) == "OTP_REFUSED"
    assert code(await log_in(client, email)) is None


async def test_a62_the_qr_code_is_an_svg_of_the_otpauth_address(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    begun = await change(client, "beginTwoFactor", "enrolment { secret uri qrSvg }", by=token)
    found = begun["enrolment"]
    uri = urlsplit(found["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query)["secret"] == [found["secret"]]
    assert found["qrSvg"].startswith("<svg")
    assert "<script" not in found["qrSvg"]


async def test_a62_a_network_sign_in_with_one_code_at_once_opens_one_session(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    user, email = await _protected(clock)
    credentials = Credentials(email, PASSWORD, TOTP.at(clock.now()))
    scope = Scope.visitor(clock, "test-request", "203.0.113.9")
    device = Device("a client", timedelta(days=1))
    opened = await asyncio.gather(
        *(sign_in_network(scope, credentials, box=BOX, device=device) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(item, OtpRefused) for item in opened) == 4
    assert await Session.filter(user_id=user.id).count() == 1


async def test_a_sandboxs_moved_clock_does_not_touch_codes_a62_x08(
    database: Settings, clock: ManualClock, box: SecretBox
) -> None:
    partner = await make_partner(clock, sandbox=True, clock_offset=timedelta(days=40))
    user = await make_partner_user(partner, clock)
    device = Device(None, timedelta(hours=1))
    credentials = Credentials(await email_of(user), PASSWORD)
    visitor = Scope.visitor(clock, "test-request", "203.0.113.9")
    signed_in = await sign_in(visitor, Audience.PARTNER, credentials, box=box, device=device)
    caller = await authenticate(Audience.PARTNER, signed_in.token, clock, "test-request", None)
    enrolment = await begin_two_factor(caller.scope, box=box)

    codes = await confirm_two_factor(
        caller.scope, pyotp.TOTP(enrolment.secret).at(clock.now()), box=box
    )

    assert len(codes) == 10

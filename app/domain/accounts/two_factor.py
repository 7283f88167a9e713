"""Two-factor authentication: TOTP and recovery codes (A62)."""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno

from app.domain.accounts import queries
from app.domain.accounts.attempts import CODE_BY_USER, give_back_attempt, take_attempt
from app.domain.accounts.sessions import require_session
from app.domain.errors import Conflict, DomainError, Invalid
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.personal import read_subjects
from app.domain.scope import Scope
from app.infra.crypto import SecretBox, verify_password
from app.infra.database import Row, Transaction, transaction

STEP_SECONDS = 30
ISSUER = "Tributary"
RECOVERY_CODES = 10
# A code of up to ten minutes away is a wrong clock, not a wrong code.
_CLOCK_STEPS = 20
_RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

_SET_PENDING = "UPDATE users SET totp_pending = $2 WHERE id = $1"
_ENABLE = """
UPDATE users SET totp_secret = totp_pending, totp_pending = NULL, totp_last_step = $2 WHERE id = $1
"""
_DISABLE = """
UPDATE users SET totp_secret = NULL, totp_pending = NULL, totp_last_step = NULL WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class CodeMatch:
    """What a code is: of a time step, perhaps a recovery code, or wrong with the reason."""

    step: int | None = None
    recovery_hash: str | None = None
    message: str = ""
    # How far the device's clock is off, when that is what is wrong.
    clock_offset_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs, to be shown once."""

    secret: str
    uri: str
    qr_svg: str


class CodeRefused(DomainError):
    """The code is wrong, was used before, or the device's clock is."""

    code = "OTP_REFUSED"


def match_code(secret: str, code: str, now: datetime) -> CodeMatch:
    """What a code is; spaces and dashes in it do not matter. Nothing is taken yet."""
    plain = "".join(character for character in code if character not in " -\t").lower()
    if not (plain.isascii() and plain.isdigit()):
        if len(plain) == 10:
            return CodeMatch(recovery_hash=_hash(plain))
        return CodeMatch(message="a code has six digits")
    totp = pyotp.TOTP(secret)
    current = int(now.timestamp()) // STEP_SECONDS
    for step in (current, current - 1, current + 1):
        if pyotp.utils.strings_equal(totp.at(step * STEP_SECONDS), plain):
            return CodeMatch(step=step)
    for distance in range(2, _CLOCK_STEPS + 1):
        for step in (current - distance, current + distance):
            if pyotp.utils.strings_equal(totp.at(step * STEP_SECONDS), plain):
                seconds = (step - current) * STEP_SECONDS
                direction = "ahead" if seconds > 0 else "behind"
                return CodeMatch(
                    message=f"the clock of your device is about {abs(seconds)} s {direction}: set it by the network",
                    clock_offset_seconds=seconds,
                )
    return CodeMatch(message="the code is wrong or was used before: wait for the next one")


@requires(Permission.READ_ACCOUNT)
async def begin_two_factor(scope: Scope, *, box: SecretBox) -> Enrolment:
    """Make a secret to be confirmed with a code. Raises Conflict when 2FA is on."""
    require_session(scope)
    secret = pyotp.random_base32()
    async with transaction() as tx:
        user = await _lock(scope, tx)
        if user["totp_secret"] is not None:
            raise Conflict("2FA is on already: switch it off first to move it to another device")
        await tx.fetch(_SET_PENDING, user["id"], box.encrypt(secret))
    person = (await read_subjects(box, [user["subject_id"]])).get(user["subject_id"], {})
    uri = pyotp.TOTP(secret).provisioning_uri(name=str(person.get("email", "")), issuer_name=ISSUER)
    return Enrolment(secret, uri, _qr(uri))


@requires(Permission.READ_ACCOUNT)
async def confirm_two_factor(scope: Scope, code: str, *, box: SecretBox) -> list[str]:
    """Switch 2FA on with a code of the new secret; returns the recovery codes, shown only here."""
    require_session(scope)
    await take_attempt(scope, CODE_BY_USER, str(scope.actor.id))
    codes = _new_codes()
    async with transaction() as tx:
        user = await _lock(scope, tx)
        if user["totp_pending"] is None:
            raise Conflict("there is no secret to confirm: begin with a new one")
        match = match_code(box.decrypt(user["totp_pending"]), code, scope.machine_now())
        if match.step is not None:
            await tx.fetch(_ENABLE, user["id"], match.step)
            await _replace_codes(tx, user["id"], codes)
            await _record(scope, tx, "user.two_factor_enabled")
    if match.step is None:
        raise CodeRefused(
            match.message or "the code is wrong",
            field=("code",),
            clock_offset_seconds=match.clock_offset_seconds,
        )
    await give_back_attempt(scope, CODE_BY_USER, str(scope.actor.id))
    return codes


@requires(Permission.READ_ACCOUNT)
async def disable_two_factor(scope: Scope, password: str, code: str, *, box: SecretBox) -> None:
    """Switch 2FA off with password and code. Raises Invalid or CodeRefused."""
    await _prove(scope, password, code, box, _disable)


@requires(Permission.READ_ACCOUNT)
async def renew_recovery_codes(
    scope: Scope, password: str, code: str, *, box: SecretBox
) -> list[str]:
    """New recovery codes; the earlier ones stop working. Raises Invalid or CodeRefused."""
    codes = _new_codes()

    async def renew(scope: Scope, tx: Transaction, user: Row) -> None:
        await _replace_codes(tx, user["id"], codes)
        await _record(scope, tx, "user.recovery_codes_renewed")

    await _prove(scope, password, code, box, renew)
    return codes


async def _disable(scope: Scope, tx: Transaction, user: Row) -> None:
    await tx.fetch(_DISABLE, user["id"])
    await tx.fetch(queries.DROP_RECOVERY_CODES, user["id"])
    await _record(scope, tx, "user.two_factor_disabled")


async def _prove(scope: Scope, password: str, code: str, box: SecretBox, act) -> None:  # type: ignore[no-untyped-def]
    """Check password and code, take the code, and act in the same transaction."""
    require_session(scope)
    await take_attempt(scope, CODE_BY_USER, str(scope.actor.id))
    async with transaction() as tx:
        user = await _lock(scope, tx)
    if user["totp_secret"] is None:
        raise Conflict("2FA is off")
    if not await asyncio.to_thread(verify_password, password, user["password_hash"]):
        raise Invalid("the password is wrong", field=("password",))
    match = match_code(box.decrypt(user["totp_secret"]), code, scope.machine_now())
    async with transaction() as tx:
        user = await _lock(scope, tx)
        taken = await take(scope, tx, user, match)
        if taken:
            await act(scope, tx, user)
    if not taken:
        message = match.message or "the code was used before: wait for the next one"
        raise CodeRefused(message, field=("code",), clock_offset_seconds=match.clock_offset_seconds)
    await give_back_attempt(scope, CODE_BY_USER, str(scope.actor.id))


async def take(scope: Scope, tx: Transaction, user: Row, match: CodeMatch) -> bool:
    """Use up a code; False when it is wrong or somebody was faster."""
    if match.step is not None:
        return bool(await tx.fetch(queries.TAKE_TOTP_STEP, user["id"], match.step))
    if match.recovery_hash is not None:
        rows = await tx.fetch(
            queries.USE_RECOVERY_CODE, user["id"], match.recovery_hash, scope.machine_now()
        )
        return bool(rows)
    return False


async def _lock(scope: Scope, tx: Transaction) -> Row:
    return (await tx.fetch(queries.LOCK_USER, scope.actor.id))[0]


async def _record(scope: Scope, tx: Transaction, event_type: str) -> None:
    subject = Subject("user", scope.actor.id)
    await record(scope, tx, event_type, subject, partner_id=scope.partner_id)


async def _replace_codes(tx: Transaction, user_id: int, codes: list[str]) -> None:
    await tx.fetch(queries.DROP_RECOVERY_CODES, user_id)
    hashes = [_hash(code.replace("-", "")) for code in codes]
    await tx.fetch(queries.INSERT_RECOVERY_CODES, user_id, hashes)


def _new_codes() -> list[str]:
    """Recovery codes of 49 random bits, such as k7m2x-q9rtw; never only digits."""

    def draw() -> str:
        while True:
            code = "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(10))
            if not code.isdigit():
                return f"{code[:5]}-{code[5:]}"

    return [draw() for _ in range(RECOVERY_CODES)]


def _hash(code: str) -> str:
    # What clients send as JSON may hold lone surrogates, which plain UTF-8 refuses.
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def _qr(uri: str) -> str:
    buffer = io.BytesIO()
    segno.make(uri, error="m").save(buffer, kind="svg", scale=4, xmldecl=False, svgns=True)
    return buffer.getvalue().decode()

"""A6A: personal data under a key per person, and what an erasure leaves."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.errors import Forbidden
from app.domain.permissions import StaffRole
from app.domain.personal import create_subject, erase_subject, read_subjects, update_subject
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import DecryptionError, SubjectKey
from app.infra.database import fetch, transaction
from app.models import Subject
from app.settings import Settings
from tests.domain.accounts.people import make_owner
from tests.factories import BOX, staff_scope

PERSON = {"email": "paula@partner.test", "name": "Paula Partner"}


async def _make() -> int:
    async with transaction() as tx:
        return await create_subject(tx, BOX, PERSON)


async def test_a6a_a_person_reads_back_and_is_nowhere_in_clear(database: Settings) -> None:
    subject_id = await _make()
    assert (await read_subjects(BOX, [subject_id]))[subject_id] == PERSON
    row = await Subject.get(id=subject_id)
    assert row.data is not None
    assert b"Paula" not in row.data
    rows = await fetch("SELECT row_to_json(s)::text AS line FROM subjects s")
    assert "aula" not in rows[0]["line"]
    assert b"Paula".hex() not in rows[0]["line"]


async def test_a6a_each_person_has_a_key_of_its_own(database: Settings) -> None:
    first, second = await Subject.get(id=await _make()), await Subject.get(id=await _make())
    assert first.key is not None
    assert second.data is not None
    with pytest.raises(DecryptionError):
        SubjectKey(BOX.decrypt(first.key)).unseal(second.data)


async def test_a6a_an_erasure_destroys_the_key_and_the_data(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    subject_id = await _make()
    assert await erase_subject(system, subject_id)
    row = await Subject.get(id=subject_id)
    assert (row.key, row.data, row.erased_at) == (None, None, clock.now())
    assert (await read_subjects(BOX, [subject_id]))[subject_id] == {}


async def test_a6a_an_erased_person_stays_erased(database: Settings, system: Scope) -> None:
    subject_id = await _make()
    await erase_subject(system, subject_id)
    async with transaction() as tx:
        await update_subject(tx, BOX, subject_id, {"name": "Back Again"})
    assert (await read_subjects(BOX, [subject_id]))[subject_id] == {}


async def test_a6a_a_person_is_erased_once_however_many_ask(
    database: Settings, system: Scope
) -> None:
    subject_id = await _make()
    done = await asyncio.gather(*(erase_subject(system, subject_id) for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    rows = await fetch("SELECT count(*) AS n FROM events WHERE type = 'person.erased'")
    assert rows[0]["n"] == 1


async def test_a6a_an_erasure_keeps_the_users_row_and_empties_it(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    _, user, email = await make_owner(clock, totp_secret=BOX.encrypt("JBSWY3DPEHPK3PXP"))
    await erase_subject(system, user.subject_id)
    await user.refresh_from_db()
    assert user.email_digest not in BOX.digests(email)
    kept = (user.password_hash, user.totp_secret, user.statistic_token, user.statistic_token_hash)
    assert (*kept, user.state) == (None, None, None, None, "blocked")


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.OWNER])
async def test_a6a_only_a_staff_owner_erases(
    role: StaffRole, database: Settings, clock: ManualClock
) -> None:
    subject_id = await _make()
    with pytest.raises(Forbidden):
        await erase_subject(staff_scope(clock, role), subject_id)

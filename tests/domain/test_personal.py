"""A6A: personal data under a key per person, and what an erasure leaves."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from app.domain.accounts.owners import LastOwner
from app.domain.errors import Forbidden
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.personal import create_subject, erase_subject, read_subjects, update_subject
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import DecryptionError, SubjectKey
from app.infra.database import fetch, transaction
from app.models import Partner, Subject, User
from app.schema.ids import encode_id
from app.settings import Settings
from tests.domain.accounts.people import change, code, make_owner, token_of
from tests.factories import BOX, make_operator, make_partner, make_partner_user, staff_scope

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
    partner, user, email = await make_owner(clock, totp_secret=BOX.encrypt("JBSWY3DPEHPK3PXP"))
    await make_partner_user(partner, clock)
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


async def _erase_and_tell(system: Scope, user: User) -> str | None:
    """The refusal of an erasure; None when it was done."""
    try:
        await erase_subject(system, user.subject_id)
    except LastOwner as refused:
        return refused.message
    return None


async def test_a6a_the_last_active_owner_of_a_partner_is_not_erased_while_it_works(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    partner, owner, _ = await make_owner(clock)
    await make_partner_user(partner, clock, role=PartnerRole.MANAGER)
    await make_partner_user(partner, clock, state="blocked")
    await make_partner_user(partner, clock, password_hash=None)
    told = "an account keeps at least one active owner: make somebody else one first, or block the partner"
    assert await _erase_and_tell(system, owner) == told
    assert (await Subject.get(id=owner.subject_id)).erased_at is None
    second = await make_partner_user(partner, clock)
    assert await _erase_and_tell(system, owner) is None
    assert await _erase_and_tell(system, second) == told


@pytest.mark.parametrize("state", ["blocked", "rejected"])
async def test_a6a_a_person_alone_in_an_account_is_erased_once_the_partner_is_shut(
    state: str, database: Settings, system: Scope, clock: ManualClock
) -> None:
    partner, owner, _ = await make_owner(clock)
    await Partner.filter(id=partner.id).update(state=state)
    assert await _erase_and_tell(system, owner) is None


async def test_a6a_the_last_active_owner_of_the_staff_is_not_erased(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    owner = await make_operator(clock)
    await make_operator(clock, role=StaffRole.SUPPORT)
    # An owner of a partner is none of the staff.
    await make_owner(clock)
    told = "an account keeps at least one active owner: make somebody else one first"
    assert await _erase_and_tell(system, owner) == told
    await make_operator(clock)
    assert await _erase_and_tell(system, owner) is None


@pytest.mark.parametrize("audience", ["partner", "staff"])
async def test_a6a_of_two_owners_who_are_erased_at_once_one_remains(
    audience: str, database: Settings, system: Scope, clock: ManualClock
) -> None:
    partner = await make_partner(clock)
    for _ in range(3):
        if audience == "staff":
            await User.all().update(role="viewer")
            owners = [await make_operator(clock), await make_operator(clock)]
        else:
            partner = await make_partner(clock)
            owners = [await make_partner_user(partner, clock) for _ in range(2)]
        told = await asyncio.gather(*(_erase_and_tell(system, owner) for owner in owners))
        assert [message is None for message in sorted(told, key=str)] in (
            [True, False],
            [False, True],
        )
        assert await User.filter(id__in=[owner.id for owner in owners], state="active").count() == 1


async def test_a6a_an_erasure_of_the_last_owner_is_refused_over_http_with_its_reason(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, owner, _ = await make_owner(clock)
    await make_operator(clock, email="owner@staff.test")
    operator = await token_of(client, "owner@staff.test", schema="admin")
    user_id = encode_id("PartnerUser", owner.id)
    refused = await change(client, "erasePerson", by=operator, schema="admin", userId=user_id)
    assert (code(refused), refused["userErrors"][0]["field"]) == ("CONFLICT", ["userId"])

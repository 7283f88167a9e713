"""A69: contacts of the programme and of brands, their order, and the personal manager."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.contacts.commands import (
    ContactParts,
    create_contact,
    delete_contact,
    edit_contact,
    sort_contacts,
)
from app.domain.contacts.reads import contacts, personal_manager
from app.domain.errors import Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Affiliation, Contact, Event, Partner, PartnerProfile, User
from app.settings import Settings
from tests.factories import make_brand, make_operator, make_partner, partner_scope, staff_scope

MARA = ContactParts("Mara Lindt", "Manager", "Mara@Casino.example", "+356 1", "@mara")


@pytest.fixture
async def partner(database: Settings, clock: ManualClock) -> Partner:
    return await make_partner(clock, await make_brand(clock))


@pytest.fixture
def reader(partner: Partner, clock: ManualClock) -> Scope:
    return partner_scope(partner, clock)


@pytest.fixture
def writer(clock: ManualClock) -> Scope:
    return staff_scope(clock, StaffRole.CONTENT)


async def _names(scope: Scope) -> list[str]:
    rows = (await contacts(scope)).rows
    return [row.name for row in await rows.order_by("sort_order", "id")]


async def test_a69_partners_see_contacts_of_the_programme_and_of_their_brands(
    partner: Partner, reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    mine = await Affiliation.get(partner_id=partner.id)
    foreign = await make_brand(clock)
    for name, brand_id in (("A", None), ("B", mine.brand_id), ("C", foreign.id)):
        await create_contact(writer, ContactParts(name, "Manager"), brand_id)
    assert sorted(await _names(reader)) == ["A", "B"]


async def test_a69_a_contact_is_kept_with_all_its_parts(reader: Scope, writer: Scope) -> None:
    row = await create_contact(writer, MARA, None)
    assert (row.name, row.position, row.phone, row.messenger) == (
        "Mara Lindt",
        "Manager",
        "+356 1",
        "@mara",
    )
    assert row.email is not None
    assert row.email.lower() == "mara@casino.example"


async def test_a69_an_edit_changes_what_is_given_and_an_empty_text_clears_it(
    reader: Scope, writer: Scope
) -> None:
    row = await create_contact(writer, MARA, None)
    edited = await edit_contact(writer, row.id, ContactParts(name="Mara", phone=""))
    assert (edited.name, edited.phone, edited.messenger) == ("Mara", None, "@mara")
    with pytest.raises(Invalid, match="name is empty"):
        await edit_contact(writer, row.id, ContactParts(name=""))


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (ContactParts(position="Manager"), "name"),
        (ContactParts("Mara"), "position"),
        (ContactParts("Mara", "Manager", "no address"), "email"),
        (ContactParts("Mara", "Manager", phone="1" * 51), "phone"),
    ],
)
async def test_a69_bad_parts_are_refused_naming_the_field(
    reader: Scope, writer: Scope, parts: ContactParts, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await create_contact(writer, parts, None)
    assert refusal.value.field == (field,)


async def test_a69_contacts_are_sorted_by_operators(reader: Scope, writer: Scope) -> None:
    a, b, c = [
        (await create_contact(writer, ContactParts(name, "Manager"), None)).id for name in "ABC"
    ]
    assert await _names(reader) == ["A", "B", "C"]
    await sort_contacts(writer, [c, a, b])
    assert await _names(reader) == ["C", "A", "B"]
    with pytest.raises(Invalid):
        await sort_contacts(writer, [a, a])
    with pytest.raises(NotFound):
        await sort_contacts(writer, [a, 4_711])


async def test_a69_two_who_sort_at_once_both_come_through(reader: Scope, writer: Scope) -> None:
    ids = [
        (await create_contact(writer, ContactParts(name, "Manager"), None)).id for name in "ABCD"
    ]
    await asyncio.gather(*(sort_contacts(writer, order) for order in (ids, ids[::-1]) * 4))
    assert await _names(reader) in (["A", "B", "C", "D"], ["D", "C", "B", "A"])


async def test_a69_a_deleted_contact_is_gone(reader: Scope, writer: Scope) -> None:
    row = await create_contact(writer, MARA, None)
    await delete_contact(writer, row.id)
    assert await _names(reader) == []
    with pytest.raises(NotFound):
        await delete_contact(writer, row.id)


async def test_a6a_events_of_contacts_hold_no_personal_data(reader: Scope, writer: Scope) -> None:
    row = await create_contact(writer, MARA, None)
    await edit_contact(writer, row.id, ContactParts(email="m@casino.example"))
    await sort_contacts(writer, [row.id])
    await delete_contact(writer, row.id)
    events = await Event.filter(subject_type="contact").order_by("id")
    assert [(event.type, event.data) for event in events] == [
        ("contact.created", {}),
        ("contact.edited", {"changed": ["email"]}),
        ("contact.sorted", {"contact_ids": [row.id]}),
        ("contact.deleted", {}),
    ]
    assert await Contact.all().count() == 0


async def test_a69_the_personal_manager_is_told_while_active(
    partner: Partner, reader: Scope, clock: ManualClock
) -> None:
    assert await personal_manager(reader) is None
    olga = await make_operator(clock)
    await PartnerProfile.create(partner=partner, manager=olga)
    assert await personal_manager(reader) == olga.subject_id
    other = partner_scope(await make_partner(clock), clock)
    assert await personal_manager(other) is None
    await User.filter(id=olga.id).update(state="blocked")
    assert await personal_manager(reader) is None

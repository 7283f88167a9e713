"""A69, X04: versions of terms, which one is in force, and who accepted it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.partners.affiliations import apply_to_brand
from app.domain.permissions import StaffRole
from app.domain.scope import Actor, Scope
from app.domain.terms.commands import (
    MOST_LINES,
    accept_terms,
    delete_terms_draft,
    draft_terms,
    edit_terms,
    publish_terms,
)
from app.domain.terms.present import present_terms
from app.domain.terms.reads import (
    AcceptanceFilter,
    acceptances,
    acceptances_of_operators,
    difference,
    present_among,
    terms,
    terms_to_accept,
)
from app.infra.clock import ManualClock
from app.infra.database import IntegrityViolation, fetch
from app.models import (
    Affiliation,
    Brand,
    Event,
    Partner,
    PartnerProfile,
    TermsAcceptance,
    TermsVersion,
)
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    make_brand,
    make_partner,
    make_partner_user,
    partner_scope,
    staff_scope,
)


@pytest.fixture
async def brand(database: Settings, clock: ManualClock) -> Brand:
    return await make_brand(clock)


@pytest.fixture
async def partner(brand: Brand, clock: ManualClock) -> Partner:
    return await make_partner(clock)


@pytest.fixture
async def reader(partner: Partner, clock: ManualClock) -> Scope:
    user = await make_partner_user(partner, clock)
    return replace(partner_scope(partner, clock), actor=Actor("partner_user", user.id))


@pytest.fixture
def writer(clock: ManualClock) -> Scope:
    return staff_scope(clock, StaffRole.CONTENT)


async def _publish(writer: Scope, body: str = "One.", brand_id: int | None = None) -> int:
    draft = await draft_terms(writer, body, brand_id)
    return int((await publish_terms(writer, draft.id)).id)


async def test_a69_versions_are_numbered_for_each_brand_and_the_programme(
    brand: Brand, reader: Scope, writer: Scope
) -> None:
    for brand_id in (None, brand.id, None, brand.id, None):
        await _publish(writer, brand_id=brand_id)
    rows = await TermsVersion.all().order_by("id")
    assert [(row.brand_id, row.number) for row in rows] == [
        (None, 1),
        (brand.id, 1),
        (None, 2),
        (brand.id, 2),
        (None, 3),
    ]


async def test_a69_there_is_one_draft_at_a_time_and_its_number_is_not_lost(
    reader: Scope, writer: Scope
) -> None:
    draft = await draft_terms(writer, "One.", None)
    with pytest.raises(Conflict, match="a draft already"):
        await draft_terms(writer, "Two.", None)
    await delete_terms_draft(writer, draft.id)
    assert (await draft_terms(writer, "Two.", None)).number == 1


async def test_a69_of_several_drafts_begun_at_once_one_is(reader: Scope, writer: Scope) -> None:
    results = await asyncio.gather(
        *(draft_terms(writer, f"{n}.", None) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(item, TermsVersion) for item in results) == 1
    assert sum(isinstance(item, Conflict) for item in results) == 4


async def test_a69_a_published_version_never_changes(reader: Scope, writer: Scope) -> None:
    terms_id = await _publish(writer)
    for change in (
        edit_terms(writer, terms_id, "Two."),
        publish_terms(writer, terms_id),
        delete_terms_draft(writer, terms_id),
    ):
        with pytest.raises(Conflict, match="never changes"):
            await change
    with pytest.raises(IntegrityViolation, match="cannot change"):
        await fetch("UPDATE terms_versions SET body = 'x' WHERE id = $1", terms_id)


async def test_a69_the_present_version_is_the_last_whose_time_has_come(
    reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    assert await present_terms(reader) is None
    first = await _publish(writer)
    draft = await draft_terms(writer, "Two.", None)
    second = await publish_terms(writer, draft.id, NOW + timedelta(days=7))
    for moment, number, present_id in (
        (NOW, 1, first),
        (NOW + timedelta(days=7), 2, second.id),
    ):
        clock.at = moment
        found = await present_terms(reader)
        assert found is not None
        assert (found.number, found.id) == (number, present_id)
        assert await present_among(reader, [first, second.id]) == {present_id}


async def test_a69_times_that_have_passed_or_go_back_are_refused(
    reader: Scope, writer: Scope
) -> None:
    draft = await draft_terms(writer, "One.", None)
    with pytest.raises(Invalid, match="has passed"):
        await publish_terms(writer, draft.id, NOW - timedelta(seconds=1))
    await publish_terms(writer, draft.id, NOW + timedelta(days=7))
    next_one = await draft_terms(writer, "Two.", None)
    with pytest.raises(Invalid, match="the version before") as refusal:
        await publish_terms(writer, next_one.id, NOW + timedelta(days=6))
    assert refusal.value.field == ("effectiveAt",)


async def test_a69_partners_see_published_terms_of_the_programme_and_of_related_brands(
    brand: Brand, partner: Partner, reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    await Affiliation.create(partner=partner, brand=brand, state="suspended", created_at=NOW)
    foreign = await make_brand(clock)
    mine = [await _publish(writer), await _publish(writer, brand_id=brand.id)]
    hidden = [
        await _publish(writer, brand_id=foreign.id),
        (await draft_terms(writer, "Draft.", None)).id,
    ]
    assert [row.id for row in await (await terms(reader)).rows.order_by("id")] == mine
    for terms_id in hidden:
        with pytest.raises(NotFound):
            await accept_terms(reader, terms_id)
        with pytest.raises(NotFound):
            await difference(reader, mine[0], terms_id)


async def test_a69_an_acceptance_says_when_and_by_whom_and_comes_once(
    partner: Partner, reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    terms_id = await _publish(writer)
    await asyncio.gather(*(accept_terms(reader, terms_id) for _ in range(4)))
    clock.at = NOW + timedelta(days=1)
    await accept_terms(reader, terms_id)
    row = (await acceptances(reader, [terms_id]))[terms_id]
    assert (row.accepted_at, row.user_id) == (NOW, reader.actor.id)
    assert await TermsAcceptance.all().count() == 1
    event = await Event.filter(type="terms.accepted").get()
    assert (event.partner_id, event.data) == (partner.id, {"number": 1})
    assert (await PartnerProfile.get(partner_id=partner.id)).terms_version == 1


async def test_a69_a_new_version_waits_until_it_is_accepted_and_replaces_what_waited(
    partner: Partner, reader: Scope, writer: Scope
) -> None:
    async def waiting() -> list[int]:
        return [row.id for row in await (await terms_to_accept(reader)).rows.order_by("id")]

    first = await _publish(writer)
    assert await waiting() == [first]
    await accept_terms(reader, first)
    assert await waiting() == []
    second = await _publish(writer, "Two.")
    assert await waiting() == [second]
    third = await _publish(writer, "Three.")
    assert await waiting() == [third]
    with pytest.raises(Conflict, match="version 2 was replaced by version 3") as refusal:
        await accept_terms(reader, second)
    assert refusal.value.field == ("termsId",)
    assert (await PartnerProfile.get(partner_id=partner.id)).terms_version == 1
    await accept_terms(reader, third)
    assert await waiting() == []
    assert await Event.filter(type="terms.accepted").count() == 2


async def test_a69_a_version_to_come_can_be_accepted_ahead_and_covers_the_present_one(
    reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    present = await _publish(writer)
    draft = await draft_terms(writer, "Two.", None)
    await publish_terms(writer, draft.id, NOW + timedelta(days=7))
    rows = (await terms_to_accept(reader)).rows
    assert [row.id for row in await rows.order_by("id")] == [present, draft.id]
    await accept_terms(reader, draft.id)
    assert await (await terms_to_accept(reader)).rows.count() == 0
    clock.at = NOW + timedelta(days=8)
    assert await (await terms_to_accept(reader)).rows.count() == 0


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        ("pending", True),
        ("accepted", True),
        ("suspended", True),
        ("rejected", False),
        ("deleted", False),
    ],
)
async def test_a69_terms_of_a_brand_wait_for_partners_that_have_to_do_with_it(
    state: str, waits: bool, brand: Brand, partner: Partner, reader: Scope, writer: Scope
) -> None:
    await Affiliation.create(partner=partner, brand=brand, state=state, created_at=NOW)
    await _publish(writer, brand_id=brand.id)
    assert await (await terms_to_accept(reader)).rows.exists() is waits
    await Brand.filter(id=brand.id).update(state="disabled")
    assert not await (await terms_to_accept(reader)).rows.exists()


async def test_a69_operators_see_which_partner_accepted_which_version(
    brand: Brand, partner: Partner, reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    await Affiliation.create(partner=partner, brand=brand, state="accepted", created_at=NOW)
    programme, own = await _publish(writer), await _publish(writer, brand_id=brand.id)
    for terms_id in (programme, own):
        await accept_terms(reader, terms_id)
    other = partner_scope(await make_partner(clock), clock)
    await accept_terms(other, programme)

    async def seen(scope: Scope, chosen: AcceptanceFilter) -> list[tuple[int, int]]:
        rows = (await acceptances_of_operators(scope, chosen)).rows
        return [(row.partner_id, row.terms_id) for row in await rows.order_by("id")]

    support = staff_scope(clock, StaffRole.SUPPORT)
    assert await seen(support, AcceptanceFilter(terms_id=programme)) == [
        (partner.id, programme),
        (other.partner_id, programme),
    ]
    assert await seen(support, AcceptanceFilter(partner_id=partner.id)) == [
        (partner.id, programme),
        (partner.id, own),
    ]
    advertiser = replace(staff_scope(clock, StaffRole.ADVERTISER), brand_ids=frozenset({brand.id}))
    assert await seen(advertiser, AcceptanceFilter()) == [(partner.id, own)]


async def test_a69_acceptances_of_another_partner_are_not_shown(
    reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    terms_id = await _publish(writer)
    await accept_terms(reader, terms_id)
    other = partner_scope(await make_partner(clock), clock)
    assert await acceptances(other, [terms_id]) == {}


async def test_a69_an_affiliation_records_the_version_that_was_signed(
    brand: Brand, partner: Partner, reader: Scope, writer: Scope
) -> None:
    terms_id = await _publish(writer, brand_id=brand.id)
    for version in (None, 0, 2):
        with pytest.raises(Invalid, match="accept the present terms, version 1") as refusal:
            await apply_to_brand(reader, brand.id, version)
        assert refusal.value.field == ("acceptTermsVersion",)
    affiliation = await apply_to_brand(reader, brand.id, 1)
    assert affiliation.terms_version == 1
    assert list(await acceptances(reader, [terms_id])) == [terms_id]
    second = await _publish(writer, "Two.", brand.id)
    await accept_terms(reader, second)
    assert (await Affiliation.get(id=affiliation.id)).terms_version == 2
    await accept_terms(reader, terms_id)
    assert (await Affiliation.get(id=affiliation.id)).terms_version == 2


async def test_a69_a_brand_without_terms_is_applied_to_without_any(
    brand: Brand, reader: Scope
) -> None:
    with pytest.raises(Invalid, match="there are no terms"):
        await apply_to_brand(reader, brand.id, 1)
    assert (await apply_to_brand(reader, brand.id)).terms_version == 0


async def test_a69_the_difference_of_two_versions_is_told_by_lines(
    reader: Scope, writer: Scope
) -> None:
    first = await _publish(writer, "# Terms\r\n\r\nPay by day 10.")
    second = await _publish(writer, "# Terms\n\nPay by day 5.")
    assert await difference(reader, first, second) == [
        "--- version 1",
        "+++ version 2",
        "@@ -1,3 +1,3 @@",
        " # Terms",
        " ",
        "-Pay by day 10.",
        "+Pay by day 5.",
    ]
    assert await difference(reader, first, first) == []


async def test_a69_versions_of_different_terms_have_no_difference(
    brand: Brand, partner: Partner, reader: Scope, writer: Scope
) -> None:
    await Affiliation.create(partner=partner, brand=brand, state="accepted", created_at=NOW)
    first, second = await _publish(writer), await _publish(writer, brand_id=brand.id)
    with pytest.raises(Invalid, match="of different terms"):
        await difference(reader, first, second)


async def test_a69_a_text_of_too_many_lines_is_refused(reader: Scope, writer: Scope) -> None:
    with pytest.raises(Invalid, match="at most 2,000 are allowed"):
        await draft_terms(writer, "x\n" * MOST_LINES + "x", None)

"""A60, M1C: the parent of a new partner is who invited it, fixed at registration; bad invitations change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.partners.sub_affiliates import sub_affiliates
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock
from app.models import (
    Affiliation,
    Brand,
    Campaign,
    Event,
    Landing,
    Partner,
    PartnerProfile,
    Promo,
    TermsAcceptance,
    TermsVersion,
    User,
)
from tests.conftest import NOW
from tests.domain.accounts.people import change, code
from tests.factories import World, make_partner, make_partner_user, make_world, partner_scope


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    """A world whose promo is made for sub-affiliates."""
    made = await make_world(clock)
    await Landing.filter(id=made.promo.landing_id).update(audience="sub_affiliates")
    return made


async def _register(client: httpx.AsyncClient, invitation: str | None, **fields: Any) -> Any:
    values = {
        "companyName": "Fresh Clicks",
        "name": "Frida Fresh",
        "email": "frida@fresh.test",
        "password": "seven green tractors",
        "currency": "EUR",
        "acceptTermsVersion": 0,
        **fields,
    }
    if invitation is not None:
        values["invitation"] = invitation
    return await change(client, "registerPartner", **values)


async def _child(client: httpx.AsyncClient, invitation: str | None) -> Partner:
    payload = await _register(client, invitation)
    assert payload == {"done": True, "userErrors": []}
    return await Partner.get(name="Fresh Clicks")


async def _outcome() -> tuple[str, str]:
    event = await Event.filter(type="partner.registered").get()
    return event.data["invitation"], event.data["invitation_outcome"]


async def test_m1c_a_stag_says_who_invited(client: httpx.AsyncClient, world: World) -> None:
    child = await _child(client, world.tag)
    assert (child.parent_id, child.parent_promo_id) == (world.partner.id, world.promo.id)
    assert await _outcome() == (world.tag, "accepted")


async def test_m1c_a_promo_code_says_who_invited(client: httpx.AsyncClient, world: World) -> None:
    child = await _child(client, world.promo.code)
    assert (child.parent_id, child.parent_promo_id) == (world.partner.id, world.promo.id)


@pytest.mark.parametrize(
    "written",
    [
        "{CODE}",
        " {code}",
        "{code}\n",
        "{code}.",
        "\u201c{code}\u201d",
        "\u200b{code}",
        "http://127.0.0.1:8101/{code}",
        "https://go.example.com/{CODE}/",
        "go.example.com/{code}?clickID=42&next=/a/b",
        "https://go.example.com/{code}#top",
        "https://go.example.com/{code}&clickID=42",
        "<https://go.example.com/{code}>",
        "https%3A%2F%2Fgo.example.com%2F{code}%3FclickID%3D42",
        "/{code}",
        " {tag} ",
    ],
)
async def test_m1c_a_code_counts_as_people_write_it_and_so_does_the_whole_link(
    client: httpx.AsyncClient, world: World, written: str
) -> None:
    code = world.promo.code
    invitation = written.format(code=code, CODE=code.upper(), tag=world.tag)
    child = await _child(client, invitation)
    assert (child.parent_id, child.parent_promo_id) == (world.partner.id, world.promo.id)
    assert await _outcome() == (invitation[:64], "accepted")


async def test_m1c_a_visit_that_is_not_written_yet_counts(
    client: httpx.AsyncClient, world: World
) -> None:
    child = await _child(client, stag(world.promo.id, world.visit_id + 1))
    assert child.parent_id == world.partner.id


async def test_a60_without_an_invitation_there_is_no_parent(
    client: httpx.AsyncClient, world: World
) -> None:
    child = await _child(client, None)
    assert (child.parent_id, child.parent_promo_id) == (None, None)
    assert "invitation" not in (await Event.filter(type="partner.registered").get()).data


@pytest.mark.parametrize(
    "invitation",
    ["nothing", "4711_4711", "1_2_3", "0_1", "_", "9" * 18 + "_1", "1_" + "9" * 19, "x" * 500, "ü"],
)
async def test_a60_an_unknown_invitation_is_recorded_and_blocks_nothing(
    client: httpx.AsyncClient, world: World, invitation: str
) -> None:
    child = await _child(client, invitation)
    assert child.parent_id is None
    assert await _outcome() == (invitation[:64], "unknown")


async def _block_partner(world: World) -> None:
    await Partner.filter(id=world.partner.id).update(state="blocked")


async def _suspend(world: World) -> None:
    await Affiliation.filter(partner_id=world.partner.id).update(state="suspended")


async def _disable_brand(world: World) -> None:
    await Brand.filter(id=world.brand.id).update(state="disabled")


async def _disable_campaign(world: World) -> None:
    await Campaign.filter(id=world.campaign.id).update(state="disabled")


async def _end_window(world: World) -> None:
    world.clock.at = NOW + timedelta(days=31)  # type: ignore[attr-defined]


async def _turn_to_players(world: World) -> None:
    await Landing.filter(id=world.promo.landing_id).update(audience="players")


@pytest.mark.parametrize(
    ("happen", "outcome"),
    [
        (_block_partner, "stopped"),
        (_suspend, "stopped"),
        (_disable_brand, "stopped"),
        (_disable_campaign, "stopped"),
        (_end_window, "window_ended"),
        (_turn_to_players, "not_for_sub_affiliates"),
    ],
)
async def test_m1d_what_stops_the_link_stops_the_invitation_and_not_the_registration(
    client: httpx.AsyncClient,
    world: World,
    happen: Callable[[World], Awaitable[None]],
    outcome: str,
) -> None:
    await happen(world)
    child = await _child(client, world.tag)
    assert child.parent_id is None
    assert await _outcome() == (world.tag, outcome)


async def test_m1d_an_archived_campaign_still_brings_sub_affiliates(
    client: httpx.AsyncClient, world: World
) -> None:
    await Campaign.filter(id=world.campaign.id).update(state="archived")
    assert (await _child(client, world.tag)).parent_id == world.partner.id


async def test_m1c_a_stag_of_another_promos_visit_is_unknown(
    client: httpx.AsyncClient, world: World
) -> None:
    other = await Promo.create(
        campaign=world.campaign,
        partner=world.partner,
        brand=world.brand,
        landing_id=world.promo.landing_id,
        code="other",
        title="Other",
        created_at=NOW,
    )
    assert (await _child(client, stag(other.id, world.visit_id))).parent_id is None
    assert (await _outcome())[1] == "unknown"


async def test_m1c_nobody_becomes_a_sub_affiliate_of_an_account_that_they_belong_to(
    client: httpx.AsyncClient, world: World, clock: ManualClock
) -> None:
    await make_partner_user(world.partner, clock, email="frida@fresh.test")
    await _register(client, world.tag)
    assert await Partner.all().count() == 1


async def test_m1c_a_later_registration_never_moves_a_child(
    client: httpx.AsyncClient, world: World, clock: ManualClock
) -> None:
    child = await _child(client, world.tag)
    other = await make_world(clock)
    await Landing.filter(id=other.promo.landing_id).update(audience="sub_affiliates")
    await _register(client, other.tag)
    assert (await Partner.get(id=child.id)).parent_id == world.partner.id


async def test_a39_a_partner_sees_its_direct_sub_affiliates_once_they_are_let_in(
    client: httpx.AsyncClient, world: World, clock: ManualClock
) -> None:
    child = await _child(client, world.tag)
    await make_partner(clock, parent=child, parent_promo_id=world.promo.id)
    scope = partner_scope(world.partner, clock)
    assert await (await sub_affiliates(scope)).rows == []
    for state, seen in (("active", [child.id]), ("blocked", [child.id]), ("rejected", [])):
        await Partner.filter(id=child.id).update(state=state)
        assert [row.id for row in await (await sub_affiliates(scope)).rows] == seen
    stranger = partner_scope(await make_partner(clock), clock)
    assert await (await sub_affiliates(stranger)).rows == []


# Terms


async def test_a60_the_present_terms_of_the_programme_are_accepted_with_the_registration(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    terms = await TermsVersion.create(
        number=3, body="Be good.", published_at=NOW, effective_at=NOW, created_at=NOW
    )
    for version in (0, 2, 4):
        refused = await _register(client, None, acceptTermsVersion=version)
        assert code(refused) == "INVALID"
        assert refused["userErrors"][0]["field"] == ["acceptTermsVersion"]
    assert await Partner.all().count() == 0
    assert code(await _register(client, None, acceptTermsVersion=3)) is None
    partner, user = await Partner.get(), await User.get()
    acceptance = await TermsAcceptance.get()
    assert (acceptance.partner_id, acceptance.user_id) == (partner.id, user.id)
    assert (acceptance.terms_id, acceptance.accepted_at) == (terms.id, NOW)
    assert (await PartnerProfile.get(partner_id=partner.id)).terms_version == 3


async def test_a60_where_no_terms_are_published_there_are_none_to_accept(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    assert code(await _register(client, None, acceptTermsVersion=1)) == "INVALID"
    assert code(await _register(client, None)) is None
    assert await TermsAcceptance.all().count() == 0


async def test_a60_everybody_can_read_the_terms_in_force_before_registering(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    document = "{ presentTerms { number body bodyHtml effectiveAt } }"
    empty = (await client.post("/partner/graphql", json={"query": document})).json()
    assert empty["data"] == {"presentTerms": None}
    await TermsVersion.create(
        number=1, body="Be *good*.", published_at=NOW, effective_at=NOW, created_at=NOW
    )
    answer = (await client.post("/partner/graphql", json={"query": document})).json()
    found = answer["data"]["presentTerms"]
    assert (found["number"], found["bodyHtml"]) == (1, "<p>Be <em>good</em>.</p>\n")

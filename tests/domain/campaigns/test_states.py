"""Archiving and unarchiving, what an archived campaign refuses, and what races leave behind (A04, A07, A08)."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import httpx
import pytest

from app.domain.campaigns.commands import (
    NewPromo,
    create_promo,
    rename_promo,
    set_traffic_source,
)
from app.domain.campaigns.states import archive_campaign, unarchive_campaign
from app.domain.errors import Conflict, DomainError, Invalid, NotFound
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import transaction
from app.models import (
    BrandTrafficSource,
    Campaign,
    Event,
    Postback,
    Promo,
    TrafficSource,
)
from app.settings import Settings
from tests.conftest import NOW, serving
from tests.factories import World, make_world, partner_scope

TRACKER = "https://tracker.example/?id=${event_id}"


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def scope(world: World, clock: ManualClock) -> Scope:
    return partner_scope(world.partner, clock)


async def types_of(subject_type: str, subject_id: int) -> list[str]:
    rows = await Event.filter(subject_type=subject_type, subject_id=subject_id).order_by("id")
    return [row.type for row in rows]


async def test_a08_archiving_and_unarchiving_each_leave_an_event(
    world: World, scope: Scope
) -> None:
    archived = await archive_campaign(scope, world.campaign.id)
    assert (archived.state, archived.archived_at) == ("archived", NOW)
    active = await unarchive_campaign(scope, world.campaign.id)
    assert (active.state, active.archived_at) == ("active", None)
    assert await types_of("campaign", world.campaign.id) == [
        "campaign.created",
        "campaign.archived",
        "campaign.unarchived",
    ]
    event = await Event.filter(type="campaign.archived").get()
    assert (event.actor_type, event.partner_id) == ("partner_user", world.partner.id)


async def test_a08_an_archived_campaign_refuses_promos_their_edits_and_postbacks(
    world: World, scope: Scope
) -> None:
    source = await TrafficSource.create(name="SEO", created_at=NOW)
    await archive_campaign(scope, world.campaign.id)
    campaign_id, promo_id = world.campaign.id, world.promo.id
    for refused in (
        create_promo(scope, NewPromo(campaign_id, "A")),
        rename_promo(scope, promo_id, "B"),
        set_traffic_source(scope, promo_id, source.id),
        create_postback(scope, NewPostback(Action.ANY, TRACKER, campaign_id)),
        create_postback(scope, NewPostback(Action.ANY, TRACKER, promo_id=promo_id)),
    ):
        with pytest.raises(Conflict, match="archived"):
            await refused
    promo = await Promo.get(id=promo_id)
    assert (promo.title, promo.traffic_source_id) == (world.promo.title, None)
    assert await Postback.all().count() == 0


async def test_a08_unarchiving_restores_all_of_it(world: World, scope: Scope) -> None:
    await archive_campaign(scope, world.campaign.id)
    await unarchive_campaign(scope, world.campaign.id)
    await create_promo(scope, NewPromo(world.campaign.id, "A"))
    assert (await rename_promo(scope, world.promo.id, "B")).title == "B"
    await create_postback(scope, NewPostback(Action.ANY, TRACKER, world.campaign.id))


async def test_a08_the_links_of_an_archived_campaign_keep_redirecting(
    settings: Settings, clock: ManualClock, world: World, scope: Scope
) -> None:
    await archive_campaign(scope, world.campaign.id)
    async with serving(settings, clock) as client:
        answer = await _click(client, world.promo.code)
    assert answer.status_code == 302
    assert f"stag={world.promo.id}_" in answer.headers["location"]


async def _click(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.get(f"/{code}", headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"})


@pytest.mark.parametrize("change", [archive_campaign, unarchive_campaign])
async def test_a08_a_partner_cannot_archive_away_what_an_operator_disabled(
    world: World, scope: Scope, change: object
) -> None:
    await Campaign.filter(id=world.campaign.id).update(state="disabled")
    with pytest.raises(Conflict, match="disabled by an operator"):
        await change(scope, world.campaign.id)  # type: ignore[operator]
    assert (await Campaign.get(id=world.campaign.id)).state == "disabled"


async def test_a08_archiving_twice_and_unarchiving_what_is_active_are_refused(
    world: World, scope: Scope
) -> None:
    with pytest.raises(Conflict, match="active already"):
        await unarchive_campaign(scope, world.campaign.id)
    await archive_campaign(scope, world.campaign.id)
    with pytest.raises(Conflict, match="archived already"):
        await archive_campaign(scope, world.campaign.id)


async def test_a08_a_foreign_campaign_is_not_found(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    foreign = await make_world(clock)
    for change in (archive_campaign, unarchive_campaign):
        with pytest.raises(NotFound):
            await change(scope, foreign.campaign.id)


async def test_a08_whoever_adds_a_promo_while_it_is_archived_waits_and_is_refused(
    world: World, scope: Scope
) -> None:
    outside = copy_context()
    async with transaction() as tx:
        await tx.fetch("SELECT 1 FROM campaigns WHERE id = $1 FOR NO KEY UPDATE", world.campaign.id)
        await tx.fetch("UPDATE campaigns SET state = 'archived' WHERE id = $1", world.campaign.id)
        adding = asyncio.create_task(_add(scope, world), context=outside)
        done, _ = await asyncio.wait([adding], timeout=0.3)
        assert not done
    with pytest.raises(Conflict, match="archived"):
        await adding
    assert await Promo.filter(campaign_id=world.campaign.id).count() == 1


async def _add(scope: Scope, world: World) -> Promo:
    return await create_promo(scope, NewPromo(world.campaign.id, "A"))


async def test_a08_in_a_race_no_promo_is_younger_than_the_archiving(
    world: World, scope: Scope
) -> None:
    adding = [create_promo(scope, NewPromo(world.campaign.id, f"P{n}")) for n in range(8)]
    results = await asyncio.gather(
        *adding[:4],
        archive_campaign(scope, world.campaign.id),
        *adding[4:],
        return_exceptions=True,
    )
    failed = [item for item in results if isinstance(item, BaseException)]
    assert all(isinstance(item, Conflict) for item in failed)
    events = await Event.filter(type__in=["promo.created", "campaign.archived"])
    in_order = sorted(events, key=lambda event: event.id)
    assert in_order[-1].type == "campaign.archived"


async def test_a08_of_two_archivings_at_once_one_is_done(world: World, scope: Scope) -> None:
    results = await asyncio.gather(
        *(archive_campaign(scope, world.campaign.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(item, Campaign) for item in results) == 1
    assert (await types_of("campaign", world.campaign.id)).count("campaign.archived") == 1


# A07


async def test_a07_a_promo_is_renamed_and_the_event_says_from_what_to_what(
    world: World, scope: Scope
) -> None:
    before = world.promo.title
    promo = await rename_promo(scope, world.promo.id, "  Footer link ")
    assert (promo.title, promo.code) == ("Footer link", world.promo.code)
    event = await Event.filter(type="promo.renamed").get()
    assert (event.data["before"], event.data["after"]) == (before, "Footer link")


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, "a\x00b"])
async def test_a07_a_bad_title_is_refused(world: World, scope: Scope, title: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await rename_promo(scope, world.promo.id, title)
    assert refusal.value.field == ("title",)


# A04


async def test_a04_a_traffic_source_is_set_later_once_and_never_changed(
    world: World, scope: Scope
) -> None:
    first, second = [
        await TrafficSource.create(name=name, created_at=NOW) for name in ("SEO", "Mail")
    ]
    promo = await set_traffic_source(scope, world.promo.id, first.id)
    assert promo.traffic_source_id == first.id
    for again in (second.id, first.id):
        with pytest.raises(Conflict, match="never changes"):
            await set_traffic_source(scope, world.promo.id, again)
    assert (await Promo.get(id=promo.id)).traffic_source_id == first.id
    assert (await types_of("promo", promo.id)).count("promo.traffic_source_set") == 1


async def test_a04_of_several_sources_set_at_once_one_stays(world: World, scope: Scope) -> None:
    sources = [await TrafficSource.create(name=f"Source {n}", created_at=NOW) for n in range(6)]
    results = await asyncio.gather(
        *(set_traffic_source(scope, world.promo.id, source.id) for source in sources),
        return_exceptions=True,
    )
    won = [item for item in results if isinstance(item, Promo)]
    refused = [item for item in results if isinstance(item, DomainError)]
    assert (len(won), len(refused)) == (1, 5)
    assert (await Promo.get(id=world.promo.id)).traffic_source_id == won[0].traffic_source_id
    event = await Event.filter(type="promo.traffic_source_set").get()
    assert event.data["traffic_source_id"] == won[0].traffic_source_id


async def test_a04_the_brands_no_refuses_it_later_as_well(world: World, scope: Scope) -> None:
    source = await TrafficSource.create(name="SEO", created_at=NOW)
    await BrandTrafficSource.create(brand=world.brand, traffic_source=source, policy="no")
    with pytest.raises(Conflict, match="SEO"):
        await set_traffic_source(scope, world.promo.id, source.id)


async def test_a04_a_foreign_promo_and_an_unknown_source_are_not_found(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    source = await TrafficSource.create(name="SEO", created_at=NOW)
    foreign = await make_world(clock)
    with pytest.raises(NotFound):
        await set_traffic_source(scope, foreign.promo.id, source.id)
    with pytest.raises(NotFound):
        await set_traffic_source(scope, world.promo.id, 4_711)

"""Postbacks of all three places: creating, editing, switching, deleting (A13, A08, O02)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.campaigns.operator_commands import disable_campaign, enable_campaign
from app.domain.campaigns.states import archive_campaign, unarchive_campaign
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.events import place_recordings
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.players.register import register_players
from app.domain.postbacks import configure, reads
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import Method, NewPostback, PostbackEdit
from app.domain.postbacks.plan import plan_deliveries
from app.domain.postbacks.reads import Place, PostbackFilter, WarningCode, template_warnings
from app.domain.postbacks.tags import MOST_TAGS, note_tags, seen_tags
from app.domain.postbacks.template import Unresolved
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Event, Postback, PostbackDelivery
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_partner,
    make_visits,
    partner_scope,
    staff_scope,
)

URL = "https://tracker.example/?id=${event_id}"


async def create(scope: Scope, **fields: Any) -> Postback:
    return await configure.create_postback(scope, NewPostback(Action.ANY, **{"url": URL, **fields}))


async def last_event(kind: str) -> dict[str, Any]:
    event = await Event.filter(type=kind).order_by("-id").first()
    assert event is not None
    return dict(event.data)


async def test_a13_a_postback_can_belong_to_the_account_a_campaign_or_a_promo(
    world: World, scope: Scope
) -> None:
    made = {
        Place.ACCOUNT: await create(scope),
        Place.CAMPAIGN: await create(scope, campaign_id=world.campaign.id),
        Place.PROMO: await create(scope, promo_id=world.promo.id),
    }

    for place, row in made.items():
        rows = (await reads.postbacks(scope, PostbackFilter(place=place))).rows
        assert [each.id for each in await rows] == [row.id]


async def test_a13_an_edit_changes_what_it_names_and_is_recorded(scope: Scope) -> None:
    row = await create(scope)
    edit = PostbackEdit(url="https://tracker.example/new", unresolved=Unresolved.EMPTY)

    edited = await configure.edit_postback(scope, row.id, edit)

    assert (edited.url, edited.unresolved) == ("https://tracker.example/new", "empty")
    assert (edited.action, edited.method) == ("any", "GET")
    data = await last_event("postback.edited")
    assert data["before"] == {"url": URL, "unresolved": "drop"}
    assert data["after"] == {"url": "https://tracker.example/new", "unresolved": "empty"}


async def test_a13_an_edit_that_changes_nothing_leaves_no_event(scope: Scope) -> None:
    row = await create(scope)

    await configure.edit_postback(scope, row.id, PostbackEdit(url=URL, method=Method.GET))

    assert await Event.filter(type="postback.edited").count() == 0


async def test_a13_a_deleted_postback_is_not_found(scope: Scope) -> None:
    row = await create(scope)

    await configure.delete_postback(scope, row.id)

    assert await (await reads.postbacks(scope, PostbackFilter())).rows == []
    for again in (configure.delete_postback, configure.enable_postback, configure.disable_postback):
        with pytest.raises(NotFound):
            await again(scope, row.id)


@pytest.mark.parametrize("ending", [configure.disable_postback, configure.delete_postback])
async def test_a13_what_waits_is_cancelled_with_its_postback(
    world: World, scope: Scope, system: Scope, ending: Any
) -> None:
    row = await create(scope)
    brand = brand_scope(world.brand, world.clock)
    await register_players(brand, world.brand.id, [world.player("p1")], box=BOX)
    while await place_recordings(system):
        pass
    await plan_deliveries(system)

    await ending(scope, row.id)

    assert (await PostbackDelivery.get()).state == "cancelled"


@pytest.mark.parametrize("place", ["campaign", "promo"])
@pytest.mark.parametrize("disabled", [False, True])
async def test_a08_an_archived_campaign_refuses_every_change_of_its_postbacks(
    world: World, scope: Scope, clock: ManualClock, place: str, disabled: bool
) -> None:
    ids = {f"{place}_id": getattr(world, place).id}
    row = await create(scope, **ids)
    await archive_campaign(scope, world.campaign.id)
    if disabled:
        await disable_campaign(staff_scope(clock), world.campaign.id, "Under review.")

    for refused in (
        create(scope, **ids),
        configure.edit_postback(scope, row.id, PostbackEdit(url=f"{URL}&x=1")),
        configure.disable_postback(scope, row.id),
        configure.enable_postback(scope, row.id),
        configure.delete_postback(scope, row.id),
    ):
        with pytest.raises(Conflict, match="unarchive it"):
            await refused

    if disabled:
        await enable_campaign(staff_scope(clock), world.campaign.id)
    await unarchive_campaign(scope, world.campaign.id)
    assert (await configure.disable_postback(scope, row.id)).state == "disabled"


async def test_a08_the_postbacks_of_the_account_change_whatever_is_archived(
    world: World, scope: Scope
) -> None:
    row = await create(scope)
    await archive_campaign(scope, world.campaign.id)

    assert (await configure.disable_postback(scope, row.id)).state == "disabled"


async def test_o02_what_an_operator_disabled_only_an_operator_enables(
    scope: Scope, clock: ManualClock
) -> None:
    row = await create(scope)
    staff = staff_scope(clock)
    disabled = await configure.disable_partner_postback(staff, row.id, "Floods our network.")
    assert (disabled.state, disabled.disabled_by) == ("disabled", "operator")

    with pytest.raises(Conflict, match=r"Floods our network\.") as refusal:
        await configure.enable_postback(scope, row.id)
    assert "affiliate manager" in refusal.value.message

    enabled = await configure.enable_partner_postback(staff, row.id)
    assert (enabled.state, enabled.disabled_by, enabled.state_reason) == ("active", None, None)


async def test_o02_an_operator_can_hold_what_the_partner_disabled(
    scope: Scope, clock: ManualClock
) -> None:
    row = await create(scope)
    await configure.disable_postback(scope, row.id)

    await configure.disable_partner_postback(staff_scope(clock), row.id, "No.")

    with pytest.raises(Conflict):
        await configure.enable_postback(scope, row.id)


async def test_o02_an_advertiser_may_not_switch_postbacks(scope: Scope, clock: ManualClock) -> None:
    row = await create(scope)

    with pytest.raises(Forbidden):
        await configure.disable_partner_postback(
            staff_scope(clock, StaffRole.ADVERTISER), row.id, "x"
        )


@pytest.mark.parametrize("role", [PartnerRole.FINANCE, PartnerRole.VIEWER])
async def test_a64_some_members_only_read_postbacks(
    world: World, scope: Scope, role: PartnerRole
) -> None:
    row = await create(scope)
    member = partner_scope(world.partner, world.clock, role)

    assert [each.id for each in await (await reads.postbacks(member, PostbackFilter())).rows] == [
        row.id
    ]
    with pytest.raises(Forbidden):
        await configure.disable_postback(member, row.id)


async def test_decision_9_anothers_postback_is_not_found(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    row = await create(scope)
    rival = partner_scope(await make_partner(clock, world.brand), clock)

    for foreign in (configure.disable_postback, configure.delete_postback):
        with pytest.raises(NotFound):
            await foreign(rival, row.id)
    with pytest.raises(NotFound):
        await configure.edit_postback(rival, row.id, PostbackEdit(url=URL))


async def test_switching_twice_is_a_conflict(scope: Scope) -> None:
    row = await create(scope)
    with pytest.raises(Conflict, match="active already"):
        await configure.enable_postback(scope, row.id)
    await configure.disable_postback(scope, row.id)
    with pytest.raises(Conflict, match="disabled already"):
        await configure.disable_postback(scope, row.id)


async def test_an_account_has_a_limit_of_postbacks_that_the_refusal_names(
    scope: Scope, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configure, "MOST_POSTBACKS", 2)
    await create(scope)
    gone = await create(scope)
    with pytest.raises(Conflict, match="at most 2"):
        await create(scope)

    await configure.delete_postback(scope, gone.id)

    assert (await create(scope)).partner_id == world.partner.id


async def test_an_operator_has_no_postbacks_of_its_own(world: World, clock: ManualClock) -> None:
    with pytest.raises(Invalid, match="belong to a partner"):
        await create(staff_scope(clock), campaign_id=world.campaign.id)


async def warnings(scope: Scope, url: str, action: Action, place: Place) -> list[Any]:
    return [(each.code, each.name) for each in await template_warnings(scope, url, action, place)]


@pytest.mark.parametrize(
    ("url", "place", "expected"),
    [
        ("https://t.example/?a=${event_id}", Place.ACCOUNT, [(WarningCode.NO_PROMO, None)]),
        ("https://t.example/?a=${event_id}", Place.CAMPAIGN, []),
        ("https://t.example/?a=${promo_id}", Place.ACCOUNT, []),
        ("https://t.example/?a=${campaign_id}", Place.ACCOUNT, []),
        ("https://t.example/?a=1", Place.PROMO, [(WarningCode.NO_VARIABLES, None)]),
        (
            "https://t.example/?a=${stag}&b=#reqid#",
            Place.ACCOUNT,
            [(WarningCode.BEHIND_HASH, None)],
        ),
        (
            "https://t.example/?a=${amount}",
            Place.PROMO,
            [(WarningCode.NO_VALUE_FOR_ACTION, "amount")],
        ),
    ],
)
async def test_a16_doubts_are_warnings(
    scope: Scope, url: str, place: Place, expected: list[Any]
) -> None:
    assert await warnings(scope, url, Action.REGISTRATION, place) == expected


async def test_a16_a_tag_is_doubted_until_a_link_of_this_partner_has_carried_it(
    world: World, scope: Scope, system: Scope, clock: ManualClock
) -> None:
    url = "https://t.example/?a=${clickID}&b=${tag.promo_id}"
    rival = await make_partner(clock, world.brand)
    doubts = [(WarningCode.TAG_NEVER_SEEN, "clickID"), (WarningCode.TAG_NEVER_SEEN, "tag.promo_id")]
    assert await warnings(scope, url, Action.ANY, Place.PROMO) == doubts

    await make_visits(world.promo, clock, query=b"clickID=1&promo_id=2")
    while await place_recordings(system):
        pass
    while await note_tags(system):
        pass

    assert await warnings(scope, url, Action.ANY, Place.PROMO) == []
    assert await seen_tags(scope) == ["clickID", "promo_id"]
    assert await warnings(partner_scope(rival, clock), url, Action.ANY, Place.PROMO) == doubts


async def test_an_advertiser_learns_nothing_of_the_tags_of_links(
    world: World, scope: Scope, system: Scope, clock: ManualClock
) -> None:
    await make_visits(world.promo, clock, query=b"clickID=1")
    while await place_recordings(system):
        pass
    await note_tags(system)
    brands = frozenset({world.brand.id})
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, brands)

    assert await seen_tags(scope) == ["clickID"]
    assert await seen_tags(advertiser) == []
    for name in ("clickID", "other"):
        url = f"https://t.example/?a=${{{name}}}"
        assert await warnings(advertiser, url, Action.ANY, Place.PROMO) == []


async def test_what_strangers_put_on_links_fills_no_endless_list(
    world: World, scope: Scope, system: Scope, clock: ManualClock
) -> None:
    for batch in range(MOST_TAGS // 30 + 2):
        query = "&".join(f"tag{batch}x{number}=1" for number in range(30))
        await make_visits(world.promo, clock, query=query.encode())
        while await place_recordings(system):
            pass
        await note_tags(system)

    assert len(await seen_tags(scope)) == MOST_TAGS

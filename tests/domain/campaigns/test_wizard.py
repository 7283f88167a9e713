"""The campaign wizard: a campaign and its first promo at once, and what there is to choose (A02 to A06)."""

from __future__ import annotations

import pytest

from app.domain.brands.offers import LandingFilter, landings
from app.domain.campaigns.choices import (
    Audience,
    FirstPromo,
    NoLanding,
    landing_choice_of_campaign,
)
from app.domain.campaigns.commands import (
    MOST_PROMOS,
    NewCampaign,
    NewPromo,
    create_campaign_with_promo,
    create_promo,
)
from app.domain.errors import Conflict, DomainError, Invalid, NotFound
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import UniqueViolation
from app.models import (
    Affiliation,
    Banner,
    Brand,
    BrandTrafficSource,
    Campaign,
    Event,
    Landing,
    PlanVersion,
    Promo,
    TrafficSource,
)
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_brand, make_world, partner_scope


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def scope(world: World, clock: ManualClock) -> Scope:
    return partner_scope(world.partner, clock)


async def add_landing(world: World, audience: Audience = Audience.SUB_AFFILIATES) -> Landing:
    return await Landing.create(
        brand=world.brand,
        title="Partners wanted",
        url="https://brand.example/partners",
        audience=audience.value,
        created_at=NOW,
    )


async def pay_for_sub_affiliates(world: World, number: int = 1, kind: str = "subaffiliate") -> None:
    await PlanVersion.create(
        plan_id=world.campaign.plan_id,
        number=number,
        currency="EUR",
        terms={"rewards": [{"kind": kind}]},
        valid_from=NOW,
        published_at=NOW,
        created_at=NOW,
    )


async def make_banner(world: World) -> Banner:
    return await Banner.create(
        code=f"banner-{world.brand.id}",
        brand=world.brand,
        title="Leaderboard",
        format="png",
        width=728,
        height=90,
        size=10,
        sha256="0" * 64,
        storage_key="banners/1",
        created_at=NOW,
    )


async def test_a03_a_campaign_and_its_first_promo_are_made_together(
    world: World, scope: Scope
) -> None:
    made = await create_campaign_with_promo(
        scope, NewCampaign("Reviews", first_promo=FirstPromo("Footer"))
    )
    assert made.promo is not None
    assert made.promo.campaign_id == made.campaign.id
    assert made.promo.landing_id == world.promo.landing_id
    events = await Event.filter(data__contains={"title": "Footer"})
    assert [event.subject_id for event in events] == [made.promo.id]


async def test_a03_a_wizard_without_a_promo_makes_none(world: World, scope: Scope) -> None:
    made = await create_campaign_with_promo(scope, NewCampaign("Reviews"))
    assert made.promo is None


@pytest.mark.parametrize(
    ("first_promo", "kind", "field"),
    [
        (FirstPromo(" "), Invalid, ("firstPromo", "title")),
        (FirstPromo("A", landing_id=4_711), NotFound, ("firstPromo", "landingId")),
        (FirstPromo("A", banner_id=4_711), NotFound, ("firstPromo", "bannerId")),
        (FirstPromo("A", traffic_source_id=4_711), NotFound, ("firstPromo", "trafficSourceId")),
        (
            FirstPromo("A", audience=Audience.SUB_AFFILIATES),
            NoLanding,
            ("firstPromo", "landingId"),
        ),
    ],
)
async def test_a03_a_refused_first_promo_leaves_no_campaign(
    world: World,
    scope: Scope,
    first_promo: FirstPromo,
    kind: type[DomainError],
    field: tuple[str, ...],
) -> None:
    with pytest.raises(kind) as refusal:
        await create_campaign_with_promo(scope, NewCampaign("Reviews", first_promo=first_promo))
    assert refusal.value.field == field
    assert await Campaign.all().count() == 1


async def test_a03_a_promo_that_the_database_refuses_leaves_neither_campaign_nor_event(
    world: World, scope: Scope
) -> None:
    before = await Event.all().count()
    new = NewCampaign("Reviews", first_promo=FirstPromo("Footer"))
    with pytest.raises(UniqueViolation):
        await create_campaign_with_promo(scope, new, lambda: world.promo.code)
    assert await Campaign.all().count() == 1
    assert await Event.all().count() == before


async def test_a02_among_several_landings_one_must_be_chosen(world: World, scope: Scope) -> None:
    second = await add_landing(world, Audience.PLAYERS)
    with pytest.raises(Invalid, match="there are 2 to choose from: name the landing"):
        await create_promo(scope, NewPromo(world.campaign.id, "A"))
    promo = await create_promo(scope, NewPromo(world.campaign.id, "A", second.id))
    assert promo.landing_id == second.id


async def test_a04_a_source_that_the_brand_refuses_refuses_the_promo(
    world: World, scope: Scope
) -> None:
    source = await TrafficSource.create(name="Streaming", created_at=NOW)
    await BrandTrafficSource.create(brand=world.brand, traffic_source=source, policy="no")
    with pytest.raises(Conflict, match="does not accept visitors from Streaming") as refusal:
        await create_promo(scope, NewPromo(world.campaign.id, "A", traffic_source_id=source.id))
    assert refusal.value.field == ("trafficSourceId",)


async def test_a05_landings_are_filtered_by_audience(world: World, scope: Scope) -> None:
    landing = await add_landing(world)
    for audience, ids in (
        (Audience.PLAYERS, [world.promo.landing_id]),
        (Audience.SUB_AFFILIATES, [landing.id]),
    ):
        rows = (await landings(scope, LandingFilter(world.brand.id, audience.value))).rows
        assert [row.id for row in await rows] == ids


@pytest.mark.parametrize("landed", [False, True])
async def test_a05_a_plan_that_pays_nothing_for_sub_affiliates_is_the_cause(
    world: World, scope: Scope, landed: bool
) -> None:
    if landed:
        await add_landing(world)
    await _is_unavailable(world, scope, "NO_SUB_AFFILIATE_REWARD", "the commission plan pays")


async def test_a05_a_missing_landing_for_sub_affiliates_is_the_other_cause(
    world: World, scope: Scope
) -> None:
    await pay_for_sub_affiliates(world)
    await _is_unavailable(world, scope, "NO_SUB_AFFILIATE_LANDING", "the brand has no landing")


async def _is_unavailable(world: World, scope: Scope, reason: str, words: str) -> None:
    choice = await landing_choice_of_campaign(scope, world.campaign.id, Audience.SUB_AFFILIATES)
    assert choice.unavailable_reason is not None
    assert (list(choice.landings), choice.unavailable_reason.name) == ([], reason)
    with pytest.raises(NoLanding, match=words) as refusal:
        await create_promo(
            scope, NewPromo(world.campaign.id, "A", audience=Audience.SUB_AFFILIATES)
        )
    assert (refusal.value.code, refusal.value.field) == (reason, ("landingId",))


async def test_a05_with_a_reward_and_a_landing_a_promo_for_sub_affiliates_is_made(
    world: World, scope: Scope
) -> None:
    await pay_for_sub_affiliates(world)
    landing = await add_landing(world)
    promo = await create_promo(
        scope, NewPromo(world.campaign.id, "A", audience=Audience.SUB_AFFILIATES)
    )
    assert promo.landing_id == landing.id


async def test_a05_the_version_in_force_decides_not_an_older_or_a_coming_one(
    world: World, scope: Scope
) -> None:
    await add_landing(world)
    await pay_for_sub_affiliates(world)
    await pay_for_sub_affiliates(world, 2, "percent_of_ngr")
    choice = await landing_choice_of_campaign(scope, world.campaign.id, Audience.SUB_AFFILIATES)
    assert choice.unavailable_reason is not None


async def test_a05_a_landing_for_the_other_audience_is_not_found(
    world: World, scope: Scope
) -> None:
    landing = await add_landing(world)
    with pytest.raises(NotFound) as refusal:
        await create_promo(scope, NewPromo(world.campaign.id, "A", landing.id))
    assert refusal.value.field == ("landingId",)


async def test_a06_a_promo_uses_a_banner_or_is_a_direct_link(world: World, scope: Scope) -> None:
    banner = await make_banner(world)
    promo = await create_promo(scope, NewPromo(world.campaign.id, "A", banner_id=banner.id))
    assert (promo.banner_id, world.promo.banner_id) == (banner.id, None)


async def test_a06_a_banner_of_another_brand_is_not_found(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(await make_world(clock))
    with pytest.raises(NotFound) as refusal:
        await create_promo(scope, NewPromo(world.campaign.id, "A", banner_id=banner.id))
    assert refusal.value.field == ("bannerId",)


async def test_a07_a_full_campaign_takes_no_more_promos_and_names_the_limit(
    world: World, scope: Scope
) -> None:
    await Promo.bulk_create(
        Promo(
            campaign_id=world.campaign.id,
            partner_id=world.partner.id,
            brand_id=world.brand.id,
            landing_id=world.promo.landing_id,
            code=f"full{number}",
            title="Full",
            created_at=NOW,
        )
        for number in range(MOST_PROMOS - 1)
    )
    with pytest.raises(Conflict, match="at most 1,000 are allowed"):
        await create_promo(scope, NewPromo(world.campaign.id, "A"))


@pytest.mark.parametrize("state", ["pending", "rejected", "suspended", "deleted"])
@pytest.mark.parametrize("audience", list(Audience))
async def test_a07_an_affiliation_that_is_not_accepted_is_named_as_the_cause(
    world: World, scope: Scope, state: str, audience: Audience
) -> None:
    await Affiliation.filter(partner_id=world.partner.id).update(state=state)
    words = f"your affiliation with {world.brand.name} is {state}: ask your affiliate manager"
    with pytest.raises(Conflict, match=words) as refusal:
        await create_promo(scope, NewPromo(world.campaign.id, "A", audience=audience))
    assert (refusal.value.code, refusal.value.field) == ("CONFLICT", ("campaignId",))
    with pytest.raises(Conflict, match=words):
        await landing_choice_of_campaign(scope, world.campaign.id, audience)


@pytest.mark.parametrize("state", ["disabled", "suspended"])
async def test_a02_a_brand_that_is_not_active_gets_no_campaign_and_no_promo(
    world: World, scope: Scope, state: str
) -> None:
    await Brand.filter(id=world.brand.id).update(state=state)
    words = f"{world.brand.name} is {state}, .*: choose another brand, or try again once it"
    with pytest.raises(Conflict, match=words) as refusal:
        await create_campaign_with_promo(scope, NewCampaign("Reviews", world.brand.id))
    assert (refusal.value.code, refusal.value.field) == ("CONFLICT", ("brandId",))
    with pytest.raises(Conflict, match=words) as refusal:
        await create_promo(scope, NewPromo(world.campaign.id, "A"))
    assert (refusal.value.code, refusal.value.field) == ("CONFLICT", ("campaignId",))
    assert await Campaign.all().count() == await Promo.all().count() == 1


async def test_a02_the_only_active_brand_may_be_left_out(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    await Affiliation.create(partner=world.partner, brand=other, state="accepted", created_at=NOW)
    await Brand.filter(id=world.brand.id).update(state="disabled")
    made = await create_campaign_with_promo(scope, NewCampaign("Reviews"))
    assert made.campaign.brand_id == other.id

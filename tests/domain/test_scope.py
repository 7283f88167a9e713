"""Tenancy has one door: what does not belong to a scope does not exist for it (decision 9)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.campaigns.commands import NewCampaign, NewPromo, create_campaign, create_promo
from app.domain.campaigns.reads import CampaignFilter, PromoFilter, campaigns, promos
from app.domain.errors import DomainError, Forbidden, NotFound, Unauthenticated
from app.domain.permissions import PartnerRole, Permission
from app.domain.players.register import register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.reports.run import run_report
from app.domain.reports.specification import Grouping, ReportFilters, ReportSpecification
from app.domain.scope import Actor, Scope
from app.infra.clock import ManualClock
from app.models import (
    Affiliation,
    Campaign,
    CommissionPlan,
    Event,
    Player,
    Promo,
    Recording,
    Registration,
    Visit,
)
from app.models.base import TenantModel
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    BOX,
    World,
    brand_scope,
    day_interval,
    make_partner,
    make_promo,
    make_world,
    partner_scope,
    staff_scope,
)

# Models whose rows partners may read though no column says whose they are.
SHARED = {
    "Brand": "offers: partners see those with an accepted affiliation",
    "Landing": "offers: of those brands",
    "Banner": "offers: of those brands, the public ones and those given to the partner",
    "CommissionPlan": "offers: of those brands, the defaults and the assigned ones",
    "PlanVersion": "offers: of those plans",
    "ExchangeRate": "one list for the whole programme; partners' amounts are converted with it",
    "TrafficSource": "one list for the whole programme",
    "BrandTrafficSource": "offers: what those brands think of traffic sources",
    "BrandChange": "offers: what those brands have announced",
    "BrandSuspension": "offers: how much those brands were away",
    "Promotion": "offers: of those brands",
    "NewsArticle": "of the programme and of those brands, once published",
    "Contact": "of the programme and of those brands",
    "TermsVersion": "of the programme and of any brand, once published",
}
# Models with rows of a partner and of a brand at once.
OF_BOTH: tuple[type[TenantModel], ...] = (
    Campaign,
    Promo,
    Player,
    Visit,
    Registration,
    Event,
    Affiliation,
)


def models() -> list[type[TenantModel]]:
    import app.models

    return [getattr(app.models, name) for name in app.models.__all__]


def limited_to(partner_id: int | None, brand_ids: frozenset[int] | None = None) -> Scope:
    return Scope(
        Actor("test"),
        ManualClock(NOW),
        "r",
        frozenset(),
        partner_id=partner_id,
        brand_ids=brand_ids,
    )


@pytest.fixture
async def mine(database: Settings, clock: ManualClock) -> World:
    """A programme with a registered player."""
    return await _world_with_player(clock)


@pytest.fixture
async def theirs(mine: World, clock: ManualClock) -> World:
    """Another brand, another partner, another player."""
    return await _world_with_player(clock)


async def _world_with_player(clock: ManualClock) -> World:
    made = await make_world(clock)
    scope = brand_scope(made.brand, clock)
    await register_players(scope, made.brand.id, [made.player("p1")], box=BOX)
    return made


# Every model


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_model_says_whose_its_rows_are(model: type[TenantModel]) -> None:
    known = bool(model.partner_column) or model.operators_only or model.__name__ in SHARED

    assert known, f"{model.__name__}: name its partner_column, or set operators_only"
    assert not (model.partner_column and model.__name__ in SHARED)


async def test_the_limits_of_a_scope_are_conditions_of_every_query(database: Settings) -> None:
    scope = limited_to(4_711, frozenset({815}))
    for model in models():
        if model.operators_only:
            with pytest.raises(Forbidden):
                scope.query(model)
            continue
        sql = scope.query(model).sql(params_inline=True)
        assert ("4711" in sql) is bool(model.partner_column), model.__name__
        assert ("815" in sql) is bool(model.brand_column), model.__name__


async def test_a_partner_sees_its_own_rows_and_no_others(mine: World, theirs: World) -> None:
    for model in OF_BOTH:
        rows = await limited_to(mine.partner.id).query(model)
        assert rows
        assert {getattr(row, "partner_id", None) for row in rows} == {mine.partner.id}
        assert len(rows) < await model.all().count()


async def test_a_limit_to_brands_shows_the_rows_of_those_brands_only(
    mine: World, theirs: World
) -> None:
    for model in OF_BOTH:
        rows = await limited_to(None, frozenset({mine.brand.id})).query(model)
        assert rows
        assert {getattr(row, "brand_id", None) for row in rows} == {mine.brand.id}


async def test_a_limit_to_no_brand_shows_nothing(mine: World) -> None:
    for model in OF_BOTH:
        assert await limited_to(None, frozenset()).query(model) == []


async def test_without_limits_everything_is_there(mine: World, theirs: World) -> None:
    rows = await limited_to(None).query(Campaign)

    assert {row.partner_id for row in rows} == {mine.partner.id, theirs.partner.id}


async def test_partners_and_brands_never_read_the_tables_of_operators(
    mine: World, clock: ManualClock
) -> None:
    for scope in (limited_to(mine.partner.id), brand_scope(mine.brand, clock)):
        with pytest.raises(Forbidden):
            scope.query(Recording)
    assert await staff_scope(clock).query(Recording).exists()


async def test_a_visitor_reads_nothing(database: Settings, clock: ManualClock) -> None:
    scope = Scope.visitor(clock, "r")

    for model in models():
        with pytest.raises(Unauthenticated):
            scope.query(model)


# The value itself


def test_a_scope_cannot_be_widened(clock: ManualClock) -> None:
    scope = limited_to(1)

    with pytest.raises(dataclasses.FrozenInstanceError):
        scope.partner_id = None  # type: ignore[misc]


def test_a_tenants_scope_lives_on_the_tenants_clock_x08(clock: ManualClock) -> None:
    scope = Scope.system(clock, "r").at_offset(timedelta(days=3))

    clock.advance(timedelta(hours=1))

    assert scope.now() == NOW + timedelta(days=3, hours=1)


def test_only_the_clock_changes_at_an_offset(clock: ManualClock) -> None:
    scope = limited_to(1, frozenset({2}))

    assert dataclasses.replace(scope.at_offset(timedelta(1)), clock=scope.clock) == scope


# Foreign ids are not found


async def test_a_campaign_needs_a_brand_with_an_accepted_affiliation(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)

    for brand_id in (theirs.brand.id, 4_711):
        with pytest.raises(NotFound) as refusal:
            await create_campaign(scope, NewCampaign("Mine", brand_id))
        assert refusal.value.field == ("brandId",)


@pytest.mark.parametrize("state", ["pending", "rejected", "suspended", "deleted"])
async def test_an_affiliation_in_any_other_state_opens_no_brand(
    mine: World, clock: ManualClock, state: str
) -> None:
    await Affiliation.filter(partner_id=mine.partner.id).update(state=state)

    with pytest.raises(NotFound):
        await create_campaign(
            partner_scope(mine.partner, clock), NewCampaign("Mine", mine.brand.id)
        )


async def test_a_plan_of_another_brand_or_of_another_partner_is_not_found(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)
    exclusive = await CommissionPlan.create(brand=mine.brand, name="Exclusive", created_at=NOW)

    for plan_id in (theirs.campaign.plan_id, exclusive.id, 4_711):
        with pytest.raises(NotFound) as refusal:
            await create_campaign(scope, NewCampaign("Mine", mine.brand.id, plan_id))
        assert refusal.value.field == ("planId",)


async def test_a_promo_needs_a_campaign_of_its_own_partner(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)

    for campaign_id in (theirs.campaign.id, 4_711):
        with pytest.raises(NotFound) as refusal:
            await create_promo(scope, NewPromo(campaign_id, "Mine"))
        assert refusal.value.field == ("campaignId",)
    assert await Promo.filter(campaign_id=theirs.campaign.id).count() == 1


async def test_a_promo_of_a_partner_of_the_same_brand_is_not_found_either(
    mine: World, clock: ManualClock
) -> None:
    rival = await make_partner(clock, mine.brand)
    campaign, promo = await make_promo(rival, mine.brand, clock)
    scope = partner_scope(mine.partner, clock)

    with pytest.raises(NotFound):
        await create_promo(scope, NewPromo(campaign.id, "Mine"))
    with pytest.raises(NotFound):
        await create_postback(scope, _postback(promo_id=promo.id))


async def test_a_landing_of_another_brand_and_an_unknown_source_are_not_found(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)
    landing_id = (await theirs.promo.landing.first()).id

    with pytest.raises(NotFound) as refusal:
        await create_promo(scope, NewPromo(mine.campaign.id, "Mine", landing_id=landing_id))
    assert refusal.value.field == ("landingId",)
    with pytest.raises(NotFound) as refusal:
        await create_promo(scope, NewPromo(mine.campaign.id, "Mine", traffic_source_id=4_711))
    assert refusal.value.field == ("trafficSourceId",)


async def test_a_postback_needs_a_campaign_or_promo_of_its_own_partner(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)

    for foreign, field in (
        ({"campaign_id": theirs.campaign.id}, "campaignId"),
        ({"promo_id": theirs.promo.id}, "promoId"),
        ({"promo_id": 4_711}, "promoId"),
    ):
        with pytest.raises(NotFound) as refusal:
            await create_postback(scope, _postback(**foreign))
        assert refusal.value.field == (field,)


def _postback(**ids: Any) -> NewPostback:
    return NewPostback(Action.ANY, "https://tracker.example/", **ids)


async def test_lists_hold_a_partners_own_rows(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope = partner_scope(mine.partner, clock)

    assert {row.id for row in await (await campaigns(scope, CampaignFilter())).rows} == {
        mine.campaign.id
    }
    assert {row.id for row in await (await promos(scope, PromoFilter())).rows} == {mine.promo.id}


async def test_a_report_asked_for_with_foreign_ids_is_empty(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    filters = (
        ReportFilters(partner_ids=(theirs.partner.id,)),
        ReportFilters(campaign_ids=(theirs.campaign.id,)),
        ReportFilters(promo_ids=(theirs.promo.id,)),
        ReportFilters(brand_ids=(theirs.brand.id,)),
    )
    for chosen in filters:
        report = await run_report(
            partner_scope(mine.partner, clock),
            ReportSpecification(
                NOW.date(), NOW.date(), ("visits_count",), (Grouping.PROMO,), chosen
            ),
        )
        assert report.rows == ()
        assert report.totals.cells == {"visits_count": 0}


async def test_a_brand_cannot_send_data_of_another_brand(
    mine: World, theirs: World, clock: ManualClock
) -> None:
    scope, day = brand_scope(mine.brand, clock), day_interval(NOW - timedelta(hours=14))

    (result,) = await record_activity(
        scope, mine.brand.id, day["from"], day["to"], [{"user_id": "p2", "tag": theirs.tag}]
    )
    with pytest.raises(Exception, match="does not exist"):
        await record_activity(scope, theirs.brand.id, day["from"], day["to"], [])

    assert result.error == "unknown_player"


# Permissions


async def test_a_role_without_the_permission_is_refused_before_anything_is_read(
    mine: World, clock: ManualClock
) -> None:
    viewer = partner_scope(mine.partner, clock, PartnerRole.VIEWER)
    works: list[Any] = [
        create_campaign(viewer, NewCampaign("Mine", 4_711)),
        create_promo(viewer, NewPromo(4_711, "Mine")),
        create_postback(viewer, _postback(promo_id=4_711)),
        register_players(viewer, mine.brand.id, [], box=BOX),
    ]
    for work in works:
        with pytest.raises(Forbidden) as refusal:
            await work
        assert refusal.value.details["permission"] in set(Permission)


async def test_an_operator_without_a_partner_cannot_make_a_campaign_of_nobody(
    mine: World, clock: ManualClock
) -> None:
    with pytest.raises(DomainError, match="belong to a partner"):
        await create_campaign(staff_scope(clock), NewCampaign("Nobody's", mine.brand.id))

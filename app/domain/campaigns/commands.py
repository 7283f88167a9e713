"""Creating campaigns and promos (A01–A08)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.domain.brands.offers import (
    LandingFilter,
    PlanFilter,
    brands,
    landings,
    plans,
)
from app.domain.campaigns import queries
from app.domain.campaigns.codes import random_code
from app.domain.errors import Conflict, DomainError, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import transaction
from app.models import Brand, Campaign, CommissionPlan, Landing, Promo, TrafficSource

Offer = TypeVar("Offer", Brand, CommissionPlan, Landing)


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What a campaign needs. Brand and plan may be left out when there is only one to choose (A02)."""

    name: str
    brand_id: int | None = None
    plan_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewPromo:
    """What a promo needs. The landing may be left out when the brand has only one for players."""

    campaign_id: int
    title: str
    landing_id: int | None = None
    traffic_source_id: int | None = None


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_campaign(scope: Scope, new: NewCampaign) -> Campaign:
    """Create a campaign of the scope's partner.

    Raises Invalid for a bad name or a choice that must be made, NotFound for a brand without an accepted
    affiliation or a plan that is not open to this partner.
    """
    partner_id = _partner(scope)
    name = clean_name(new.name, "name", 200)
    open_brands = (await brands(scope)).rows
    brand = _choose(await open_brands, new.brand_id, "brand", "brandId")
    open_plans = (await plans(scope, PlanFilter(brand.id))).rows
    plan = _choose(await open_plans, new.plan_id, "commission plan", "planId")
    async with transaction() as tx:
        now = scope.now()
        rows = await tx.fetch(queries.INSERT_CAMPAIGN, partner_id, brand.id, plan.id, name, now)
        campaign_id = int(rows[0]["id"])
        await record(
            scope,
            tx,
            "campaign.created",
            Subject("campaign", campaign_id),
            partner_id=partner_id,
            brand_id=brand.id,
            data={"name": name, "plan_id": plan.id},
        )
    return await scope.query(Campaign).get(id=campaign_id)


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_promo(
    scope: Scope, new: NewPromo, new_code: Callable[[], str] | None = None
) -> Promo:
    """Add a promo to a campaign of the scope's partner; its tracking link works at once.

    Raises NotFound for a campaign, landing or traffic source that does not exist for this partner, Conflict when
    the campaign is archived or disabled.
    """
    partner_id = _partner(scope)
    campaign = await scope.query(Campaign).get_or_none(id=new.campaign_id)
    if campaign is None:
        raise NotFound("campaign", field=("campaignId",))
    title = clean_name(new.title, "title", 200)
    brand_id = campaign.brand_id
    open_landings = (await landings(scope, LandingFilter(brand_id, "players"))).rows
    landing = _choose(await open_landings, new.landing_id, "landing", "landingId")
    if new.traffic_source_id is not None:
        await _require_traffic_source(scope, new.traffic_source_id)
    async with transaction() as tx:
        locked = await tx.fetch(queries.LOCK_CAMPAIGN, campaign.id)
        if locked[0]["state"] != "active":
            raise Conflict(
                f"the campaign is {locked[0]['state']}: promos can be added to active campaigns only",
                field=("campaignId",),
            )
        code = (new_code or random_code)()
        rows = await tx.fetch(
            queries.INSERT_PROMO,
            campaign.id,
            partner_id,
            brand_id,
            landing.id,
            new.traffic_source_id,
            code,
            title,
            scope.now(),
        )
        promo_id = int(rows[0]["id"])
        await record(
            scope,
            tx,
            "promo.created",
            Subject("promo", promo_id),
            partner_id=partner_id,
            brand_id=brand_id,
            data={"campaign_id": campaign.id, "code": code, "title": title},
        )
    return await scope.query(Promo).get(id=promo_id)


def _choose(offers: list[Offer], chosen: int | None, what: str, field: str) -> Offer:
    """The chosen offer, or the only one."""
    if chosen is not None:
        for offer in offers:
            if offer.id == chosen:
                return offer
        raise NotFound(what, field=(field,))
    if len(offers) == 1:
        return offers[0]
    if not offers:
        raise Conflict(
            f"there is no {what} open to you yet: ask your affiliate manager", field=(field,)
        )
    raise Invalid(f"there are {len(offers)} to choose from: name the {what}", field=(field,))


async def _require_traffic_source(scope: Scope, traffic_source_id: int) -> None:
    if not await scope.query(TrafficSource).filter(id=traffic_source_id).exists():
        raise NotFound("traffic source", field=("trafficSourceId",))


def _partner(scope: Scope) -> int:
    if scope.partner_id is None:
        raise DomainError("campaigns belong to a partner: sign in as one of its users")
    return scope.partner_id

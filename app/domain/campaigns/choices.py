"""What a campaign and its promos can be made of: brand, plan, landing, banner, traffic source (A02 to A06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from app.domain.banners.reads import require_banner
from app.domain.brands.offers import LandingFilter, PlanFilter, brands, landings, plans
from app.domain.brands.traffic_sources import require_traffic_source
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.permissions import Permission, requires
from app.domain.plans.terms import has_subaffiliate_reward
from app.domain.scope import Scope
from app.models import Affiliation, Brand, Campaign, CommissionPlan, Landing, PlanVersion

Offer = TypeVar("Offer", Brand, CommissionPlan, Landing)


class Audience(StrEnum):
    """Whom a promo is made for."""

    PLAYERS = "players"
    SUB_AFFILIATES = "sub_affiliates"


class UnavailableReason(StrEnum):
    """Why there is no landing to choose (A05)."""

    NO_SUB_AFFILIATE_REWARD = "no_sub_affiliate_reward"
    NO_SUB_AFFILIATE_LANDING = "no_sub_affiliate_landing"
    NO_PLAYER_LANDING = "no_player_landing"


_WHY = {
    UnavailableReason.NO_SUB_AFFILIATE_REWARD: (
        "the commission plan pays nothing for sub-affiliates: choose another plan, or ask your affiliate manager"
    ),
    UnavailableReason.NO_SUB_AFFILIATE_LANDING: (
        "the brand has no landing for sub-affiliates yet: ask your affiliate manager"
    ),
    UnavailableReason.NO_PLAYER_LANDING: (
        "the brand has no landing for players yet: ask your affiliate manager"
    ),
}


class NoLanding(Conflict):
    """There is no landing for the audience; the code names the cause (A05)."""

    def __init__(self, reason: UnavailableReason) -> None:
        super().__init__(_WHY[reason], field=("landingId",))
        self.code = reason.name


@dataclass(frozen=True, slots=True)
class LandingChoice:
    """The landings that a promo may lead to, or why there is none."""

    landings: Sequence[Landing]
    unavailable_reason: UnavailableReason | None = None


@dataclass(frozen=True, slots=True)
class FirstPromo:
    """What a promo needs. The landing may be left out when the brand has only one for the audience."""

    title: str
    landing_id: int | None = None
    traffic_source_id: int | None = None
    audience: Audience = Audience.PLAYERS
    # None: a direct link.
    banner_id: int | None = None


@dataclass(frozen=True, slots=True)
class ChosenPromo:
    """A promo's parts, each checked for the scope, brand and plan."""

    landing_id: int
    traffic_source_id: int | None
    banner_id: int | None


@requires(Permission.READ_OFFERS)
async def choose_brand(scope: Scope, brand_id: int | None) -> Brand:
    """The chosen brand, or the only active one (A02).

    Raises NotFound, Invalid when there are several, Conflict with none, and when the chosen one is not active.
    """
    found = await (await brands(scope)).rows
    active = [brand for brand in found if brand.state == "active"]
    brand = _choose(found if brand_id is not None else active, brand_id, "brand", "brandId")
    _require_active(brand, "brandId")
    return brand


@requires(Permission.READ_OFFERS)
async def require_open(scope: Scope, brand_id: int, field: str) -> None:
    """Raise Conflict saying why, and what to do, when a partner can promote this brand with nothing new (M1D)."""
    if scope.partner_id is not None:
        relation = await scope.query(Affiliation).get_or_none(brand_id=brand_id)
        if relation is None or relation.state != "accepted":
            brand = await scope.query(Brand).get(id=brand_id)
            state = "missing" if relation is None else relation.state
            raise Conflict(
                f"your affiliation with {brand.name} is {state}: ask your affiliate manager to accept it",
                field=(field,),
            )
    _require_active(await scope.query(Brand).get(id=brand_id), field)


@requires(Permission.READ_OFFERS)
async def choose_plan(scope: Scope, brand_id: int, plan_id: int | None) -> CommissionPlan:
    """The chosen plan of a brand, or the only one (A02). Raises NotFound, Invalid, Conflict."""
    open_plans = await (await plans(scope, PlanFilter(brand_id))).rows
    return _choose(open_plans, plan_id, "commission plan", "planId")


@requires(Permission.READ_OFFERS)
async def landing_choice(
    scope: Scope, brand_id: int, plan_id: int, audience: Audience
) -> LandingChoice:
    """The landings of a brand for an audience, in their order; with none, which cause holds (A05)."""
    wanted = LandingFilter(brand_id, audience.value)
    found = await (await landings(scope, wanted)).rows.order_by("sort_order", "id")
    if audience is Audience.PLAYERS:
        return LandingChoice(found, None if found else UnavailableReason.NO_PLAYER_LANDING)
    if not await _pays_for_sub_affiliates(scope, plan_id):
        return LandingChoice((), UnavailableReason.NO_SUB_AFFILIATE_REWARD)
    return LandingChoice(found, None if found else UnavailableReason.NO_SUB_AFFILIATE_LANDING)


@requires(Permission.READ_CAMPAIGNS)
async def landing_choice_of_campaign(
    scope: Scope, campaign_id: int, audience: Audience
) -> LandingChoice:
    """`landing_choice` for the promos of a campaign. Raises NotFound, and Conflict as `require_open`."""
    campaign = await scope.query(Campaign).get_or_none(id=campaign_id)
    if campaign is None:
        raise NotFound("campaign", field=("campaignId",))
    await require_open(scope, campaign.brand_id, "campaignId")
    return await landing_choice(scope, campaign.brand_id, campaign.plan_id, audience)


@requires(Permission.READ_OFFERS)
async def choose_parts(scope: Scope, brand_id: int, plan_id: int, new: FirstPromo) -> ChosenPromo:
    """Check what a promo of this brand and plan is to be made of.

    Raises NotFound for what does not exist for this scope, Invalid for a choice that must be made, NoLanding, and
    Conflict when the brand refuses the traffic source.
    """
    choice = await landing_choice(scope, brand_id, plan_id, new.audience)
    if choice.unavailable_reason is not None:
        raise NoLanding(choice.unavailable_reason)
    landing = _choose(choice.landings, new.landing_id, "landing", "landingId")
    if new.traffic_source_id is not None:
        await require_traffic_source(scope, brand_id, new.traffic_source_id)
    if new.banner_id is not None:
        await require_banner(scope, brand_id, new.banner_id)
    return ChosenPromo(landing.id, new.traffic_source_id, new.banner_id)


async def _pays_for_sub_affiliates(scope: Scope, plan_id: int) -> bool:
    """Whether the version of the plan that is in force now does."""
    versions = scope.query(PlanVersion).filter(
        plan_id=plan_id, published_at__isnull=False, valid_from__lte=scope.now()
    )
    present = await versions.order_by("-valid_from", "-number").first()
    return present is not None and has_subaffiliate_reward(present.terms)


def _require_active(brand: Brand, field: str) -> None:
    if brand.state != "active":
        raise Conflict(
            f"{brand.name} is {brand.state}, and links to it lead to the fallback: "
            "choose another brand, or try again once it is active",
            field=(field,),
        )


def _choose(offers: Sequence[Offer], chosen: int | None, what: str, field: str) -> Offer:
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

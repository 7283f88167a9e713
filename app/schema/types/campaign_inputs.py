"""What clients ask and change of campaigns and promos in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from app.domain.campaigns import choices, commands, reads
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id
from app.schema.types.campaign import Campaign, CampaignState, Promo
from app.schema.types.offer import Landing, LandingAudience

_ONE_OF = "May be left out when there is only one for the audience."
_DIRECT = "Of the same brand; none: a direct link."
_ONCE = "May be set later, once."


@strawberry.input(description="Which campaigns.")
class CampaignFilterInput:
    state: CampaignState | None = strawberry.field(default=None, description="Only in this state.")
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only this campaign."
    )
    plan_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only with this commission plan."
    )
    promo_code: str | None = strawberry.field(
        default=None,
        description="The campaign of the promo with this code, such as k7m2xq9rt, in any case.",
    )
    traffic_source_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only with a promo that states this traffic source."
    )
    created_since: datetime | None = strawberry.field(
        default=None, description="Created at this moment or later."
    )
    created_until: datetime | None = strawberry.field(
        default=None, description="Created before this moment."
    )

    def to_domain(self) -> reads.CampaignFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.CampaignFilter(
            state=_state(self.state),
            brand_id=decode_optional_id("Brand", self.brand_id, "brandId"),
            name_contains=self.name_contains,
            campaign_id=decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            plan_id=decode_optional_id("CommissionPlan", self.plan_id, "planId"),
            promo_code=self.promo_code,
            traffic_source_id=_traffic_source(self.traffic_source_id),
            created_since=self.created_since,
            created_until=self.created_until,
        )


@strawberry.input(description="Which promos.")
class PromoFilterInput:
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this campaign."
    )
    code: str | None = strawberry.field(
        default=None, description="The promo with this code, in any case."
    )
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    title_contains: str | None = strawberry.field(
        default=None, description="Part of the title, in any case."
    )
    traffic_source_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those that state this traffic source."
    )
    landing_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those that lead to this landing."
    )
    banner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those with this banner."
    )
    campaign_state: CampaignState | None = strawberry.field(
        default=None, description="Only in campaigns in this state."
    )

    def to_domain(self) -> reads.PromoFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.PromoFilter(
            campaign_id=decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            code=self.code,
            brand_id=decode_optional_id("Brand", self.brand_id, "brandId"),
            title_contains=self.title_contains,
            traffic_source_id=_traffic_source(self.traffic_source_id),
            landing_id=decode_optional_id("Landing", self.landing_id, "landingId"),
            banner_id=decode_optional_id("Banner", self.banner_id, "bannerId"),
            campaign_state=_state(self.campaign_state),
        )


@strawberry.input(description="The first promo of a new campaign.")
class FirstPromoInput:
    title: str = strawberry.field(description="At most 200 characters, such as Homepage banner.")
    audience: LandingAudience = strawberry.field(
        default=LandingAudience.PLAYERS, description="Whom the promo is made for."
    )
    landing_id: strawberry.ID | None = strawberry.field(default=None, description=_ONE_OF)
    banner_id: strawberry.ID | None = strawberry.field(default=None, description=_DIRECT)
    traffic_source_id: strawberry.ID | None = strawberry.field(default=None, description=_ONCE)

    def to_domain(self) -> choices.FirstPromo:
        """The domain's value; raises NotFound for an id that is none."""
        return choices.FirstPromo(
            self.title,
            decode_optional_id("Landing", self.landing_id, "landingId"),
            _traffic_source(self.traffic_source_id),
            audience_of(self.audience),
            decode_optional_id("Banner", self.banner_id, "bannerId"),
        )


@strawberry.input(description="A new campaign.")
class CreateCampaignInput:
    name: str = strawberry.field(description="At most 200 characters, such as Spring reviews.")
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be left out when only one brand is open to you."
    )
    plan_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be left out when only one plan of the brand is open to you."
    )
    first_promo: FirstPromoInput | None = strawberry.field(
        default=None, description="Made together with the campaign: both, or neither (A03)."
    )

    def to_domain(self) -> commands.NewCampaign:
        """The domain's value; raises NotFound for an id that is none."""
        return commands.NewCampaign(
            self.name,
            decode_optional_id("Brand", self.brand_id, "brandId"),
            decode_optional_id("CommissionPlan", self.plan_id, "planId"),
            self.first_promo.to_domain() if self.first_promo else None,
        )


@strawberry.type(description="The created campaign, or why there is none.")
class CreateCampaignPayload:
    campaign: Campaign | None = strawberry.field(default=None, description="The new campaign.")
    promo: Promo | None = strawberry.field(
        default=None, description="Its first promo; null when none was asked for."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A campaign.")
class CampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="One of your own.")


@strawberry.type(description="The campaign, or why nothing was changed.")
class CampaignPayload:
    campaign: Campaign | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A new promo in a campaign; a campaign holds at most 1,000.")
class CreatePromoInput:
    campaign_id: strawberry.ID = strawberry.field(description="An active campaign of yours.")
    title: str = strawberry.field(description="At most 200 characters, such as Homepage banner.")
    landing_id: strawberry.ID | None = strawberry.field(default=None, description=_ONE_OF)
    traffic_source_id: strawberry.ID | None = strawberry.field(default=None, description=_ONCE)
    audience: LandingAudience = strawberry.field(
        default=LandingAudience.PLAYERS, description="Whom the promo is made for."
    )
    banner_id: strawberry.ID | None = strawberry.field(default=None, description=_DIRECT)

    def to_domain(self) -> commands.NewPromo:
        """The domain's value; raises NotFound for an id that is none."""
        return commands.NewPromo(
            decode_id("Campaign", self.campaign_id, "campaignId"),
            self.title,
            decode_optional_id("Landing", self.landing_id, "landingId"),
            _traffic_source(self.traffic_source_id),
            audience_of(self.audience),
            decode_optional_id("Banner", self.banner_id, "bannerId"),
        )


@strawberry.type(description="The created promo, or why there is none.")
class CreatePromoPayload:
    promo: Promo | None = strawberry.field(default=None, description="The new promo.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="Another title for a promo.")
class RenamePromoInput:
    promo_id: strawberry.ID = strawberry.field(description="Of an active campaign of yours.")
    title: str = strawberry.field(description="At most 200 characters, such as Homepage banner.")


@strawberry.input(description="The traffic source of a promo that was created without one.")
class SetTrafficSourceInput:
    promo_id: strawberry.ID = strawberry.field(description="Of an active campaign of yours.")
    traffic_source_id: strawberry.ID = strawberry.field(
        description="Never changed or cleared afterwards (A04)."
    )


@strawberry.type(description="The promo, or why nothing was changed.")
class PromoPayload:
    promo: Promo | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.enum(description="Why there is no landing to choose (A05).")
class LandingUnavailableReason(Enum):
    NO_SUB_AFFILIATE_REWARD = strawberry.enum_value(
        "no_sub_affiliate_reward", description="The plan pays nothing for sub-affiliates."
    )
    NO_SUB_AFFILIATE_LANDING = strawberry.enum_value(
        "no_sub_affiliate_landing", description="The brand has no landing for sub-affiliates."
    )
    NO_PLAYER_LANDING = strawberry.enum_value(
        "no_player_landing", description="The brand has no landing for players."
    )


@strawberry.type(description="The landings that a promo may lead to, or why there is none.")
class LandingChoice:
    landings: list[Landing] = strawberry.field(description="In the brand's order.")
    unavailable_reason: LandingUnavailableReason | None = strawberry.field(
        description="Null while there is a landing."
    )

    @classmethod
    def of(cls, choice: choices.LandingChoice) -> LandingChoice:
        """From the domain's answer."""
        reason = choice.unavailable_reason
        return cls(
            landings=[Landing.of(row) for row in choice.landings],
            unavailable_reason=LandingUnavailableReason(reason.value) if reason else None,
        )


def audience_of(value: LandingAudience) -> choices.Audience:
    """The domain's audience."""
    return choices.Audience(str(value.value))


def _state(value: CampaignState | None) -> str | None:
    return str(value.value) if value else None


def _traffic_source(value: str | None) -> int | None:
    return decode_optional_id("TrafficSource", value, "trafficSourceId")

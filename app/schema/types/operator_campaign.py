"""What operators ask and change of any partner's campaigns, promos and coupons (admin schema only, O02, M02)."""

from __future__ import annotations

from datetime import date

import strawberry

from app.domain.campaigns import plan_moves
from app.domain.campaigns.operator_reads import PartnerCampaignFilter, PartnerPromoFilter
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id
from app.schema.types import campaign_inputs as filters
from app.schema.types import plan_move
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.coupon import Coupon


@strawberry.input(description="Which campaigns.")
class CampaignFilterInput(filters.CampaignFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> PartnerCampaignFilter:  # type: ignore[override]
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        return PartnerCampaignFilter(filters.CampaignFilterInput.to_domain(self), partner_id)


@strawberry.input(description="Which promos.")
class PromoFilterInput(filters.PromoFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> PartnerPromoFilter:  # type: ignore[override]
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        return PartnerPromoFilter(filters.PromoFilterInput.to_domain(self), partner_id)


@strawberry.input(description="A campaign.")
class CampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="A campaign, and why.")
class CampaignReasonInput:
    campaign_id: strawberry.ID = strawberry.field(description="Within your limits.")
    reason: str = strawberry.field(description="At most 500 characters; the partner reads it.")


@strawberry.input(description="Another name for a campaign.")
class RenameCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="Within your limits.")
    name: str = strawberry.field(description="At most 200 characters.")


@strawberry.input(description="Another title for a promo.")
class RenamePromoInput:
    promo_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str = strawberry.field(description="At most 200 characters.")


@strawberry.input(description="Another landing for a promo.")
class SetPromoLandingInput:
    promo_id: strawberry.ID = strawberry.field(description="Within your limits.")
    landing_id: strawberry.ID = strawberry.field(
        description="An active one of the same brand, for the same audience."
    )


@strawberry.input(description="A campaign's move to another plan.")
class MoveCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="Within your limits.")
    plan_id: strawberry.ID = strawberry.field(
        description="An active one of the brand: a default, or one that is assigned to the partner."
    )
    day: date = strawberry.field(
        description="The first business day of the brand under the new plan; tomorrow or later."
    )
    existing_players: plan_move.ExistingPlayers = strawberry.field(
        description="What becomes of the players that are there."
    )
    carried: plan_move.CarriedNegatives = strawberry.field(
        description="What becomes of carried negatives."
    )

    def to_domain(self) -> plan_moves.NewPlanMove:
        """The domain's value; raises NotFound for an id that is none."""
        return plan_moves.NewPlanMove(
            decode_id("Campaign", self.campaign_id, "campaignId"),
            decode_id("CommissionPlan", self.plan_id, "planId"),
            self.day,
            plan_moves.ExistingPlayers(str(self.existing_players.value)),
            plan_moves.CarriedNegatives(str(self.carried.value)),
        )


@strawberry.input(description="A plan move.")
class CampaignPlanMoveInput:
    move_id: strawberry.ID = strawberry.field(description="One that is not in effect yet.")


@strawberry.input(description="A code for a promo.")
class CreateCouponInput:
    promo_id: strawberry.ID = strawberry.field(description="Within your limits.")
    code: str = strawberry.field(
        description="At most 64 characters without spaces; once per brand, whatever its case."
    )


@strawberry.input(description="A coupon.")
class CouponInput:
    coupon_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.type(description="The campaign, or why there is none.")
class CampaignPayload:
    campaign: Campaign | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The promo, or why there is none.")
class PromoPayload:
    promo: Promo | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The coupon, or why there is none.")
class CouponPayload:
    coupon: Coupon | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The plan move, or why there is none.")
class CampaignPlanMovePayload:
    move: plan_move.CampaignPlanMove | None = strawberry.field(
        default=None, description="As it is now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

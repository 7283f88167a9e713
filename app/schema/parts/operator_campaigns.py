"""What operators change of any partner's campaigns, promos and coupons (O02, M02)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.brands import coupons
from app.domain.campaigns import operator_commands, operator_reads, plan_moves, reads
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.coupon import Coupon, CouponFilterInput
from app.schema.types.operator_campaign import (
    CampaignFilterInput,
    CampaignInput,
    CampaignPayload,
    CampaignPlanMoveInput,
    CampaignPlanMovePayload,
    CampaignReasonInput,
    CouponInput,
    CouponPayload,
    CreateCouponInput,
    MoveCampaignInput,
    PromoFilterInput,
    PromoPayload,
    RenameCampaignInput,
    RenamePromoInput,
    SetPromoLandingInput,
)
from app.schema.types.plan_move import CampaignPlanMove, CampaignPlanMoveFilterInput


@strawberry.type
class PlanMoveQueries:
    campaign_plan_moves = connection(
        CampaignPlanMove,
        plan_moves.plan_moves,
        plan_moves.PlanMoveOrder,
        CampaignPlanMoveFilterInput,
        "Moves of campaigns to other commission plans: planned, in effect and taken back (O02, M1B).",
    )


@strawberry.type
class CouponQueries:
    coupons = connection(
        Coupon,
        coupons.coupons,
        coupons.CouponOrder,
        CouponFilterInput,
        "Codes that are bound to promos; a partner sees those of its own promos (M02).",
    )


@strawberry.type
class OperatorCampaignQueries(PlanMoveQueries, CouponQueries):
    campaigns = connection(
        Campaign,
        operator_reads.partner_campaigns,
        reads.CampaignOrder,
        CampaignFilterInput,
        "Campaigns of all partners (O02).",
    )
    promos = connection(
        Promo,
        operator_reads.partner_promos,
        reads.PromoOrder,
        PromoFilterInput,
        "Promos of all partners (O02).",
    )


@strawberry.type
class OperatorCampaignMutations:
    @mutation(
        permission_of(operator_commands.rename_campaign), "Rename a partner's campaign (O02)."
    )
    async def rename_campaign(
        self, info: Info[Any, Any], input: RenameCampaignInput
    ) -> CampaignPayload:
        campaign_id = decode_id("Campaign", input.campaign_id, "campaignId")
        row = await operator_commands.rename_campaign(scope_of(info), campaign_id, input.name)
        return _campaign(row)

    @mutation(
        permission_of(operator_commands.disable_campaign),
        "Switch a partner's campaign off, with a reason that it reads: its links lead to the fallback (O02).",
    )
    async def disable_campaign(
        self, info: Info[Any, Any], input: CampaignReasonInput
    ) -> CampaignPayload:
        campaign_id = decode_id("Campaign", input.campaign_id, "campaignId")
        row = await operator_commands.disable_campaign(scope_of(info), campaign_id, input.reason)
        return _campaign(row)

    @mutation(
        permission_of(operator_commands.enable_campaign),
        "Switch a disabled campaign on again (O02).",
    )
    async def enable_campaign(self, info: Info[Any, Any], input: CampaignInput) -> CampaignPayload:
        campaign_id = decode_id("Campaign", input.campaign_id, "campaignId")
        row = await operator_commands.enable_campaign(scope_of(info), campaign_id)
        return _campaign(row)

    @mutation(
        permission_of(plan_moves.move_campaign),
        "Let a campaign earn by another plan from a business day of its brand on (O02, M1B).",
    )
    async def move_campaign(
        self, info: Info[Any, Any], input: MoveCampaignInput
    ) -> CampaignPlanMovePayload:
        row = await plan_moves.move_campaign(scope_of(info), input.to_domain())
        return _move(row)

    @mutation(
        permission_of(plan_moves.cancel_plan_move), "Take a plan move back before it takes effect."
    )
    async def cancel_campaign_plan_move(
        self, info: Info[Any, Any], input: CampaignPlanMoveInput
    ) -> CampaignPlanMovePayload:
        move_id = decode_id("CampaignPlanMove", input.move_id, "moveId")
        return _move(await plan_moves.cancel_plan_move(scope_of(info), move_id))

    @mutation(permission_of(operator_commands.rename_promo), "Rename a partner's promo (O02).")
    async def rename_promo(self, info: Info[Any, Any], input: RenamePromoInput) -> PromoPayload:
        promo_id = decode_id("Promo", input.promo_id, "promoId")
        row = await operator_commands.rename_promo(scope_of(info), promo_id, input.title)
        return _promo(row)

    @mutation(
        permission_of(operator_commands.set_promo_landing),
        "Let a partner's promo lead to another landing of its brand (O02).",
    )
    async def set_promo_landing(
        self, info: Info[Any, Any], input: SetPromoLandingInput
    ) -> PromoPayload:
        promo_id = decode_id("Promo", input.promo_id, "promoId")
        landing_id = decode_id("Landing", input.landing_id, "landingId")
        row = await operator_commands.set_promo_landing(scope_of(info), promo_id, landing_id)
        return _promo(row)

    @mutation(
        permission_of(coupons.create_coupon),
        "Bind a code to a promo: what its brand reports with the code counts for the promo (M02).",
    )
    async def create_coupon(self, info: Info[Any, Any], input: CreateCouponInput) -> CouponPayload:
        promo_id = decode_id("Promo", input.promo_id, "promoId")
        return _coupon(await coupons.create_coupon(scope_of(info), promo_id, input.code))

    @mutation(
        permission_of(coupons.set_coupon_state),
        "Let a code count no longer; what it brought stays where it is.",
    )
    async def disable_coupon(self, info: Info[Any, Any], input: CouponInput) -> CouponPayload:
        coupon_id = decode_id("Coupon", input.coupon_id, "couponId")
        return _coupon(await coupons.set_coupon_state(scope_of(info), coupon_id, enabled=False))

    @mutation(permission_of(coupons.set_coupon_state), "Let a disabled code count again.")
    async def enable_coupon(self, info: Info[Any, Any], input: CouponInput) -> CouponPayload:
        coupon_id = decode_id("Coupon", input.coupon_id, "couponId")
        return _coupon(await coupons.set_coupon_state(scope_of(info), coupon_id, enabled=True))


def _campaign(row: Any) -> CampaignPayload:
    return CampaignPayload(campaign=Campaign.of(row))


def _promo(row: Any) -> PromoPayload:
    return PromoPayload(promo=Promo.of(row))


def _coupon(row: Any) -> CouponPayload:
    return CouponPayload(coupon=Coupon.of(row))


def _move(row: Any) -> CampaignPlanMovePayload:
    return CampaignPlanMovePayload(move=CampaignPlanMove.of(row))

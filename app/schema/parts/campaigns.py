"""Campaigns and promos of a partner: the wizard, archiving, what may be edited (A01 to A08)."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.campaigns import choices, commands, reads, states
from app.domain.errors import Invalid
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of, query
from app.schema.ids import decode_id, decode_optional_id
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.campaign_inputs import (
    CampaignFilterInput,
    CampaignInput,
    CampaignPayload,
    CreateCampaignInput,
    CreateCampaignPayload,
    CreatePromoInput,
    CreatePromoPayload,
    LandingChoice,
    PromoFilterInput,
    PromoPayload,
    RenamePromoInput,
    SetTrafficSourceInput,
    audience_of,
)
from app.schema.types.offer import LandingAudience

_Campaign = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="A campaign of yours: its brand and plan. Or name these two."),
]
_Brand = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Before there is a campaign; may be left out when only one is open to you."
    ),
]
_Plan = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Before there is a campaign; may be left out when only one is open to you."
    ),
]
_Audience = Annotated[
    LandingAudience, strawberry.argument(description="Whom the promo is made for.")
]


@strawberry.type
class CampaignQueries:
    campaigns = connection(
        Campaign, reads.campaigns, reads.CampaignOrder, CampaignFilterInput, "Your campaigns (A01)."
    )
    promos = connection(
        Promo, reads.promos, reads.PromoOrder, PromoFilterInput, "Your promos (A07)."
    )

    @query(
        permission_of(choices.landing_choice),
        "The landings that a promo may lead to; with none, which cause holds (A05).",
    )
    async def landing_choice(
        self,
        info: Info[Any, Any],
        audience: _Audience,
        campaign_id: _Campaign = None,
        brand_id: _Brand = None,
        plan_id: _Plan = None,
    ) -> LandingChoice:
        scope, wanted = scope_of(info), audience_of(audience)
        named = decode_optional_id("Campaign", campaign_id, "campaignId")
        chosen_brand = decode_optional_id("Brand", brand_id, "brandId")
        chosen_plan = decode_optional_id("CommissionPlan", plan_id, "planId")
        if named is not None:
            if chosen_brand is not None or chosen_plan is not None:
                raise Invalid("name a campaign, or a brand and a plan", field=("campaignId",))
            return LandingChoice.of(await choices.landing_choice_of_campaign(scope, named, wanted))
        brand = await choices.choose_brand(scope, chosen_brand)
        plan = await choices.choose_plan(scope, brand.id, chosen_plan)
        return LandingChoice.of(await choices.landing_choice(scope, brand.id, plan.id, wanted))


@strawberry.type
class CampaignMutations:
    @mutation(
        permission_of(commands.create_campaign_with_promo),
        "Create a campaign for one brand and one commission plan, with its first promo if asked for (A02, A03).",
    )
    async def create_campaign(
        self, info: Info[Any, Any], input: CreateCampaignInput
    ) -> CreateCampaignPayload:
        made = await commands.create_campaign_with_promo(scope_of(info), input.to_domain())
        return CreateCampaignPayload(
            campaign=Campaign.of(made.campaign), promo=Promo.of(made.promo) if made.promo else None
        )

    @mutation(
        permission_of(states.archive_campaign),
        "Archive a campaign: no new promos, no edits; its links keep redirecting and earning (A08).",
    )
    async def archive_campaign(self, info: Info[Any, Any], input: CampaignInput) -> CampaignPayload:
        campaign_id = decode_id("Campaign", input.campaign_id, "campaignId")
        row = await states.archive_campaign(scope_of(info), campaign_id)
        return CampaignPayload(campaign=Campaign.of(row))

    @mutation(
        permission_of(states.unarchive_campaign), "Make an archived campaign active again (A08)."
    )
    async def unarchive_campaign(
        self, info: Info[Any, Any], input: CampaignInput
    ) -> CampaignPayload:
        campaign_id = decode_id("Campaign", input.campaign_id, "campaignId")
        row = await states.unarchive_campaign(scope_of(info), campaign_id)
        return CampaignPayload(campaign=Campaign.of(row))

    @mutation(
        permission_of(commands.create_promo),
        "Add a promo, with its tracking link, to a campaign (A07).",
    )
    async def create_promo(
        self, info: Info[Any, Any], input: CreatePromoInput
    ) -> CreatePromoPayload:
        row = await commands.create_promo(scope_of(info), input.to_domain())
        return CreatePromoPayload(promo=Promo.of(row))

    @mutation(permission_of(commands.rename_promo), "Give a promo another title (A07).")
    async def rename_promo(self, info: Info[Any, Any], input: RenamePromoInput) -> PromoPayload:
        promo_id = decode_id("Promo", input.promo_id, "promoId")
        row = await commands.rename_promo(scope_of(info), promo_id, input.title)
        return PromoPayload(promo=Promo.of(row))

    @mutation(
        permission_of(commands.set_traffic_source),
        "State the traffic source of a promo that was created without one, once (A04).",
    )
    async def set_traffic_source(
        self, info: Info[Any, Any], input: SetTrafficSourceInput
    ) -> PromoPayload:
        row = await commands.set_traffic_source(
            scope_of(info),
            decode_id("Promo", input.promo_id, "promoId"),
            decode_id("TrafficSource", input.traffic_source_id, "trafficSourceId"),
        )
        return PromoPayload(promo=Promo.of(row))

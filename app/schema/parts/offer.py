"""The offer material: landings, traffic sources and promotions (O01)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.brands import landings, offers, promotions, traffic_sources
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.types.material import (
    CreateLandingInput,
    CreateTrafficSourceInput,
    EditLandingInput,
    LandingInput,
    LandingPayload,
    LandingsPayload,
    RenameTrafficSourceInput,
    SetTrafficSourcePolicyInput,
    SortLandingsInput,
    SortTrafficSourcesInput,
    TrafficSourceInput,
    TrafficSourcePayload,
    TrafficSourcePolicyPayload,
    TrafficSourcesPayload,
)
from app.schema.types.offer import (
    BrandTrafficSource,
    Landing,
    LandingFilterInput,
    TrafficSource,
    TrafficSourceFilterInput,
    TrafficSourcePolicyFilterInput,
)
from app.schema.types.promotion import (
    CreatePromotionInput,
    EditPromotionInput,
    Promotion,
    PromotionFilterInput,
    PromotionInput,
    PromotionPayload,
    PromotionsPayload,
    SortPromotionsInput,
)


@strawberry.type
class PartnerOfferQueries:
    traffic_source_policies = connection(
        BrandTrafficSource,
        traffic_sources.policies,
        traffic_sources.PolicyOrder,
        TrafficSourcePolicyFilterInput,
        "What brands said about traffic sources; about all others they think maybe (O01).",
    )
    promotions = connection(
        Promotion,
        promotions.promotions,
        promotions.PromotionOrder,
        PromotionFilterInput,
        "Dated offers and public coupons of the brands that you may see; partners see what is active and not over.",
    )


@strawberry.type
class OfferQueries(PartnerOfferQueries):
    landings = connection(
        Landing,
        offers.landings,
        offers.OfferOrder,
        LandingFilterInput,
        "Pages that promos can lead to (O01).",
    )
    traffic_sources = connection(
        TrafficSource,
        offers.traffic_sources,
        offers.OfferOrder,
        TrafficSourceFilterInput,
        "Traffic sources that promos can state (O01).",
    )


@strawberry.type
class OfferMutations:
    @mutation(permission_of(landings.create_landing), "Add a landing to a brand (O01).")
    async def create_landing(
        self, info: Info[Any, Any], input: CreateLandingInput
    ) -> LandingPayload:
        row = await landings.create_landing(scope_of(info), input.to_domain())
        return LandingPayload(landing=Landing.of(row))

    @mutation(
        permission_of(landings.edit_landing),
        "Change a landing; its promos lead to the new address from the next click on.",
    )
    async def edit_landing(self, info: Info[Any, Any], input: EditLandingInput) -> LandingPayload:
        landing_id = decode_id("Landing", input.landing_id, "landingId")
        row = await landings.edit_landing(scope_of(info), landing_id, input.to_domain())
        return LandingPayload(landing=Landing.of(row))

    @mutation(
        permission_of(landings.set_landing_state),
        "Offer a landing no longer; promos that lead to it keep working.",
    )
    async def disable_landing(self, info: Info[Any, Any], input: LandingInput) -> LandingPayload:
        landing_id = decode_id("Landing", input.landing_id, "landingId")
        row = await landings.set_landing_state(scope_of(info), landing_id, enabled=False)
        return LandingPayload(landing=Landing.of(row))

    @mutation(permission_of(landings.set_landing_state), "Offer a disabled landing again.")
    async def enable_landing(self, info: Info[Any, Any], input: LandingInput) -> LandingPayload:
        landing_id = decode_id("Landing", input.landing_id, "landingId")
        row = await landings.set_landing_state(scope_of(info), landing_id, enabled=True)
        return LandingPayload(landing=Landing.of(row))

    @mutation(permission_of(landings.sort_landings), "Put some landings of a brand first.")
    async def sort_landings(
        self, info: Info[Any, Any], input: SortLandingsInput
    ) -> LandingsPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        landing_ids = [decode_id("Landing", value, "landingIds") for value in input.landing_ids]
        rows = await landings.sort_landings(scope_of(info), brand_id, landing_ids)
        return LandingsPayload(landings=[Landing.of(row) for row in rows])

    @mutation(permission_of(traffic_sources.create_traffic_source), "Add a traffic source (O01).")
    async def create_traffic_source(
        self, info: Info[Any, Any], input: CreateTrafficSourceInput
    ) -> TrafficSourcePayload:
        row = await traffic_sources.create_traffic_source(scope_of(info), input.name)
        return TrafficSourcePayload(traffic_source=TrafficSource.of(row))

    @mutation(
        permission_of(traffic_sources.rename_traffic_source), "Give a traffic source another name."
    )
    async def rename_traffic_source(
        self, info: Info[Any, Any], input: RenameTrafficSourceInput
    ) -> TrafficSourcePayload:
        source_id = _source(input.traffic_source_id)
        row = await traffic_sources.rename_traffic_source(scope_of(info), source_id, input.name)
        return TrafficSourcePayload(traffic_source=TrafficSource.of(row))

    @mutation(
        permission_of(traffic_sources.set_traffic_source_state),
        "Let promos state a traffic source no longer; those that do keep it.",
    )
    async def disable_traffic_source(
        self, info: Info[Any, Any], input: TrafficSourceInput
    ) -> TrafficSourcePayload:
        row = await traffic_sources.set_traffic_source_state(
            scope_of(info), _source(input.traffic_source_id), enabled=False
        )
        return TrafficSourcePayload(traffic_source=TrafficSource.of(row))

    @mutation(
        permission_of(traffic_sources.set_traffic_source_state),
        "Let promos state a disabled traffic source again.",
    )
    async def enable_traffic_source(
        self, info: Info[Any, Any], input: TrafficSourceInput
    ) -> TrafficSourcePayload:
        row = await traffic_sources.set_traffic_source_state(
            scope_of(info), _source(input.traffic_source_id), enabled=True
        )
        return TrafficSourcePayload(traffic_source=TrafficSource.of(row))

    @mutation(
        permission_of(traffic_sources.sort_traffic_sources), "Put some traffic sources first."
    )
    async def sort_traffic_sources(
        self, info: Info[Any, Any], input: SortTrafficSourcesInput
    ) -> TrafficSourcesPayload:
        source_ids = [
            decode_id("TrafficSource", value, "trafficSourceIds")
            for value in input.traffic_source_ids
        ]
        rows = await traffic_sources.sort_traffic_sources(scope_of(info), source_ids)
        return TrafficSourcesPayload(traffic_sources=[TrafficSource.of(row) for row in rows])

    @mutation(
        permission_of(traffic_sources.set_policy),
        "Say what a brand thinks of a traffic source; `NO` refuses new promos that state it (O01).",
    )
    async def set_traffic_source_policy(
        self, info: Info[Any, Any], input: SetTrafficSourcePolicyInput
    ) -> TrafficSourcePolicyPayload:
        row = await traffic_sources.set_policy(
            scope_of(info),
            decode_id("Brand", input.brand_id, "brandId"),
            _source(input.traffic_source_id),
            traffic_sources.TrafficSourcePolicy(str(input.policy.value)),
        )
        return TrafficSourcePolicyPayload(policy=BrandTrafficSource.of(row))

    @mutation(permission_of(promotions.create_promotion), "Add a promotion to a brand (O01).")
    async def create_promotion(
        self, info: Info[Any, Any], input: CreatePromotionInput
    ) -> PromotionPayload:
        row = await promotions.create_promotion(scope_of(info), input.to_domain())
        return PromotionPayload(promotion=Promotion.of(row))

    @mutation(permission_of(promotions.edit_promotion), "Change a promotion.")
    async def edit_promotion(
        self, info: Info[Any, Any], input: EditPromotionInput
    ) -> PromotionPayload:
        promotion_id = decode_id("Promotion", input.promotion_id, "promotionId")
        row = await promotions.edit_promotion(scope_of(info), promotion_id, input.to_domain())
        return PromotionPayload(promotion=Promotion.of(row))

    @mutation(permission_of(promotions.set_promotion_state), "Hide a promotion from partners.")
    async def disable_promotion(
        self, info: Info[Any, Any], input: PromotionInput
    ) -> PromotionPayload:
        promotion_id = decode_id("Promotion", input.promotion_id, "promotionId")
        row = await promotions.set_promotion_state(scope_of(info), promotion_id, enabled=False)
        return PromotionPayload(promotion=Promotion.of(row))

    @mutation(permission_of(promotions.set_promotion_state), "Show a hidden promotion again.")
    async def enable_promotion(
        self, info: Info[Any, Any], input: PromotionInput
    ) -> PromotionPayload:
        promotion_id = decode_id("Promotion", input.promotion_id, "promotionId")
        row = await promotions.set_promotion_state(scope_of(info), promotion_id, enabled=True)
        return PromotionPayload(promotion=Promotion.of(row))

    @mutation(permission_of(promotions.sort_promotions), "Put some promotions of a brand first.")
    async def sort_promotions(
        self, info: Info[Any, Any], input: SortPromotionsInput
    ) -> PromotionsPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        ids = [decode_id("Promotion", value, "promotionIds") for value in input.promotion_ids]
        rows = await promotions.sort_promotions(scope_of(info), brand_id, ids)
        return PromotionsPayload(promotions=[Promotion.of(row) for row in rows])


def _source(value: strawberry.ID) -> int:
    return decode_id("TrafficSource", value, "trafficSourceId")

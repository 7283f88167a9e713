"""Campaigns' moves to other commission plans, in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Self

import strawberry
from strawberry.types import Info

from app import models
from app.domain.campaigns.plan_moves import PlanMoveFilter
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.campaign import Campaign
from app.schema.types.plan import CommissionPlan


@strawberry.enum(description="What becomes of the players that a campaign has already.")
class ExistingPlayers(Enum):
    MOVE = strawberry.enum_value("move", description="They earn by the new plan.")
    STAY = strawberry.enum_value("stay", description="They go on earning by the old one.")


@strawberry.enum(description="What becomes of negative balances that were carried over.")
class CarriedNegatives(Enum):
    CARRY = strawberry.enum_value("carry", description="They go on to the new plan.")
    WRITE_OFF = strawberry.enum_value("write_off", description="They are forgiven.")


@strawberry.type(description="A campaign's move to another plan from a business day on.")
class CampaignPlanMove(Node):
    effective_at: datetime = strawberry.field(
        description="UTC: the start of a business day of the brand."
    )
    existing_players: ExistingPlayers = strawberry.field(
        description="What becomes of the players that are there."
    )
    carried: CarriedNegatives = strawberry.field(description="What becomes of carried negatives.")
    created_at: datetime = strawberry.field(description="UTC.")
    applied_at: datetime | None = strawberry.field(description="UTC; null until it is in effect.")
    cancelled_at: datetime | None = strawberry.field(
        description="UTC; null unless it was taken back."
    )
    row: strawberry.Private[models.CampaignPlanMove]

    @strawberry.field(description="What moves.")
    async def campaign(self, info: Info[Any, Any]) -> Campaign | None:
        row = await context_of(info).loaders.one(models.Campaign, self.row.campaign_id)
        return Campaign.of(row) if row else None

    @strawberry.field(description="The plan when the move was planned.")
    async def from_plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.from_plan_id)
        return CommissionPlan.of(row) if row else None

    @strawberry.field(description="The plan from then on.")
    async def to_plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.to_plan_id)
        return CommissionPlan.of(row) if row else None

    @classmethod
    def of(cls, row: models.CampaignPlanMove) -> Self:
        """From the model."""
        return cls(
            id=encode_id("CampaignPlanMove", row.id),
            effective_at=row.effective_at,
            existing_players=ExistingPlayers(row.existing_players),
            carried=CarriedNegatives(row.carried),
            created_at=row.created_at,
            applied_at=row.applied_at,
            cancelled_at=row.cancelled_at,
            row=row,
        )


@strawberry.input(description="Which plan moves.")
class CampaignPlanMoveFilterInput:
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this campaign."
    )
    pending: bool | None = strawberry.field(
        default=None, description="True: only what will still take effect; false: only the rest."
    )

    def to_domain(self) -> PlanMoveFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        campaign_id = decode_optional_id("Campaign", self.campaign_id, "campaignId")
        return PlanMoveFilter(campaign_id, self.pending)

"""Affiliations as operators see them: with whose they are (admin schema only, O21)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.partners.affiliations import AffiliationFilter
from app.domain.permissions import Permission
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id
from app.schema.types import affiliation as shared
from app.schema.types.partner import Partner


@strawberry.type(description="A partner's relation to a brand.")
class Affiliation(shared.Affiliation):
    @strawberry.field(description="Whose it is; null without the permission `read_partners`.")
    async def partner(self, info: Info[Any, Any]) -> Partner | None:
        if Permission.READ_PARTNERS not in scope_of(info).permissions:
            return None
        row = await context_of(info).loaders.one(models.Partner, self.row.partner_id)
        return Partner.of(row) if row else None


@strawberry.input(description="Which affiliations.")
class AffiliationFilterInput(shared.AffiliationFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> AffiliationFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        return replace(shared.AffiliationFilterInput.to_domain(self), partner_id=partner_id)


@strawberry.type(description="The affiliation, or why there is none.")
class AffiliationPayload:
    affiliation: Affiliation | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

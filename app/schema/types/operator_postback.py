"""What operators ask and change of any partner's postbacks (admin schema only)."""

from __future__ import annotations

from dataclasses import replace

import strawberry

from app.domain.postbacks.reads import PostbackFilter
from app.schema.ids import decode_optional_id
from app.schema.types import postback_inputs


@strawberry.input(description="Which postbacks.")
class PostbackFilterInput(postback_inputs.PostbackFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> PostbackFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        found = postback_inputs.PostbackFilterInput.to_domain(self)
        return replace(found, partner_id=partner_id)


@strawberry.input(description="A postback, and why.")
class PostbackReasonInput:
    postback_id: strawberry.ID = strawberry.field(description="Within your limits.")
    reason: str = strawberry.field(description="At most 500 characters; the partner reads it.")

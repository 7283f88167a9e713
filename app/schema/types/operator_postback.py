"""What operators ask and change of any partner's postbacks (admin schema only)."""

from __future__ import annotations

from dataclasses import replace

import strawberry

from app.domain.postbacks.log import AttemptFilter
from app.domain.postbacks.reads import PostbackFilter
from app.domain.postbacks.replay import ReplayRange
from app.schema.ids import decode_optional_id
from app.schema.types import postback_inputs, postback_log


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


@strawberry.input(description="Which calls.")
class PostbackAttemptFilterInput(postback_log.PostbackAttemptFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> AttemptFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        found = postback_log.PostbackAttemptFilterInput.to_domain(self)
        return replace(found, partner_id=partner_id)


@strawberry.input(description="Postbacks of a range of time that are sent again, at most 10,000.")
class ReplayPostbacksInput(postback_log.ReplayPostbacksInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> ReplayRange:
        """The domain's value; raises NotFound for an id that is none."""
        wanted = postback_log.ReplayPostbacksInput.to_domain(self)
        return postback_log.of_partner(wanted, self.partner_id)

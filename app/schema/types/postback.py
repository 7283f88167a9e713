"""Postbacks in GraphQL."""

from __future__ import annotations

from enum import Enum

import strawberry

from app import models
from app.domain.postbacks.reads import PostbackFilter
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node


@strawberry.enum(description="What makes a postback fire.")
class PostbackAction(Enum):
    REGISTRATION = strawberry.enum_value("registration", description="A player signed up.")
    FIRST_DEPOSIT = strawberry.enum_value("first_deposit", description="A player's first deposit.")
    DEPOSIT = strawberry.enum_value("deposit", description="A report with deposits.")
    SALE = strawberry.enum_value("sale", description="A sale.")
    LEAD = strawberry.enum_value("lead", description="A lead.")
    ANY = strawberry.enum_value("any", description="Each of these.")


@strawberry.type(description="A callback to your tracker.")
class Postback(Node):
    action: PostbackAction = strawberry.field(description="What makes it fire.")
    url: str = strawberry.field(
        description="The template, such as https://tracker.example/p?id=${clickID}."
    )

    @classmethod
    def of(cls, row: models.Postback) -> Postback:
        """From the model."""
        return cls(id=encode_id("Postback", row.id), action=PostbackAction(row.action), url=row.url)


@strawberry.input(description="Which postbacks.")
class PostbackFilterInput:
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this campaign itself."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this promo itself."
    )

    def to_domain(self) -> PostbackFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return PostbackFilter(
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
        )


@strawberry.input(description="A new postback, for the account, a campaign or a promo.")
class CreatePostbackInput:
    action: PostbackAction = strawberry.field(description="What makes it fire.")
    url: str = strawberry.field(
        description="Your tracker's URL with variables, such as https://tracker.example/p?id=${clickID}."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this campaign."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this promo."
    )


@strawberry.type(description="The created postback, or why there is none.")
class CreatePostbackPayload:
    postback: Postback | None = strawberry.field(default=None, description="The new postback.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

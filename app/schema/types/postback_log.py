"""The postbacks log and replays in GraphQL (A20)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.postbacks.credentials import masked
from app.domain.postbacks.log import AttemptFilter
from app.domain.postbacks.replay import Replayed, ReplayRange, Which
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.postback import Postback, PostbackAction, PostbackMethod
from app.schema.types.postback_inputs import action_of, value_of


@strawberry.enum(description="What became of a postback for one event.")
class PostbackDeliveryState(Enum):
    PENDING = strawberry.enum_value("pending", description="It is sent, or sent again, by itself.")
    DELIVERED = strawberry.enum_value("delivered", description="The tracker took it.")
    FAILED = strawberry.enum_value("failed", description="Given up; it can be replayed.")
    CANCELLED = strawberry.enum_value(
        "cancelled", description="Its postback was disabled or deleted before it was taken."
    )


@strawberry.type(description="One call of a tracker, and what came back.")
class PostbackAttempt(Node):
    sent_at: datetime = strawberry.field(description="UTC, by the account's clock.")
    duration_milliseconds: int = strawberry.field(
        description="Until the answer, or until given up."
    )
    method: PostbackMethod = strawberry.field(description="How the tracker was called.")
    url: str = strawberry.field(description="As it was filled in.")
    action: PostbackAction | None = strawberry.field(description="What it was about.")
    response_code: int | None = strawberry.field(description="Null when no answer came.")
    response_body: str | None = strawberry.field(
        description="The first 1,000 characters of the answer."
    )
    error: str | None = strawberry.field(
        description="Why no answer came, or why it broke off behind its code; null when it came whole."
    )
    is_test: bool = strawberry.field(description="Whether it was fired as a test (A18).")
    event_number: str | None = strawberry.field(description="What ${event_id} stands for.")
    row: strawberry.Private[models.PostbackAttempt]

    @strawberry.field(description="The postback that was sent; null once it is deleted.")
    async def postback(self, info: Info[Any, Any]) -> Postback | None:
        if self.row.postback_id is None:
            return None
        row = await context_of(info).loaders.one(models.Postback, self.row.postback_id)
        return Postback.of(row) if row and row.state != "deleted" else None

    @strawberry.field(description="The campaign of the event.")
    async def campaign(self, info: Info[Any, Any]) -> Campaign | None:
        if self.row.campaign_id is None:
            return None
        row = await context_of(info).loaders.one(models.Campaign, self.row.campaign_id)
        return Campaign.of(row) if row else None

    @strawberry.field(description="The promo of the event.")
    async def promo(self, info: Info[Any, Any]) -> Promo | None:
        if self.row.promo_id is None:
            return None
        row = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
        return Promo.of(row) if row else None

    @strawberry.field(description="What has become of it by now; null for a test.")
    async def delivery_state(self, info: Info[Any, Any]) -> PostbackDeliveryState | None:
        row = await self._delivery(info)
        return PostbackDeliveryState(row.state) if row else None

    @strawberry.field(description="UTC: when it is tried again; null unless it is pending.")
    async def next_attempt_at(self, info: Info[Any, Any]) -> datetime | None:
        row = await self._delivery(info)
        return row.next_attempt_at if row and row.state == "pending" else None

    async def _delivery(self, info: Info[Any, Any]) -> models.PostbackDelivery | None:
        if self.row.delivery_id is None:
            return None
        return await context_of(info).loaders.one(models.PostbackDelivery, self.row.delivery_id)

    @classmethod
    def of(cls, row: models.PostbackAttempt) -> PostbackAttempt:
        """From the model."""
        return cls(
            id=encode_id("PostbackAttempt", row.id),
            sent_at=row.sent_at,
            duration_milliseconds=row.duration_ms,
            method=PostbackMethod(row.method),
            url=masked(row.url),
            action=PostbackAction(row.action) if row.action else None,
            response_code=row.response_code,
            response_body=row.response_body,
            error=row.error,
            is_test=row.is_test,
            event_number=str(row.event_id) if row.event_id is not None else None,
            row=row,
        )


@strawberry.input(description="Which calls.")
class PostbackAttemptFilterInput:
    sent_from: datetime | None = strawberry.field(default=None, description="From this time on.")
    sent_before: datetime | None = strawberry.field(default=None, description="Before this time.")
    url_contains: str | None = strawberry.field(
        default=None, description="Part of the URL as it was sent, in any case."
    )
    action: PostbackAction | None = strawberry.field(
        default=None, description="Only about this; ANY is none of its own."
    )
    response_code: int | None = strawberry.field(
        default=None, description="Only with this HTTP status, such as 404."
    )
    succeeded: bool | None = strawberry.field(
        default=None, description="True: those that the tracker took; false: the others."
    )
    is_test: bool | None = strawberry.field(
        default=None, description="True: only tests; false: no tests."
    )
    postback_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this postback."
    )
    event_number: str | None = strawberry.field(
        default=None, description="Only about the event that ${event_id} stands for."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only about this campaign."
    )
    campaign_name_contains: str | None = strawberry.field(
        default=None, description="Part of the campaign's name, in any case."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only about this promo."
    )
    promo_code: str | None = strawberry.field(
        default=None, description="Only about the promo with this code, such as k7m2xq9rt."
    )

    def to_domain(self) -> AttemptFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return AttemptFilter(
            sent_from=self.sent_from,
            sent_before=self.sent_before,
            url_contains=self.url_contains,
            action=action_of(self.action) if self.action else None,
            response_code=self.response_code,
            succeeded=self.succeeded,
            is_test=self.is_test,
            postback_id=decode_optional_id("Postback", self.postback_id, "postbackId"),
            event_id=event_of(self.event_number),
            campaign_id=decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            campaign_name_contains=self.campaign_name_contains,
            promo_id=decode_optional_id("Promo", self.promo_id, "promoId"),
            promo_code=self.promo_code,
        )


@strawberry.enum(description="Which postbacks of a range are sent again.")
class ReplayWhich(Enum):
    FAILED = strawberry.enum_value(
        "failed", description="Those that were given up, or cancelled when they were disabled."
    )
    ALL = strawberry.enum_value("all", description="All of them, also what the tracker took.")


@strawberry.input(description="A call whose postback is sent again.")
class ReplayPostbackInput:
    attempt_id: strawberry.ID = strawberry.field(description="Of the postbacks log.")

    def row_id(self) -> int:
        """The row; raises NotFound for an id that is none."""
        return decode_id("PostbackAttempt", self.attempt_id, "attemptId")


@strawberry.input(description="Postbacks of a range of time that are sent again, at most 10,000.")
class ReplayPostbacksInput:
    from_: datetime = strawberry.field(
        name="from", description="They were first due at this time or later."
    )
    before: datetime = strawberry.field(description="… and before this time; at most 93 days.")
    which: ReplayWhich = strawberry.field(default=ReplayWhich.FAILED, description="Which of them.")
    postback_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this postback."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only about this campaign."
    )

    def to_domain(self) -> ReplayRange:
        """The domain's value; raises NotFound for an id that is none."""
        return ReplayRange(
            self.from_,
            self.before,
            Which(value_of(self.which)),
            decode_optional_id("Postback", self.postback_id, "postbackId"),
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
        )


@strawberry.type(description="How many are sent again, or why none is.")
class ReplayPostbacksPayload:
    replayed: int | None = strawberry.field(
        default=None, description="Due again now, filled in by their postbacks as they are now."
    )
    left_out: int | None = strawberry.field(
        default=None,
        description="Those whose postbacks are disabled or deleted, or whose URLs would be too long now.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

    @classmethod
    def of(cls, replayed: Replayed) -> ReplayPostbacksPayload:
        """From the domain's answer."""
        return cls(replayed=replayed.count, left_out=replayed.left_out)


def event_of(number: str | None) -> int | None:
    """The event that a number stands for; -1, which no event has, for what is no number."""
    if number is None:
        return None
    text = number.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def of_partner(wanted: ReplayRange, partner_id: str | None) -> ReplayRange:
    """The range of one partner; raises NotFound for an id that is none."""
    return replace(wanted, partner_id=decode_optional_id("Partner", partner_id, "partnerId"))

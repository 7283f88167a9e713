"""Postbacks in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.postbacks import tally
from app.domain.postbacks.credentials import masked
from app.domain.postbacks.template import read_template
from app.resolvers.postbacks import PostbackPeriod, load_tallies
from app.schema.context import context_of
from app.schema.fields import COST
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.scalars import Count

if TYPE_CHECKING:
    from app.schema.types.campaign import AccountIdentity, Campaign, Promo

# A postback's share of counting the log for a whole page of them.
TALLY_COST = 10


@strawberry.enum(description="What makes a postback fire.")
class PostbackAction(Enum):
    REGISTRATION = strawberry.enum_value("registration", description="A player signed up.")
    FIRST_DEPOSIT = strawberry.enum_value("first_deposit", description="A player's first deposit.")
    DEPOSIT = strawberry.enum_value("deposit", description="A report with deposits.")
    QUALIFICATION = strawberry.enum_value(
        "qualification",
        description="A player earned you a reward: computed when the plan's period closes (A21).",
    )
    SALE = strawberry.enum_value("sale", description="A sale.")
    LEAD = strawberry.enum_value("lead", description="A lead.")
    COMMISSION_ACCEPTED = strawberry.enum_value(
        "commission_accepted", description="The brand accepted a commission."
    )
    COMMISSION_REJECTED = strawberry.enum_value(
        "commission_rejected", description="The brand rejected a commission."
    )
    ANY = strawberry.enum_value("any", description="Each of these.")


@strawberry.enum(description="How your tracker is called (A19).")
class PostbackMethod(Enum):
    GET = strawberry.enum_value("GET", description="The parameters stand in the URL.")
    POST = strawberry.enum_value(
        "POST", description="The parameters behind the question mark are sent as a form."
    )


@strawberry.enum(description="What becomes of a variable without a value (A15).")
class UnresolvedVariables(Enum):
    DROP = strawberry.enum_value("drop", description="Its key and value are left out.")
    EMPTY = strawberry.enum_value("empty", description="The value is empty: ?click=")
    LITERAL = strawberry.enum_value(
        "literal", description="It stays as it is written: ?click=${clickID}"
    )


@strawberry.enum(description="Where a postback belongs: whose events it fires for (A13).")
class PostbackPlace(Enum):
    ACCOUNT = strawberry.enum_value("account", description="All your campaigns.")
    CAMPAIGN = strawberry.enum_value("campaign", description="All promos of one campaign.")
    PROMO = strawberry.enum_value("promo", description="One promo.")


@strawberry.enum(description="Whether a postback fires.")
class PostbackState(Enum):
    ACTIVE = strawberry.enum_value("active", description="It fires.")
    DISABLED = strawberry.enum_value("disabled", description="It does not; see disabledBy.")


@strawberry.enum(description="Who switched a postback off.")
class PostbackDisabledBy(Enum):
    PARTNER = strawberry.enum_value("partner", description="The account: it can be enabled.")
    OPERATOR = strawberry.enum_value(
        "operator", description="An operator, who alone can enable it again."
    )
    SYSTEM = strawberry.enum_value(
        "system", description="The server, after days of failed calls: it can be enabled."
    )


@strawberry.type(
    description="Expected against sent: the events of a period, and what became of them (X07)."
)
class PostbackTally:
    matched: Count = strawberry.field(
        description="Events that it should tell, or has told before it was edited or disabled."
    )
    deliveries: Count = strawberry.field(
        description="What was planned for them, in whatever state. A replay under an edited URL is one more."
    )
    delivered: Count = strawberry.field(description="Of these: your tracker took it.")
    pending: Count = strawberry.field(description="Of these: on its way, or tried again later.")
    failed: Count = strawberry.field(description="Of these: given up; it can be replayed.")
    cancelled: Count = strawberry.field(
        description="Of these: the postback was disabled before it was taken; it can be replayed."
    )
    deduplicated: Count = strawberry.field(
        description="Events for which another postback made the very same call."
    )
    difference: Count = strawberry.field(
        description="Events with neither: 0 but for those of the last moments, which are not planned yet."
    )
    compared_from: datetime | None = strawberry.field(
        description="UTC: the difference is that from here on, since when the postback has fired as it does now; "
        "null while it is disabled."
    )

    @classmethod
    def of(cls, found: tally.Tally) -> PostbackTally:
        """From the domain's value."""
        return cls(
            matched=Count(found.matched),
            deliveries=Count(found.deliveries),
            delivered=Count(found.delivered),
            pending=Count(found.pending),
            failed=Count(found.failed),
            cancelled=Count(found.cancelled),
            deduplicated=Count(found.deduplicated),
            difference=Count(found.difference),
            compared_from=found.compared_from,
        )


@strawberry.type(description="A callback to your tracker.")
class Postback(Node):
    action: PostbackAction = strawberry.field(description="What makes it fire.")
    url: str = strawberry.field(
        description="The template, such as https://tracker.example/p?id=${clickID}; a password in it is shown as ***."
    )
    method: PostbackMethod = strawberry.field(description="How your tracker is called.")
    unresolved: UnresolvedVariables = strawberry.field(
        description="What becomes of variables without a value."
    )
    place: PostbackPlace = strawberry.field(description="Where it belongs.")
    state: PostbackState = strawberry.field(description="Whether it fires.")
    disabled_by: PostbackDisabledBy | None = strawberry.field(description="Null while it fires.")
    state_reason: str | None = strawberry.field(
        description="Why an operator or the server disabled it; null otherwise."
    )
    failing_since: datetime | None = strawberry.field(
        description="UTC: the first failed call since the last good one; null while all is well."
    )
    created_at: datetime = strawberry.field(description="UTC.")
    variables: list[str] = strawberry.field(
        description="The names in its template: built-in ones, and parameters of your links."
    )
    row: strawberry.Private[models.Postback]

    @strawberry.field(description="Whose postback it is.")
    async def account(
        self, info: Info[Any, Any]
    ) -> Annotated[AccountIdentity, strawberry.lazy("app.schema.types.campaign")] | None:
        from app.schema.types.campaign import account_identity

        return await account_identity(info, self.row.partner_id)

    @strawberry.field(description="The campaign that it belongs to, or that its promo is in.")
    async def campaign(
        self, info: Info[Any, Any]
    ) -> Annotated[Campaign, strawberry.lazy("app.schema.types.campaign")] | None:
        from app.schema.types.campaign import Campaign

        campaign_id = self.row.campaign_id
        if self.row.promo_id is not None:
            promo = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
            campaign_id = promo.campaign_id if promo else None
        if campaign_id is None:
            return None
        row = await context_of(info).loaders.one(models.Campaign, campaign_id)
        return Campaign.of(row) if row else None

    @strawberry.field(description="The promo that it belongs to.")
    async def promo(
        self, info: Info[Any, Any]
    ) -> Annotated[Promo, strawberry.lazy("app.schema.types.campaign")] | None:
        from app.schema.types.campaign import Promo

        if self.row.promo_id is None:
            return None
        row = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
        return Promo.of(row) if row else None

    @strawberry.field(
        description="Expected against sent: what was recorded in a period of at most 31 days, and what became of it "
        "by now (X07).",
        metadata={COST: TALLY_COST},
    )
    async def tally(
        self,
        info: Info[Any, Any],
        from_: Annotated[
            datetime,
            strawberry.argument(name="from", description="UTC, such as 2026-03-01T00:00:00Z."),
        ],
        before: Annotated[
            datetime, strawberry.argument(description="UTC: only what was recorded before it.")
        ],
    ) -> PostbackTally:
        period = PostbackPeriod(self.row.id, from_, before)
        return PostbackTally.of(await context_of(info).loaders.batched(load_tallies, period))

    @classmethod
    def of(cls, row: models.Postback) -> Postback:
        """From the model."""
        return cls(
            id=encode_id("Postback", row.id),
            action=PostbackAction(row.action),
            url=masked(row.url),
            method=PostbackMethod(row.method),
            unresolved=UnresolvedVariables(row.unresolved),
            place=_place_of(row),
            state=PostbackState(row.state),
            disabled_by=PostbackDisabledBy(row.disabled_by) if row.disabled_by else None,
            state_reason=row.state_reason,
            failing_since=row.failing_since,
            created_at=row.created_at,
            variables=list(read_template(row.url).names),
            row=row,
        )


def _place_of(row: models.Postback) -> PostbackPlace:
    if row.promo_id is not None:
        return PostbackPlace.PROMO
    return PostbackPlace.ACCOUNT if row.campaign_id is None else PostbackPlace.CAMPAIGN

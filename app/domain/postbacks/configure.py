"""Creating postbacks (A13, A16)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.campaigns.states import hold_unarchived
from app.domain.errors import Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.postbacks import queries
from app.domain.postbacks.template import check_template
from app.domain.scope import Scope
from app.infra.database import transaction
from app.models import Campaign, Postback, Promo


class Action(StrEnum):
    """What makes a postback fire."""

    REGISTRATION = "registration"
    FIRST_DEPOSIT = "first_deposit"
    DEPOSIT = "deposit"
    SALE = "sale"
    LEAD = "lead"
    ANY = "any"


ACTION_OF_EVENT = {
    "player.registered": Action.REGISTRATION,
    "player.first_deposited": Action.FIRST_DEPOSIT,
    "player.deposited": Action.DEPOSIT,
    "sale.recorded": Action.SALE,
    "lead.recorded": Action.LEAD,
}


@dataclass(frozen=True, slots=True)
class NewPostback:
    """A postback of the whole account, or of one campaign, or of one promo."""

    action: Action
    url: str
    campaign_id: int | None = None
    promo_id: int | None = None


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_postback(scope: Scope, new: NewPostback) -> Postback:
    """Create a postback. Raises Invalid for a bad URL or scope, NotFound, Conflict for an archived campaign."""
    if scope.partner_id is None:
        raise Invalid("postbacks belong to a partner: sign in as one of its users")
    if new.campaign_id is not None and new.promo_id is not None:
        raise Invalid("name a campaign or a promo, not both", field=("promoId",))
    url = check_template(new.url)
    campaign_id = new.campaign_id
    if new.promo_id is not None:
        promo = await scope.query(Promo).get_or_none(id=new.promo_id)
        if promo is None:
            raise NotFound("promo", field=("promoId",))
        campaign_id = promo.campaign_id
    if campaign_id is not None:
        campaign = await scope.query(Campaign).get_or_none(id=campaign_id)
        if campaign is None:
            raise NotFound("campaign", field=("campaignId",))
    async with transaction() as tx:
        if campaign_id is not None:
            await hold_unarchived(tx, campaign_id)
        rows = await tx.fetch(
            queries.INSERT_POSTBACK,
            scope.partner_id,
            new.campaign_id,
            new.promo_id,
            new.action.value,
            url,
            scope.now(),
        )
        postback_id = int(rows[0]["id"])
        await record(
            scope,
            tx,
            "postback.created",
            Subject("postback", postback_id),
            partner_id=scope.partner_id,
            data={
                "action": new.action.value,
                "url": url,
                "campaign_id": new.campaign_id,
                "promo_id": new.promo_id,
            },
        )
    return await scope.query(Postback).get(id=postback_id)

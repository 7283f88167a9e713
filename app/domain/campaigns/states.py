"""The states of a campaign: archiving and unarchiving by its partner, and what an archived one refuses (A08)."""

from __future__ import annotations

from datetime import datetime

from app.domain.campaigns import queries
from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import Transaction, transaction
from app.models import Campaign


@requires(Permission.MANAGE_CAMPAIGNS)
async def archive_campaign(scope: Scope, campaign_id: int) -> Campaign:
    """Archive an active campaign: nothing inside can be added or edited; its links keep redirecting and earning.

    Raises NotFound, Conflict when it is archived already or disabled by an operator.
    """
    return await _move(scope, campaign_id, "active", "archived", scope.now())


@requires(Permission.MANAGE_CAMPAIGNS)
async def unarchive_campaign(scope: Scope, campaign_id: int) -> Campaign:
    """Make an archived campaign active again, with everything in it. Raises NotFound, Conflict."""
    return await _move(scope, campaign_id, "archived", "active", None)


async def _move(
    scope: Scope, campaign_id: int, before: str, to: str, archived_at: datetime | None
) -> Campaign:
    campaign = await scope.query(Campaign).get_or_none(id=campaign_id)
    if campaign is None:
        raise NotFound("campaign", field=("campaignId",))
    async with transaction() as tx:
        state = str((await tx.fetch(queries.LOCK_CAMPAIGN, campaign_id))[0]["state"])
        if state == "disabled":
            raise Conflict(
                "the campaign is disabled by an operator: ask your affiliate manager",
                field=("campaignId",),
            )
        if state != before:
            raise Conflict(f"the campaign is {state} already", field=("campaignId",))
        await tx.fetch(queries.SET_CAMPAIGN_STATE, campaign_id, to, archived_at)
        await record(
            scope,
            tx,
            "campaign.archived" if to == "archived" else "campaign.unarchived",
            Subject("campaign", campaign_id),
            partner_id=campaign.partner_id,
            brand_id=campaign.brand_id,
        )
    return await scope.query(Campaign).get(id=campaign_id)


async def hold_active(
    tx: Transaction, campaign_id: int, what: str, field: str = "campaignId", *, alone: bool = False
) -> None:
    """Keep the campaign active until the transaction ends, so that `what` can be done inside it.

    `alone` lets nobody else do so meanwhile. Raises Conflict when it is archived or disabled.
    """
    sql = queries.LOCK_CAMPAIGN if alone else queries.SHARE_CAMPAIGN
    state = (await tx.fetch(sql, campaign_id))[0]["state"]
    if state == "active":
        return
    ways = {"archived": "unarchive it first", "disabled": "ask your affiliate manager"}
    raise Conflict(
        f"the campaign is {state}: {what} in active campaigns only; {ways[state]}", field=(field,)
    )


async def hold_unarchived(tx: Transaction, campaign_id: int, field: str = "campaignId") -> None:
    """Keep the campaign from being archived until the transaction ends, for changes of its postbacks.

    Raises Conflict when it is archived, also when an operator has disabled it since.
    """
    row = (await tx.fetch(queries.SHARE_CAMPAIGN, campaign_id))[0]
    if row["state"] == "archived" or row["archived_at"] is not None:
        raise Conflict(
            "the campaign is archived: unarchive it to change its postbacks", field=(field,)
        )

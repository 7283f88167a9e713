"""What operators change of any partner's campaigns and promos (O02)."""

from __future__ import annotations

from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import transaction
from app.models import Campaign, Landing, Promo

_LOCK_CAMPAIGN = (
    "SELECT name, state, state_reason, archived_at FROM campaigns WHERE id = $1 FOR UPDATE"
)
_LOCK_PROMO = "SELECT title, landing_id FROM promos WHERE id = $1 FOR UPDATE"
_RENAME_CAMPAIGN = "UPDATE campaigns SET name = $2 WHERE id = $1"
_RENAME_PROMO = "UPDATE promos SET title = $2 WHERE id = $1"
_SET_LANDING = "UPDATE promos SET landing_id = $2 WHERE id = $1"
_SET_STATE = "UPDATE campaigns SET state = $2, state_reason = $3 WHERE id = $1"


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def rename_campaign(scope: Scope, campaign_id: int, name: str) -> Campaign:
    """Give a partner's campaign another name, whatever its state. Raises NotFound, Invalid."""
    cleaned = clean_name(name, "name", 200)
    found = await require_campaign(scope, campaign_id)
    async with transaction() as tx:
        row = (await tx.fetch(_LOCK_CAMPAIGN, campaign_id))[0]
        if row["name"] != cleaned:
            await tx.fetch(_RENAME_CAMPAIGN, campaign_id, cleaned)
            await record(
                scope,
                tx,
                "campaign.renamed",
                Subject("campaign", campaign_id),
                partner_id=found.partner_id,
                brand_id=found.brand_id,
                data={"before": row["name"], "after": cleaned},
            )
    return await require_campaign(scope, campaign_id)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def disable_campaign(scope: Scope, campaign_id: int, reason: str) -> Campaign:
    """Switch a partner's campaign off: its links lead to the fallback; the partner reads the reason (M1D).

    Raises NotFound, Invalid, Conflict when it is disabled already.
    """
    cleaned = clean_name(reason, "reason", 500)
    return await _switch(scope, campaign_id, cleaned)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def enable_campaign(scope: Scope, campaign_id: int) -> Campaign:
    """Switch a disabled campaign on again; one that was archived is archived again. Raises NotFound, Conflict."""
    return await _switch(scope, campaign_id, None)


async def _switch(scope: Scope, campaign_id: int, reason: str | None) -> Campaign:
    """Disable with a reason, enable without one."""
    found = await require_campaign(scope, campaign_id)
    disable = reason is not None
    async with transaction() as tx:
        row = (await tx.fetch(_LOCK_CAMPAIGN, campaign_id))[0]
        if (row["state"] == "disabled") is disable:
            state = "disabled already" if disable else f"{row['state']}, not disabled"
            raise Conflict(f"the campaign is {state}", field=("campaignId",))
        before = "active" if row["archived_at"] is None else "archived"
        await tx.fetch(_SET_STATE, campaign_id, "disabled" if disable else before, reason)
        await record(
            scope,
            tx,
            "campaign.disabled" if disable else "campaign.enabled",
            Subject("campaign", campaign_id),
            partner_id=found.partner_id,
            brand_id=found.brand_id,
            data={"before": row["state"], "reason": reason},
        )
    return await require_campaign(scope, campaign_id)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def rename_promo(scope: Scope, promo_id: int, title: str) -> Promo:
    """Give a partner's promo another title. Raises NotFound, Invalid."""
    cleaned = clean_name(title, "title", 200)
    found = await require_promo(scope, promo_id)
    async with transaction() as tx:
        row = (await tx.fetch(_LOCK_PROMO, promo_id))[0]
        if row["title"] != cleaned:
            await tx.fetch(_RENAME_PROMO, promo_id, cleaned)
            await record(
                scope,
                tx,
                "promo.renamed",
                Subject("promo", promo_id),
                partner_id=found.partner_id,
                brand_id=found.brand_id,
                data={"before": row["title"], "after": cleaned},
            )
    return await require_promo(scope, promo_id)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def set_promo_landing(scope: Scope, promo_id: int, landing_id: int) -> Promo:
    """Let a promo lead to another landing from the next click on.

    Raises NotFound for a landing that is not an active one of the promo's brand, Conflict for one that is made for
    other visitors, and for the promo of network links.
    """
    found = await require_promo(scope, promo_id)
    if found.network:
        raise Conflict(
            "network links lead to the brand's main URL, or to the page that they name: edit the brand instead",
            field=("promoId",),
        )
    offered = scope.query(Landing).filter(brand_id=found.brand_id, state="active")
    landing = await offered.get_or_none(id=landing_id)
    if landing is None:
        raise NotFound("landing", field=("landingId",))
    async with transaction() as tx:
        row = (await tx.fetch(_LOCK_PROMO, promo_id))[0]
        present = await scope.query(Landing).get(id=row["landing_id"])
        if landing.audience != present.audience:
            raise Conflict(
                f"the promo is for {present.audience}, the landing for {landing.audience}: "
                "create another promo for them",
                field=("landingId",),
            )
        if landing_id != row["landing_id"]:
            await tx.fetch(_SET_LANDING, promo_id, landing_id)
            await record(
                scope,
                tx,
                "promo.landing_set",
                Subject("promo", promo_id),
                partner_id=found.partner_id,
                brand_id=found.brand_id,
                data={"before": row["landing_id"], "after": landing_id},
            )
    return await require_promo(scope, promo_id)


async def require_campaign(scope: Scope, campaign_id: int) -> Campaign:
    """The campaign, if it exists for this scope; raises NotFound."""
    found = await scope.query(Campaign).get_or_none(id=campaign_id)
    if found is None:
        raise NotFound("campaign", field=("campaignId",))
    return found


async def require_promo(scope: Scope, promo_id: int) -> Promo:
    """The promo, if it exists for this scope; raises NotFound."""
    found = await scope.query(Promo).get_or_none(id=promo_id)
    if found is None:
        raise NotFound("promo", field=("promoId",))
    return found

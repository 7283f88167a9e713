"""Campaigns and promos of all partners, for operators (O02)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from app.domain.campaigns import reads
from app.domain.paging import Listing
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Campaign, Promo


@dataclass(frozen=True, slots=True)
class PartnerCampaignFilter:
    """Which campaigns, and of which partner; None filters nothing."""

    campaigns: reads.CampaignFilter = field(default_factory=reads.CampaignFilter)
    partner_id: int | None = None


@dataclass(frozen=True, slots=True)
class PartnerPromoFilter:
    """Which promos, and of which partner; None filters nothing."""

    promos: reads.PromoFilter = field(default_factory=reads.PromoFilter)
    partner_id: int | None = None


@requires(Permission.READ_CAMPAIGNS)
async def partner_campaigns(scope: Scope, chosen: PartnerCampaignFilter) -> Listing[Campaign]:
    """The campaigns that exist for this scope, of one partner or of all."""
    found = await reads.campaigns(scope, chosen.campaigns)
    if chosen.partner_id is None:
        return found
    rows = found.rows.filter(partner_id=chosen.partner_id)
    return replace(found, rows=rows, orderings=reads.campaign_orderings(scope, chosen.partner_id))


@requires(Permission.READ_CAMPAIGNS)
async def partner_promos(scope: Scope, chosen: PartnerPromoFilter) -> Listing[Promo]:
    """The promos that exist for this scope, of one partner or of all."""
    found = await reads.promos(scope, chosen.promos)
    if chosen.partner_id is None:
        return found
    rows = found.rows.filter(partner_id=chosen.partner_id)
    return replace(found, rows=rows, orderings=reads.promo_orderings(scope, chosen.partner_id))

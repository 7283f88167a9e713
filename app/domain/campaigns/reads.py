"""Reading campaigns and promos."""

from __future__ import annotations

from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Campaign, Promo


@requires(Permission.READ_CAMPAIGNS)
async def campaigns(scope: Scope, limit: int) -> list[Campaign]:
    """The newest campaigns that exist for this scope."""
    return await scope.query(Campaign).order_by("-id").limit(limit)


@requires(Permission.READ_CAMPAIGNS)
async def promos_of(scope: Scope, campaign_ids: list[int]) -> dict[int, list[Promo]]:
    """The promos of each of those campaigns, oldest first."""
    found: dict[int, list[Promo]] = {campaign_id: [] for campaign_id in campaign_ids}
    rows = await scope.query(Promo).filter(campaign_id__in=campaign_ids).order_by("id")
    for promo in rows:
        found[promo.campaign_id].append(promo)
    return found

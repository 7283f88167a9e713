"""Reading campaigns and promos."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Campaign, Promo


class CampaignOrder(StrEnum):
    """The orders of campaigns."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


class PromoOrder(StrEnum):
    """The orders of promos."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"


_CAMPAIGN_ORDERINGS = {
    CampaignOrder.NEWEST: Ordering(("id",), descending=True),
    CampaignOrder.OLDEST: Ordering(("id",)),
    CampaignOrder.NAME: Ordering(("name",)),
}
_PROMO_ORDERINGS = {
    PromoOrder.NEWEST: Ordering(("id",), descending=True),
    PromoOrder.OLDEST: Ordering(("id",)),
    PromoOrder.TITLE: Ordering(("title",)),
}


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """Which campaigns; None filters nothing."""

    state: str | None = None
    brand_id: int | None = None
    name_contains: str | None = None


@dataclass(frozen=True, slots=True)
class PromoFilter:
    """Which promos; None filters nothing."""

    campaign_id: int | None = None
    code: str | None = None


@requires(Permission.READ_CAMPAIGNS)
async def campaigns(scope: Scope, chosen: CampaignFilter) -> Listing[Campaign]:
    """The campaigns that exist for this scope (A01)."""
    rows = scope.query(Campaign)
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    return Listing(rows, _CAMPAIGN_ORDERINGS)


@requires(Permission.READ_CAMPAIGNS)
async def promos(scope: Scope, chosen: PromoFilter) -> Listing[Promo]:
    """The promos that exist for this scope."""
    rows = scope.query(Promo)
    if chosen.campaign_id is not None:
        rows = rows.filter(campaign_id=chosen.campaign_id)
    if chosen.code is not None:
        rows = rows.filter(code=chosen.code)
    return Listing(rows, _PROMO_ORDERINGS)

"""Reading postbacks (A13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Campaign, Postback, Promo


class PostbackOrder(StrEnum):
    """The orders of postbacks."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PostbackOrder.NEWEST: Ordering(("id",), descending=True),
    PostbackOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class PostbackFilter:
    """Which postbacks; None filters nothing."""

    campaign_id: int | None = None
    promo_id: int | None = None


@requires(Permission.READ_CAMPAIGNS)
async def postbacks(scope: Scope, chosen: PostbackFilter) -> Listing[Postback]:
    """The postbacks that exist for this scope, without deleted ones; for an advertiser, those of its brands' links."""
    rows = scope.query(Postback).exclude(state="deleted")
    if scope.brand_ids is not None:
        campaigns = Subquery(scope.query(Campaign).values("id"))
        promos = Subquery(scope.query(Promo).values("id"))
        rows = rows.filter(Q(campaign_id__in=campaigns) | Q(promo_id__in=promos))
    if chosen.campaign_id is not None:
        rows = rows.filter(campaign_id=chosen.campaign_id)
    if chosen.promo_id is not None:
        rows = rows.filter(promo_id=chosen.promo_id)
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_CAMPAIGNS)
async def postbacks_of_promos(scope: Scope, promo_ids: Sequence[int]) -> list[Postback]:
    """The postbacks of some promos themselves, the oldest first."""
    rows = (await postbacks(scope, PostbackFilter())).rows
    return await rows.filter(promo_id__in=list(promo_ids)).order_by("id")

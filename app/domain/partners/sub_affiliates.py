"""Sub-affiliates: partners that registered by another partner's link (A39, M1C)."""

from __future__ import annotations

from enum import StrEnum

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Partner


class SubAffiliateOrder(StrEnum):
    """The orders of sub-affiliates."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


_ORDERINGS = {
    SubAffiliateOrder.NEWEST: Ordering(("id",), descending=True),
    SubAffiliateOrder.OLDEST: Ordering(("id",)),
    SubAffiliateOrder.NAME: Ordering(("name",)),
}


@requires(Permission.READ_CAMPAIGNS)
async def sub_affiliates(scope: Scope) -> Listing[Partner]:
    """The direct sub-affiliates of the scope's partner that an operator has let in, blocked ones included."""
    # They are other tenants: the parent is what makes them visible, and only what the programme shows of them is.
    everybody = Scope.system(scope.clock, scope.request_id).query(Partner)
    rows = everybody.filter(parent_id=scope.partner_id, parent_id__isnull=False)
    return Listing(rows.filter(state__in=["active", "blocked"]), _ORDERINGS)

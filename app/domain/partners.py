"""Reading partners, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Subquery

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Affiliation, Partner


class PartnerOrder(StrEnum):
    """The orders of partners."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


_ORDERINGS = {
    PartnerOrder.NEWEST: Ordering(("id",), descending=True),
    PartnerOrder.OLDEST: Ordering(("id",)),
    PartnerOrder.NAME: Ordering(("name",)),
}


@dataclass(frozen=True, slots=True)
class PartnerFilter:
    """Which partners; None filters nothing."""

    state: str | None = None
    name_contains: str | None = None


@requires(Permission.READ_PARTNERS)
async def partners(scope: Scope, chosen: PartnerFilter) -> Listing[Partner]:
    """The partners that exist for this scope; for an advertiser, those with a relation to one of its brands."""
    rows = scope.query(Partner)
    if scope.brand_ids is not None:
        related = scope.query(Affiliation)
        rows = rows.filter(id__in=Subquery(related.values("partner_id")))
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    return Listing(rows, _ORDERINGS)

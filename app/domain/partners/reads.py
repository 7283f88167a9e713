"""Reading partners, for operators (O21)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Subquery

from app.domain.errors import NotFound
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Affiliation, Partner, PartnerNote, PartnerProfile, User


class PartnerOrder(StrEnum):
    """The orders of partners."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


class NoteOrder(StrEnum):
    """The orders of notes."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PartnerOrder.NEWEST: Ordering(("id",), descending=True),
    PartnerOrder.OLDEST: Ordering(("id",)),
    PartnerOrder.NAME: Ordering(("name",)),
}
_NOTE_ORDERINGS = {
    NoteOrder.NEWEST: Ordering(("id",), descending=True),
    NoteOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class PartnerFilter:
    """Which partners; None filters nothing."""

    state: str | None = None
    name_contains: str | None = None
    manager_id: int | None = None


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
    if chosen.manager_id is not None:
        managed = scope.query(PartnerProfile).filter(manager_id=chosen.manager_id)
        rows = rows.filter(id__in=Subquery(managed.values("partner_id")))
    return Listing(rows, _ORDERINGS)


async def require_partner(scope: Scope, partner_id: int) -> Partner:
    """The partner, if it exists for this scope; raises NotFound."""
    found = await (await partners(scope, PartnerFilter())).rows.get_or_none(id=partner_id)
    if found is None:
        raise NotFound("partner", field=("partnerId",))
    return found


@dataclass(frozen=True, slots=True)
class OfPartner:
    """Of which partner; None: of all within the scope's limits."""

    partner_id: int | None = None


@requires(Permission.MANAGE_PARTNERS)
async def notes(scope: Scope, chosen: OfPartner) -> Listing[PartnerNote]:
    """What operators wrote down about partners."""
    visible = (await partners(scope, PartnerFilter())).rows
    rows = scope.query(PartnerNote).filter(partner_id__in=Subquery(visible.values("id")))
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _NOTE_ORDERINGS)


@requires(Permission.MANAGE_PARTNERS)
async def partner_users(scope: Scope, chosen: OfPartner) -> Listing[User]:
    """The team members of partners."""
    visible = (await partners(scope, PartnerFilter())).rows
    rows = scope.query(User).filter(partner_id__in=Subquery(visible.values("id")))
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _NOTE_ORDERINGS)

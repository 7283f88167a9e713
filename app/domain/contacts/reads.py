"""Reading contacts: partners those of the programme, of their brands, and their personal manager (A69)."""

from __future__ import annotations

from enum import StrEnum

from app.domain.contacts import queries
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.publishers import editable_by, published_to
from app.domain.scope import Scope
from app.infra.database import fetch
from app.models import Contact


class ContactOrder(StrEnum):
    """The orders of contacts."""

    POSITION = "position"
    NAME = "name"


_ORDERINGS = {
    ContactOrder.POSITION: Ordering(("sort_order",)),
    ContactOrder.NAME: Ordering(("name",)),
}


@requires(Permission.READ_ACCOUNT)
async def contacts(scope: Scope) -> Listing[Contact]:
    """The contacts of the programme, and of the brands that accepted the scope's partner."""
    return Listing(scope.query(Contact).filter(published_to(scope)), _ORDERINGS)


@requires(Permission.MANAGE_CONTENT)
async def contacts_of_operators(scope: Scope) -> Listing[Contact]:
    """Every contact within the scope's limits."""
    return Listing(scope.query(Contact).filter(editable_by(scope)), _ORDERINGS)


@requires(Permission.READ_ACCOUNT)
async def personal_manager(scope: Scope) -> int | None:
    """Whose personal data says who the partner's personal manager is: a subject; None when there is nobody."""
    rows = await fetch(queries.PERSONAL_MANAGER, scope.partner_id)
    return int(rows[0]["subject_id"]) if rows else None

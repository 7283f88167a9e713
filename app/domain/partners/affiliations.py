"""Affiliations: applying to a brand, and the operator's or advertiser's decision (O21)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.terms.present import NO_TERMS, accept_in, require_present
from app.infra.database import transaction
from app.models import Affiliation, Brand

_LOCK = "SELECT state FROM affiliations WHERE id = $1 FOR UPDATE"
_DECIDE = "UPDATE affiliations SET state = $2, decided_at = $3 WHERE id = $1"
_APPLY = """
INSERT INTO affiliations (partner_id, brand_id, state, terms_version, created_at)
VALUES ($1, $2, 'pending', $4, $3)
ON CONFLICT (partner_id, brand_id) DO UPDATE SET state = 'pending', decided_at = NULL, terms_version = $4
    WHERE affiliations.state IN ('rejected', 'deleted')
RETURNING id
"""


class AffiliationOrder(StrEnum):
    """The orders of affiliations."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    AffiliationOrder.NEWEST: Ordering(("id",), descending=True),
    AffiliationOrder.OLDEST: Ordering(("id",)),
}


class Decision(StrEnum):
    """What can be decided about an affiliation."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    DELETED = "deleted"


_FROM = {
    Decision.ACCEPTED: {"pending", "rejected", "suspended"},
    Decision.REJECTED: {"pending"},
    Decision.SUSPENDED: {"accepted"},
    Decision.DELETED: {"pending", "accepted", "rejected", "suspended"},
}


@dataclass(frozen=True, slots=True)
class AffiliationFilter:
    """Which affiliations; None filters nothing."""

    state: str | None = None
    brand_id: int | None = None
    partner_id: int | None = None


@requires(Permission.READ_OFFERS)
async def affiliations(scope: Scope, chosen: AffiliationFilter) -> Listing[Affiliation]:
    """The affiliations that exist for this scope."""
    rows = scope.query(Affiliation)
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_CAMPAIGNS)
async def apply_to_brand(
    scope: Scope, brand_id: int, accept_terms_version: int | None = None
) -> Affiliation:
    """Ask to promote a brand, signing its present terms when it has some.

    Raises NotFound, Invalid naming the version to accept, Conflict when there is a relation already.
    """
    if scope.partner_id is None:
        raise Conflict("affiliations are applied for by partners")
    if not await scope.query(Brand).filter(id=brand_id, state="active").exists():
        raise NotFound("brand", field=("brandId",))
    async with transaction() as tx:
        present = await require_present(scope, tx, brand_id, accept_terms_version)
        number = NO_TERMS if present is None else present.number
        rows = await tx.fetch(_APPLY, scope.partner_id, brand_id, scope.now(), number)
        if not rows:
            raise Conflict("there is a relation to this brand already", field=("brandId",))
        if present is not None:
            await accept_in(scope, tx, present.id, scope.partner_id, scope.actor.id)
        subject = Subject("affiliation", rows[0]["id"])
        await record(
            scope,
            tx,
            "affiliation.applied",
            subject,
            partner_id=scope.partner_id,
            brand_id=brand_id,
            data={"terms_version": number},
        )
    return await scope.query(Affiliation).get(id=rows[0]["id"])


@requires(Permission.MANAGE_AFFILIATIONS)
async def decide_affiliation(scope: Scope, affiliation_id: int, decision: Decision) -> Affiliation:
    """Accept, reject, suspend or delete a relation. Raises NotFound, or Conflict when it is not in the right state."""
    found = await scope.query(Affiliation).get_or_none(id=affiliation_id)
    if found is None:
        raise NotFound("affiliation", field=("affiliationId",))
    async with transaction() as tx:
        state = (await tx.fetch(_LOCK, affiliation_id))[0]["state"]
        if state not in _FROM[decision]:
            raise Conflict(f"the affiliation is {state}", field=("affiliationId",))
        await tx.fetch(_DECIDE, affiliation_id, decision.value, scope.now())
        await record(
            scope,
            tx,
            f"affiliation.{decision.value}",
            Subject("affiliation", affiliation_id),
            partner_id=found.partner_id,
            brand_id=found.brand_id,
            data={"before": state},
        )
    return await scope.query(Affiliation).get(id=affiliation_id)

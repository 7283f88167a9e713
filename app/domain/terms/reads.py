"""Reading terms: partners what is published, operators drafts as well; and how two versions differ (A69)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.errors import Invalid, NotFound
from app.domain.paging import Listing, Ordering
from app.domain.partners.reads import PartnerFilter, partners
from app.domain.permissions import Permission, requires
from app.domain.publishers import editable_by
from app.domain.scope import Scope
from app.domain.terms import queries
from app.infra.database import fetch
from app.models import Affiliation, TermsAcceptance, TermsVersion


class TermsOrder(StrEnum):
    """The orders of terms."""

    NEWEST = "newest"
    OLDEST = "oldest"


class AcceptanceOrder(StrEnum):
    """The orders of acceptances."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    TermsOrder.NEWEST: Ordering(("id",), descending=True),
    TermsOrder.OLDEST: Ordering(("id",)),
}
_ACCEPTANCE_ORDERINGS = {
    AcceptanceOrder.NEWEST: Ordering(("id",), descending=True),
    AcceptanceOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class TermsFilter:
    """Which versions; None filters nothing."""

    brand_id: int | None = None
    # Those of the programme itself.
    programme: bool = False


@dataclass(frozen=True, slots=True)
class AcceptanceFilter:
    """Which acceptances; None filters nothing."""

    terms_id: int | None = None
    partner_id: int | None = None


@requires(Permission.READ_ACCOUNT)
async def terms(scope: Scope, chosen: TermsFilter | None = None) -> Listing[TermsVersion]:
    """The published versions of the programme, and of every brand that the scope's partner has a relation to."""
    related = Subquery(scope.query(Affiliation).values("brand_id"))
    rows = scope.query(TermsVersion).filter(
        Q(brand_id__isnull=True) | Q(brand_id__in=related), published_at__isnull=False
    )
    return Listing(rows.filter(_wanted(chosen)), _ORDERINGS)


@requires(Permission.READ_ACCOUNT)
async def terms_to_accept(scope: Scope) -> Listing[TermsVersion]:
    """What waits for the acceptance of the scope's partner: versions in force or to come, and later than it accepted.

    Of the programme, and of the brands that accepted the partner, suspended it, or have not decided yet.
    """
    waiting = await fetch(queries.WAITING, scope.partner_id, scope.now())
    published = (await terms(scope)).rows
    return Listing(published.filter(id__in=[row["id"] for row in waiting]), _ORDERINGS)


@requires(Permission.MANAGE_CONTENT)
async def terms_of_operators(
    scope: Scope, chosen: TermsFilter | None = None
) -> Listing[TermsVersion]:
    """Every version within the scope's limits, drafts included."""
    rows = scope.query(TermsVersion).filter(editable_by(scope), _wanted(chosen))
    return Listing(rows, _ORDERINGS)


def _wanted(chosen: TermsFilter | None) -> Q:
    if chosen is None:
        return Q()
    if chosen.brand_id is not None:
        return Q(brand_id=chosen.brand_id)
    return Q(brand_id__isnull=True) if chosen.programme else Q()


@requires(Permission.READ_ACCOUNT)
async def difference(scope: Scope, older_id: int, newer_id: int) -> list[str]:
    """How one version became another, as the lines of a unified diff. Raises NotFound, Invalid for different owners."""
    return await _difference(await terms(scope), older_id, newer_id)


@requires(Permission.MANAGE_CONTENT)
async def difference_of_operators(scope: Scope, older_id: int, newer_id: int) -> list[str]:
    """`difference`, of drafts as well."""
    return await _difference(await terms_of_operators(scope), older_id, newer_id)


async def _difference(visible: Listing[TermsVersion], older_id: int, newer_id: int) -> list[str]:
    older = await _version(visible, older_id, "olderId")
    newer = await _version(visible, newer_id, "newerId")
    if older.brand_id != newer.brand_id:
        raise Invalid("the two versions are of different terms", field=("newerId",))
    names = f"version {older.number}", f"version {newer.number}"
    return list(unified_diff(older.body.split("\n"), newer.body.split("\n"), *names, lineterm=""))


async def _version(visible: Listing[TermsVersion], terms_id: int, field: str) -> TermsVersion:
    found = await visible.rows.get_or_none(id=terms_id)
    if found is None:
        raise NotFound("terms", field=(field,))
    return found


@requires(Permission.READ_ACCOUNT)
async def present_among(scope: Scope, terms_ids: Sequence[int]) -> frozenset[int]:
    """Which of these versions are in force now."""
    rows = await fetch(queries.PRESENT_OF_ALL, scope.now())
    return frozenset(terms_ids) & {int(row["id"]) for row in rows}


@requires(Permission.READ_ACCOUNT)
async def acceptances(scope: Scope, terms_ids: Sequence[int]) -> dict[int, TermsAcceptance]:
    """When the scope's partner accepted these versions, by version."""
    rows = await scope.query(TermsAcceptance).filter(
        terms_id__in=list(terms_ids), partner_id=scope.partner_id
    )
    return {row.terms_id: row for row in rows}


@requires(Permission.READ_PARTNERS)
async def acceptances_of_operators(
    scope: Scope, chosen: AcceptanceFilter
) -> Listing[TermsAcceptance]:
    """Which partners accepted which versions, of the terms and partners within the scope's limits."""
    visible = (await partners(scope, PartnerFilter())).rows
    versions = scope.query(TermsVersion).filter(editable_by(scope))
    rows = scope.query(TermsAcceptance).filter(
        partner_id__in=Subquery(visible.values("id")), terms_id__in=Subquery(versions.values("id"))
    )
    if chosen.terms_id is not None:
        rows = rows.filter(terms_id=chosen.terms_id)
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _ACCEPTANCE_ORDERINGS)

"""What a partner may promote: brands with an accepted affiliation, their landings, and the plans open to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import (
    Affiliation,
    Brand,
    CommissionPlan,
    Landing,
    PlanAssignment,
    TrafficSource,
)


class OfferOrder(StrEnum):
    """The orders of offers."""

    OLDEST = "oldest"
    NEWEST = "newest"


_ORDERINGS = {
    OfferOrder.OLDEST: Ordering(("id",)),
    OfferOrder.NEWEST: Ordering(("id",), descending=True),
}


@dataclass(frozen=True, slots=True)
class BrandFilter:
    """Which brands; None filters nothing."""

    name_contains: str | None = None


@dataclass(frozen=True, slots=True)
class LandingFilter:
    """Which landings; None filters nothing."""

    brand_id: int | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """Which commission plans; None filters nothing."""

    brand_id: int | None = None


@dataclass(frozen=True, slots=True)
class TrafficSourceFilter:
    """Which traffic sources; None filters nothing."""

    name_contains: str | None = None


def _open_brands(scope: Scope) -> Subquery | None:
    """The ids of the brands that the scope's partner may promote; None when the scope is not a partner's."""
    if scope.partner_id is None:
        return None
    accepted = scope.query(Affiliation).filter(state="accepted")
    return Subquery(accepted.values("brand_id"))


@requires(Permission.READ_OFFERS)
async def brands(scope: Scope, chosen: BrandFilter | None = None) -> Listing[Brand]:
    """The brands that exist for this scope: for a partner, those with an accepted affiliation."""
    rows = scope.query(Brand)
    if (open_brands := _open_brands(scope)) is not None:
        rows = rows.filter(id__in=open_brands)
    if chosen is not None and chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_OFFERS)
async def landings(scope: Scope, chosen: LandingFilter | None = None) -> Listing[Landing]:
    """The active landings of the brands that exist for this scope."""
    rows = scope.query(Landing).filter(state="active")
    if (open_brands := _open_brands(scope)) is not None:
        rows = rows.filter(brand_id__in=open_brands)
    if chosen is not None and chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen is not None and chosen.audience is not None:
        rows = rows.filter(audience=chosen.audience)
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_OFFERS)
async def plans(scope: Scope, chosen: PlanFilter | None = None) -> Listing[CommissionPlan]:
    """The active plans that this scope may use: for a partner, the defaults and those assigned to it (A02)."""
    rows = scope.query(CommissionPlan).filter(state="active")
    if (open_brands := _open_brands(scope)) is not None:
        assigned = Subquery(scope.query(PlanAssignment).values("plan_id"))
        rows = rows.filter(Q(is_default=True) | Q(id__in=assigned), brand_id__in=open_brands)
    if chosen is not None and chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_OFFERS)
async def traffic_sources(
    scope: Scope, chosen: TrafficSourceFilter | None = None
) -> Listing[TrafficSource]:
    """The traffic sources of the programme (A04)."""
    rows = scope.query(TrafficSource)
    if chosen is not None and chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    return Listing(rows, _ORDERINGS)

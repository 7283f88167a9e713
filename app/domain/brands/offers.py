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
    """The orders of offers; the rank is the operators' own order."""

    RANK = "rank"
    NAME = "name"
    OLDEST = "oldest"
    NEWEST = "newest"


def _orderings(name: str) -> dict[OfferOrder, Ordering]:
    """The orders of a table whose rows are called by that column."""
    return {
        OfferOrder.RANK: Ordering(("sort_order",)),
        OfferOrder.NAME: Ordering((name,)),
        OfferOrder.OLDEST: Ordering(("id",)),
        OfferOrder.NEWEST: Ordering(("id",), descending=True),
    }


_BY_NAME, _BY_TITLE = _orderings("name"), _orderings("title")


@dataclass(frozen=True, slots=True)
class BrandFilter:
    """Which brands; None filters nothing."""

    name_contains: str | None = None
    state: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class LandingFilter:
    """Which landings; None filters nothing."""

    brand_id: int | None = None
    audience: str | None = None
    # Meant for this country: those that name it, and those that name none.
    country: str | None = None
    language: str | None = None
    # For partners there are only active ones.
    state: str | None = None


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """Which commission plans; None filters nothing."""

    brand_id: int | None = None


@dataclass(frozen=True, slots=True)
class TrafficSourceFilter:
    """Which traffic sources; None filters nothing."""

    name_contains: str | None = None
    # For partners there are only active ones.
    state: str | None = None


def open_brands(scope: Scope) -> Subquery | None:
    """The ids of the brands that the scope's partner may promote; None when the scope is not a partner's."""
    if scope.partner_id is None:
        return None
    accepted = scope.query(Affiliation).filter(state="accepted")
    return Subquery(accepted.values("brand_id"))


@requires(Permission.READ_OFFERS)
async def brands(scope: Scope, chosen: BrandFilter | None = None) -> Listing[Brand]:
    """The brands that exist for this scope: for a partner, those with an accepted affiliation."""
    rows = scope.query(Brand)
    wanted = chosen or BrandFilter()
    if (open_ids := open_brands(scope)) is not None:
        rows = rows.filter(id__in=open_ids)
    if wanted.name_contains is not None:
        rows = rows.filter(name__icontains=wanted.name_contains)
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    if wanted.category is not None:
        rows = rows.filter(category=wanted.category)
    return Listing(rows, _BY_NAME)


@requires(Permission.READ_OFFERS)
async def landings(scope: Scope, chosen: LandingFilter | None = None) -> Listing[Landing]:
    """The landings of the brands that exist for this scope: for a partner, the active ones."""
    rows = scope.query(Landing)
    wanted = chosen or LandingFilter()
    if (open_ids := open_brands(scope)) is not None:
        rows = rows.filter(brand_id__in=open_ids, state="active")
    columns = {
        "brand_id": wanted.brand_id,
        "audience": wanted.audience,
        "language": wanted.language,
        "state": wanted.state,
    }
    rows = rows.filter(**{name: value for name, value in columns.items() if value is not None})
    if wanted.country is not None:
        rows = rows.filter(Q(countries__contains=[wanted.country]) | Q(countries=[]))
    return Listing(rows, _BY_TITLE)


@requires(Permission.READ_OFFERS)
async def plans(scope: Scope, chosen: PlanFilter | None = None) -> Listing[CommissionPlan]:
    """The active plans that this scope may use: for a partner, the defaults and those assigned to it (A02)."""
    rows = scope.query(CommissionPlan).filter(state="active")
    if (open_ids := open_brands(scope)) is not None:
        assigned = Subquery(scope.query(PlanAssignment).values("plan_id"))
        rows = rows.filter(Q(is_default=True) | Q(id__in=assigned), brand_id__in=open_ids)
    if chosen is not None and chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    return Listing(rows, _BY_NAME)


@requires(Permission.READ_OFFERS)
async def traffic_sources(
    scope: Scope, chosen: TrafficSourceFilter | None = None
) -> Listing[TrafficSource]:
    """The traffic sources of the programme (A04): for a partner, the active ones."""
    rows = scope.query(TrafficSource)
    if scope.partner_id is not None:
        rows = rows.filter(state="active")
    if chosen is not None and chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen is not None and chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    return Listing(rows, _BY_NAME)

"""Reading commission plans and their versions (A09, O01). Drafts are for operators alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Subquery

from app.domain.brands import offers
from app.domain.brands.offers import OfferOrder
from app.domain.errors import NotFound
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.plans.difference import Change, difference
from app.domain.plans.reading import read_terms
from app.domain.scope import Scope
from app.models import Brand, CommissionPlan, PlanAssignment, PlanVersion


class VersionOrder(StrEnum):
    """The orders of plan versions and assignments."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    OfferOrder.RANK: Ordering(("sort_order",)),
    OfferOrder.NAME: Ordering(("name",)),
    OfferOrder.OLDEST: Ordering(("id",)),
    OfferOrder.NEWEST: Ordering(("id",), descending=True),
}
_VERSION_ORDERINGS = {
    VersionOrder.NEWEST: Ordering(("id",), descending=True),
    VersionOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """Which commission plans; None filters nothing."""

    brand_id: int | None = None
    name_contains: str | None = None
    is_default: bool | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions; None filters nothing."""

    plan_id: int | None = None


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments; None filters nothing."""

    plan_id: int | None = None
    partner_id: int | None = None


@requires(Permission.READ_OFFERS)
async def plans(scope: Scope, chosen: PlanFilter) -> Listing[CommissionPlan]:
    """The plans that exist for this scope.

    For a partner: the active ones that are open to all or assigned to it, of brands with an accepted affiliation.
    """
    rows = scope.query(CommissionPlan)
    if scope.partner_id is not None:
        rows = (await offers.plans(scope)).rows
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.name_contains is not None:
        rows = rows.filter(name__icontains=chosen.name_contains)
    if chosen.is_default is not None:
        rows = rows.filter(is_default=chosen.is_default)
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    return Listing(rows, _ORDERINGS)


async def require_plan(scope: Scope, plan_id: int) -> CommissionPlan:
    """The plan, if it exists for this scope; raises NotFound."""
    found = await (await plans(scope, PlanFilter())).rows.get_or_none(id=plan_id)
    if found is None:
        raise NotFound("commission plan", field=("planId",))
    return found


@requires(Permission.READ_OFFERS)
async def versions(scope: Scope, chosen: VersionFilter) -> Listing[PlanVersion]:
    """The versions of the plans that exist for this scope; drafts for operators only."""
    visible = Subquery((await plans(scope, PlanFilter())).rows.values("id"))
    rows = scope.query(PlanVersion).filter(plan_id__in=visible)
    if scope.partner_id is not None:
        rows = rows.filter(published_at__isnull=False)
    if chosen.plan_id is not None:
        rows = rows.filter(plan_id=chosen.plan_id)
    return Listing(rows, _VERSION_ORDERINGS)


async def require_version(scope: Scope, version_id: int, field: str = "versionId") -> PlanVersion:
    """The version, if it exists for this scope; raises NotFound naming the field."""
    found = await (await versions(scope, VersionFilter())).rows.get_or_none(id=version_id)
    if found is None:
        raise NotFound("plan version", field=(field,))
    return found


@requires(Permission.MANAGE_PLANS)
async def version_changes(scope: Scope, before_id: int, after_id: int) -> list[Change]:
    """What differs between the terms of two versions, of one plan or of two. Raises NotFound."""
    before = await require_version(scope, before_id, "beforeId")
    after = await require_version(scope, after_id, "afterId")
    return difference(read_terms(before.terms), read_terms(after.terms))


@requires(Permission.MANAGE_PLANS)
async def assignments(scope: Scope, chosen: AssignmentFilter) -> Listing[PlanAssignment]:
    """Which plans were given to which partners."""
    visible = Subquery((await plans(scope, PlanFilter())).rows.values("id"))
    rows = scope.query(PlanAssignment).filter(plan_id__in=visible)
    if chosen.plan_id is not None:
        rows = rows.filter(plan_id=chosen.plan_id)
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _VERSION_ORDERINGS)


class VersionState(StrEnum):
    """Where a version stands in its plan's history."""

    DRAFT = "draft"
    ANNOUNCED = "announced"
    IN_FORCE = "in_force"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class DatedVersion:
    """A published version and, unless it is the last, the moment at which the next one follows. UTC."""

    row: PlanVersion
    valid_until: datetime | None
    state: VersionState


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """The published versions of a plan, the latest first, by the clock of its brand."""

    versions: tuple[DatedVersion, ...] = ()

    @property
    def current(self) -> DatedVersion | None:
        """The version in force; None before the first one is."""
        return next((one for one in self.versions if one.state is VersionState.IN_FORCE), None)

    @property
    def announced(self) -> tuple[DatedVersion, ...]:
        """The versions that are still to come, the next one first."""
        return tuple(one for one in self.versions[::-1] if one.state is VersionState.ANNOUNCED)

    def dated(self, version_id: int) -> DatedVersion | None:
        """One of the published versions."""
        return next((one for one in self.versions if one.row.id == version_id), None)


@requires(Permission.READ_OFFERS)
async def histories(scope: Scope, plan_ids: Sequence[int]) -> Mapping[int, PlanHistory]:
    """The histories of plans that the caller was given already, such as those of its campaigns: two statements."""
    rows = (
        await scope.query(PlanVersion)
        .filter(plan_id__in=list(plan_ids), published_at__isnull=False)
        .order_by("-valid_from", "-id")
    )
    known = await scope.query(CommissionPlan).filter(id__in=list(plan_ids))
    offsets = {
        brand.id: brand.clock_offset
        for brand in await scope.query(Brand).filter(id__in={plan.brand_id for plan in known})
    }
    found = {}
    for plan in known:
        own = [row for row in rows if row.plan_id == plan.id]
        now = scope.at_offset(offsets[plan.brand_id]).now()
        found[plan.id] = PlanHistory(tuple(_dated(own, now)))
    return found


def _dated(rows: list[PlanVersion], now: datetime) -> list[DatedVersion]:
    dated = []
    following: datetime | None = None
    in_force = False
    for row in rows:
        state = VersionState.PAST
        if row.valid_from > now:
            state = VersionState.ANNOUNCED
        elif not in_force:
            state, in_force = VersionState.IN_FORCE, True
        dated.append(DatedVersion(row, following, state))
        following = row.valid_from
    return dated

"""Traffic sources: the ways of reaching visitors that the programme knows, and what each brand thinks of them (O01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.brands.brand_rows import lock_brand, require_brand
from app.domain.brands.material import lock_row, record_edit, set_state, update_row
from app.domain.brands.offers import open_brands
from app.domain.brands.sorting import last_place, sort_rows
from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import UniqueViolation, transaction
from app.models import BrandTrafficSource, TrafficSource

_INSERT = """
INSERT INTO traffic_sources (name, state, sort_order, created_at) VALUES ($1, 'active', $2, $3) RETURNING id
"""
_SET_POLICY = """
INSERT INTO brand_traffic_sources (brand_id, traffic_source_id, policy) VALUES ($1, $2, $3)
ON CONFLICT (brand_id, traffic_source_id) DO UPDATE SET policy = EXCLUDED.policy RETURNING id
"""


class TrafficSourcePolicy(StrEnum):
    """What a brand thinks of a traffic source."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


class PolicyOrder(StrEnum):
    """The orders of policies."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PolicyOrder.NEWEST: Ordering(("id",), descending=True),
    PolicyOrder.OLDEST: Ordering(("id",)),
}


@requires(Permission.READ_OFFERS)
async def traffic_source_policy(
    scope: Scope, brand_id: int, traffic_source_id: int
) -> TrafficSourcePolicy:
    """What a brand thinks of a traffic source: maybe, until it says otherwise."""
    found = scope.query(BrandTrafficSource).filter(
        brand_id=brand_id, traffic_source_id=traffic_source_id
    )
    row = await found.get_or_none()
    return TrafficSourcePolicy.MAYBE if row is None else TrafficSourcePolicy(row.policy)


@requires(Permission.READ_OFFERS)
async def require_traffic_source(scope: Scope, brand_id: int, traffic_source_id: int) -> None:
    """Let a promo of the brand state this traffic source.

    Raises NotFound for one that is unknown or disabled, Conflict when the brand's policy for it is no (O01).
    """
    active = scope.query(TrafficSource).filter(id=traffic_source_id, state="active")
    source = await active.get_or_none()
    if source is None:
        raise NotFound("traffic source", field=("trafficSourceId",))
    policy = await traffic_source_policy(scope, brand_id, traffic_source_id)
    if policy is TrafficSourcePolicy.NO:
        raise Conflict(
            f"the brand does not accept visitors from {source.name}: choose another traffic source, "
            "or ask your affiliate manager",
            field=("trafficSourceId",),
        )


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """Which policies; None filters nothing."""

    brand_id: int | None = None
    policy: str | None = None


@requires(Permission.READ_OFFERS)
async def policies(scope: Scope, chosen: PolicyFilter) -> Listing[BrandTrafficSource]:
    """What the brands that exist for this scope think of traffic sources, where they said it."""
    rows = scope.query(BrandTrafficSource)
    if (brands := open_brands(scope)) is not None:
        rows = rows.filter(brand_id__in=brands)
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.policy is not None:
        rows = rows.filter(policy=chosen.policy)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_PROGRAMME)
async def create_traffic_source(scope: Scope, name: str) -> TrafficSource:
    """Add a traffic source, behind the others. Raises Invalid, Conflict for a name that is there."""
    cleaned = clean_name(name, "name", 100)
    try:
        async with transaction() as tx:
            place = await last_place(tx, "traffic_sources")
            rows = await tx.fetch(_INSERT, cleaned, place, scope.now())
            subject = Subject("traffic_source", int(rows[0]["id"]))
            await record(scope, tx, "traffic_source.created", subject, data={"name": cleaned})
    except UniqueViolation:
        raise _taken(cleaned) from None
    return await scope.query(TrafficSource).get(id=subject.id)


@requires(Permission.MANAGE_PROGRAMME)
async def rename_traffic_source(scope: Scope, traffic_source_id: int, name: str) -> TrafficSource:
    """Give a traffic source another name. Raises NotFound, Invalid, Conflict for a name that is there."""
    cleaned = clean_name(name, "name", 100)
    await _require(scope, traffic_source_id)
    try:
        async with transaction() as tx:
            row = await lock_row(tx, "traffic_sources", traffic_source_id)
            if row["name"] != cleaned:
                await update_row(tx, "traffic_sources", traffic_source_id, {"name": cleaned})
                subject = Subject("traffic_source", traffic_source_id)
                before = {"name": row["name"]}
                await record_edit(scope, tx, subject, None, before, {"name": cleaned})
    except UniqueViolation:
        raise _taken(cleaned) from None
    return await _require(scope, traffic_source_id)


@requires(Permission.MANAGE_PROGRAMME)
async def set_traffic_source_state(
    scope: Scope, traffic_source_id: int, *, enabled: bool
) -> TrafficSource:
    """Let promos state a traffic source, or no longer; those that do keep it. Raises NotFound, Conflict."""
    await _require(scope, traffic_source_id)
    async with transaction() as tx:
        row = await lock_row(tx, "traffic_sources", traffic_source_id)
        state = "active" if enabled else "disabled"
        await set_state(tx, "traffic_sources", row, state, "trafficSourceId")
        event = "traffic_source.enabled" if enabled else "traffic_source.disabled"
        await record(scope, tx, event, Subject("traffic_source", traffic_source_id))
    return await _require(scope, traffic_source_id)


@requires(Permission.MANAGE_PROGRAMME)
async def sort_traffic_sources(
    scope: Scope, traffic_source_ids: Sequence[int]
) -> list[TrafficSource]:
    """Put these traffic sources first, in this order. Raises NotFound, Invalid."""
    async with transaction() as tx:
        await sort_rows(tx, "traffic_sources", traffic_source_ids, "trafficSourceIds")
        subject = Subject("traffic_source", traffic_source_ids[0])
        data = {"order": list(traffic_source_ids)}
        await record(scope, tx, "traffic_source.sorted", subject, data=data)
    rows = await scope.query(TrafficSource).filter(id__in=list(traffic_source_ids))
    found = {row.id: row for row in rows}
    return [found[traffic_source_id] for traffic_source_id in traffic_source_ids]


@requires(Permission.MANAGE_BRANDS)
async def set_policy(
    scope: Scope, brand_id: int, traffic_source_id: int, policy: TrafficSourcePolicy
) -> BrandTrafficSource:
    """Say what a brand thinks of a traffic source; promos that state it already keep working. Raises NotFound."""
    await require_brand(scope, brand_id)
    await _require(scope, traffic_source_id)
    async with transaction() as tx:
        await lock_brand(tx, brand_id)
        before = await traffic_source_policy(scope, brand_id, traffic_source_id)
        rows = await tx.fetch(_SET_POLICY, brand_id, traffic_source_id, policy.value)
        if before is not policy:
            await record(
                scope,
                tx,
                "brand.traffic_source_policy_set",
                Subject("brand", brand_id),
                brand_id=brand_id,
                data={
                    "traffic_source_id": traffic_source_id,
                    "before": before.value,
                    "after": policy.value,
                },
            )
    return await scope.query(BrandTrafficSource).get(id=rows[0]["id"])


async def _require(scope: Scope, traffic_source_id: int) -> TrafficSource:
    found = await scope.query(TrafficSource).get_or_none(id=traffic_source_id)
    if found is None:
        raise NotFound("traffic source", field=("trafficSourceId",))
    return found


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a traffic source {name} already", field=("name",))

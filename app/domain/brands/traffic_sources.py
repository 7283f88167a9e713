"""Traffic sources: the ways of reaching visitors that the programme knows, and what each brand thinks of them (O01)."""

from __future__ import annotations

from enum import StrEnum

from app.domain.errors import Conflict, NotFound
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import BrandTrafficSource, TrafficSource


class TrafficSourcePolicy(StrEnum):
    """What a brand thinks of a traffic source."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


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

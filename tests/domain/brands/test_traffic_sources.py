"""Traffic sources and what brands think of them (O01)."""

from __future__ import annotations

import pytest

from app.domain.brands.traffic_sources import require_traffic_source
from app.domain.errors import Conflict, NotFound
from app.infra.clock import ManualClock
from app.models import BrandTrafficSource, TrafficSource
from app.settings import Settings
from tests.factories import make_brand, make_partner, partner_scope


async def test_o01_a_source_without_a_policy_may_be_stated(
    database: Settings, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    partner = await make_partner(clock, brand)
    source = await TrafficSource.create(name="SEO", created_at=clock.now())

    await require_traffic_source(partner_scope(partner, clock), brand.id, source.id)


async def test_o01_the_policy_no_refuses_the_promo_of_that_brand_alone(
    database: Settings, clock: ManualClock
) -> None:
    brand, other = await make_brand(clock), await make_brand(clock)
    scope = partner_scope(await make_partner(clock, brand, other), clock)
    source = await TrafficSource.create(name="Streaming", created_at=clock.now())
    await BrandTrafficSource.create(brand=brand, traffic_source=source, policy="no")
    await BrandTrafficSource.create(brand=other, traffic_source=source, policy="yes")

    with pytest.raises(Conflict, match="does not accept visitors from Streaming") as refused:
        await require_traffic_source(scope, brand.id, source.id)
    await require_traffic_source(scope, other.id, source.id)

    assert refused.value.field == ("trafficSourceId",)


async def test_o01_an_unknown_or_disabled_source_is_not_found(
    database: Settings, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    scope = partner_scope(await make_partner(clock, brand), clock)
    source = await TrafficSource.create(name="Fax", state="disabled", created_at=clock.now())

    for chosen in (source.id, source.id + 1):
        with pytest.raises(NotFound):
            await require_traffic_source(scope, brand.id, chosen)

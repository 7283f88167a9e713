"""Loading what brands show of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.domain.brands.metric_reports import MetricStanding, metric_standings
from app.domain.brands.standing import downtimes
from app.domain.scope import Scope


async def load_downtimes(scope: Scope, brand_ids: Sequence[int]) -> list[Decimal]:
    """The share of the last 30 days in which each brand was suspended; for `Loaders.batched`."""
    found = await downtimes(scope, brand_ids)
    return [found.get(brand_id, Decimal(0)) for brand_id in brand_ids]


async def load_metric_standings(
    scope: Scope, brand_ids: Sequence[int]
) -> list[list[MetricStanding]]:
    """What counts for the metrics of each brand; for `Loaders.batched`."""
    found = await metric_standings(scope, brand_ids)
    return [found.get(brand_id, []) for brand_id in brand_ids]

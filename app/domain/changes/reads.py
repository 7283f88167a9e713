"""Reading the change feed (X03)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.errors import Invalid
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.reports.metrics import BASE_METRICS
from app.domain.scope import Scope
from app.models import FigureChange


class FigureChangeOrder(StrEnum):
    """The orders of changes: by when they became known."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    FigureChangeOrder.NEWEST: Ordering(("position", "n"), descending=True),
    FigureChangeOrder.OLDEST: Ordering(("position", "n")),
}


@dataclass(frozen=True, slots=True)
class FigureChangeFilter:
    """Which changes; None filters nothing. Days are included; times are the reader's, the end not included."""

    brand_id: int | None = None
    partner_id: int | None = None
    campaign_id: int | None = None
    promo_id: int | None = None
    player_id: int | None = None
    metric: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    known_since: datetime | None = None
    known_until: datetime | None = None


@requires(Permission.READ_REPORTS)
async def figure_changes(scope: Scope, chosen: FigureChangeFilter) -> Listing[FigureChange]:
    """The changes of figures within the scope's limits. Raises Invalid for an unknown metric."""
    if chosen.metric is not None and chosen.metric not in BASE_METRICS:
        raise Invalid(
            f"{chosen.metric!r} is not a metric that facts add up to: the changes of a formula are those of its parts",
            field=("metric",),
        )
    offset = scope.clock_offset
    wanted = {
        "brand_id": chosen.brand_id,
        "partner_id": chosen.partner_id,
        "campaign_id": chosen.campaign_id,
        "promo_id": chosen.promo_id,
        "player_id": chosen.player_id,
        "metrics__contains": None if chosen.metric is None else [chosen.metric],
        "business_day__gte": chosen.first_day,
        "business_day__lte": chosen.last_day,
        "known_at__gte": chosen.known_since and chosen.known_since - offset,
        "known_at__lt": chosen.known_until and chosen.known_until - offset,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return Listing(scope.query(FigureChange).filter(**given), _ORDERINGS)

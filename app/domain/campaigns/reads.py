"""Reading campaigns and promos (A01)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Subquery

from app.domain.campaigns.queries import recent
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.visits.links import plain_code
from app.models import Campaign, Promo


class CampaignOrder(StrEnum):
    """The orders of campaigns."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MOST_VISITS = "most_visits"
    MOST_REGISTRATIONS = "most_registrations"


class PromoOrder(StrEnum):
    """The orders of promos."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    MOST_VISITS = "most_visits"
    MOST_REGISTRATIONS = "most_registrations"


def campaign_orderings(scope: Scope, partner_id: int | None) -> dict[CampaignOrder, Ordering]:
    """The orders of the campaigns of one partner, or of all, at this moment."""

    def most(metric: str) -> Ordering:
        return _most(recent("campaign_id", metric, scope.now(), partner_id))

    return {
        CampaignOrder.NEWEST: Ordering(("id",), descending=True),
        CampaignOrder.OLDEST: Ordering(("id",)),
        CampaignOrder.NAME: Ordering(("name",)),
        CampaignOrder.MOST_VISITS: most("visits_count"),
        CampaignOrder.MOST_REGISTRATIONS: most("registrations_count"),
    }


def promo_orderings(scope: Scope, partner_id: int | None) -> dict[PromoOrder, Ordering]:
    """The orders of the promos of one partner, or of all, at this moment."""

    def most(metric: str) -> Ordering:
        return _most(recent("promo_id", metric, scope.now(), partner_id))

    return {
        PromoOrder.NEWEST: Ordering(("id",), descending=True),
        PromoOrder.OLDEST: Ordering(("id",)),
        PromoOrder.TITLE: Ordering(("title",)),
        PromoOrder.MOST_VISITS: most("visits_count"),
        PromoOrder.MOST_REGISTRATIONS: most("registrations_count"),
    }


def _most(ranking: str) -> Ordering:
    return Ordering(("recent",), descending=True, ranking=ranking)


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """Which campaigns; None filters nothing. Times are in UTC."""

    state: str | None = None
    brand_id: int | None = None
    # Part of the name in any case; `%` and `_` mean themselves.
    name_contains: str | None = None
    campaign_id: int | None = None
    plan_id: int | None = None
    # With a promo that has this code, as people write it, or that states this traffic source.
    promo_code: str | None = None
    traffic_source_id: int | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PromoFilter:
    """Which promos; None filters nothing."""

    campaign_id: int | None = None
    code: str | None = None
    brand_id: int | None = None
    # Part of the title in any case; `%` and `_` mean themselves.
    title_contains: str | None = None
    traffic_source_id: int | None = None
    landing_id: int | None = None
    banner_id: int | None = None
    campaign_state: str | None = None


@requires(Permission.READ_CAMPAIGNS)
async def campaigns(scope: Scope, chosen: CampaignFilter) -> Listing[Campaign]:
    """The campaigns that exist for this scope (A01)."""
    rows = scope.query(Campaign).filter(
        **_given(
            id=chosen.campaign_id,
            state=chosen.state,
            brand_id=chosen.brand_id,
            plan_id=chosen.plan_id,
            name__icontains=chosen.name_contains,
            created_at__gte=chosen.created_since,
            created_at__lt=chosen.created_until,
        )
    )
    for column, wanted in (
        ("code", None if chosen.promo_code is None else plain_code(chosen.promo_code)),
        ("traffic_source_id", chosen.traffic_source_id),
    ):
        if wanted is not None:
            holding = scope.query(Promo).filter(**{column: wanted})
            rows = rows.filter(id__in=Subquery(holding.values("campaign_id")))
    return Listing(rows, campaign_orderings(scope, scope.partner_id))


@requires(Permission.READ_CAMPAIGNS)
async def promos(scope: Scope, chosen: PromoFilter) -> Listing[Promo]:
    """The promos that exist for this scope."""
    rows = scope.query(Promo).filter(
        **_given(
            campaign_id=chosen.campaign_id,
            code=None if chosen.code is None else plain_code(chosen.code),
            brand_id=chosen.brand_id,
            title__icontains=chosen.title_contains,
            traffic_source_id=chosen.traffic_source_id,
            landing_id=chosen.landing_id,
            banner_id=chosen.banner_id,
        )
    )
    if chosen.campaign_state is not None:
        holding = scope.query(Campaign).filter(state=chosen.campaign_state)
        rows = rows.filter(campaign_id__in=Subquery(holding.values("id")))
    return Listing(rows, promo_orderings(scope, scope.partner_id))


def _given(**conditions: object) -> dict[str, object]:
    """The conditions that ask for something."""
    return {name: value for name, value in conditions.items() if value is not None}

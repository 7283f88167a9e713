"""The postbacks log: every call that was made, and what came back (A20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.postbacks.actions import Action
from app.domain.scope import Scope
from app.domain.visits.links import plain_code
from app.models import Campaign, PostbackAttempt, Promo


class AttemptOrder(StrEnum):
    """The orders of attempts."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    AttemptOrder.NEWEST: Ordering(("sent_at",), descending=True),
    AttemptOrder.OLDEST: Ordering(("sent_at",)),
}


@dataclass(frozen=True, slots=True)
class AttemptFilter:
    """Which attempts; None filters nothing. Times are the partner's, in UTC."""

    sent_from: datetime | None = None
    sent_before: datetime | None = None
    url_contains: str | None = None
    action: Action | None = None
    response_code: int | None = None
    # True: the tracker took it; False: it did not.
    succeeded: bool | None = None
    is_test: bool | None = None
    postback_id: int | None = None
    event_id: int | None = None
    campaign_id: int | None = None
    campaign_name_contains: str | None = None
    promo_id: int | None = None
    promo_code: str | None = None
    partner_id: int | None = None


@requires(Permission.READ_CAMPAIGNS)
async def attempts(scope: Scope, chosen: AttemptFilter) -> Listing[PostbackAttempt]:
    """The calls that exist for this scope; for an advertiser, those about its brands."""
    rows = scope.query(PostbackAttempt)
    exact = {
        "sent_at__gte": chosen.sent_from,
        "sent_at__lt": chosen.sent_before,
        "url__icontains": chosen.url_contains,
        "action": chosen.action and chosen.action.value,
        "response_code": chosen.response_code,
        "is_test": chosen.is_test,
        "postback_id": chosen.postback_id,
        "event_id": chosen.event_id,
        "campaign_id": chosen.campaign_id,
        "promo_id": chosen.promo_id,
        "partner_id": chosen.partner_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if chosen.succeeded is True:
        rows = rows.filter(response_code__gte=200, response_code__lt=300)
    elif chosen.succeeded is False:
        # A call without an answer has no code.
        rows = rows.filter(
            Q(response_code__isnull=True) | Q(response_code__lt=200) | Q(response_code__gte=300)
        )
    if chosen.campaign_name_contains is not None:
        named = scope.query(Campaign).filter(name__icontains=chosen.campaign_name_contains)
        rows = rows.filter(campaign_id__in=Subquery(named.values("id")))
    if chosen.promo_code is not None:
        coded = scope.query(Promo).filter(code=plain_code(chosen.promo_code))
        rows = rows.filter(promo_id__in=Subquery(coded.values("id")))
    return Listing(rows, _ORDERINGS)

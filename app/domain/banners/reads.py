"""Reading banners: the gallery of a partner (A06), and every banner for operators (O01)."""

from __future__ import annotations

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from app.domain.brands.offers import brands
from app.domain.errors import NotFound
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Banner, BannerPartner


async def _visible(scope: Scope) -> QuerySet[Banner]:
    """The banners that exist for this scope.

    For a partner: the active ones of brands with an accepted affiliation, private ones only when given to it.
    """
    rows = scope.query(Banner)
    if scope.partner_id is None:
        return rows
    open_brands = Subquery((await brands(scope)).rows.values("id"))
    given = Subquery(scope.query(BannerPartner).values("banner_id"))
    return rows.filter(Q(private=False) | Q(id__in=given), state="active", brand_id__in=open_brands)


@requires(Permission.READ_OFFERS)
async def require_banner(scope: Scope, brand_id: int, banner_id: int) -> Banner:
    """The active banner of this brand that a promo of this scope may use (A06). Raises NotFound naming `bannerId`."""
    rows = (await _visible(scope)).filter(id=banner_id, brand_id=brand_id, state="active")
    found = await rows.first()
    if found is None:
        raise NotFound("banner", field=("bannerId",))
    return found

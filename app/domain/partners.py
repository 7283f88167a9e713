"""Reading partners, for operators."""

from __future__ import annotations

from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Affiliation, Partner


@requires(Permission.READ_PARTNERS)
async def partners(scope: Scope, limit: int) -> list[Partner]:
    """The newest partners; for an advertiser, those with a relation to one of its brands."""
    rows = scope.query(Partner).order_by("-id").limit(limit)
    if scope.brand_ids is not None:
        related = await scope.query(Affiliation).values_list("partner_id", flat=True)
        rows = rows.filter(id__in=related)
    return await rows

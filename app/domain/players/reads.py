"""Reading players. The brand's own id of a player, and who it is, partners never see (A6A)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Player


class PlayerOrder(StrEnum):
    """The orders of players."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PlayerOrder.NEWEST: Ordering(("id",), descending=True),
    PlayerOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class PlayerFilter:
    """Which players; None filters nothing."""

    brand_id: int | None = None
    partner_id: int | None = None
    promo_id: int | None = None
    user_id: str | None = None


@requires(Permission.READ_PARTNERS)
async def players(scope: Scope, chosen: PlayerFilter) -> Listing[Player]:
    """The players of the brands within the scope's limits."""
    rows = scope.query(Player)
    wanted = {
        "brand_id": chosen.brand_id,
        "partner_id": chosen.partner_id,
        "promo_id": chosen.promo_id,
        "user_id": chosen.user_id,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return Listing(rows.filter(**given), _ORDERINGS)

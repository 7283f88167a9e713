"""Up to when a brand says that it has reported everything: periods close when it has passed their end (M26)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.intake import CLOCK_SKEW, lock_brand_intake, parse_time
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import transaction
from app.models import Brand

_MOVE = """
UPDATE brands SET complete_through = $2
WHERE id = $1 AND (complete_through IS NULL OR complete_through < $2) RETURNING id
"""


def parse_complete_through(scope: Scope, value: Any) -> datetime | None:
    """The time up to which everything was reported, or None when nothing is said. Raises Invalid for a future one."""
    if value is None:
        return None
    through = parse_time(value, "complete_through")
    if through > scope.now() + CLOCK_SKEW:
        raise Invalid(
            "complete_through lies in the future: nobody can have reported that yet",
            field=("complete_through",),
        )
    return through


@requires(Permission.SEND_BRAND_DATA)
async def declare_complete(scope: Scope, brand: Brand, through: datetime | None) -> None:
    """Record up to when the brand has reported everything; it never moves back. Each move is an event."""
    if through is None or (brand.complete_through and brand.complete_through >= through):
        return
    async with transaction() as tx:
        await lock_brand_intake(tx, brand.id)
        if await tx.fetch(_MOVE, brand.id, through):
            subject = Subject("brand", brand.id)
            data = {"complete_through": through}
            await record(scope, tx, "brand.completed", subject, brand_id=brand.id, data=data)

"""Who told of days long past: the change feed names the request of every change that it tells (X03)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from app.domain.changes.queries import LATE_DAYS
from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.infra.clock import day_bounds
from app.infra.database import Transaction
from app.models import Brand


async def tell_late(
    scope: Scope, tx: Transaction, brand: Brand, event_type: str, days: Iterable[date]
) -> None:
    """Leave one event when facts are added to business days that ended so long ago that their figures are past."""
    grace = timedelta(days=LATE_DAYS)
    late = [
        day
        for day in sorted(set(days))
        if day_bounds(day + grace, brand.time_zone)[1] <= scope.now()
    ]
    if late:
        data = {"from": late[0], "to": late[-1], "days": len(late)}
        subject = Subject("brand", brand.id)
        await record(scope, tx, event_type, subject, brand_id=brand.id, data=data)

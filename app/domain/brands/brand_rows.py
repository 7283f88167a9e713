"""One brand for a command: read within the scope, then locked; and the time on its own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import NotFound
from app.domain.scope import Scope
from app.infra.database import Transaction
from app.infra.encoding import loads
from app.models import Brand

_JSON = ("countries", "domains", "redirect_arguments", "ignored_ips")
_LOCK = "SELECT * FROM brands WHERE id = $1 FOR UPDATE"


async def require_brand(scope: Scope, brand_id: int) -> Brand:
    """The brand, if it exists for this scope; raises NotFound."""
    found = await scope.query(Brand).get_or_none(id=brand_id)
    if found is None:
        raise NotFound("brand", field=("brandId",))
    return found


async def lock_brand(tx: Transaction, brand_id: int) -> dict[str, Any]:
    """The brand's row, locked until the transaction ends, with the values that the model has."""
    row = dict((await tx.fetch(_LOCK, brand_id))[0])
    for column in _JSON:
        row[column] = loads(row[column])
    row["clock_offset"] = timedelta(microseconds=row["clock_offset"])
    return row


def brand_time(scope: Scope, clock_offset: timedelta) -> datetime:
    """The time on the brand's own clock, in UTC (X08)."""
    return scope.machine_now() + clock_offset

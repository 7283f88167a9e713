"""What landings, promotions and coupons share: locked by id within the scope, enabled and disabled with an event."""

from __future__ import annotations

from typing import Any

from app.domain.errors import Conflict
from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.infra.database import Transaction

_LOCK = "SELECT * FROM {table} WHERE id = $1 FOR UPDATE"


async def lock_row(tx: Transaction, table: str, row_id: int) -> dict[str, Any]:
    """The row, locked until the transaction ends. `table` is a name of ours."""
    return dict((await tx.fetch(_LOCK.format(table=table), row_id))[0])


async def set_state(
    tx: Transaction, table: str, row: dict[str, Any], state: str, field: str
) -> None:
    """Change a locked row between active and disabled. Raises Conflict when it is so already."""
    if row["state"] == state:
        raise Conflict(f"it is {state} already", field=(field,))
    await tx.fetch(f"UPDATE {table} SET state = $2 WHERE id = $1", row["id"], state)


async def update_row(tx: Transaction, table: str, row_id: int, changed: dict[str, Any]) -> None:
    """Set columns of a row; the names are those of our own code."""
    columns = ", ".join(f"{column} = ${place}" for place, column in enumerate(changed, start=2))
    await tx.fetch(f"UPDATE {table} SET {columns} WHERE id = $1", row_id, *changed.values())


async def record_edit(
    scope: Scope,
    tx: Transaction,
    subject: Subject,
    brand_id: int | None,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """The event of an edit, with the values before and after."""
    data = {"before": before, "after": after}
    await record(scope, tx, f"{subject.type}.edited", subject, brand_id=brand_id, data=data)

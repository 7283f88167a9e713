"""An account, and the staff, keep at least one active owner: somebody must be able to manage them (A64, O21)."""

from __future__ import annotations

from app.domain.accounts import queries
from app.domain.errors import Conflict
from app.infra.database import Row, Transaction


class LastOwner(Conflict):
    """This is the last active owner of an account, or of the staff."""


async def keep_an_owner(
    tx: Transaction, user: Row, first: str = "make somebody else one first"
) -> None:
    """Refuse to take away the last active owner; `first` is what to do instead. Raises LastOwner.

    The rows of all active owners stay locked, so that two of them cannot end each other at once.
    """
    owners = await tx.fetch(queries.LOCK_OWNERS, user["audience"], user["partner_id"])
    if [row["id"] for row in owners] == [user["id"]]:
        message = f"an account keeps at least one active owner: {first}"
        raise LastOwner(message, field=("userId",))

"""Who brought a new partner: the invitation that its registration carries (A60, M1C)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from app.domain.scope import Scope
from app.domain.visits.links import plain_code
from app.infra.database import Transaction

# What is kept of an invitation that nothing was found for.
LONGEST = 64
_STAG = re.compile(r"([1-9][0-9]{0,17})_([1-9][0-9]{0,18})", re.ASCII)
# What ends the path of a link.
_REST = re.compile("[?#&;]")
_LARGEST_ID = 2**63 - 1

# The same states as of a tracking link: what stops the link stops new sub-affiliates (M1D).
_FIND = """
SELECT p.id AS promo_id, p.partner_id, l.audience,
       t.state = 'active' AND b.state = 'active' AND a.state = 'accepted'
           AND c.state IN ('active', 'archived') AS live
FROM promos p
JOIN landings l ON l.id = p.landing_id
JOIN campaigns c ON c.id = p.campaign_id
JOIN brands b ON b.id = p.brand_id
JOIN partners t ON t.id = p.partner_id
LEFT JOIN affiliations a ON a.partner_id = p.partner_id AND a.brand_id = p.brand_id
WHERE p.id = $1 OR p.code = $2
"""
_VISIT = "SELECT promo_id, attributable_until FROM visits WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Inviter:
    """What an invitation came to: the parent and its promo, or why there is none."""

    # accepted | unknown | not_for_sub_affiliates | stopped | window_ended
    outcome: str
    partner_id: int | None = None
    promo_id: int | None = None


async def inviter_of(scope: Scope, tx: Transaction, invitation: str) -> Inviter:
    """Who invited by a stag (`{promo}_{visit}`), or by the code or link of a promo. Never refuses: a bad one has none.

    A new account can be nobody's parent, and an inviter is never the account itself: there are no cycles.
    """
    match = _STAG.fullmatch(invitation.strip())
    promo_id, visit_id = (int(match[1]), int(match[2])) if match else (None, None)
    code = None if match else _code(invitation.replace("\x00", ""))
    rows = await tx.fetch(_FIND, promo_id, code)
    if not rows:
        return Inviter("unknown")
    promo = rows[0]
    if visit_id is not None:
        refused = await _refused_visit(scope, tx, promo["promo_id"], visit_id)
        if refused is not None:
            return Inviter(refused)
    if promo["audience"] != "sub_affiliates":
        return Inviter("not_for_sub_affiliates")
    if not promo["live"]:
        return Inviter("stopped")
    return Inviter("accepted", promo["partner_id"], promo["promo_id"])


def _code(invitation: str) -> str:
    """The code of a promo in any spelling that its link works in, or of the whole link."""
    path = _REST.split(unquote(invitation), maxsplit=1)[0].strip()
    return plain_code(path.rstrip("/").rpartition("/")[2])


async def _refused_visit(scope: Scope, tx: Transaction, promo_id: int, visit_id: int) -> str | None:
    """Why a visit does not count; one that is not written yet does: clicks may wait for the database."""
    if visit_id > _LARGEST_ID:
        return "unknown"
    rows = await tx.fetch(_VISIT, visit_id)
    if rows and rows[0]["promo_id"] != promo_id:
        return "unknown"
    if rows and rows[0]["attributable_until"] < scope.now():
        return "window_ended"
    return None

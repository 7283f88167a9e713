"""Claiming mails that are due, and keeping what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.permissions import Permission, requires
from app.domain.personal import read_subjects
from app.domain.scope import Scope
from app.infra.crypto import SecretBox
from app.infra.database import fetch
from app.infra.encoding import loads

RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1_440))

_CLAIM = """
UPDATE mails SET claimed_until = $2, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM mails
    WHERE state = 'pending' AND next_attempt_at <= $1 AND (claimed_until IS NULL OR claimed_until < $1)
    ORDER BY next_attempt_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
_READ = """
SELECT m.id, m.event_id, m.template, m.attempts, m.link_id, l.nonce, u.subject_id, u.language,
       l.id IS NULL OR (l.used_at IS NULL AND l.expires_at > $2) AS link_works,
       p.name AS partner_name, e.data, e.request_id
FROM mails m
JOIN users u ON u.id = m.user_id
JOIN events e ON e.id = m.event_id
LEFT JOIN account_links l ON l.id = m.link_id
LEFT JOIN partners p ON p.id = u.partner_id
WHERE m.id = ANY($1::bigint[])
ORDER BY m.id
"""
_SENT = "UPDATE mails SET state = 'sent', sent_at = $2, claimed_until = NULL, error = NULL WHERE id = $1"
_POSTPONE = """
UPDATE mails SET state = $2, next_attempt_at = $3, claimed_until = NULL, error = $4 WHERE id = $1
"""
_ANY_DUE = """
SELECT EXISTS (
    SELECT 1 FROM mails
    WHERE state = 'pending' AND next_attempt_at <= $1 AND (claimed_until IS NULL OR claimed_until < $1)
) AS due
"""


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that this process may send now. `token` opens its link; it is derived here and kept nowhere."""

    id: int
    event_id: int
    template: str
    attempts: int
    email: str | None
    name: str
    language: str
    partner_name: str | None
    token: str | None
    # False once its link was used, withdrawn by a newer one, or has expired: then the mail says nothing true.
    link_works: bool
    data: Mapping[str, Any]
    request_id: str | None


@requires(Permission.OPERATE)
async def claim_mails(
    scope: Scope, limit: int, lease: timedelta, *, box: SecretBox
) -> list[DueMail]:
    """Claim mails that are due. An unfinished claim frees itself after `lease`."""
    now = scope.now()
    claimed = await fetch(_CLAIM, now, now + lease, limit)
    rows = await fetch(_READ, [row["id"] for row in claimed], now) if claimed else []
    people = await read_subjects(box, [row["subject_id"] for row in rows])
    return [
        DueMail(
            id=row["id"],
            event_id=row["event_id"],
            template=row["template"],
            attempts=row["attempts"],
            email=people.get(row["subject_id"], {}).get("email"),
            name=str(people.get(row["subject_id"], {}).get("name", "")),
            language=row["language"],
            partner_name=row["partner_name"],
            token=box.link_token(row["link_id"], row["nonce"]) if row["nonce"] else None,
            link_works=row["link_works"],
            data=loads(row["data"]),
            request_id=row["request_id"],
        )
        for row in rows
    ]


@requires(Permission.OPERATE)
async def mark_sent(scope: Scope, mail_id: int) -> None:
    """The mail server has taken the mail."""
    await fetch(_SENT, mail_id, scope.now())


@requires(Permission.OPERATE)
async def postpone(scope: Scope, mail: DueMail, error: str, *, for_good: bool) -> None:
    """The mail server refused: try again later, or give up after a day or when it refused for good."""
    failed = for_good or mail.attempts > len(RETRY_AFTER)
    pause = timedelta(0) if failed else RETRY_AFTER[mail.attempts - 1]
    await fetch(
        _POSTPONE, mail.id, "failed" if failed else "pending", scope.now() + pause, error[:300]
    )


@requires(Permission.OPERATE)
async def any_mail_due(scope: Scope) -> bool:
    """True when a mail waits for a worker."""
    return bool((await fetch(_ANY_DUE, scope.now()))[0]["due"])

"""Personal data of a person, apart from everything else and under the person's own key (A6A)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.accounts.owners import keep_an_owner
from app.domain.events import Subject as EventSubject
from app.domain.events import record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.crypto import SecretBox, SubjectKey
from app.infra.database import Row, Transaction, fetch, transaction
from app.infra.encoding import dumps, loads

# What is shown of a person who was erased.
ERASED: Mapping[str, Any] = {}

_INSERT = "INSERT INTO subjects (key, data) VALUES ($1, $2) RETURNING id"
_TAKE_IDS = "SELECT nextval('subjects_id_seq') AS id FROM generate_series(1, $1)"
_INSERT_MANY = """
INSERT INTO subjects (id, key, data) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
"""
_READ = "SELECT id, key, data FROM subjects WHERE id = ANY($1::bigint[])"
_SUBJECTS_OF_USERS = "SELECT id, subject_id FROM users WHERE id = ANY($1::bigint[])"
_LOCK = "SELECT id, key, data FROM subjects WHERE id = $1 FOR UPDATE"
_UPDATE = "UPDATE subjects SET data = $2 WHERE id = $1"
# A partner that was blocked or rejected needs no owner: so a person who is alone in an account can be erased too.
_WITH_AN_OWNER = """
SELECT u.id, u.audience, u.partner_id FROM users u LEFT JOIN partners p ON p.id = u.partner_id
WHERE u.subject_id = $1 AND (p.id IS NULL OR p.state NOT IN ('blocked', 'rejected'))
"""
_ERASE = """
UPDATE subjects SET key = NULL, data = NULL, erased_at = $2
WHERE id = $1 AND erased_at IS NULL RETURNING id
"""
# The addresses and devices of the person's sessions go as well.
_EMPTY_SESSIONS = """
UPDATE sessions SET ip = NULL, user_agent = NULL, terminated_at = COALESCE(terminated_at, $2)
WHERE user_id IN (SELECT id FROM users WHERE subject_id = $1)
"""
# The e-mail can be used again by somebody else, and nobody signs in as the erased person.
_EMPTY_USERS = """
UPDATE users SET email_digest = 'erased-' || id, password_hash = NULL, totp_secret = NULL, totp_pending = NULL,
    statistic_token = NULL, statistic_token_hash = NULL, state = 'blocked'
WHERE subject_id = $1
"""
# Nothing that once let the person in may do so again, whatever becomes of the row.
_END_TOKENS = """
UPDATE api_tokens SET revoked_at = COALESCE(revoked_at, $2)
WHERE user_id IN (SELECT id FROM users WHERE subject_id = $1)
"""
_END_LINKS = """
UPDATE account_links SET used_at = COALESCE(used_at, $2)
WHERE user_id IN (SELECT id FROM users WHERE subject_id = $1)
"""
_DROP_RECOVERY_CODES = """
DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM users WHERE subject_id = $1)
"""


async def create_subject(tx: Transaction, box: SecretBox, data: Mapping[str, Any]) -> int:
    """Keep a person's data under a new key, and return the person's id."""
    key = SubjectKey.new()
    rows = await tx.fetch(_INSERT, box.encrypt(key.key), key.seal(dumps(dict(data))))
    return int(rows[0]["id"])


async def create_subjects(
    tx: Transaction, box: SecretBox, people: Sequence[Mapping[str, Any]]
) -> list[int]:
    """`create_subject` for many, in two statements; ids in the same order."""
    if not people:
        return []
    ids = [int(row["id"]) for row in await tx.fetch(_TAKE_IDS, len(people))]
    keys = [SubjectKey.new() for _ in people]
    await tx.fetch(
        _INSERT_MANY,
        ids,
        [box.encrypt(key.key) for key in keys],
        [key.seal(dumps(dict(data))) for key, data in zip(keys, people, strict=True)],
    )
    return ids


async def read_subjects(box: SecretBox, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The data of those persons by id; of an erased one, nothing."""
    rows = await fetch(_READ, list(set(ids))) if ids else []
    return {row["id"]: _open(box, row) for row in rows}


async def subjects_of_users(user_ids: Sequence[int]) -> list[int | None]:
    """The person behind each user, in the same order."""
    rows = await fetch(_SUBJECTS_OF_USERS, list(set(user_ids)))
    found = {row["id"]: int(row["subject_id"]) for row in rows}
    return [found.get(user_id) for user_id in user_ids]


async def update_subject(
    tx: Transaction, box: SecretBox, subject_id: int, changes: Mapping[str, Any]
) -> None:
    """Change some of a person's data; an erased person stays erased."""
    rows = await tx.fetch(_LOCK, subject_id)
    if not rows or rows[0]["key"] is None:
        return
    key = SubjectKey(box.decrypt(rows[0]["key"]))
    data = {**_open(box, rows[0]), **changes}
    await tx.fetch(_UPDATE, subject_id, key.seal(dumps(data)))


@requires(Permission.ERASE_PERSONS)
async def erase_subject(scope: Scope, subject_id: int) -> bool:
    """Destroy a person's key and all that points to the person; False when it was done before.

    Raises LastOwner for the last active owner of the staff, or of a partner that is not blocked.
    """
    async with transaction() as tx:
        for user in await tx.fetch(_WITH_AN_OWNER, subject_id):
            instead = "make somebody else one first"
            if user["partner_id"] is not None:
                instead += ", or block the partner"
            await keep_an_owner(tx, user, instead)
        erased = await tx.fetch(_ERASE, subject_id, scope.machine_now())
        if erased:
            await tx.fetch(_EMPTY_SESSIONS, subject_id, scope.machine_now())
            await tx.fetch(_EMPTY_USERS, subject_id)
            await tx.fetch(_END_TOKENS, subject_id, scope.machine_now())
            await tx.fetch(_END_LINKS, subject_id, scope.machine_now())
            await tx.fetch(_DROP_RECOVERY_CODES, subject_id)
            await record(scope, tx, "person.erased", EventSubject("subject", subject_id))
    return bool(erased)


def _open(box: SecretBox, row: Row) -> Mapping[str, Any]:
    if row["key"] is None or row["data"] is None:
        return ERASED
    data: Mapping[str, Any] = loads(SubjectKey(box.decrypt(row["key"])).unseal(row["data"]))
    return data

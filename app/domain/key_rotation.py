"""Rotating the encryption keys while everything runs: old keys read, the first key writes.

Add the new key last to TRIBUTARY_SECRET_KEYS and restart the processes, so that all of them read it; then move it to
the front and restart again; `tributary rotate-keys` encrypts what is stored anew, in small steps; then the old key
can be removed. Mailed links and network tokens made under the old key
work until it is removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.accounts import queries
from app.domain.permissions import Permission, requires
from app.domain.personal import read_subjects
from app.domain.scope import Scope
from app.infra.crypto import SecretBox
from app.infra.database import Transaction, fetch, transaction

Progress = Callable[[str, int, int], None]
_BATCH = 200


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column under the server's keys. The test of key rotation compares this list with the models."""

    table: str
    column: str


ENCRYPTED_COLUMNS = (
    EncryptedColumn("brand_keys", "secret"),
    EncryptedColumn("held_items", "person"),
    EncryptedColumn("subjects", "key"),
    EncryptedColumn("users", "totp_secret"),
    EncryptedColumn("users", "totp_pending"),
    EncryptedColumn("users", "statistic_token"),
)


@requires(Permission.OPERATE)
async def rotate_keys(_scope: Scope, progress: Progress, *, box: SecretBox) -> int:
    """Encrypt everything under the first key; returns how many values were rewritten. Safe to repeat and to stop.

    `progress` gets (what, done, in all). Raises DecryptionError when no configured key reads a value.
    """
    rewritten = 0
    for encrypted in ENCRYPTED_COLUMNS:
        rewritten += await _rotate_column(encrypted, progress, box)
    return rewritten + await _rotate_digests(progress, box)


async def _rotate_column(encrypted: EncryptedColumn, progress: Progress, box: SecretBox) -> int:
    table, column = encrypted.table, encrypted.column
    name = f"{table}.{column}"
    counted = await fetch(f"SELECT count(*) AS n FROM {table} WHERE {column} IS NOT NULL")
    done, after = 0, 0
    while True:
        async with transaction() as tx:
            rows = await tx.fetch(
                f"SELECT id, {column} AS value FROM {table} WHERE {column} IS NOT NULL AND id > $1"
                f" ORDER BY id LIMIT {_BATCH} FOR UPDATE",
                after,
            )
            if not rows:
                return done
            await tx.execute_many(
                f"UPDATE {table} SET {column} = $2 WHERE id = $1",
                [(row["id"], box.reencrypt(row["value"])) for row in rows],
            )
        after = rows[-1]["id"]
        done += len(rows)
        progress(name, done, counted[0]["n"])


async def _rotate_digests(progress: Progress, box: SecretBox) -> int:
    """The keyed hashes of e-mails, which find users, move to the first key too."""
    counted = await fetch("SELECT count(*) AS n FROM users")
    done, after = 0, 0
    while True:
        async with transaction() as tx:
            rows = await tx.fetch(
                "SELECT id, subject_id, email_digest FROM users WHERE id > $1"
                f" ORDER BY id LIMIT {_BATCH} FOR UPDATE",
                after,
            )
            if not rows:
                return done
            people = await read_subjects(box, [row["subject_id"] for row in rows])
            for row in rows:
                email = people.get(row["subject_id"], {}).get("email")
                if email is not None:
                    await _set_digest(tx, box, row["id"], str(email))
        after = rows[-1]["id"]
        done += len(rows)
        progress("users.email_digest", done, counted[0]["n"])


async def _set_digest(tx: Transaction, box: SecretBox, user_id: int, email: str) -> None:
    digests = box.digests(email)
    await tx.fetch(queries.LOCK_EMAIL, digests[-1])
    await tx.fetch("UPDATE users SET email_digest = $2 WHERE id = $1", user_id, digests[0])

"""Users: finding them by e-mail, making them, and turning one into the scope of its requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.accounts import queries
from app.domain.errors import Invalid
from app.domain.permissions import (
    PARTNER_PERMISSIONS,
    STAFF_PERMISSIONS,
    PartnerRole,
    Permission,
    StaffRole,
)
from app.domain.personal import create_subject
from app.domain.scope import Actor, Scope
from app.infra.clock import Clock, clock_at_offset
from app.infra.crypto import SecretBox
from app.infra.database import Row, Transaction
from app.infra.encoding import dumps_text, loads

# No quotes, commas, brackets or blanks: such an address could pass for several, or for a header.
_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\.[A-Za-z0-9-]{2,63}"
)
LONGEST_EMAIL = 254


class Audience(StrEnum):
    """Whom a user belongs to, and so which schema it signs in to."""

    PARTNER = "partner"
    STAFF = "staff"

    @property
    def actor_kind(self) -> str:
        """How events name such a user."""
        return "partner_user" if self is Audience.PARTNER else "operator_user"


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user needs."""

    audience: Audience
    partner_id: int | None
    email: str
    name: str
    role: PartnerRole | StaffRole
    password_hash: str | None
    brand_ids: tuple[int, ...] | None = None
    language: str = "en"
    time_zone: str = "UTC"


def clean_email(value: str) -> str:
    """The e-mail in lower case; raises Invalid when it is none."""
    email = value.strip().lower()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise Invalid(
            "this is not an e-mail address, such as paula@partner.example", field=("email",)
        )
    return email


async def find_by_email(tx: Transaction, box: SecretBox, email: str) -> Row | None:
    """The user with that e-mail, under any of the keys."""
    rows = await tx.fetch(queries.FIND_USER, box.digests(email))
    return rows[0] if rows else None


async def insert_user(tx: Transaction, box: SecretBox, new: NewUser, now: datetime) -> int | None:
    """Write a user and its personal data; None when the e-mail is taken."""
    digests = box.digests(new.email)
    await tx.fetch(queries.LOCK_EMAIL, digests[-1])
    if await find_by_email(tx, box, new.email) is not None:
        return None
    subject_id = await create_subject(tx, box, {"email": new.email, "name": new.name})
    rows = await tx.fetch(
        queries.INSERT_USER,
        new.audience.value,
        new.partner_id,
        subject_id,
        digests[0],
        new.role.value,
        None if new.brand_ids is None else dumps_text(list(new.brand_ids)),
        new.password_hash,
        new.language,
        new.time_zone,
        now,
    )
    return int(rows[0]["id"])


def scope_of_user(
    row: Mapping[str, Any],
    clock: Clock,
    request_id: str,
    ip: str | None,
    permissions: frozenset[Permission] | None = None,
) -> Scope:
    """The scope of a user's request. `permissions` narrows those of its role (API tokens)."""
    audience = Audience(row["audience"])
    if audience is Audience.PARTNER:
        granted = PARTNER_PERMISSIONS[PartnerRole(row["role"])]
        offset = timedelta(microseconds=row["clock_offset"] or 0)
        brand_ids = None
    else:
        granted = STAFF_PERMISSIONS[StaffRole(row["role"])]
        offset = timedelta(0)
        brand_ids = _brand_ids(row)
    return Scope(
        Actor(audience.actor_kind, row["user_id"]),
        clock_at_offset(clock, offset),
        request_id,
        granted if permissions is None else granted & permissions,
        partner_id=row["partner_id"],
        brand_ids=brand_ids,
        ip=ip,
        session_id=row["session_id"],
        machine_clock=clock,
    )


def _brand_ids(row: Mapping[str, Any]) -> frozenset[int] | None:
    """The brands that limit a user. An advertiser without a list sees none, never all."""
    stored = row["brand_ids"]
    if stored is None:
        return frozenset() if row["role"] == StaffRole.ADVERTISER else None
    return frozenset(loads(stored))

"""What operators do with contacts: add, edit, sort, delete (A69).

A contact is a person: events say which parts changed, never what stands in them (A6A).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.accounts.users import clean_email
from app.domain.contacts import queries
from app.domain.contacts.reads import contacts_of_operators
from app.domain.errors import Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.publishers import require_publisher
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.models import Contact

# The longest value of each part, in characters.
LONGEST = {"name": 200, "position": 200, "email": 254, "phone": 50, "messenger": 200}
_REQUIRED = ("name", "position")


@dataclass(frozen=True, slots=True)
class ContactParts:
    """What a contact is made of; when editing, None leaves a part as it is and an empty text clears it."""

    name: str | None = None
    position: str | None = None
    email: str | None = None
    phone: str | None = None
    messenger: str | None = None


@requires(Permission.MANAGE_CONTENT)
async def create_contact(scope: Scope, new: ContactParts, brand_id: int | None) -> Contact:
    """Add a contact of the programme, or of a brand, at the end. Raises Invalid, NotFound, Forbidden."""
    parts = dict.fromkeys(LONGEST) | _cleaned(new)
    for name in _REQUIRED:
        if parts[name] is None:
            raise Invalid(f"{name} is empty", field=(name,))
    await require_publisher(scope, brand_id)
    async with transaction() as tx:
        rows = await tx.fetch(queries.INSERT, brand_id, *parts.values(), scope.now())
        contact_id = int(rows[0]["id"])
        await _record(scope, tx, "created", contact_id, brand_id, {})
    return await _contact(scope, contact_id)


@requires(Permission.MANAGE_CONTENT)
async def edit_contact(scope: Scope, contact_id: int, edit: ContactParts) -> Contact:
    """Change a contact. Raises NotFound, Invalid."""
    contact, parts = await _contact(scope, contact_id), _cleaned(edit)
    async with transaction() as tx:
        rows = await tx.fetch(queries.LOCK, contact_id)
        if not rows:
            raise NotFound("contact", field=("contactId",))
        after = {**rows[0], **parts}
        changed = sorted(name for name in after if after[name] != rows[0][name])
        if changed:
            await tx.fetch(queries.EDIT, contact_id, *(after[name] for name in LONGEST))
            data = {"changed": changed}
            await _record(scope, tx, "edited", contact_id, contact.brand_id, data)
    return await _contact(scope, contact_id)


@requires(Permission.MANAGE_CONTENT)
async def sort_contacts(scope: Scope, contact_ids: Sequence[int]) -> list[Contact]:
    """Put contacts into this order. Raises Invalid when one is named twice, NotFound when one does not exist."""
    if len(set(contact_ids)) != len(contact_ids):
        raise Invalid("a contact is named twice", field=("contactIds",))
    rows = (await contacts_of_operators(scope)).rows
    if await rows.filter(id__in=list(contact_ids)).count() != len(contact_ids):
        raise NotFound("contact", field=("contactIds",))
    async with transaction() as tx:
        if len(await tx.fetch(queries.LOCK_MANY, list(contact_ids))) != len(contact_ids):
            raise NotFound("contact", field=("contactIds",))
        await tx.fetch(queries.SORT, list(contact_ids))
        data: dict[str, object] = {"contact_ids": list(contact_ids)}
        await record(scope, tx, "contact.sorted", Subject("contact", None), data=data)
    found = {row.id: row for row in await rows.filter(id__in=list(contact_ids))}
    return [found[contact_id] for contact_id in contact_ids if contact_id in found]


@requires(Permission.MANAGE_CONTENT)
async def delete_contact(scope: Scope, contact_id: int) -> None:
    """Delete a contact. Raises NotFound."""
    contact = await _contact(scope, contact_id)
    async with transaction() as tx:
        if not await tx.fetch(queries.DELETE, contact_id):
            raise NotFound("contact", field=("contactId",))
        await _record(scope, tx, "deleted", contact_id, contact.brand_id, {})


def _cleaned(parts: ContactParts) -> dict[str, str | None]:
    """The parts that are given, by name."""
    given = {name: getattr(parts, name) for name in LONGEST}
    return {name: _part(name, value) for name, value in given.items() if value is not None}


def _part(name: str, value: str) -> str | None:
    if name not in _REQUIRED and not value.strip():
        return None
    cleaned = clean_name(value, name, LONGEST[name])
    return clean_email(cleaned) if name == "email" else cleaned


async def _contact(scope: Scope, contact_id: int) -> Contact:
    found = await (await contacts_of_operators(scope)).rows.get_or_none(id=contact_id)
    if found is None:
        raise NotFound("contact", field=("contactId",))
    return found


async def _record(
    scope: Scope,
    tx: Transaction,
    verb: str,
    contact_id: int,
    brand_id: int | None,
    data: Mapping[str, object],
) -> None:
    subject = Subject("contact", contact_id)
    await record(scope, tx, f"contact.{verb}", subject, brand_id=brand_id, data=dict(data))

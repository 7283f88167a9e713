"""Operators draft, edit and publish terms; partners accept them (A69, X04). What is published never changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.publishers import clean_text, require_publisher
from app.domain.scope import Scope
from app.domain.terms import queries
from app.domain.terms.present import accept_in
from app.domain.terms.reads import terms, terms_of_operators
from app.infra.database import Row, Transaction, UniqueViolation, transaction
from app.models import TermsVersion

# So that comparing two versions stays quick.
MOST_LINES = 2_000


@requires(Permission.MANAGE_CONTENT)
async def draft_terms(scope: Scope, body: str, brand_id: int | None) -> TermsVersion:
    """Begin the next version, of the programme or of a brand; the body is Markdown.

    Raises Invalid, NotFound, Forbidden, Conflict while there is a draft already.
    """
    text = _cleaned(body)
    await require_publisher(scope, brand_id)
    try:
        async with transaction() as tx:
            rows = await tx.fetch(queries.INSERT_DRAFT, brand_id, text, scope.now())
            if not rows:
                raise _drafted()
            terms_id, number = int(rows[0]["id"]), int(rows[0]["number"])
            await _record(scope, tx, "drafted", terms_id, brand_id, {"number": number})
    except UniqueViolation:
        # Another operator began it at the same moment.
        raise _drafted() from None
    return await _version(scope, terms_id)


@requires(Permission.MANAGE_CONTENT)
async def edit_terms(scope: Scope, terms_id: int, body: str) -> TermsVersion:
    """Change a draft. Raises NotFound, Invalid, Conflict for a published version."""
    version, text = await _version(scope, terms_id), _cleaned(body)
    async with transaction() as tx:
        row = await _locked_draft(tx, terms_id)
        if row["body"] != text:
            await tx.fetch(queries.EDIT, terms_id, text)
            data = {"number": row["number"]}
            await _record(scope, tx, "edited", terms_id, version.brand_id, data)
    return await _version(scope, terms_id)


@requires(Permission.MANAGE_CONTENT)
async def publish_terms(
    scope: Scope, terms_id: int, effective_at: datetime | None = None
) -> TermsVersion:
    """Publish a draft, for ever; from `effective_at` (UTC; none: now) on it is the present version.

    Raises NotFound, Conflict when it is published already, Invalid for a time that has passed or lies before the one
    of the version before.
    """
    version, now = await _version(scope, terms_id), scope.now()
    effective = effective_at or now
    if effective < now:
        raise Invalid("the time has passed: leave it out for now", field=("effectiveAt",))
    async with transaction() as tx:
        row = await _locked_draft(tx, terms_id)
        last = (await tx.fetch(queries.LAST_EFFECTIVE, version.brand_id))[0]["effective_at"]
        if last is not None and effective < last:
            raise Invalid(
                f"the version before takes effect at {last.isoformat()}: choose that time or a later one",
                field=("effectiveAt",),
            )
        await tx.fetch(queries.PUBLISH, terms_id, now, effective)
        data = {"number": row["number"], "effective_at": effective.isoformat()}
        await _record(scope, tx, "published", terms_id, version.brand_id, data)
    return await _version(scope, terms_id)


@requires(Permission.MANAGE_CONTENT)
async def delete_terms_draft(scope: Scope, terms_id: int) -> None:
    """Delete a draft; its number goes to the next one. Raises NotFound, Conflict for a published version."""
    version = await _version(scope, terms_id)
    async with transaction() as tx:
        row = await _locked_draft(tx, terms_id)
        await tx.fetch(queries.DELETE, terms_id)
        data = {"number": row["number"]}
        await _record(scope, tx, "draft_deleted", terms_id, version.brand_id, data)


@requires(Permission.MANAGE_CAMPAIGNS)
async def accept_terms(scope: Scope, terms_id: int) -> TermsVersion:
    """Accept a published version for the scope's partner; again changes nothing.

    Raises NotFound, Conflict for a version that another one has replaced.
    """
    if scope.partner_id is None:
        raise Conflict("terms are accepted by partners: sign in as one of their users")
    version = await (await terms(scope)).rows.get_or_none(id=terms_id)
    if version is None:
        raise NotFound("terms", field=("termsId",))
    async with transaction() as tx:
        if await accept_in(scope, tx, terms_id, scope.partner_id, scope.actor.id):
            if newer := await tx.fetch(queries.SUCCESSOR, terms_id, scope.now()):
                raise Conflict(
                    f"version {version.number} was replaced by version {newer[0]['number']}: accept that one",
                    field=("termsId",),
                )
            if version.brand_id is None:
                await tx.fetch(queries.SIGN_WITH_PROGRAMME, scope.partner_id, version.number)
            else:
                signed = (scope.partner_id, version.brand_id, version.number)
                await tx.fetch(queries.SIGN_WITH_BRAND, *signed)
            await record(
                scope,
                tx,
                "terms.accepted",
                Subject("terms_version", terms_id),
                partner_id=scope.partner_id,
                brand_id=version.brand_id,
                data={"number": version.number},
            )
    return version


def _cleaned(body: str) -> str:
    text = clean_text(body, "body")
    lines = text.count("\n") + 1
    if lines > MOST_LINES:
        raise Invalid(
            f"body has {lines:,} lines, at most {MOST_LINES:,} are allowed", field=("body",)
        )
    return text


def _drafted() -> Conflict:
    return Conflict("there is a draft already: edit, publish or delete it", field=("brandId",))


async def _version(scope: Scope, terms_id: int) -> TermsVersion:
    found = await (await terms_of_operators(scope)).rows.get_or_none(id=terms_id)
    if found is None:
        raise NotFound("terms", field=("termsId",))
    return found


async def _locked_draft(tx: Transaction, terms_id: int) -> Row:
    rows = await tx.fetch(queries.LOCK, terms_id)
    if not rows:
        raise NotFound("terms", field=("termsId",))
    if rows[0]["published_at"] is not None:
        raise Conflict(
            "the version is published and never changes: draft the next one", field=("termsId",)
        )
    return rows[0]


async def _record(
    scope: Scope,
    tx: Transaction,
    verb: str,
    terms_id: int,
    brand_id: int | None,
    data: Mapping[str, object],
) -> None:
    subject = Subject("terms_version", terms_id)
    await record(scope, tx, f"terms.{verb}", subject, brand_id=brand_id, data=dict(data))

"""Versions of a plan: drafted, edited, published once and for ever, or discarded (decision 3, M10).

A plan has at most one draft. Two operators who edit it at once do not overwrite each other: each names the revision
that it has seen.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.permissions import Permission, requires
from app.domain.plans.commands import record_plan
from app.domain.plans.difference import difference
from app.domain.plans.reading import read_terms, write_terms
from app.domain.plans.reads import require_plan, require_version
from app.domain.plans.summary import summary
from app.domain.scope import Scope
from app.infra.database import Transaction, transaction
from app.infra.encoding import dumps, dumps_text, loads
from app.models import Brand, CommissionPlan, PlanVersion

_LOCK_PLAN = "SELECT id FROM commission_plans WHERE id = $1 FOR NO KEY UPDATE"
_LAST = """
SELECT max(number) AS number, max(valid_from) FILTER (WHERE published_at IS NOT NULL) AS valid_from,
    count(*) FILTER (WHERE published_at IS NULL) AS drafts
FROM plan_versions WHERE plan_id = $1
"""
# A draft has no time yet: the column holds that of its making.
_INSERT = """
INSERT INTO plan_versions (plan_id, number, currency, terms, valid_from, created_at)
VALUES ($1, $2, $3, $4, $5, $5) RETURNING id
"""
_LOCK = "SELECT number, terms, published_at FROM plan_versions WHERE id = $1 FOR UPDATE"
_EDIT = "UPDATE plan_versions SET terms = $2, currency = $3 WHERE id = $1"
_PUBLISH = "UPDATE plan_versions SET valid_from = $2, published_at = $3 WHERE id = $1"
_DISCARD = "DELETE FROM plan_versions WHERE id = $1"


def revision_of(terms: Any) -> str:
    """What changes whenever the terms do, for operators who edit or publish what they have seen."""
    document = write_terms(read_terms(terms))
    return hashlib.sha256(dumps(document)).hexdigest()[:16]


@requires(Permission.MANAGE_PLANS)
async def draft_version(scope: Scope, plan_id: int, terms: Any) -> PlanVersion:
    """Begin a new version of a plan with these terms, as JSON. Nobody else sees it until it is published.

    Raises InvalidTerms with every mistake, NotFound, or Conflict when the plan has a draft already.
    """
    read = read_terms(terms)
    plan = await require_plan(scope, plan_id)
    async with transaction() as tx:
        await tx.fetch(_LOCK_PLAN, plan_id)
        last = (await tx.fetch(_LAST, plan_id))[0]
        if last["drafts"]:
            raise Conflict(
                "the plan has a draft already: edit, publish or discard it", field=("planId",)
            )
        number = int(last["number"] or 0) + 1
        document = dumps_text(write_terms(read))
        rows = await tx.fetch(_INSERT, plan_id, number, read.currency, document, scope.now())
        version_id = int(rows[0]["id"])
        await _record(scope, tx, "plan.version_drafted", plan, version_id, number, {})
    return await require_version(scope, version_id)


@requires(Permission.MANAGE_PLANS)
async def edit_draft(scope: Scope, version_id: int, terms: Any, revision: str) -> PlanVersion:
    """Replace the terms of a draft. `revision` is that of the terms which the operator has seen.

    Raises InvalidTerms with every mistake, NotFound, or Conflict when it is published, or was edited meanwhile.
    """
    read = read_terms(terms)
    plan = await _plan_of(scope, version_id)
    async with transaction() as tx:
        row = await _locked_draft(tx, plan.id, version_id, revision)
        before = read_terms(row["terms"])
        changes = [change.path for change in difference(before, read)]
        if write_terms(before) != write_terms(read):
            await tx.fetch(_EDIT, version_id, dumps_text(write_terms(read)), read.currency)
            data = {"changed": changes}
            await _record(scope, tx, "plan.version_edited", plan, version_id, row["number"], data)
    return await require_version(scope, version_id)


@requires(Permission.MANAGE_PLANS)
async def publish_version(
    scope: Scope, version_id: int, revision: str, valid_from: datetime | None
) -> PlanVersion:
    """Publish a draft for ever: from then on it never changes. It holds from `valid_from` (UTC); None: at once.

    Raises NotFound, Conflict when it is published, or was edited after the operator saw it, Invalid for a time that
    is past by the brand's clock, or not after that of the version before it.
    """
    plan = await _plan_of(scope, version_id)
    brand = await scope.query(Brand).get(id=plan.brand_id)
    async with transaction() as tx:
        row = await _locked_draft(tx, plan.id, version_id, revision)
        now = scope.at_offset(brand.clock_offset).now()
        starts = valid_from or now
        if starts < now:
            raise Invalid(
                f"{starts.isoformat()} is past: send a time from {now.isoformat()} on, or none for at once",
                field=("validFrom",),
            )
        previous = (await tx.fetch(_LAST, plan.id))[0]["valid_from"]
        if previous is not None and starts <= previous:
            raise Invalid(
                f"the version before it holds from {previous.isoformat()}: send a later time",
                field=("validFrom",),
            )
        await tx.fetch(_PUBLISH, version_id, starts, now)
        data = {"valid_from": starts, "summary": summary(read_terms(row["terms"]))}
        await _record(scope, tx, "plan.version_published", plan, version_id, row["number"], data)
    return await require_version(scope, version_id)


@requires(Permission.MANAGE_PLANS)
async def discard_draft(scope: Scope, version_id: int) -> CommissionPlan:
    """Throw a draft away. Raises NotFound, or Conflict when it is published."""
    plan = await _plan_of(scope, version_id)
    async with transaction() as tx:
        row = await _locked_draft(tx, plan.id, version_id, None)
        await tx.fetch(_DISCARD, version_id)
        data = {"terms": row["terms"]}
        await _record(scope, tx, "plan.version_discarded", plan, version_id, row["number"], data)
    return await require_plan(scope, plan.id)


async def _plan_of(scope: Scope, version_id: int) -> CommissionPlan:
    return await require_plan(scope, (await require_version(scope, version_id)).plan_id)


async def _locked_draft(
    tx: Transaction, plan_id: int, version_id: int, revision: str | None
) -> dict[str, Any]:
    """The locked draft. The plan comes first, so that versions of one plan change one after the other."""
    await tx.fetch(_LOCK_PLAN, plan_id)
    rows = await tx.fetch(_LOCK, version_id)
    if not rows:
        # It was discarded since it was looked up.
        raise NotFound("plan version", field=("versionId",))
    row = rows[0]
    if row["published_at"] is not None:
        raise Conflict(
            f"version {row['number']} is published and never changes: draft a new one",
            field=("versionId",),
        )
    terms = loads(row["terms"]) if isinstance(row["terms"], str) else row["terms"]
    if revision is not None and revision_of(terms) != revision:
        raise Conflict(
            "the draft was edited since you read it: read it again, and send its revision",
            field=("revision",),
        )
    return {**row, "terms": terms}


async def _record(
    scope: Scope,
    tx: Transaction,
    event: str,
    plan: CommissionPlan,
    version_id: int,
    number: int,
    data: dict[str, Any],
) -> None:
    known = {"version_id": version_id, "number": number}
    await record_plan(scope, tx, event, plan.id, plan.brand_id, known | data)

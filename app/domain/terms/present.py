"""The terms in force, and the act of accepting them: shared by registration, affiliations and partners (A69, X04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import Invalid
from app.domain.scope import Scope
from app.domain.terms import queries
from app.infra.database import Transaction, fetch

# What is accepted where nothing is published.
NO_TERMS = 0


@dataclass(frozen=True, slots=True)
class PresentTerms:
    """The version in force; `effective_at` is in UTC, the body Markdown."""

    id: int
    number: int
    body: str
    effective_at: datetime


async def present_terms(scope: Scope, brand_id: int | None = None) -> PresentTerms | None:
    """The terms in force of the programme, or of a brand; None when there are none. Whoever registers reads them."""
    rows = await fetch(queries.PRESENT, brand_id, scope.now())
    return _present(rows)


async def require_present(
    scope: Scope, tx: Transaction, brand_id: int | None, accepted: int | None
) -> PresentTerms | None:
    """The terms in force, which must be the version that was accepted; 0 or None is accepted where there are none.

    Raises Invalid naming the version to accept.
    """
    present = _present(await tx.fetch(queries.PRESENT, brand_id, scope.now()))
    number = NO_TERMS if present is None else present.number
    if (accepted or NO_TERMS) != number:
        raise Invalid(
            f"accept the present terms, version {number}"
            if present
            else f"there are no terms to accept: send version {NO_TERMS}",
            field=("acceptTermsVersion",),
        )
    return present


async def accept_in(
    scope: Scope, tx: Transaction, terms_id: int, partner_id: int, user_id: int | None
) -> bool:
    """Note the acceptance; False when the partner had accepted this version before."""
    return bool(await tx.fetch(queries.ACCEPT, partner_id, terms_id, user_id, scope.now()))


def _present(rows: list[dict[str, object]]) -> PresentTerms | None:
    return PresentTerms(**rows[0]) if rows else None  # type: ignore[arg-type]

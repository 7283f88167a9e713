"""Who publishes news, contacts and terms: the programme, or one of its brands (A69)."""

from __future__ import annotations

from tortoise.expressions import Q, Subquery

from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Affiliation, Brand

LONGEST_TEXT = 50_000


@requires(Permission.MANAGE_CONTENT)
async def require_publisher(scope: Scope, brand_id: int | None) -> None:
    """Let the scope publish for a brand, or for the programme when it is None.

    Raises NotFound for a brand that does not exist for it, Forbidden for the programme when it is limited to brands.
    """
    if brand_id is None:
        if scope.brand_ids is not None:
            raise Forbidden("what belongs to the whole programme is not for users of some brands")
    elif not await scope.query(Brand).filter(id=brand_id).exists():
        raise NotFound("brand", field=("brandId",))


def published_to(scope: Scope) -> Q:
    """What a partner sees: of the programme, and of the brands that accepted it."""
    accepted = scope.query(Affiliation).filter(state="accepted")
    return Q(brand_id__isnull=True) | Q(brand_id__in=Subquery(accepted.values("brand_id")))


def editable_by(scope: Scope) -> Q:
    """What an operator sees: everything, or what belongs to its brands."""
    return Q() if scope.brand_ids is None else Q(brand_id__in=sorted(scope.brand_ids))


def clean_text(value: str, field: str, longest: int = LONGEST_TEXT) -> str:
    """Markdown without surrounding space, its lines ended by `\\n`. Raises Invalid naming the field and the limit."""
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise Invalid(f"{field} is empty", field=(field,))
    if len(text) > longest:
        raise Invalid(
            f"{field} has {len(text):,} characters, at most {longest:,} are allowed", field=(field,)
        )
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Invalid(f"{field} holds characters that are no text: leave them out", field=(field,))
    return text

"""Recording sales and leads, each attributed on its own (M03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.errors import Invalid
from app.domain.events import NewEvent, Subject, record_all
from app.domain.intake import CHUNK, Item, Stag, lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.players.register import Attribution, Status, find_visits
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Transaction, transaction
from app.infra.money import quantise
from app.models import Brand

_FIND = """
SELECT kind, transaction_id, occurred_at, amount, currency, promo_id FROM conversions
WHERE brand_id = $1 AND transaction_id = ANY($2::text[]) AND superseded_by IS NULL
"""
_TAKE_IDS = "SELECT nextval('conversions_id_seq') AS id FROM generate_series(1, $1)"
_COLUMNS = (
    *("id", "recording_id", "occurred_at", "business_day", "brand_id", "partner_id", "campaign_id"),
    *(
        "plan_id",
        "promo_id",
        "player_id",
        "country",
        "currency",
        "kind",
        "transaction_id",
        "amount",
    ),
    "description",
)


@dataclass(frozen=True, slots=True)
class NewConversion:
    """A sale or lead as the brand reports it."""

    kind: str
    transaction_id: str
    tag: Stag
    occurred_at: datetime
    amount: Decimal
    currency: str
    description: str | None


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """The answer to one item. `error` is a code, `message` says what to do."""

    transaction_id: str | None
    status: Status
    error: str | None = None
    message: str | None = None


@requires(Permission.SEND_BRAND_DATA)
async def record_conversions(
    scope: Scope, brand_id: int, items: Sequence[Any]
) -> list[ConversionResult]:
    """Take in sales and leads; one result per item, in order. Amounts are in each item's currency.

    Idempotent by (brand, kind, transaction id): the same content is unchanged, another content a conflict.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    results: list[ConversionResult] = []
    for start in range(0, len(items), CHUNK):
        results += await _record_chunk(scope, brand, items[start : start + CHUNK])
    return results


async def _record_chunk(scope: Scope, brand: Brand, items: Sequence[Any]) -> list[ConversionResult]:
    parsed = [_parse(scope, brand, raw) for raw in items]
    good = [item for item in parsed if isinstance(item, NewConversion)]
    async with transaction() as tx:
        await lock_brand_intake(tx, brand.id)
        visits = await find_visits(tx, brand.id, [item.tag for item in good])
        rows = await tx.fetch(_FIND, brand.id, [item.transaction_id for item in good])
        stored = {(row["kind"], row["transaction_id"]): _content(row) for row in rows}
        accepted: list[tuple[NewConversion, Attribution]] = []
        results = [
            item if isinstance(item, ConversionResult) else _decide(item, visits, stored, accepted)
            for item in parsed
        ]
        await _write(scope, tx, brand, accepted)
    return results


def _parse(scope: Scope, brand: Brand, raw: Any) -> NewConversion | ConversionResult:
    transaction_id: str | None = None
    try:
        item = Item(raw)
        transaction_id = item.required_text("transaction_id", 200)
        kind = item.required_text("type", 8)
        if kind not in {"sale", "lead"}:
            raise Invalid("type is neither sale nor lead", field=("type",))
        currency = item.currency(brand.currency)
        tag = item.stag()
        if tag is None:
            raise Invalid("tag is missing", field=("tag",))
        amount = item.amount("amount", currency)
        if kind == "sale" and amount is None:
            raise Invalid("amount is missing", field=("amount",))
        return NewConversion(
            kind,
            transaction_id,
            tag,
            item.required_time("occurred_at", scope),
            quantise(amount or Decimal(0), currency),
            currency,
            item.text("description", 500),
        )
    except Invalid as error:
        return ConversionResult(transaction_id, Status.REJECTED, "invalid", error.message)


def _content(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["occurred_at"], row["amount"], row["currency"], row["promo_id"])


def _decide(
    item: NewConversion,
    visits: dict[int, Attribution],
    stored: dict[tuple[str, str], tuple[Any, ...]],
    accepted: list[tuple[NewConversion, Attribution]],
) -> ConversionResult:
    """What becomes of an item; an item to be written is added to `accepted`."""
    key = (item.kind, item.transaction_id)
    content = (item.occurred_at, item.amount, item.currency, item.tag.promo_id)
    if key in stored:
        if stored[key] == content:
            return ConversionResult(item.transaction_id, Status.UNCHANGED)
        message = "this transaction is stored with other content"
        return ConversionResult(item.transaction_id, Status.REJECTED, "conflict", message)
    visit = visits.get(item.tag.visit_id)
    if visit is None or visit.promo_id != item.tag.promo_id:
        message = f"no visit of this brand has the tag {item.tag}"
        return ConversionResult(item.transaction_id, Status.REJECTED, "unknown_tag", message)
    if visit.attributable_until is not None and item.occurred_at > visit.attributable_until:
        message = f"the visit could be attributed until {visit.attributable_until.isoformat()}"
        return ConversionResult(item.transaction_id, Status.REJECTED, "window_ended", message)
    stored[key] = content
    accepted.append((item, visit))
    return ConversionResult(item.transaction_id, Status.CREATED)


async def _write(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    accepted: Sequence[tuple[NewConversion, Attribution]],
) -> None:
    if not accepted:
        return
    recording = await tx.recording()
    ids = [row["id"] for row in await tx.fetch(_TAKE_IDS, len(accepted))]
    rows = [
        (
            *(new_id, recording, item.occurred_at, business_day(item.occurred_at, brand.time_zone)),
            *(brand.id, visit.partner_id, visit.campaign_id, visit.plan_id, visit.promo_id, None),
            *(
                visit.country,
                item.currency,
                item.kind,
                item.transaction_id,
                item.amount,
                item.description,
            ),
        )
        for new_id, (item, visit) in zip(ids, accepted, strict=True)
    ]
    await tx.copy("conversions", _COLUMNS, rows)
    events = [
        NewEvent(
            f"{item.kind}.recorded",
            Subject("conversion", new_id),
            visit.partner_id,
            brand.id,
            item.occurred_at,
            {
                "visit_id": visit.visit_id,
                "promo_id": visit.promo_id,
                "campaign_id": visit.campaign_id,
                "country": visit.country,
                "currency": item.currency,
                "amount": item.amount,
                "transaction_id": item.transaction_id,
            },
        )
        for new_id, (item, visit) in zip(ids, accepted, strict=True)
    ]
    await record_all(scope, tx, events)

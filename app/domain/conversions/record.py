"""Recording sales and leads, each attributed on its own (M03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.attribution.decide import Attribution, Claim, Refusal, attribute
from app.domain.errors import Invalid
from app.domain.events import NewEvent, Subject, record_all
from app.domain.intake import CHUNK, Item, Stag, lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.players.register import Status
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import dumps_text, loads
from app.infra.money import quantise
from app.models import Brand

_FIND = """
SELECT kind, transaction_id, occurred_at, amount, currency, promo_id, losing_candidates FROM conversions
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
    *("description", "visit_id", "attributed_by", "losing_candidates"),
)


@dataclass(frozen=True, slots=True)
class NewConversion:
    """A sale or lead as the brand reports it."""

    kind: str
    transaction_id: str
    tag: Stag | None
    # A coupon that is bound to a promo (M02).
    coupon: str | None
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
        claims = [Claim(item.tag, item.coupon, item.occurred_at) for item in good]
        # Whoever clicked before a state stopped new ones still buys (M1D).
        decided = iter(await attribute(tx, brand, claims, needs_open=False))
        rows = await tx.fetch(_FIND, brand.id, [item.transaction_id for item in good])
        stored = {(row["kind"], row["transaction_id"]): _stored(row) for row in rows}
        accepted: list[tuple[NewConversion, Attribution]] = []
        results = [
            item
            if isinstance(item, ConversionResult)
            else _decide(item, next(decided), stored, accepted)
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
        coupon = item.text("coupon", 64)
        if tag is None and coupon is None:
            raise Invalid("tag and coupon are missing: send one of them", field=("tag",))
        amount = item.amount("amount", currency)
        if kind == "sale" and amount is None:
            raise Invalid("amount is missing", field=("amount",))
        return NewConversion(
            kind,
            transaction_id,
            tag,
            coupon,
            item.required_time("occurred_at", scope),
            quantise(amount or Decimal(0), currency),
            currency,
            item.text("description", 500),
        )
    except Invalid as error:
        return ConversionResult(transaction_id, Status.REJECTED, "invalid", error.message)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A conversion that is there: its content, and the promos that it was or could have been attributed to."""

    content: tuple[datetime, Decimal, str]
    promos: frozenset[int]


def _stored(row: Row) -> _Stored:
    losing = [each["promo_id"] for each in loads(row["losing_candidates"])]
    content = (row["occurred_at"], row["amount"], row["currency"])
    return _Stored(content, frozenset({row["promo_id"], *losing}))


def _decide(
    item: NewConversion,
    decision: Attribution | Refusal,
    stored: dict[tuple[str, str], _Stored],
    accepted: list[tuple[NewConversion, Attribution]],
) -> ConversionResult:
    """What becomes of an item; an item to be written is added to `accepted`."""
    key = (item.kind, item.transaction_id)
    content = (item.occurred_at, item.amount, item.currency)
    if key in stored:
        promo_id = decision.promo_id if isinstance(decision, Attribution) else None
        named = item.tag.promo_id if item.tag else promo_id
        if stored[key].content == content and named in stored[key].promos:
            return ConversionResult(item.transaction_id, Status.UNCHANGED)
        message = "this transaction is stored with other content"
        return ConversionResult(item.transaction_id, Status.REJECTED, "conflict", message)
    if isinstance(decision, Refusal):
        return ConversionResult(
            item.transaction_id, Status.REJECTED, decision.error, decision.message
        )
    promos = {decision.promo_id, *(each.promo_id for each in decision.losing)}
    stored[key] = _Stored(content, frozenset(promos))
    accepted.append((item, decision))
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
            *(visit.visit_id, visit.rule.value, dumps_text(visit.losing_candidates)),
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
                "attributed_by": visit.rule.value,
            },
        )
        for new_id, (item, visit) in zip(ids, accepted, strict=True)
    ]
    await record_all(scope, tx, events)

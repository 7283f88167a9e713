"""Events while a batch is taken in: what stands in the database, and what the batch makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.domain.attribution.decide import Attribution
from app.domain.brand_events.read import CONVERSIONS, METRICS, PLAYED, EventType, NewBrandEvent
from app.domain.brands.metric_sources import MetricSources, ReportSource
from app.domain.intake import Item
from app.infra.clock import business_day
from app.infra.database import Row
from app.infra.encoding import loads
from app.infra.money import quantise
from app.models import Brand


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds of an event at a moment."""

    occurred_at: datetime
    amount: Decimal | None
    currency: str | None
    revision: int | None = None
    voided: bool = False


@dataclass(slots=True)
class Entry:
    """An event of the brand, stored already or new."""

    event_id: str
    type: EventType
    content: Mapping[str, Any]
    now: Standing
    # None: new.
    id: int | None = None
    before: Standing | None = None
    player_id: int | None = None
    # A new player's id is known only when it is written.
    user_id: str | None = None
    # The event that it is about.
    target: Entry | None = None
    ref_id: int | None = None
    # Of sales, leads and refunds: to whom they belong.
    attribution: Attribution | None = None
    fact_id: int | None = None
    fact_day: date | None = None
    # Of a sale: what was given back.
    refunded: Decimal = field(default_factory=Decimal)
    # Amended within the batch, and maybe back to what it was: the same as if the amendments had come one by one.
    amended: bool = False

    @property
    def is_new(self) -> bool:
        """True when it came with this batch."""
        return self.before is None

    @property
    def changed(self) -> bool:
        """True when something must be written."""
        return self.amended or self.before != self.now

    @property
    def says_amount(self) -> bool:
        """True when an amount was sent with it."""
        return any(name in self.content for name in ("amount", "amount_cents"))

    @property
    def original(self) -> Standing:
        """As it was first sent, before amendments."""
        currency = self.content.get("currency") or self.now.currency or ""
        said = Item(self.content).amount("amount", currency)
        return replace(
            self.now,
            occurred_at=datetime.fromisoformat(self.content["occurred_at"]),
            # A refund of all that was left says no amount.
            amount=self.now.amount if said is None else quantise(said, currency),
            currency=self.content.get("currency", self.now.currency),
        )

    @property
    def kind(self) -> str | None:
        """Of what it is: the key of METRICS, with the type."""
        if self.type not in PLAYED:
            return None
        found: str | None = self.content.get("kind" if self.type is EventType.FEE else "product")
        return found

    @property
    def table(self) -> str | None:
        """Where its fact stands; None: it has none."""
        if self.type in PLAYED:
            return "activities"
        return "conversions" if self.type in CONVERSIONS else None

    @property
    def transaction_id(self) -> str:
        """Of a sale or lead; a refund has that of its sale."""
        if self.type is EventType.REFUND and self.target is not None:
            return self.target.transaction_id
        return str(self.content.get("transaction_id") or self.event_id)

    def metrics(
        self, standing: Standing | None, sources: MetricSources, brand: Brand
    ) -> dict[str, Decimal]:
        """What it adds to metrics that count events on its day, as it stood; nothing once it is voided."""
        if standing is None or standing.voided or standing.amount is None:
            return {}
        day = business_day(standing.occurred_at, brand.time_zone)
        count, total = METRICS[self.type, self.kind]
        added = {total: standing.amount} | ({count: Decimal(1)} if count else {})
        return {
            name: value
            for name, value in added.items()
            if sources.on(name, day) is ReportSource.EVENTS
        }


def new_entry(event: NewBrandEvent, now: datetime) -> Entry:
    """An entry of an event that was just read."""
    standing = Standing(event.occurred_at or now, event.amount, event.currency, event.revision)
    return Entry(event.id, event.type, event.content, standing, user_id=event.user_id)


def stored_entry(row: Row) -> Entry:
    """An entry of an event that is there."""
    standing = Standing(
        row["occurred_at"], row["amount"], row["currency"], row["revision"], row["voided"]
    )
    return Entry(
        row["event_id"],
        EventType(row["type"]),
        loads(row["content"]),
        standing,
        row["id"],
        standing,
        row["player_id"],
        ref_id=row["ref_id"],
        fact_id=row["fact_id"],
        fact_day=row["fact_day"],
    )

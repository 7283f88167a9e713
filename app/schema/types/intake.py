"""Brands' data that operators enter, and the answers to it, in GraphQL (O21, W3)."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.domain.activity.record import ActivityResult
from app.domain.brand_events.batch import EventResult
from app.domain.brand_events.read import EventType
from app.domain.operator_intake import MOST_ITEMS, ActivityReport
from app.domain.players.flags import Flag
from app.domain.players.register import PlayerResult, Status
from app.domain.reports.metrics import ACTIVITY_METRICS, Kind
from app.infra.money import decimal_text
from app.schema.errors import UserError
from app.schema.ids import encode_id
from app.schema.scalars import Count, CountryCode, CurrencyCode

_make_enum: Any = strawberry.enum
_AT_MOST = f"At most {MOST_ITEMS:,}."


@strawberry.enum(description="What became of an item.")
class IntakeStatus(Enum):
    CREATED = strawberry.enum_value(Status.CREATED.value, description="It is new.")
    UPDATED = strawberry.enum_value(Status.UPDATED.value, description="It changed what was stored.")
    UNCHANGED = strawberry.enum_value(Status.UNCHANGED.value, description="It was stored already.")
    HELD = strawberry.enum_value(
        Status.HELD.value, description="It waits for its visit and is taken in by itself."
    )
    REJECTED = strawberry.enum_value(
        Status.REJECTED.value, description="It was refused: see error and message."
    )


@strawberry.enum(description="What may be held against a player (M06).")
class PlayerFlagKind(Enum):
    FRAUD = strawberry.enum_value(Flag.FRAUD.value, description="Rejects commissions.")
    DUPLICATE = strawberry.enum_value(Flag.DUPLICATE.value, description="Rejects commissions.")
    SELF_EXCLUDED = strawberry.enum_value(
        Flag.SELF_EXCLUDED.value, description="Ends earnings from then on."
    )
    DISABLED = strawberry.enum_value(Flag.DISABLED.value, description="Ends earnings from then on.")


BrandEventType = _make_enum(
    Enum(
        "BrandEventType",
        {
            member.name: strawberry.enum_value(
                member.value, description=f"`{member.value}` of `/api/v1/events`."
            )
            for member in EventType
        },
    ),
    description="What a single event of a brand tells of.",
)


@strawberry.input(description="A player who signed up, as brands send it to `/api/v1/players`.")
class PlayerItemInput:
    user_id: str = strawberry.field(description="The brand's own id of the player.")
    tag: str | None = strawberry.field(
        default=None, description="The stag, promo_visit; of a new player this or a bonus code."
    )
    bonus_code: str | None = strawberry.field(
        default=None, description="A code that is bound to a promo."
    )
    sign_up_at: datetime = strawberry.field(description="When the player signed up.")
    country: CountryCode | None = strawberry.field(default=None, description="Absent: the visit's.")
    language: str | None = strawberry.field(default=None, description="At most 16 characters.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="Absent: the brand's."
    )
    duplicate: bool | None = strawberry.field(
        default=None, description="Whether this flag holds now; absent: nothing is said."
    )
    self_excluded: bool | None = strawberry.field(
        default=None, description="Whether this flag holds now; absent: nothing is said."
    )
    disabled: bool | None = strawberry.field(
        default=None, description="Whether this flag holds now; absent: nothing is said."
    )


@strawberry.input(description="Players of a brand.")
class SendPlayersInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    players: list[PlayerItemInput] = strawberry.field(description=_AT_MOST)


def _metric_inputs() -> dict[str, tuple[Any, Any]]:
    """The metrics of activity: amounts in the item's currency, whole numbers for counts."""
    fields = {}
    for metric in ACTIVITY_METRICS:
        kind: Any = Count if metric.kind is Kind.COUNT else Decimal
        field = strawberry.field(default=None, description=f"{metric.description} Absent: 0.")
        fields[metric.name] = (kind | None, field)
    return fields


def _activity_item() -> Any:
    fields: dict[str, tuple[Any, Any]] = {
        "user_id": (str, strawberry.field(description="The brand's own id of the player.")),
        "tag": (
            str | None,
            strawberry.field(default=None, description="Registers a player who is not known."),
        ),
        "currency": (
            CurrencyCode | None,
            strawberry.field(default=None, description="Of all amounts; absent: the brand's."),
        ),
        "revision": (
            Count | None,
            strawberry.field(default=None, description="The highest of an item holds."),
        ),
        "first_deposit_at": (
            datetime | None,
            strawberry.field(default=None, description="With its amount, or not at all."),
        ),
        "first_deposit_sum": (
            Decimal | None,
            strawberry.field(default=None, description="In the item's currency."),
        ),
        **_metric_inputs(),
    }
    namespace = {
        "__annotations__": {name: kind for name, (kind, _) in fields.items()},
        "__module__": __name__,
        **{name: field for name, (_, field) in fields.items()},
    }
    words = "What one player did in the interval, in one currency."
    return strawberry.input(type("ActivityItemInput", (), namespace), description=words)


ActivityItemInput = _activity_item()


@strawberry.input(description="What players of a brand did in an interval.")
class SendActivityInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    start: datetime = strawberry.field(name="from", description="Included.")
    end: datetime = strawberry.field(
        name="to", description="Not included; within the business day of the brand."
    )
    items: list[ActivityItemInput] = strawberry.field(  # type: ignore[valid-type]
        description=f"{_AT_MOST} An item tells the totals of its interval."
    )
    complete_through: datetime | None = strawberry.field(
        default=None, description="Up to when everything is reported; it never moves back."
    )

    def to_domain(self) -> ActivityReport:
        """The domain's value."""
        through = self.complete_through
        return ActivityReport(
            self.start.isoformat(),
            self.end.isoformat(),
            [as_sent(item) for item in self.items],
            through.isoformat() if through else None,
        )


@strawberry.input(description="A single event, as brands send it to `/api/v1/events`.")
class BrandEventInput:
    id: str = strawberry.field(description="Once per brand; the same content again is unchanged.")
    type: BrandEventType = strawberry.field(description="What it tells of.")  # type: ignore[valid-type]
    occurred_at: datetime | None = strawberry.field(
        default=None, description="When; only VOID and AMEND may leave it out."
    )
    user_id: str | None = strawberry.field(
        default=None, description="The brand's own id of the player."
    )
    tag: str | None = strawberry.field(default=None, description="The stag, promo_visit.")
    coupon: str | None = strawberry.field(
        default=None, description="A code that is bound to a promo."
    )
    partner_code: str | None = strawberry.field(
        default=None, description="Of a network link: the partner (W4)."
    )
    ref: str | None = strawberry.field(
        default=None, description="Of REFUND, VOID and AMEND: the id of the event it is about."
    )
    amount: Decimal | None = strawberry.field(default=None, description="In the currency.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="Absent: the brand's."
    )
    transaction_id: str | None = strawberry.field(
        default=None, description="Of a sale or lead; absent: the id."
    )
    description: str | None = strawberry.field(default=None, description="Of a sale or lead.")
    product: str | None = strawberry.field(
        default=None, description="Of BET, WIN and BONUS, such as casino or sportsbook."
    )
    kind: str | None = strawberry.field(default=None, description="Of FEE, such as tax.")
    flag: PlayerFlagKind | None = strawberry.field(default=None, description="Of FLAG.")
    value: bool | None = strawberry.field(default=None, description="Of FLAG: false takes it back.")
    revision: Count | None = strawberry.field(
        default=None, description="Of AMEND: the highest holds."
    )
    country: CountryCode | None = strawberry.field(
        default=None, description="Of a player who is new."
    )
    language: str | None = strawberry.field(default=None, description="Of a player who is new.")


@strawberry.input(description="Single events of a brand.")
class SendEventsInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    events: list[BrandEventInput] = strawberry.field(description=_AT_MOST)
    complete_through: datetime | None = strawberry.field(
        default=None, description="Up to when everything is reported; it never moves back."
    )


_NAMES_AT_THE_DOOR = {"partner_code": "2pau"}


def as_sent(item: Any) -> dict[str, Any]:
    """An input item as a brand would send it: texts, whole numbers and truth values, nothing that is absent."""
    sent: dict[str, Any] = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, Decimal):
            value = decimal_text(value)
        elif isinstance(value, (datetime, date)):
            value = value.isoformat()
        elif isinstance(value, Enum):
            value = value.value
        if value is not None:
            sent[_NAMES_AT_THE_DOOR.get(field.name, field.name)] = value
    return sent


@strawberry.type(description="The answer to one player.")
class PlayerIntakeResult:
    user_id: str | None = strawberry.field(description="As it was sent.")
    stag: str | None = strawberry.field(description="The tag that decided.")
    promo_id: strawberry.ID | None = strawberry.field(description="Opaque id of its promo.")
    status: IntakeStatus = strawberry.field(description="What became of it.")
    error: str | None = strawberry.field(description="A code; null unless it was refused.")
    message: str | None = strawberry.field(description="What to do.")

    @classmethod
    def of(cls, result: PlayerResult) -> PlayerIntakeResult:
        """From the domain's value."""
        return cls(
            user_id=result.user_id,
            stag=result.stag,
            promo_id=encode_id("Promo", result.promo_id) if result.promo_id else None,
            status=IntakeStatus(result.status.value),
            error=result.error,
            message=result.message,
        )


@strawberry.type(description="The answer to one item of activity.")
class ActivityIntakeResult:
    user_id: str | None = strawberry.field(description="As it was sent.")
    status: IntakeStatus = strawberry.field(description="What became of it.")
    error: str | None = strawberry.field(description="A code; null unless it was refused.")
    message: str | None = strawberry.field(description="What to do.")

    @classmethod
    def of(cls, result: ActivityResult) -> ActivityIntakeResult:
        """From the domain's value."""
        status = IntakeStatus(result.status.value)
        return cls(
            user_id=result.user_id, status=status, error=result.error, message=result.message
        )


@strawberry.type(description="The answer to one event.")
class EventIntakeResult:
    event_id: str | None = strawberry.field(description="Its id, as it was sent.")
    status: IntakeStatus = strawberry.field(description="What became of it.")
    counted: bool | None = strawberry.field(
        description="False where the brand's activity counts for its metrics; null where it adds to none."
    )
    error: str | None = strawberry.field(description="A code; null unless it was refused.")
    message: str | None = strawberry.field(description="What to do.")
    stored: JSON | None = strawberry.field(
        description="What is stored under the id, where the event contradicts it."
    )

    @classmethod
    def of(cls, result: EventResult) -> EventIntakeResult:
        """From the domain's value."""
        return cls(
            event_id=result.id,
            status=IntakeStatus(result.status.value),
            counted=result.counted,
            error=result.error,
            message=result.message,
            stored=None if result.stored is None else dict(result.stored),  # type: ignore[arg-type]
        )


@strawberry.type(description="One answer for each player, in order; or why none was taken.")
class SendPlayersPayload:
    results: list[PlayerIntakeResult] | None = strawberry.field(
        default=None, description="In the order of the items."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty unless the whole was refused."
    )


@strawberry.type(description="One answer for each item, in order; or why none was taken.")
class SendActivityPayload:
    results: list[ActivityIntakeResult] | None = strawberry.field(
        default=None, description="In the order of the items."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty unless the whole was refused."
    )


@strawberry.type(description="One answer for each event, in order; or why none was taken.")
class SendEventsPayload:
    results: list[EventIntakeResult] | None = strawberry.field(
        default=None, description="In the order of the items."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty unless the whole was refused."
    )

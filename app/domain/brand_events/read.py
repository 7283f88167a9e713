"""Reading one event of a brand: its type, what the type needs, and the metrics that it adds to (W3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from app.domain.errors import Invalid
from app.domain.intake import Item, Stag
from app.domain.players.flags import Flag
from app.domain.scope import Scope
from app.infra.encoding import dumps_text, loads
from app.infra.money import quantise
from app.models import Brand


class EventType(StrEnum):
    """What an event tells of."""

    REGISTRATION = "registration"
    DEPOSIT = "deposit"
    CASHOUT = "cashout"
    BET = "bet"
    WIN = "win"
    BONUS = "bonus"
    FEE = "fee"
    CHARGEBACK = "chargeback"
    SALE = "sale"
    LEAD = "lead"
    REFUND = "refund"
    FLAG = "flag"
    VOID = "void"
    AMEND = "amend"


# What a player did, with an amount; it counts where the brand's metrics count events.
PLAYED = frozenset(
    {
        *(EventType.DEPOSIT, EventType.CASHOUT, EventType.BET, EventType.WIN),
        *(EventType.BONUS, EventType.FEE, EventType.CHARGEBACK),
    }
)
CONVERSIONS = frozenset({EventType.SALE, EventType.LEAD, EventType.REFUND})
# What can be voided and amended.
CORRECTABLE = PLAYED | CONVERSIONS
OF_ANOTHER = frozenset({EventType.REFUND, EventType.VOID, EventType.AMEND})
OF_A_PLAYER = PLAYED | {EventType.REGISTRATION, EventType.FLAG}

# The count and the sum that an event adds to, by its type and what it is of; None: no count.
METRICS: dict[tuple[EventType, str | None], tuple[str | None, str]] = {
    (EventType.DEPOSIT, None): ("deposits_count", "deposits_sum"),
    (EventType.CASHOUT, None): ("cashouts_count", "cashouts_sum"),
    (EventType.CHARGEBACK, None): ("chargebacks_count", "chargebacks_sum"),
    (EventType.BET, "casino"): ("casino_bets_count", "casino_total_bets_sum"),
    (EventType.BET, "sportsbook"): (None, "sb_bets_sum"),
    (EventType.BET, "sportsbook_settled"): (None, "sb_settled_bets_sum"),
    (EventType.BET, "sportsbook_cancelled"): (None, "sb_total_cancelled_bets_sum"),
    (EventType.BET, "poker"): ("poker_rounds_count", "poker_bets_sum"),
    (EventType.WIN, "casino"): (None, "casino_total_wins_sum"),
    (EventType.WIN, "sportsbook"): (None, "sb_total_wins_sum"),
    (EventType.BONUS, "casino"): (None, "bonus_issues_sum"),
    (EventType.BONUS, "sportsbook"): (None, "sb_bonuses_sum"),
    (EventType.BONUS, "poker"): (None, "poker_bonuses_sum"),
    (EventType.FEE, "payment_system"): (None, "payment_system_fees_sum"),
    (EventType.FEE, "game_provider"): (None, "game_provider_fees_sum"),
    (EventType.FEE, "jackpot"): (None, "jackpot_fees_sum"),
    (EventType.FEE, "tax"): (None, "casino_taxes_sum"),
    (EventType.FEE, "deduction"): (None, "additional_deductions_sum"),
    (EventType.FEE, "sportsbook_third_party"): (None, "sb_third_party_fees_sum"),
    (EventType.FEE, "poker_third_party"): (None, "poker_third_party_fees_sum"),
    (EventType.FEE, "rake"): (None, "poker_rake_sum"),
}
# The field that says what an event is of, and what holds when it is absent.
_KIND_FIELD = {EventType.FEE: "kind"}
_DEFAULT_KIND = {EventType.BET: "casino", EventType.WIN: "casino", EventType.BONUS: "casino"}
_AMOUNTS = ("amount", "amount_cents")
# What to send instead of an amount below 0.
_TAKEN_BACK = {
    EventType.DEPOSIT: "a deposit that the player got back is an event of its own, a chargeback",
    EventType.CASHOUT: "a withdrawal that did not happen is voided",
    EventType.BET: "a bet that is taken back is voided",
    EventType.WIN: "a win that is rolled back is voided",
    EventType.BONUS: "a bonus that is taken back is voided",
    EventType.SALE: "what the buyer got back is an event of its own, a refund",
    EventType.REFUND: "a refund that is taken back is voided",
}
_DECIMALS = re.compile(r"[0-9]+\.[0-9]+")

FIELDS = (
    *("id", "type", "user_id", "tag", "2pau", "2ptt", "2ptu", "2pdlst", "ref", "occurred_at"),
    *("amount", "amount_cents", "currency", "transaction_id", "description", "coupon"),
    *("bonus_code", "product", "kind", "flag", "value", "revision", "country", "language"),
)


@dataclass(frozen=True, slots=True)
class NewBrandEvent:
    """An event as the brand tells it. Of refunds and amendments the amount is read when their event is known."""

    id: str
    type: EventType
    # None: not said; only corrections may leave it out.
    occurred_at: datetime | None
    # What was sent, in one form of writing.
    content: Mapping[str, Any]
    item: Item
    user_id: str | None = None
    tag: Stag | None = None
    partner_code: str | None = None
    coupon: str | None = None
    ref: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    # Of what it is: the key of METRICS, with the type.
    kind: str | None = None
    transaction_id: str | None = None
    description: str | None = None
    flag: Flag | None = None
    raised: bool = True
    revision: int | None = None
    country: str | None = None
    language: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def read_event(scope: Scope, brand: Brand, item: Item, event_id: str) -> NewBrandEvent:
    """The event; raises Invalid naming the field."""
    kind = _type(item)
    of_another = kind in OF_ANOTHER
    own_money = kind in PLAYED | {EventType.SALE, EventType.LEAD}
    currency = item.currency(brand.currency) if own_money or item.has("currency") else None
    timeless = kind in {EventType.VOID, EventType.AMEND} and not item.has("occurred_at")
    values: dict[str, Any] = {
        "user_id": item.text("user_id", 200),
        "tag": item.stag(),
        "partner_code": _partner_code(brand, item),
        "coupon": item.text("coupon", 64) or item.text("bonus_code", 64),
        "ref": item.required_text("ref", 200) if of_another else None,
        "occurred_at": None if timeless else item.required_time("occurred_at", scope),
        "currency": currency,
        "amount": _amount(item, kind, currency) if own_money and currency else None,
        "kind": _kind(item, kind) if kind in PLAYED else None,
        "transaction_id": item.text("transaction_id", 200),
        "description": item.text("description", 500),
        "flag": _flag(item) if kind is EventType.FLAG else None,
        "raised": item.boolean("value") is not False,
        "revision": item.integer("revision"),
        "country": item.country(),
        "language": item.text("language", 16),
        "extra": _tags(item),
    }
    _check(kind, item, values)
    return NewBrandEvent(
        event_id, kind, content=_content(item, kind, event_id, values), item=item, **values
    )


def _type(item: Item) -> EventType:
    name = item.required_text("type", 16)
    try:
        return EventType(name)
    except ValueError:
        message = f"type {name!r} is none of {', '.join(EventType)}"
        raise Invalid(message, field=("type",)) from None


def _check(kind: EventType, item: Item, values: Mapping[str, Any]) -> None:
    """What a type needs besides. Raises Invalid."""
    if kind in OF_A_PLAYER and values["user_id"] is None:
        raise Invalid("user_id is missing", field=("user_id",))
    origins = ("user_id", "tag", "partner_code", "coupon")
    if kind in {EventType.SALE, EventType.LEAD} and not any(values[name] for name in origins):
        raise Invalid(
            "nothing says where it comes from: send tag, user_id, coupon, or 2pau with 2ptu",
            field=("tag",),
        )
    amended = ("amount", "amount_cents", "occurred_at")
    if kind is EventType.AMEND and not any(item.has(name) for name in amended):
        raise Invalid(
            "there is nothing to amend: send amount or occurred_at, or void the event",
            field=("amount",),
        )


def event_amount(item: Item, kind: EventType, currency: str) -> Decimal | None:
    """The amount that an item says of an event, its own or another; None: none. Raises Invalid."""
    taken_back = _TAKEN_BACK.get(kind, "what is taken back is voided")
    instead = f"{taken_back}; a wrong amount is corrected by amend. void and amend name the event's id as ref"
    return item.amount("amount", currency, instead=instead)


def _amount(item: Item, kind: EventType, currency: str) -> Decimal:
    amount = event_amount(item, kind, currency)
    if amount is None:
        if kind is not EventType.LEAD:
            raise Invalid("amount is missing", field=("amount",))
        amount = Decimal(0)
    return quantise(amount, currency)


def _kind(item: Item, kind: EventType) -> str | None:
    name = _KIND_FIELD.get(kind, "product")
    known = [of for type_, of in METRICS if type_ is kind]
    if known == [None]:
        return None
    value = item.text(name, 32) or _DEFAULT_KIND.get(kind)
    if value not in known:
        said = f"{value!r} is" if value else "it is missing: it must be"
        choices = ", ".join(str(each) for each in known)
        negation = "none of" if value else "one of"
        raise Invalid(f"{name}: {said} {negation} {choices}", field=(name,))
    return value


def _flag(item: Item) -> Flag:
    name = item.required_text("flag", 16)
    try:
        return Flag(name)
    except ValueError:
        raise Invalid(f"flag {name!r} is none of {', '.join(Flag)}", field=("flag",)) from None


def _partner_code(brand: Brand, item: Item) -> str | None:
    """The partner of parallel tracking; the program that is named with it must be this brand (W4)."""
    code, program = item.text("2pau", 32), item.text("2ptu", 32)
    if program is not None and program != brand.code:
        message = f"2ptu {program!r} is not this program's code, which is {brand.code}"
        raise Invalid(message, field=("2ptu",))
    if code is None and program is not None:
        raise Invalid(
            "2ptu says the program only: send the partner's code in 2pau", field=("2pau",)
        )
    return code


def _tags(item: Item) -> dict[str, str]:
    given = {name: item.text(name, 500) for name in ("2ptt", "2pdlst")}
    return {name: value for name, value in given.items() if value is not None}


def _written(item: Item, name: str) -> str | int:
    """An amount whose currency is not known yet, without zeros that say nothing."""
    value = item.raw(name)
    plain = isinstance(value, str) and value.isascii() and value.isprintable() and len(value) < 40
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40
    if not (plain or whole):
        message = f'{name} is not an amount: send a decimal string such as "12.34"'
        raise Invalid(message, field=(name,))
    if isinstance(value, str) and _DECIMALS.fullmatch(value):
        # 10, 10.0 and 10.00 are the same.
        return value.rstrip("0").rstrip(".")
    return cast("str | int", value)


def _content(
    item: Item, kind: EventType, event_id: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """What was sent in one form of writing, so that a repeat is known however it is written."""
    names = {"partner_code": "2pau", "raised": "value", "kind": _KIND_FIELD.get(kind, "product")}
    said = {
        names.get(name, name): value for name, value in values.items() if value not in (None, {})
    }
    content = {"id": event_id, "type": kind.value, **said, **said.pop("extra", {})}
    if kind is not EventType.FLAG:
        content.pop("value")
    if "tag" in content:
        content["tag"] = str(content["tag"])
    if kind in OF_ANOTHER:
        content |= {name: _written(item, name) for name in _AMOUNTS if item.has(name)}
    for name in tuple(content):
        if isinstance(content[name], StrEnum):
            content[name] = content[name].value
    stored: dict[str, Any] = loads(dumps_text(content))
    return stored

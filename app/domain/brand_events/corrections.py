"""Events about other events: voids, amendments and refunds, and what they may not do (W3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from app.domain.brand_events.entries import Entry
from app.domain.brand_events.read import CORRECTABLE, EventType, NewBrandEvent, event_amount
from app.infra.money import EXACT, quantise


class Refused(Exception):
    """The event is not taken; `error` is a code, the text says what to do."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error, self.message = error, message


class AlreadyVoid(Exception):
    """The event to be voided is void: there is nothing left to do."""


def correct(event: NewBrandEvent, target: Entry | None) -> Entry:
    """Check what an event does to another one and do it there; returns the other one.

    Raises Refused, AlreadyVoid, or Invalid for an amount that is none.
    """
    if target is None:
        raise Refused(
            "unknown_ref",
            f"no event of this brand has the id {event.ref!r} that ref names: send that one first",
        )
    _check_player(event, target)
    if event.type is EventType.REFUND:
        _check_refundable(event, target)
    elif target.type not in CORRECTABLE:
        raise Refused("invalid", _not_correctable(event, target))
    elif event.type is EventType.VOID:
        _void(target)
    else:
        _amend(event, target)
    return target


def refund_amount(event: NewBrandEvent, sale: Entry) -> Decimal:
    """What a refund gives back, in the sale's currency: all that is left when it names no amount."""
    currency, left = sale.now.currency or "", _left(sale)
    if event.currency not in (None, currency):
        message = f"the sale is in {currency}: refund it in that currency"
        raise Refused("invalid", message)
    amount = event_amount(event.item, EventType.REFUND, currency)
    if amount == 0:
        raise Refused(
            "invalid", "amount is 0: send what is given back, or no amount for all that is left"
        )
    wanted = left if amount is None else quantise(amount, currency)
    if left <= 0:
        message = f"nothing is left to refund of {_said(sale.now.amount, currency)}"
        raise Refused("exceeds", message)
    if wanted > left:
        message = f"only {_said(left, currency)} are left to refund: refund at most that"
        raise Refused("exceeds", message)
    return wanted


def _check_player(event: NewBrandEvent, target: Entry) -> None:
    """What says whose it is must say the same. Raises Refused."""
    whose = target.user_id or target.content.get("user_id")
    if event.user_id is not None and whose is not None and event.user_id != whose:
        message = f"the event {event.ref!r} is of another player: check ref, or leave user_id out"
        raise Refused("invalid", message)


def _left(sale: Entry) -> Decimal:
    return EXACT.subtract(sale.now.amount or Decimal(0), sale.refunded)


def _check_refundable(event: NewBrandEvent, target: Entry) -> None:
    if target.type is not EventType.SALE:
        raise Refused("invalid", f"a refund is of a sale, and {event.ref!r} is a {target.type}")
    if target.now.voided:
        raise Refused("voided", f"the sale {event.ref!r} was voided: there is nothing to refund")


def _not_correctable(event: NewBrandEvent, target: Entry) -> str:
    if target.type is EventType.FLAG:
        return "a flag is taken back by another flag event whose value is false"
    if target.type is EventType.REGISTRATION:
        return "a registration stays: flag the player, or ask the operators to move it"
    return f"{event.ref!r} is a {target.type}: name the event that it is about"


def _void(target: Entry) -> None:
    if target.now.voided:
        raise AlreadyVoid
    if target.refunded:
        raise Refused("has_refunds", "the sale has refunds: void those first")
    target.now = replace(target.now, voided=True)
    if target.type is EventType.REFUND and target.target is not None:
        _move_refunded(target.target, -(target.now.amount or Decimal(0)))


def _amend(event: NewBrandEvent, target: Entry) -> None:
    if target.now.voided:
        raise Refused("voided", f"the event {event.ref!r} was voided and cannot be amended")
    # A numbered amendment tells all that differs from the event as it was first sent, so that their order is no matter.
    now = target.now if event.revision is None else target.original
    currency = event.currency or now.currency or ""
    given = event_amount(event.item, target.type, currency)
    amount = now.amount if given is None else quantise(given, currency)
    unsaid = target.type is EventType.REFUND and not target.says_amount
    if event.revision is not None and unsaid and given is None:
        # What was left of the sale then is not known by itself any more.
        raise Refused(
            "invalid", "the refund named no amount: a numbered amendment of it says its amount"
        )
    if currency != now.currency and given is None:
        raise Refused("invalid", "another currency needs its amount: send both")
    if currency != target.now.currency and (target.type is EventType.REFUND or target.refunded):
        raise Refused("has_refunds", "the currency of a sale with refunds stays")
    amended = replace(
        now,
        occurred_at=event.occurred_at or now.occurred_at,
        amount=amount,
        currency=currency,
        revision=target.now.revision if event.revision is None else event.revision,
    )
    _check_revision(event, target, amended.occurred_at, amended.amount, amended.currency)
    _check_bounds(target, amount or Decimal(0))
    target.amended = target.amended or amended != target.now
    target.now = amended


def _check_revision(event: NewBrandEvent, target: Entry, *content: object) -> None:
    """With numbers the highest holds, whatever their order of arrival."""
    stored = target.now.revision
    if event.revision is None or stored is None:
        return
    if event.revision < stored:
        raise Refused("stale", f"revision {stored} is stored and is newer: it stays")
    held = (target.now.occurred_at, target.now.amount, target.now.currency)
    if event.revision == stored and content != held:
        message = f"revision {stored} is stored with other content: send a higher one"
        raise Refused("conflict", message)


def _check_bounds(target: Entry, amount: Decimal) -> None:
    """A sale covers its refunds. Raises Refused."""
    if target.type is EventType.SALE and amount < target.refunded:
        refunded = _said(target.refunded, target.now.currency)
        message = f"{refunded} were refunded of the sale: void refunds first"
        raise Refused("exceeds", message)
    sale = target.target
    if target.type is EventType.REFUND and sale is not None:
        more = EXACT.subtract(amount, target.now.amount or Decimal(0))
        if more > _left(sale):
            left = _said(_left(sale), sale.now.currency)
            raise Refused("exceeds", f"only {left} more are left to refund of the sale")
        _move_refunded(sale, more)


def _said(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, in the decimals of the currency."""
    return f"{quantise(amount or Decimal(0), currency or ''):f} {currency}"


def _move_refunded(sale: Entry, by: Decimal) -> None:
    sale.refunded = EXACT.add(sale.refunded, by)

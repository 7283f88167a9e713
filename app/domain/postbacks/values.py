"""The values of an event's variables: built-in ones, and the tags of its visit (A14). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.events import LoggedEvent
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.domain.postbacks.variables import BUILT_IN, TAG_PREFIX
from app.infra.database import Row
from app.infra.encoding import loads
from app.infra.money import EXACT, MoneyError, decimal_text, decimals_of


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known around an event: its promo, its visit (with address) and its player, as far as there are any."""

    promo: Row
    visit: Row | None
    player: Row | None

    @property
    def tags(self) -> Mapping[str, str]:
        """The parameters of the visit's link."""
        if self.visit is None:
            return {}
        tags: Mapping[str, str] = loads(self.visit["tags"])
        return tags


def player_of(event: LoggedEvent) -> int | None:
    """The player that an event is about."""
    if event.subject_type == "player":
        return event.subject_id
    player_id = event.data.get("player_id")
    return int(player_id) if player_id is not None else None


def variables(event: LoggedEvent, around: Circumstances) -> dict[str, str]:
    """The values that a template may use for this event, as text before URL encoding."""
    tags = around.tags
    own = {
        name: str(value) for name, value in _built_in(event, around).items() if value is not None
    }
    # The link's own visit_id wins over ours, which stays reachable as click_id; no other built-in name is a tag's. One
    # without a value is none: a browser keeps `#reqid#` to itself.
    if (visit_id := tags.get("visit_id") or own.get("click_id")) is not None:
        own["visit_id"] = visit_id
    custom = {name: value for name, value in tags.items() if name not in BUILT_IN}
    named = {f"{TAG_PREFIX}{name}": value for name, value in tags.items()}
    return custom | named | own


def _built_in(event: LoggedEvent, around: Circumstances) -> dict[str, Any]:
    data, promo = event.data, around.promo
    visit, player = around.visit or {}, around.player or {}
    visit_id, player_id = data.get("visit_id"), player_of(event)
    action = ACTION_OF_EVENT[event.type].value
    is_first = event.type == "player.first_deposited"
    first_deposit = data.get("amount") if is_first else player.get("first_deposit_sum")
    return {
        "promo_id": promo["promo_id"],
        "promo_code": promo["promo_code"],
        "campaign_id": promo["campaign_id"],
        "campaign_name": promo["campaign_name"],
        "brand_id": promo["brand_id"],
        "partner_id": promo["partner_id"],
        "traffic_source": promo["traffic_source"],
        "click_id": visit_id,
        "stag": f"{promo['promo_id']}_{visit_id}" if visit_id else None,
        "player_id": player_id,
        "user_id": player_id,
        "action": action,
        "event_id": event.id,
        "amount": _plain(data.get("amount")),
        "amount_cents": _smallest_units(data.get("amount"), data.get("currency")),
        "currency": data.get("currency"),
        "country": data.get("country"),
        "device_type": visit.get("device"),
        "language": visit.get("language") or player.get("language"),
        "occurred_at": event.occurred_at.isoformat(),
        "ip": visit.get("ip"),
        "first_deposit_amount": _plain(first_deposit),
        "commission_id": _commission(event),
        "commission_amount": _plain(data.get("commission_amount")),
        "commission_currency": data.get("commission_currency"),
        "transaction_id": data.get("transaction_id"),
    }


def _commission(event: LoggedEvent) -> Any:
    return (
        event.subject_id if event.subject_type == "commission" else event.data.get("commission_id")
    )


def _plain(amount: Any) -> str | None:
    """An amount in plain digits; what is none is left as it was recorded."""
    number = _decimal(amount)
    return decimal_text(number) if number is not None else None


def _smallest_units(amount: Any, currency: Any) -> str | None:
    number = _decimal(amount)
    if number is None or not isinstance(currency, str):
        return None
    try:
        return decimal_text(EXACT.scaleb(number, decimals_of(currency)))
    except MoneyError:
        return None


def _decimal(amount: Any) -> Decimal | None:
    if amount is None:
        return None
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

"""The planner: from events of the log to delivery rows, in one transaction with its position (decision 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.events import LoggedEvent, lock_reader, move_reader, read_log
from app.domain.permissions import Permission, requires
from app.domain.postbacks import queries
from app.domain.postbacks.configure import ACTION_OF_EVENT, Action
from app.domain.postbacks.template import render
from app.domain.scope import Scope
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import loads

READER = "postbacks"
# What one delivery can hold. Templates are checked, but the values of a link's tags come from anybody.
LONGEST_URL = 8_000


@dataclass(frozen=True, slots=True)
class Planned:
    """How far one step of the planner came, and how many deliveries it added."""

    moved: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class _Delivery:
    postback_id: int
    partner_id: int
    event: LoggedEvent
    action: Action
    url: str


@requires(Permission.OPERATE)
async def plan_deliveries(scope: Scope, recordings: int = 500) -> Planned:
    """Plan the deliveries of the next recordings. Safe to run twice and at once: the position is locked.

    Nothing is sent here; whoever calls wakes the senders after this has committed.
    """
    async with transaction() as tx:
        after = await lock_reader(tx, READER)
        events, reached = await read_log(scope, after, recordings)
        fired = [event for event in events if event.type in ACTION_OF_EVENT]
        added = await _plan(scope, tx, fired) if fired else 0
        if reached > after:
            await move_reader(tx, READER, reached)
    return Planned(reached - after, added)


@requires(Permission.OPERATE)
async def skip_history(_scope: Scope, position: int) -> None:
    """Start after a position: what was imported or seeded before it fires nothing (M38)."""
    async with transaction() as tx:
        await lock_reader(tx, READER)
        await move_reader(tx, READER, position)


async def _plan(scope: Scope, tx: Transaction, events: Sequence[LoggedEvent]) -> int:
    partner_ids = sorted({event.partner_id for event in events if event.partner_id is not None})
    postbacks = await tx.fetch(queries.FIND_MATCHING, partner_ids)
    if not postbacks:
        return 0
    promo_ids = sorted({event.data["promo_id"] for event in events})
    contexts = {row["promo_id"]: row for row in await tx.fetch(queries.FIND_CONTEXTS, promo_ids)}
    visit_ids = sorted({event.data["visit_id"] for event in events if event.data.get("visit_id")})
    visits = {row["id"]: row for row in await tx.fetch(queries.FIND_VISITS, visit_ids)}
    planned: dict[tuple[int, str], _Delivery] = {}
    for event in events:
        context = contexts[event.data["promo_id"]]
        values = variables(event, context, visits.get(event.data.get("visit_id")))
        for postback in postbacks:
            if _matches(postback, event, context):
                delivery = _Delivery(
                    postback["id"],
                    postback["partner_id"],
                    event,
                    ACTION_OF_EVENT[event.type],
                    render(postback["url"], values),
                )
                planned.setdefault((event.id, delivery.url), delivery)
    return await _insert(scope, tx, list(planned.values()))


def _matches(postback: Row, event: LoggedEvent, context: Row) -> bool:
    return (
        postback["partner_id"] == event.partner_id
        and postback["action"] in {ACTION_OF_EVENT[event.type], Action.ANY}
        and postback["campaign_id"] in {None, context["campaign_id"]}
        and postback["promo_id"] in {None, context["promo_id"]}
    )


def variables(event: LoggedEvent, context: Row, visit: Row | None) -> dict[str, str]:
    """The values that a template may use for this event: built-in ones, and the tags of the visit (A14)."""
    tags: Mapping[str, Any] = loads(visit["tags"]) if visit else {}
    data = event.data
    visit_id = data.get("visit_id")
    built_in: dict[str, Any] = {
        "promo_id": context["promo_id"],
        "promo_code": context["promo_code"],
        "campaign_id": context["campaign_id"],
        "campaign_name": context["campaign_name"],
        "brand_id": context["brand_id"],
        "partner_id": context["partner_id"],
        "traffic_source": context["traffic_source"],
        "click_id": visit_id,
        "stag": f"{context['promo_id']}_{visit_id}" if visit_id else None,
        "player_id": event.subject_id if event.subject_type == "player" else None,
        "action": ACTION_OF_EVENT[event.type].value,
        "event_id": event.id,
        "amount": data.get("amount"),
        "currency": data.get("currency"),
        "country": data.get("country"),
        "device_type": visit["device"] if visit else None,
        "occurred_at": event.occurred_at.isoformat(),
        "transaction_id": data.get("transaction_id"),
    }
    own = {name: str(value) for name, value in built_in.items() if value is not None}
    # The link's own visit_id wins over ours, which stays reachable as click_id.
    by_default = {"visit_id": str(visit_id)} if visit_id else {}
    named = {f"tag.{name}": value for name, value in tags.items()}
    return by_default | dict(tags) | named | own


async def _insert(scope: Scope, tx: Transaction, planned: Sequence[_Delivery]) -> int:
    if not planned:
        return 0
    rows = await tx.fetch(queries.PARTNER_OFFSETS, sorted({item.partner_id for item in planned}))
    offsets = {row["id"]: timedelta(microseconds=row["clock_offset"]) for row in rows}
    inserted = await tx.fetch(
        queries.INSERT_DELIVERIES,
        [item.postback_id for item in planned],
        [item.partner_id for item in planned],
        [item.event.id for item in planned],
        [item.action.value for item in planned],
        [item.url[:LONGEST_URL] for item in planned],
        [hashlib.sha256(item.url.encode()).hexdigest() for item in planned],
        ["pending" if len(item.url) <= LONGEST_URL else "failed" for item in planned],
        [scope.at_offset(offsets[item.partner_id]).now() for item in planned],
    )
    for row in inserted:
        if row["state"] == "failed":
            reason = f"the URL would be longer than {LONGEST_URL} characters"
            values = (row["id"], row["partner_id"], row["created_at"], 0, None, None, reason)
            await tx.fetch(queries.INSERT_ATTEMPT, *values)
    return len([row for row in inserted if row["state"] == "pending"])

"""Sending postbacks again, one or a range (A20): filled in anew, by the postback as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.postbacks import delivery_queries as queries
from app.domain.postbacks.events import events_by_id
from app.domain.postbacks.matching import (
    LONGEST_URL,
    TOO_LONG,
    Rendered,
    read_circumstances,
    render_for,
)
from app.domain.postbacks.reads import PostbackFilter, postbacks
from app.domain.scope import Scope
from app.infra.database import fetch, transaction
from app.models import PostbackAttempt, PostbackDelivery

MOST_REPLAYED = 10_000
LONGEST_RANGE = timedelta(days=93)


class Which(StrEnum):
    """Which postbacks of a range are sent again."""

    # Given up, or cancelled when their postback was disabled.
    FAILED = "failed"
    ALL = "all"


_STATES = {
    Which.FAILED: ("failed", "cancelled"),
    Which.ALL: ("failed", "cancelled", "delivered", "pending"),
}


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Postbacks that were first due from one time to before another, by the partner's clock."""

    first: datetime
    before: datetime
    which: Which = Which.FAILED
    postback_id: int | None = None
    campaign_id: int | None = None
    partner_id: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many are due again, and how many were left out: their postback is disabled or deleted, or too long now."""

    count: int
    left_out: int
    # Of those left out, the ones whose URL would be too long.
    too_long: int = 0


@requires(Permission.MANAGE_CAMPAIGNS)
async def replay_attempt(scope: Scope, attempt_id: int) -> Replayed:
    """Send again what an attempt was about. Raises NotFound, Conflict for tests and for disabled postbacks."""
    _of_partner(scope)
    return await _replay_attempt(scope, attempt_id)


@requires(Permission.MANAGE_CAMPAIGNS)
async def replay_range(scope: Scope, wanted: ReplayRange) -> Replayed:
    """Send a range again. Raises Invalid for a bad range or more than MOST_REPLAYED postbacks, NotFound."""
    _of_partner(scope)
    return await _replay_range(scope, wanted)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def replay_partner_attempt(scope: Scope, attempt_id: int) -> Replayed:
    """As `replay_attempt`, of any partner."""
    return await _replay_attempt(scope, attempt_id)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def replay_partner_range(scope: Scope, wanted: ReplayRange) -> Replayed:
    """As `replay_range`, of any partner or all of them."""
    return await _replay_range(scope, wanted)


def _of_partner(scope: Scope) -> None:
    if scope.partner_id is None:
        raise Invalid("postbacks belong to a partner: sign in as one of its users")


async def _replay_attempt(scope: Scope, attempt_id: int) -> Replayed:
    attempt = await scope.query(PostbackAttempt).get_or_none(id=attempt_id)
    if attempt is None:
        raise NotFound("postback attempt", field=("attemptId",))
    if attempt.delivery_id is None:
        raise Conflict("this was a test: fire the test again instead", field=("attemptId",))
    delivery = await scope.query(PostbackDelivery).get(id=attempt.delivery_id)
    replayed = await _replay(scope, [delivery], {"attempt_id": attempt_id})
    if replayed.too_long:
        words = f"{TOO_LONG}: shorten it or the values of your link, then replay"
        raise Conflict(words, field=("attemptId",))
    if not replayed.count:
        raise Conflict(
            "its postback is disabled or deleted: enable it, then replay", field=("attemptId",)
        )
    return replayed


async def _replay_range(scope: Scope, wanted: ReplayRange) -> Replayed:
    if wanted.before <= wanted.first:
        raise Invalid("before is not after from", field=("before",))
    if wanted.before - wanted.first > LONGEST_RANGE:
        raise Invalid(f"a range has at most {LONGEST_RANGE.days} days", field=("before",))
    rows = scope.query(PostbackDelivery).filter(
        created_at__gte=wanted.first,
        created_at__lt=wanted.before,
        state__in=_STATES[wanted.which],
    )
    chosen = {
        "postback_id": wanted.postback_id,
        "campaign_id": wanted.campaign_id,
        "partner_id": wanted.partner_id,
    }
    rows = rows.filter(**{name: value for name, value in chosen.items() if value is not None})
    found = await rows.order_by("id").limit(MOST_REPLAYED + 1)
    if len(found) > MOST_REPLAYED:
        raise Invalid(
            f"there are more than {MOST_REPLAYED:,} of them: choose a shorter range",
            field=("before",),
        )
    data = {"from": wanted.first, "before": wanted.before, "which": wanted.which.value, **chosen}
    return await _replay(scope, found, data)


async def _replay(
    scope: Scope, deliveries: Sequence[PostbackDelivery], data: dict[str, Any]
) -> Replayed:
    made = await _rendered(scope, deliveries)
    rendered = [item for item in made if len(item.url) <= LONGEST_URL]
    too_long = len(made) - len(rendered)
    if not rendered:
        return Replayed(0, len(deliveries), too_long)
    offsets = await fetch(queries.PARTNER_OFFSETS, sorted({item.partner_id for item in rendered}))
    moved = {row["id"]: timedelta(microseconds=row["clock_offset"]) for row in offsets}
    # The clock of a partner's user is the partner's already; an operator's is the machine's.
    own = scope.partner_id is not None
    times = [
        scope.now() if own else scope.at_offset(moved[item.partner_id]).now() for item in rendered
    ]
    async with transaction() as tx:
        await tx.fetch(
            queries.REPLAY,
            [item.postback_id for item in rendered],
            [item.partner_id for item in rendered],
            [item.event.id for item in rendered],
            [item.action.value for item in rendered],
            [item.url for item in rendered],
            [item.url_hash for item in rendered],
            times,
            [item.method for item in rendered],
            [item.host for item in rendered],
            [item.promo["brand_id"] for item in rendered],
            [item.promo["campaign_id"] for item in rendered],
            [item.promo["promo_id"] for item in rendered],
            [item.player_id for item in rendered],
        )
        await tx.fetch(
            queries.CANCEL_OTHERS,
            [item.postback_id for item in rendered],
            [item.event.id for item in rendered],
            [item.url_hash for item in rendered],
        )
        for partner_id in sorted(moved):
            count = len([item for item in rendered if item.partner_id == partner_id])
            subject = Subject("partner", partner_id)
            await record(
                scope,
                tx,
                "postback.replayed",
                subject,
                partner_id=partner_id,
                data={**data, "count": count},
            )
    return Replayed(len(rendered), len(deliveries) - len(rendered), too_long)


async def _rendered(scope: Scope, deliveries: Sequence[PostbackDelivery]) -> list[Rendered]:
    """What each delivery's postback sends for its event now; none for postbacks that do not fire."""
    ids = {delivery.postback_id for delivery in deliveries}
    active = (await postbacks(scope, PostbackFilter(state="active"))).rows
    by_id = {row.id: row for row in await active.filter(id__in=list(ids))} if ids else {}
    events = await events_by_id([delivery.event_id for delivery in deliveries])
    around = await read_circumstances(fetch, events)
    found = {event.id: event for event in events}
    made: dict[tuple[int, str], Rendered] = {}
    for delivery in deliveries:
        postback, event = by_id.get(delivery.postback_id), found.get(delivery.event_id)
        if postback is None or event is None or event.id not in around:
            continue
        item = render_for(postback, event, around[event.id])
        made.setdefault((event.id, item.url_hash), item)
    return list(made.values())

"""Why a postback was not received (A17): from what is stored, for a click, a player, a transaction or an event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import Invalid, NotFound
from app.domain.events import LoggedEvent
from app.domain.permissions import Permission, requires
from app.domain.plans.periods import period_of
from app.domain.plans.reading import read_terms
from app.domain.plans.reads import histories
from app.domain.postbacks import events as event_queries
from app.domain.postbacks.actions import COMMISSION_ACTIONS, EVENT_OF_ACTION, Action
from app.domain.postbacks.events import TYPES, logged
from app.domain.postbacks.findings import (
    Cause,
    Finding,
    by_likelihood,
    findings_of_event,
    read_state,
)
from app.domain.postbacks.reads import PostbackFilter, postbacks
from app.domain.scope import Scope
from app.infra.clock import business_day, day_bounds
from app.infra.database import fetch
from app.models import Brand, Campaign, Conversion, Event, Player, Postback, Visit

_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
_MOST_EVENTS = 50
_MOST_CONVERSIONS = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What it is about: one of the first four; and which action, when only one is missed."""

    # The number of `${click_id}`, or the stag.
    click: str | None = None
    # The number of `${player_id}`, `${event_id}`, and the brand's `${transaction_id}`.
    player: str | None = None
    event: str | None = None
    transaction: str | None = None
    action: Action | None = None
    postback_id: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, the likeliest cause first. Times in UTC."""

    # None: the question named a player or an event without visit.
    click_id: int | None
    clicked_at: datetime | None
    tags: dict[str, str]
    corrupted: bool
    events: tuple[LoggedEvent, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """Where events are looked for, and where the missing ones would come from."""

    events: list[LoggedEvent]
    campaign_id: int | None
    visit: Visit | None


@requires(Permission.READ_CAMPAIGNS)
async def diagnose(scope: Scope, question: Question) -> Diagnosis:
    """Say why postbacks were not received. Raises Invalid unless one thing is named, NotFound for what is not there."""
    subject = await _find(scope, question)
    asked_for = await _asked_for(scope, question.postback_id)
    wanted = question.action if question.action is not Action.ANY else None
    events = [
        event for event in subject.events if wanted is None or event.type == EVENT_OF_ACTION[wanted]
    ][-_MOST_EVENTS:]
    partner_ids = {event.partner_id for event in events if event.partner_id is not None}
    state = await read_state(scope, events, partner_ids, asked_for)
    findings: list[Finding] = []
    for event in events:
        findings += findings_of_event(event, state)
    missing = _missing(subject, wanted, events)
    for action in missing:
        findings.append(await _not_there(scope, subject, action))
    visit = subject.visit
    return Diagnosis(
        visit.id if visit else None,
        visit.occurred_at if visit else None,
        dict(visit.tags) if visit else {},
        visit.corrupted if visit else False,
        tuple(events),
        tuple(by_likelihood(findings)),
    )


async def _asked_for(scope: Scope, postback_id: int | None) -> Postback | None:
    """The postback that is asked about. Raises NotFound."""
    if postback_id is None:
        return None
    row = await (await postbacks(scope, PostbackFilter())).rows.get_or_none(id=postback_id)
    if row is None:
        raise NotFound("postback", field=("postbackId",))
    return row


def _missing(
    subject: _Subject, wanted: Action | None, events: Sequence[LoggedEvent]
) -> Iterator[Action]:
    """The actions that have not happened: the one that was asked for, or the first one when nothing has."""
    if wanted is not None and not events:
        yield wanted
    elif wanted is None and not subject.events:
        yield Action.REGISTRATION


async def _find(scope: Scope, question: Question) -> _Subject:
    named = [question.click, question.player, question.event, question.transaction]
    if len([value for value in named if value is not None]) != 1:
        raise Invalid("name one of click, player, event and transaction", field=("click",))
    if question.click is not None:
        return await _of_click(scope, question.click)
    if question.player is not None:
        return await _of_player(scope, _number(question.player, "player"))
    if question.event is not None:
        return await _of_event(scope, _number(question.event, "event"))
    return await _of_transaction(scope, question.transaction or "")


def _number(text: str, field: str) -> int:
    """A number of ours; what cannot be one is not found."""
    if not _NUMBER.fullmatch(text.strip()) or int(text) > _LARGEST:
        raise NotFound(field, field=(field,))
    return int(text)


async def _of_click(scope: Scope, click: str) -> _Subject:
    visit = await _visit(scope, _number(click.strip().rpartition("_")[2], "click"))
    if visit is None:
        raise NotFound("click", field=("click",))
    rows = await fetch(event_queries.OF_VISIT, TYPES, visit.id)
    return _Subject(_own(scope, logged(rows)), visit.campaign_id, visit)


async def _of_player(scope: Scope, player_id: int) -> _Subject:
    player = await scope.query(Player).get_or_none(id=player_id)
    if player is None:
        raise NotFound("player", field=("player",))
    visit = await _visit(scope, player.visit_id)
    ids = await _conversions(scope, player_id=player_id)
    rows = await fetch(event_queries.OF_PLAYER, TYPES, player_id, str(player.visit_id), ids)
    return _Subject(_own(scope, logged(rows)), player.campaign_id, visit)


async def _of_event(scope: Scope, event_id: int) -> _Subject:
    row = await scope.query(Event).get_or_none(id=event_id)
    if row is None or row.type not in TYPES:
        raise NotFound("event", field=("event",))
    (event,) = logged(await fetch(event_queries.BY_ID, TYPES, [event_id]))
    return await _subject_of(scope, [event])


async def _of_transaction(scope: Scope, transaction_id: str) -> _Subject:
    brands = await scope.query(Brand).all().values_list("id", flat=True)
    ids = await _conversions(scope, brand_id__in=brands, transaction_id=transaction_id)
    if not ids:
        raise NotFound("transaction", field=("transaction",))
    found = await fetch(event_queries.OF_CONVERSIONS, TYPES, ids)
    return await _subject_of(scope, _own(scope, logged(found)))


async def _conversions(scope: Scope, **chosen: Any) -> list[int]:
    """The latest sales and leads; what was amended is there several times."""
    rows = scope.query(Conversion).filter(kind__in=["sale", "lead"], **chosen).order_by("-id")
    return [row.id for row in await rows.limit(_MOST_CONVERSIONS).only("id")]


async def _subject_of(scope: Scope, events: list[LoggedEvent]) -> _Subject:
    data = events[0].data if events else {}
    visit = await _visit(scope, data.get("visit_id"))
    return _Subject(events, data.get("campaign_id"), visit)


async def _visit(scope: Scope, visit_id: int | None) -> Visit | None:
    return None if visit_id is None else await scope.query(Visit).get_or_none(id=visit_id)


def _own(scope: Scope, events: list[LoggedEvent]) -> list[LoggedEvent]:
    """The events that exist for this scope: what was found through an own row is its partner's and brand's."""
    return [
        event
        for event in events
        if scope.partner_id in {None, event.partner_id}
        and (scope.brand_ids is None or event.brand_id in scope.brand_ids)
    ]


async def _not_there(scope: Scope, subject: _Subject, action: Action) -> Finding:
    """Why there is no event of the action yet."""
    if action is Action.QUALIFICATION:
        next_at = await _next_qualification(scope, subject.campaign_id)
        when = f": next at {next_at:%Y-%m-%d %H:%M} UTC" if next_at else ""
        words = f"the player has not qualified; qualification is computed when the plan's period closes{when}"
        return Finding(Cause.NOT_QUALIFIED_YET, words, next_at=next_at)
    if action in COMMISSION_ACTIONS:
        words = f"no commission of it was {action.value.removeprefix('commission_')} yet"
        return Finding(Cause.NOT_SYNCED_YET, words)
    words = (
        f"the brand has not reported a {action.value} of this yet: brands send their data from every few minutes "
        "to once a day; ask your affiliate manager how often"
    )
    return Finding(Cause.NOT_SYNCED_YET, words)


async def _next_qualification(scope: Scope, campaign_id: int | None) -> datetime | None:
    """When the present period of the campaign's plan closes: the start of the brand's next period."""
    campaign = await scope.query(Campaign).get_or_none(id=campaign_id) if campaign_id else None
    if campaign is None:
        return None
    history = (await histories(scope, [campaign.plan_id])).get(campaign.plan_id)
    if history is None or history.current is None:
        return None
    brand = await scope.query(Brand).get(id=campaign.brand_id)
    now = scope.at_offset(brand.clock_offset).now() if scope.partner_id is None else scope.now()
    schedule = read_terms(history.current.row.terms).schedule
    last = period_of(schedule, business_day(now, brand.time_zone)).last
    return day_bounds(last + timedelta(days=1), brand.time_zone)[0]

"""What became of one event for each postback that could have fired for it (A17)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.events import LoggedEvent
from app.domain.postbacks.actions import ACTION_OF_EVENT, Action
from app.domain.postbacks.check import check_template
from app.domain.postbacks.matching import TOO_LONG, matches, read_circumstances
from app.domain.postbacks.plan import READER
from app.domain.postbacks.prune import complete_from
from app.domain.postbacks.reads import PostbackFilter, postbacks
from app.domain.postbacks.template import read_template
from app.domain.postbacks.values import Circumstances
from app.domain.postbacks.variables import is_tag, tag_of
from app.domain.scope import Scope
from app.domain.visits.tags import MOST_TAGS, broken_tags
from app.infra.database import fetch
from app.models import Postback, PostbackAttempt, PostbackDelivery, PostbackDuplicate

_PLANNED_UP_TO = "SELECT position FROM relay_positions WHERE reader = $1"
_KNOWN_AT = """
SELECT e.id, r.known_at FROM events e JOIN recordings r ON r.id = e.recording_id WHERE e.id = ANY($1::bigint[])
"""
_MATCHED = ("id", "partner_id", "campaign_id", "promo_id", "action")
_MOST_ATTEMPTS = 20


class Cause(StrEnum):
    """Why, the most telling first."""

    SYNTAX = "syntax"
    DISABLED = "disabled"
    NO_MATCHING_POSTBACK = "no_matching_postback"
    NOT_QUALIFIED_YET = "not_qualified_yet"
    NOT_SYNCED_YET = "not_synced_yet"
    NO_LONGER_KEPT = "no_longer_kept"
    DELIVERY_FAILED = "delivery_failed"
    DEDUPLICATED = "deduplicated"
    CORRUPTED_VALUE = "corrupted_value"
    TAG_NOT_ON_LINK = "tag_not_on_link"
    WAITING = "waiting"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause. `next_at` is when something happens by itself; `suggestion` what to write instead."""

    cause: Cause
    message: str
    event_id: int | None = None
    postback: Postback | None = None
    attempts: tuple[PostbackAttempt, ...] = ()
    next_at: datetime | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What is stored about some events: postbacks, deliveries and duplicates by (event, postback), attempts."""

    postbacks: Sequence[Postback]
    around: Mapping[int, Circumstances]
    known_at: Mapping[int, datetime | None]
    planned_up_to: int
    # From when on the log is complete, by the machine's clock; None: from its beginning.
    complete_from: datetime | None
    deliveries: Mapping[tuple[int, int], PostbackDelivery]
    duplicates: Mapping[tuple[int, int], PostbackDelivery]
    attempts: Mapping[int, Sequence[PostbackAttempt]]
    # The only postback that is looked at, when one was named.
    asked_for: Postback | None


async def read_state(
    scope: Scope,
    events: Sequence[LoggedEvent],
    partner_ids: Collection[int],
    asked_for: Postback | None,
) -> State:
    """Read all of it, as far as it exists for the scope; of the postbacks the one that was asked for, else all."""
    ids = [event.id for event in events]
    found = [asked_for] if asked_for is not None else await _postbacks(scope, partner_ids)
    deliveries = await scope.query(PostbackDelivery).filter(event_id__in=ids).order_by("id")
    by_id = {row.id: row for row in deliveries}
    repeated = await scope.query(PostbackDuplicate).filter(event_id__in=ids)
    tried = await scope.query(PostbackAttempt).filter(delivery_id__in=list(by_id)).order_by("id")
    reader = await fetch(_PLANNED_UP_TO, READER)
    known = await fetch(_KNOWN_AT, ids)
    horizon = await complete_from(scope)
    return State(
        found,
        await read_circumstances(fetch, events),
        {row["id"]: row["known_at"] for row in known},
        reader[0]["position"] if reader else 0,
        None if horizon is None else horizon - scope.clock_offset,
        {(row.event_id, row.postback_id): row for row in deliveries},
        {
            (row.event_id, row.postback_id): by_id[row.delivery_id]
            for row in repeated
            if row.delivery_id in by_id
        },
        {
            delivery_id: [row for row in tried if row.delivery_id == delivery_id][-_MOST_ATTEMPTS:]
            for delivery_id in by_id
        },
        asked_for,
    )


async def _postbacks(scope: Scope, partner_ids: Collection[int]) -> list[Postback]:
    rows = (await postbacks(scope, PostbackFilter())).rows
    return await rows.filter(partner_id__in=list(partner_ids)).order_by("id") if partner_ids else []


def by_likelihood(findings: Sequence[Finding]) -> list[Finding]:
    """The likeliest cause first; what is disabled comes behind what fires and was not taken."""
    disabled = {_whose(each) for each in findings if each.cause is Cause.DISABLED}
    others = [each for each in findings if each.postback and _whose(each) not in disabled]
    is_behind = any(each.cause is not Cause.DELIVERED for each in others)
    order = list(Cause)
    return sorted(
        findings,
        key=lambda each: (is_behind and _whose(each) in disabled, order.index(each.cause)),
    )


def _whose(finding: Finding) -> int | None:
    return finding.postback.id if finding.postback is not None else None


def findings_of_event(event: LoggedEvent, state: State) -> Iterator[Finding]:
    """What became of an event for every postback of its promo, campaign and account."""
    around = state.around.get(event.id)
    if around is None:
        return
    matching = [
        row
        for row in state.postbacks
        if matches({name: getattr(row, name) for name in _MATCHED}, event, around.promo)
        or (event.id, row.id) in state.deliveries
    ]
    if not matching:
        yield _no_match(event, around, state)
    for row in matching:
        yield from _findings(event, row, around, state)


def _no_match(event: LoggedEvent, around: Circumstances, state: State) -> Finding:
    action = ACTION_OF_EVENT[event.type].value
    if state.asked_for is not None:
        return _not_for(event, around, state.asked_for)
    words = f"no postback fires for {action} of this promo"
    if state.postbacks:
        others = sorted({row.action for row in state.postbacks})
        words += f": yours are for {', '.join(others)}, or belong to other campaigns or promos"
    return Finding(Cause.NO_MATCHING_POSTBACK, words, event.id)


def _not_for(event: LoggedEvent, around: Circumstances, row: Postback) -> Finding:
    """Why the postback that was asked about is not for the event."""
    action = ACTION_OF_EVENT[event.type].value
    if row.partner_id != event.partner_id:
        words = "this postback belongs to another account"
    elif row.action not in {action, Action.ANY}:
        words = f"this postback fires for {row.action}, and this was a {action}"
    else:
        kind = "promo" if row.promo_id is not None else "campaign"
        number = row.promo_id if row.promo_id is not None else row.campaign_id
        there = around.promo[f"{kind}_id"]
        words = f"this postback is for {kind} {number}, and this happened in {kind} {there}"
    return Finding(Cause.NO_MATCHING_POSTBACK, words, event.id, row)


def _findings(
    event: LoggedEvent, row: Postback, around: Circumstances, state: State
) -> Iterator[Finding]:
    # What is private is judged when it is called: only the writing counts here.
    checked = check_template(row.url, allow_private=True)
    if checked.problems:
        first = checked.problems[0]
        words = f"the URL is written wrongly, at character {first.position + 1}: {first.message}"
        yield Finding(Cause.SYNTAX, words, event.id, row, suggestion=checked.corrected)
    delivery = state.deliveries.get((event.id, row.id))
    if delivery is not None:
        yield _of_delivery(event, row, delivery, tuple(state.attempts.get(delivery.id, ())))
    elif (other := state.duplicates.get((event.id, row.id))) is not None:
        attempts = tuple(state.attempts.get(other.id, ()))
        words = "another postback of yours sent the very same URL for this event: it is sent once"
        yield Finding(Cause.DEDUPLICATED, words, event.id, row, attempts)
    else:
        yield _not_planned(event, row, state)
    yield from _tags(event, row, around)


def _of_delivery(
    event: LoggedEvent,
    row: Postback,
    delivery: PostbackDelivery,
    attempts: tuple[PostbackAttempt, ...],
) -> Finding:
    if delivery.state == "delivered":
        return Finding(Cause.DELIVERED, "your tracker took it", event.id, row, attempts)
    if delivery.state == "cancelled":
        words = "the postback was disabled before your tracker took it: enable it, then replay"
        return Finding(Cause.DISABLED, words, event.id, row, attempts)
    if not attempts:
        words = "it is on its way"
        return Finding(Cause.WAITING, words, event.id, row, next_at=delivery.next_attempt_at)
    last = attempts[-1]
    code = last.response_code
    answer = f"your tracker answered {code}" if code is not None else last.error
    count = f"{len(attempts)} attempt{'s' if len(attempts) > 1 else ''}"
    if delivery.state == "failed" and last.error == TOO_LONG:
        words = f"{TOO_LONG}, as {len(row.url):,} of your own and the values filled in: shorten it or the values"
        return Finding(Cause.DELIVERY_FAILED, words, event.id, row, attempts)
    if delivery.state == "failed":
        words = f"given up after {count}: {answer}; replay it once your tracker is right"
        return Finding(Cause.DELIVERY_FAILED, words, event.id, row, attempts)
    words = f"{count} so far: {answer}; it is tried again"
    return Finding(
        Cause.DELIVERY_FAILED, words, event.id, row, attempts, next_at=delivery.next_attempt_at
    )


def _not_planned(event: LoggedEvent, row: Postback, state: State) -> Finding:
    if not 0 < event.position <= state.planned_up_to:
        return Finding(Cause.WAITING, "it is on its way", event.id, row)
    known, since = state.known_at.get(event.id), row.active_since or row.created_at
    if known is not None and state.complete_from is not None and known < state.complete_from:
        since = state.complete_from
        words = f"the log begins at {since:%Y-%m-%d %H:%M} UTC: whether it was sent is forgotten"
        return Finding(Cause.NO_LONGER_KEPT, words, event.id, row)
    if row.state == "disabled":
        by = {"operator": "by an operator", "system": "after days of failed calls"}
        reason = f": {row.state_reason}" if row.state_reason else ""
        words = (
            f"the postback is disabled {by.get(row.disabled_by or '', 'by your account')}{reason}"
        )
        return Finding(Cause.DISABLED, words, event.id, row)
    if known is not None and known < since:
        words = f"the postback was made, edited or enabled after this happened, at {since:%Y-%m-%d %H:%M} UTC"
        return Finding(Cause.NO_MATCHING_POSTBACK, words, event.id, row)
    return Finding(Cause.DISABLED, "the postback did not fire when this happened", event.id, row)


def _tags(event: LoggedEvent, row: Postback, around: Circumstances) -> Iterator[Finding]:
    names = read_template(row.url).names
    wanted = list(dict.fromkeys(tag_of(name) for name in names if is_tag(name)))
    if around.visit is None:
        if wanted:
            words = "the player came by a coupon, without a click: there are no tags"
            yield Finding(Cause.TAG_NOT_ON_LINK, words, event.id, row)
        return
    tags = around.tags
    for tag in wanted:
        if tag not in tags:
            yield _no_tag(event, row, tag, around)
    if not around.visit["corrupted"]:
        return
    # The link's own visit_id is a tag like any other, wherever it carries one.
    used = dict.fromkeys([*wanted, *(["visit_id"] if "visit_id" in names else [])])
    found = broken_tags(tags)
    broken = [tag for tag in used if tag in found]
    if broken:
        shown = ", ".join(f"{tag}={tags[tag][:60]}" for tag in broken)
        words = (
            f"parameters of the link were too long or wrongly encoded, and are kept as far as possible: {shown}; "
            "percent-encode them on your tracking link"
        )
        yield Finding(Cause.CORRUPTED_VALUE, words, event.id, row)


def _no_tag(event: LoggedEvent, row: Postback, tag: str, around: Circumstances) -> Finding:
    if around.visit is not None and around.visit["corrupted"] and len(around.tags) >= MOST_TAGS:
        words = (
            f"of the parameters on the link of this click, the first {MOST_TAGS} are kept, and {tag} is not among "
            "them: put it further to the front of your tracking link"
        )
        return Finding(Cause.TAG_NOT_ON_LINK, words, event.id, row)
    words = f"the link of this click carried no {tag}: add ?{tag}=… to your tracking link"
    return Finding(Cause.TAG_NOT_ON_LINK, words, event.id, row, suggestion=f"{tag}=…")

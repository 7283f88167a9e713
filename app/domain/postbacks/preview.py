"""What a template would send: for a real event, or for a made-up one; and firing a test (A18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import require_postback
from app.domain.postbacks.credentials import masked
from app.domain.postbacks.deliver import Outcome
from app.domain.postbacks.delivery_queries import FIND_CONTEXTS
from app.domain.postbacks.events import events_by_id
from app.domain.postbacks.matching import LONGEST_URL, TOO_LONG, read_circumstances
from app.domain.postbacks.template import Unresolved, as_sent, read_template, render
from app.domain.postbacks.values import variables
from app.domain.postbacks.variables import VARIABLES, is_tag, tag_of
from app.domain.scope import Scope
from app.infra.database import fetch, transaction
from app.models import Campaign, Event, Postback, PostbackAttempt, Promo

_INSERT_TEST = """
INSERT INTO postback_attempts
    (partner_id, postback_id, event_id, brand_id, campaign_id, promo_id, action, method, url, is_test,
     sent_at, duration_ms, response_code, response_body, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, true, $10, $11, $12, $13, $14) RETURNING id
"""
_PLACE = ("promo_id", "campaign_id", "brand_id")


@dataclass(frozen=True, slots=True)
class Preview:
    """A filled-in template. `values` holds what it uses; `missing` the names without a value; no event: made up."""

    url: str
    action: Action
    values: Mapping[str, str]
    missing: tuple[str, ...]
    event_id: int | None
    promo: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be filled in, for the event with that number; without one, for a made-up event of the action."""

    url: str
    action: Action = Action.REGISTRATION
    unresolved: Unresolved = Unresolved.DROP
    event_id: int | None = None
    # With a made-up event: whose values of promo, campaign, brand and partner are taken.
    promo_id: int | None = None
    campaign_id: int | None = None
    partner_id: int | None = None


@requires(Permission.READ_CAMPAIGNS)
async def preview(scope: Scope, wanted: Wanted) -> Preview:
    """Fill in a template. Raises NotFound for an event or promo that does not exist for this scope."""
    if wanted.event_id is not None:
        return await _of_event(scope, wanted, wanted.event_id)
    action = Action.REGISTRATION if wanted.action is Action.ANY else wanted.action
    values = {
        variable.name: variable.sample for variable in VARIABLES if action in variable.actions
    }
    names = read_template(wanted.url).names
    values |= {name: f"sample-{tag_of(name)}" for name in names if is_tag(name)}
    values |= {"action": action.value, "occurred_at": scope.now().isoformat()}
    known = await _known(scope, wanted)
    promo_id = known.get("promo_id")
    if promo_id is not None:
        known["stag"] = f"{promo_id}_{values['click_id']}"
    # What is known to have no value has none here either.
    values = {name: value for name, value in values.items() if known.get(name, value) is not None}
    values |= {name: str(value) for name, value in known.items() if value is not None}
    return _filled(wanted, action, values, None, {name: known.get(name) for name in _PLACE})


async def _known(scope: Scope, wanted: Wanted) -> dict[str, Any]:
    """The values that a made-up event shares with the real ones: of its promo, else campaign, else partner."""
    if wanted.promo_id is not None:
        if not await scope.query(Promo).filter(id=wanted.promo_id).exists():
            raise NotFound("promo", field=("promoId",))
        return dict((await fetch(FIND_CONTEXTS, [wanted.promo_id]))[0])
    if wanted.campaign_id is not None:
        campaign = await scope.query(Campaign).get(id=wanted.campaign_id)
        return {
            "campaign_id": campaign.id,
            "campaign_name": campaign.name,
            "brand_id": campaign.brand_id,
            "partner_id": campaign.partner_id,
        }
    partner_id = wanted.partner_id or scope.partner_id
    return {} if partner_id is None else {"partner_id": partner_id}


async def _of_event(scope: Scope, wanted: Wanted, event_id: int) -> Preview:
    mine = await scope.query(Event).filter(id=event_id).exists()
    events = await events_by_id([event_id]) if mine else []
    around = await read_circumstances(fetch, events)
    if not around:
        raise NotFound("event", field=("eventNumber",))
    (event,), circumstances = events, around[event_id]
    values = variables(event, circumstances)
    promo = {name: circumstances.promo[name] for name in _PLACE}
    return _filled(wanted, Action(values["action"]), values, event_id, promo)


def _filled(
    wanted: Wanted,
    action: Action,
    values: Mapping[str, str],
    event_id: int | None,
    promo: Mapping[str, int | None],
) -> Preview:
    names = read_template(wanted.url).names
    return Preview(
        as_sent(render(wanted.url, values, wanted.unresolved)),
        action,
        {name: values[name] for name in names if name in values},
        tuple(name for name in names if name not in values),
        event_id,
        promo,
    )


@dataclass(frozen=True, slots=True)
class TestCall:
    """A test that is ready to be sent."""

    # No test of ours, whatever pytest thinks of the name.
    __test__ = False

    postback: Postback
    preview: Preview


@requires(Permission.MANAGE_CAMPAIGNS)
async def prepare_test(scope: Scope, postback_id: int, event_id: int | None = None) -> TestCall:
    """The call that tests a postback, also a disabled one. Raises NotFound, Conflict for a URL that is too long."""
    row = await require_postback(scope, postback_id)
    action = Action(row.action)
    unresolved = Unresolved(row.unresolved)
    places = (row.promo_id, row.campaign_id, row.partner_id)
    made = await preview(scope, Wanted(row.url, action, unresolved, event_id, *places))
    if len(made.url) > LONGEST_URL:
        raise Conflict(TOO_LONG, field=("postbackId",))
    return TestCall(row, made)


@requires(Permission.MANAGE_CAMPAIGNS)
async def keep_test(scope: Scope, call: TestCall, outcome: Outcome) -> PostbackAttempt:
    """Keep what came of a test in the log, marked as one."""
    postback, made = call.postback, call.preview
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT_TEST,
            postback.partner_id,
            postback.id,
            made.event_id,
            made.promo["brand_id"],
            made.promo["campaign_id"] or postback.campaign_id,
            made.promo["promo_id"],
            made.action.value,
            postback.method,
            masked(made.url),
            outcome.sent_at,
            outcome.duration // timedelta(milliseconds=1),
            outcome.response_code,
            outcome.response_body,
            outcome.error,
        )
        await record(
            scope,
            tx,
            "postback.tested",
            Subject("postback", postback.id),
            partner_id=postback.partner_id,
            data={"url": masked(made.url), "response_code": outcome.response_code},
        )
    return await scope.query(PostbackAttempt).get(id=rows[0]["id"])

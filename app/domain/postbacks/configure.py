"""Creating, editing, deleting and switching postbacks, by their partner and by operators (A13, A16, A19, O02)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.campaigns.states import hold_unarchived
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.postbacks import queries
from app.domain.postbacks.actions import Action
from app.domain.postbacks.check import Checked, check_template
from app.domain.postbacks.credentials import masked, unmasked
from app.domain.postbacks.reads import PostbackFilter, postbacks
from app.domain.postbacks.template import Unresolved
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Row, Transaction, transaction
from app.models import Campaign, Postback, Promo

MOST_POSTBACKS = 500


class Method(StrEnum):
    """How a tracker is called (A19)."""

    GET = "GET"
    # The parameters of the query are sent as a form instead.
    POST = "POST"


class InvalidTemplate(Invalid):
    """A URL with mistakes: `checked` tells each of them, and the corrected text."""

    def __init__(self, checked: Checked) -> None:
        first = checked.problems[0]
        advice = f"; corrected: {checked.corrected}" if checked.corrected else ""
        super().__init__(
            f"at character {first.position + 1}: {first.message}{advice}", field=("url",)
        )
        self.checked = checked


@dataclass(frozen=True, slots=True)
class NewPostback:
    """A postback of the whole account, or of one campaign, or of one promo."""

    action: Action
    url: str
    campaign_id: int | None = None
    promo_id: int | None = None
    method: Method = Method.GET
    unresolved: Unresolved = Unresolved.DROP


@dataclass(frozen=True, slots=True)
class PostbackEdit:
    """What becomes different; None stays as it is. Where a postback belongs never changes."""

    action: Action | None = None
    url: str | None = None
    method: Method | None = None
    unresolved: Unresolved | None = None


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_postback(
    scope: Scope, new: NewPostback, *, allow_private: bool = False
) -> Postback:
    """Create a postback. `allow_private` accepts targets on private networks, for demo and test machines.

    Raises InvalidTemplate for a URL with mistakes, Invalid, NotFound, Conflict for an archived campaign or when there
    are MOST_POSTBACKS already.
    """
    partner_id = _partner_of(scope)
    if new.campaign_id is not None and new.promo_id is not None:
        raise Invalid("name a campaign or a promo, not both", field=("promoId",))
    url = unmasked(_clean_url(new.url, allow_private), None)
    campaign_id = await _campaign_of(scope, new)
    async with transaction() as tx:
        if campaign_id is not None:
            await hold_unarchived(tx, campaign_id)
        await tx.fetch(queries.LOCK_PARTNER, partner_id)
        if (await tx.fetch(queries.COUNT_POSTBACKS, partner_id))[0]["count"] >= MOST_POSTBACKS:
            raise Conflict(f"an account has at most {MOST_POSTBACKS} postbacks: delete one first")
        rows = await tx.fetch(
            queries.INSERT_POSTBACK,
            partner_id,
            new.campaign_id,
            new.promo_id,
            new.action.value,
            url,
            scope.now(),
            new.method.value,
            new.unresolved.value,
            scope.machine_now(),
        )
        postback_id = int(rows[0]["id"])
        data = {
            "action": new.action.value,
            "url": url,
            "campaign_id": new.campaign_id,
            "promo_id": new.promo_id,
            "method": new.method.value,
            "unresolved": new.unresolved.value,
        }
        await _record(scope, tx, "postback.created", postback_id, partner_id, data)
    return await scope.query(Postback).get(id=postback_id)


def _partner_of(scope: Scope) -> int:
    if scope.partner_id is None:
        raise Invalid("postbacks belong to a partner: sign in as one of its users")
    return scope.partner_id


def _clean_url(url: str, allow_private: bool) -> str:
    checked = check_template(url, allow_private=allow_private)
    if checked.problems:
        raise InvalidTemplate(checked)
    return checked.url


async def _campaign_of(scope: Scope, new: NewPostback) -> int | None:
    """The campaign that the new postback lies in. Raises NotFound."""
    campaign_id = new.campaign_id
    if new.promo_id is not None:
        promo = await scope.query(Promo).get_or_none(id=new.promo_id)
        if promo is None:
            raise NotFound("promo", field=("promoId",))
        campaign_id = promo.campaign_id
    if campaign_id is not None:
        campaign = await scope.query(Campaign).get_or_none(id=campaign_id)
        if campaign is None:
            raise NotFound("campaign", field=("campaignId",))
    return campaign_id


@requires(Permission.MANAGE_CAMPAIGNS)
async def edit_postback(
    scope: Scope, postback_id: int, edit: PostbackEdit, *, allow_private: bool = False
) -> Postback:
    """Change a postback; deliveries that wait keep the URL that they have.

    Raises InvalidTemplate, NotFound, Conflict when its campaign is archived.
    """
    _partner_of(scope)
    wanted = {
        "action": edit.action and edit.action.value,
        "url": None if edit.url is None else _clean_url(edit.url, allow_private),
        "method": edit.method and edit.method.value,
        "unresolved": edit.unresolved and edit.unresolved.value,
    }

    async def change(tx: Transaction, row: Row) -> None:
        if wanted["url"] is not None:
            wanted["url"] = unmasked(wanted["url"], row["url"])
        before = {
            name: row[name] for name, value in wanted.items() if value not in {None, row[name]}
        }
        if not before:
            return
        after = {name: wanted[name] for name in before}
        values = [after.get(name, row[name]) for name in wanted]
        await tx.fetch(queries.EDIT_POSTBACK, postback_id, *values, scope.machine_now())
        data = {"before": before, "after": after}
        await _record(scope, tx, "postback.edited", postback_id, row["partner_id"], data)

    return await _change(scope, postback_id, change)


@requires(Permission.MANAGE_CAMPAIGNS)
async def delete_postback(scope: Scope, postback_id: int) -> Postback:
    """Delete a postback: it fires no more, what waits is cancelled, its log stays.

    Raises NotFound, Conflict when its campaign is archived.
    """
    _partner_of(scope)

    async def delete(tx: Transaction, row: Row) -> None:
        await tx.fetch(queries.DELETE_POSTBACK, postback_id)
        await tx.fetch(queries.CANCEL_PENDING, postback_id)
        await _record(
            scope, tx, "postback.deleted", postback_id, row["partner_id"], {"url": row["url"]}
        )

    found = await require_postback(scope, postback_id)
    await _change(scope, postback_id, delete)
    found.state = "deleted"
    return found


@requires(Permission.MANAGE_CAMPAIGNS)
async def disable_postback(scope: Scope, postback_id: int) -> Postback:
    """Switch a postback of one's own off: what waits is cancelled and can be replayed later.

    Raises NotFound, Conflict when it is disabled already or its campaign is archived.
    """
    _partner_of(scope)
    return await _switch_off(scope, postback_id, "partner", None)


@requires(Permission.MANAGE_CAMPAIGNS)
async def enable_postback(scope: Scope, postback_id: int) -> Postback:
    """Switch a postback on again, also one that was disabled because its tracker failed for days (A19).

    Raises NotFound, Conflict when it is active, an operator disabled it, or its campaign is archived.
    """
    _partner_of(scope)
    return await _switch_on(scope, postback_id, may_lift=("partner", "system"))


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def disable_partner_postback(scope: Scope, postback_id: int, reason: str) -> Postback:
    """Switch any partner's postback off, with a reason that the partner reads. Raises NotFound, Invalid, Conflict."""
    return await _switch_off(scope, postback_id, "operator", clean_name(reason, "reason", 500))


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def enable_partner_postback(scope: Scope, postback_id: int) -> Postback:
    """Switch any partner's postback on again, whoever disabled it. Raises NotFound, Conflict."""
    return await _switch_on(scope, postback_id, may_lift=("partner", "system", "operator"))


async def _switch_off(scope: Scope, postback_id: int, who: str, reason: str | None) -> Postback:
    async def disable(tx: Transaction, row: Row) -> None:
        # An operator's word goes over a partner's: then the partner cannot take it back.
        if row["state"] == "disabled" and (who == "partner" or row["disabled_by"] == who):
            raise Conflict("the postback is disabled already", field=("postbackId",))
        await switch_off(scope, tx, row, who, reason)

    return await _change(scope, postback_id, disable, anywhere=who == "operator")


async def switch_off(scope: Scope, tx: Transaction, row: Row, who: str, reason: str | None) -> None:
    """Disable a locked postback, cancel what waits, and record it."""
    await tx.fetch(queries.DISABLE_POSTBACK, row["id"], who, reason)
    cancelled = await tx.fetch(queries.CANCEL_PENDING, row["id"])
    data = {"by": who, "reason": reason, "url": row["url"], "cancelled": len(cancelled)}
    # Of its own kind, because its owners are told by mail.
    kind = "postback.disabled_after_failures" if who == "system" else "postback.disabled"
    await _record(scope, tx, kind, row["id"], row["partner_id"], data)


async def _switch_on(scope: Scope, postback_id: int, may_lift: tuple[str, ...]) -> Postback:
    async def enable(tx: Transaction, row: Row) -> None:
        if row["state"] != "disabled":
            raise Conflict("the postback is active already", field=("postbackId",))
        if (row["disabled_by"] or "partner") not in may_lift:
            raise Conflict(
                f"an operator disabled the postback ({row['state_reason']}): ask your affiliate manager",
                field=("postbackId",),
            )
        await tx.fetch(queries.ENABLE_POSTBACK, postback_id, scope.machine_now())
        data = {"was_disabled_by": row["disabled_by"]}
        await _record(scope, tx, "postback.enabled", postback_id, row["partner_id"], data)

    return await _change(scope, postback_id, enable, anywhere="operator" in may_lift)


async def _change(
    scope: Scope,
    postback_id: int,
    change: Callable[[Transaction, Row], Awaitable[None]],
    *,
    anywhere: bool = False,
) -> Postback:
    """Do something to a postback while its row is held; within archived campaigns only when `anywhere` (A08)."""
    found = await require_postback(scope, postback_id)
    campaign_id = found.campaign_id
    if found.promo_id is not None:
        campaign_id = (await scope.query(Promo).get(id=found.promo_id)).campaign_id
    async with transaction() as tx:
        if campaign_id is not None and not anywhere:
            await hold_unarchived(tx, campaign_id, "postbackId")
        row = (await tx.fetch(queries.LOCK_POSTBACK, postback_id))[0]
        if row["state"] == "deleted":
            raise NotFound("postback", field=("postbackId",))
        await change(tx, row)
    return await scope.query(Postback).get(id=postback_id)


async def require_postback(scope: Scope, postback_id: int) -> Postback:
    """The postback, if it exists for this scope; raises NotFound."""
    rows = (await postbacks(scope, PostbackFilter())).rows
    found = await rows.get_or_none(id=postback_id)
    if found is None:
        raise NotFound("postback", field=("postbackId",))
    return found


async def _record(
    scope: Scope,
    tx: Transaction,
    event_type: str,
    postback_id: int,
    partner_id: int,
    data: dict[str, Any],
) -> None:
    subject = Subject("postback", postback_id)
    shown = _without_passwords(data)
    await record(scope, tx, event_type, subject, partner_id=partner_id, data=shown)


def _without_passwords(data: dict[str, Any]) -> dict[str, Any]:
    shown = {
        name: _without_passwords(value) if isinstance(value, dict) else value
        for name, value in data.items()
    }
    return shown | {"url": masked(data["url"])} if data.get("url") else shown

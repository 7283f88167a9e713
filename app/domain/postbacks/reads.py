"""Reading postbacks, and what their writers should know (A13, A16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.errors import NotFound
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.postbacks.actions import Action
from app.domain.postbacks.template import read_template
from app.domain.postbacks.variables import BUILT_IN, is_tag, tag_of
from app.domain.scope import Scope
from app.models import Campaign, Postback, Promo, SeenTag


class PostbackOrder(StrEnum):
    """The orders of postbacks."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Place(StrEnum):
    """Where a postback belongs (A13)."""

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    PROMO = "promo"


_ORDERINGS = {
    PostbackOrder.NEWEST: Ordering(("id",), descending=True),
    PostbackOrder.OLDEST: Ordering(("id",)),
}
_PLACES = {
    Place.ACCOUNT: Q(campaign_id__isnull=True, promo_id__isnull=True),
    Place.CAMPAIGN: Q(campaign_id__isnull=False),
    Place.PROMO: Q(promo_id__isnull=False),
}


@dataclass(frozen=True, slots=True)
class PostbackFilter:
    """Which postbacks; None filters nothing."""

    campaign_id: int | None = None
    promo_id: int | None = None
    place: Place | None = None
    action: Action | None = None
    # active | disabled
    state: str | None = None
    url_contains: str | None = None
    partner_id: int | None = None


@requires(Permission.READ_CAMPAIGNS)
async def postbacks(scope: Scope, chosen: PostbackFilter) -> Listing[Postback]:
    """The postbacks that exist for this scope, without deleted ones; for an advertiser, those of its brands' links."""
    rows = scope.query(Postback).exclude(state="deleted")
    if scope.brand_ids is not None:
        campaigns = Subquery(scope.query(Campaign).values("id"))
        promos = Subquery(scope.query(Promo).values("id"))
        rows = rows.filter(Q(campaign_id__in=campaigns) | Q(promo_id__in=promos))
    if chosen.place is not None:
        rows = rows.filter(_PLACES[chosen.place])
    if chosen.url_contains is not None:
        rows = rows.filter(url__icontains=chosen.url_contains)
    exact = {
        "campaign_id": chosen.campaign_id,
        "promo_id": chosen.promo_id,
        "action": chosen.action and chosen.action.value,
        "state": chosen.state,
        "partner_id": chosen.partner_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_CAMPAIGNS)
async def postbacks_of_promos(scope: Scope, promo_ids: Sequence[int]) -> list[Postback]:
    """The postbacks of some promos themselves, the oldest first."""
    rows = (await postbacks(scope, PostbackFilter())).rows
    return await rows.filter(promo_id__in=list(promo_ids)).order_by("id")


@requires(Permission.READ_CAMPAIGNS)
async def postbacks_of_campaigns(scope: Scope, campaign_ids: Sequence[int]) -> list[Postback]:
    """The postbacks of some campaigns themselves, the oldest first; not those of their promos."""
    rows = (await postbacks(scope, PostbackFilter())).rows
    return await rows.filter(campaign_id__in=list(campaign_ids)).order_by("id")


@requires(Permission.READ_CAMPAIGNS)
async def place_of(scope: Scope, campaign_id: int | None, promo_id: int | None) -> Place:
    """Where a postback with these would belong. Raises NotFound for what does not exist for this scope."""
    if promo_id is not None:
        if not await scope.query(Promo).filter(id=promo_id).exists():
            raise NotFound("promo", field=("promoId",))
        return Place.PROMO
    if campaign_id is not None:
        if not await scope.query(Campaign).filter(id=campaign_id).exists():
            raise NotFound("campaign", field=("campaignId",))
        return Place.CAMPAIGN
    return Place.ACCOUNT


class WarningCode(StrEnum):
    """What may be meant and is often a mistake (A16)."""

    NO_PROMO = "no_promo"
    TAG_NEVER_SEEN = "tag_never_seen"
    NO_VALUE_FOR_ACTION = "no_value_for_action"
    NO_VARIABLES = "no_variables"
    BEHIND_HASH = "behind_hash"


@dataclass(frozen=True, slots=True)
class TemplateWarning:
    """A doubt about a template; `name` is the variable that it is about."""

    code: WarningCode
    message: str
    name: str | None = None


_TELL_APART = {"promo_id", "promo_code", "campaign_id", "campaign_name", "stag"}


@requires(Permission.READ_CAMPAIGNS)
async def template_warnings(
    scope: Scope, url: str, action: Action, place: Place, partner_id: int | None = None
) -> list[TemplateWarning]:
    """What may be wrong with a template without mistakes, for the scope's partner or the named one."""
    names = read_template(url).names
    found = []
    if not names:
        words = "every call will be the same: add variables, such as ?id=${visit_id}"
        found.append(TemplateWarning(WarningCode.NO_VARIABLES, words))
    elif place is Place.ACCOUNT and not _TELL_APART.intersection(names):
        words = "it fires for all your promos: add ${promo_id} or ${campaign_id} to tell them apart"
        found.append(TemplateWarning(WarningCode.NO_PROMO, words))
    if "#" in url:
        words = f"what is behind the # is never sent, {url[url.index('#') :][:60]}: write %23 if it is part of a value"
        found.append(TemplateWarning(WarningCode.BEHIND_HASH, words))
    for name in names:
        variable = BUILT_IN.get(name)
        if variable and action is not Action.ANY and action not in variable.actions:
            words = f"${{{name}}} has no value for {action.value}"
            found.append(TemplateWarning(WarningCode.NO_VALUE_FOR_ACTION, words, name))
    return [*found, *await _unseen_tags(scope, names, partner_id)]


async def _unseen_tags(
    scope: Scope, names: Sequence[str], partner_id: int | None
) -> list[TemplateWarning]:
    tags = {name: tag_of(name) for name in names if is_tag(name)}
    # Which brand a link was of is not kept: whoever sees some brands only is told nothing.
    if not tags or scope.brand_ids is not None:
        return []
    rows = scope.query(SeenTag).filter(name__in=list(tags.values()))
    if partner_id is not None:
        rows = rows.filter(partner_id=partner_id)
    seen = {row.name for row in await rows}
    return [
        TemplateWarning(
            WarningCode.TAG_NEVER_SEEN,
            f"none of your links has carried {tag} yet: add ?{tag}=… to your tracking link",
            name,
        )
        for name, tag in tags.items()
        if tag not in seen
    ]

"""Creating campaigns and promos, and what may be changed of a promo (A02 to A07)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.domain.brands.traffic_sources import require_traffic_source
from app.domain.campaigns import queries
from app.domain.campaigns.choices import (
    Audience,
    ChosenPromo,
    FirstPromo,
    choose_brand,
    choose_parts,
    choose_plan,
    require_open,
)
from app.domain.campaigns.codes import random_code
from app.domain.campaigns.states import hold_active
from app.domain.errors import Conflict, DomainError, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.models import Campaign, Promo

MOST_PROMOS = 1_000
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What a campaign needs. Brand and plan may be left out when there is only one to choose (A02)."""

    name: str
    brand_id: int | None = None
    plan_id: int | None = None
    # Made together with the campaign, or neither is (A03).
    first_promo: FirstPromo | None = None


@dataclass(frozen=True, slots=True)
class NewPromo:
    """What a promo of a campaign needs. The landing may be left out when there is only one for the audience."""

    campaign_id: int
    title: str
    landing_id: int | None = None
    traffic_source_id: int | None = None
    audience: Audience = Audience.PLAYERS
    banner_id: int | None = None

    @property
    def parts(self) -> FirstPromo:
        """The same without the campaign."""
        return FirstPromo(
            self.title, self.landing_id, self.traffic_source_id, self.audience, self.banner_id
        )


@dataclass(frozen=True, slots=True)
class CreatedCampaign:
    """A new campaign, and its first promo if one was asked for."""

    campaign: Campaign
    promo: Promo | None


@dataclass(frozen=True, slots=True)
class _Holder:
    """What a promo copies from its campaign."""

    campaign_id: int
    partner_id: int
    brand_id: int


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_campaign(scope: Scope, new: NewCampaign) -> Campaign:
    """Create a campaign of the scope's partner, and its first promo with it; see `create_campaign_with_promo`."""
    return (await create_campaign_with_promo(scope, new)).campaign


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_campaign_with_promo(
    scope: Scope, new: NewCampaign, new_code: Callable[[], str] | None = None
) -> CreatedCampaign:
    """Create a campaign of the scope's partner and, if asked for, its first promo: both or neither (A02, A03).

    Raises Invalid for a bad name or a choice that must be made, NotFound for a brand without an accepted
    affiliation or a plan that is not open to this partner, Conflict for a brand that is not active, and what
    `create_promo` raises, with the field below `firstPromo`.
    """
    partner_id = _partner(scope)
    name = clean_name(new.name, "name", LONGEST_NAME)
    brand = await choose_brand(scope, new.brand_id)
    plan = await choose_plan(scope, brand.id, new.plan_id)
    title, parts = "", None
    if new.first_promo is not None:
        with _below("firstPromo"):
            title = clean_name(new.first_promo.title, "title", LONGEST_NAME)
            parts = await choose_parts(scope, brand.id, plan.id, new.first_promo)
    promo_id: int | None = None
    async with transaction() as tx:
        now = scope.now()
        rows = await tx.fetch(queries.INSERT_CAMPAIGN, partner_id, brand.id, plan.id, name, now)
        campaign_id = int(rows[0]["id"])
        await record(
            scope,
            tx,
            "campaign.created",
            Subject("campaign", campaign_id),
            partner_id=partner_id,
            brand_id=brand.id,
            data={"name": name, "plan_id": plan.id},
        )
        if parts is not None:
            holder = _Holder(campaign_id, partner_id, brand.id)
            code = (new_code or random_code)()
            promo_id = await _insert_promo(scope, tx, holder, title, parts, code)
    campaign = await scope.query(Campaign).get(id=campaign_id)
    promo = None if promo_id is None else await scope.query(Promo).get(id=promo_id)
    return CreatedCampaign(campaign, promo)


@requires(Permission.MANAGE_CAMPAIGNS)
async def create_promo(
    scope: Scope, new: NewPromo, new_code: Callable[[], str] | None = None
) -> Promo:
    """Add a promo to a campaign of the scope's partner; its tracking link works at once (A07).

    Raises NotFound for a campaign, landing, banner or traffic source that does not exist for this partner, NoLanding,
    Invalid for a landing that must be chosen, Conflict when the affiliation is not accepted, the brand is not active,
    the campaign is archived or disabled or full, or the brand refuses the traffic source.
    """
    _partner(scope)
    campaign = await scope.query(Campaign).get_or_none(id=new.campaign_id)
    if campaign is None:
        raise NotFound("campaign", field=("campaignId",))
    title = clean_name(new.title, "title", LONGEST_NAME)
    await require_open(scope, campaign.brand_id, "campaignId")
    parts = await choose_parts(scope, campaign.brand_id, campaign.plan_id, new.parts)
    async with transaction() as tx:
        await hold_active(tx, campaign.id, "promos can be added", alone=True)
        count = (await tx.fetch(queries.COUNT_PROMOS, campaign.id))[0]["count"]
        if count >= MOST_PROMOS:
            raise Conflict(
                f"the campaign has {count:,} promos, at most {MOST_PROMOS:,} are allowed: create another campaign",
                field=("campaignId",),
            )
        holder = _Holder(campaign.id, campaign.partner_id, campaign.brand_id)
        code = (new_code or random_code)()
        promo_id = await _insert_promo(scope, tx, holder, title, parts, code)
    return await scope.query(Promo).get(id=promo_id)


@requires(Permission.MANAGE_CAMPAIGNS)
async def rename_promo(scope: Scope, promo_id: int, title: str) -> Promo:
    """Give a promo another title (A07). Raises NotFound, Invalid, Conflict when its campaign is not active."""
    promo = await _own_promo(scope, promo_id)
    cleaned = clean_name(title, "title", LONGEST_NAME)
    async with transaction() as tx:
        await hold_active(tx, promo.campaign_id, "promos can be edited", "promoId")
        before = (await tx.fetch(queries.LOCK_PROMO, promo_id))[0]["title"]
        await tx.fetch(queries.SET_TITLE, promo_id, cleaned)
        data = {"campaign_id": promo.campaign_id, "before": before, "after": cleaned}
        await _record_edit(scope, tx, "promo.renamed", promo, data)
    return await scope.query(Promo).get(id=promo_id)


@requires(Permission.MANAGE_CAMPAIGNS)
async def set_traffic_source(scope: Scope, promo_id: int, traffic_source_id: int) -> Promo:
    """State the traffic source of a promo that was created without one: once, and for ever (A04).

    Raises NotFound, Conflict when it is stated already, when the brand refuses it or the campaign is not active.
    """
    promo = await _own_promo(scope, promo_id)
    await require_traffic_source(scope, promo.brand_id, traffic_source_id)
    async with transaction() as tx:
        await hold_active(tx, promo.campaign_id, "promos can be edited", "promoId")
        if (await tx.fetch(queries.LOCK_PROMO, promo_id))[0]["traffic_source_id"] is not None:
            raise Conflict(
                "the promo states its traffic source already, which never changes: create another promo",
                field=("promoId",),
            )
        await tx.fetch(queries.SET_TRAFFIC_SOURCE, promo_id, traffic_source_id)
        data: dict[str, object] = {
            "campaign_id": promo.campaign_id,
            "traffic_source_id": traffic_source_id,
        }
        await _record_edit(scope, tx, "promo.traffic_source_set", promo, data)
    return await scope.query(Promo).get(id=promo_id)


async def _insert_promo(
    scope: Scope, tx: Transaction, holder: _Holder, title: str, parts: ChosenPromo, code: str
) -> int:
    rows = await tx.fetch(
        queries.INSERT_PROMO,
        holder.campaign_id,
        holder.partner_id,
        holder.brand_id,
        parts.landing_id,
        parts.traffic_source_id,
        parts.banner_id,
        code,
        title,
        scope.now(),
    )
    promo_id = int(rows[0]["id"])
    await record(
        scope,
        tx,
        "promo.created",
        Subject("promo", promo_id),
        partner_id=holder.partner_id,
        brand_id=holder.brand_id,
        data={
            "campaign_id": holder.campaign_id,
            "code": code,
            "title": title,
            "landing_id": parts.landing_id,
            "traffic_source_id": parts.traffic_source_id,
            "banner_id": parts.banner_id,
        },
    )
    return promo_id


async def _own_promo(scope: Scope, promo_id: int) -> Promo:
    promo = await scope.query(Promo).get_or_none(id=promo_id)
    if promo is None:
        raise NotFound("promo", field=("promoId",))
    return promo


async def _record_edit(
    scope: Scope, tx: Transaction, event_type: str, promo: Promo, data: dict[str, object]
) -> None:
    await record(
        scope,
        tx,
        event_type,
        Subject("promo", promo.id),
        partner_id=promo.partner_id,
        brand_id=promo.brand_id,
        data=data,
    )


@contextmanager
def _below(name: str) -> Iterator[None]:
    """What is refused inside is blamed on a field of that input."""
    try:
        yield
    except DomainError as error:
        error.field = (name, *error.field)
        raise


def _partner(scope: Scope) -> int:
    if scope.partner_id is None:
        raise DomainError("campaigns belong to a partner: sign in as one of its users")
    return scope.partner_id

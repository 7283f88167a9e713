"""Two tenants side by side: everything of one is foreign to the other (G20)."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx

from app.domain.accounts.users import Audience
from app.domain.events import Subject, record
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.scope import Actor
from app.infra.clock import Clock
from app.infra.crypto import hash_token
from app.infra.database import transaction
from app.models import (
    Affiliation,
    ApiToken,
    BannerPartner,
    Brand,
    BrandKey,
    Campaign,
    CommissionPlan,
    Contact,
    Document,
    Event,
    ExchangeRate,
    FigureChange,
    Landing,
    NewsArticle,
    Partner,
    PartnerNote,
    PlanAssignment,
    PlanVersion,
    Player,
    Postback,
    PostbackAttempt,
    Promo,
    Session,
    TermsAcceptance,
    TermsVersion,
    TrafficSource,
    User,
)
from app.schema.ids import encode_id
from tests.domain.banners.gallery import make_banner
from tests.domain.plans.deals import REVENUE_SHARE
from tests.factories import (
    BOX,
    make_brand,
    make_brand_key,
    make_partner,
    make_user,
    partner_scope,
)
from tests.schema.builder import Operation
from tests.schema.intake_rows import make_intake_rows
from tests.schema.offer_rows import make_offer_rows

ROLES: Mapping[str, tuple[PartnerRole | StaffRole, ...]] = {
    "partner": tuple(PartnerRole),
    "admin": tuple(StaffRole),
}
# A row id that nothing has.
MISSING = 900_000_000_000

_numbers = itertools.count(1)


@dataclass(slots=True)
class Tenant:
    """A partner with a brand of its own, and rows of every kind: row ids by GraphQL type."""

    partner: Partner
    brand: Brand
    rows: dict[str, list[int]] = field(default_factory=dict)

    def id(self, type_name: str, place: int = 0) -> str:
        """The opaque id of a row."""
        return str(encode_id(type_name, self.rows[type_name][place]))


@dataclass(slots=True)
class Programme:
    """One tenant, another one, and a user of each role."""

    clock: Clock
    own: Tenant
    foreign: Tenant
    # By schema and role. Partner users belong to `own`; the advertiser is limited to the brands of `own`.
    users: dict[tuple[str, str], User] = field(default_factory=dict)

    async def token(self, schema: str, role: str) -> str:
        """A token of a new session of the user with that role."""
        return await open_session(self.users[schema, role], self.clock)


async def make_programme(clock: Clock, rows: int = 1) -> Programme:
    """Both tenants; the own one has `rows` rows of each kind."""
    own, foreign = await _tenant(clock, rows), await _tenant(clock, 1)
    programme = Programme(clock, own, foreign)
    for partner_role in PartnerRole:
        user = await make_user(
            Audience.PARTNER, partner_role, BOX, clock, partner_id=own.partner.id
        )
        programme.users["partner", partner_role.value] = user
    for staff_role in StaffRole:
        limited = staff_role is StaffRole.ADVERTISER
        brand_ids = tuple(own.rows["Brand"]) if limited else None
        user = await make_user(Audience.STAFF, staff_role, BOX, clock, brand_ids=brand_ids)
        programme.users["admin", staff_role.value] = user
    return programme


async def make_own_rows(programme: Programme, rows: int) -> None:
    """Rows that belong to one user alone: sessions and tokens of both owners."""
    for schema in ROLES:
        for _ in range(rows):
            await _own_rows_of(programme.users[schema, "owner"], programme.clock)


async def open_session(user: User, clock: Clock) -> str:
    """A new session of a user; returns its token."""
    token = secrets.token_urlsafe(24)
    await _session(user, clock, hash_token(token))
    return token


async def _session(user: User, clock: Clock, token_hash: str) -> Session:
    now = clock.now()
    return await Session.create(
        user_id=user.id,
        token_hash=token_hash,
        ip="203.0.113.9",
        user_agent="Mozilla/5.0",
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(days=1),
    )


async def _own_rows_of(user: User, clock: Clock) -> tuple[Session, ApiToken]:
    session = await _session(user, clock, secrets.token_hex(32))
    token = await ApiToken.create(
        user_id=user.id,
        name="Nightly export",
        token_hash=secrets.token_hex(32),
        permissions=["read_reports"],
        created_at=clock.now(),
    )
    return session, token


async def _tenant(clock: Clock, count: int) -> Tenant:
    now = clock.now()
    partner = await make_partner(clock)
    tenant = Tenant(partner, await make_brand(clock))
    made = tenant.rows
    made |= {name: [] for name in TYPES}
    made["Partner"].append(partner.id)
    for place in range(count):
        number = next(_numbers)
        brand = tenant.brand if place == 0 else await make_brand(clock)
        other = partner if place == 0 else await make_partner(clock)
        if place > 0:
            made["Partner"].append(other.id)
            # A partner of the programme, not of this account: staff of the brand sees it.
            await Affiliation.create(
                partner=other, brand=tenant.brand, state="accepted", created_at=now
            )
        plan = await CommissionPlan.get(brand_id=brand.id)
        version = await PlanVersion.create(
            plan=plan,
            number=1,
            currency="EUR",
            terms=REVENUE_SHARE,
            valid_from=now,
            published_at=now,
            created_at=now,
        )
        assignment = await PlanAssignment.create(partner=partner, plan=plan, created_at=now)
        landing = await Landing.get(brand_id=brand.id)
        banner = await make_banner(brand, clock, partner, title="Same title")
        affiliation = await Affiliation.create(
            partner=partner, brand=brand, state="accepted", created_at=now
        )
        source = await TrafficSource.create(name=f"Source {number}", created_at=now)
        campaign = await Campaign.create(
            partner=partner, brand=brand, plan=plan, name="Same name", created_at=now
        )
        promo = await Promo.create(
            campaign=campaign,
            partner=partner,
            brand=brand,
            landing=landing,
            traffic_source=source,
            banner=banner,
            code=f"promo{number}",
            title="Same title",
            created_at=now,
        )
        postback = await Postback.create(
            partner=partner,
            campaign=campaign,
            action="any",
            # Nobody listens there: what these tests fire goes nowhere.
            url="http://127.0.0.1:1/p",
            created_at=now,
        )
        attempt = await PostbackAttempt.create(
            partner=partner,
            postback_id=postback.id,
            brand_id=brand.id,
            campaign_id=campaign.id,
            promo_id=promo.id,
            action="registration",
            url="https://tracker.example/p",
            is_test=True,
            sent_at=now,
            duration_ms=12,
            response_code=200,
        )
        member = await make_user(
            Audience.PARTNER, PartnerRole.VIEWER, BOX, clock, partner_id=partner.id
        )
        operator = await make_user(Audience.STAFF, StaffRole.SUPPORT, BOX, clock)
        session, token = await _own_rows_of(member, clock)
        document = await Document.create(
            partner=partner,
            uploaded_by=member,
            name="passport.pdf",
            content_type="application/pdf",
            size=10,
            sha256="0" * 64,
            storage_key=f"documents/{number}",
            created_at=now,
        )
        note = await PartnerNote.create(
            partner=partner, author=operator, text="Pays late.", created_at=now
        )
        key, _ = await make_brand_key(brand, BOX, clock)
        article = await NewsArticle.create(
            brand=brand, title="Same title", body="*Same* body.", published_at=now, created_at=now
        )
        contact = await Contact.create(
            brand=brand, name="Same name", position="Affiliate manager", created_at=now
        )
        # The first version is accepted, the second one waits; the accepted row is the newest.
        terms, accepted = [
            await TermsVersion.create(
                brand=brand,
                number=version_number,
                body="# Same terms",
                published_at=now,
                effective_at=now,
                created_at=now,
            )
            for version_number in (2, 1)
        ]
        acceptance = await TermsAcceptance.create(
            partner=partner, terms=accepted, user=member, accepted_at=now
        )
        child = await make_partner(clock, parent=partner, parent_promo_id=promo.id)
        player = await Player.create(
            brand=brand,
            user_id="same-user",
            partner=partner,
            campaign=campaign,
            promo=promo,
            country="RO",
            currency="EUR",
            sign_up_at=now,
            created_at=now,
        )
        exchange_rate = await ExchangeRate.create(
            day=now.date() - timedelta(days=number),
            base="EUR",
            currency="RON",
            rate="4.9771",
            source="operator",
            created_at=now,
        )
        change = await FigureChange.create(
            position=number,
            n=1,
            known_at=now,
            fact="activities",
            kind="corrected",
            business_day=now.date(),
            brand_id=brand.id,
            partner_id=partner.id,
            campaign_id=campaign.id,
            plan_id=plan.id,
            promo_id=promo.id,
            player_id=player.id,
            country="RO",
            currency="EUR",
            figures={"deposits_sum": ["10", "4"]},
            metrics=["deposits_sum"],
            actor_type="brand",
        )
        rows: dict[str, Any] = {
            "Brand": brand,
            "FigureChange": change,
            "ExchangeRate": exchange_rate,
            "Player": player,
            **await make_intake_rows(player, change.position, clock),
            "CommissionPlan": plan,
            "PlanVersion": version,
            "PlanAssignment": assignment,
            "Landing": landing,
            "Affiliation": affiliation,
            "TrafficSource": source,
            "Campaign": campaign,
            "Promo": promo,
            "Postback": postback,
            "PostbackAttempt": attempt,
            "NewsArticle": article,
            "Contact": contact,
            "TermsVersion": terms,
            "TermsAcceptance": acceptance,
            "SubAffiliate": child,
            "PartnerUser": member,
            "OperatorUser": operator,
            "Session": session,
            "ApiToken": token,
            "Document": document,
            "PartnerNote": note,
            "Banner": banner,
            "BannerGrant": await BannerPartner.get(banner_id=banner.id),
            "BrandKey": await BrandKey.get(key=key),
            "Event": await _event(tenant, member, session, clock),
            **await make_offer_rows(brand, campaign, promo, source, clock),
        }
        for name, row in rows.items():
            made[name].append(row.id)
    return tenant


async def _event(tenant: Tenant, member: User, session: Session, clock: Clock) -> Event:
    scope = replace(
        partner_scope(tenant.partner, clock),
        actor=Actor("partner_user", member.id),
        session_id=session.id,
    )
    async with transaction() as tx:
        event_id = await record(
            scope,
            tx,
            "campaign.created",
            Subject("campaign", 1),
            partner_id=tenant.partner.id,
            brand_id=tenant.brand.id,
            data={"name": "Same name"},
        )
    return await Event.get(id=event_id)


TYPES = (
    "Banner",
    "BannerGrant",
    "Brand",
    "CommissionPlan",
    "PlanVersion",
    "PlanAssignment",
    "Landing",
    "Affiliation",
    "TrafficSource",
    "Campaign",
    "Promo",
    "Player",
    "PlayerFlag",
    "PlayerMove",
    "HeldItem",
    "Postback",
    "PostbackAttempt",
    "NewsArticle",
    "Contact",
    "TermsVersion",
    "TermsAcceptance",
    "SubAffiliate",
    "PartnerUser",
    "OperatorUser",
    "Session",
    "ApiToken",
    "Document",
    "PartnerNote",
    "BrandKey",
    "BrandSettings",
    "BrandChange",
    "BrandFunding",
    "BrandTrafficSource",
    "Promotion",
    "Coupon",
    "CampaignPlanMove",
    "ExchangeRate",
    "FigureChange",
    "Event",
    "Partner",
)


async def ask(
    client: httpx.AsyncClient,
    schema: str,
    wanted: Operation | str,
    token: str | None = None,
    variables: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Run an operation at a schema's endpoint and return the whole answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if isinstance(wanted, str):
        wanted = Operation(wanted, variables or {})
    body = {"query": wanted.text, "variables": wanted.variables}
    response = await client.post(f"/{schema}/graphql", json=body, headers=headers)
    assert response.status_code < 500, response.text
    answer: dict[str, Any] = response.json()
    return answer


def codes(answer: Mapping[str, Any]) -> list[str]:
    """The codes of an answer's errors, those of the payloads included."""
    found = [error["extensions"]["code"] for error in answer.get("errors", ())]
    for value in (answer.get("data") or {}).values():
        if isinstance(value, dict):
            found += [error["code"] for error in value.get("userErrors") or ()]
    return found

"""Rows that many tests need, made in one line each. Each maker commits what it makes."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from app.domain.accounts.users import Audience, NewUser, insert_user
from app.domain.campaigns.commands import NewCampaign, NewPromo, create_campaign, create_promo
from app.domain.permissions import (
    PARTNER_PERMISSIONS,
    STAFF_PERMISSIONS,
    PartnerRole,
    StaffRole,
)
from app.domain.personal import read_subjects
from app.domain.scope import Actor, Scope
from app.domain.visits.click import Click, new_visit
from app.domain.visits.destination import stag
from app.domain.visits.links import find_link
from app.domain.visits.record import take_visit_ids, write_visits
from app.infra.clock import Clock
from app.infra.crypto import SecretBox, hash_password
from app.infra.database import transaction
from app.models import (
    Affiliation,
    Brand,
    BrandKey,
    Campaign,
    CommissionPlan,
    Coupon,
    Landing,
    Partner,
    Promo,
    User,
)

PASSWORD = "correct horse battery staple"
# Hashed once: argon2 is slow on purpose.
PASSWORD_HASH = hash_password(PASSWORD)
SECRET_KEY = "a secret key that only tests know: 0123456789"
BOX = SecretBox((SECRET_KEY,))
_numbers = itertools.count(1)


async def make_brand(clock: Clock, **columns: Any) -> Brand:
    """An active brand with one default plan and one landing for players."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "code": f"brand{number}",
        "slug": f"brand-{number}",
        "name": f"Brand {number}",
        "category": "casino",
        "main_url": "https://brand.example/",
        "time_zone": "Europe/Bucharest",
        "currency": "EUR",
        "created_at": clock.now(),
    }
    brand = await Brand.create(**(values | columns))
    await CommissionPlan.create(
        brand=brand, name=f"Plan {number}", is_default=True, created_at=clock.now()
    )
    url = "https://brand.example/welcome?lang=en"
    await Landing.create(brand=brand, title="Welcome", url=url, created_at=clock.now())
    return brand


async def make_brand_key(brand: Brand, box: SecretBox, clock: Clock) -> tuple[str, str]:
    """An intake key of the brand: (key, secret)."""
    key, secret = f"key-{brand.code}", f"secret-{brand.code}"
    await BrandKey.create(brand=brand, key=key, secret=box.encrypt(secret), created_at=clock.now())
    return key, secret


async def make_partner(clock: Clock, *brands: Brand, **columns: Any) -> Partner:
    """An active partner with an accepted affiliation to each of the brands."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "code": f"P{number}",
        "name": f"Partner {number}",
        "state": "active",
        "currency": "EUR",
        "created_at": clock.now(),
    }
    partner = await Partner.create(**(values | columns))
    for brand in brands:
        await Affiliation.create(
            partner=partner, brand=brand, state="accepted", created_at=clock.now()
        )
    return partner


async def make_user(
    audience: Audience, role: PartnerRole | StaffRole, box: SecretBox, clock: Clock, **columns: Any
) -> User:
    """A confirmed, active user with the password PASSWORD; `email` and `name` are personal data."""
    new = NewUser(
        audience,
        columns.pop("partner_id", None),
        columns.pop("email", f"user{next(_numbers)}@{audience.value}.test"),
        columns.pop("name", "Paula Partner"),
        role,
        columns.pop("password_hash", PASSWORD_HASH),
        columns.pop("brand_ids", None),
    )
    async with transaction() as tx:
        user_id = await insert_user(tx, box, new, clock.now())
    if user_id is None:
        raise AssertionError(f"the e-mail {new.email} is taken")
    await User.filter(id=user_id).update(**{"email_confirmed_at": clock.now(), **columns})
    return await User.get(id=user_id)


async def make_partner_user(
    partner: Partner,
    clock: Clock,
    box: SecretBox = BOX,
    role: PartnerRole = PartnerRole.OWNER,
    **columns: Any,
) -> User:
    """An active team member of the partner with the password PASSWORD."""
    return await make_user(
        Audience.PARTNER, PartnerRole(role), box, clock, partner_id=partner.id, **columns
    )


async def make_operator(
    clock: Clock, box: SecretBox = BOX, role: StaffRole = StaffRole.OWNER, **columns: Any
) -> User:
    """An active operator with the password PASSWORD."""
    return await make_user(Audience.STAFF, StaffRole(role), box, clock, **columns)


async def email_of(user: User, box: SecretBox = BOX) -> str:
    """The e-mail of a user."""
    return str((await read_subjects(box, [user.subject_id]))[user.subject_id]["email"])


def partner_scope(partner: Partner, clock: Clock, role: PartnerRole = PartnerRole.OWNER) -> Scope:
    """The scope of a team member of the partner."""
    permissions = PARTNER_PERMISSIONS[role]
    return Scope(
        Actor("partner_user", 1), clock, "test-request", permissions, partner_id=partner.id
    ).at_offset(partner.clock_offset)


def staff_scope(
    clock: Clock, role: StaffRole = StaffRole.OWNER, brand_ids: frozenset[int] | None = None
) -> Scope:
    """The scope of an operator, or of an advertiser limited to some brands."""
    permissions = STAFF_PERMISSIONS[role]
    return Scope(Actor("operator_user", 1), clock, "test-request", permissions, brand_ids=brand_ids)


def brand_scope(brand: Brand, clock: Clock) -> Scope:
    """The scope of the brand's platform."""
    return Scope.brand(brand.id, clock, "test-request", offset=brand.clock_offset, ip=None)


async def make_promo(
    partner: Partner, brand: Brand, clock: Clock, name: str = "Campaign"
) -> tuple[Campaign, Promo]:
    """A new campaign of the partner with one promo."""
    scope = partner_scope(partner, clock)
    campaign = await create_campaign(scope, NewCampaign(name, brand.id))
    promo = await create_promo(scope, NewPromo(campaign.id, "Promo"))
    return campaign, promo


async def make_coupon(promo: Promo, clock: Clock, code: str = "SPRING") -> None:
    """A coupon that is bound to the promo."""
    await Coupon.create(
        brand_id=promo.brand_id, promo_id=promo.id, code=code, created_at=clock.now()
    )


async def make_visits(
    promo: Promo, clock: Clock, count: int = 1, query: bytes = b"", **columns: Any
) -> list[int]:
    """Recorded visits of the promo at the clock's time, with these columns; returns their ids."""
    scope = Scope.visitor(clock, "test-request")
    ids = await take_visit_ids(scope)
    link = await find_link(promo.code)
    if link is None:
        raise AssertionError(f"promo {promo.code} has no link")
    made = []
    for _ in range(count):
        click = Click(query, "203.0.113.9", "Mozilla/5.0 (Windows NT 10.0)", None, device="desktop")
        visit_id = ids.next(clock.now())
        visit = new_visit(scope, link, click, visit_id, BOX.fingerprint_key)
        made.append((visit._replace(**columns), click.ip))
    async with transaction() as tx:
        await write_visits(tx, made)
    return [visit.id for visit, _ in made]


@dataclass(slots=True)
class World:
    """A brand, a partner, a campaign with a promo, and one visit."""

    brand: Brand
    partner: Partner
    campaign: Campaign
    promo: Promo
    visit_id: int
    clock: Clock
    tag: str = field(init=False)

    def __post_init__(self) -> None:
        self.tag = stag(self.promo.id, self.visit_id)

    def player(self, user_id: str, **fields: Any) -> dict[str, Any]:
        """An intake item that registers a player of the visit at the clock's time."""
        return {
            "user_id": user_id,
            "tag": self.tag,
            "sign_up_at": self.clock.now().isoformat(),
            **fields,
        }


async def make_world(clock: Clock, **brand_columns: Any) -> World:
    """The smallest programme in which something can happen."""
    brand = await make_brand(clock, **brand_columns)
    partner = await make_partner(clock, brand)
    campaign, promo = await make_promo(partner, brand, clock)
    visits = await make_visits(promo, clock)
    return World(brand, partner, campaign, promo, visits[0], clock)


async def post_signed(
    client: httpx.AsyncClient, path: str, key: tuple[str, str], document: Any
) -> httpx.Response:
    """POST a JSON document signed with a brand's key."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    signature = hmac.new(key[1].encode(), body, hashlib.sha512).hexdigest()
    headers = {"X-Authorization-Key": key[0], "X-Authorization-Sign": signature}
    return await client.post(path, content=body, headers=headers)


async def graphql(
    client: httpx.AsyncClient,
    document: str,
    variables: dict[str, Any] | None = None,
    *,
    token: str | None = None,
    endpoint: str = "/partner/graphql",
) -> dict[str, Any]:
    """Run an operation and return the whole answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"query": document, "variables": variables or {}}
    response = await client.post(endpoint, json=body, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer


LOGIN = "mutation($input: LoginInput!) { login(input: $input) { token userErrors { code message field } } }"


async def sign_in(
    client: httpx.AsyncClient, email: str, *, endpoint: str = "/partner/graphql", **fields: Any
) -> str:
    """Sign in with PASSWORD and return the token."""
    values = {"email": email, "password": PASSWORD, **fields}
    answer = await graphql(client, LOGIN, {"input": values}, endpoint=endpoint)
    payload = answer["data"]["login"]
    if payload["token"] is None:
        raise AssertionError(f"sign-in was refused: {payload['userErrors']}")
    return str(payload["token"])


def day_interval(day_start: datetime, days: int = 1) -> dict[str, str]:
    """The `from` and `to` of an activity batch."""
    return {"from": day_start.isoformat(), "to": (day_start + timedelta(days=days)).isoformat()}

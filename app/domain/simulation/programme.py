"""The cast of the demo programme: brands, partners, users, plans, campaigns and promos."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.accounts.users import Audience, NewUser, insert_user
from app.domain.campaigns.commands import NewCampaign, NewPromo, create_campaign, create_promo
from app.domain.permissions import PARTNER_PERMISSIONS, PartnerRole, StaffRole
from app.domain.scope import Actor, Scope
from app.domain.simulation.announcements import make_announcements
from app.domain.simulation.banners import Keep, make_banners
from app.domain.simulation.offer import make_offer
from app.domain.simulation.plans import REVENUE_SHARE, SALES, make_individual_plans
from app.infra.clock import Clock
from app.infra.crypto import SecretBox, hash_password, hash_token
from app.infra.database import Transaction, transaction
from app.models import (
    Affiliation,
    Brand,
    BrandKey,
    CommissionPlan,
    Landing,
    Partner,
    PartnerProfile,
    PlanVersion,
    TrafficSource,
)

# Published in the documentation: a programme with these exists on loopback only.
PASSWORD = "Demo-passw0rd!"  # noqa: S105
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
STATISTIC_TOKEN = "demo-statistic-token-partner"  # noqa: S105

CASINO, SHOP = "demo-casino", "demo-shop"
_PARTNERS = (
    ("RVWHUB", "Review Hub"),
    ("BRGLANE", "Bargain Lane"),
    ("SPNCITY", "Spin City Media"),
    ("CPNGRDN", "Coupon Garden"),
    ("NRTHLIT", "Northlight Traffic"),
    ("MAPLEAD", "Maple Ads"),
)
_SOURCES = ("SEO", "Social media", "E-mail", "Paid advertising", "Streaming")
_CAMPAIGNS = ("Reviews", "Newsletter", "Landing pages", "Social posts")
_WITH_BANNER = "Homepage banner"
_TITLES = (_WITH_BANNER, "Comparison table", "Footer link")
_CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Cast:
    """What the traffic of the demo runs on; promo ids by the code of their brand."""

    casino: Brand
    shop: Brand
    promos: dict[str, list[int]]


async def make_cast(
    clock: Clock, request_id: str, box: SecretBox, dice: random.Random, keep: Keep
) -> Cast:
    """Create the programme as of the clock's time. The same dice give the same codes; `keep` stores the pictures."""
    now = clock.now()
    async with transaction() as tx:
        casino, shop = await _brands(now)
        await _keys(casino, shop, box, now)
        for name in _SOURCES:
            await TrafficSource.create(name=name, created_at=now)
        partners = [
            await Partner.create(
                code=code, name=name, state="active", currency="EUR", created_at=now
            )
            for code, name in _PARTNERS
        ]
        await _affiliations(partners, casino, shop, now)
        await _users(tx, partners, shop, box, now)
    await make_announcements(clock, request_id, casino, shop)
    system = Scope.system(clock, request_id)
    banners = await make_banners(
        system, casino, shop, [partner.id for partner in partners[:2]], keep
    )
    promos: dict[str, list[int]] = {CASINO: [], SHOP: []}
    shop_promos: dict[str, list[int]] = {}
    for partner in partners:
        scope = Scope(
            Actor("system"),
            clock,
            request_id,
            PARTNER_PERMISSIONS[PartnerRole.OWNER],
            partner_id=partner.id,
        )
        for brand in (casino, shop):
            if partner.code == "CPNGRDN" and brand is casino:
                continue
            made = await _campaigns(scope, brand, banners[brand.code], dice)
            promos[brand.code] += made
            if brand is shop:
                shop_promos[partner.code] = made
    await make_offer(system, casino, shop, shop_promos)
    # After the campaigns, which take the only plan that is open to them.
    await make_individual_plans(system, casino, shop, partners[0])
    return Cast(casino, shop, promos)


async def _brands(now: datetime) -> tuple[Brand, Brand]:
    casino = await Brand.create(
        code=CASINO,
        slug="lucky-otter-casino",
        name="Lucky Otter Casino",
        category="casino",
        main_url="https://lucky-otter.example/",
        time_zone="Europe/Malta",
        currency="EUR",
        created_at=now,
    )
    shop = await Brand.create(
        code=SHOP,
        slug="willow-and-wren",
        name="Willow & Wren",
        category="shop",
        main_url="https://willow-wren.example/",
        time_zone="Europe/Bucharest",
        currency="RON",
        default_sale_percent=8,
        created_at=now,
    )
    await _material(
        casino,
        ("Welcome bonus", "Live tables"),
        "Revenue share 30%",
        REVENUE_SHARE,
        now,
    )
    await _material(
        shop,
        ("New arrivals", "Outlet"),
        "8% of each sale",
        SALES,
        now,
    )
    return casino, shop


async def _material(
    brand: Brand, titles: tuple[str, ...], plan_name: str, terms: dict[str, Any], now: datetime
) -> None:
    for title in titles:
        url = f"{brand.main_url}{title.lower().replace(' ', '-')}?lang=en"
        await Landing.create(brand=brand, title=title, url=url, created_at=now)
    plan = await CommissionPlan.create(brand=brand, name=plan_name, is_default=True, created_at=now)
    await PlanVersion.create(
        plan=plan,
        number=1,
        currency=brand.currency,
        terms=terms,
        valid_from=now,
        published_at=now,
        created_at=now,
    )


async def _keys(casino: Brand, shop: Brand, box: SecretBox, now: datetime) -> None:
    for brand, name in ((casino, "demo-brand"), (shop, "demo-shop")):
        secret = box.encrypt(f"{name}-secret")
        await BrandKey.create(brand=brand, key=f"{name}-key", secret=secret, created_at=now)


async def _affiliations(partners: list[Partner], casino: Brand, shop: Brand, now: datetime) -> None:
    for partner in partners:
        for brand in (casino, shop):
            waiting = partner.code == "CPNGRDN" and brand is casino
            await Affiliation.create(
                partner=partner,
                brand=brand,
                state="pending" if waiting else "accepted",
                created_at=now,
                decided_at=None if waiting else now + timedelta(hours=1),
            )


async def _users(
    tx: Transaction, partners: list[Partner], shop: Brand, box: SecretBox, now: datetime
) -> None:
    hashed = hash_password(PASSWORD)

    async def add(email: str, name: str, role: PartnerRole | StaffRole, **more: Any) -> int:
        audience = Audience.PARTNER if isinstance(role, PartnerRole) else Audience.STAFF
        new = NewUser(audience, more.pop("partner_id", None), email, name, role, hashed, **more)
        user_id = await insert_user(tx, box, new, now)
        await tx.fetch("UPDATE users SET email_confirmed_at = $2 WHERE id = $1", user_id, now)
        return user_id or 0

    olga = await add("operator@demo.test", "Olga Operator", StaffRole.OWNER)
    await PartnerProfile.create(partner=partners[0], manager_id=olga, tags=["vip"], terms_version=1)
    await add(
        "advertiser@demo.test", "Adrian Advertiser", StaffRole.ADVERTISER, brand_ids=(shop.id,)
    )
    paula = await add(
        "partner@demo.test", "Paula Partner", PartnerRole.OWNER, partner_id=partners[0].id
    )
    await tx.fetch(
        "UPDATE users SET totp_secret = $2, statistic_token = $3, statistic_token_hash = $4 WHERE id = $1",
        paula,
        box.encrypt(TOTP_SECRET),
        box.encrypt(STATISTIC_TOKEN),
        hash_token(STATISTIC_TOKEN),
    )
    await add("partner2@demo.test", "Piet Partner", PartnerRole.OWNER, partner_id=partners[1].id)
    # A team with a role that may not change anything, and a partner that waits for approval.
    await add("viewer@demo.test", "Vera Viewer", PartnerRole.VIEWER, partner_id=partners[0].id)
    waiting = await Partner.create(
        code="FRSHCLK", name="Fresh Clicks", state="pending", currency="EUR", created_at=now
    )
    await add("waiting@demo.test", "Willa Waiting", PartnerRole.OWNER, partner_id=waiting.id)


async def _campaigns(scope: Scope, brand: Brand, banner_id: int, dice: random.Random) -> list[int]:
    sources = [row.id for row in await scope.query(TrafficSource).order_by("id")]
    landings = await scope.query(Landing).filter(brand_id=brand.id).order_by("id")
    promo_ids = []
    for name in dice.sample(_CAMPAIGNS, 2):
        campaign = await create_campaign(scope, NewCampaign(f"{brand.name}: {name}", brand.id))
        for title in dice.sample(_TITLES, 2):
            new = NewPromo(
                campaign.id,
                title,
                dice.choice(landings).id,
                dice.choice(sources),
                banner_id=banner_id if title == _WITH_BANNER else None,
            )
            promo = await create_promo(scope, new, new_code=lambda: random_link_code(dice))
            promo_ids.append(promo.id)
    return promo_ids


def random_link_code(dice: random.Random) -> str:
    """A code for a promo, by the dice."""
    return "".join(dice.choice(_CODE_ALPHABET) for _ in range(9))

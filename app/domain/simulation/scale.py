"""Made-up programmes of any size, for trials and benchmarks: everything goes through the domain that brands use."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.domain.campaigns.commands import NewCampaign, NewPromo, create_campaign, create_promo
from app.domain.errors import Conflict, Invalid
from app.domain.permissions import PARTNER_PERMISSIONS, PartnerRole
from app.domain.scope import Actor, Scope
from app.domain.simulation.history import end_day, settle
from app.domain.simulation.plans import REVENUE_SHARE, SALES
from app.domain.simulation.programme import Cast, random_link_code
from app.domain.simulation.traffic import Traffic, Volume
from app.domain.visits.record import take_visit_ids
from app.infra import database
from app.infra.clock import Clock, ManualClock, SystemClock
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.infra.partitions import ensure_partitions
from app.infra.telemetry import new_request_id
from app.models import Affiliation, Brand, CommissionPlan, Landing, Partner, PlanVersion, Visit

if TYPE_CHECKING:
    from app.settings import Settings

Progress = Callable[[str, int, int], None]

# Brands whose code begins like this were made here.
PREFIX = "simulated-"
MOST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Size:
    """How large the programme is. Every second brand is a shop; visits are those of an average day of all brands.

    Raises Invalid for numbers that make no programme.
    """

    brands: int = 2
    partners: int = 20
    promos: int = 3
    days: int = 30
    visits: int = 5_000

    def __post_init__(self) -> None:
        for name in ("brands", "partners", "promos", "days"):
            if getattr(self, name) < 1:
                raise Invalid(f"{name} is at least 1", field=(name,))
        if self.brands % 2:
            raise Invalid("brands come in pairs, a casino and a shop", field=("brands",))
        if self.days > MOST_DAYS:
            raise Invalid(f"at most {MOST_DAYS:,} days can be simulated", field=("days",))
        if self.visits < 0:
            raise Invalid("visits is at least 0", field=("visits",))


async def simulate(
    settings: Settings, size: Size, seed: int, progress: Progress, clock: Clock | None = None
) -> int:
    """Make a programme in the configured database, with traffic that ends today; returns its number of visits.

    The same seed on the same day makes the same programme. `progress` gets (what is being done, steps done, steps in
    all). Raises Conflict when the database holds any brand that was not made here, or the programme of this seed.
    """
    await database.connect(settings)
    try:
        box = SecretBox(settings.secret_keys)
        return await simulate_connected(box, clock or SystemClock(), size, seed, progress)
    finally:
        await database.disconnect()


async def simulate_connected(
    box: SecretBox, clock: Clock, size: Size, seed: int, progress: Progress
) -> int:
    """`simulate`, on the connection that is open."""
    system = Scope.system(clock, new_request_id())
    if await system.query(Brand).exclude(code__startswith=PREFIX).exists():
        raise Conflict(
            "the database holds brands that were not simulated: made-up money does not go beside real data, "
            "use an empty database"
        )
    run = f"{random.Random(seed).randrange(16**6):06x}"  # noqa: S311
    if await system.query(Brand).filter(code__startswith=f"{PREFIX}{run}-").exists():
        raise Conflict(f"the programme of seed {seed} is there already: take another seed")
    before = await system.query(Visit).all().count()
    await ensure_partitions(clock.now(), size.days + 2)
    dice = random.Random(seed)  # noqa: S311
    end = clock.now()
    first_day = (end - timedelta(days=size.days - 1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    moving = ManualClock(first_day - timedelta(days=1))
    visit_ids = await take_visit_ids(system)
    casts = await _make_casts(moving, system.request_id, size, run, dice)
    daily = size.visits / size.brands
    volume = Volume(casino_visits=round(daily), shop_visits=round(daily))
    pairs = [Traffic(cast, visit_ids, dice, volume, box) for cast in casts]
    for number in range(size.days):
        day = first_day + timedelta(days=number)
        for place, traffic in enumerate(pairs):
            await traffic.play_day(moving, day, min(day + timedelta(days=1), end))
            progress("traffic", number * len(pairs) + place + 1, size.days * len(pairs))
        await end_day(Scope.system(moving, new_request_id()))
    progress("rollups", 0, 1)
    await settle(system)
    progress("rollups", 1, 1)
    return await system.query(Visit).all().count() - before


async def _make_casts(
    clock: Clock, request_id: str, size: Size, run: str, dice: random.Random
) -> list[Cast]:
    now = clock.now()
    async with transaction():
        pairs = [
            (
                await _brand(f"{PREFIX}{run}-casino-{number}", "casino", REVENUE_SHARE, now),
                await _brand(f"{PREFIX}{run}-shop-{number}", "shop", SALES, now),
            )
            for number in range(1, size.brands // 2 + 1)
        ]
        partners = [
            await Partner.create(
                code=f"S{run}{number}".upper(),
                name=f"Simulated partner {number}",
                state="active",
                currency="EUR",
                created_at=now,
            )
            for number in range(1, size.partners + 1)
        ]
        for partner in partners:
            for brand in (brand for pair in pairs for brand in pair):
                await Affiliation.create(
                    partner=partner, brand=brand, state="accepted", created_at=now, decided_at=now
                )
    casts = []
    for casino, shop in pairs:
        promos: dict[str, list[int]] = {casino.code: [], shop.code: []}
        for partner in partners:
            scope = Scope(
                Actor("system"),
                clock,
                request_id,
                PARTNER_PERMISSIONS[PartnerRole.OWNER],
                partner_id=partner.id,
            )
            for brand in (casino, shop):
                promos[brand.code] += await _promos(scope, brand, size.promos, dice)
        casts.append(Cast(casino, shop, promos))
    return casts


async def _brand(code: str, category: str, terms: dict[str, Any], now: datetime) -> Brand:
    url = f"https://{code}.example/"
    brand = await Brand.create(
        code=code,
        slug=code,
        name=code.replace("-", " ").capitalize(),
        category=category,
        main_url=url,
        time_zone="Europe/Bucharest" if category == "shop" else "Europe/Malta",
        currency=terms["currency"],
        created_at=now,
    )
    await Landing.create(brand=brand, title="Welcome", url=f"{url}welcome", created_at=now)
    plan = await CommissionPlan.create(
        brand=brand, name="Standard", is_default=True, created_at=now
    )
    await PlanVersion.create(
        plan=plan,
        number=1,
        currency=brand.currency,
        terms=terms,
        valid_from=now,
        published_at=now,
        created_at=now,
    )
    return brand


async def _promos(scope: Scope, brand: Brand, count: int, dice: random.Random) -> list[int]:
    landing = await scope.query(Landing).get(brand_id=brand.id)
    campaign = await create_campaign(scope, NewCampaign("Simulated", brand.id))
    made = []
    for number in range(1, count + 1):
        new = NewPromo(campaign.id, f"Link {number}", landing.id, None)
        promo = await create_promo(scope, new, new_code=lambda: random_link_code(dice))
        made.append(promo.id)
    return made

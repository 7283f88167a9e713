"""The first moment of the demo that is not history: two partners have postbacks, and something happens to tell.

The postbacks call the demo's own tracker, a page of the server itself. The history is known to nobody (M38); what is
recorded here is placed by the first worker that runs, so that its postbacks are sent while somebody can watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.domain.activity.record import record_activity
from app.domain.conversions.record import record_conversions
from app.domain.permissions import PARTNER_PERMISSIONS, PartnerRole
from app.domain.players.register import register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import Method, NewPostback, create_postback, disable_postback
from app.domain.postbacks.template import Unresolved
from app.domain.scope import Actor, Scope
from app.domain.simulation.clicks import click_on, link_of, tag_of
from app.domain.simulation.programme import Cast
from app.domain.visits.click import NewVisit
from app.domain.visits.record import write_visits
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.infra.visit_ids import VisitIds
from app.models import Brand, Partner, Promo

# Where the demo's tracker is while nobody says otherwise.
TRACKER = "http://127.0.0.1:8000/tracker"
_PARTNERS = 2
# What the links of the new players carry. The second one lacks what a postback asks for.
_QUERIES = (b"clickID=demo-1&webID=12", b"clickID=demo-2")

_MOVE_TRACKER = r"""
UPDATE postbacks SET url = $1 || substr(url, length((regexp_match(url, $2))[1]) + 1) WHERE url ~ $2
"""
_ANY_TRACKER = r"^(http://(?:127\.0\.0\.1|localhost|\[::1\]):[0-9]+/tracker)/"


async def open_doors(
    system: Scope, cast: Cast, ids: VisitIds, box: SecretBox, tracker: str
) -> None:
    """Give the first partners their postbacks, and let each get two players, a deposit and a sale."""
    for partner in await system.query(Partner).order_by("id").limit(_PARTNERS):
        promos = await system.query(Promo).filter(partner_id=partner.id).order_by("id")
        casino = [promo for promo in promos if promo.brand_id == cast.casino.id]
        shop = [promo for promo in promos if promo.brand_id == cast.shop.id]
        await _make_postbacks(system, partner, casino[0], tracker)
        await _play(system, cast.casino, partner, casino[0], ids, box)
        (tag,) = await _click(system, shop[0], _QUERIES[:1], ids, box)
        await _sell(system, cast.shop, partner, tag)


async def move_tracker(tracker: str) -> None:
    """Let the demo's postbacks follow their tracker to another port."""
    async with transaction() as tx:
        await tx.fetch(_MOVE_TRACKER, tracker, _ANY_TRACKER)


async def _make_postbacks(system: Scope, partner: Partner, promo: Promo, tracker: str) -> None:
    """Of the account, of a campaign and of a promo; one leaves a tag as it is written, one is switched off."""
    owner = PARTNER_PERMISSIONS[PartnerRole.OWNER]
    scope = Scope(Actor("system"), system.clock, system.request_id, owner, partner_id=partner.id)
    base = f"{tracker}/{partner.name.lower().replace(' ', '-')}"
    for new in (
        NewPostback(
            Action.REGISTRATION,
            f"{base}/registration?click=${{clickID}}&player=${{player_id}}&promo=${{promo_id}}&event=${{event_id}}",
        ),
        NewPostback(
            Action.REGISTRATION,
            f"{base}/literal?web=${{webID}}&promo=${{promo_code}}&country=${{country}}",
            campaign_id=promo.campaign_id,
            unresolved=Unresolved.LITERAL,
        ),
        NewPostback(
            Action.FIRST_DEPOSIT,
            f"{base}/first-deposit?click=${{clickID}}&amount=${{amount}}&currency=${{currency}}&event=${{event_id}}",
            campaign_id=promo.campaign_id,
        ),
        NewPostback(
            Action.DEPOSIT,
            f"{base}/deposit?player=${{player_id}}&cents=${{amount_cents}}&currency=${{currency}}&event=${{event_id}}",
            promo_id=promo.id,
            method=Method.POST,
        ),
        NewPostback(
            Action.SALE,
            f"{base}/sale?order=${{transaction_id}}&amount=${{amount}}&currency=${{currency}}&promo=${{promo_id}}",
        ),
    ):
        await create_postback(scope, new, allow_private=True)
    everything = NewPostback(
        Action.ANY, f"{base}/everything?what=${{action}}&promo=${{promo_id}}&event=${{event_id}}"
    )
    off = await create_postback(scope, everything, allow_private=True)
    await disable_postback(scope, off.id)


async def _play(
    system: Scope, casino: Brand, partner: Partner, promo: Promo, ids: VisitIds, box: SecretBox
) -> None:
    """Two players sign up by the promo's link, and the first one deposits."""
    scope, now = _brand_scope(system, casino), system.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    names = [f"opening-{partner.id}-{number}" for number in range(1, len(_QUERIES) + 1)]
    players: list[dict[str, Any]] = [
        {
            "user_id": name,
            "tag": tag,
            "sign_up_at": now.isoformat(),
            "country": "FI",
            "currency": "EUR",
        }
        for name, tag in zip(names, await _click(system, promo, _QUERIES, ids, box), strict=True)
    ]
    await register_players(scope, casino.id, players, box=box)
    deposit = {
        "user_id": names[0],
        "currency": "EUR",
        "deposits_count": 1,
        "deposits_sum": "50.00",
        "first_deposit_at": now.isoformat(),
        "first_deposit_sum": "50.00",
    }
    end = hour + timedelta(minutes=59, seconds=59)
    await record_activity(scope, casino.id, hour.isoformat(), end.isoformat(), [deposit])


async def _sell(system: Scope, shop: Brand, partner: Partner, tag: str) -> None:
    sale = {
        "type": "sale",
        "transaction_id": f"WW-OPENING-{partner.id}",
        "tag": tag,
        "occurred_at": system.now().isoformat(),
        "amount": "249.00",
        "currency": "RON",
        "description": "Linen shirt",
    }
    await record_conversions(_brand_scope(system, shop), shop.id, [sale])


async def _click(
    system: Scope, promo: Promo, queries: Sequence[bytes], ids: VisitIds, box: SecretBox
) -> list[str]:
    """Visitors follow the promo's link; returns the tags that their brand gets."""
    link = await link_of(promo)
    made: list[tuple[NewVisit, str | None]] = []
    for number, query in enumerate(queries, 1):
        ip = f"100.64.{promo.id % 256}.{number}"
        made.append((click_on(system, link, query, ip, ids, box), ip))
    async with transaction() as tx:
        await write_visits(tx, made)
    return [tag_of(visit) for visit, _ in made]


def _brand_scope(system: Scope, brand: Brand) -> Scope:
    return Scope.brand(brand.id, system.clock, system.request_id, offset=timedelta(0), ip=None)

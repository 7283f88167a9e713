"""What the demo's brands tell one by one: orders and what became of them, flags, bonus codes, and one late click."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.brand_events.record import record_brand_events
from app.domain.brands.coupons import create_coupon
from app.domain.held.resolve import resolve_held
from app.domain.players.flags import Flag
from app.domain.players.register import register_players
from app.domain.scope import Scope
from app.domain.simulation.clicks import click_on, link_of, tag_of
from app.domain.simulation.offer import COUPON
from app.domain.simulation.programme import Cast
from app.domain.visits.click import NewVisit
from app.domain.visits.record import write_visits
from app.infra.clock import Clock, ManualClock
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.infra.telemetry import new_request_id
from app.infra.visit_ids import VisitIds
from app.models import Brand, Promo

BONUS_CODE = "OTTER50"
_SEED = 20_117
# Orders are refunded so many days later, and amended the day after.
_REFUND_AFTER, _AMEND_AFTER = timedelta(days=5), timedelta(days=1)
# Nobody is flagged in the first days.
_KNOWN_FOR = timedelta(days=7)


@dataclass(slots=True)
class _Order:
    """An order that the shop told of; closed once it is voided or refunded."""

    id: str
    at: datetime
    amount: Decimal
    open: bool = True


class SingleEvents:
    """Plays the demo's days in order, after their traffic. Its dice are its own."""

    def __init__(self, cast: Cast, ids: VisitIds, box: SecretBox) -> None:
        self._cast, self._ids, self._box = cast, ids, box
        self._dice = random.Random(_SEED)  # noqa: S311
        self._orders: list[_Order] = []
        self._disabled: list[str] = []
        self._told = 0

    async def begin(self, operator: Scope) -> None:
        """Bind the casino's bonus code to a promo."""
        await create_coupon(operator, self._cast.promos[self._cast.casino.code][0], BONUS_CODE)

    async def play_day(
        self,
        clock: Clock,
        visits: Mapping[str, Sequence[NewVisit]],
        players: Mapping[str, datetime],
    ) -> None:
        """What the brands tell at the end of a day, of its visits and of all players with their sign-up."""
        casino, shop = self._cast.casino, self._cast.shop
        orders = self._new_orders(clock, visits[shop.code])
        await self._send(clock, shop, [*orders, *self._corrections(clock)])
        await self._send(clock, casino, self._flags(clock, players))
        await self._register_by_code(clock)

    async def be_late(self, clock: Clock) -> None:
        """A player whose click is still in a journal: held, and taken in once the click has come (W3)."""
        casino = self._cast.casino
        promo = (
            await Scope.system(clock, "demo").query(Promo).get(id=self._cast.promos[casino.code][0])
        )
        moment, ip = clock.now() - timedelta(minutes=30), "100.64.0.7"
        scope = Scope.visitor(ManualClock(moment), "demo")
        visit = click_on(scope, await link_of(promo), b"", ip, self._ids, self._box)
        player = {
            "user_id": "late-click",
            "tag": tag_of(visit),
            "sign_up_at": (moment + timedelta(minutes=9)).isoformat(),
        }
        await register_players(_scope(clock, casino), casino.id, [player], box=self._box)
        async with transaction() as tx:
            await write_visits(tx, [(visit, ip)])
        await resolve_held(Scope.system(clock, new_request_id()), box=self._box)

    async def _send(self, clock: Clock, brand: Brand, items: Sequence[Mapping[str, Any]]) -> None:
        if items:
            await record_brand_events(_scope(clock, brand), brand.id, items)

    def _id(self, kind: str) -> str:
        self._told += 1
        return f"{kind}-{self._told}"

    def _new_orders(self, clock: Clock, visits: Sequence[NewVisit]) -> list[dict[str, Any]]:
        """Orders by telephone, which name a tag or a coupon, and newsletters that visitors subscribed to."""
        dice, events = self._dice, []
        for visit in visits:
            chance = dice.random()
            if chance > 0.03:
                continue
            at = min(visit.occurred_at + timedelta(minutes=dice.uniform(5, 120)), clock.now())
            tag = {"tag": tag_of(visit)}
            if chance > 0.018:
                lead = {"id": self._id("newsletter"), "type": "lead"}
                events.append(lead | tag | {"occurred_at": at.isoformat()})
                continue
            amount = Decimal(dice.randrange(4_000, 60_000)).scaleb(-2)
            order = _Order(self._id("order"), at, amount)
            self._orders.append(order)
            origin = {"coupon": COUPON} if chance < 0.004 else tag
            said = {
                "id": order.id,
                "type": "sale",
                "amount": f"{amount}",
                "occurred_at": at.isoformat(),
            }
            events.append(said | origin | {"description": "Order by telephone"})
        return events

    def _corrections(self, clock: Clock) -> list[dict[str, Any]]:
        """Yesterday's orders are amended or voided now and then, and older ones refunded, in part or whole."""
        dice, now, events = self._dice, clock.now(), []
        for order in self._orders:
            age, chance = now - order.at, dice.random()
            about = {"ref": order.id, "occurred_at": now.isoformat()}
            if not order.open or age < _AMEND_AFTER:
                continue
            if age < _AMEND_AFTER * 2 and chance < 0.2:
                void = chance < 0.06
                order.open = not void
                order.amount += 0 if void else 5
                fix = {"type": "void"} if void else {"type": "amend", "amount": f"{order.amount}"}
                events.append({"id": self._id("fix"), "ref": order.id, **fix})
            elif _REFUND_AFTER <= age < _REFUND_AFTER + _AMEND_AFTER and chance < 0.25:
                order.open = False
                part = {"amount": f"{order.amount / 2:.2f}"} if chance < 0.12 else {}
                events.append({"id": self._id("refund"), "type": "refund", **about, **part})
        return events

    def _flags(self, clock: Clock, players: Mapping[str, datetime]) -> list[dict[str, Any]]:
        """Somebody is flagged every few days; who was disabled may come back."""
        dice, now = self._dice, clock.now()
        known = [user for user, sign_up in players.items() if now - sign_up > _KNOWN_FOR]
        said: list[tuple[str, Flag, bool]] = []
        if known and dice.random() < 0.3:
            user, flag = dice.choice(known), dice.choice(list(Flag))
            said.append((user, flag, True))
            if flag is Flag.DISABLED:
                self._disabled.append(user)
        if self._disabled and dice.random() < 0.05:
            said.append((self._disabled.pop(0), Flag.DISABLED, False))
        return [
            {
                "id": self._id("flag"),
                "type": "flag",
                "user_id": user,
                "flag": flag.value,
                "value": raised,
                "occurred_at": now.isoformat(),
            }
            for user, flag, raised in said
        ]

    async def _register_by_code(self, clock: Clock) -> None:
        """Some players type a bonus code instead of following a link."""
        if self._dice.random() < 0.3:
            casino, at = self._cast.casino, clock.now() - timedelta(hours=self._dice.uniform(1, 9))
            player = {
                "user_id": self._id("code"),
                "bonus_code": BONUS_CODE,
                "sign_up_at": at.isoformat(),
                "country": "FI",
            }
            await register_players(_scope(clock, casino), casino.id, [player], box=self._box)


def _scope(clock: Clock, brand: Brand) -> Scope:
    return Scope.brand(brand.id, clock, new_request_id(), offset=timedelta(0), ip=None)

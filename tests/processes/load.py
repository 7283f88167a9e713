"""A small load on a running instance, which keeps what was acknowledged and tells what was lost."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx

from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.infra import database
from app.infra.clock import SystemClock, business_day, day_bounds
from app.infra.crypto import SecretBox
from app.infra.database import credentials, require_url
from tests.factories import (
    email_of,
    make_brand,
    make_brand_key,
    make_partner,
    make_partner_user,
    make_promo,
    partner_scope,
    post_signed,
    sign_in,
)
from tests.processes.instance import Instance
from tests.tasks.tracker import Received, Tracker

DEPOSIT = Decimal("12.34")

_ZONE = "Europe/Bucharest"
_AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}
_PATIENCE = 60.0
_BRAND_WORKERS = 4
_REPORT = """
query($from: Date!, $to: Date!) {
  performanceReport(input: { from: $from, to: $to }) {
    totals { registrationsCount depositsCount depositsSum { amount currency } }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Programme:
    """A brand with a key, a partner with a user, and a promo whose registrations go to a tracker."""

    brand_id: int
    key: tuple[str, str]
    email: str
    code: str
    postback_path: str


async def make_programme(instance: Instance, tracker: Tracker) -> Programme:
    """A programme of its own in the instance's database."""
    settings, clock = instance.settings(), SystemClock()
    box = SecretBox(settings.secret_keys)
    await database.connect(settings)
    try:
        brand = await make_brand(clock, time_zone=_ZONE)
        key = await make_brand_key(brand, box, clock)
        partner = await make_partner(clock, brand)
        email = await email_of(await make_partner_user(partner, clock, box), box)
        _, promo = await make_promo(partner, brand, clock)
        path = f"/registered/{promo.code}"
        url = f"{tracker.url}{path}?player=${{player_id}}&click=${{clickID}}"
        postback = NewPostback(Action.REGISTRATION, url, promo_id=promo.id)
        await create_postback(partner_scope(partner, clock), postback, allow_private=True)
    finally:
        await database.disconnect()
    return Programme(brand.id, key, email, promo.code, path)


@dataclass(slots=True)
class Load:
    """Clicks, registrations with deposits and report reads, each repeated while the instance is away."""

    client: httpx.AsyncClient
    programme: Programme
    token: str
    # Of every 302 that led to the brand.
    stags: list[str] = field(default_factory=list)
    # By user id; a player is here once its registration was acknowledged.
    players: dict[str, str] = field(default_factory=dict)
    deposits: set[str] = field(default_factory=set)
    reports: int = 0
    # Requests that failed as an outage may make them fail: 503, or no answer.
    postponed: Counter[str] = field(default_factory=Counter)
    # Any other failure.
    unexpected: list[str] = field(default_factory=list)
    stopping: bool = False
    _arrived: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def another(self, count: int) -> None:
        """Wait until that many more registrations with deposits, and a report, were acknowledged."""
        deposits, reports = len(self.deposits) + count, self.reports + 1
        async with asyncio.timeout(_PATIENCE), self._news:
            await self._news.wait_for(
                lambda: (
                    (len(self.deposits) >= deposits and self.reports >= reports)
                    or len(self.unexpected) > 0
                )
            )
        assert not self.unexpected, self.unexpected

    def stop(self) -> None:
        """Let what is under way end."""
        self.stopping = True
        for _ in range(_BRAND_WORKERS):
            self._arrived.put_nowait(None)

    async def visit(self) -> None:
        """Visitors arrive. Nobody repeats a click for them: only answered ones count."""
        while not self.stopping:
            path = f"/{self.programme.code}?clickID={next(self._numbers)}"
            response = await self._once(partial(self.client.get, path, headers=_AGENT))
            if response is not None:
                location = urlsplit(response.headers.get("location", ""))
                if response.status_code == 302 and location.netloc == "brand.example":
                    stag = parse_qs(location.query)["stag"][0]
                    self.stags.append(stag)
                    self._arrived.put_nowait(stag)
                else:
                    await self._unexpected(response)
            await asyncio.sleep(0.01)

    async def report_players(self) -> None:
        """The brand registers each visitor and reports a deposit, and repeats what was not answered."""
        while not self.stopping and (stag := await self._arrived.get()) is not None:
            user_id = f"player-{next(self._numbers)}"
            now = datetime.now(UTC)
            player = {"user_id": user_id, "tag": stag, "sign_up_at": now.isoformat()}
            if await self._acknowledged("/api/v1/players", {"players": [player]}):
                self.players[user_id] = stag
                if await self._acknowledged("/api/v1/activity", _deposit(user_id, now)):
                    self.deposits.add(user_id)
                    await self._tell()

    async def read_reports(self) -> None:
        """The partner looks at the numbers."""
        while not self.stopping:
            response = await self._once(self._ask_report)
            if response is not None:
                errors = response.json().get("errors", [])
                if response.status_code == 200 and not errors:
                    self.reports += 1
                    await self._tell()
                elif {error["extensions"]["code"] for error in errors} == {"UNAVAILABLE"}:
                    self.postponed["UNAVAILABLE"] += 1
                else:
                    await self._unexpected(response)
            await asyncio.sleep(0.2)

    async def totals(self) -> dict[str, Any]:
        """The partner's totals, once the instance answers."""
        response = await self._ask_report()
        totals: dict[str, Any] = response.json()["data"]["performanceReport"]["totals"]
        return totals

    async def _ask_report(self) -> httpx.Response:
        today = business_day(datetime.now(UTC), _ZONE)
        # Yesterday too: the test may run across midnight.
        variables = {"from": str(today - timedelta(days=1)), "to": str(today)}
        return await self.client.post(
            "/partner/graphql",
            json={"query": _REPORT, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    async def _acknowledged(self, path: str, document: dict[str, Any]) -> bool:
        """Send until it is answered; True when the one item is stored, or held until its visit comes."""
        while True:
            response = await self._once(
                partial(post_signed, self.client, path, self.programme.key, document)
            )
            if response is not None:
                break
        statuses = [item["status"] for item in response.json()] if response.is_success else []
        # A player whose visit is still in the click journal, and what follows, is taken in by itself.
        if statuses not in (["created"], ["unchanged"], ["held"]):
            await self._unexpected(response)
            return False
        return True

    async def _once(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response | None:
        """One request; None when the instance is away for a moment."""
        try:
            response = await send()
        except httpx.TransportError as error:
            self.postponed[type(error).__name__] += 1
        else:
            if response.status_code != 503 or "retry-after" not in response.headers:
                return response
            self.postponed["503"] += 1
        await asyncio.sleep(0.05)
        return None

    async def _unexpected(self, response: httpx.Response) -> None:
        self.unexpected.append(f"{response.url.path}: {response.status_code} {response.text[:500]}")
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


async def register(client: httpx.AsyncClient, programme: Programme, count: int) -> None:
    """A visitor arrives, and that many players with its tag sign up at once."""
    click = await client.get(f"/{programme.code}", headers=_AGENT)
    (stag,) = parse_qs(urlsplit(click.headers["location"]).query)["stag"]
    now = datetime.now(UTC).isoformat()
    players = [{"user_id": f"{stag}-{n}", "tag": stag, "sign_up_at": now} for n in range(count)]
    answer = await post_signed(client, "/api/v1/players", programme.key, {"players": players})
    assert [item["status"] for item in answer.json()] == ["created"] * count


def _deposit(user_id: str, at: datetime) -> dict[str, Any]:
    start, end = day_bounds(business_day(at, _ZONE), _ZONE)
    item = {
        "user_id": user_id,
        "deposits_count": 1,
        "deposits_sum": str(DEPOSIT),
        "first_deposit_at": at.isoformat(),
        "first_deposit_sum": str(DEPOSIT),
    }
    return {"from": start.isoformat(), "to": end.isoformat(), "items": [item]}


@asynccontextmanager
async def load_on(instance: Instance, programme: Programme) -> AsyncIterator[Load]:
    """A load that runs while the block does."""
    async with httpx.AsyncClient(base_url=instance.url, timeout=30) as client:
        load = Load(client, programme, await sign_in(client, programme.email))
        async with asyncio.TaskGroup() as tasks:
            work = (*[load.visit] * 2, *[load.report_players] * _BRAND_WORKERS, load.read_reports)
            for each in work:
                tasks.create_task(each())
            try:
                yield load
            finally:
                load.stop()


async def assert_nothing_was_lost(instance: Instance, load: Load, tracker: Tracker) -> None:
    """Compare what was acknowledged with the database, the report and the tracker."""
    connection = await asyncpg.connect(**credentials(require_url(instance.settings())))
    try:
        stored = await _stored_visits(connection, load)
        assert {stag: stored[stag] for stag in load.stags} == dict.fromkeys(load.stags, 1)

        await _nothing_held(connection)
        players = await connection.fetch(_PLAYERS, load.programme.brand_id)
        # A registration whose answer was lost may be there; one that was answered must be.
        assert Counter(row["user_id"] for row in players) >= Counter(load.players.keys())
        assert [row for row in players if row["registrations"] != 1] == []
        deposited = {
            row["user_id"]: (row["activities"], row["sum"], row["first_deposits"])
            for row in players
        }
        assert {user: deposited[user] for user in load.deposits} == dict.fromkeys(
            load.deposits, (1, DEPOSIT, 1)
        )
    finally:
        await connection.close()

    async with httpx.AsyncClient(base_url=instance.url, timeout=30) as client:
        load.client = client
        totals = await load.totals()
    assert totals["registrationsCount"] == len(players)
    assert totals["depositsCount"] == sum(row["activities"] for row in players)
    amounts = [Decimal(money["amount"]) for money in totals["depositsSum"]]
    assert amounts == [sum((row["sum"] for row in players), Decimal(0))]

    expected = {str(row["id"]) for row in players}
    await asyncio.to_thread(
        tracker.wait_for, lambda received: called(received, load.programme) >= expected
    )
    assert called(tracker.received, load.programme) == expected


async def _stored_visits(connection: Any, load: Load) -> Counter[str]:
    """How often each stag is stored, once the journal has been replayed."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            rows = await connection.fetch(
                "SELECT id, promo_id FROM visits WHERE brand_id = $1", load.programme.brand_id
            )
            stored = Counter(f"{row['promo_id']}_{row['id']}" for row in rows)
            if stored.keys() >= set(load.stags):
                return stored
            await asyncio.sleep(0.2)


async def _nothing_held(connection: Any) -> None:
    """Wait until what was held for its visit has been taken in."""
    count = "SELECT count(*) FROM held_items WHERE state = 'held'"
    async with asyncio.timeout(_PATIENCE):
        while True:
            if await connection.fetchval(count) == 0:
                return
            await asyncio.sleep(0.2)


def called(received: list[Received], programme: Programme) -> set[str]:
    """The players whose registration has reached the tracker."""
    return {call.query["player"] for call in received if call.path == programme.postback_path}


_PLAYERS = """
SELECT p.id, p.user_id,
       (SELECT count(*) FROM registrations r
        WHERE r.player_id = p.id AND r.superseded_by IS NULL) AS registrations,
       (SELECT count(*) FROM activities a
        WHERE a.player_id = p.id AND a.superseded_by IS NULL) AS activities,
       (SELECT coalesce(sum(a.deposits_sum), 0) FROM activities a
        WHERE a.player_id = p.id AND a.superseded_by IS NULL) AS sum,
       (SELECT count(*) FROM first_deposits f
        WHERE f.player_id = p.id AND f.superseded_by IS NULL) AS first_deposits
FROM players p WHERE p.brand_id = $1
"""

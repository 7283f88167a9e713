"""Brand intake: items over the signed door beside plain COPY of the very rows that they became, into the same tables.

One server process on one core; PostgreSQL and the sender are on the other. Batches of 1, 100 and 10,000 items, each in
the turn after its copy, each as many rows a COPY as an intake request makes. Then batches of 10,000 while 1 and 10
million earlier rows are there (ROWS=… in the environment says how many in all): `cost_at_…` is the time of an item
there over its time in an empty database, which must stay flat.
`ratio` is the rate of batches of 10,000 over that of their COPY.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx
import orjson

from app.infra import database
from app.infra.clock import SystemClock
from app.infra.crypto import SecretBox
from app.infra.database import credentials
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.models import Player
from app.settings import load_settings
from benchmarks.clicks import serving
from tests.factories import make_brand, make_brand_key, make_partner, make_promo
from tests.servers import start_servers

_TASKSET = shutil.which("taskset") or "taskset"
_PLAYERS = 10_000
# Items of a request, and requests.
_BATCHES = ((1, 300), (100, 60), (10_000, 4))
_GROWN_REQUESTS = 4
_MILESTONES = (1_000_000, 10_000_000)
_DAYS_BACK = 420
# What an item of activity with deposits becomes.
_TABLES = ("recordings", "activities", "events")
_FILL = """
INSERT INTO activities (recording_id, occurred_at, business_day, brand_id, partner_id, campaign_id, plan_id, promo_id,
                        player_id, country, currency, period_from, period_to, deposits_count, deposits_sum)
SELECT $1, day, day::date, $2, $3, $4, $5, $6, player, 'MT', 'EUR', day, day + interval '1 day', 1, 50
FROM generate_series($7::bigint, $8::bigint) AS number,
     LATERAL (SELECT 1000000 + number % 200000 AS player,
                     timestamptz '2020-01-01' + (number / 200000) * interval '1 day' AS day) AS place
"""


@dataclass(frozen=True, slots=True)
class _Sender:
    """A brand that sends."""

    client: httpx.AsyncClient
    key: str
    secret: str

    async def send(self, day: datetime, users: range) -> float:
        """Report a day of those players; returns the seconds that it took. Raises RuntimeError for any refusal."""
        items = [
            {
                "user_id": f"P{number}",
                "currency": "EUR",
                "deposits_count": 1,
                "deposits_sum": "50.00",
                "casino_bets_count": 31,
                "casino_total_bets_sum": "62.00",
                "casino_total_wins_sum": "57.50",
            }
            for number in users
        ]
        end = day + timedelta(days=1)
        document = {"from": day.isoformat(), "to": end.isoformat(), "items": items}
        body = orjson.dumps(document)
        signature = hmac.new(self.secret.encode(), body, hashlib.sha512).hexdigest()
        headers = {"X-Authorization-Key": self.key, "X-Authorization-Sign": signature}
        started = time.perf_counter()
        answer = await self.client.post("/api/v1/activity", content=body, headers=headers)
        seconds = time.perf_counter() - started
        statuses = {result["status"] for result in answer.json()} if answer.is_success else set()
        if statuses != {"created"}:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
        return seconds


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Measure the batches, then the growth."""
    place = Path(tempfile.mkdtemp(prefix="tributary-intake-"))
    pin = [_TASKSET, "-pc", "1", str(os.getpid())]
    subprocess.run(pin, check=True, capture_output=True)
    servers = start_servers(place, durable=True)
    try:
        url, copies = servers.postgres_url_of("tributary"), servers.postgres_url_of("copies")
        return asyncio.run(_measure(url, copies, servers.redis_url, place, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _measure(
    url: str, copies: str, redis_url: str, place: Path, say: Callable[[str], None]
) -> dict[str, float | int | str]:
    secret_key = secrets.token_hex(20)
    first = await asyncpg.connect(**credentials(url))
    await first.execute("CREATE DATABASE copies")
    await first.close()
    ids, (key, secret) = await _prepare(url, secret_key)
    await _prepare(copies, secret_key)
    environment = {
        **os.environ,
        "TRIBUTARY_DATABASE_URL": url,
        "TRIBUTARY_REDIS_URL": redis_url,
        "TRIBUTARY_SECRET_KEYS": secret_key,
        "TRIBUTARY_LOG_LEVEL": "WARNING",
        "TRIBUTARY_CLICK_JOURNAL_DIR": str(place / "journal"),
    }
    figures: dict[str, float | int | str] = {}
    source = await asyncpg.connect(**credentials(url))
    target = await asyncpg.connect(**credentials(copies))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = (today - timedelta(days=back) for back in range(1, _DAYS_BACK))
    with serving("durable", environment) as port:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False
        ) as client:
            sender = _Sender(client, key, secret)
            await sender.send(next(days), range(_PLAYERS))
            for size, requests in _BATCHES:
                ours, copy = await _compare(sender, source, target, days, size, requests)
                figures[f"items_per_second_{size}"] = round(size / ours)
                figures[f"copy_per_second_{size}"] = round(size / copy)
                figures[f"ratio_{size}"] = round(copy / ours, 3)
                say(
                    f"batches of {size:,}: {size / ours:.0f} items/s, COPY {size / copy:.0f} rows/s"
                )
            empty = _PLAYERS / float(figures[f"items_per_second_{_PLAYERS}"])
            most = int(os.environ.get("ROWS", str(_MILESTONES[-1])))
            there = 0
            for rows in [each for each in _MILESTONES if each < most] + [most]:
                await _fill(source, ids, there, rows, say)
                there = rows
                await sender.send(next(days), range(_PLAYERS))
                seconds = [
                    await sender.send(next(days), range(_PLAYERS)) for _ in range(_GROWN_REQUESTS)
                ]
                figures[f"items_per_second_at_{rows}_rows"] = round(_PLAYERS / median(seconds))
                figures[f"cost_at_{rows}_rows"] = round(median(seconds) / empty, 3)
                say(f"at {rows:,} rows: {_PLAYERS / median(seconds):.0f} items/s")
    await source.close()
    await target.close()
    return {**figures, "ratio": figures[f"ratio_{_PLAYERS}"]}


async def _compare(
    sender: _Sender,
    source: asyncpg.Connection,
    target: asyncpg.Connection,
    days: Any,
    size: int,
    requests: int,
) -> tuple[float, float]:
    """The middle seconds of a request of so many items, and of a COPY of its rows, in turns."""
    ours, copies = [], []
    day = next(days)
    users = 0
    for _ in range(requests):
        if users + size > _PLAYERS:
            day, users = next(days), 0
        before = await _last_ids(source)
        ours.append(await sender.send(day, range(users, users + size)))
        users += size
        copies.append(await _copy(source, target, before))
    return median(ours), median(copies)


async def _last_ids(connection: asyncpg.Connection) -> dict[str, int]:
    return {
        table: await connection.fetchval(f"SELECT COALESCE(max(id), 0) FROM {table}")
        for table in _TABLES
    }


async def _copy(
    source: asyncpg.Connection, target: asyncpg.Connection, before: dict[str, int]
) -> float:
    """Copy what was added since to the other database, in one transaction; returns the seconds that the COPY took."""
    rows = {}
    for table in _TABLES:
        columns = await source.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = $1"
            " AND table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position",
            table,
        )
        names = [row["column_name"] for row in columns]
        buffer = io.BytesIO()
        query = f"SELECT {', '.join(names)} FROM {table} WHERE id > {before[table]}"
        await source.copy_from_query(query, output=buffer, format="binary")
        rows[table] = (names, buffer.getvalue())
    started = time.perf_counter()
    async with target.transaction():
        for table, (names, data) in rows.items():
            await target.copy_to_table(
                table, source=io.BytesIO(data), columns=names, format="binary"
            )
    return time.perf_counter() - started


async def _fill(
    connection: asyncpg.Connection,
    ids: tuple[int, ...],
    there: int,
    rows: int,
    say: Callable[[str], None],
) -> None:
    """Earlier activity of 200,000 other players, from 2020 on; no server would have taken that long to get it."""
    step = 500_000
    await connection.execute("SET statement_timeout = 0")
    for start in range(there, rows, step):
        end = min(start + step, rows)
        await connection.execute(_FILL, *ids, start + 1, end)
        say(f"{end:,} earlier rows")
    await connection.execute("VACUUM ANALYZE activities")


async def _prepare(url: str, secret_key: str) -> tuple[tuple[int, ...], tuple[str, str]]:
    """A migrated database with a brand and its players; the ids that facts carry, and the brand's key and secret."""
    settings = load_settings(database_url=url, secret_keys=secret_key)
    await migrate(settings, lambda _line: None)
    await database.connect(settings)
    clock = SystemClock()
    now = clock.now()
    await ensure_partitions(now, _DAYS_BACK)
    await ensure_partitions(datetime(2020, 3, 1, tzinfo=UTC), 60)
    brand = await make_brand(clock, time_zone="UTC")
    partner = await make_partner(clock, brand)
    campaign, promo = await make_promo(partner, brand, clock)
    signed_up = now - timedelta(days=_DAYS_BACK)
    await Player.bulk_create(
        [
            Player(
                brand_id=brand.id,
                user_id=f"P{number}",
                partner_id=partner.id,
                campaign_id=campaign.id,
                promo_id=promo.id,
                country="MT",
                currency="EUR",
                sign_up_at=signed_up,
                created_at=signed_up,
            )
            for number in range(_PLAYERS)
        ],
        batch_size=1_000,
    )
    key = await make_brand_key(brand, SecretBox(settings.secret_keys), clock)
    rows = await database.fetch("INSERT INTO recordings DEFAULT VALUES RETURNING id")
    await database.disconnect()
    ids = (rows[0]["id"], brand.id, partner.id, campaign.id, campaign.plan_id, promo.id)
    return ids, key

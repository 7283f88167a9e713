"""Time partitions: next months always exist, and address partitions past their retention are dropped.

Visits and their addresses are partitioned by range of visit id, which starts with the visit's time; facts by month of
their business day. A partition is made beside its table and then attached. Attaching and dropping need a lock for an
instant; while they wait for it everybody else waits behind them, so they give up soon and the next tick tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.infra.database import fetch
from app.infra.visit_ids import first_visit_id

FACT_TABLES = ("registrations", "first_deposits", "activities", "conversions")
# What was found out about visits after they were recorded.
VERDICT_TABLES = ("unique_visits", "duplicate_visits")
# Sums by hour and device, and by player.
ROLLUP_TABLES = ("hourly_rollups", "player_rollups")
MONTHS_AHEAD = 3
DAYS_AHEAD = 7
# Partitions are made long before they are needed, so that a click never has to wait for one.
_LOCK_TIMEOUT = "PERFORM set_config('lock_timeout', '1s', true);"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its table, its name, the column it is made by and its bounds as SQL, the upper one excluded."""

    table: str
    name: str
    column: str
    lower: str
    upper: str


def months(first: date, last: date) -> list[date]:
    """The first day of each month from that of `first` to that of `last`."""
    found = [first.replace(day=1)]
    while (following := _next_month(found[-1])) <= last:
        found.append(following)
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def wanted(now: datetime, history_days: int = 0) -> list[Partition]:
    """The partitions that must exist at `now`, and for `history_days` before it (an import, a demo)."""
    today = now.astimezone(UTC).date()
    since = today - timedelta(days=history_days + 1)
    ahead = today + timedelta(days=31 * MONTHS_AHEAD)
    found = []
    for month in months(since, ahead):
        name, following = f"{month:%Y_%m}", _next_month(month)
        found += [
            Partition(table, f"{table}_{name}", "business_day", f"'{month}'", f"'{following}'")
            for table in (*FACT_TABLES, *VERDICT_TABLES, *ROLLUP_TABLES)
        ]
        found += [
            _by_visit_id(table, name, month, following) for table in ("visits", "fallback_visits")
        ]
    days = (today - since).days + DAYS_AHEAD
    for day in (since + timedelta(days=n) for n in range(days + 1)):
        name = f"{day:%Y_%m_%d}"
        found.append(_by_visit_id("visit_addresses", name, day, day + timedelta(days=1)))
    return found


def _by_visit_id(table: str, suffix: str, first: date, following: date) -> Partition:
    lower, upper = (
        first_visit_id(datetime.combine(day, time(), UTC)) for day in (first, following)
    )
    column = "visit_id" if table == "visit_addresses" else "id"
    return Partition(table, f"{table}_{suffix}", column, str(lower), str(upper))


async def ensure_partitions(now: datetime, history_days: int = 0) -> list[str]:
    """Make the partitions that are missing and return their names. Safe to run twice, and at once.

    Rows that came before their partition move into it. Raises TransactionAborted when a long read is in the way.
    """
    rows = await fetch("SELECT relname FROM pg_class WHERE relispartition")
    present = {row["relname"] for row in rows}
    missing = [part for part in wanted(now, history_days) if part.name not in present]
    for part in missing:
        await fetch(_attach(part))
    return [part.name for part in missing]


def _attach(part: Partition) -> str:
    # Identity by name: two schedulers may try the same partition; the second finds it attached.
    # A fact may move to another partition, though it may never be deleted: the triggers look away meanwhile.
    mine = f"{part.column} >= {part.lower} AND {part.column} < {part.upper}"
    return f"""
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('partition {part.name}'));
    IF EXISTS (SELECT 1 FROM pg_class WHERE relname = '{part.name}' AND relispartition) THEN
        RETURN;
    END IF;
    {_LOCK_TIMEOUT}
    CREATE TABLE IF NOT EXISTS {part.name}
        (LIKE {part.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
    LOCK TABLE ONLY {part.table} IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE {part.table}_default IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT 1 FROM {part.table}_default WHERE {mine}) THEN
        ALTER TABLE {part.table}_default DISABLE TRIGGER USER;
        INSERT INTO {part.name} SELECT * FROM {part.table}_default WHERE {mine};
        DELETE FROM {part.table}_default WHERE {mine};
        ALTER TABLE {part.table}_default ENABLE TRIGGER USER;
    END IF;
    ALTER TABLE {part.table} ATTACH PARTITION {part.name}
        FOR VALUES FROM ({part.lower}) TO ({part.upper});
END $$
"""


async def drop_old_addresses(now: datetime, retention_days: int) -> list[str]:
    """Drop the daily address partitions that are past their retention, and return their names (M04).

    Raises TransactionAborted when a long read is in the way.
    """
    keep_from = now.astimezone(UTC).date() - timedelta(days=retention_days)
    rows = await fetch(
        "SELECT relname FROM pg_class WHERE relispartition AND relname ~ '^visit_addresses_[0-9_]+$'"
        " ORDER BY relname"
    )
    old = [
        row["relname"] for row in rows if row["relname"] < f"visit_addresses_{keep_from:%Y_%m_%d}"
    ]
    for name in old:
        # One at a time: two drops of one partition at once confuse PostgreSQL's catalogue.
        lock = f"PERFORM pg_advisory_xact_lock(hashtext('partition {name}'));"
        await fetch(f"DO $$ BEGIN {_LOCK_TIMEOUT} {lock} DROP TABLE IF EXISTS {name}; END $$")
    # Addresses that came when no partition was there.
    oldest = first_visit_id(datetime.combine(keep_from, time(), UTC))
    await fetch("DELETE FROM visit_addresses_default WHERE visit_id < $1", oldest)
    return old

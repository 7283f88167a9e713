"""What the database itself refuses, whoever asks (decisions 2 and 3, M42)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from app.domain.activity.record import record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.conversions.record import record_conversions
from app.domain.players.register import register_players
from app.infra.clock import ManualClock
from app.infra.database import IntegrityViolation, UniqueViolation, fetch
from app.infra.partitions import FACT_TABLES
from app.models import Affiliation, CommissionPlan, PlanVersion, Postback, Session
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    BOX,
    World,
    brand_scope,
    day_interval,
    make_brand,
    make_partner_user,
    make_world,
)

# Flags are few, and in one table.
FACTS = (*FACT_TABLES, "player_flags")
HISTORY = (*FACTS, "visits", "events", "fact_changes")


async def refused(statement: str, *values: Any) -> None:
    with pytest.raises(IntegrityViolation):
        await fetch(statement, *values)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A programme with a fact of every kind, and a correction."""
    made = await make_world(clock)
    scope, brand = brand_scope(made.brand, clock), made.brand.id
    await register_players(scope, brand, [made.player("p1", disabled=True)], box=BOX)
    day = day_interval(NOW - timedelta(hours=14))
    deposit = {"first_deposit_at": NOW.isoformat(), "first_deposit_sum": "5"}
    for amount in ("5", "6"):
        item = {"user_id": "p1", "deposits_sum": amount, **deposit}
        await record_activity(scope, brand, day["from"], day["to"], [item])
    sale = {"type": "sale", "transaction_id": "t", "tag": made.tag, "amount": "5"}
    await record_conversions(scope, brand, [{**sale, "occurred_at": NOW.isoformat()}])
    return made


async def count(table: str) -> int:
    return int((await fetch(f"SELECT count(*) AS count FROM {table}"))[0]["count"])


# History


async def test_history_can_neither_be_deleted_nor_rewritten(world: World) -> None:
    before = {table: await count(table) for table in HISTORY}
    assert all(before.values())

    for table in HISTORY:
        await refused(f"DELETE FROM {table}")
        await refused(f"UPDATE {table} SET partner_id = 4711")
        await refused(f"UPDATE {table} SET recording_id = recording_id + 1")

    assert {table: await count(table) for table in HISTORY} == before


async def test_the_partitions_refuse_it_as_well(world: World) -> None:
    for table in (*FACT_TABLES, "visits"):
        rows = await fetch(f"SELECT DISTINCT tableoid::regclass::text AS name FROM {table}")
        for row in rows:
            await refused(f"DELETE FROM {row['name']}")
            await refused(f"UPDATE {row['name']} SET country = 'FR'")


async def test_a_fact_may_be_superseded_once_and_nothing_else(world: World) -> None:
    for table in FACTS:
        holding = f"UPDATE {table} SET superseded_by = 99 WHERE superseded_by IS NULL"
        await refused(holding.replace("99", "99, country = 'FR'"))
        await fetch(holding)
        for again in ("98", "NULL", "99"):
            await refused(f"UPDATE {table} SET superseded_by = {again}")


async def test_what_a_brand_sent_is_never_rewritten_w3(world: World) -> None:
    item = {"id": "e1", "type": "deposit", "user_id": "p1", "amount": "5"}
    items = [{**item, "occurred_at": NOW.isoformat()}]
    await record_brand_events(brand_scope(world.brand, world.clock), world.brand.id, items)

    await refused("DELETE FROM brand_events")
    for change in ("event_id = 'e2'", "content = '{}'", "type = 'bet'", "ref_id = 1"):
        await refused(f"UPDATE brand_events SET {change}")
    await fetch("UPDATE brand_events SET voided = true")
    await refused("UPDATE brand_events SET voided = false")


async def test_a_recording_with_events_cannot_be_removed(world: World) -> None:
    await refused("DELETE FROM recordings")


async def test_a_position_is_given_once(world: World) -> None:
    await fetch("UPDATE recordings SET position = 1 WHERE id = (SELECT min(id) FROM recordings)")

    with pytest.raises(UniqueViolation):
        await fetch("UPDATE recordings SET position = 1 WHERE position IS NULL")


async def test_the_end_of_the_log_is_one_row(database: Settings) -> None:
    await refused("INSERT INTO sequence_heads (id, position) VALUES (2, 0)")


# The brand's business day


SET_ZONE = "UPDATE brands SET time_zone = 'Asia/Tokyo' WHERE id = $1"


async def test_the_time_zone_of_a_brand_without_facts_may_change_m42(
    database: Settings, clock: ManualClock
) -> None:
    brand = await make_brand(clock)

    await fetch(SET_ZONE, brand.id)

    await brand.refresh_from_db()
    assert brand.time_zone == "Asia/Tokyo"


async def test_a_single_visit_freezes_the_time_zone_of_its_brand_m42(
    database: Settings, clock: ManualClock
) -> None:
    world, other = await make_world(clock), await make_brand(clock)

    await refused(SET_ZONE, world.brand.id)
    await fetch(SET_ZONE, other.id)


async def test_a_frozen_brand_may_change_everything_else(world: World) -> None:
    await fetch("UPDATE brands SET name = 'New', cookie_days = 7 WHERE id = $1", world.brand.id)
    await fetch("UPDATE brands SET time_zone = time_zone WHERE id = $1", world.brand.id)

    await world.brand.refresh_from_db()
    assert (world.brand.name, world.brand.cookie_days) == ("New", 7)


# Plans


async def make_version(clock: ManualClock, **columns: Any) -> PlanVersion:
    brand = await make_brand(clock)
    plan = await CommissionPlan.get(brand_id=brand.id)
    values: dict[str, Any] = {
        "plan": plan,
        "number": 1,
        "currency": "EUR",
        "terms": {"rewards": []},
        "valid_from": clock.now(),
        "created_at": clock.now(),
    }
    return await PlanVersion.create(**(values | columns))


async def test_a_draft_of_a_plan_may_change_be_published_or_thrown_away(
    database: Settings, clock: ManualClock
) -> None:
    draft, other = await make_version(clock), await make_version(clock)

    await fetch("UPDATE plan_versions SET terms = '{}' WHERE id = $1", draft.id)
    await fetch("UPDATE plan_versions SET published_at = now() WHERE id = $1", draft.id)
    await fetch("DELETE FROM plan_versions WHERE id = $1", other.id)

    assert await PlanVersion.all().count() == 1


async def test_a_published_version_of_a_plan_never_changes(
    database: Settings, clock: ManualClock
) -> None:
    await make_version(clock, published_at=clock.now())

    await refused("UPDATE plan_versions SET terms = '{}'")
    await refused("UPDATE plan_versions SET published_at = NULL")
    await refused("UPDATE plan_versions SET valid_from = now()")
    await refused("DELETE FROM plan_versions")


async def test_the_numbers_of_a_plans_versions_are_unique(
    database: Settings, clock: ManualClock
) -> None:
    version = await make_version(clock)

    with pytest.raises(UniqueViolation):
        await fetch(
            "INSERT INTO plan_versions (plan_id, number, currency, terms, valid_from, created_at)"
            " SELECT plan_id, number, currency, terms, valid_from, created_at FROM plan_versions"
            " WHERE id = $1",
            version.id,
        )


# Relations


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM brands",
        "DELETE FROM partners",
        "DELETE FROM campaigns",
        "DELETE FROM promos",
        "DELETE FROM commission_plans",
    ],
)
async def test_what_is_still_referred_to_cannot_be_deleted(world: World, statement: str) -> None:
    await refused(statement)


async def test_a_user_id_belongs_to_one_player_of_a_brand(world: World) -> None:
    with pytest.raises(UniqueViolation):
        await fetch(
            "INSERT INTO players (brand_id, user_id, partner_id, campaign_id, promo_id, country,"
            " currency, sign_up_at, created_at)"
            " SELECT brand_id, user_id, partner_id, campaign_id, promo_id, country, currency,"
            " sign_up_at, created_at FROM players"
        )


async def test_a_partner_has_one_relation_to_a_brand(world: World) -> None:
    with pytest.raises(IntegrityError, match="partner_id, brand_id"):
        await Affiliation.create(
            partner=world.partner, brand=world.brand, state="pending", created_at=NOW
        )


async def test_a_postback_is_of_the_account_or_a_campaign_or_a_promo_never_two(
    world: World,
) -> None:
    both: dict[str, Any] = {"campaign": world.campaign, "promo": world.promo}
    with pytest.raises(IntegrityError, match="postbacks_one_scope"):
        await Postback.create(
            partner=world.partner, action="any", url="https://x.test/", created_at=NOW, **both
        )


async def test_a_session_is_of_one_user_that_exists_and_has_one_kind_of_token(
    world: World, clock: ManualClock
) -> None:
    user = await make_partner_user(world.partner, clock)
    times: dict[str, Any] = dict.fromkeys(("created_at", "last_used_at", "expires_at"), NOW)
    refusals: list[tuple[dict[str, Any], str]] = [
        ({}, "sessions_one_token"),
        ({"token_hash": "b" * 64, "client": "c"}, "sessions_one_token"),
        ({"token_hash": "a" * 64}, "token_hash"),
    ]

    await Session.create(user=user, token_hash="a" * 64, **times)

    for tokens, reason in refusals:
        with pytest.raises(IntegrityError, match=reason):
            await Session.create(user=user, **tokens, **times)
    for user_id in (None, user.id + 4_711):
        with pytest.raises((IntegrityError, ValueError), match="user_id"):
            await Session.create(user_id=user_id, token_hash="d" * 64, **times)


async def test_a_team_member_has_a_partner_and_staff_has_none(
    world: World, clock: ManualClock
) -> None:
    user = await make_partner_user(world.partner, clock)

    await refused("UPDATE users SET partner_id = NULL WHERE id = $1", user.id)
    await refused("UPDATE users SET audience = 'staff' WHERE id = $1", user.id)
    await refused("UPDATE users SET audience = 'somebody' WHERE id = $1", user.id)

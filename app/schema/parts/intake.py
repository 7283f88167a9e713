"""Brands' intake as operators use it: sources, held items, flags, data that is entered by hand (W3, O21)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain import operator_intake
from app.domain.brands import metric_sources
from app.domain.brands.brand_rows import require_brand
from app.domain.held import resolve
from app.domain.players import flags
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.types.brand_settings import BrandPayload
from app.schema.types.held_item import (
    HeldItem,
    HeldItemFilterInput,
    PlayerFlag,
    PlayerFlagFilterInput,
)
from app.schema.types.intake import (
    ActivityIntakeResult,
    EventIntakeResult,
    PlayerIntakeResult,
    SendActivityInput,
    SendActivityPayload,
    SendEventsInput,
    SendEventsPayload,
    SendPlayersInput,
    SendPlayersPayload,
    as_sent,
)
from app.schema.types.metric_source import SetMetricSourceInput

# A batch of a thousand items.
_BATCH_COST = 100


@strawberry.type
class IntakeQueries:
    held_items = connection(
        HeldItem,
        resolve.held_items,
        resolve.HeldItemOrder,
        HeldItemFilterInput,
        "What brands sent of clicks that are still in a journal, and what became of it (W3).",
    )
    player_flags = connection(
        PlayerFlag,
        flags.player_flags,
        flags.FlagOrder,
        PlayerFlagFilterInput,
        "The histories of players' flags: what was said, from when on it holds (M06).",
    )


@strawberry.type
class IntakeMutations:
    @mutation(
        permission_of(metric_sources.set_metric_source),
        "Choose whether a brand's activity or its events count for some metrics, from a business day on; the other is "
        "stored and never counted (W3).",
    )
    async def set_metric_source(
        self, info: Info[Any, Any], input: SetMetricSourceInput
    ) -> BrandPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        scope = scope_of(info)
        await metric_sources.set_metric_source(
            scope,
            brand_id,
            *input.to_domain(),
        )
        return BrandPayload.of(await require_brand(scope, brand_id))

    @mutation(
        permission_of(operator_intake.send_players),
        "Enter players of a brand by hand, as it would send them; the log names you (W3). A bad item refuses only "
        "itself.",
        cost=_BATCH_COST,
    )
    async def send_players(
        self, info: Info[Any, Any], input: SendPlayersInput
    ) -> SendPlayersPayload:
        results = await operator_intake.send_players(
            scope_of(info),
            decode_id("Brand", input.brand_id, "brandId"),
            [as_sent(item) for item in input.players],
            box=context_of(info).services.box,
        )
        return SendPlayersPayload(results=[PlayerIntakeResult.of(each) for each in results])

    @mutation(
        permission_of(operator_intake.send_activity),
        "Enter by hand what players of a brand did in an interval, as it would send it; the log names you (W3). A bad "
        "item refuses only itself.",
        cost=_BATCH_COST,
    )
    async def send_activity(
        self, info: Info[Any, Any], input: SendActivityInput
    ) -> SendActivityPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        results = await operator_intake.send_activity(scope_of(info), brand_id, input.to_domain())
        return SendActivityPayload(results=[ActivityIntakeResult.of(each) for each in results])

    @mutation(
        permission_of(operator_intake.send_events),
        "Enter single events of a brand by hand, as it would send them: deposits, sales, refunds, flags, voids; the "
        "log names you (W3). A bad item refuses only itself.",
        cost=_BATCH_COST,
    )
    async def send_events(self, info: Info[Any, Any], input: SendEventsInput) -> SendEventsPayload:
        through = input.complete_through
        results = await operator_intake.send_events(
            scope_of(info),
            decode_id("Brand", input.brand_id, "brandId"),
            [as_sent(item) for item in input.events],
            through.isoformat() if through else None,
        )
        return SendEventsPayload(results=[EventIntakeResult.of(each) for each in results])

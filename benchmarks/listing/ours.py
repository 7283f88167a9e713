"""This server's machinery over the table: session, cost bucket, limits, keyset connection, loaders, transport.

Only the largest page is raised for the question of 1,000 rows; everything else is the product's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from tortoise import Tortoise, fields

from app.domain import paging
from app.domain.accounts.users import Audience
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import SystemClock
from app.infra.crypto import CursorSigner, SecretBox
from app.infra.database import tortoise_config
from app.infra.redis import RedisClient
from app.infra.telemetry import configure_logging
from app.models.base import TenantModel
from app.schema.assemble import assemble
from app.schema.connections import connection
from app.schema.context import Services
from app.schema.execution import analysis
from app.schema.execution.endpoint import Endpoint
from app.schema.fields import Access, mutation
from app.schema.node import Node
from app.schema.scalars import Count
from app.schema.ticks import ticks_field
from app.schema.transport.http import HttpTransport
from app.schema.transport.live import Live
from app.schema.transport.sse import Streams
from app.schema.types.users import DonePayload
from app.settings import load_settings
from app.web.middleware import RequestContext


class Item(TenantModel):
    """A row of the benchmark's table."""

    id = fields.BigIntField(primary_key=True)
    name = fields.TextField()
    code = fields.TextField()
    state = fields.TextField()
    country = fields.TextField()
    currency = fields.TextField()
    amount = fields.DecimalField(max_digits=38, decimal_places=2)
    visits = fields.IntField()
    created_at = fields.DatetimeField()
    note = fields.TextField()

    class Meta:
        schema = "bench"
        table = "items"


class ItemOrder(StrEnum):
    """The order of items."""

    OLDEST = "oldest"


@requires(Permission.READ_OFFERS)
async def items(scope: Scope) -> Listing[Item]:
    """All items."""
    return Listing(scope.query(Item), {ItemOrder.OLDEST: Ordering(("id",))})


@strawberry.type(name="Item", description="A row of the benchmark's table.")
class ItemType(Node):
    name: str = strawberry.field(description="Plain.")
    code: str = strawberry.field(description="Plain.")
    state: str = strawberry.field(description="Plain.")
    country: str = strawberry.field(description="Plain.")
    currency: str = strawberry.field(description="Plain.")
    amount: Decimal = strawberry.field(description="Plain.")
    visits: Count = strawberry.field(description="Plain.")
    created_at: datetime = strawberry.field(description="Plain.")
    note: str = strawberry.field(description="Plain.")

    @classmethod
    def of(cls, row: Item) -> ItemType:
        """From the model."""
        return cls(
            id=strawberry.ID(str(row.id)),
            name=row.name,
            code=row.code,
            state=row.state,
            country=row.country,
            currency=row.currency,
            amount=row.amount,
            visits=Count(row.visits),
            created_at=row.created_at,
            note=row.note,
        )


@strawberry.type(description="Reads.")
class Query:
    items = connection(ItemType, items, ItemOrder, None, "Items.")


@strawberry.type(description="Changes.")
class Mutation:
    @mutation(Access.PUBLIC, "Nothing.")
    async def nothing(self) -> DonePayload:
        return DonePayload(done=True)


@strawberry.type(description="Follows.")
class Subscription:
    ticks = ticks_field()


def create() -> Starlette:
    """The application, from the environment."""
    for module in (paging, analysis):
        module.__dict__["LARGEST_PAGE"] = 1_000
    settings = load_settings()
    configure_logging(settings, "benchmark")
    services = Services(
        settings, SystemClock(), SecretBox(settings.secret_keys), CursorSigner(settings.secret_keys)
    )
    schema = assemble(Query, Mutation, Subscription, types=())
    endpoint = Endpoint("partner", schema, Audience.PARTNER, services, RedisClient(settings))
    config: dict[str, Any] = tortoise_config(settings)
    config["apps"]["bench"] = {"models": [__name__], "default_connection": "default"}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await Tortoise.init(config=config, _enable_global_fallback=True)
        yield
        await Tortoise.close_connections()

    transport = HttpTransport(endpoint, Streams(Live(10)))
    application = Starlette(routes=[Route("/graphql", transport)], lifespan=lifespan)
    application.add_middleware(RequestContext)
    return application

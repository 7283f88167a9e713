"""A subscription that only counts: a client tests its connection with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.errors import Invalid
from app.schema.context import context_of
from app.schema.fields import Access, subscription

_SHORTEST, _LONGEST = 50, 60_000


@strawberry.type(description="One tick of a connection test.")
class Tick:
    number: int = strawberry.field(description="Counts up from 1.")
    at: datetime = strawberry.field(description="The server's time, UTC.")


async def _ticks(
    info: Info[Any, Any],
    interval_milliseconds: Annotated[
        int, strawberry.argument(description=f"Time between two ticks, {_SHORTEST} to {_LONGEST}.")
    ] = 1_000,
    count: Annotated[
        int | None, strawberry.argument(description="How many ticks; none: until you end it.")
    ] = None,
) -> AsyncGenerator[Tick, None]:
    if not _SHORTEST <= interval_milliseconds <= _LONGEST:
        raise Invalid(
            f"intervalMilliseconds is {interval_milliseconds}: ask for {_SHORTEST} to {_LONGEST}",
            field=("intervalMilliseconds",),
        )
    clock = context_of(info).services.clock
    number = 0
    while count is None or number < count:
        number += 1
        yield Tick(number=number, at=clock.now())
        await asyncio.sleep(interval_milliseconds / 1_000)


def ticks_field() -> Any:
    """The subscription `ticks`, for either schema."""
    return subscription(Access.SIGNED_IN, "Counts up: to test a live connection.")(_ticks)

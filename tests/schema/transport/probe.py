"""A schema that only tests have: fields that fail, flood, and remember what they were given."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.errors import Invalid
from app.resolvers.loaders import Loaders
from app.schema import partner
from app.schema.assemble import assemble
from app.schema.context import context_of
from app.schema.fields import Access, query, subscription

SECRET = "hunter2 in /srv/tributary/app.py"
CHUNK = "x" * 16 * 1024


@dataclass(slots=True)
class Seen:
    """What happened in the resolvers since the test began."""

    flooded: int = 0
    ended: bool = False
    loaders: list[Loaders] = field(default_factory=list)


SEEN = Seen()


def forget() -> Seen:
    """Begin anew."""
    SEEN.flooded, SEEN.ended = 0, False
    SEEN.loaders.clear()
    return SEEN


@strawberry.type(description="A thing whose field uses the loaders.")
class Thing:
    number: int = strawberry.field(description="Counts.")

    @strawberry.field(description="Remembers the loaders of its operation.")  # type: ignore[untyped-decorator]
    def loaders(self, info: Info[Any, Any]) -> int:
        SEEN.loaders.append(context_of(info).loaders)
        return len(SEEN.loaders)


@strawberry.type(description="Reads.")
class Query:
    @query(Access.PUBLIC, "Fails as nobody foresaw.")
    def broken(self) -> str:
        raise RuntimeError(SECRET)

    @query(Access.PUBLIC, "Fails with the kind of error that scalars refuse values with.")
    def wrong(self) -> str:
        raise ValueError(SECRET)

    @query(Access.PUBLIC, "Is refused by the domain.")
    def refused(self) -> str:
        raise Invalid("the name is too long: 20 characters at most")

    @query(Access.SIGNED_IN, "A thing.")
    def thing(self) -> Thing:
        return Thing(number=1)


async def _flood() -> AsyncGenerator[str, None]:
    try:
        while True:
            SEEN.flooded += 1
            yield CHUNK
    finally:
        SEEN.ended = True


async def _failing() -> AsyncGenerator[int, None]:
    yield 1
    raise RuntimeError(SECRET)


async def _unstartable() -> AsyncGenerator[int, None]:
    if SECRET:
        raise ValueError(SECRET)
    yield 1


async def _things() -> AsyncGenerator[Thing, None]:
    for number in range(3):
        yield Thing(number=number)


@strawberry.type(description="Follows.")
class Subscription:
    flood = subscription(Access.PUBLIC, "As much as the client reads.")(_flood)
    failing = subscription(Access.PUBLIC, "Fails after its first event.")(_failing)
    unstartable = subscription(Access.PUBLIC, "Fails before its first event.")(_unstartable)
    things = subscription(Access.SIGNED_IN, "Three things.")(_things)


# The mutations of the partner schema: tests sign in.
schema = assemble(Query, partner.Mutation, Subscription, types=())

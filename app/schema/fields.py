"""How root fields are declared: each says once who may use it and what it costs (G10, G12).

The permission is that of the domain function behind the field. It is checked before the resolver runs, printed in the
field's description, and walked by the matrix test. A root field that is declared in any other way fails the build.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from app.domain.errors import DomainError, Forbidden, Unauthenticated
from app.domain.permissions import Permission
from app.schema.context import context_of
from app.schema.errors import user_error


class Access(Enum):
    """Fields that need no permission."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"


Requirement: TypeAlias = Permission | Access

ACCESS = "access"
COST = "cost"
# A list whose selected fields are charged once for each item of the page that is asked for …
PAGED = "paged"
# … of which only the fields with the items themselves are multiplied, not its count or its page info.
PER_ITEM = "per item"

OBJECT_COST = 1
MUTATION_COST = 10


def permission_of(function: Callable[..., Any]) -> Permission:
    """The permission that a domain function declares; raises TypeError when it declares none."""
    permission = getattr(function, "permission", None)
    if not isinstance(permission, Permission):
        raise TypeError(f"{function.__qualname__} declares no permission")
    return permission


class _Guard(FieldExtension):
    """Refuses a field before its resolver runs."""

    def __init__(self, requirement: Requirement) -> None:
        self._requirement = requirement

    def _check(self, info: Info[Any, Any]) -> None:
        if self._requirement is Access.PUBLIC:
            return
        user = context_of(info).caller.user
        if user is None:
            raise Unauthenticated
        if (
            isinstance(self._requirement, Permission)
            and self._requirement not in user.scope.permissions
        ):
            name = self._requirement.value
            raise Forbidden(f"this needs the permission {name}", permission=name)

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **arguments: Any
    ) -> Any:
        self._check(info)
        return next_(source, info, **arguments)

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **arguments: Any
    ) -> Any:
        self._check(info)
        return await next_(source, info, **arguments)


class _UserErrors(FieldExtension):
    """Turns what the domain refuses into the payload's `userErrors` (G23)."""

    def __init__(self, payload: type) -> None:
        self._payload = payload

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **arguments: Any
    ) -> Any:
        try:
            return await next_(source, info, **arguments)
        except (Unauthenticated, Forbidden):
            raise
        except DomainError as error:
            return self._payload(user_errors=[user_error(error)])


def describe(description: str, requirement: Requirement) -> str:
    """A field's description with the words that say who may use it."""
    if requirement is Access.PUBLIC:
        return f"{description}\n\nAnybody may use it."
    if requirement is Access.SIGNED_IN:
        return f"{description}\n\nNeeds a session."
    return f"{description}\n\nNeeds the permission `{requirement.value}`."


def query(
    requirement: Requirement, description: str, *, cost: int = OBJECT_COST, paged: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a root field of a query. `cost` is charged besides that of the selected fields.

    Of a `paged` field the selected fields are charged once for each item of the page that is asked for.
    """

    def declare(resolver: Callable[..., Any]) -> StrawberryField:
        field: StrawberryField = strawberry.field(
            resolver,
            description=describe(description, requirement),
            metadata={ACCESS: requirement, COST: cost, PAGED: paged},
            extensions=[_Guard(requirement)],
        )
        return field

    return declare


def mutation(
    requirement: Requirement, description: str, *, cost: int = MUTATION_COST
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a mutation: one `input`, and a payload with `userErrors` that a refused call returns."""

    def declare(resolver: Callable[..., Any]) -> StrawberryField:
        payload = inspect.get_annotations(resolver, eval_str=True)["return"]
        field: StrawberryField = strawberry.mutation(
            resolver,
            description=describe(description, requirement),
            metadata={ACCESS: requirement, COST: cost},
            extensions=[_Guard(requirement), _UserErrors(payload)],
        )
        return field

    return declare


def subscription(
    requirement: Requirement, description: str, *, cost: int = MUTATION_COST
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a subscription. Its access is checked when the operation starts (`check_access`)."""

    def declare(resolver: Callable[..., Any]) -> StrawberryField:
        field: StrawberryField = strawberry.subscription(
            resolver,
            description=describe(description, requirement),
            metadata={ACCESS: requirement, COST: cost},
        )
        return field

    return declare


def check_access(requirement: Requirement, permissions: frozenset[Permission] | None) -> None:
    """Raise Unauthenticated or Forbidden unless a caller with these permissions may use the field."""
    if requirement is Access.PUBLIC:
        return
    if permissions is None:
        raise Unauthenticated
    if isinstance(requirement, Permission) and requirement not in permissions:
        raise Forbidden(
            f"this needs the permission {requirement.value}", permission=requirement.value
        )

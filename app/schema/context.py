"""What a resolver knows of its request: the services of the process, and who is signed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from strawberry.types import Info

from app.domain.errors import Unauthenticated
from app.domain.scope import Scope

if TYPE_CHECKING:
    from app.domain.accounts.sessions import SignedInUser
    from app.infra.clock import Clock
    from app.infra.crypto import SecretBox
    from app.settings import Settings


@dataclass(slots=True)
class Context:
    """One request. `user` is None when nobody is signed in."""

    settings: Settings
    clock: Clock
    box: SecretBox
    request_id: str
    ip: str | None
    user_agent: str | None
    token: str | None = None
    user: SignedInUser | None = None
    # Strawberry hands its response here so that a resolver could set headers.
    response: object | None = field(default=None, repr=False)
    request: object | None = field(default=None, repr=False)


def context_of(info: Info) -> Context:
    """The context of a resolver's request."""
    return cast("Context", info.context)


def user_of(info: Info) -> SignedInUser:
    """Who is signed in; raises Unauthenticated when nobody is."""
    user = context_of(info).user
    if user is None:
        raise Unauthenticated
    return user


def scope_of(info: Info) -> Scope:
    """The scope of the signed-in user; raises Unauthenticated when nobody is."""
    return user_of(info).scope


def visitor_scope(info: Info) -> Scope:
    """The scope of a request before anybody is signed in."""
    context = context_of(info)
    return Scope.visitor(context.clock, context.request_id, context.ip)

"""What a resolver knows of its operation: the services of the process, who is signed in, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from strawberry.types import Info

from app.domain.errors import Unauthenticated
from app.domain.scope import Scope
from app.resolvers.loaders import Loaders

if TYPE_CHECKING:
    from app.domain.accounts.sessions import SignedInUser
    from app.infra.clock import Clock
    from app.infra.crypto import CursorSigner, SecretBox
    from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What all operations of an endpoint share."""

    settings: Settings
    clock: Clock
    box: SecretBox
    cursors: CursorSigner


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where. `user` is None when nobody is signed in."""

    request_id: str
    ip: str | None
    user_agent: str | None
    token: str | None = None
    user: SignedInUser | None = None

    @property
    def bucket_key(self) -> str:
        """Whose bucket pays: the user's, or the address's."""
        if self.user is not None:
            return f"{self.user.scope.actor.kind}:{self.user.id}"
        return f"ip:{self.ip or 'unknown'}"


@dataclass(slots=True)
class CostAccount:
    """What an operation was charged before it ran, and what lists gave back because they were shorter."""

    requested: int = 0
    # The cost of one item of a paged field, by the identity of the field's node in the document.
    item_costs: Mapping[int, int] = field(default_factory=dict)
    returned: int = 0

    @property
    def actual(self) -> int:
        """The cost of what was really read."""
        return max(1, self.requested - self.returned)

    def settle(self, info: Info[Any, Any], asked: int, found: int) -> None:
        """A page that asked for so many items found so many."""
        item = sum(self.item_costs.get(id(node), 0) for node in info._raw_info.field_nodes)
        self.returned += max(0, asked - found) * item


@dataclass(slots=True)
class Context:
    """One operation."""

    services: Services
    caller: Caller
    cost: CostAccount = field(default_factory=CostAccount)
    # Response headers that a resolver asks for, such as the session cookie of a login.
    headers: list[tuple[str, str]] = field(default_factory=list)
    _loaders: Loaders | None = None

    @property
    def loaders(self) -> Loaders:
        """The loaders of this operation; raises Unauthenticated when nobody is signed in."""
        if self._loaders is None:
            if self.caller.user is None:
                raise Unauthenticated
            self._loaders = Loaders(self.caller.user.scope, self.services.box)
        return self._loaders

    def for_event(self) -> Context:
        """The context of the next event of a subscription: the same caller, fresh loaders."""
        return Context(self.services, self.caller, self.cost)


def context_of(info: Info[Any, Any]) -> Context:
    """The context of a resolver's operation."""
    return cast("Context", info.context)


def user_of(info: Info[Any, Any]) -> SignedInUser:
    """Who is signed in; raises Unauthenticated when nobody is."""
    user = context_of(info).caller.user
    if user is None:
        raise Unauthenticated
    return user


def scope_of(info: Info[Any, Any]) -> Scope:
    """The scope of the signed-in user; raises Unauthenticated when nobody is."""
    return user_of(info).scope


def visitor_scope(info: Info[Any, Any]) -> Scope:
    """The scope of a request before anybody is signed in."""
    context = context_of(info)
    return Scope.visitor(context.services.clock, context.caller.request_id, context.caller.ip)

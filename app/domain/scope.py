"""Scope: who acts, within which limits, when. The first argument of every public domain function.

`scope.query(Model)` is the only way to start a read, so a row of another tenant does not exist (decision 9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self, TypeVar

from tortoise.queryset import QuerySet

from app.domain.errors import Forbidden, Unauthenticated
from app.domain.permissions import BRAND_PERMISSIONS, SYSTEM_PERMISSIONS, Permission
from app.infra.clock import Clock, OffsetClock, clock_at_offset
from app.models.base import TenantModel

AnyModel = TypeVar("AnyModel", bound=TenantModel)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: partner_user, operator_user, brand, visitor or system."""

    kind: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything a domain function may know about its caller. Frozen: authority is passed, never looked up."""

    actor: Actor
    clock: Clock
    request_id: str
    permissions: frozenset[Permission]
    # None: not limited to one partner, or to some brands.
    partner_id: int | None = None
    brand_ids: frozenset[int] | None = None
    ip: str | None = None
    # The session in which a user acts.
    session_id: int | None = None
    # The clock before the tenant's offset; None: `clock` is it.
    machine_clock: Clock | None = None

    @property
    def origin_ip(self) -> str | None:
        """The address that events keep: a brand's server has one; a person's stays with the session (A6A)."""
        return self.ip if self.actor.kind == "brand" else None

    @classmethod
    def system(cls, clock: Clock, request_id: str) -> Self:
        """The scope of tasks and of the command line: no limits."""
        return cls(Actor("system"), clock, request_id, SYSTEM_PERMISSIONS)

    @classmethod
    def visitor(cls, clock: Clock, request_id: str, ip: str | None = None) -> Self:
        """The scope of somebody who is not signed in."""
        return cls(Actor("visitor"), clock, request_id, frozenset(), ip=ip)

    @classmethod
    def brand(
        cls, brand_id: int, clock: Clock, request_id: str, *, offset: timedelta, ip: str | None
    ) -> Self:
        """The scope of a brand's platform, on the brand's own clock."""
        return cls(
            Actor("brand", brand_id),
            clock_at_offset(clock, offset),
            request_id,
            BRAND_PERMISSIONS,
            brand_ids=frozenset({brand_id}),
            ip=ip,
        )

    def now(self) -> datetime:
        """The tenant's time, in UTC."""
        return self.clock.now()

    def machine_now(self) -> datetime:
        """The machine's time, in UTC: for codes, links and sessions, which a sandbox's moved clock must not touch."""
        return (self.machine_clock or self.clock).now()

    @property
    def clock_offset(self) -> timedelta:
        """How far the tenant's clock runs ahead of the machine's, by which the log knows things."""
        if self.machine_clock is not None and isinstance(self.clock, OffsetClock):
            return self.clock.offset
        return timedelta(0)

    def at_offset(self, offset: timedelta) -> Scope:
        """The same scope on the clock of a tenant that runs `offset` ahead of this one."""
        return replace(self, clock=clock_at_offset(self.clock, offset))

    def in_session(self, session_id: int) -> Scope:
        """The same scope, acting in a session."""
        return replace(self, session_id=session_id)

    def query(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """Start a read of the rows that exist for this scope.

        Raises Forbidden for tables that partners and brands never read, Unauthenticated for a visitor.
        """
        if self.actor.kind == "visitor":
            raise Unauthenticated
        limited = self.partner_id is not None or self.actor.kind == "brand"
        if limited and model.operators_only:
            raise Forbidden(f"{model.__name__} is for operators")
        rows = model.all()
        if self.partner_id is not None and model.partner_column:
            rows = rows.filter(**{model.partner_column: self.partner_id})
        if self.brand_ids is not None and model.brand_column:
            rows = rows.filter(**{f"{model.brand_column}__in": sorted(self.brand_ids)})
        return rows

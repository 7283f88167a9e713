"""G12: every root field declares who may use it, says so, and is refused to everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import strawberry

from app.domain.permissions import (
    PARTNER_PERMISSIONS,
    STAFF_PERMISSIONS,
    PartnerRole,
    Permission,
    StaffRole,
)
from app.infra.clock import ManualClock
from app.schema import partner
from app.schema.assemble import SchemaMistake, assemble
from app.schema.fields import Access, query
from app.settings import Settings
from tests.conftest import serving
from tests.schema.builder import RootField, all_root_fields, operation
from tests.schema.programme import ROLES, Programme, ask, codes, make_programme

_REFUSALS = {"UNAUTHENTICATED", "FORBIDDEN"}


@pytest.fixture
async def client(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose buckets hold the whole walk: nobody may be kept out of a field for its cost."""
    large = {"cost_capacity": 1_000_000, "anonymous_cost_capacity": 1_000_000}
    async with serving(settings.model_copy(update=large), clock) as http:
        yield http


def _may(field: RootField, role: PartnerRole | StaffRole | None) -> bool:
    """Whether somebody with that role, or nobody, may use a field by its declaration."""
    if role is None:
        return field.requirement is Access.PUBLIC
    granted = (
        PARTNER_PERMISSIONS[role]
        if isinstance(role, PartnerRole)
        else STAFF_PERMISSIONS[StaffRole(role)]
    )
    return not isinstance(field.requirement, Permission) or field.requirement in granted


async def _refusal(client: httpx.AsyncClient, field: RootField, token: str | None) -> str | None:
    """The code with which a caller is kept out of a field; None when it gets in."""
    wanted = operation(field)
    if field.kind != "subscription":
        answer = await ask(client, field.schema, wanted, token)
        assert not answer.get("errors") or "data" in answer, (field, answer)
        found = [code for code in codes(answer) if code in _REFUSALS]
        return found[0] if found else None
    headers = {"Accept": "text/event-stream"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = {"query": wanted.text, "variables": wanted.variables}
    try:
        async with asyncio.timeout(0.3):
            refused = await client.post(f"/{field.schema}/graphql", json=body, headers=headers)
    except TimeoutError:
        # It streams.
        return None
    return next((code for code in sorted(_REFUSALS) if code in refused.text), None)


async def _matrix(
    client: httpx.AsyncClient, programme: Programme, schema: str
) -> list[tuple[str, str, str | None]]:
    """What does not agree with the declarations: (field, role, code)."""
    wrong = []
    for field in all_root_fields():
        if field.schema != schema:
            continue
        # What anybody may use is not asked six times over: some of it hashes passwords, which is slow on purpose.
        roles = ROLES[schema][:1] if field.requirement is Access.PUBLIC else ROLES[schema]
        for role in (None, *roles):
            token = None if role is None else await programme.token(schema, role.value)
            code = await _refusal(client, field, token)
            refused = "UNAUTHENTICATED" if role is None else "FORBIDDEN"
            if code != (None if _may(field, role) else refused):
                wrong.append((str(field), role.value if role else "anonymous", code))
    return wrong


@pytest.mark.parametrize("schema", ["partner", "admin"])
async def test_g12_each_role_may_use_exactly_what_its_permissions_say(
    schema: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    assert await _matrix(client, programme, schema) == []


def test_g12_every_field_says_what_it_needs() -> None:
    silent = []
    for field in all_root_fields():
        words = {
            Access.PUBLIC: "Anybody may use it.",
            Access.SIGNED_IN: "Needs a session.",
        }.get(field.requirement)  # type: ignore[arg-type]
        if words is None:
            words = f"Needs the permission `{field.requirement.value}`."
        if not (field.definition.description or "").endswith(words):
            silent.append(str(field))
    assert silent == []


def test_g12_what_anybody_may_use_is_an_explicit_list() -> None:
    public = {str(field) for field in all_root_fields() if field.requirement is Access.PUBLIC}
    shared = {"login", "requestPasswordReset", "resetPassword", "acceptInvitation", "unlockAccount"}
    registration = {"presentTerms", "registerPartner", "confirmEmail", "resendConfirmation"}
    assert public == {f"admin.{name}" for name in shared} | {
        f"partner.{name}" for name in shared | registration
    }


def test_g12_every_role_of_both_audiences_is_walked() -> None:
    assert set(ROLES["partner"]) == set(PARTNER_PERMISSIONS) == set(PartnerRole)
    assert set(ROLES["admin"]) == set(STAFF_PERMISSIONS) == set(StaffRole)


def _said() -> str:
    return "yes"


@pytest.mark.parametrize(
    "field",
    [
        strawberry.field(resolver=_said, description="Undeclared."),
        strawberry.field(default="x", description="Undeclared."),
    ],
    ids=["resolver", "plain"],
)
def test_g12_a_schema_with_an_undeclared_field_is_not_built(field: Any) -> None:
    @strawberry.type(description="Reads.")
    class Query:
        declared = query(Access.PUBLIC, "Declared.")(_said)
        extra: str = field

    with pytest.raises(SchemaMistake, match=r"^Query\.extra declares no access"):
        assemble(Query, partner.Mutation, partner.Subscription, types=())

"""Somebody at a keyboard: GraphQL over the whole application, and what a mailed link would hold."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pyotp

from app.domain.accounts.links import Purpose
from app.domain.events import place_recordings
from app.domain.mails.plan import plan_mails
from app.domain.scope import Scope
from app.infra.clock import Clock
from app.infra.database import fetch
from app.models import AccountLink, Partner, User
from app.schema import admin, partner
from graphql import GraphQLSchema
from tests.factories import BOX, PASSWORD, make_partner, make_partner_user

SCHEMAS: dict[str, GraphQLSchema] = {
    "partner": partner.schema._schema,
    "admin": admin.schema._schema,
}


async def ask(
    client: httpx.AsyncClient,
    document: str,
    variables: dict[str, Any] | None = None,
    *,
    by: str | None = None,
    schema: str = "partner",
) -> dict[str, Any]:
    """Run an operation and return the whole answer."""
    headers = {"Content-Type": "application/json"}
    if by is not None:
        headers["Authorization"] = f"Bearer {by}"
    body = {"query": document, "variables": variables or {}}
    # Written in ASCII, so that halves of surrogate pairs can be sent as well.
    content = json.dumps(body)
    answer = await client.post(f"/{schema}/graphql", content=content, headers=headers)
    found: dict[str, Any] = answer.json()
    return found


def document_of(field: str, selection: str, schema: str = "partner") -> str:
    """A document with one mutation and its input as a variable, where it has one."""
    mutation = SCHEMAS[schema].mutation_type
    assert mutation is not None
    arguments = mutation.fields[field].args
    errors = "userErrors { code message field }"
    if "input" not in arguments:
        return f"mutation {{ {field} {{ {selection} {errors} }} }}"
    kind = arguments["input"].type
    return f"mutation($input: {kind}) {{ {field}(input: $input) {{ {selection} {errors} }} }}"


async def change(
    client: httpx.AsyncClient,
    field: str,
    selection: str = "done",
    *,
    by: str | None = None,
    schema: str = "partner",
    **values: Any,
) -> dict[str, Any]:
    """Run a mutation; its payload, or the errors of a refused request in the same form."""
    document = document_of(field, selection, schema)
    variables = {"input": values} if "$input" in document else {}
    answer = await ask(client, document, variables, by=by, schema=schema)
    payload = (answer.get("data") or {}).get(field)
    if payload is not None:
        return cast("dict[str, Any]", payload)
    errors = [
        {"code": error["extensions"]["code"], "message": error["message"]}
        for error in answer["errors"]
    ]
    return {"userErrors": errors}


def code(payload: dict[str, Any]) -> str | None:
    """The code with which a mutation was refused; None when it was done."""
    errors = payload["userErrors"]
    return str(errors[0]["code"]) if errors else None


async def log_in(
    client: httpx.AsyncClient,
    email: str,
    password: str = PASSWORD,
    *,
    schema: str = "partner",
    **fields: Any,
) -> dict[str, Any]:
    """The payload of a login."""
    return await change(
        client, "login", "token", schema=schema, email=email, password=password, **fields
    )


async def token_of(client: httpx.AsyncClient, email: str, **fields: Any) -> str:
    """The token of a new session; the login must work."""
    payload = await log_in(client, email, **fields)
    assert payload["userErrors"] == []
    return str(payload["token"])


async def still_signed_in(client: httpx.AsyncClient, token: str, schema: str = "partner") -> bool:
    """Whether a token is worth anything."""
    answer = await ask(client, "{ me { id } }", by=token, schema=schema)
    return bool(answer.get("data") and answer["data"]["me"])


async def link_of(user_id: int, purpose: Purpose) -> str:
    """The token in the newest mailed link of a user."""
    link = await AccountLink.filter(user_id=user_id, purpose=purpose.value).order_by("-id").first()
    assert link is not None
    return BOX.link_token(link.id, link.nonce)


async def plan_what_was_asked_for(clock: Clock) -> None:
    """What the worker does with requests: links that were asked for are made with their mails."""
    system = Scope.system(clock, "test-request")
    await place_recordings(system)
    await plan_mails(system)


async def make_owner(clock: Clock, **columns: Any) -> tuple[Partner, User, str]:
    """An active partner with its owner: (partner, user, e-mail)."""
    partner_row = await make_partner(clock)
    email = str(columns.pop("email", f"owner{partner_row.id}@partner.test"))
    user = await make_partner_user(partner_row, clock, email=email, **columns)
    return partner_row, user, email


async def enable_two_factor(client: httpx.AsyncClient, token: str, clock: Clock) -> pyotp.TOTP:
    """Switch 2FA on; the code of the present step is used up by it."""
    begun = await change(client, "beginTwoFactor", "enrolment { secret }", by=token)
    totp = pyotp.TOTP(begun["enrolment"]["secret"])
    code_now = totp.at(clock.now())
    confirmed = await change(client, "confirmTwoFactor", "recoveryCodes", by=token, code=code_now)
    assert len(confirmed["recoveryCodes"]) == 10
    return totp


async def event_types() -> list[str]:
    """The types of all events, in order."""
    return [row["type"] for row in await fetch("SELECT type FROM events ORDER BY id")]


@asynccontextmanager
async def from_address(client: httpx.AsyncClient, ip: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the same application at another address."""
    ours = client._transport
    assert isinstance(ours, httpx.ASGITransport)
    transport = httpx.ASGITransport(ours.app, client=(ip, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://tributary.test") as other:
        yield other


async def row_of(user: User) -> dict[str, Any]:
    """Everything that is stored of a user."""
    rows = await fetch("SELECT * FROM users WHERE id = $1", user.id)
    return dict(rows[0])

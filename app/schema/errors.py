"""From domain errors to what clients read: `userErrors` of a mutation, or `errors` with a code (G23)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.extensions import SchemaExtension

from app.domain.errors import DomainError
from app.infra.telemetry import logger
from graphql import GraphQLError


@strawberry.type(description="Why a mutation was refused. Nothing was changed.")
class UserError:
    code: str = strawberry.field(description="For programmes, such as NOT_FOUND.")
    message: str = strawberry.field(description="For people: what is wrong and what to do.")
    field: list[str] = strawberry.field(
        description='The path of the input field that is to blame, such as ["brandId"]; empty when none is.'
    )


def user_error(error: DomainError) -> UserError:
    """A refused mutation's error."""
    return UserError(code=error.code, message=error.message, field=list(error.field))


class ErrorPresentation(SchemaExtension):
    """Gives every error a code; what we did not foresee is logged and masked."""

    def on_operation(self) -> Any:
        yield
        result: Any = self.execution_context.result
        if result is not None and result.errors:
            request_id = self.execution_context.context.request_id
            result.errors = [present(error, request_id) for error in result.errors]


def present(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as the client sees it, with `extensions.code` and the request id."""
    original = error.original_error
    message, code = error.message, "INVALID_REQUEST"
    if isinstance(original, DomainError):
        message, code = original.message, original.code
    elif original is not None and not isinstance(original, GraphQLError):
        logger().error("graphql.unexpected_error", path=error.path, exc_info=original)
        message, code = "something went wrong on our side; tell us the request id", "INTERNAL"
    return GraphQLError(
        message,
        nodes=error.nodes,
        path=error.path,
        extensions={**(error.extensions or {}), "code": code, "requestId": request_id},
    )

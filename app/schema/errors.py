"""From domain errors to what clients read: `userErrors` of a mutation, or `errors` with a code (G02, G23)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from app.domain.errors import DomainError
from app.infra.database import DatabaseError, RowRefused, translate
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


def refusal(code: str, message: str, **details: Any) -> GraphQLError:
    """A request error of ours: it has no path, so the whole request was refused."""
    return GraphQLError(message, extensions={"code": code, **details})


def present(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as the client sees it: a code and the request id, nothing internal.

    Messages of the validation and of domain errors are shown; what nobody foresaw is logged and masked.
    """
    message, extensions = error.message, dict(error.extensions or {})
    original = _cause(error)
    if isinstance(original, DomainError):
        message = original.message
        extensions = {**original.details, "code": original.code}
    elif original is not None:
        message, extensions = _unforeseen(error, original)
    elif error.path is not None and "code" not in extensions:
        # A value of ours that its type cannot say: graphql-core would quote it.
        message, extensions = _unforeseen(error, error)
    extensions.setdefault("code", "INVALID_REQUEST")
    extensions["requestId"] = request_id
    # Nodes, or the source and its positions, give the locations.
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, extensions=extensions
    )


def _cause(error: GraphQLError) -> Exception | None:
    """What a resolver raised, or None for an error of the GraphQL layer itself."""
    original: Exception | None = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    # A scalar that refuses a value of the client: graphql-core puts its words into the message.
    if isinstance(original, ValueError | TypeError) and error.path is None:
        return None
    return original


def _unforeseen(error: GraphQLError, original: Exception) -> tuple[str, dict[str, Any]]:
    typed = translate(original)
    # What a row contradicts is there the next time as well: that is no outage.
    if isinstance(typed, DatabaseError) and not isinstance(typed, RowRefused):
        logger().warning("graphql.database_unavailable", path=error.path, error=str(typed))
        return "the database is away for a moment: send the same request again", {
            "code": "UNAVAILABLE"
        }
    logger().error("graphql.unexpected_error", path=error.path, exc_info=original)
    return "something went wrong on our side; tell us the request id", {"code": "INTERNAL"}


def given(value: Any) -> Any:
    """None for an input field that was left out."""
    return None if value is UNSET else value

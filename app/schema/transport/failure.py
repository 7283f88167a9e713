"""What a client is told when its request, or its stream, ended in an exception (G02)."""

from __future__ import annotations

from app.schema.errors import present
from graphql import GraphQLError

UNAVAILABLE = "UNAVAILABLE"


def explained(error: Exception, request_id: str) -> GraphQLError:
    """The exception as the client sees it: refusals in their words, everything unforeseen logged and masked."""
    if isinstance(error, GraphQLError):
        return present(error, request_id)
    if isinstance(error, ValueError | TypeError):
        # From a scalar these two refuse a client's value; anywhere else they are our own failure.
        failure = RuntimeError(f"unexpected {type(error).__name__}")
        failure.__cause__ = error
        error = failure
    return present(GraphQLError("", original_error=error), request_id)


def code_of(error: GraphQLError) -> str:
    """The code of a presented error."""
    return str((error.extensions or {})["code"])

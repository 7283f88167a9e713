"""An operation request as every transport reads it, checked before anything is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from app.schema.errors import refusal

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client asks for: a document by text, id or hash, and how to run it."""

    query: str | None = None
    # "sha256:<hex>" of a document that the server knows (G30).
    document_id: str | None = None
    # The hash of Apollo's automatic persisted queries.
    persisted_hash: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


def read_request(document: Any) -> OperationRequest:
    """Check the parameters of a request, as JSON values. Raises a refusal that names what is wrong."""
    if not isinstance(document, dict):
        raise refusal(
            "BAD_REQUEST", "the request must be one JSON object; batches are not supported"
        )
    _check_values(document)
    query = _text(document, "query")
    document_id = _text(document, "documentId")
    if document_id is not None and not _SHA256.fullmatch(document_id.removeprefix("sha256:")):
        raise refusal(
            "BAD_REQUEST", '`documentId` must be "sha256:" and the hash in lower-case hex'
        )
    variables = document.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise refusal("BAD_REQUEST", "`variables` must be a JSON object")
    extensions = document.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise refusal("BAD_REQUEST", "`extensions` must be a JSON object")
    persisted_hash = _persisted_hash(extensions or {})
    if query == "" and (document_id or persisted_hash):
        # graphql-ws cannot leave it out.
        query = None
    if query is None and document_id is None and persisted_hash is None:
        raise refusal(
            "BAD_REQUEST", "send `query`, or the `documentId` of a document that the server knows"
        )
    if query is not None and document_id is not None:
        raise refusal("BAD_REQUEST", "send either `query` or `documentId`")
    return OperationRequest(
        query, document_id, persisted_hash, _text(document, "operationName"), variables or {}
    )


def _check_values(document: dict[str, Any]) -> None:
    """Refuse what could not be told back to the client: deep nesting, and halves of surrogate pairs in strings."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not is_unicode(value):
                raise refusal("BAD_REQUEST", "a string has half of a surrogate pair: not Unicode")
        level = below
    if level:
        raise refusal("BAD_REQUEST", f"the request is nested more than {_DEEPEST} levels deep")


def is_unicode(value: str) -> bool:
    """Whether the string can be written as UTF-8: JSON escapes can make halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise refusal("BAD_REQUEST", f"`{name}` must be a string")
    return value


def _persisted_hash(extensions: dict[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise refusal("BAD_REQUEST", "`extensions.persistedQuery` must have the version 1")
    value = persisted.get("sha256Hash")
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise refusal(
            "BAD_REQUEST",
            "`extensions.persistedQuery.sha256Hash` must be a SHA-256 in lower-case hex",
        )
    return value

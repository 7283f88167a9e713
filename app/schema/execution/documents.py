"""Documents: parsed and validated once each, and known to the server by their hash (G14, G30).

Trusted documents are shipped in `graphql/operations`; others are registered by Apollo's automatic persisted queries
and live in Redis for as long as they are used.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql.validation import OverlappingFieldsCanBeMergedRule

from app.infra.redis import RedisUnavailable
from app.infra.telemetry import logger
from app.schema.errors import refusal
from app.schema.execution.analysis import (
    Analysis,
    analyse,
    check_document,
    check_operations,
    page_size,
    too_much,
)
from app.schema.execution.overlaps import OverlappingFieldsRule
from app.schema.execution.variables import broken_text, check_types, check_variables, is_whole
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)

if TYPE_CHECKING:
    from app.infra.redis import RedisClient
    from app.schema.execution.request import OperationRequest

LARGEST_DOCUMENT = 24 * 1024
MOST_TOKENS = 2_000
# Of text: parsed, it takes some 100 times as much memory.
CACHED_CHARACTERS = 512 * 1024
_CACHED_ANALYSES = 16
_MOST_ERRORS = 20
_LONGEST_MESSAGE = 500
_MOST_PLACES = 10
_KEPT_SECONDS = 30 * 86_400


class WholeTextsRule(ValidationRule):
    """No literal holds a NUL character, which no database takes."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        """Check one literal."""
        if not is_whole(node.value):
            self.report_error(GraphQLError(str(broken_text("the document")), node))


# Each takes time in proportion to the document, within the limits of `analysis`.
_RULES = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    OverlappingFieldsRule,
    WholeTextsRule,
)


@dataclass(slots=True)
class Prepared:
    """A parsed document; its validation and measures are kept with it."""

    text_hash: str
    # The length of the text.
    size: int
    document: DocumentNode
    errors: list[GraphQLError] | None = None
    analyses: OrderedDict[Any, Analysis] = field(default_factory=OrderedDict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run; raises a refusal when the name is missing, wrong or ambiguous."""
        operations = [
            node for node in self.document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        if name is None or name == "":
            if len(operations) == 1:
                return operations[0]
            names = ", ".join(node.name.value for node in operations if node.name)
            message = f"the document has {len(operations)} operations"
            hint = f": name one in `operationName` ({names})" if names else ""
            raise refusal("OPERATION_UNRESOLVED", shortened(message + hint))
        for node in operations:
            if node.name is not None and node.name.value == name:
                return node
        raise refusal("OPERATION_UNRESOLVED", "the document has no operation of that name")


@dataclass(slots=True)
class Counters:
    """How often a document was really parsed, validated and measured."""

    parsed: int = 0
    validated: int = 0
    analysed: int = 0


class DocumentStore:
    """The documents of one schema."""

    def __init__(
        self,
        name: str,
        schema: GraphQLSchema,
        redis: RedisClient | None,
        trusted: Mapping[str, str],
        *,
        trusted_only: bool,
    ) -> None:
        self.counters = Counters()
        self.trusted = trusted
        self._name = name
        self._schema = schema
        self._redis = redis
        self._trusted_only = trusted_only
        self._cache: OrderedDict[str, Prepared] = OrderedDict()
        self._cached_characters = 0

    async def find(self, request: OperationRequest) -> Prepared:
        """The parsed document of a request. Raises a refusal, or a GraphQLError for wrong syntax."""
        text = await self._text(request)
        text_hash = hash_document(text)
        if self._trusted_only and text_hash not in self.trusted:
            message = "this endpoint runs only documents that the server knows: send a `documentId`"
            raise refusal("DOCUMENT_NOT_TRUSTED", message)
        return self._prepare(text_hash, text)

    async def keep(self, request: OperationRequest, prepared: Prepared) -> None:
        """Remember a valid document under the hash that the client announced (automatic persisted queries)."""
        if request.persisted_hash is None or request.query is None or self._redis is None:
            return
        try:
            key = f"document:{self._name}:{prepared.text_hash}"
            await self._redis.keep(key, request.query, _KEPT_SECONDS)
        except RedisUnavailable as error:
            logger().warning("document.not_kept", error=str(error))

    def validate(self, prepared: Prepared) -> list[GraphQLError]:
        """The errors of the document against the schema; computed once."""
        if prepared.errors is None:
            self.counters.validated += 1
            prepared.errors = self._errors(prepared.document)
        return prepared.errors

    def _errors(self, document: DocumentNode) -> list[GraphQLError]:
        try:
            check_operations(self._schema, document)
            found = validate(self._schema, document, rules=_RULES, max_errors=_MOST_ERRORS)
        except GraphQLError as refused:
            # Not a wrong document but one that is too large to look at.
            return [refused]
        return [_shortened(error) for error in found]

    def analyse(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Analysis:
        """The measure of an operation; computed once for each combination of page sizes.

        Raises a refusal naming the limit that the operation or its variables exceed, or the values of a valid
        operation that their types do not take.
        """
        check_variables(variables)
        analysis = self._analysis(prepared, operation, variables)
        if operation.variable_definitions and not self.validate(prepared):
            check_types(self._schema, operation, variables)
        return analysis

    def _analysis(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Analysis:
        name = operation.name.value if operation.name else None
        for (known_name, sizes), analysis in prepared.analyses.items():
            if known_name == name and sizes == _sizes(analysis, variables):
                return analysis
        self.counters.analysed += 1
        analysis = analyse(self._schema, prepared.document, operation, variables)
        prepared.analyses[name, _sizes(analysis, variables)] = analysis
        if len(prepared.analyses) > _CACHED_ANALYSES:
            prepared.analyses.popitem(last=False)
        return analysis

    async def _text(self, request: OperationRequest) -> str:
        if request.query is not None:
            if len(request.query.encode("utf-8", "surrogatepass")) > LARGEST_DOCUMENT:
                message = f"the document is larger than {LARGEST_DOCUMENT} bytes: split it"
                raise refusal("DOCUMENT_TOO_LARGE", message)
            if request.persisted_hash not in {None, hash_document(request.query)}:
                raise refusal("PERSISTED_QUERY_HASH_MISMATCH", "the hash is not that of `query`")
            return request.query
        wanted = (request.document_id or "").removeprefix("sha256:") or request.persisted_hash or ""
        text = self.trusted.get(wanted) or await self._kept(wanted)
        if text is None:
            if request.persisted_hash is not None:
                # The very words that Apollo's clients wait for before they send the text.
                raise refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
            raise refusal("DOCUMENT_NOT_FOUND", "the server knows no document with this id")
        return text

    async def _kept(self, wanted: str) -> str | None:
        if self._redis is None:
            return None
        try:
            return await self._redis.get(f"document:{self._name}:{wanted}")
        except RedisUnavailable:
            return None

    def _prepare(self, text_hash: str, text: str) -> Prepared:
        prepared = self._cache.get(text_hash)
        if prepared is not None:
            self._cache.move_to_end(text_hash)
            return prepared
        self.counters.parsed += 1
        try:
            document = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            if f"more than {MOST_TOKENS} tokens" in error.message:
                raise too_much("tokens", MOST_TOKENS + 1, MOST_TOKENS) from None
            raise _shortened(error) from None
        check_document(document)
        prepared = self._cache[text_hash] = Prepared(text_hash, len(text), document)
        self._cached_characters += prepared.size
        while self._cached_characters > CACHED_CHARACTERS:
            _, oldest = self._cache.popitem(last=False)
            self._cached_characters -= oldest.size
        return prepared


def _sizes(analysis: Analysis, variables: Mapping[str, Any]) -> tuple[Any, ...]:
    """The page sizes that the variables ask for; a variable that is left out has its default."""
    return tuple(
        page_size(variables[name]) if name in variables else "default"
        for name in sorted(analysis.size_variables)
    )


def shortened(message: str) -> str:
    """A message of bounded length: it may quote what the client sent."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def _shortened(error: GraphQLError) -> GraphQLError:
    """The error in bounded length and GraphQL's words; of many places the first ones."""
    message = shortened(error.message.replace("not to be None", "not to be null"))
    if error.nodes:
        return GraphQLError(message, error.nodes[:_MOST_PLACES])
    return GraphQLError(message, None, error.source, error.positions)


def hash_document(text: str) -> str:
    """The SHA-256 of a document's text, in lower-case hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_trusted(directory: Path) -> dict[str, str]:
    """The documents shipped for a schema, by hash."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.graphql"))]
    return {hash_document(text): text for text in texts}

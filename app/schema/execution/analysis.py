"""One pass over an operation: depth, aliases, root fields, size and cost (G10).

Every selection set is visited once: what a fragment adds up to is computed when it is first met and remembered, so
that chains of fragments, which unfold to 2ⁿ fields, are measured in linear time. It runs before the validation
rules, whose work the limits bound; what is not in the schema is skipped here and reported by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.schema.errors import refusal
from app.schema.fields import COST, OBJECT_COST, PAGED, PER_ITEM
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

_STRAWBERRY = "strawberry-definition"
LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operation may be at the most, with its fragments unfolded."""

    depth: int = 20
    aliases: int = 60
    root_fields: int = 20
    selections: int = 5_000
    fragments: int = 60
    operations: int = 20
    variables: int = 100
    directives: int = 60
    # Selection sets and fragments inside one another; more than `depth`, because fragments nest without depth.
    nesting: int = 100


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Sum:
    """What a selection set adds up to, with everything below it."""

    cost: int = 0
    # The part of the cost that a paged parent multiplies by its page size.
    per_item: int = 0
    depth: int = 0
    aliases: int = 0
    selections: int = 0
    fields_here: int = 0

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(
            self.cost + other.cost,
            self.per_item + other.per_item,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.selections + other.selections,
            self.fields_here + other.fields_here,
        )


@dataclass(slots=True)
class Analysis:
    """The measure of one operation with its variables."""

    cost: int = 0
    depth: int = 0
    aliases: int = 0
    selections: int = 0
    root_fields: int = 0
    # Nodes looked at: the work done, linear in the document.
    visited: int = 0
    # The cost of one item of each paged field, by the identity of its node.
    item_costs: dict[int, int] = field(default_factory=dict)
    # The variables that page sizes depend on: with equal ones, the analysis is the same.
    size_variables: set[str] = field(default_factory=set)


Composite = GraphQLObjectType | GraphQLInterfaceType


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        variables: Mapping[str, Any],
        limits: Limits,
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._limits = limits
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, _Sum] = {}
        self._open: set[str] = set()
        self.analysis = Analysis()

    def measure(self, operation: OperationDefinitionNode) -> Analysis:
        root = self._schema.get_root_type(operation.operation)
        found = self._set(operation.selection_set, root, 1)
        analysis = self.analysis
        analysis.cost = max(1, found.cost + found.per_item)
        analysis.depth = found.depth
        analysis.aliases = found.aliases
        analysis.selections = found.selections
        analysis.root_fields = found.fields_here
        return analysis

    def _set(self, node: SelectionSetNode, parent: Composite | None, nesting: int) -> _Sum:
        if nesting > self._limits.nesting:
            raise too_much("nesting", nesting, self._limits.nesting)
        found = _Sum()
        for selection in node.selections:
            self.analysis.visited += 1
            if isinstance(selection, FieldNode):
                found += self._field(selection, parent, nesting)
            elif isinstance(selection, FragmentSpreadNode):
                found += self._spread(selection.name.value, nesting)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                type_ = self._type(condition.name.value) if condition else parent
                found += self._set(selection.selection_set, type_, nesting + 1)
        return found

    def _spread(self, name: str, nesting: int) -> _Sum:
        if name in self._known:
            return self._known[name]
        fragment = self._fragments.get(name)
        # A cycle or an unknown fragment: the validation rules tell.
        if fragment is None or name in self._open:
            return _Sum()
        self._open.add(name)
        type_ = self._type(fragment.type_condition.name.value)
        found = self._set(fragment.selection_set, type_, nesting + 1)
        self._open.discard(name)
        self._known[name] = found
        return found

    def _field(self, node: FieldNode, parent: Composite | None, nesting: int) -> _Sum:
        definition = parent.fields.get(node.name.value) if parent else None
        below = _Sum()
        if node.selection_set is not None:
            child = get_named_type(definition.type) if definition else None
            composite = child if isinstance(child, Composite) else None
            below = self._set(node.selection_set, composite, nesting + 1)
        cost = self._cost(node, definition, below)
        multiplied = definition is not None and bool(field_metadata(definition).get(PER_ITEM))
        return _Sum(
            cost=0 if multiplied else cost,
            per_item=cost if multiplied else 0,
            depth=below.depth + 1,
            aliases=below.aliases + (node.alias is not None),
            selections=below.selections + 1,
            fields_here=1,
        )

    def _cost(self, node: FieldNode, definition: GraphQLField | None, below: _Sum) -> int:
        once = below.cost + below.per_item
        if definition is None:
            return once
        declared = field_metadata(definition)
        leaf = is_leaf_type(get_named_type(definition.type))
        own = declared.get(COST, 0 if leaf else OBJECT_COST)
        if not declared.get(PAGED):
            return int(own) + once
        # An item costs what is selected of it, and something even when that is little.
        item = max(1, below.per_item)
        self.analysis.item_costs[id(node)] = item
        return int(own) + below.cost + self._page_size(node) * item

    def _page_size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value not in {"first", "last"}:
                continue
            value: Any = None
            if isinstance(argument.value, IntValueNode):
                # A literal of thousands of digits is refused by its type; here it is just large.
                value = int(argument.value.value[:9])
            elif isinstance(argument.value, VariableNode):
                name = argument.value.name.value
                self.analysis.size_variables.add(name)
                value = self._variables.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return min(max(value, 1), LARGEST_PAGE)
        return LARGEST_PAGE

    def _type(self, name: str) -> Composite | None:
        found = self._schema.get_type(name)
        return found if isinstance(found, Composite) else None


def field_metadata(definition: GraphQLField) -> Mapping[Any, Any]:
    """What a field declares of itself: its access, its cost, whether it is paged."""
    strawberry_field = definition.extensions.get(_STRAWBERRY)
    return getattr(strawberry_field, "metadata", None) or {}


def too_much(what: str, found: int, limit: int) -> Exception:
    """The refusal of a document that is larger than a limit."""
    words = what.replace("_", " ")
    return refusal(
        "DOCUMENT_TOO_COMPLEX",
        f"the operation has {words} {found}, at most {limit} is allowed: split it or select less",
        limit=what,
        found=found,
        maximum=limit,
    )


def check_document(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Refuse a document with too many definitions, variables or directives, before anything walks it deeply."""
    fragments = operations = 0
    for node in document.definitions:
        if isinstance(node, FragmentDefinitionNode):
            fragments += 1
        elif isinstance(node, OperationDefinitionNode):
            operations += 1
            variables = len(node.variable_definitions or ())
            if variables > limits.variables:
                raise too_much("variables", variables, limits.variables)
    for name, found, limit in (
        ("fragments", fragments, limits.fragments),
        ("operations", operations, limits.operations),
    ):
        if found > limit:
            raise too_much(name, found, limit)


def analyse(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    limits: Limits = LIMITS,
) -> Analysis:
    """Measure an operation. Raises a refusal naming the limit that it exceeds."""
    analysis = _Walk(schema, document, variables, limits).measure(operation)
    for name in ("depth", "aliases", "root_fields", "selections"):
        found, limit = getattr(analysis, name), getattr(limits, name)
        if found > limit:
            raise too_much(name, found, limit)
    return analysis

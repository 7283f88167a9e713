"""One pass over an operation: depth, aliases, root fields, size and cost (G10).

Every selection set is visited once: what a fragment adds up to is computed when it is first met and remembered, so
that chains of fragments, which unfold to 2ⁿ fields, are measured in linear time. It runs before the validation
rules, whose work the limits bound; what is not in the schema is skipped here and reported by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import Any

from app.schema.errors import refusal
from app.schema.execution.introspection import (
    META_FIELDS,
    WHOLE_SCHEMA_COST,
    list_sizes,
    standard_introspection,
)
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
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

_STRAWBERRY = "strawberry-definition"
LARGEST_PAGE = 100
# Costs are shown to clients: lists inside lists must not make a number that JSON cannot hold.
LARGEST_COST = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may be at the most, so that parsing, validating and running it takes milliseconds."""

    # Of each operation, with its fragments unfolded.
    depth: int = 20
    aliases: int = 60
    root_fields: int = 20
    selections: int = 3_000
    # Of the document as it is written: fields, fragment spreads and inline fragments; then its other parts.
    written_selections: int = 800
    fragments: int = 60
    operations: int = 10
    variables: int = 100
    # The cost of reading the schema itself; the whole of it once, as tools do, is 1,000.
    introspection: int = 1_500
    directives: int = 100
    # Selection sets and fragments inside one another; more than `depth`, because fragments nest without depth.
    nesting: int = 100


LIMITS = Limits()


@dataclass(slots=True)
class _Sum:
    """What a selection set adds up to, with everything below it."""

    cost: int = 0
    # The part of the cost that a paged parent multiplies by its page size.
    per_item: int = 0
    depth: int = 0
    aliases: int = 0
    # Fields, spreads and inline fragments.
    selections: int = 0
    fields_here: int = 0

    def add(self, other: _Sum) -> None:
        """Add what stands beside the rest."""
        self.cost += other.cost
        self.per_item += other.per_item
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.selections += other.selections
        self.fields_here += other.fields_here


@dataclass(slots=True)
class Analysis:
    """The measure of one operation with its variables."""

    cost: int = 0
    depth: int = 0
    aliases: int = 0
    selections: int = 0
    root_fields: int = 0
    # The part of the cost that reads the schema itself.
    introspection: int = 0
    # Nodes looked at: the work done, linear in the document.
    visited: int = 0
    # The cost of one item of each paged field, by the identity of its node.
    item_costs: dict[int, int] = field(default_factory=dict)
    # The variables that page sizes depend on: with equal ones, the analysis is the same.
    size_variables: set[str] = field(default_factory=set)


Composite = GraphQLObjectType | GraphQLInterfaceType
_NOTHING = _Sum()


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
        self._defaults: dict[str, Any] = {}
        self._known: dict[str, _Sum] = {}
        self._open: set[str] = set()
        self.analysis = Analysis()

    def measure(self, operation: OperationDefinitionNode) -> Analysis:
        self.analysis = Analysis()
        self._defaults = {
            variable.variable.name.value: _int_literal(variable.default_value)
            for variable in operation.variable_definitions or ()
        }
        root = self._schema.get_root_type(operation.operation)
        found = self._set(operation.selection_set, root, 1)
        analysis = self.analysis
        analysis.cost = min(max(1, found.cost + found.per_item), LARGEST_COST)
        analysis.depth = found.depth
        analysis.aliases = found.aliases
        analysis.selections = found.selections
        analysis.root_fields = found.fields_here
        return analysis

    def within_the_schema(self, node: FieldNode) -> int:
        """How many fields the selections of `__schema` have, by the usual lengths of its lists."""
        if node.selection_set is None:
            return 0
        return self._set(node.selection_set, self._type("__Schema"), 1).cost

    def _set(self, node: SelectionSetNode, parent: Composite | None, nesting: int) -> _Sum:
        if nesting > self._limits.nesting:
            raise too_much("nesting", nesting, self._limits.nesting)
        found = _Sum(selections=len(node.selections))
        self.analysis.visited += len(node.selections)
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, parent, nesting, found)
            elif isinstance(selection, FragmentSpreadNode):
                found.add(self._spread(selection.name.value, nesting))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                type_ = self._type(condition.name.value) if condition else parent
                found.add(self._set(selection.selection_set, type_, nesting + 1))
        # Here and not only at the end, so that what fragments double stays a small number.
        if found.selections > self._limits.selections:
            raise too_much("selections", found.selections, self._limits.selections)
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

    def _field(self, node: FieldNode, parent: Composite | None, nesting: int, found: _Sum) -> None:
        """Add a field, with what is below it, to its selection set."""
        name = node.name.value
        definition = parent.fields.get(name) if parent else None
        if definition is None and parent is self._schema.query_type:
            definition = META_FIELDS.get(name)
        below = _NOTHING
        if node.selection_set is not None:
            child = get_named_type(definition.type) if definition else None
            composite = child if isinstance(child, Composite) else None
            below = self._set(node.selection_set, composite, nesting + 1)
        found.fields_here += 1
        found.depth = max(found.depth, below.depth + 1)
        found.aliases += below.aliases + (node.alias is not None)
        found.selections += below.selections
        if parent is not None and parent.name.startswith("__"):
            # Within the schema's own types every field counts, once for each item that its list may have.
            items = list_sizes(self._schema).get((parent.name, name), 1)
            found.cost += 1 + items * below.cost
            return
        cost = self._cost(node, definition, below)
        if definition is not None and field_metadata(definition).get(PER_ITEM):
            found.per_item += cost
        else:
            found.cost += cost

    def _cost(self, node: FieldNode, definition: GraphQLField | None, below: _Sum) -> int:
        once = below.cost + below.per_item
        if definition is None:
            return once
        if node.name.value in META_FIELDS:
            cost = ceil(below.cost * WHOLE_SCHEMA_COST / _whole_schema_work(self._schema))
            self.analysis.introspection += cost
            return cost
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
            value = argument.value
            if isinstance(value, VariableNode):
                name = value.name.value
                self.analysis.size_variables.add(name)
                size = page_size(self._variables.get(name, self._defaults.get(name)))
            else:
                size = page_size(_int_literal(value))
            if size is not None:
                return size
        return LARGEST_PAGE

    def _type(self, name: str) -> Composite | None:
        found = self._schema.get_type(name)
        return found if isinstance(found, Composite) else None


@lru_cache(maxsize=8)
def _whole_schema_work(schema: GraphQLSchema) -> int:
    """How many fields the standard introspection of this schema has."""
    document = standard_introspection()
    (operation,) = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    (node,) = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    return _Walk(schema, document, {}, Limits()).within_the_schema(node)


def page_size(value: Any) -> int | None:
    """What a page of that size is charged for; None for what is no size."""
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, 1), LARGEST_PAGE)
    return None


def _int_literal(value: ValueNode | None) -> int | None:
    # A literal of thousands of digits is refused by its type; here it is just large.
    return int(value.value[:9]) if isinstance(value, IntValueNode) else None


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
    """Refuse a document with too many parts of a kind, before anything walks it repeatedly."""
    parts = dict.fromkeys(("fragments", "operations", "directives", "written_selections"), 0)
    pending: list[SelectionSetNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            parts["fragments"] += 1
        elif isinstance(definition, OperationDefinitionNode):
            parts["operations"] += 1
            variables = definition.variable_definitions or ()
            if len(variables) > limits.variables:
                raise too_much("variables", len(variables), limits.variables)
            parts["directives"] += sum(len(variable.directives or ()) for variable in variables)
        else:
            # A type of a schema: the validation rules tell.
            continue
        parts["directives"] += len(definition.directives or ())
        pending.append(definition.selection_set)
    while pending:
        selections = pending.pop().selections
        parts["written_selections"] += len(selections)
        for selection in selections:
            parts["directives"] += len(selection.directives or ())
            below = getattr(selection, "selection_set", None)
            if below is not None:
                pending.append(below)
    for name, found in parts.items():
        if found > getattr(limits, name):
            raise too_much(name, found, getattr(limits, name))


def check_operations(
    schema: GraphQLSchema, document: DocumentNode, limits: Limits = LIMITS
) -> None:
    """Refuse a document of which any operation exceeds a limit: the validation rules look at all of them."""
    walk = _Walk(schema, document, {}, limits)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _check(walk.measure(node), limits)


def analyse(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    limits: Limits = LIMITS,
) -> Analysis:
    """Measure an operation. Raises a refusal naming the limit that it exceeds."""
    analysis = _Walk(schema, document, variables, limits).measure(operation)
    _check(analysis, limits)
    return analysis


def _check(analysis: Analysis, limits: Limits) -> None:
    for name in ("depth", "aliases", "root_fields", "selections", "introspection"):
        found, limit = getattr(analysis, name), getattr(limits, name)
        if found > limit:
            raise too_much(name, found, limit)

"""Fields that answer under one name must be one field: GraphQL's "field selection merging", in linear time (G10).

graphql-core compares every pair of fields, which takes seconds for a small document that repeats a name. Here fields
are merged by their name, as the execution will do, and each is compared with the first of its group; what lies below
is merged in turn. The verdicts are those of graphql-core's rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.schema.errors import refusal
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValidationContext,
    ValidationRule,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

# Selections met while merging. A document within its limits stays far below; it bounds what fragments shared by many
# operations, and objects told apart at many levels, could multiply.
MOST_MERGED = 10_000

_Parent = GraphQLNamedType | None
# Selection sets that answer into one object, each with the type that it is about.
_Sets = list[tuple[SelectionSetNode, _Parent]]


@dataclass(slots=True, eq=False)
class _Field:
    """A field where it stands: its node, the type that has it, and what it returns."""

    node: FieldNode
    parent: _Parent
    type: Any

    @property
    def below(self) -> Iterator[tuple[SelectionSetNode, _Parent]]:
        if self.node.selection_set is not None:
            yield self.node.selection_set, get_named_type(self.type)


class OverlappingFieldsRule(ValidationRule):
    """Replaces graphql-core's OverlappingFieldsCanBeMergedRule."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, FragmentDefinitionNode] = {}
        self._reached: set[str] = set()
        self._merged = 0

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        """Check every operation, and the fragments that none uses."""
        operations = []
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                operations.append(node)
            elif isinstance(node, FragmentDefinitionNode):
                self._fragments[node.name.value] = node
        # Without an end nothing can be merged; NoFragmentCyclesRule tells.
        done: set[str] = set()
        if any(self._leads_back(name, set(), done) for name in self._fragments):
            return
        for operation in operations:
            root = self.context.schema.get_root_type(operation.operation)
            self._check([(operation.selection_set, root)])
        for name, fragment in self._fragments.items():
            if name not in self._reached:
                self._check([(fragment.selection_set, self._type(fragment))])

    def _leads_back(self, name: str, path: set[str], done: set[str]) -> bool:
        """Whether a fragment spreads one of the path, directly or through others."""
        if name in path:
            return True
        if name in done or name not in self._fragments:
            return False
        spreads = self.context.get_fragment_spreads(self._fragments[name].selection_set)
        path.add(name)
        found = any(self._leads_back(spread.name.value, path, done) for spread in spreads)
        path.discard(name)
        done.add(name)
        return found

    def _check(self, sets: _Sets, *, shapes: bool = True, fields: bool = True) -> None:
        """Check what answers into one object.

        `shapes`: one name has one shape of value, whatever the object is. `fields`: one name is one field with one
        set of arguments, of all that may answer for the same object.
        """
        for name, group in self._merge(sets).items():
            below = [item for field in group for item in field.below]
            if len(group) == 1:
                if below:
                    self._check(below, shapes=shapes, fields=fields)
                continue
            classes = _for_one_object(group) if fields else []
            told = [self._differing(name, members) for members in classes]
            if shapes and not any(told):
                self._same_shape(name, group)
            if not fields:
                self._check(below, fields=False)
                continue
            if len(classes) == 1:
                self._check(below, shapes=shapes)
                continue
            if shapes:
                self._check(below, fields=False)
            for members in classes:
                self._check([item for field in members for item in field.below], shapes=False)

    def _merge(self, sets: _Sets) -> dict[str, list[_Field]]:
        """The fields of the sets by the name that they answer under, with inline and spread fragments unfolded."""
        found: dict[str, list[_Field]] = {}
        spread: set[str] = set()
        for selection_set, parent in sets:
            self._gather(selection_set, parent, found, spread)
        self._reached |= spread
        return found

    def _gather(
        self,
        selection_set: SelectionSetNode,
        parent: _Parent,
        found: dict[str, list[_Field]],
        spread: set[str],
    ) -> None:
        self._merged += len(selection_set.selections)
        if self._merged > MOST_MERGED:
            message = "the fields of the document repeat too often: split it or select less"
            raise refusal("DOCUMENT_TOO_COMPLEX", message, limit="merged_fields")
        fields = (
            parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        )
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                definition = fields.get(node.name.value)
                field = _Field(node, parent, definition.type if definition else None)
                found.setdefault((node.alias or node.name).value, []).append(field)
            elif isinstance(node, InlineFragmentNode):
                type_ = self._type(node) if node.type_condition else parent
                self._gather(node.selection_set, type_, found, spread)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments.get(node.name.value)
                if fragment is not None and node.name.value not in spread:
                    spread.add(node.name.value)
                    self._gather(fragment.selection_set, self._type(fragment), found, spread)

    def _type(self, node: FragmentDefinitionNode | InlineFragmentNode) -> _Parent:
        condition = node.type_condition
        return self.context.schema.get_type(condition.name.value) if condition else None

    def _same_shape(self, name: str, group: list[_Field]) -> None:
        known = [field for field in group if field.type is not None]
        for field in known[1:]:
            if field.type is not known[0].type and _shape(field.type) != _shape(known[0].type):
                types = f"'{known[0].type}' and '{field.type}'"
                self._report(name, f"they return conflicting types {types}", known[0], field)
                return

    def _differing(self, name: str, group: list[_Field]) -> bool:
        """Whether two of the fields are not the same field with the same arguments; it is reported."""
        first = group[0]
        arguments = None
        for field in group[1:]:
            if field.node.name.value != first.node.name.value:
                names = f"'{first.node.name.value}' and '{field.node.name.value}'"
                self._report(name, f"{names} are different fields", first, field)
                return True
            if not field.node.arguments and not first.node.arguments:
                continue
            arguments = arguments or _arguments(first.node)
            if _arguments(field.node) != arguments:
                self._report(name, "they have differing arguments", first, field)
                return True
        return False

    def _report(self, name: str, reason: str, first: _Field, second: _Field) -> None:
        message = (
            f"Fields '{name}' conflict because {reason}."
            " Use different aliases on the fields to fetch both if this was intentional."
        )
        self.report_error(GraphQLError(message, [first.node, second.node]))


def _for_one_object(group: list[_Field]) -> list[list[_Field]]:
    """The fields that may answer for the same object: those of each object type, with those of no certain one."""
    by_type: dict[str, list[_Field]] = {}
    anywhere = []
    for field in group:
        if isinstance(field.parent, GraphQLObjectType):
            by_type.setdefault(field.parent.name, []).append(field)
        else:
            anywhere.append(field)
    return [anywhere + members for members in by_type.values()] or [anywhere]


def _shape(type_: Any) -> str:
    """The lists and non-nulls of a type and, of a scalar or an enum, its name."""
    if isinstance(type_, GraphQLNonNull):
        return _shape(type_.of_type) + "!"
    if isinstance(type_, GraphQLList):
        return f"[{_shape(type_.of_type)}]"
    return str(type_) if is_leaf_type(type_) else "{}"


def _arguments(node: FieldNode) -> dict[str, Any]:
    return {argument.name.value: _value(argument.value) for argument in node.arguments or ()}


def _value(node: ValueNode) -> Any:
    """A literal as a value that equals that of the same literal; input fields may stand in any order."""
    if isinstance(node, VariableNode):
        return "$", node.name.value
    if isinstance(node, ObjectValueNode):
        return {field.name.value: _value(field.value) for field in node.fields}
    if isinstance(node, ListValueNode):
        return [_value(item) for item in node.values]
    if isinstance(node, StringValueNode):
        return "string", bool(node.block), node.value
    return type(node).__name__, getattr(node, "value", None)

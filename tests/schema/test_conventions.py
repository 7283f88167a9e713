"""G23, G25, G26: names, descriptions, payloads, deprecations, and what partners may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import strawberry

from app.schema import partner
from app.schema.assemble import SchemaMistake, assemble, undescribed
from app.schema.fields import Access, query
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from tests.schema.builder import SCHEMAS, all_lists, all_root_fields, output_types

# Mutations that act on the session or the user of the request alone, and so need no input.
WITHOUT_INPUT = {"logout", "markAllNewsRead", "beginTwoFactor", "issueStatisticToken"}
PARTNER_FIELDS = Path(__file__).parent / "partner_fields.txt"

_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
_PASCAL = re.compile(r"[A-Z][a-zA-Z0-9]*")
_SCREAMING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_DEPRECATION = re.compile(
    r".{10,} \(deprecated on \d{4}-\d{2}-\d{2}, removed after \d{4}-\d{2}-\d{2}\)"
)


@pytest.fixture(params=sorted(SCHEMAS))
def schema(request: pytest.FixtureRequest) -> GraphQLSchema:
    """Each schema in turn."""
    return SCHEMAS[str(request.param)]


def _own_types(schema: GraphQLSchema) -> Iterator[str]:
    return (name for name in schema.type_map if not name.startswith("__"))


def test_g23_a_mutation_takes_one_input() -> None:
    wrong = []
    for field in all_root_fields():
        arguments = dict(field.definition.args)
        if field.kind != "mutation" or (not arguments and field.name in WITHOUT_INPUT):
            continue
        named = get_named_type(arguments["input"].type) if list(arguments) == ["input"] else None
        required = named is not None and str(arguments["input"].type) == f"{named}!"
        if not isinstance(named, GraphQLInputObjectType) or not required:
            wrong.append(str(field))
    assert wrong == []


def test_g23_the_list_of_mutations_without_input_names_no_other() -> None:
    bare = {
        field.name
        for field in all_root_fields()
        if field.kind == "mutation" and not field.definition.args
    }
    assert bare == WITHOUT_INPUT


def test_g23_a_mutation_returns_a_payload_with_user_errors() -> None:
    wrong = []
    for field in all_root_fields():
        if field.kind != "mutation":
            continue
        payload = get_named_type(field.definition.type)
        assert isinstance(payload, GraphQLObjectType)
        errors = payload.fields.get("userErrors")
        never_null = str(field.definition.type) == f"{payload.name}!"
        if (
            not payload.name.endswith("Payload")
            or not never_null
            or errors is None
            or str(errors.type) != "[UserError!]!"
            or len(payload.fields) < 2
        ):
            wrong.append(str(field))
    assert wrong == []


def test_g23_what_a_payload_carries_may_be_absent() -> None:
    # A refused mutation has nothing but its user errors.
    wrong = []
    for schema in SCHEMAS.values():
        for type_ in output_types(schema):
            if type_.name.endswith("Payload"):
                wrong += [
                    f"{type_.name}.{name}"
                    for name, field in type_.fields.items()
                    if name != "userErrors"
                    and str(field.type).endswith("!")
                    and str(field.type) != "Boolean!"
                ]
    assert wrong == []


def test_g23_user_errors_have_code_message_and_path(schema: GraphQLSchema) -> None:
    error = schema.get_type("UserError")
    assert isinstance(error, GraphQLObjectType)
    assert {name: str(field.type) for name, field in error.fields.items()} == {
        "code": "String!",
        "message": "String!",
        "field": "[String!]!",
    }


def test_g25_enum_values_are_screaming_case(schema: GraphQLSchema) -> None:
    wrong = [
        f"{name}.{value}"
        for name in _own_types(schema)
        if isinstance(type_ := schema.type_map[name], GraphQLEnumType)
        for value in type_.values
        if not _SCREAMING.fullmatch(value)
    ]
    assert wrong == []


def test_g25_types_are_pascal_case_and_fields_and_arguments_camel_case(
    schema: GraphQLSchema,
) -> None:
    wrong = [name for name in _own_types(schema) if not _PASCAL.fullmatch(name)]
    for name in _own_types(schema):
        type_ = schema.type_map[name]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                names = [field_name, *field.args]
                wrong += [f"{name}.{item}" for item in names if not _CAMEL.fullmatch(item)]
        elif isinstance(type_, GraphQLInputObjectType):
            wrong += [f"{name}.{item}" for item in type_.fields if not _CAMEL.fullmatch(item)]
    assert wrong == []


def test_g25_inputs_are_called_input(schema: GraphQLSchema) -> None:
    wrong = [
        name
        for name in _own_types(schema)
        if isinstance(schema.type_map[name], GraphQLInputObjectType) != name.endswith("Input")
    ]
    assert wrong == []


def test_g25_everything_has_a_description(schema: GraphQLSchema) -> None:
    assert undescribed(schema) == []


def test_g25_a_schema_with_something_undescribed_is_not_built() -> None:
    @strawberry.type(description="Reads.")
    class Query:
        @query(Access.PUBLIC, "Described.")
        def told(self, size: int) -> int:
            return size

    with pytest.raises(SchemaMistake, match=r"^Query\.told\(size\) has no description$"):
        assemble(Query, partner.Mutation, partner.Subscription, types=())


def test_g25_a_description_is_a_sentence(schema: GraphQLSchema) -> None:
    wrong = []
    for place, description in _descriptions(schema):
        text = description.strip()
        if not text.endswith((".", "`", ":")) or text != description:
            wrong.append(f"{place}: {description!r}")
    assert wrong == []


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name in _own_types(schema):
        type_ = schema.type_map[name]
        if name in {"String", "Int", "Float", "Boolean", "ID", "JSON"}:
            continue
        yield name, type_.description or ""
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field.description or ""


def test_g25_a_deprecation_carries_its_reason_and_its_dates(schema: GraphQLSchema) -> None:
    wrong = []
    for place, reason in deprecations(schema):
        if not _DEPRECATION.fullmatch(reason):
            wrong.append(f"{place}: {reason}")
    assert wrong == []


def deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Everything of a schema that is deprecated, with its reason."""
    for name in _own_types(schema):
        type_ = schema.type_map[name]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                items = {
                    field_name: field,
                    **{f"{field_name}({a})": v for a, v in field.args.items()},
                }
                for key, item in items.items():
                    if item.deprecation_reason is not None:
                        yield f"{name}.{key}", item.deprecation_reason
        elif isinstance(type_, GraphQLInputObjectType | GraphQLEnumType):
            members = type_.fields if isinstance(type_, GraphQLInputObjectType) else type_.values
            for key, member in members.items():
                if member.deprecation_reason is not None:
                    yield f"{name}.{key}", member.deprecation_reason


@pytest.mark.parametrize(
    ("reason", "fits"),
    [
        ("Use plan instead (deprecated on 2026-03-01, removed after 2026-09-01)", True),
        ("Use plan instead", False),
        ("(deprecated on 2026-03-01, removed after 2026-09-01)", False),
        ("No longer supported", False),
    ],
)
def test_g25_what_a_deprecation_looks_like(reason: str, fits: bool) -> None:
    assert bool(_DEPRECATION.fullmatch(reason)) is fits


def test_g21_every_field_that_is_called_like_a_connection_is_one() -> None:
    lists = {str(field) for field in all_lists()}
    found = {
        str(field)
        for field in all_root_fields()
        if get_named_type(field.definition.type).name.endswith("Connection")
    }
    assert found == lists


def test_g21_no_root_field_returns_a_bare_list() -> None:
    bare = [str(field) for field in all_root_fields() if "[" in str(field.definition.type)]
    assert bare == []


def test_g22_sums_over_currencies_are_lists_of_money(schema: GraphQLSchema) -> None:
    wrong = []
    for type_ in output_types(schema):
        if type_.name in {"ReportRow", "ReportTotals"}:
            wrong += [
                f"{type_.name}.{name}"
                for name, field in type_.fields.items()
                if name.endswith("Sum") and str(field.type) != "[Money!]!"
            ]
    assert wrong == []


def test_g22_no_field_is_a_float(schema: GraphQLSchema) -> None:
    assert "Float" not in schema.type_map


def partner_fields() -> list[str]:
    """Every field of every type that partners can reach, with its type."""
    return sorted(
        f"{type_.name}.{name}: {field.type}"
        for type_ in output_types(SCHEMAS["partner"])
        for name, field in type_.fields.items()
    )


def test_g26_what_partners_can_read_is_the_list_that_was_reviewed() -> None:
    """A new line is a decision: add it to partner_fields.txt when partners may see the field."""
    listed = [
        line
        for line in PARTNER_FIELDS.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    present = partner_fields()
    assert (sorted(set(present) - set(listed)), sorted(set(listed) - set(present))) == ([], [])


@pytest.mark.parametrize(
    "word", ["note", "margin", "operator", "manager", "fraud", "secret", "internal", "passwordHash"]
)
def test_g26_no_partner_type_has_a_field_of_operators(word: str) -> None:
    allowed = {
        # The secret of one's own authenticator app, shown once.
        "TwoFactorEnrolment.secret: String!",
    }
    found = [
        line
        for line in partner_fields()
        if word.lower() in line.partition(":")[0].partition(".")[2].lower() and line not in allowed
    ]
    assert found == []


@pytest.mark.parametrize("name", ["Partner", "PartnerNote", "OperatorUser", "BrandKey"])
def test_g26_types_of_operators_are_not_in_the_partner_schema(name: str) -> None:
    assert name in SCHEMAS["admin"].type_map
    assert name not in SCHEMAS["partner"].type_map

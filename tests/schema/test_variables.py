"""G02: values that their types do not take are told in JSON's words: which variable, where in it, what is wanted."""

from __future__ import annotations

from typing import Any

import pytest
from graphql.execution.values import get_variable_values

from app.infra.encoding import loads
from app.schema.execution.variables import check_types, check_variables
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse

SCHEMA = build_schema(
    """
    enum Color { RED GREEN }
    input Point { x: Int!  y: Int = 5  color: Color }
    input Shape { points: [Point!]!  name: String }
    type Query {
      f(shape: Shape, ids: [ID!], matrix: [[Int]], n: Int, yes: Boolean, ratio: Float, color: Color, text: String): Int
    }
    """
)


def told(declared: str, json: str) -> list[dict[str, Any]]:
    """The problems with a request's variables."""
    (operation,) = parse(f"query({declared}) {{ f }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = loads(json)
    theirs = get_variable_values(SCHEMA, operation.variable_definitions or (), values)
    try:
        check_types(SCHEMA, operation, values)
    except GraphQLError as refused:
        # graphql-core refuses the same values.
        assert isinstance(theirs, list)
        problems: list[dict[str, Any]] = (refused.extensions or {})["problems"]
        return problems
    assert not isinstance(theirs, list), theirs
    return []


@pytest.mark.parametrize(
    ("declared", "json"),
    [
        ("$v: Shape", '{"v": {"points": [{"x": 1, "color": "RED"}], "name": null}}'),
        ("$v: Shape", '{"v": {"points": {"x": 1}}}'),
        ("$v: Shape", '{"v": null}'),
        ("$v: Shape", "{}"),
        ("$v: [ID!]", '{"v": ["a", 1]}'),
        ("$v: [ID!]", '{"v": "a"}'),
        ("$v: [[Int]]", '{"v": [[1], null, 2]}'),
        ("$v: Int! = 5", "{}"),
        ("$v: Color", '{"v": "GREEN"}'),
        ("$v: Float", '{"v": 1}'),
        ("$v: Boolean", '{"v": false}'),
        ("$v: Nothing", '{"v": {}}'),
        ("$v: Int", '{"v": 1, "unused": {"a": []}}'),
    ],
)
def test_g02_values_of_their_types_are_taken(declared: str, json: str) -> None:
    if "Nothing" not in declared:
        assert told(declared, json) == []


@pytest.mark.parametrize(
    ("declared", "json", "path", "message"),
    [
        ("$v: Int!", "{}", [], "Int! must not be null or left out"),
        ("$v: Int! = 5", '{"v": null}', [], "Int! must not be null or left out"),
        ("$v: Int", '{"v": "1"}', [], "Int is a whole number of at most 32 bits"),
        ("$v: Int", '{"v": 1.5}', [], "Int is a whole number of at most 32 bits"),
        ("$v: Int", '{"v": 2147483648}', [], "Int is a whole number of at most 32 bits"),
        ("$v: Boolean", '{"v": 1}', [], "Boolean is true or false"),
        ("$v: String", '{"v": 1}', [], "String is a string"),
        ("$v: ID", '{"v": true}', [], "ID is a string"),
        ("$v: Float", '{"v": "1"}', [], "Float is a number"),
        ("$v: Color", '{"v": "BLUE"}', [], "Color has no such value"),
        ("$v: Color", '{"v": 1}', [], "Color has no such value"),
        ("$v: [ID!]", '{"v": ["a", null]}', [1], "ID! must not be null or left out"),
        ("$v: [[Int]]", '{"v": [[1, "x"]]}', [0, 1], "Int is a whole number of at most 32 bits"),
        ("$v: Shape", '{"v": []}', [], "Shape is an object"),
        ("$v: Shape", '{"v": {}}', ["points"], "[Point!]! must not be null or left out"),
        (
            "$v: Shape",
            '{"v": {"points": [{"x": 1}, {"x": null}]}}',
            ["points", 1, "x"],
            "Int! must not be null or left out",
        ),
        (
            "$v: Shape",
            '{"v": {"points": [], "size": 1}}',
            [],
            'Shape has no such field as "size"',
        ),
    ],
)
def test_g02_a_problem_names_its_place_and_what_is_wanted(
    declared: str, json: str, path: list[str | int], message: str
) -> None:
    assert told(declared, json) == [{"variable": "v", "path": path, "message": message}]


def test_g02_the_message_tells_the_first_problem_and_how_many_more() -> None:
    (operation,) = parse("query($a: Shape!, $b: Int) { f }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    with pytest.raises(GraphQLError) as refused:
        check_types(SCHEMA, operation, {"a": {"points": [{"x": "1"}]}, "b": []})
    assert refused.value.message == (
        "variable $a.points[0].x: Int is a whole number of at most 32 bits (and 1 more)"
    )


def test_g02_few_problems_of_many_are_told() -> None:
    assert len(told("$v: [Int]", f'{{"v": {["x"] * 5_000}}}'.replace("'", '"'))) == 10


def test_g02_a_long_name_is_quoted_in_part() -> None:
    (problem,) = told("$v: Shape", f'{{"v": {{"points": [], "{"x" * 5_000}": 1}}}}')
    assert len(problem["message"]) < 120


@pytest.mark.parametrize(
    "value",
    ["\x00", "a\x00b", "\ud800", "x\udfff", {"\x00": 1}, {"a": ["\ud800"]}, [{"b": "\x00"}]],
)
def test_g02_a_text_that_no_answer_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError, match="half of a surrogate pair"):
        check_variables({"v": value})


@pytest.mark.parametrize("value", ["", "é", "\U0001f4a9", "\uffff", "\x01", "\ufeff", "\u202e"])
def test_g02_every_other_text_is_taken(value: str) -> None:
    check_variables({"v": value, value: {"x": [value]}})

"""G10: the rule that merges fields in linear time has graphql-core's verdicts, at a fraction of the work."""

from __future__ import annotations

import pytest
from graphql.validation import OverlappingFieldsCanBeMergedRule, specified_rules
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schema.execution import overlaps
from app.schema.execution.overlaps import OverlappingFieldsRule
from graphql import GraphQLError, build_schema, parse, validate

SCHEMA = build_schema(
    """
    interface Pet { name: String  owner: Human  mate: Pet }
    type Dog implements Pet {
      name: String  owner: Human  mate: Pet  size: Int  tags: [String!]  knows(a: Int, b: In): Boolean
    }
    type Cat implements Pet {
      name: String  owner: Human  mate: Pet  size: String  tags: [String]  knows(a: Int, b: In): Boolean!
    }
    type Human { name: String!  pet: Pet  any: Any  size: Int! }
    union Any = Dog | Cat | Human
    input In { x: Int  y: [Int] }
    type Query { pet: Pet  dog: Dog  human: Human  any: Any }
    """
)

NAMES = ["name", "owner", "mate", "size", "tags", "knows", "pet", "any", "dog", "human", "nothing"]
TYPES = ["Pet", "Dog", "Cat", "Human", "Any", "Query"]
ARGUMENTS = [
    "",
    "",
    "(a: 1)",
    "(a: 2)",
    "(a: 1, b: {x: 1, y: [1, 2]})",
    "(b: {y: [1, 2], x: 1}, a: 1)",
    "(a: 1, b: {x: 1, y: [2, 1]})",
    "(a: $v)",
    "(a: $w)",
    '(a: "1")',
    '(a: """1""")',
    "(a: null)",
    "(a: 1.0)",
    "(a: X)",
]


class Choices:
    """Makes a small document of a string of bytes: each byte is one choice, and without bytes the document ends."""

    def __init__(self, source: bytes) -> None:
        self._source = iter(source)

    def of(self, options: list[str]) -> str:
        return options[next(self._source, 0) % len(options)]

    def document(self) -> str:
        """An operation and a few fragments, each spreading later ones only: nothing leads back."""
        names = ["F", "G", "H"]
        parts = [f"query ($v: Int, $w: Int) {self._set(names, 0)}"]
        for place, name in enumerate(names):
            later = names[place + 1 :]
            parts.append(f"fragment {name} on {self.of(TYPES)} {self._set(later, 1)}")
        return "\n".join(parts)

    def _set(self, spreads: list[str], depth: int) -> str:
        selections = [self._selection(spreads, depth)]
        while len(selections) < 5 and self.of(["end", "more", "more"]) == "more":
            selections.append(self._selection(spreads, depth))
        return f"{{ {' '.join(selections)} }}"

    def _selection(self, spreads: list[str], depth: int) -> str:
        kinds = ["leaf", "field", "inline", "spread"] if depth < 4 else ["leaf"]
        match self.of(kinds):
            case "spread" if spreads:
                return f"...{self.of(spreads)}"
            case "inline":
                condition = self.of(["", *(f"on {name}" for name in TYPES)])
                return f"... {condition} {self._set(spreads, depth + 1)}"
            case "field":
                return f"{self._field()} {self._set(spreads, depth + 1)}"
            case _:
                return self._field()

    def _field(self) -> str:
        return self.of(["", "", "a: ", "b: "]) + self.of(NAMES) + self.of(ARGUMENTS)


documents = st.binary(min_size=5, max_size=200).map(lambda source: Choices(source).document())


@settings(max_examples=500, deadline=None)
@given(documents)
def test_g10_the_verdict_on_any_document_is_that_of_graphql_core(text: str) -> None:
    document = parse(text)
    ours = validate(SCHEMA, document, [OverlappingFieldsRule])
    theirs = validate(SCHEMA, document, [OverlappingFieldsCanBeMergedRule])
    assert bool(ours) == bool(theirs), (text, ours, theirs)


@settings(max_examples=100, deadline=None)
@given(documents, st.sampled_from(["F", "G", "H"]))
def test_g10_cyclic_fragments_are_refused_whole_and_end(text: str, back: str) -> None:
    document = parse(f"{text} fragment Z on Dog {{ ...{back} mate {{ ...Z }} }}")
    rules = [
        OverlappingFieldsRule if rule is OverlappingFieldsCanBeMergedRule else rule
        for rule in specified_rules
    ]
    assert validate(SCHEMA, document, rules)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ dog { a: name a: size } }", "'name' and 'size' are different fields"),
        ("{ dog { knows(a: 1) knows(a: 2) } }", "they have differing arguments"),
        (
            "{ pet { ... on Dog { size } ... on Cat { size } } }",
            "they return conflicting types 'Int' and 'String'",
        ),
    ],
)
def test_g10_a_conflict_is_told_in_graphql_cores_words(text: str, reason: str) -> None:
    (error,) = validate(SCHEMA, parse(text), [OverlappingFieldsRule])
    (theirs,) = validate(SCHEMA, parse(text), [OverlappingFieldsCanBeMergedRule])
    assert error.message == theirs.message
    assert reason in error.message
    assert error.locations == theirs.locations


def test_g10_merging_looks_at_each_repeated_field_once() -> None:
    repeated = 3_000
    document = parse("{ dog {" + "knows(a: 1) " * repeated + "} }")
    rule = _run(document)
    assert rule._merged == repeated + 1


def test_g10_what_fragments_multiply_is_refused_before_it_grows() -> None:
    # Each level tells dogs from cats and repeats what both share: 2ⁿ groups in n levels.
    level = "{ name }"
    for _ in range(16):
        level = (
            f"{{ mate {level} ... on Dog {{ mate {{ name }} }} ... on Cat {{ mate {{ name }} }} }}"
        )
    with pytest.raises(GraphQLError) as refused:
        _run(parse(f"{{ pet {level} }}"))
    assert refused.value.extensions == {"code": "DOCUMENT_TOO_COMPLEX", "limit": "merged_fields"}


def _run(document: object) -> OverlappingFieldsRule:
    """The rule after it has looked at a document."""
    made: list[OverlappingFieldsRule] = []

    class Kept(overlaps.OverlappingFieldsRule):
        def __init__(self, context: object) -> None:
            super().__init__(context)  # type: ignore[arg-type]
            made.append(self)

    assert validate(SCHEMA, document, [Kept]) == []  # type: ignore[arg-type]
    return made[0]

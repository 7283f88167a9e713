"""Documents that mean to keep the server busy: beyond every limit, and as bad as possible within all of them (G10).

They are written for the partner schema. The adversarial test and the benchmark run each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.schema.execution.analysis import LIMITS
from app.schema.execution.documents import LARGEST_DOCUMENT

REPORT = 'performanceReport(input: {from: "2026-03-01", to: "2026-03-02"%s})'


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request."""

    name: str
    text: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


def filled(head: str, unit: Callable[[int], str], tail: str, most: int | None = None) -> str:
    """As many units as fit into the largest document, or `most`."""
    parts, size, number = [head], len(head) + len(tail), 0
    while most is None or number < most:
        part = unit(number)
        size += len(part)
        if size > LARGEST_DOCUMENT:
            break
        parts.append(part)
        number += 1
    return "".join(parts) + tail


def _fragments(count: int, body: Callable[[int], str], on: str = "Query") -> str:
    return "".join(f"fragment f{i} on {on}{{{body(i)}}}" for i in range(count))


def _doubling(count: int, end: str, on: str = "Viewer") -> str:
    """A chain in which each fragment spreads the next one twice: 2ⁿ fields in n lines."""
    return _fragments(count, lambda i: f"...f{i + 1} ...f{i + 1}" if i < count - 1 else end, on)


def beyond_the_limits() -> Iterator[Hostile]:
    """What is refused."""
    yield Hostile("fragment chain 20", "{me{...f0}}" + _doubling(20, "id"))
    yield Hostile("fragment chain 60", "{me{...f0}}" + _doubling(60, "id"))
    yield Hostile(
        "fragment chain of unknown end", "{__schema{...f0}}" + _doubling(60, "...x", "__Schema")
    )
    yield Hostile(
        "fragment chain ×16",
        "{me{...f0}}"
        + _fragments(40, lambda i: f"...f{i + 1} " * 16 if i < 39 else "id", "Viewer"),
    )
    yield Hostile(
        "fragment chain in another operation",
        "query a{__typename} query b{me{...f0}}" + _doubling(30, "id"),
        operation_name="a",
    )
    yield Hostile("fragments 200", "{me{...f0}}" + _fragments(200, lambda i: "id", "Viewer"))
    yield Hostile(
        "every fragment spreads every later one",
        "{...f0}"
        + _fragments(30, lambda i: "".join(f"...f{j} " for j in range(i + 1, 30)) + "__typename"),
    )
    yield Hostile("cycle of one", "{...f0} fragment f0 on Query{...f0}")
    yield Hostile(
        "every fragment spreads every other one",
        "{...f0}" + _fragments(30, lambda i: "".join(f"...f{j} " for j in range(30))),
    )
    yield Hostile(
        "cycle through fields", "{node(id:1){...f0}} fragment f0 on Promo{campaign{id} ...f0}"
    )
    yield Hostile("alias flood", filled("{", lambda i: f"a{i}:__typename ", "}"))
    yield Hostile("alias flood below", filled("{me{", lambda i: f"a{i}:id ", "}}", 600))
    yield Hostile("same field 5,000 times", "{me{" + "id " * 5_000 + "}}")
    yield Hostile("same object 1,000 times", "{" + "me{id}" * 1_000 + "}")
    yield Hostile("unknown fields", filled("{", lambda i: f"x{i} ", "}"))
    yield Hostile("misspelt fields", filled("{", lambda i: f"campaignz{i} ", "}"))
    yield Hostile("nesting 2,000", "{me" * 2_000 + "}" * 2_000)
    yield Hostile("nesting 2,000 of braces", "{" * 2_000 + "}" * 2_000)
    yield Hostile("nesting 190 of inline fragments", "{" + "...{" * 190 + "__typename" + "}" * 191)
    yield Hostile("list literal", filled("{campaigns(first:[", lambda i: "1 ", "]){__typename}}"))
    yield Hostile("nested list literal", "{campaigns(first:" + "[" * 5_000 + "]" * 5_000 + ")}")
    yield Hostile("nested list literal of 190", "{a:node(id:" + "[" * 190 + "]" * 190 + "){id}}")
    yield Hostile("string literal of 20,000", '{node(id:"' + "x" * 20_000 + '"){id}}')
    yield Hostile("escaped string literal", '{node(id:"' + "\\u0041" * 3_500 + '"){id}}')
    yield Hostile(
        "int literal of 20,000 digits", "{campaigns(first:" + "9" * 20_000 + "){nodes{id}}}"
    )
    yield Hostile(
        "float literal of 20,000 digits", "{campaigns(first:1." + "9" * 20_000 + "){nodes{id}}}"
    )
    yield Hostile("float literal with an exponent", "{campaigns(first:1e999999999){nodes{id}}}")
    yield Hostile("block string", '{node(id:"""' + 'x\\"""' * 4_500 + '"""){id}}')
    yield Hostile("block string of lines", '{node(id:"""' + " x\n" * 8_000 + '"""){id}}')
    yield Hostile("unending block string", '{node(id:"""' + "x\n" * 12_000)
    yield Hostile("name of 24,000 letters", "{" + "a" * 24_000 + "}")
    yield Hostile("directives", filled("{__typename ", lambda i: "@skip(if:false)", "}"))
    yield Hostile("unknown directives", filled("{__typename ", lambda i: f"@a{i}", "}"))
    yield Hostile("a directive on each field", filled("{me{", lambda i: "id@skip(if:true)", "}}"))
    yield Hostile("operations", filled("", lambda i: f"query q{i}{{me{{id}}}}", ""))
    yield Hostile(
        "variables declared",
        "query(" + "".join(f"$v{i}:Int " for i in range(1_400)) + "){__typename}",
    )
    yield Hostile("comments only", "#\n" * 12_000)
    yield Hostile("one comment", "#" + "x" * 24_000)
    yield Hostile("commas only", "," * 24_000)
    yield Hostile("byte order marks", "\ufeff" * 8_000)
    yield Hostile("unicode", "{" + "é" * 12_000 + "}")
    yield Hostile("lone surrogates", "{\ud800}")
    yield Hostile("a NUL", "{\0}")
    yield Hostile("a NUL in a literal", '{node(id:"\\u0000"){id}}')
    yield Hostile("nothing", "")
    yield Hostile("schema definition", "type Query{a:Int}")
    yield Hostile("extension", filled("", lambda i: f"extend type T{i}{{a:Int}}", "", 400))
    yield Hostile(
        "introspection of introspection",
        "{__schema{types{" + "fields{type{" * 8 + "name" + "}" * 19,
    )
    yield Hostile(
        "introspection 20 times",
        "{" + "".join(f"a{i}:__schema{{...f}}" for i in range(20)) + "}"
        "fragment f on __Schema{types{name description fields{name description args{name description"
        " defaultValue} type{name kind ofType{name kind}}}}}",
    )
    yield Hostile(
        "introspection of every name 60 times",
        "{__schema{"
        + "".join(f"a{i}:types{{fields{{name args{{name}}}}}}" for i in range(60))
        + "}}",
    )
    yield Hostile("larger than a document", "{me{" + "id " * 10_000 + "}}")


def within_the_limits() -> Iterator[Hostile]:
    """What is looked at whole: each as bad as the limits allow. Some are valid, some are not."""
    selections = LIMITS.written_selections
    yield Hostile("same field", "{me{" + "id " * (selections - 1) + "}}")
    yield Hostile("same field in another order", "{me{" + "id name " * (selections // 2 - 1) + "}}")
    yield Hostile("same unknown field", "{me{" + "nothing " * (selections - 1) + "}}")
    yield Hostile(
        "different fields of one name", "{me{" + "".join(f"x:f{i} " for i in range(50)) + "}}"
    )
    yield Hostile(
        "same object",
        "{" + "campaigns(first:1){nodes{brand{id name}}}" * 20 + "}",
    )
    yield Hostile(
        "same objects, nested",
        "{campaigns(first:1){nodes{" + "brand{id name category}" * ((selections - 2) // 4) + "}}}",
    )
    metric = "depositsSum{amount currency}"
    yield Hostile(
        "same objects of a report",
        "{" + REPORT % "" + "{totals{" + metric * ((selections - 2) // 3) + "}}}",
    )
    yield Hostile(
        "same field with a large argument",
        "{"
        + 'campaigns(first:1 filter:{nameContains:"%s"}){__typename}' % ("x" * 1_100) * 20
        + "}",
    )
    yield Hostile(
        "inline fragments",
        "{me{" + "...{id}" * ((selections - 1) // 2) + "}}",
    )
    yield Hostile(
        "inline fragments of every type",
        '{node(id:"1"){' + "...on Promo{id}...on Campaign{id}...on Node{id}" * (1_900 // 18) + "}}",
    )
    yield Hostile(
        "fragments compared with one another",
        "{me{"
        + "".join(f"...f{i} " for i in range(60))
        + "}}"
        + _fragments(60, lambda i: "id name email role " * 2 + "id ", "Viewer"),
    )
    yield Hostile(
        "each fragment spreads the later ones",
        "{me{...f0}}"
        + _fragments(11, lambda i: "".join(f"...f{j} " for j in range(i + 1, 11)) + "id", "Viewer"),
    )
    shared = "f0"
    yield Hostile(
        "operations that share all fragments",
        "".join(f"query q{i}{{me{{...{shared}}}}}" for i in range(LIMITS.operations))
        + _fragments(
            44,
            lambda i: f"...f{i + 1} id name email role id name email role id" if i < 44 else "id",
            "Viewer",
        ),
        operation_name="q3",
    )
    header = "".join(f"query q{i}($a:ID!$b:ID!$c:ID!){{...F}}" for i in range(LIMITS.operations))
    yield Hostile(
        "operations that share all variables",
        header
        + "fragment F on Query{"
        + REPORT % (" filter:{brandIds:[" + "$a $b $c " * 275 + "]}")
        + "{totals{__typename}}}",
        {"a": "1", "b": "2", "c": "3"},
        "q7",
    )
    yield Hostile(
        "a hundred variables",
        "query("
        + "".join(f"$v{i}:ID!" for i in range(100))
        + "){"
        + REPORT % (" filter:{brandIds:[" + "".join(f"$v{i % 100} " for i in range(700)) + "]}")
        + "{totals{__typename}}}",
        {f"v{i}": str(i) for i in range(100)},
    )
    yield Hostile(
        "list of 1,900 values",
        "{" + REPORT % (" groupBy:[" + "DAY " * 1_900 + "]") + "{totals{__typename}}}",
    )
    yield Hostile(
        "list of 1,900 wrong values",
        "{" + REPORT % (" groupBy:[" + "DAZ " * 1_900 + "]") + "{totals{__typename}}}",
    )
    yield Hostile(
        "input fields repeated",
        "{campaigns(first:1 filter:{" + "state:ACTIVE " * 640 + "}){__typename}}",
    )
    yield Hostile("arguments repeated", "{campaigns(" + "first:1 " * 640 + "){__typename}}")
    yield Hostile(
        "directives within the limit", "{me{" + "id@skip(if:false)" * 100 + "name " * 690 + "}}"
    )
    yield Hostile("inline fragments nested", "{" + "...{" * 95 + "__typename" + "}" * 96)
    yield Hostile("a text of 24,000", '{node(id:"' + "x" * 24_000 + '"){id}}')
    yield Hostile("the whole schema", _introspection())
    yield Hostile(
        "values in variables", "query($a:[ID!]){__typename @skip(if:false)}", {"a": ["x"] * 9_000}
    )
    for case in ("10,000 variables sent", "1 MB of text", "1 MB of numbers", "deep value"):
        yield Hostile(case, "query($input:LoginInput!){__typename}", _variables(case))


def _variables(case: str) -> dict[str, Any]:
    if case == "10,000 variables sent":
        return {f"v{i}": i for i in range(10_000)}
    if case == "1 MB of text":
        return {"input": {"email": "x" * 1_000_000, "password": "é" * 1_000}}
    if case == "1 MB of numbers":
        return {"input": [0] * 500_000}
    deep: Any = 1
    for _ in range(700):
        deep = [deep]
    return {"input": deep}


def _introspection() -> str:
    from graphql import get_introspection_query

    return get_introspection_query()


def all_hostile() -> list[Hostile]:
    """Every case once."""
    cases = [*beyond_the_limits(), *within_the_limits()]
    assert len({case.name for case in cases}) == len(cases)
    return cases

"""Operations with hostile arguments, made from the schemas, and what no answer to them may hold (G02).

One seed makes one sequence of operations. The suite runs some hundreds, `make soak NAME=graphql_fuzz` thousands.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.infra.clock import Clock
from app.infra.database import fetch
from app.schema.ids import encode_id
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from tests.schema.builder import (
    SCALARS,
    SCHEMAS,
    RootField,
    all_root_fields,
)
from tests.schema.programme import MISSING, ROLES, Programme, open_session

# What would show that something of the inside came out. No hostile argument below holds any of it.
LEAKS = re.compile(
    r"Traceback|File \"|site-packages|/app/|\.py\b|asyncpg|tortoise|strawberry|graphql-core|starlette|pydantic"
    r"|redis|valkey|psycopg|postgres|<class |<function|object at 0x|Decimal\(|datetime\.|\bNone\b|\bTrue\b|\bFalse\b"
    r"|\bSELECT\b|\bINSERT INTO\b|\bUPDATE\b|\bWHERE\b|\bNULL\b|relation \"|column \"|constraint|violates"
    r"|KeyError|ValueError|TypeError|AttributeError|IndexError|OverflowError|Exception\b|dict_|\bself\b",
)
# Codes that tell of a failure of ours.
FAILURES = {"INTERNAL", "UNAVAILABLE"}

_TEXTS = [
    "",
    " ",
    "some text",
    "x" * 300,
    "y" * 5_000,
    "NaN",
    "Infinity",
    "1e400",
    "-0",
    "' OR 1=1 --",
    "%",
    "_%\\",
    "\\",
    "$1",
    "${visit_id}",
    "../../secret",
    "<script>alert(1)</script>",
    "\u202e\u2066",
    "\ufeff",
    "e\u0301",
    "\U0001f4a9",
    "\uffff",
    "\x1b[31m",
    "line\nline\r\n",
    "null",
    "nobody@partner.test",
    "Europe/Bucharest",
    "Mars/Olympus",
    "https://tracker.example/p?id=${clickID}",
    "http://127.0.0.1:1/",
    "https://[::1",
    "javascript:alert(1)",
    "123456",
    "2026-03-01",
    "2026-03-01T00:00:00Z",
]
# Refused at the door.
_BROKEN = ["\u0000", "a\u0000b", "\ud800", "\udfff\ud800"]
_NUMBERS: list[Any] = [
    0,
    1,
    -1,
    2,
    5,
    100,
    101,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**53,
    2**63,
    10**30,
]
_ODD: list[Any] = [None, True, False, 1.5, -0.0, 1e308, [], [[]], {}, {"a": 1}, [None], [1, "x"]]
_MOMENTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "1970-01-01T00:00:00Z",
    "2026-03-10T12:00:00.999999999Z",
    "2026-02-29T00:00:00Z",
]
_DAYS = [
    "0001-01-01",
    "0001-01-02",
    "9999-12-31",
    "2026-02-29",
    "1582-10-10",
    "2026-03-29",
    "2026-03-31",
]
_CODES = ["EUR", "BTC", "JPY", "XXX", "eur", "RO", "ZZ", "US", "ro"]


def _deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": [value]}
    return value


@dataclass(slots=True)
class Request:
    """One operation as it is sent."""

    schema: str
    role: str | None
    body: dict[str, Any]


@dataclass(slots=True)
class Findings:
    """What came of a run."""

    operations: int = 0
    answered: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    # What must not be: (why, the request, the answer).
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


class Fuzz:
    """Makes operations of both schemas from one seed."""

    def __init__(self, seed: int, programme: Programme) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._programme = programme
        self._fields: dict[tuple[str, str], list[RootField]] = {}
        for root in all_root_fields():
            if root.kind != "subscription":
                self._fields.setdefault((root.schema, root.kind), []).append(root)
        # Cursors that the server has handed out.
        self.cursors: list[str] = ["x"]

    def request(self) -> Request:
        """The next operation."""
        pick = self._random
        schema = pick.choice(sorted(SCHEMAS))
        kind = pick.choices(["query", "mutation"], [3, 2])[0]
        roots = pick.sample(self._fields[schema, kind], pick.choice([1, 1, 1, 2, 3]))
        variables: dict[str, Any] = {}
        declared: list[str] = []
        parts = [
            f"f{place}: {self._field(root, declared, variables)}"
            for place, root in enumerate(roots)
        ]
        head = f"{kind} q({' '.join(declared)})" if declared else f"{kind} q"
        body: dict[str, Any] = {"query": f"{head} {{ {' '.join(parts)} }}", "variables": variables}
        self._disturb(body)
        role = pick.choice([None, *(role.value for role in ROLES[schema]), "owner", "owner"])
        return Request(schema, role, body)

    def _disturb(self, body: dict[str, Any]) -> None:
        """Now and then something else of the request is wrong."""
        pick = self._random
        match pick.randrange(40):
            case 0:
                body["operationName"] = pick.choice(["q", "", "other", "\ud800", "\u0000", 5])
            case 1:
                body["variables"] = pick.choice([None, [], "x", _deep(300), {"v0": _deep(90)}])
            case 2:
                text = body["query"]
                place = pick.randrange(len(text))
                body["query"] = (
                    text[:place] + pick.choice(['"', "{", "\u0000", "@x", "#"]) + text[place:]
                )
            case 3:
                body["extensions"] = pick.choice([{}, [], {"persistedQuery": {"version": 1}}])
            case 4:
                body["documentId"] = pick.choice(["sha256:" + "0" * 64, "x", 1])
            case _:
                pass

    def _field(self, root: RootField, declared: list[str], variables: dict[str, Any]) -> str:
        pick = self._random
        arguments = []
        for name, argument in root.definition.args.items():
            needed = is_required_argument(argument) or (name == "first" and pick.random() < 0.8)
            if not needed and pick.random() < 0.6:
                continue
            value = self._value(argument.type, name, 0)
            literal = pick.random() < 0.3 and self._literal(value, argument.type)
            if literal:
                arguments.append(f"{name}: {literal}")
                continue
            variable = f"v{len(variables)}"
            variables[variable] = value
            declared.append(f"${variable}: {argument.type}")
            arguments.append(f"{name}: ${variable}")
        passed = f"({', '.join(arguments)})" if arguments else ""
        return f"{root.name}{passed} {self._selection(root.definition.type, 4)}"

    def _selection(self, type_: Any, depth: int) -> str:
        named = get_named_type(type_)
        if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        parts = ["__typename"]
        for name, definition in named.fields.items():
            if any(is_required_argument(argument) for argument in definition.args.values()):
                continue
            leaf = is_leaf_type(get_named_type(definition.type))
            if self._random.random() < 0.75 and (leaf or depth > 0):
                parts.append(f"{name} {self._selection(definition.type, depth - 1)}")
        return "{ " + " ".join(parts) + " }"

    def _value(self, type_: Any, name: str, depth: int) -> Any:
        """Mostly a value of the type, with hostile contents; now and then something else altogether."""
        pick = self._random
        if pick.random() < 0.02:
            return pick.choice([*_ODD, *_NUMBERS, *_TEXTS, _deep(pick.choice([3, 40]))])
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, name, depth)
        if pick.random() < 0.02:
            return None
        if isinstance(type_, GraphQLList):
            count = pick.choice([0, 1, 1, 2, 3, 200])
            return [self._value(type_.of_type, name, depth) for _ in range(count)]
        if isinstance(type_, GraphQLInputObjectType):
            made = {
                key: self._value(item.type, key, depth + 1)
                for key, item in type_.fields.items()
                if is_required_input_field(item) or pick.random() < 0.6
            }
            if pick.random() < 0.03:
                made[pick.choice(["unknown", "\ud800", "", "__proto__"])] = 1
            return made
        if isinstance(type_, GraphQLEnumType):
            return pick.choice([*type_.values] * 6 + ["NOT_ONE", 1])
        return self._scalar(type_.name, name)

    def _scalar(self, scalar: str, name: str) -> Any:
        pick = self._random
        good = SCALARS.get(scalar, "x")
        match scalar:
            case "ID":
                return self._id()
            case "String":
                return pick.choice(_BROKEN if pick.random() < 0.02 else _TEXTS)
            case "Int":
                return pick.choice([*([1, 2, 5, 100] * 4), *_NUMBERS])
            case "Boolean":
                return pick.choice([True, False])
            case "Cursor":
                return self._tampered(pick.choice(self.cursors))
            case "DateTime":
                return pick.choice([*([good] * 6), *(_MOMENTS * 2), *_TEXTS[:6]])
            case "Date":
                return pick.choice([*([good] * 6), *(_DAYS * 2), *_TEXTS[:6]])
            case _:
                return pick.choice([*([good] * 12), *_CODES, *_TEXTS[:12], 1, -1, 2**53])

    def _id(self) -> str:
        """An own, a foreign, a missing or a changed id, of any type."""
        pick = self._random
        tenant = pick.choice([self._programme.own, self._programme.own, self._programme.foreign])
        type_name = pick.choice(sorted(tenant.rows))
        match pick.randrange(8):
            case 0:
                return str(encode_id(type_name, pick.choice([0, MISSING, 2**63 - 1, 10**17])))
            case 1:
                return self._tampered(tenant.id(type_name))
            case 2:
                return pick.choice(_TEXTS)
            case _:
                return tenant.id(type_name)

    def _tampered(self, text: str) -> str:
        pick = self._random
        if not text or pick.random() < 0.5:
            return text
        place = pick.randrange(len(text))
        return text[:place] + pick.choice(["A", "_", "=", "\u0661", ""]) + text[place + 1 :]

    def _literal(self, value: Any, type_: Any) -> str | None:
        """The value as it may stand in a document; None when it cannot."""
        named = get_named_type(type_)
        if isinstance(named, GraphQLEnumType) and isinstance(value, str):
            return value if value.isidentifier() else None
        if isinstance(value, dict) or isinstance(named, GraphQLInputObjectType):
            return None
        text = json.dumps(value)
        return None if "\\ud" in text.lower() else text


async def run_fuzz(
    client: httpx.AsyncClient, fuzz: Fuzz, programme: Programme, clock: Clock, operations: int
) -> Findings:
    """Send that many operations and gather what must not be."""
    findings = Findings()
    tokens: dict[tuple[str, str], str] = {}
    for number in range(operations):
        if number % 25 == 0:
            # Some operations end sessions, block users or change passwords: begin anew.
            await _revive()
            tokens.clear()
        request = fuzz.request()
        headers = {"Content-Type": "application/json", "Accept": _accept(number)}
        if request.role is not None:
            key = (request.schema, request.role)
            if key not in tokens:
                tokens[key] = await open_session(programme.users[key], clock)
            headers["Authorization"] = f"Bearer {tokens[key]}"
        content = json.dumps(request.body)
        response = await client.post(f"/{request.schema}/graphql", content=content, headers=headers)
        findings.operations += 1
        for why in _wrong_with(response, findings):
            findings.wrong.append((why, f"{request.role} {content}", response.text[:3_000]))
        fuzz.cursors += re.findall(r'"(?:end|start)Cursor":"([^"]+)"', response.text)
        del fuzz.cursors[:-50]
    return findings


def _accept(number: int) -> str:
    return "application/json" if number % 2 else "application/graphql-response+json"


def _wrong_with(response: httpx.Response, findings: Findings) -> Iterator[str]:
    if response.status_code >= 500:
        yield f"status {response.status_code}"
    answer = response.json()
    if "data" in answer:
        findings.answered += 1
    for code in _codes(answer):
        findings.codes[code] = findings.codes.get(code, 0) + 1
        if code in FAILURES:
            yield code
    messages = json.dumps(_messages(answer))
    if leak := LEAKS.search(messages):
        yield f"leak: {leak[0]}"
    if len(messages) > 40_000:
        yield "a long refusal"


def _codes(answer: Any) -> Iterator[str]:
    for error in answer.get("errors") or ():
        yield str(error["extensions"]["code"])
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            for error in payload.get("userErrors") or ():
                yield str(error.get("code", "not selected"))


def _messages(answer: Any) -> list[Any]:
    """Everything that explains: errors and user errors. Data is what somebody put in."""
    found = list(answer.get("errors") or ())
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            found += payload.get("userErrors") or ()
    return found


async def _revive() -> None:
    await fetch("UPDATE users SET state = 'active', locked_at = NULL, failed_attempts = 0")
    await fetch("UPDATE partners SET state = 'active'")
    await fetch("DELETE FROM attempt_counters")

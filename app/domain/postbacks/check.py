"""What is wrong with a postback's URL, where, and the corrected text (A16). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from app.domain.postbacks.template import LONGEST_TEMPLATE, VARIABLE
from app.domain.postbacks.variables import BUILT_IN, TAG_PREFIX
from app.infra.addresses import is_allowed_address


class ProblemCode(StrEnum):
    """What can be wrong with a template."""

    MISSING_DOLLAR = "missing_dollar"
    MISSING_BRACES = "missing_braces"
    WRONG_BRACKETS = "wrong_brackets"
    UNCLOSED = "unclosed"
    STRAY_BRACE = "stray_brace"
    ENCODED_BRACES = "encoded_braces"
    EMPTY_NAME = "empty_name"
    RESERVED_NAME = "reserved_name"
    PARAMETER_IN_PATH = "parameter_in_path"
    BEHIND_HASH = "behind_hash"
    MANGLED_TEXT = "mangled_text"
    UNPRINTABLE = "unprintable"
    BAD_SCHEME = "bad_scheme"
    MISSING_HOST = "missing_host"
    VARIABLE_IN_HOST = "variable_in_host"
    BAD_HOST = "bad_host"
    PRIVATE_TARGET = "private_target"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `position` and `length` count characters of the trimmed template, from 0.

    `suggestion` is what should stand there instead; None when only its writer can know.
    """

    code: ProblemCode
    message: str
    position: int
    length: int
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A trimmed template, its mistakes in the order of their places, and the corrected text if there is one."""

    url: str
    problems: tuple[Problem, ...]
    corrected: str | None


_NAME = r"[^{}\[\]()$&=?#/%\s]"
# `$name` without braces. Of other names only a whole value is one: `$5` and `US$a` may be meant.
_BUILT_IN_BARE = rf"(?:{'|'.join(sorted(BUILT_IN, key=len, reverse=True))})(?![A-Za-z0-9_])"
_WHOLE_VALUE = r"(?<==\$)[A-Za-z_][A-Za-z0-9_.]*(?=[&#]|\Z)"
_BRACES = re.compile(
    "|".join(
        (
            r"(?P<good>\$\{(?P<good_name>[^{}$&=?#/\s]+)\})",
            r"(?P<empty>\$?\{\s*\}|\$\[\s*\]|\$\(\s*\))",
            rf"(?P<spaced>\$\s*\{{\s*(?P<spaced_name>{_NAME}+)\s*\}})",
            rf"(?P<doubled>\$?\{{\{{\s*(?P<doubled_name>{_NAME}+)\s*\}}?\}})",
            rf"(?P<brackets>\$[\[(](?P<brackets_name>{_NAME}+)[\])}}]?)",
            rf"(?P<encoded>(?:\$|%24)(?:\{{|%7[Bb])(?P<encoded_name>{_NAME}+)(?:\}}|%7[Dd]))",
            rf"(?P<unclosed>\$\{{(?P<unclosed_name>{_NAME}*)[\])]?)",
            rf"(?P<dollar>\{{\s*(?P<dollar_name>{_NAME}+)\s*\}})",
            rf"(?P<half>\{{(?P<half_name>{_NAME}*))",
            rf"(?P<bare>\$(?P<bare_name>{_BUILT_IN_BARE}|{_WHOLE_VALUE}))",
            r"(?P<stray>\})",
        )
    )
)
_MISTAKES = {
    "spaced": (ProblemCode.UNPRINTABLE, "a variable holds spaces: write {}"),
    "bare": (
        ProblemCode.MISSING_BRACES,
        "a variable stands in braces: write {}, or %24 for a dollar",
    ),
    "doubled": (ProblemCode.WRONG_BRACKETS, "one pair of braces is enough: write {}"),
    "brackets": (ProblemCode.WRONG_BRACKETS, "a variable stands in braces: write {}"),
    "encoded": (ProblemCode.ENCODED_BRACES, "the braces are percent-encoded: write {}"),
    "unclosed": (ProblemCode.UNCLOSED, "the brace is not closed: write {}"),
    "dollar": (ProblemCode.MISSING_DOLLAR, "a variable begins with a dollar sign: write {}"),
    "half": (ProblemCode.UNCLOSED, "the brace is not closed and has no dollar sign: write {}"),
}
# Lone surrogates as well: no text in UTF-8 can hold them.
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f\\\\\u2028\u2029\ud800-\udfff]+")
_ESCAPED = re.compile("&amp;", re.IGNORECASE)
_MANGLED = re.compile("¤(?=[cC][yY])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d)(/*)")
# `http//host`, `https;//host`
_ALMOST_SCHEME = re.compile(r"(https?)[;.,]?/{1,3}(?=[^/])", re.IGNORECASE)
_HOST_FIRST = re.compile(r"/*[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(?=[:/?#]|$)")
_PATH_PARAMETER = re.compile(r"[/;&](?P<pair>[^/;&=?#]*=[^/;&?#]*\$\{[^{}]*\}[^/;&?#]*)")
_BETWEEN_HASHES = re.compile(r"#(?:\$\{(?P<whole>[^{}]+)\}|(?P<name>[^#&=?/{}]+))#")
_BEHIND_HASH_PAIR = re.compile(r"#[?&]?(?=[^=&?#/{}]+=)")
_PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home.arpa", "intranet", "corp")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def check_template(text: str, *, allow_private: bool = False) -> Checked:
    """The trimmed template with all that is wrong with it. `allow_private` accepts loopback and private hosts."""
    url = text.strip()
    problems = tuple(_problems(url, allow_private))
    return Checked(url, problems, _corrected(url, problems, allow_private) if problems else url)


def _corrected(url: str, problems: tuple[Problem, ...], allow_private: bool) -> str | None:
    """The text with every suggestion in its place; one correction may uncover the next mistake."""
    for _ in range(8):
        if any(problem.suggestion is None for problem in problems):
            return None
        for problem in _not_overlapping(problems):
            end = problem.position + problem.length
            url = url[: problem.position] + (problem.suggestion or "") + url[end:]
        problems = tuple(_problems(url, allow_private))
        if not problems:
            return url
    return None


def _not_overlapping(problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """From the last to the first, so that earlier positions stay right."""
    begin = None
    for problem in sorted(problems, key=lambda each: each.position, reverse=True):
        if begin is None or problem.position + problem.length <= begin:
            begin = problem.position
            yield problem


def _problems(url: str, allow_private: bool) -> Iterator[Problem]:
    if len(url) > LONGEST_TEMPLATE:
        limit = f"the URL has {len(url)} characters, at most {LONGEST_TEMPLATE} are allowed"
        yield Problem(ProblemCode.TOO_LONG, limit, LONGEST_TEMPLATE, len(url) - LONGEST_TEMPLATE)
        return
    found = [*_braces(url), *_characters(url)]
    found += _target(url, allow_private)
    if not found:
        # Which part of the URL is the path is clear only when everything else is right.
        found += _path(url) or _behind_hash(url)
    yield from sorted(found, key=lambda problem: problem.position)


def _braces(url: str) -> Iterator[Problem]:
    for match in _BRACES.finditer(url):
        kind = _kind(match)
        start, length = match.start(), len(match[0])
        if kind == "good":
            yield from _name(match["good_name"], start, length)
        elif kind == "empty":
            yield Problem(
                ProblemCode.EMPTY_NAME, "a variable has no name: write ${visit_id}", start, length
            )
        elif kind == "stray":
            yield Problem(
                ProblemCode.STRAY_BRACE, "the brace closes nothing: leave it out", start, 1, ""
            )
        else:
            yield _wrong_braces(kind, match[f"{kind}_name"], start, length)


def _kind(match: re.Match[str]) -> str:
    kinds = ("good", "empty", *_MISTAKES, "stray")
    return next(kind for kind in kinds if match[kind] is not None)


def _wrong_braces(kind: str, name: str, start: int, length: int) -> Problem:
    code, words = _MISTAKES[kind]
    if not name:
        return Problem(
            ProblemCode.EMPTY_NAME, "a variable has no name: write ${visit_id}", start, length
        )
    suggestion = f"${{{name}}}"
    return Problem(code, words.format(suggestion), start, length, suggestion)


def _name(name: str, start: int, length: int) -> Iterator[Problem]:
    if name == TAG_PREFIX:
        words = "a parameter of the link has no name: write ${tag.clickID}"
        yield Problem(ProblemCode.EMPTY_NAME, words, start, length)
    elif name not in BUILT_IN and name.lower() in BUILT_IN:
        suggestion = f"${{{name.lower()}}}"
        words = (
            f"names are case-sensitive: write {suggestion}, or ${{{TAG_PREFIX}{name}}} for a parameter of "
            "that name on your link"
        )
        yield Problem(ProblemCode.RESERVED_NAME, words, start, length, suggestion)


def _characters(url: str) -> Iterator[Problem]:
    for match in _MANGLED.finditer(url):
        words = "&currency became ¤cy when the text was copied: write &currency"
        yield Problem(ProblemCode.MANGLED_TEXT, words, match.start(), 1, "&curren")
    for match in _ESCAPED.finditer(url):
        words = "&amp; is how HTML writes &: write & between parameters"
        yield Problem(ProblemCode.MANGLED_TEXT, words, match.start(), len(match[0]), "&")
    inside = [match.span() for match in _BRACES.finditer(url)]
    for match in _UNPRINTABLE.finditer(url):
        if any(begin <= match.start() < end for begin, end in inside):
            continue
        blank = match[0].strip("\t\r\n\x00") if set(match[0]) <= set(" \t\r\n\x00") else None
        suggestion = None if blank is None else blank.replace(" ", "%20")
        words = "a URL holds no spaces, backslashes or control characters: percent-encode them or leave them out"
        yield Problem(ProblemCode.UNPRINTABLE, words, match.start(), len(match[0]), suggestion)


def _target(url: str, allow_private: bool) -> Iterator[Problem]:
    """Mistakes before the path: the scheme and the host."""
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if match is None or (scheme not in {"http", "https"} and not match[2]):
        yield _no_scheme(url)
        return
    if scheme not in {"http", "https"}:
        words = f"the URL must begin with http:// or https://, not {scheme}://"
        suggestion = "https://" if len(match[2]) == 2 else None
        yield Problem(ProblemCode.BAD_SCHEME, words, 0, len(match[0]), suggestion)
        return
    if len(match[2]) != 2 and _HOST_FIRST.match(url, match.end()):
        words = "the URL must begin with http:// or https://"
        yield Problem(ProblemCode.BAD_SCHEME, words, 0, len(match[0]), f"{scheme}://")
        return
    yield from _host(url, min(len(scheme) + 3, len(url)), allow_private)


def _no_scheme(url: str) -> Problem:
    words = "the URL must begin with http:// or https://"
    almost = _ALMOST_SCHEME.match(url)
    if almost is not None:
        suggestion = f"{almost[1].lower()}://"
        return Problem(ProblemCode.BAD_SCHEME, words, 0, len(almost[0]), suggestion)
    begin = _HOST_FIRST.match(url)
    slashes = len(url) - len(url.lstrip("/"))
    if begin is None:
        return Problem(ProblemCode.BAD_SCHEME, words, 0, 0)
    return Problem(ProblemCode.BAD_SCHEME, words, 0, slashes, "https://")


def _host(url: str, begin: int, allow_private: bool) -> Iterator[Problem]:
    place = re.split(r"[/?#]", url[begin:], maxsplit=1)[0]
    if any(character in place for character in "${}"):
        words = "the host of your tracker cannot be a variable: write its name"
        yield Problem(ProblemCode.VARIABLE_IN_HOST, words, begin, len(place))
        return
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        yield Problem(ProblemCode.BAD_HOST, f"this is no host: {error}", begin, len(place))
        return
    if not host:
        words = "the URL must name the host of your tracker, such as https://tracker.example/"
        yield Problem(ProblemCode.MISSING_HOST, words, begin, len(place))
    elif port == 0:
        words = "the port 0 cannot be called: choose 1 to 65535, or leave it out"
        yield Problem(ProblemCode.BAD_HOST, words, begin, len(place))
    elif (refusal := _why_not(host, "[" in place, allow_private)) is not None:
        yield Problem(refusal[0], refusal[1], begin, len(place))


def _why_not(host: str, literal: bool, allow_private: bool) -> tuple[ProblemCode, str] | None:
    """Why a host cannot be called, as far as its name tells; what it resolves to is checked at each call."""
    try:
        if is_allowed_address(host.partition("%")[0], allow_private):
            return None
    except ValueError:
        return None if literal else _why_not_name(host, allow_private)
    words = f"{host} is a private, loopback or link-local address: postbacks go to public ones only"
    return ProblemCode.PRIVATE_TARGET, words


def _why_not_name(host: str, allow_private: bool) -> tuple[ProblemCode, str] | None:
    try:
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return ProblemCode.BAD_HOST, f"{host} is no name of a host"
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return ProblemCode.BAD_HOST, f"{host} is no name of a host"
    # `127.1` and `0x7f000001` are addresses to the resolver.
    if re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", labels[-1]):
        words = f"{host} is no name of a host: an IPv4 address has four numbers"
        return ProblemCode.BAD_HOST, words
    plain = name.removesuffix(".").lower()
    private = len(labels) == 1 or any(
        plain == each or plain.endswith(f".{each}") for each in _PRIVATE_NAMES
    )
    if private and not allow_private:
        words = f"{host} is a name of a private network: postbacks go to public hosts only"
        return ProblemCode.PRIVATE_TARGET, words
    return None


def _path(url: str) -> list[Problem]:
    """Parameters in the path, where no tracker looks for them: `/c=${clickID}` instead of `?c=${clickID}`."""
    begin = url.index("://") + 3
    before, hash_mark, fragment = url.partition("#")
    path, _, query = before.partition("?")
    pairs = [match["pair"] for match in _PATH_PARAMETER.finditer(path, begin)]
    if not pairs:
        return []
    first = _PATH_PARAMETER.search(path, begin)
    position = first.start() if first else begin
    clean = _PATH_PARAMETER.sub("", path[position:])
    # Whole pairs behind the first `&` belong to the query as well.
    clean, _, more = clean.partition("&")
    joined = "&".join(part for part in (*pairs, more, query) if part)
    suggestion = f"{clean}?{joined}{hash_mark}{fragment}"
    words = f"parameters stand behind a question mark: write {path[:position]}{suggestion}"
    length = len(url) - position
    return [Problem(ProblemCode.PARAMETER_IN_PATH, words, position, length, suggestion)]


def _behind_hash(url: str) -> list[Problem]:
    """Variables behind a `#`, of which nothing is ever sent."""
    before, _, fragment = url.partition("#")
    position = len(before)
    wrapped = _BETWEEN_HASHES.match(url, position)
    name = (wrapped["whole"] or wrapped["name"]) if wrapped else ""
    if wrapped and (wrapped["whole"] or name in BUILT_IN):
        suggestion = f"${{{name}}}"
        words = (
            f"a variable stands in braces, and what is behind a # is never sent: write {suggestion}"
        )
        return [Problem(ProblemCode.BEHIND_HASH, words, position, len(wrapped[0]), suggestion)]
    if not VARIABLE.search(fragment):
        return []
    pair = _BEHIND_HASH_PAIR.match(url, position)
    if before.endswith("=") and fragment.startswith("${"):
        length, instead = 1, ""
    elif pair:
        length, instead = len(pair[0]), "&" if "?" in before else "?"
    else:
        words = (
            "what is behind a # is never sent: put the variable before it, or write %23 for the #"
        )
        return [Problem(ProblemCode.BEHIND_HASH, words, position, len(url) - position)]
    words = f"what is behind a # is never sent: write {before}{instead}{url[position + length :]}"
    return [Problem(ProblemCode.BEHIND_HASH, words, position, length, instead)]

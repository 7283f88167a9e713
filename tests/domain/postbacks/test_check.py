"""What is wrong with a template, where, and the corrected text (A16)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.postbacks.check import ProblemCode, check_template
from app.domain.postbacks.template import LONGEST_TEMPLATE, VARIABLE
from app.domain.postbacks.variables import BUILT_IN

HERE = "https://t.example/p"

# Template, what is wrong, the text that is to blame, what should stand there, and the whole corrected text.
WRONG = [
    (f"{HERE}?a={{x}}", ProblemCode.MISSING_DOLLAR, "{x}", "${x}", f"{HERE}?a=${{x}}"),
    (f"{HERE}?a={{ x }}", ProblemCode.MISSING_DOLLAR, "{ x }", "${x}", f"{HERE}?a=${{x}}"),
    (f"{HERE}?b=$[x]", ProblemCode.WRONG_BRACKETS, "$[x]", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=$(x)", ProblemCode.WRONG_BRACKETS, "$(x)", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=$[x", ProblemCode.WRONG_BRACKETS, "$[x", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=${{{{x}}}}", ProblemCode.WRONG_BRACKETS, "${{x}}", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b={{{{x}}}}", ProblemCode.WRONG_BRACKETS, "{{x}}", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=$%7Bx%7D", ProblemCode.ENCODED_BRACES, "$%7Bx%7D", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=%24%7bx%7d", ProblemCode.ENCODED_BRACES, "%24%7bx%7d", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=${{x&c=1", ProblemCode.UNCLOSED, "${x", "${x}", f"{HERE}?b=${{x}}&c=1"),
    (f"{HERE}?b=${{x", ProblemCode.UNCLOSED, "${x", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=${{x)", ProblemCode.UNCLOSED, "${x)", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b={{x&c=1", ProblemCode.UNCLOSED, "{x", "${x}", f"{HERE}?b=${{x}}&c=1"),
    (f"{HERE}?b=${{x}}}}", ProblemCode.STRAY_BRACE, "}", "", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=${{ x }}", ProblemCode.UNPRINTABLE, "${ x }", "${x}", f"{HERE}?b=${{x}}"),
    (f"{HERE}?b=${{}}", ProblemCode.EMPTY_NAME, "${}", None, None),
    (f"{HERE}?b=$ {{x}}", ProblemCode.UNPRINTABLE, "$ {x}", "${x}", f"{HERE}?b=${{x}}"),
    (
        f"{HERE}?b=$visit_id",
        ProblemCode.MISSING_BRACES,
        "$visit_id",
        "${visit_id}",
        f"{HERE}?b=${{visit_id}}",
    ),
    (
        f"{HERE}?b=1-$stag-2",
        ProblemCode.MISSING_BRACES,
        "$stag",
        "${stag}",
        f"{HERE}?b=1-${{stag}}-2",
    ),
    (
        f"{HERE}?b=$clickID&c=1",
        ProblemCode.MISSING_BRACES,
        "$clickID",
        "${clickID}",
        f"{HERE}?b=${{clickID}}&c=1",
    ),
    (f"{HERE}?b=${{x}}&amp;c=1", ProblemCode.MANGLED_TEXT, "&amp;", "&", f"{HERE}?b=${{x}}&c=1"),
    (f"{HERE}?b={{}}", ProblemCode.EMPTY_NAME, "{}", None, None),
    (f"{HERE}?b=$[]", ProblemCode.EMPTY_NAME, "$[]", None, None),
    (f"{HERE}?b=${{tag.}}", ProblemCode.EMPTY_NAME, "${tag.}", None, None),
    (
        f"{HERE}?b=${{Promo_ID}}",
        ProblemCode.RESERVED_NAME,
        "${Promo_ID}",
        "${promo_id}",
        f"{HERE}?b=${{promo_id}}",
    ),
    (
        "https://t.example/c=${x}",
        ProblemCode.PARAMETER_IN_PATH,
        "/c=${x}",
        "?c=${x}",
        "https://t.example?c=${x}",
    ),
    (
        f"{HERE}&c=${{x}}&d=1",
        ProblemCode.PARAMETER_IN_PATH,
        "&c=${x}&d=1",
        "?c=${x}&d=1",
        f"{HERE}?c=${{x}}&d=1",
    ),
    (
        f"{HERE}/a=${{x}}/b=${{y}}/in?z=1#f",
        ProblemCode.PARAMETER_IN_PATH,
        "/a=${x}/b=${y}/in?z=1#f",
        "/in?a=${x}&b=${y}&z=1#f",
        f"{HERE}/in?a=${{x}}&b=${{y}}&z=1#f",
    ),
    (f"{HERE}?a=1&r=#${{x}}", ProblemCode.BEHIND_HASH, "#", "", f"{HERE}?a=1&r=${{x}}"),
    (
        f"{HERE}?a=#visit_id#",
        ProblemCode.BEHIND_HASH,
        "#visit_id#",
        "${visit_id}",
        f"{HERE}?a=${{visit_id}}",
    ),
    (f"{HERE}?a=#${{x}}#&b=1", ProblemCode.BEHIND_HASH, "#${x}#", "${x}", f"{HERE}?a=${{x}}&b=1"),
    (f"{HERE}?a=1#b=${{x}}", ProblemCode.BEHIND_HASH, "#", "&", f"{HERE}?a=1&b=${{x}}"),
    (f"{HERE}#?b=${{x}}", ProblemCode.BEHIND_HASH, "#?", "?", f"{HERE}?b=${{x}}"),
    (f"{HERE}?a=1#${{x}}", ProblemCode.BEHIND_HASH, "#${x}", None, None),
    (f"{HERE}?a=1 2", ProblemCode.UNPRINTABLE, " ", "%20", f"{HERE}?a=1%202"),
    (f"{HERE}?a=1\n&b=2", ProblemCode.UNPRINTABLE, "\n", "", f"{HERE}?a=1&b=2"),
    (f"{HERE}?a=\\", ProblemCode.UNPRINTABLE, "\\", None, None),
    (f"{HERE}?a=\ud800", ProblemCode.UNPRINTABLE, "\ud800", None, None),
    (f"{HERE}?a=\x7f", ProblemCode.UNPRINTABLE, "\x7f", None, None),
    ("t.example/p?a=1", ProblemCode.BAD_SCHEME, "", "https://", "https://t.example/p?a=1"),
    ("//t.example/p", ProblemCode.BAD_SCHEME, "//", "https://", "https://t.example/p"),
    ("t.example:8443/p", ProblemCode.BAD_SCHEME, "", "https://", "https://t.example:8443/p"),
    ("http:/t.example/p", ProblemCode.BAD_SCHEME, "http:/", "http://", "http://t.example/p"),
    ("http//t.example/p", ProblemCode.BAD_SCHEME, "http//", "http://", "http://t.example/p"),
    ("https;//t.example/p", ProblemCode.BAD_SCHEME, "https;//", "https://", "https://t.example/p"),
    ("ftp://t.example/p", ProblemCode.BAD_SCHEME, "ftp://", "https://", "https://t.example/p"),
    ("javascript:alert(1)", ProblemCode.BAD_SCHEME, "", None, None),
    ("", ProblemCode.BAD_SCHEME, "", None, None),
    ("https:///path", ProblemCode.MISSING_HOST, "", None, None),
    ("https://", ProblemCode.MISSING_HOST, "", None, None),
    ("https://?a=1", ProblemCode.MISSING_HOST, "", None, None),
    ("https://${host}/", ProblemCode.VARIABLE_IN_HOST, "${host}", None, None),
    ("https://t${x}.example/", ProblemCode.VARIABLE_IN_HOST, "t${x}.example", None, None),
    ("https://[::1", ProblemCode.BAD_HOST, "[::1", None, None),
    ("https://t.example:0/", ProblemCode.BAD_HOST, "t.example:0", None, None),
    ("https://t.example:99999/", ProblemCode.BAD_HOST, "t.example:99999", None, None),
    ("https://-t.example/", ProblemCode.BAD_HOST, "-t.example", None, None),
    ("https://127.1/", ProblemCode.BAD_HOST, "127.1", None, None),
    ("https://0x7f000001/", ProblemCode.BAD_HOST, "0x7f000001", None, None),
    ("https://2130706433/", ProblemCode.BAD_HOST, "2130706433", None, None),
]
PRIVATE = [
    *("127.0.0.1", "127.0.0.1:8080", "localhost", "tracker.localhost", "[::1]", "10.1.2.3"),
    *("192.168.1.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "[fd00::1]", "tracker"),  # noqa: S104
    *("db.internal", "printer.local", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]"),
]
LINK_LOCAL = ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"]


@pytest.mark.parametrize(
    ("template", "code", "blamed", "suggestion", "corrected"), WRONG, ids=ascii
)
def test_a16_a_mistake_is_told_with_its_place_and_the_corrected_text(
    template: str, code: ProblemCode, blamed: str, suggestion: str | None, corrected: str | None
) -> None:
    checked = check_template(template)

    problem = next(each for each in checked.problems if each.code is code)
    assert template[problem.position : problem.position + problem.length] == blamed
    assert (problem.suggestion, checked.corrected) == (suggestion, corrected)


def test_a16_several_mistakes_are_told_at_once_and_corrected_together() -> None:
    checked = check_template("t.example/p?a={x}&b=$[y]&c=${z")

    assert [problem.code for problem in checked.problems] == [
        ProblemCode.BAD_SCHEME,
        ProblemCode.MISSING_DOLLAR,
        ProblemCode.WRONG_BRACKETS,
        ProblemCode.UNCLOSED,
    ]
    assert checked.corrected == "https://t.example/p?a=${x}&b=${y}&c=${z}"


@pytest.mark.parametrize("host", PRIVATE)
def test_a16_a_private_target_is_refused_unless_a_test_machine_allows_it(host: str) -> None:
    url = f"http://{host}/p?a=${{x}}"

    assert [p.code for p in check_template(url).problems] == [ProblemCode.PRIVATE_TARGET]
    assert check_template(url, allow_private=True).problems == ()


@pytest.mark.parametrize("host", LINK_LOCAL)
def test_a16_a_link_local_target_is_refused_everywhere(host: str) -> None:
    url = f"http://{host}/latest/meta-data"

    assert [p.code for p in check_template(url, allow_private=True).problems] == [
        ProblemCode.PRIVATE_TARGET
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://t.example/",
        "https://t.example?a=${x}",
        "http://t.example:8080/p?click=${visit_id}&x=1#a",
        "https://t.example/${promo_id}/?a=${tag.c}",
        "https://t.example/a=1/${promo_id}",
        "https://user:pass@t.example/",
        "https://8.8.8.8/p",
        "https://[2606:4700::1111]/p",
        "https://bücher.example/p?a=ü",
        "https://t.example/?a=[SOMETHING]&b=#reqid#",
        "https://t.example/?a=${x}${y}-${z}",
        "https://t.example/?a=${Clickid}&b=${tag.Promo_ID}&c=$5&d=US$a&e=$_GET[x]&f=$amounts-1",
    ],
)
def test_a16_a_good_template_is_kept_as_it_is(url: str) -> None:
    checked = check_template(f"  {url} ")

    assert (checked.url, checked.problems, checked.corrected) == (url, (), url)


def test_a16_a_template_that_is_too_long_is_told_where_it_ends() -> None:
    (problem,) = check_template(f"{HERE}?a=" + "x" * LONGEST_TEMPLATE).problems

    assert (problem.code, problem.position) == (ProblemCode.TOO_LONG, LONGEST_TEMPLATE)


pieces = st.lists(
    st.sampled_from(
        [
            *(
                "https://",
                "http:/",
                "t.example",
                "/",
                "/p",
                "?",
                "&",
                "=",
                "#",
                "a",
                "b=",
                "c=${x}",
            ),
            *("{", "}", "${", "$[", "]", "$(", ")", "x", "${y}", "%7B", "$%7Bz%7D", " ", "¤cy"),
            *("{{", "}}", "${Promo_ID}", "localhost", ":", ":0", "\n", "\\", "ü", "${tag.a}"),
            *("$stag", "$x", "&amp;", "http//", "$ {", "#stag#", "#${x}"),
        ]
    ),
    max_size=12,
)


@given(pieces)
def test_a16_whatever_is_written_the_corrected_text_is_right(parts: list[str]) -> None:
    checked = check_template("".join(parts))

    if checked.corrected is not None:
        assert check_template(checked.corrected).problems == ()
        assert not [
            name
            for name in VARIABLE.findall(checked.corrected)
            if name not in BUILT_IN and name.lower() in BUILT_IN
        ]


@given(pieces)
def test_a16_the_places_of_mistakes_lie_within_the_text(parts: list[str]) -> None:
    checked = check_template("".join(parts))

    for problem in checked.problems:
        assert 0 <= problem.position <= problem.position + problem.length <= len(checked.url)

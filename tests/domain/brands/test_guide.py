"""The guide to the offer says what the code does (O01, O02)."""

from __future__ import annotations

import re
from pathlib import Path

from app.domain.brands import brand_values, ignored_addresses, redirect_arguments
from app.domain.campaigns import plan_moves
from app.domain.permissions import Permission
from app.domain.urls import LONGEST_URL
from app.schema import admin
from app.settings import Settings

GUIDE = (Path(__file__).parents[3] / "docs" / "offers.md").read_text(encoding="utf-8")
# On one line: the guide's own line ends mean nothing.
TEXT = re.sub(r"\s+", " ", GUIDE)


def test_o01_the_guide_lists_the_macros_of_the_code() -> None:
    listed = dict(re.findall(r"^\| `%%(\w+)%%` \| (.+) \|$", GUIDE, re.MULTILINE))

    assert listed == dict(redirect_arguments.MACROS)


def test_o01_the_guides_limits_are_those_of_the_code() -> None:
    notice = Settings.model_fields["brand_notice_days"].default
    for words in (
        f"At most {redirect_arguments.MOST_ARGUMENTS}; a name has at most {redirect_arguments.LONGEST_NAME} letters",
        f"a template at most {redirect_arguments.LONGEST_TEMPLATE} characters",
        f"at most {ignored_addresses.MOST_ADDRESSES:,}, none wider than /{ignored_addresses.WIDEST[4]}",
        f"(IPv6: /{ignored_addresses.WIDEST[6]})",
        f"each with its subdomains; at most {brand_values.MOST_DOMAINS}",
        f"cookie life 1 to {brand_values.LONGEST_COOKIE_DAYS} days",
        f"approval time 0 to {brand_values.LONGEST_APPROVAL_DAYS} days",
        f"`TRIBUTARY_BRAND_NOTICE_DAYS` ({notice} by default)",
        f"at most {LONGEST_URL:,} characters",
        f"at most {plan_moves.FURTHEST_DAYS} days ahead",
    ):
        assert words in TEXT, words


def test_o01_every_mutation_and_permission_that_the_guide_names_is_there() -> None:
    mutation = admin.schema._schema.mutation_type
    assert mutation is not None
    verbs = "create|edit|disable|enable|sort|set|rename|announce|cancel|deposit|correct|move"
    named = set(re.findall(rf"`((?:{verbs})[A-Z]\w+)`", GUIDE))
    permissions = set(re.findall(r"`((?:manage|read)_\w+)`", GUIDE))

    assert named
    assert named - set(mutation.fields) == set()
    assert permissions - {item.value for item in Permission} == set()

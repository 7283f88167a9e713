"""The guide of accounts says what the code does."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from app.domain.accounts import attempts, sign_in
from app.domain.mails.plan import MOST_IN_A_DAY, MOST_IN_AN_HOUR
from app.domain.permissions import PARTNER_PERMISSIONS, STAFF_PERMISSIONS, Permission

GUIDE = (Path(__file__).parents[3] / "docs" / "accounts.md").read_text()


def _table(roles: Mapping[StrEnum, frozenset[Permission]]) -> str:
    names = [role.value for role in roles]
    lines = [f"| permission | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for permission in Permission:
        marks = ["yes" if permission in granted else "" for granted in roles.values()]
        if any(marks):
            lines.append(f"| `{permission.value}` | {' | '.join(marks)} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "roles", [PARTNER_PERMISSIONS, STAFF_PERMISSIONS], ids=["partner", "staff"]
)
def test_the_tables_of_roles_are_those_of_the_code(
    roles: Mapping[StrEnum, frozenset[Permission]],
) -> None:
    assert _table(roles) in GUIDE


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| {sign_in.FAILURES_BEFORE_LOCK} lock it" in GUIDE
    assert "| 50 in 15 minutes |" in GUIDE
    limits = (attempts.SIGN_IN_BY_ADDRESS, attempts.LINK_BY_ADDRESS, attempts.CODE_BY_USER)
    assert [limit.most for limit in limits] == [50, 30, 10]
    assert {limit.window.total_seconds() for limit in limits} == {900}
    wanted = f"| {MOST_IN_AN_HOUR} of a kind in an hour, {MOST_IN_A_DAY} in a day |"
    assert wanted in GUIDE
    assert (attempts.MAIL_BY_ADDRESS.most, attempts.MAIL_BY_ADDRESS.window.seconds) == (20, 3600)

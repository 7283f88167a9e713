"""The guide to plans says what the terms are (A09)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domain.plans.reading import read_terms, write_terms
from app.domain.plans.terms import RewardKind, SubaffiliateBasis
from app.infra.encoding import loads

GUIDE = (Path(__file__).parents[3] / "docs" / "plans.md").read_text(encoding="utf-8")


def test_a09_the_guides_terms_are_valid() -> None:
    (document,) = re.findall(r"```json\n(.+?)```", GUIDE, re.DOTALL)

    assert write_terms(read_terms(loads(document))) == loads(document)


@pytest.mark.parametrize("word", [*RewardKind, *SubaffiliateBasis])
def test_m11_the_guide_has_an_example_of_each_reward(word: str) -> None:
    assert f"\n| `{word}` | " in GUIDE

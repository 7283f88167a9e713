"""What the guide to tracking links tells integrators is true: its examples are followed, its limits compared."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.domain.visits.destination import LONGEST
from app.domain.visits.tags import LONGEST_NAME, LONGEST_VALUE, MOST_TAGS, parse_tags
from app.infra.clock import ManualClock
from app.models import Brand, Partner, Promo, Visit
from tests.factories import make_world
from tests.web.clicks.shop import make_shop

GUIDE = (Path(__file__).parents[3] / "docs" / "tracking-links.md").read_text(encoding="utf-8")
AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}
CODE = "k7m2xq9rt"


def part(title: str) -> str:
    """What stands below a heading."""
    return GUIDE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


WRITTEN = re.findall(
    r"`(/[^`]+)`", "".join(re.findall(r"^\|.*\|$", GUIDE.split("\n## ")[0], re.MULTILINE))
)
PLACEHOLDERS = re.findall(r"^\| `\?(\S+?)=(\S+)` \| `(\S+)` \| (yes|no) \|$", GUIDE, re.MULTILINE)


def test_the_guide_has_examples_to_try() -> None:
    assert len(WRITTEN) == 11
    assert len(PLACEHOLDERS) == 4


@pytest.mark.parametrize("written", WRITTEN)
async def test_a_link_works_as_the_guide_writes_it_a10(
    client: httpx.AsyncClient, clock: ManualClock, written: str
) -> None:
    world = await make_world(clock)
    await Promo.filter(id=world.promo.id).update(code=CODE)
    server = str(client.base_url).rstrip("/")

    response = await client.get(f"{server}{written}", headers=AGENT)

    assert "stag=" in response.headers["location"]
    sent = {"clickID": "42"} if "clickID" in written else {}
    if "webID" in written:
        sent["webID"] = "7"
    assert (await Visit.exclude(id=world.visit_id).get()).tags == sent


@pytest.mark.parametrize(("name", "sent", "kept", "corrupted"), PLACEHOLDERS)
def test_placeholders_are_kept_as_the_guide_says_a11(
    name: str, sent: str, kept: str, corrupted: str
) -> None:
    tags = parse_tags(f"{name}={sent}".encode())

    assert tags.values == {name: kept}
    assert tags.corrupted is (corrupted == "yes")


def test_the_limits_are_those_of_the_guide_a11() -> None:
    limits = part("Dynamic tags")
    assert f"| tags of one visit | {MOST_TAGS} |" in limits
    assert f"| length of a name | {LONGEST_NAME} characters |" in limits
    assert f"| length of a value | {LONGEST_VALUE:,} characters |" in limits
    assert f"longer than {LONGEST:,}\ncharacters" in part("What a click does")


async def test_the_network_link_of_the_guide_leads_where_it_says_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    await Partner.filter(id=shop.partner.id).update(code="e5442c1ed")
    await Brand.filter(id=shop.brand.id).update(code="184f69294")
    link, leads_to = re.findall(
        r"^```\n(https://\S+)\n```$", part("Network click URLs"), re.MULTILINE
    )
    asked = urlsplit(link)

    response = await client.get(f"{asked.path}?{asked.query}", headers=AGENT)

    expected, stag = leads_to.split("&stag=")
    assert re.fullmatch(r"\d+_\d+", stag)
    assert response.headers["location"].split("&stag=")[0] == expected

"""Whose address a request has: that of its connection, unless a trusted proxy vouches for another one."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from app.infra.clock import ManualClock
from app.models import VisitAddress
from app.settings import Network, Settings
from tests.conftest import serving
from tests.domain.accounts.people import from_address
from tests.factories import make_world

# The client of every test request.
PEER = "203.0.113.9"
PROXIES = ("203.0.113.0/24", "10.0.0.0/8", "2001:db8:ffff::/48")


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


async def addresses(
    settings: Settings, clock: ManualClock, trusted: tuple[str, ...], *forwarded: list[str]
) -> list[str]:
    """The addresses that are kept of clicks with those `X-Forwarded-For` headers."""
    configured = settings.model_copy(update={"trusted_proxies": networks(*trusted)})
    async with serving(configured, clock) as client:
        world = await make_world(clock)
        for values in forwarded:
            headers: Any = [("X-Forwarded-For", value) for value in values]
            await client.get(f"/{world.promo.code}", headers=headers)
        kept = await VisitAddress.exclude(visit_id=world.visit_id).order_by("visit_id")
    return [address.ip for address in kept]


async def test_without_trusted_proxies_nobody_can_claim_another_address(
    settings: Settings, clock: ManualClock
) -> None:
    claims = [["198.51.100.7"], ["127.0.0.1"], ["10.0.0.1, 198.51.100.7"], []]

    assert await addresses(settings, clock, (), *claims) == [PEER] * 4


async def test_a_client_that_is_no_trusted_proxy_cannot_claim_another_address(
    settings: Settings, clock: ManualClock
) -> None:
    assert await addresses(settings, clock, ("10.0.0.0/8",), ["198.51.100.7"]) == [PEER]


FORWARDED = [
    (["198.51.100.7"], "198.51.100.7"),
    ([" 198.51.100.7 "], "198.51.100.7"),
    (["2001:DB8::1"], "2001:db8::1"),
    # What stands left of the nearest stranger was written by that stranger.
    (["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
    (["127.0.0.1, 10.0.0.9, 198.51.100.7, 10.0.0.1"], "198.51.100.7"),
    (["1.1.1.1", "198.51.100.7, 10.0.0.1"], "198.51.100.7"),
    (["198.51.100.7, 2001:db8:ffff::5, 10.0.0.1"], "198.51.100.7"),
    (["rubbish, 198.51.100.7"], "198.51.100.7"),
    # A request that began at one of our own machines.
    (["10.0.0.7, 10.0.0.1"], "10.0.0.7"),
    # What is no address is believed by nobody.
    ([], PEER),
    ([""], PEER),
    (["unknown"], PEER),
    (["198.51.100.7, rubbish"], PEER),
    (["198.51.100.7:4711"], PEER),
    (["[2001:db8::1]"], PEER),
    (["198.51.100.7, , "], PEER),
    (["198.51.100.07"], PEER),
    (["198.51.100.7, rubbish, 10.0.0.1"], "10.0.0.1"),
    (["1" * 5_000], PEER),
]


async def test_behind_trusted_proxies_the_nearest_stranger_is_the_client(
    settings: Settings, clock: ManualClock
) -> None:
    found = await addresses(settings, clock, PROXIES, *(values for values, _ in FORWARDED))

    assert dict(enumerate(found)) == {n: address for n, (_, address) in enumerate(FORWARDED)}


MAPPED = [
    (["198.51.100.7, ::ffff:10.0.0.1"], "198.51.100.7"),
    (["::ffff:198.51.100.7, 10.0.0.1"], "198.51.100.7"),
    (["::FFFF:c633:6407"], "198.51.100.7"),
]


@pytest.mark.parametrize("trusted", [PROXIES, ("::ffff:203.0.113.0/120", "::ffff:10.0.0.0/104")])
@pytest.mark.parametrize("peer", [PEER, f"::ffff:{PEER}"])
async def test_ipv4_that_came_through_an_ipv6_socket_is_ipv4(
    peer: str, trusted: tuple[str, ...], settings: Settings, clock: ManualClock
) -> None:
    configured = settings.model_copy(update={"trusted_proxies": networks(*trusted)})
    async with serving(configured, clock) as client:
        world = await make_world(clock)
        async with from_address(client, peer) as mapped:
            for values, _ in MAPPED:
                headers: Any = [("X-Forwarded-For", value) for value in values]
                await mapped.get(f"/{world.promo.code}", headers=headers)
        kept = await VisitAddress.exclude(visit_id=world.visit_id).order_by("visit_id")

    assert [address.ip for address in kept] == [address for _, address in MAPPED]


async def test_without_proxies_a_client_of_an_ipv6_socket_has_its_ipv4_address(
    settings: Settings, clock: ManualClock
) -> None:
    async with serving(settings, clock) as client:
        world = await make_world(clock)
        async with from_address(client, f"::ffff:{PEER}") as mapped:
            await mapped.get(f"/{world.promo.code}", headers={"X-Forwarded-For": "198.51.100.7"})
        kept = await VisitAddress.exclude(visit_id=world.visit_id).get()

    assert kept.ip == PEER


@pytest.mark.parametrize("header", ["X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"])
async def test_other_headers_are_not_believed(
    settings: Settings, clock: ManualClock, header: str
) -> None:
    configured = settings.model_copy(update={"trusted_proxies": networks(*PROXIES)})
    async with serving(configured, clock) as client:
        world = await make_world(clock)
        await client.get(f"/{world.promo.code}", headers={header: "198.51.100.7"})
        kept = await VisitAddress.exclude(visit_id=world.visit_id).get()

    assert kept.ip == PEER

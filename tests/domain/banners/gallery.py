"""Banners as rows, for tests that need no file behind them."""

from __future__ import annotations

import itertools
from typing import Any

from app.infra.clock import Clock
from app.models import Banner, BannerPartner, Brand, Partner

_numbers = itertools.count(1)


async def make_banner(brand: Brand, clock: Clock, *partners: Partner, **columns: Any) -> Banner:
    """An active banner of the brand, private to the partners when there are any."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "code": f"banner{number}",
        "brand": brand,
        "title": f"Banner {number}",
        "format": "png",
        "width": 300,
        "height": 250,
        "size": 1_000,
        "sha256": "0" * 64,
        "storage_key": f"banners/{brand.id}/{number}.png",
        "private": bool(partners),
        "created_at": clock.now(),
    }
    banner = await Banner.create(**(values | columns))
    for partner in partners:
        await BannerPartner.create(banner=banner, partner=partner)
    return banner

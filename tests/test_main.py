"""The front door: its route table and what it refuses by itself."""

from __future__ import annotations

import httpx

from app.domain.campaigns.codes import RESERVED
from app.infra.clock import ManualClock
from app.main import create_app
from app.settings import Settings


def test_the_first_segment_of_every_route_is_reserved_from_promo_codes(
    settings: Settings, clock: ManualClock
) -> None:
    paths = {getattr(route, "path", "") for route in create_app(settings, clock).routes}
    segments = {path.split("/")[1] for path in paths if path not in {"/", "/{code}"}}

    assert segments <= RESERVED


async def test_a_wrong_method_is_refused_in_json(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/players")

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["errors"][0]["code"] == "METHOD_NOT_ALLOWED"


async def test_an_unknown_path_is_refused_in_json(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/nothing/here")

    assert response.status_code == 404
    assert response.json()["errors"][0]["code"] == "NOT_FOUND"

"""A site that browsers reach over TLS (G13)."""

from __future__ import annotations

import httpx

from tests.factories import LOGIN, PASSWORD
from tests.schema.transport.server import PARTNER_EMAIL, PATH, served_programme


def test_the_session_cookie_is_secure_where_the_site_is_g13() -> None:
    variables = {"input": {"email": PARTNER_EMAIL, "password": PASSWORD, "cookie": True}}
    with served_programme(public_url="https://go.example.com") as address:
        response = httpx.post(f"{address}{PATH}", json={"query": LOGIN, "variables": variables})

    assert response.headers["set-cookie"].endswith("; Secure")

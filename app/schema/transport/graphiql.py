"""GraphiQL for people (G04): the page and what it loads, all served by this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from app.schema.execution.endpoint import Endpoint


def page(endpoint: Endpoint) -> HTMLResponse:
    """The GraphiQL page of an endpoint."""
    return HTMLResponse(f"<!doctype html><title>{endpoint.name} GraphQL</title>")

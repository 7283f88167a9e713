"""Brand intake: signed, server to server (W3)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from app.domain.activity.record import record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.brands.keys import authenticate_brand
from app.domain.brands.signatures import SignatureHeaders
from app.domain.errors import Invalid
from app.domain.players.register import register_players
from app.domain.reconcile import compare
from app.domain.reports.metrics import BASE_METRICS, Kind
from app.domain.scope import Scope
from app.infra.encoding import JsonError, dumps, loads
from app.infra.money import decimal_text
from app.web.body import BodyTooLarge, read_body
from app.web.middleware import error_answer
from app.web.services import client_ip, request_id, services_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

LARGEST_BODY = 32 * 1024 * 1024


async def players(request: Request) -> Response:
    """`POST /api/v1/players`: an array of results in input order."""
    opened = await _open(request)
    if isinstance(opened, Response):
        return opened
    scope, brand_id, document = opened
    results = await register_players(
        scope, brand_id, _list(document, "players"), box=services_of(request).box
    )
    return _json(
        [
            {
                "user_id": result.user_id,
                "stag": result.stag,
                "promo_id": result.promo_id,
                "status": result.status,
                "error": result.error,
                "message": result.message,
            }
            for result in results
        ]
    )


async def activity(request: Request) -> Response:
    """`POST /api/v1/activity`: an array of results in input order."""
    opened = await _open(request)
    if isinstance(opened, Response):
        return opened
    scope, brand_id, document = opened
    results = await record_activity(
        scope,
        brand_id,
        document.get("from"),
        document.get("to"),
        _list(document, "items"),
        document.get("complete_through"),
    )
    return _json(
        [
            {
                "user_id": result.user_id,
                "status": result.status,
                "error": result.error,
                "message": result.message,
            }
            for result in results
        ]
    )


async def events(request: Request) -> Response:
    """`POST /api/v1/events`: an array of results in input order."""
    opened = await _open(request)
    if isinstance(opened, Response):
        return opened
    scope, brand_id, document = opened
    results = await record_brand_events(
        scope, brand_id, _list(document, "events"), document.get("complete_through")
    )
    return _json(
        [
            {
                "id": result.id,
                "status": result.status,
                "counted": result.counted,
                "error": result.error,
                "message": result.message,
                **({"stored": result.stored} if result.stored is not None else {}),
            }
            for result in results
        ]
    )


async def reconcile(request: Request) -> Response:
    """`POST /api/v1/reconcile`: what differs, day by day in input order; nothing is changed (X06)."""
    opened = await _open(request)
    if isinstance(opened, Response):
        return opened
    scope, brand_id, document = opened
    results = await compare.reconcile(scope, brand_id, document.get("days"))
    return _json([_reconciled(result) for result in results])


def _reconciled(result: compare.DayResult) -> dict[str, Any]:
    day: dict[str, Any] = {
        "day": result.day,
        "currency": result.currency,
        "status": "equal" if result.equal else "different",
    }
    if result.totals is not None:
        day["totals"] = {name: _both(name, each) for name, each in result.totals.items()}
    if result.players is not None:
        day["players"] = _ids(result.players, lambda user_id: {"user_id": user_id})
    if result.conversions is not None:
        day["conversions"] = _ids(
            result.conversions, lambda key: {"type": key[0], "transaction_id": key[1]}
        )
    if result.events is not None:
        day["events"] = _ids(result.events, lambda event_id: {"id": event_id})
    return day


def _ids(ids: compare.IdDifferences, name: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The ids up to the limit, and how many there are of each kind."""
    most = compare.MOST_TOLD
    return {
        "missing_here": [name(each) for each in ids.missing_here[:most]],
        "missing_there": [name(each) for each in ids.missing_there[:most]],
        "different": [
            name(each) | {metric: _both(metric, found) for metric, found in by_metric.items()}
            for each, by_metric in ids.different[:most]
        ],
        "counts": compare.counts_of(ids),
    }


def _both(name: str, difference: compare.Difference) -> dict[str, Any]:
    """Counts are JSON integers, as brands send them; amounts are decimal strings."""
    metric = BASE_METRICS.get(name)
    write = int if metric is not None and metric.kind is Kind.COUNT else decimal_text
    return {"yours": write(difference.yours), "ours": write(difference.ours)}


async def _open(request: Request) -> tuple[Scope, int, dict[str, Any]] | Response:
    """The scope of the brand that signed the request and its JSON object, or the refusal."""
    services = services_of(request)
    try:
        raw = await read_body(request, LARGEST_BODY)
        scope = await authenticate_brand(
            services.clock,
            request_id(request),
            client_ip(request),
            headers=_signature(request),
            body=raw,
            box=services.box,
        )
        document = loads(_plain(raw, request.headers.get("content-encoding", "")))
    except BodyTooLarge:
        message = f"the body is larger than {LARGEST_BODY} bytes: send it in smaller batches"
        return error_answer(413, "TOO_LARGE", message, request_id(request))
    except JsonError as error:
        return error_answer(400, "MALFORMED_JSON", str(error), request_id(request))
    if not isinstance(document, dict):
        return error_answer(
            400, "MALFORMED_JSON", "the body is not a JSON object", request_id(request)
        )
    return scope, scope.actor.id or 0, document


def _signature(request: Request) -> SignatureHeaders:
    return SignatureHeaders(
        request.headers.get("x-authorization-key"),
        request.headers.get("x-authorization-sign"),
        request.headers.get("webhook-id"),
        request.headers.get("webhook-timestamp"),
        request.headers.get("webhook-signature"),
    )


def _plain(raw: bytes, encoding: str) -> bytes:
    """The body without its gzip; it is unpacked no further than the limit."""
    coding = encoding.strip().lower()
    if coding in {"", "identity"}:
        return raw
    if coding != "gzip":
        raise JsonError(f"Content-Encoding {encoding[:40]!r} is not taken: send gzip, or none")
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(raw, LARGEST_BODY + 1)
    except zlib.error as error:
        raise JsonError(f"the body is not gzip: {error}") from None
    if len(plain) > LARGEST_BODY:
        raise BodyTooLarge
    if not unpacker.eof or unpacker.unused_data:
        raise JsonError("the body is not one whole gzip member: it is cut off or goes on after it")
    return plain


def _list(document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise Invalid(f"{name} is missing or is not an array", field=(name,))
    return value


def _json(value: Any) -> Response:
    return Response(dumps(value), media_type="application/json")

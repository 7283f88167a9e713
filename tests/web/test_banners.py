"""O01, A06: banners are uploaded by operators and shown to everybody, and nothing in them runs in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.banners.uploads import LARGEST, LONGEST_UPLOAD
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.pictures import read_picture
from app.infra.storage import Storage
from app.models import Banner, Brand, Event
from app.schema.ids import encode_id
from app.settings import Settings
from app.tasks.banners import remove_abandoned_files
from tests.conftest import serving
from tests.factories import email_of, make_brand, make_operator, sign_in
from tests.pictures import CAMERA, FORMATS, animation, picture, turned

ENDINGS = {"png": "png", "jpeg": "jpg", "gif": "gif", "webp": "webp"}


@pytest.fixture
async def client(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The application, keeping files in a directory of this test alone."""
    own = settings.model_copy(update={"data_dir": tmp_path})
    async with serving(own, clock) as http:
        yield http


@pytest.fixture
async def brand(client: httpx.AsyncClient, clock: ManualClock) -> Brand:
    return await make_brand(clock)


async def _token(client: httpx.AsyncClient, clock: ManualClock, **columns: Any) -> str:
    user = await make_operator(clock, **columns)
    return await sign_in(client, await email_of(user), endpoint="/admin/graphql")


@pytest.fixture
async def token(client: httpx.AsyncClient, clock: ManualClock) -> str:
    return await _token(client, clock)


async def _upload(
    client: httpx.AsyncClient, token: str | None, brand: Brand, data: Any, /, **more: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if content_type := more.pop("content_type", None):
        headers["Content-Type"] = content_type
    params = {"brand": encode_id("Brand", brand.id), "title": "Spring", **more}
    return await client.post("/admin/banners", content=data, params=params, headers=headers)


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def _stored(directory: Path) -> list[Path]:
    return [path for path in (directory / "files").rglob("*") if path.is_file()]


async def _path(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(httpx.URL(answer.json()["imageUrl"]).path)


@pytest.mark.parametrize("format_", FORMATS)
async def test_o01_what_a_banner_is_comes_from_the_file(
    format_: str, client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    answer = await _upload(client, token, brand, picture(format_, (728, 90)), language="pt-br")

    banner = await Banner.get()
    assert answer.status_code == 201
    assert (banner.format, banner.width, banner.height) == (format_, 728, 90)
    assert (banner.title, banner.language, banner.state) == ("Spring", "pt-BR", "active")
    assert answer.json() == {
        "id": encode_id("Banner", banner.id),
        "imageUrl": answer.json()["imageUrl"],
        "format": format_,
        "width": 728,
        "height": 90,
        "animated": False,
        "size": banner.size,
    }
    assert answer.json()["imageUrl"].endswith(f"/banners/{banner.code}.{ENDINGS[format_]}")


async def test_o01_an_animation_and_a_turned_picture_are_told(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    moving = await _upload(client, token, brand, animation("gif"))
    rotated = await _upload(client, token, brand, turned("jpeg", (300, 250)))

    assert moving.json()["animated"] is True
    assert (rotated.json()["width"], rotated.json()["height"]) == (250, 300)


@pytest.mark.parametrize("format_", FORMATS)
async def test_a06_a_banner_is_shown_with_its_own_type_to_anybody_and_cached_for_ever(
    format_: str, client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    sent = picture(format_)
    path = await _path(await _upload(client, token, brand, sent))
    client.cookies.clear()

    shown = await client.get(path)

    assert (shown.status_code, shown.content) == (200, read_picture(sent).data)
    assert shown.headers["content-type"] == f"image/{format_}"
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
    assert shown.headers["content-length"] == str(len(shown.content))
    assert "set-cookie" not in shown.headers


async def test_o01_camera_data_is_not_shown(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    path = await _path(await _upload(client, token, brand, turned()))

    assert CAMERA.encode() not in (await client.get(path)).content


async def test_a06_a_cached_picture_is_not_sent_again_and_head_sends_none(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    path = await _path(await _upload(client, token, brand, picture()))
    whole = await client.get(path)

    again = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    head = await client.head(path)

    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=5-", 206, 5, None),
        ("bytes=10-999999999", 206, 10, None),
        ("bytes=999999999-", 416, 0, 0),
        ("bytes=9-5", 200, 0, None),
        ("bytes=-5", 200, 0, None),
        ("bytes=0-1,4-5", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
async def test_a06_one_range_of_bytes_is_answered_and_anything_else_is_the_whole(
    asked: str,
    status: int,
    start: int,
    end: int | None,
    client: httpx.AsyncClient,
    token: str,
    brand: Brand,
) -> None:
    path = await _path(await _upload(client, token, brand, picture()))
    whole = (await client.get(path)).content

    part = await client.get(path, headers={"Range": asked})

    assert (part.status_code, part.content) == (status, whole[start:end])
    if status == 206:
        last = len(whole) - 1 if end is None else end - 1
        assert part.headers["content-range"] == f"bytes {start}-{last}/{len(whole)}"


async def test_a06_a_name_that_is_none_answers_like_one_that_is_wrong(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    path = await _path(await _upload(client, token, brand, picture()))
    code = path.removeprefix("/banners/").removesuffix(".png")

    for wrong in (f"{code}.gif", code, f"{code}.", f"{code}.png.png", "x.png", "%00.png", "..png"):
        answer = await client.get(f"/banners/{wrong}")
        assert _refusal(answer) == (404, "NOT_FOUND"), wrong
        assert "cache-control" not in answer.headers


async def test_a06_pages_that_show_a_disabled_banner_stay_whole(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    path = await _path(await _upload(client, token, brand, picture()))
    await Banner.all().update(state="disabled")

    assert (await client.get(path)).status_code == 200


async def test_a06_a_picture_that_has_not_arrived_is_not_shown(
    client: httpx.AsyncClient, token: str, brand: Brand
) -> None:
    path = await _path(await _upload(client, token, brand, picture()))
    for state in ("uploading", "abandoned"):
        await Banner.all().update(state=state)
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"content_type": "image/png"}, False),
        ({"content_type": "image/apng"}, False),
        ({"content_type": "application/octet-stream"}, False),
        ({"content_type": "IMAGE/PNG; charset=binary"}, False),
        ({"name": "spring.PNG"}, False),
        ({"name": "spring"}, False),
        ({"content_type": "image/gif"}, True),
        ({"content_type": "text/html"}, True),
        ({"content_type": "image/svg+xml"}, True),
        ({"name": "spring.jpg"}, True),
        ({"name": "spring.png.html"}, True),
    ],
)
async def test_o01_a_file_that_is_not_what_it_is_called_is_refused(
    claims: dict[str, str],
    refused: bool,
    client: httpx.AsyncClient,
    token: str,
    brand: Brand,
    tmp_path: Path,
) -> None:
    answer = await _upload(client, token, brand, picture("png"), **claims)

    if not refused:
        assert answer.status_code == 201
        return
    assert _refusal(answer) == (400, "INVALID")
    assert "the file is png" in answer.json()["errors"][0]["message"]
    assert _stored(tmp_path) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><script>alert(1)</script>",
        picture("gif") + b"<script>alert(1)</script>",
        picture("png")[:-20],
    ],
    ids=["empty", "svg", "html", "polyglot", "truncated"],
)
async def test_o01_what_is_refused_leaves_neither_row_nor_file_nor_event(
    data: bytes, client: httpx.AsyncClient, token: str, brand: Brand, tmp_path: Path
) -> None:
    assert _refusal(await _upload(client, token, brand, data)) == (400, "INVALID")
    assert _stored(tmp_path) == []
    assert not await Banner.all().exists()
    assert not await Event.filter(subject_type="banner").exists()


async def test_o01_a_file_that_is_too_large_is_refused_by_its_length(
    client: httpx.AsyncClient, token: str, brand: Brand, tmp_path: Path
) -> None:
    answer = await _upload(client, token, brand, b"\x00" * (LARGEST + 1))

    assert _refusal(answer) == (413, "TOO_LARGE")
    assert str(LARGEST) in answer.json()["errors"][0]["message"]
    assert _stored(tmp_path) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [({"title": ""}, "INVALID"), ({"title": "x" * 201}, "INVALID"), ({"language": "?"}, "INVALID")]
    + [({"brand": value}, "NOT_FOUND") for value in ("", "1", encode_id("Brand", 999_999))]
    + [({"brand": encode_id("Partner", 1)}, "NOT_FOUND")],
)
async def test_o01_a_wrong_title_language_or_brand_leaves_no_file(
    more: dict[str, str],
    code: str,
    client: httpx.AsyncClient,
    token: str,
    brand: Brand,
    tmp_path: Path,
) -> None:
    answer = await _upload(client, token, brand, picture(), **more)

    assert answer.json()["errors"][0]["code"] == code
    assert _stored(tmp_path) == []
    assert not await Banner.all().exists()


async def test_o01_who_may_not_manage_offers_uploads_nothing(
    client: httpx.AsyncClient, brand: Brand, clock: ManualClock
) -> None:
    support = await _token(client, clock, role=StaffRole.SUPPORT)

    for token, refusal in (
        (None, (401, "UNAUTHENTICATED")),
        ("wrong", (401, "UNAUTHENTICATED")),
        (support, (403, "FORBIDDEN")),
    ):
        assert _refusal(await _upload(client, token, brand, picture())) == refusal


async def test_o01_an_advertiser_uploads_for_its_own_brand_only(
    client: httpx.AsyncClient, brand: Brand, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    token = await _token(client, clock, role=StaffRole.ADVERTISER, brand_ids=(brand.id,))

    assert (await _upload(client, token, brand, picture())).status_code == 201
    assert _refusal(await _upload(client, token, other, picture())) == (404, "NOT_FOUND")


async def test_o01_a_storage_that_fails_leaves_no_banner_and_the_schedule_removes_the_rest(
    client: httpx.AsyncClient,
    token: str,
    brand: Brand,
    clock: ManualClock,
    system: Scope,
    settings: Settings,
    tmp_path: Path,
) -> None:
    blocked = tmp_path / "files" / "banners"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    # A file where the directory belongs: whoever runs the tests, nothing can be written there.
    blocked.write_bytes(b"")

    assert (await _upload(client, token, brand, picture())).status_code == 500
    assert [banner.state for banner in await Banner.all()] == ["abandoned"]
    blocked.unlink()
    storage = Storage(settings.model_copy(update={"data_dir": tmp_path}))
    assert await remove_abandoned_files(system, storage) == 1
    assert not await Banner.all().exists()


async def test_o01_the_file_of_a_process_that_died_is_removed_after_its_time(
    client: httpx.AsyncClient,
    token: str,
    brand: Brand,
    clock: ManualClock,
    system: Scope,
    settings: Settings,
    tmp_path: Path,
) -> None:
    await _path(await _upload(client, token, brand, picture()))
    await Banner.all().update(state="uploading")
    storage = Storage(settings.model_copy(update={"data_dir": tmp_path}))

    assert await remove_abandoned_files(system, storage) == 0
    clock.advance(LONGEST_UPLOAD + timedelta(seconds=1))
    assert await remove_abandoned_files(system, storage) == 1
    # A second scheduler does the same.
    assert await remove_abandoned_files(system, storage) == 0

    assert _stored(tmp_path) == []
    assert not await Banner.all().exists()

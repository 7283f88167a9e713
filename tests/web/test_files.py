"""A67: uploads are what they say, downloads are signed and short-lived, and nothing runs in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.domain.documents.commands import LARGEST, finish_upload
from app.domain.documents.links import FileLink, sign_file_link
from app.domain.errors import Conflict
from app.domain.permissions import PartnerRole, StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import CursorSigner
from app.infra.storage import Storage
from app.models import Document, Partner
from app.schema.ids import encode_id
from app.settings import Settings, load_settings
from app.tasks.documents import remove_files
from tests.conftest import serving
from tests.domain.accounts.people import ask, change, code, make_owner, token_of
from tests.factories import make_operator, make_partner_user, partner_scope

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\x00" * 40
WEBP = b"RIFF\x30\x00\x00\x00WEBPVP8 " + b"\x00" * 40
HTML = b"<!doctype html><html><script>alert(1)</script></html>"


@pytest.fixture
async def client(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The application, keeping files in a directory of this test alone."""
    own = settings.model_copy(update={"data_dir": tmp_path})
    async with serving(own, clock) as http:
        yield http


async def _upload(
    client: httpx.AsyncClient, token: str | None, data: Any = PDF, name: str | None = "passport.pdf"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    params = {} if name is None else {"name": name}
    return await client.post("/partner/documents", content=data, params=params, headers=headers)


def _stored(directory: Path) -> list[Path]:
    """The files that are kept."""
    return [path for path in directory.rglob("*") if path.is_file()]


async def _nothing_is_kept(tmp_path: Path) -> bool:
    return await Document.all().count() == 0 and _stored(tmp_path / "files") == []


async def _documents(client: httpx.AsyncClient, token: str, schema: str = "partner") -> Any:
    document = "{ documents(first: 10) { nodes { id name contentType downloadUrl } } }"
    answer = await ask(client, document, by=token, schema=schema)
    return answer["data"]["documents"]["nodes"] if answer.get("data") else answer["errors"]


@pytest.mark.parametrize(
    ("data", "content_type", "ending"),
    [
        (PDF, "application/pdf", "pdf"),
        (PNG, "image/png", "png"),
        (JPEG, "image/jpeg", "jpg"),
        (WEBP, "image/webp", "webp"),
    ],
)
async def test_a67_each_accepted_type_is_read_from_the_bytes(
    data: bytes, content_type: str, ending: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), data, f"file.{ending}")
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    assert (await Document.get()).content_type == content_type


@pytest.mark.parametrize(
    "data",
    [
        HTML,
        b"\n" + PDF,
        HTML + PDF,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"PK\x03\x04" + b"\x00" * 40,
        b"PK\x03\x04" + PDF,
        b"GIF89a" + b"\x00" * 40,
        b"MZ" + b"\x00" * 100,
        b"#!/bin/sh\n",
        b"RIFF\x30\x00\x00\x00WAVEfmt " + b"\x00" * 40,
        b"RIFF\x30\x00\x00\x00AVI LIST" + b"\x00" * 40,
        b"RIFF<script>alert(1)</script>WEBP",
        b"",
        b"%PD",
        b"%PDF-",
        PNG[:4],
        PNG[:8],
        JPEG[:2],
        JPEG[:3],
        WEBP[:8],
        b"\x00" * 5_000,
        b"\xef\xbb\xbf" + PDF,
    ],
)
@pytest.mark.parametrize("name", ["passport.png"])
async def test_a67_what_is_none_of_the_types_is_refused_whatever_its_name_and_not_kept(
    data: bytes, name: str, client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), data, name)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "INVALID")
    assert await _nothing_is_kept(tmp_path)


async def test_a67_a_file_of_the_largest_size_is_taken(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), PDF.ljust(LARGEST, b"\n"))
    assert answer.status_code == 201
    assert (await Document.get()).size == LARGEST


async def test_a67_a_file_that_is_too_large_is_refused_by_its_length(
    client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), PDF.ljust(LARGEST + 1, b"\n"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "TOO_LARGE")
    assert await _nothing_is_kept(tmp_path)


async def test_a67_a_file_without_a_length_is_read_no_further_than_the_limit(
    client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PDF
        while sent < 3 * LARGEST:
            sent += 64 * 1024
            yield b"\n" * 64 * 1024

    answer = await _upload(client, await token_of(client, email), endless())
    assert answer.status_code == 413
    assert await _nothing_is_kept(tmp_path)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\me\\passport.pdf", "passport.pdf"),
        ("invoice.html", "invoice.html.pdf"),
        ("invoice.exe", "invoice.exe.pdf"),
        ("PASSPORT.PDF", "PASSPORT.PDF"),
        ('a"; filename="b.html', 'a"; filename="b.html.pdf'),
        ("=1+1", "=1+1.pdf"),
        ("<b>.pdf", "<b>.pdf"),
        ("пасспорт.pdf", "пасспорт.pdf"),
        ("x" * 200, "x" * 195 + ".pdf"),
    ],
)
async def test_a67_a_name_keeps_no_folder_and_ends_as_its_type(
    given: str, kept: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), PDF, given)
    assert answer.status_code == 201
    assert (await Document.get()).name == kept


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nSet-Cookie: x=1.pdf",
        "a\x00.pdf",
        "annex\u202efdp.exe",
        "\u2066a.pdf",
        "x" * 500,
        "",
        "   ",
        "folder/",
        None,
    ],
)
async def test_a67_a_name_that_deceives_is_refused_and_its_file_not_kept(
    name: str | None, client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    answer = await _upload(client, await token_of(client, email), PDF, name)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "INVALID")
    assert await _nothing_is_kept(tmp_path)


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (PartnerRole.OWNER, 201),
        (PartnerRole.FINANCE, 201),
        (PartnerRole.MANAGER, 403),
        (PartnerRole.VIEWER, 403),
    ],
)
async def test_a67_owners_and_finance_upload(
    role: PartnerRole, status: int, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, _ = await make_owner(clock)
    await make_partner_user(partner, clock, role=role, email="member@partner.test")
    token = await token_of(client, "member@partner.test")
    assert (await _upload(client, token)).status_code == status


async def test_a67_nobody_uploads_without_a_session(
    client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    await make_operator(clock, email="operator@staff.test")
    operator = await token_of(client, "operator@staff.test", schema="admin")
    for token in (None, "wrong", operator):
        assert (await _upload(client, token)).status_code == 401
    assert await _nothing_is_kept(tmp_path)


async def test_a67_a_cookie_does_not_upload(client: httpx.AsyncClient, clock: ManualClock) -> None:
    _, _, email = await make_owner(clock)
    client.cookies.set("tributary_session", await token_of(client, email))
    assert (await _upload(client, None)).status_code == 401


async def _link(client: httpx.AsyncClient, clock: ManualClock, name: str = "passport.pdf") -> str:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    assert (await _upload(client, token, PDF, name)).status_code == 201
    return str((await _documents(client, token))[0]["downloadUrl"])


async def test_a67_a_download_is_the_file_and_never_runs(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    link = await _link(client, clock, 'pass"port;ü.pdf')
    answer = await client.get(link)
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    disposition = "attachment; filename*=UTF-8''pass%22port%3B%C3%BC.pdf"
    assert answer.headers["content-disposition"] == disposition
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cache-control"] == "private, no-store"


async def test_a67_a_link_works_for_five_minutes(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    link = await _link(client, clock)
    clock.advance(timedelta(minutes=5) - timedelta(seconds=1))
    assert (await client.get(link)).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await client.get(link)).status_code == 404


async def test_a67_forged_links_are_not_found(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    link = await _link(client, clock)
    token = parse_qs(urlsplit(link).query)["link"][0]
    _, _, email = await make_owner(clock, email="other@partner.test")
    session = await token_of(client, email)
    await change(client, "issueStatisticToken", "token", by=session)
    paged = await ask(client, "{ sessions(first: 1) { edges { cursor } } }", by=session)
    cursor = paged["data"]["sessions"]["edges"][0]["cursor"]
    stranger = CursorSigner(("another key that this server never had: 01234",))
    file = FileLink("documents/1/a.pdf", "a.pdf", "application/pdf")
    foreign = sign_file_link(stranger, "", file, clock.now()).partition("link=")[2]
    forged = [
        "",
        "x",
        token[:-2],
        token + "AA",
        token[::-1],
        token.swapcase(),
        "Ä" * 40,
        cursor,
        foreign,
    ]
    for value in forged:
        answer = await client.get("/files/document", params={"link": value})
        assert answer.status_code == 404, value
    assert (await client.get("/files/document")).status_code == 404


async def test_a67_a_file_link_is_no_cursor(client: httpx.AsyncClient, clock: ManualClock) -> None:
    link = await _link(client, clock)
    _, _, email = await make_owner(clock, email="other@partner.test")
    session = await token_of(client, email)
    answer = await ask(
        client,
        "query($after: Cursor) { sessions(first: 1, after: $after) { nodes { id } } }",
        {"after": parse_qs(urlsplit(link).query)["link"][0]},
        by=session,
    )
    assert answer["errors"][0]["extensions"]["code"] not in {"INTERNAL", "UNAVAILABLE"}


async def test_a67_a_file_that_is_gone_from_storage_is_not_found(
    client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    link = await _link(client, clock)
    for path in _stored(tmp_path / "files"):
        path.unlink()
    assert (await client.get(link)).status_code == 404


async def test_a67_documents_of_another_partner_are_neither_listed_nor_found(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    await _upload(client, token)
    mine = (await _documents(client, token))[0]["id"]
    _, _, other_email = await make_owner(clock, email="other@partner.test")
    other = await token_of(client, other_email)
    assert await _documents(client, other) == []
    answer = await ask(client, f'{{ node(id: "{mine}") {{ id }} }}', by=other)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    refused = await change(client, "deleteDocument", by=other, documentId=mine)
    assert code(refused) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (StaffRole.OWNER, True),
        (StaffRole.AFFILIATE_MANAGER, True),
        (StaffRole.FINANCE, True),
        (StaffRole.CONTENT, False),
        (StaffRole.SUPPORT, False),
        (StaffRole.ADVERTISER, False),
    ],
)
async def test_o20_only_reviewers_of_the_staff_see_documents(
    role: StaffRole, may: bool, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    await _upload(client, token)
    mine = (await _documents(client, token))[0]["id"]
    await make_operator(clock, role=role, email="operator@staff.test")
    operator = await token_of(client, "operator@staff.test", schema="admin")
    listed = await _documents(client, operator, "admin")
    document = f'{{ node(id: "{mine}") {{ ... on Document {{ downloadUrl }} }} }}'
    answer = await ask(client, document, by=operator, schema="admin")
    if may:
        assert [item["id"] for item in listed] == [mine]
        assert answer["data"]["node"]["downloadUrl"].startswith("http")
    else:
        assert listed[0]["extensions"]["code"] == "FORBIDDEN"
        assert answer["errors"][0]["extensions"]["code"] in {"FORBIDDEN", "NOT_FOUND"}


async def test_a67_a_deleted_document_is_gone_for_lists_and_by_its_id(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    await _upload(client, token)
    mine = (await _documents(client, token))[0]["id"]
    assert (await change(client, "deleteDocument", by=token, documentId=mine))["done"]
    assert await _documents(client, token) == []
    answer = await ask(client, f'{{ node(id: "{mine}") {{ id }} }}', by=token)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert code(await change(client, "deleteDocument", by=token, documentId=mine)) == "NOT_FOUND"


async def test_a67_the_path_of_a_download_holds_nothing_secret(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    # Paths are logged, here and by every proxy on the way; query strings are not.
    assert urlsplit(await _link(client, clock)).path == "/files/document"


# What becomes of files that nobody needs


async def _remove(system: Scope, tmp_path: Path) -> int:
    """What the scheduler does every few minutes."""
    return await remove_files(system, Storage(load_settings(data_dir=tmp_path)))


async def test_a67_the_file_of_a_deleted_document_leaves_the_storage_and_its_row_says_when(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    for name in ("kept.pdf", "gone.pdf"):
        await _upload(client, token, PDF, name)
    gone = next(item for item in await _documents(client, token) if item["name"] == "gone.pdf")
    assert (await change(client, "deleteDocument", by=token, documentId=gone["id"]))["done"]
    assert await _remove(system, tmp_path) == 1
    kept = await Document.get(name="kept.pdf")
    assert [path.name for path in _stored(tmp_path / "files")] == [Path(kept.storage_key).name]
    assert kept.bytes_deleted_at is None
    assert (await Document.get(name="gone.pdf")).bytes_deleted_at == clock.now()
    assert (await client.get(gone["downloadUrl"])).status_code == 404
    assert await _remove(system, tmp_path) == 0


async def test_a67_a_file_that_cannot_be_removed_is_tried_again_and_holds_up_no_other(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    for name in ("stuck.pdf", "gone.pdf"):
        await _upload(client, token, PDF, name)
    await Document.all().update(state="deleted")
    stuck = tmp_path / "files" / (await Document.get(name="stuck.pdf")).storage_key
    stuck.unlink()
    # A directory in its place cannot be removed as a file.
    (stuck / "inside").mkdir(parents=True)
    assert await _remove(system, tmp_path) == 1
    assert (await Document.get(name="stuck.pdf")).bytes_deleted_at is None
    (stuck / "inside").rmdir()
    stuck.rmdir()
    assert await _remove(system, tmp_path) == 1


async def test_a67_more_files_than_a_batch_are_removed_at_once(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    partner, owner, _ = await make_owner(clock)
    for number in range(205):
        await Document.create(
            partner_id=partner.id,
            uploaded_by_id=owner.id,
            name="a.pdf",
            content_type="application/pdf",
            size=1,
            sha256="0" * 64,
            storage_key=f"documents/{partner.id}/{number}.pdf",
            state="deleted",
            created_at=clock.now(),
        )
    assert await _remove(system, tmp_path) == 205


async def _interrupted(client: httpx.AsyncClient, token: str, tmp_path: Path) -> Document:
    """An upload whose process dies between storing the file and saying so."""
    assert (await _upload(client, token)).status_code == 201
    await Document.all().update(state="uploading")
    assert len(_stored(tmp_path / "files")) == 1
    return await Document.get()


async def test_a67_an_upload_that_never_arrived_is_removed_after_an_hour_and_not_before(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    await _interrupted(client, await token_of(client, email), tmp_path)
    clock.advance(timedelta(hours=1) - timedelta(seconds=1))
    assert await _remove(system, tmp_path) == 0
    clock.advance(timedelta(seconds=1))
    assert await _remove(system, tmp_path) == 1
    assert _stored(tmp_path / "files") == []


@pytest.mark.parametrize("offset", [timedelta(days=400), timedelta(days=-400)])
async def test_a67_an_upload_of_a_sandbox_has_an_hour_by_its_own_clock(
    offset: timedelta,
    client: httpx.AsyncClient,
    clock: ManualClock,
    system: Scope,
    tmp_path: Path,
) -> None:
    partner, _, email = await make_owner(clock)
    await Partner.filter(id=partner.id).update(clock_offset=offset)
    await _interrupted(client, await token_of(client, email), tmp_path)
    assert await _remove(system, tmp_path) == 0
    clock.advance(timedelta(hours=1))
    assert await _remove(system, tmp_path) == 1


async def test_a67_a_document_that_has_not_arrived_is_neither_listed_nor_deleted_nor_reviewed(
    client: httpx.AsyncClient, clock: ManualClock, tmp_path: Path
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    document = await _interrupted(client, token, tmp_path)
    await make_operator(clock, email="operator@staff.test")
    operator = await token_of(client, "operator@staff.test", schema="admin")
    assert await _documents(client, token) == await _documents(client, operator, "admin") == []
    document_id = encode_id("Document", document.id)
    shown = await ask(client, f'{{ node(id: "{document_id}") {{ id }} }}', by=token)
    assert shown["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    deleted = await change(client, "deleteDocument", by=token, documentId=document_id)
    reviewed = await change(
        client,
        "reviewDocument",
        "document { id }",
        by=operator,
        schema="admin",
        documentId=document_id,
        approve=True,
    )
    assert [code(deleted), code(reviewed)] == ["NOT_FOUND"] * 2


async def test_a67_an_upload_that_was_given_up_meanwhile_is_refused(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    partner, _, email = await make_owner(clock)
    document = await _interrupted(client, await token_of(client, email), tmp_path)
    clock.advance(timedelta(hours=1))
    await _remove(system, tmp_path)
    with pytest.raises(Conflict, match="took too long"):
        await finish_upload(partner_scope(partner, clock), document.id)


async def test_a67_a_storage_that_is_away_leaves_no_document(
    settings: Settings, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    (tmp_path / "files" / "documents").mkdir(parents=True)
    own = settings.model_copy(update={"data_dir": tmp_path})
    async with serving(own, clock) as client:
        partner, _, email = await make_owner(clock)
        token = await token_of(client, email)
        # A file where the partner's directory should be.
        (tmp_path / "files" / "documents" / str(partner.id)).write_bytes(b"")
        answer = await _upload(client, token)
        assert answer.status_code == 500
        assert await _documents(client, token) == []
        clock.advance(timedelta(hours=1))
        assert await Document.filter(state="uploading").count() == 1
        await _remove(system, tmp_path)
        assert await Document.filter(state="deleted").count() == 1

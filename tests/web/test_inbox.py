"""The inbox of `make up`: what was mailed, as text; elsewhere it does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.infra.clock import ManualClock
from app.infra.mail import OutgoingMail, compose
from app.settings import Settings
from tests.conftest import serving

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A directory with one mail, and a file beside it that is no mail of it."""
    directory = tmp_path / "inbox"
    directory.mkdir()
    (tmp_path / "outside.eml").write_text("Subject: outside\n\nsecret")
    return directory


@pytest.fixture
async def reader(
    settings: Settings, clock: ManualClock, inbox: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with an inbox."""
    async with serving(settings.model_copy(update={"inbox_dir": inbox}), clock) as http:
        yield http


def _keep(inbox: Path, name: str = "00000000000000000001-000000.eml", text: str = "Hello") -> str:
    mail = OutgoingMail("mail-1", "paula@partner.test", HOSTILE, HOSTILE, text, f"<p>{text}</p>")
    (inbox / name).write_bytes(bytes(compose("Tributary <no-reply@x.test>", mail)))
    return name


async def test_an_inbox_lists_mails_and_shows_one_as_text_with_its_link(
    reader: httpx.AsyncClient, inbox: Path
) -> None:
    name = _keep(inbox, text="Open http://127.0.0.1/account/unlock?token=1.abc now")
    listed = await reader.get("/inbox")
    shown = await reader.get(f"/inbox/{name}")
    assert f'href="/inbox/{name}"' in listed.text
    assert '<a href="http://127.0.0.1/account/unlock?token=1.abc">' in shown.text


async def test_what_a_mail_holds_is_escaped(reader: httpx.AsyncClient, inbox: Path) -> None:
    name = _keep(inbox, text=HOSTILE)
    for path in ("/inbox", f"/inbox/{name}"):
        answer = await reader.get(path)
        assert answer.status_code == 200
        assert "<script>" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_link_that_would_run_something_is_no_link(
    reader: httpx.AsyncClient, inbox: Path
) -> None:
    name = _keep(inbox, text="javascript:alert(1)?token=x")
    assert "<a href" not in (await reader.get(f"/inbox/{name}")).text


@pytest.mark.parametrize(
    "name", ["..%2Foutside.eml", "%2e%2e%2foutside.eml", "none.eml", "x.txt", "%00.eml"]
)
async def test_only_mails_of_the_inbox_are_shown(reader: httpx.AsyncClient, name: str) -> None:
    assert (await reader.get(f"/inbox/{name}")).status_code == 404


async def test_an_empty_inbox_says_so(reader: httpx.AsyncClient) -> None:
    assert "No mail was sent yet." in (await reader.get("/inbox")).text


async def test_without_an_inbox_there_is_no_such_page(client: httpx.AsyncClient) -> None:
    for path in ("/inbox", "/inbox/00000000000000000001-000000.eml"):
        assert (await client.get(path)).status_code == 404

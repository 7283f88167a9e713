"""Keys rotate while everything runs: the old key reads, the new one writes, then the old one goes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pyotp
import pytest
from tortoise import fields

from app import models
from app.domain.accounts.links import Purpose, issue_link
from app.domain.accounts.sessions import authenticate_network
from app.domain.accounts.sign_in import Credentials, Device, sign_in_network
from app.domain.key_rotation import ENCRYPTED_COLUMNS, EncryptedColumn, rotate_keys
from app.domain.personal import erase_subject, read_subjects
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import DecryptionError, SecretBox
from app.infra.database import fetch, transaction
from app.models import HeldItem, User
from app.models.base import TenantModel
from app.settings import Settings
from tests.conftest import serving
from tests.domain.accounts.people import ask, change, code, log_in, make_owner, token_of
from tests.factories import (
    BOX,
    PASSWORD,
    SECRET_KEY,
    make_brand,
    make_brand_key,
    make_operator,
    make_partner_user,
    post_signed,
)

NEW_KEY = "the next secret key that only tests know: 987654321"
BOTH = SecretBox((NEW_KEY, SECRET_KEY))
NEW_BOX = SecretBox((NEW_KEY,))
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"secret_keys": keys})


def _unseen(_what: str, _done: int, _all: int) -> None:
    return None


def test_every_encrypted_column_of_the_models_is_rotated() -> None:
    found = set()
    for name in dir(models):
        model = getattr(models, name)
        if not (isinstance(model, type) and issubclass(model, TenantModel)):
            continue
        for column, kind in model._meta.fields_map.items():
            if isinstance(kind, fields.BinaryField):
                found.add(EncryptedColumn(str(model._meta.db_table), column))
    # A person's data is under the person's own key, which is rotated itself.
    apart = EncryptedColumn("subjects", "data")
    assert apart in found
    assert found - {apart} == set(ENCRYPTED_COLUMNS)


class Everything:
    """Something under each use of the key, all made under the first one."""

    email: str
    user: User
    session: str
    cursor: str
    link: str
    statistic: str
    client: str
    network: str
    brand_key: tuple[str, str]

    @classmethod
    async def make(cls, http: httpx.AsyncClient, clock: ManualClock) -> Everything:
        made = cls()
        _, made.user, made.email = await make_owner(clock, totp_secret=BOX.encrypt(TOTP_SECRET))
        made.session = await token_of(http, made.email, otp=made.code(clock))
        issued = await change(http, "issueStatisticToken", "token", by=made.session)
        made.statistic = issued["token"]
        await token_of(http, made.email, otp=made.code(clock, 30))
        document = "{ sessions(first: 1) { edges { cursor } } }"
        paged = await ask(http, document, by=made.session)
        made.cursor = paged["data"]["sessions"]["edges"][0]["cursor"]
        system = Scope.system(clock, "test-request")
        async with transaction() as tx:
            link_id = await issue_link(system, tx, made.user.id, Purpose.RESET_PASSWORD)
        rows = await fetch("SELECT nonce FROM account_links WHERE id = $1", link_id)
        made.link = BOX.link_token(link_id, rows[0]["nonce"])
        clock.advance(timedelta(seconds=60))
        opened = await sign_in_network(
            Scope.visitor(clock, "test-request", "203.0.113.9"),
            Credentials(made.email, PASSWORD, made.code(clock)),
            box=BOX,
            device=Device(None, timedelta(days=1)),
        )
        assert opened.client is not None
        made.client, made.network = opened.client, opened.token
        brand = await make_brand(clock)
        made.brand_key = await make_brand_key(brand, BOX, clock)
        return made

    def code(self, clock: ManualClock, seconds: int = 0) -> str:
        return pyotp.TOTP(TOTP_SECRET).at(clock.now() + timedelta(seconds=seconds))

    async def use(self, http: httpx.AsyncClient, clock: ManualClock, box: SecretBox) -> None:
        """All of it works; only mailed links are tried apart, because each works once."""
        clock.advance(timedelta(seconds=90))
        me = await ask(http, "{ me { email name } statisticToken }", by=self.session)
        wanted = {"me": {"email": self.email, "name": "Paula Partner"}}
        assert me["data"] == wanted | {"statisticToken": self.statistic}
        assert code(await log_in(http, self.email, otp=self.code(clock))) is None
        signed = await post_signed(http, "/api/v1/players", self.brand_key, {"players": []})
        assert signed.status_code != 401
        found = await authenticate_network(
            self.client, self.network, clock, "test-request", None, box=box
        )
        self.network = found.token

    async def next_page(self, http: httpx.AsyncClient) -> bool:
        document = "query($after: Cursor) { sessions(first: 1, after: $after) { nodes { id } } }"
        answer = await ask(http, document, {"after": self.cursor}, by=self.session)
        return "errors" not in answer


async def test_what_the_old_key_wrote_works_under_the_new_one_before_and_after_the_rotation(
    settings: Settings, clock: ManualClock, system: Scope
) -> None:
    async with serving(settings, clock) as http:
        made = await Everything.make(http, clock)
    async with serving(_with_keys(settings, NEW_KEY, SECRET_KEY), clock) as http:
        await made.use(http, clock, BOTH)
        assert await made.next_page(http)
        await rotate_keys(system, _unseen, box=BOTH)
        await made.use(http, clock, BOTH)
        reset = {"token": made.link, "password": "a good new password"}
        assert code(await change(http, "resetPassword", **reset)) is None
    async with serving(_with_keys(settings, NEW_KEY), clock) as http:
        clock.advance(timedelta(seconds=90))
        otp = made.code(clock)
        answer = await log_in(http, made.email, "a good new password", otp=otp)
        made.session = answer["token"]
        signed = await post_signed(http, "/api/v1/players", made.brand_key, {"players": []})
        assert signed.status_code != 401
        me = await ask(http, "{ me { email } statisticToken }", by=made.session)
        assert me["data"] == {"me": {"email": made.email}, "statisticToken": made.statistic}


async def test_network_sessions_outlive_the_old_key_once_they_were_used_under_the_new_one(
    settings: Settings, clock: ManualClock, system: Scope
) -> None:
    async with serving(settings, clock) as http:
        made = await Everything.make(http, clock)
    async with serving(_with_keys(settings, NEW_KEY, SECRET_KEY), clock) as http:
        await rotate_keys(system, _unseen, box=BOTH)
        await made.use(http, clock, BOTH)
        found = await authenticate_network(
            made.client, made.network, clock, "test-request", None, box=NEW_BOX
        )
        assert found.user.id == made.user.id


async def test_without_the_rotation_the_old_key_cannot_go(
    settings: Settings, clock: ManualClock, database: Settings
) -> None:
    _, user, _ = await make_owner(clock)
    with pytest.raises(DecryptionError):
        await read_subjects(NEW_BOX, [user.subject_id])


async def test_after_the_rotation_nothing_is_left_under_the_old_key(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    _, user, email = await make_owner(
        clock,
        totp_secret=BOX.encrypt(TOTP_SECRET),
        totp_pending=BOX.encrypt(TOTP_SECRET),
        statistic_token=BOX.encrypt("token"),
    )
    await make_brand_key(await make_brand(clock), BOX, clock)
    await HeldItem.create(
        brand_id=1,
        door="players",
        natural_key="players:p1",
        content={},
        person=BOX.encrypt("{}"),
        received_at=clock.now(),
        held_until=clock.now(),
    )

    rewritten = await rotate_keys(system, _unseen, box=BOTH)
    for encrypted in ENCRYPTED_COLUMNS:
        rows = await fetch(
            f"SELECT {encrypted.column} AS value FROM {encrypted.table}"
            f" WHERE {encrypted.column} IS NOT NULL"
        )
        assert rows
        for row in rows:
            assert NEW_BOX.decrypt(row["value"])
            with pytest.raises(DecryptionError):
                BOX.decrypt(row["value"])
    assert (await User.get(id=user.id)).email_digest == NEW_BOX.digests(email)[0]
    assert rewritten == 7


async def test_the_rotation_tells_how_far_it_is_and_may_be_repeated(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    for _ in range(3):
        await make_operator(clock)
    told: list[tuple[str, int, int]] = []

    def progress(what: str, done: int, in_all: int) -> None:
        told.append((what, done, in_all))

    assert await rotate_keys(system, progress, box=BOTH) == 6
    assert told == [("subjects.key", 3, 3), ("users.email_digest", 3, 3)]
    assert await rotate_keys(system, progress, box=BOTH) == 6
    user = (await User.all())[0]
    assert (await read_subjects(NEW_BOX, [user.subject_id]))[user.subject_id]["email"]


async def test_people_sign_in_while_the_keys_rotate(
    settings: Settings, clock: ManualClock, system: Scope
) -> None:
    async with serving(_with_keys(settings, NEW_KEY, SECRET_KEY), clock) as http:
        emails = [(await make_owner(clock, email=f"n{n}@partner.test"))[2] for n in range(12)]
        rotation = asyncio.ensure_future(rotate_keys(system, _unseen, box=BOTH))
        answers = await asyncio.gather(*(log_in(http, email) for email in emails))
        assert await rotation > 0
        assert [code(answer) for answer in answers] == [None] * 12
    async with serving(_with_keys(settings, NEW_KEY), clock) as http:
        assert [code(await log_in(http, email)) for email in emails] == [None] * 12


async def test_an_email_stays_taken_while_the_keys_rotate(
    settings: Settings, clock: ManualClock
) -> None:
    async with serving(_with_keys(settings, NEW_KEY, SECRET_KEY), clock) as http:
        _, user, email = await make_owner(clock)
        await change(
            http,
            "registerPartner",
            companyName="Another",
            name="Somebody Else",
            email=email,
            password="seven green tractors",
            currency="EUR",
            acceptTermsVersion=0,
        )
        assert [row.id for row in await User.all()] == [user.id]


async def test_an_erased_person_does_not_stop_the_rotation(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    partner, user, _ = await make_owner(clock)
    await make_partner_user(partner, clock)
    await erase_subject(system, user.subject_id)
    await rotate_keys(system, _unseen, box=BOTH)
    assert (await User.get(id=user.id)).email_digest == f"erased-{user.id}"


async def test_a_value_that_no_key_reads_stops_the_rotation_by_name(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    await make_owner(clock)
    with pytest.raises(DecryptionError, match="TRIBUTARY_SECRET_KEYS"):
        await rotate_keys(system, _unseen, box=NEW_BOX)

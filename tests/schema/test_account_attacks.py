"""A whole life of accounts, and then a search: no secret, no person in logs, refusals, events, a dump (A6A, A68)."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
import structlog

import app
from app.domain.events import place_recordings
from app.domain.mails.plan import plan_mails
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import credentials, fetch
from app.infra.embedded.postgres import binaries
from app.infra.telemetry import configure_logging
from app.settings import Settings
from app.tasks.mails import MailSender
from tests.conftest import serving
from tests.domain.accounts.people import SCHEMAS, ask, change, code, log_in, token_of
from tests.domain.mails.post import Post, post_office
from tests.factories import BOX, make_brand, make_operator

SOURCE = Path(app.__file__).parent
PDF = b"%PDF-1.7\n%%EOF\n"
# Whose name and e-mail must be nowhere in clear.
OWNER_EMAIL, OWNER_NAME = "zelda.quixotic@hidden-partner.test", "Zelda Quixotic"
MEMBER_EMAIL, MEMBER_NAME = "orville.umbrella@hidden-partner.test", "Orville Umbrella"
FIRST, SECOND, THIRD = "seven green tractors", "eleven violet barns", "thirteen amber silos"
WRONG = "a wrong password typed by mistake"


class Journey:
    """The application, its mails, and every secret that was seen on the way."""

    def __init__(
        self, http: httpx.AsyncClient, post: Post, sender: MailSender, system: Scope
    ) -> None:
        self.http = http
        self.post = post
        self.sender = sender
        self.system = system
        self.secrets: dict[str, str] = {}
        # Every answer that refuses something, as a client gets it.
        self.refusals: list[str] = []
        http.event_hooks["response"].append(self._listen)

    async def _listen(self, answer: httpx.Response) -> None:
        # The pages behind mailed links keep the token in their form.
        if "json" not in answer.headers.get("content-type", ""):
            return
        text = (await answer.aread()).decode()
        if answer.status_code >= 400 or '"code":' in text or '"errors":' in text:
            self.refusals.append(text)

    def keep(self, what: str, value: Any) -> str:
        """Remember a secret, to look for it later."""
        self.secrets[what] = str(value)
        return str(value)

    async def link(self, what: str) -> str:
        """The token in the mail that is sent next."""
        await place_recordings(self.system)
        await plan_mails(self.system)
        await self.sender.send("test-request")
        texts = [mail.part("plain") for mail in self.post.taken]
        self.post.taken.clear()
        found = re.search(r"https?://\S+token=\S+", "\n".join(texts))
        assert found is not None, texts
        token = parse_qs(urlsplit(found[0]).query)["token"][0]
        self.keep(what, token.partition(".")[2])
        return token

    async def change(self, field: str, selection: str = "done", **values: Any) -> dict[str, Any]:
        """A mutation that must work."""
        payload = await change(self.http, field, selection, **values)
        assert payload["userErrors"] == [], (field, payload)
        return payload


async def _live(journey: Journey, clock: ManualClock) -> None:
    """Register, confirm, approve, sign in, 2FA, invite, reset, tokens, keys, documents, lock and unlock."""
    http, keep = journey.http, journey.keep
    operator_email = "operator@staff.test"
    await make_operator(clock, email=operator_email, name="Olga Operator")
    brand = await make_brand(clock)
    await journey.change(
        "registerPartner",
        companyName="Hidden Partner",
        name=OWNER_NAME,
        email=OWNER_EMAIL,
        password=keep("first password", FIRST),
        currency="EUR",
        acceptTermsVersion=0,
    )
    await journey.change("confirmEmail", token=await journey.link("confirmation link"))
    operator = keep("operator's session", await token_of(http, operator_email, schema="admin"))
    partners = await ask(
        http, "{ partners(first: 1) { nodes { id } } }", by=operator, schema="admin"
    )
    partner_id = partners["data"]["partners"]["nodes"][0]["id"]
    await journey.change(
        "approvePartner", "partner { id }", by=operator, schema="admin", partnerId=partner_id
    )
    owner = keep("owner's session", await token_of(http, OWNER_EMAIL, password=FIRST))
    begun = await journey.change("beginTwoFactor", "enrolment { secret uri }", by=owner)
    secret = keep("TOTP secret", begun["enrolment"]["secret"])
    totp = pyotp.TOTP(secret)
    confirmed = await journey.change(
        "confirmTwoFactor", "recoveryCodes", by=owner, code=totp.at(clock.now())
    )
    for number, item in enumerate(confirmed["recoveryCodes"]):
        keep(f"recovery code {number}", item)
        keep(f"recovery code {number} without dash", item.replace("-", ""))
    await journey.change(
        "inviteMember",
        "user { id }",
        by=owner,
        email=MEMBER_EMAIL,
        name=MEMBER_NAME,
        role="MANAGER",
    )
    invitation = await journey.link("invitation link")
    await journey.change(
        "acceptInvitation", token=invitation, password=keep("member's password", SECOND)
    )
    member = keep("member's session", await token_of(http, MEMBER_EMAIL, password=SECOND))
    await journey.change("updateProfile", by=member, name=MEMBER_NAME, language="de")
    issued = await journey.change("issueStatisticToken", "token", by=owner)
    keep("statistic token", issued["token"])
    made = await journey.change(
        "createApiToken", "token", by=owner, name="Nightly", permissions=["READ_REPORTS"]
    )
    keep("API token", made["token"])
    brand_id = await _brand_id(http, operator, brand.name)
    key = await journey.change(
        "createBrandKey", "secret", by=operator, schema="admin", brandId=brand_id
    )
    keep("brand secret", key["secret"])
    uploaded = await http.post(
        "/partner/documents",
        params={"name": "proof.pdf"},
        content=PDF,
        headers={"Authorization": f"Bearer {owner}"},
    )
    assert uploaded.status_code == 201
    listed = await ask(http, "{ documents(first: 1) { nodes { downloadUrl } } }", by=owner)
    url = listed["data"]["documents"]["nodes"][0]["downloadUrl"]
    keep("file link", parse_qs(urlsplit(url).query)["link"][0])
    assert (await http.get(url)).status_code == 200
    await journey.change("requestPasswordReset", email=OWNER_EMAIL)
    reset = await journey.link("reset link")
    await journey.change("resetPassword", token=reset, password=keep("third password", THIRD))
    for _ in range(5):
        assert code(await log_in(http, OWNER_EMAIL, keep("wrong password", WRONG)))
    await journey.change("unlockAccount", token=await journey.link("unlock link"))
    clock.advance(timedelta(seconds=60))
    again = await token_of(http, OWNER_EMAIL, password=THIRD, otp=totp.at(clock.now()))
    keep("owner's second session", again)
    cookie = await http.post(
        "/partner/graphql",
        json={
            "query": "mutation($input: LoginInput!) { login(input: $input) { token } }",
            "variables": {
                "input": {"email": MEMBER_EMAIL, "password": SECOND, "cookie": True},
            },
        },
    )
    keep("session of a cookie", cookie.json()["data"]["login"]["token"])
    # Mistakes are logged as well: words that are no operation, and an address with a token.
    await ask(http, "{ nothing }", by=again)
    await http.get("/account/unlock", params={"token": reset})
    await http.post("/account/unlock", data={"token": reset})
    await _make_mistakes(journey, again, reset)


async def _make_mistakes(journey: Journey, session: str, used_link: str) -> None:
    """Requests with secrets in them that are refused in every way there is."""
    http, first = journey.http, journey.secrets["third password"]
    for values in (
        {"email": MEMBER_EMAIL, "password": first},
        {"email": OWNER_EMAIL, "password": first},
        {"email": OWNER_EMAIL, "password": first, "otp": "000000"},
    ):
        assert code(await change(http, "login", "token", **values))
    login = "mutation($input: LoginInput!) { login(input: $input) { token } }"
    for given in (
        {"email": OWNER_EMAIL, "password": first, "unknown": True},
        {"email": OWNER_EMAIL, "password": [first]},
        {"email": OWNER_EMAIL, "password": {"it": first}},
        {"password": first},
        first,
    ):
        answer = await http.post(
            "/partner/graphql", json={"query": login, "variables": {"input": given}}
        )
        assert answer.json()["errors"]
    inline = f'mutation {{ login(input: {{email: "{OWNER_EMAIL}", password: ["{first}"]}}) {{ token }} }}'
    assert (await ask(http, inline))["errors"]
    # What stands in the document itself is quoted to whoever wrote it, and to nobody else.
    assert first in journey.refusals.pop()
    reset = {"token": used_link, "password": first}
    assert code(await change(http, "resetPassword", **reset)) == "LINK_REFUSED"
    unlike = {"presentPassword": WRONG, "password": first}
    assert code(await change(http, "changePassword", by=session, **unlike)) == "INVALID"
    weak = {"presentPassword": first, "password": "short"}
    assert code(await change(http, "changePassword", by=session, **weak)) == "INVALID"
    assert await ask(http, "{ me { id } }", by=session[:-1])
    await http.get("/files/document", params={"link": journey.secrets["file link"] + "x"})
    await http.post("/partner/documents", content=PDF, headers={"Authorization": f"Bearer {WRONG}"})


async def _brand_id(http: httpx.AsyncClient, operator: str, name: str) -> str:
    answer = await ask(
        http, "{ brands(first: 5) { nodes { id name } } }", by=operator, schema="admin"
    )
    nodes = answer["data"]["brands"]["nodes"]
    return str(next(node["id"] for node in nodes if node["name"] == name))


async def _dump(url: str) -> str:
    """Everything in the database, as pg_dump writes it."""
    found = credentials(url)
    process = await asyncio.create_subprocess_exec(
        str(binaries() / "pg_dump"),
        "--data-only",
        "--inserts",
        "--host",
        found["host"],
        "--username",
        found["user"],
        found["database"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


def _hidden_forms(value: str) -> set[str]:
    """How a value could stand in a dump: as it is, and as the bytes of a bytea column."""
    return {value, value.encode().hex(), json.dumps(value)[1:-1]}


def _found(secrets: dict[str, str], text: str) -> list[str]:
    return [what for what, value in secrets.items() if _hidden_forms(value) & _parts(value, text)]


def _parts(value: str, text: str) -> set[str]:
    return {form for form in _hidden_forms(value) if form in text}


@contextmanager
def logging_as_a_process_does(settings: Settings) -> Iterator[None]:
    """The logs of `serve`, all of them, as long as the block lasts."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logging(settings.model_copy(update={"log_level": "DEBUG"}), "serve")
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()


async def test_a6a_no_secret_and_no_person_is_in_clear_in_logs_refusals_events_or_a_dump(
    settings: Settings,
    clock: ManualClock,
    system: Scope,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with post_office() as post:
        own = settings.model_copy(update={"data_dir": tmp_path, "smtp_url": post.url})
        with logging_as_a_process_does(own):
            async with serving(own, clock) as http:
                journey = Journey(http, post, MailSender(own, clock, BOX), system)
                await _live(journey, clock)
                rows = await fetch("SELECT row_to_json(e)::text AS line FROM events e")
        dump = await _dump(str(settings.database_url))
    captured = capfd.readouterr()
    logs = captured.out + captured.err
    events = "\n".join(row["line"] for row in rows)
    people = {name: name for name in (OWNER_EMAIL, OWNER_NAME, MEMBER_EMAIL, MEMBER_NAME)}
    searched = journey.secrets | people | {"Zelda": "Zelda", "Orville": "Orville"}
    assert len(journey.secrets) > 35
    refusals = "\n".join(journey.refusals)
    assert len(journey.refusals) > 15
    # The search itself finds what is there.
    assert '"path": "/partner/graphql"' in logs
    assert "user.two_factor_enabled" in dump
    assert "user.two_factor_enabled" in events
    assert "Hidden Partner" in dump
    assert "SIGN_IN_REFUSED" in refusals
    assert _found(searched, refusals) == []
    assert _found(searched, logs) == []
    assert _found(searched, events) == []
    assert _found(searched, dump) == []


async def test_a6a_events_of_users_hold_no_address(
    settings: Settings, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    async with post_office() as post:
        own = settings.model_copy(update={"data_dir": tmp_path, "smtp_url": post.url})
        async with serving(own, clock) as http:
            await _live(Journey(http, post, MailSender(own, clock, BOX), system), clock)
            rows = await fetch("SELECT type, row_to_json(e)::text AS line FROM events e")
            assert [row["type"] for row in rows if "203.0.113.9" in row["line"]] == []
            kept = await fetch("SELECT count(*) AS n FROM sessions WHERE ip = '203.0.113.9'")
            assert kept[0]["n"] > 0


# Modules that handle secrets.
_SECRETIVE = (
    "domain/accounts",
    "domain/brands",
    "domain/documents",
    "domain/mails",
    "infra/crypto.py",
    "web/account_pages.py",
    "web/files.py",
    "web/intake.py",
    "schema/transport/session.py",
    "tasks/mails.py",
)
_SECRET_NAMES = re.compile(
    r"token|signature|secret|password|nonce|digest|hash|otp|recovery|^code$|^plain$|^sign"
)
# Found by their hash in an index, or no secret: compared by the database, or by name.
_HARMLESS = {
    # Whether the account got another password meanwhile: two stored hashes, neither given by a client.
    'present["password_hash"] != user["password_hash"]',
    # Which page it is.
    'action == "reset-password"',
}


def _names(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def test_a61_no_secret_is_compared_with_an_operator_that_stops_at_the_first_difference() -> None:
    wrong = []
    for place in _SECRETIVE:
        path = SOURCE / place
        for module in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text())):
                if not isinstance(node, ast.Compare):
                    continue
                if not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                    continue
                text = ast.unparse(node)
                names = {name.lower() for name in _names(node)}
                lengths = "len(" in text or "None" in text
                if any(_SECRET_NAMES.search(name) for name in names) and not lengths:
                    wrong.append(text.replace("'", '"'))
    assert set(wrong) == _HARMLESS


async def test_a68_the_log_names_actor_session_and_request_of_every_change_of_a_signed_in_user(
    settings: Settings, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    async with post_office() as post:
        own = settings.model_copy(update={"data_dir": tmp_path, "smtp_url": post.url})
        async with serving(own, clock) as http:
            await _live(Journey(http, post, MailSender(own, clock, BOX), system), clock)
            rows = await fetch(
                "SELECT type, actor_type, actor_id, session_id, request_id FROM events ORDER BY id"
            )
    unsigned = {
        "partner.registered",
        "user.email_confirmed",
        "user.password_reset_requested",
        "user.password_set",
        "user.locked",
        "user.unlocked",
    }
    for row in rows:
        assert row["request_id"], row
        assert row["actor_type"] in {"partner_user", "operator_user"}, row
        assert row["actor_id"], row
        assert (row["session_id"] is None) == (row["type"] in unsigned), row


# Mutations that leave no event, each with its reason.
_SILENT = {
    "beginTwoFactor": "nothing has changed until the secret is confirmed, which is user.two_factor_enabled",
    "markNewsRead": "what a user has read is theirs alone; the reading itself says when",
    "markAllNewsRead": "as markNewsRead",
}


def _modules_with_an_event(names: set[str]) -> dict[str, bool]:
    """Of each domain function: whether it, or a function of its module that it calls, records an event."""
    found: dict[str, bool] = {}
    for module in sorted((SOURCE / "domain").rglob("*.py")):
        tree = ast.parse(module.read_text())
        functions = {
            node.name: node
            for node in ast.walk(tree)
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        }
        for name in names & functions.keys():
            found[name] = found.get(name, False) or _records(name, functions, set())
    return found


def _records(name: str, functions: dict[str, Any], seen: set[str]) -> bool:
    if name in {"record", "record_all", "record_for", "record_brand", "record_edit", "record_plan"}:
        return True
    if name in seen or name not in functions:
        return False
    seen.add(name)
    called = set(_names_called(functions[name]))
    return any(_records(one, functions, seen) for one in called)


def _names_called(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id


_OTHER_NAMES = {
    "login": "sign_in",
    "logout": "sign_out",
    "replayPostback": "replay_attempt",
    "replayPostbacks": "replay_range",
    "testPostback": "keep_test",
    "requestPasswordReset": "request_reset",
    "resetPassword": "set_password_by_link",
    "acceptInvitation": "set_password_by_link",
    "unlockAccount": "unlock_by_link",
    "unlockMember": "unlock_member",
    "blockMember": "set_member_blocked",
    "unblockMember": "set_member_blocked",
    "blockOperator": "set_operator_blocked",
    "unblockOperator": "set_operator_blocked",
    "setPartnerManager": "set_manager",
    "setPartnerTags": "set_tags",
    "addPartnerNote": "add_note",
    "erasePerson": "erase_subject",
    "enableBanner": "set_banner_enabled",
    "disableBanner": "set_banner_enabled",
    "makeBannerPublic": "make_public",
    "makeBannerPrivate": "make_private",
    "createCommissionPlan": "create_plan",
    "editCommissionPlan": "edit_plan",
    "enableCommissionPlan": "set_plan_enabled",
    "disableCommissionPlan": "set_plan_enabled",
    "makeCommissionPlanDefault": "set_plan_default",
    "makeCommissionPlanIndividual": "set_plan_default",
    "assignCommissionPlan": "assign_plan",
    "unassignCommissionPlan": "unassign_plan",
    "sortCommissionPlans": "sort_plans",
    "draftPlanVersion": "draft_version",
    "editPlanDraft": "edit_draft",
    "publishPlanVersion": "publish_version",
    "discardPlanDraft": "discard_draft",
    "expirePartnerUserStatisticToken": "expire_statistic_token_of_partner_user",
    "enableLanding": "set_landing_state",
    "disableLanding": "set_landing_state",
    "enableTrafficSource": "set_traffic_source_state",
    "disableTrafficSource": "set_traffic_source_state",
    "setTrafficSourcePolicy": "set_policy",
    "enablePromotion": "set_promotion_state",
    "disablePromotion": "set_promotion_state",
    "enableCoupon": "set_coupon_state",
    "disableCoupon": "set_coupon_state",
    "announceBrandChange": "announce_change",
    "cancelBrandChange": "cancel_change",
    "setBrandPrepaid": "set_prepaid",
    "depositBrandFunds": "deposit",
    "correctBrandFunds": "correct_funding",
    "cancelCampaignPlanMove": "cancel_plan_move",
    "createNewsArticle": "create_article",
    "editNewsArticle": "edit_article",
    "publishNewsArticle": "publish_article",
    "unpublishNewsArticle": "unpublish_article",
    "deleteNewsArticle": "delete_article",
}


@pytest.mark.parametrize("schema", ["partner", "admin"])
def test_a68_every_mutation_of_both_schemas_records_an_event(schema: str) -> None:
    mutation = SCHEMAS[schema].mutation_type
    assert mutation is not None
    functions = {
        field: _OTHER_NAMES.get(field, re.sub(r"([A-Z])", r"_\1", field).lower())
        for field in mutation.fields
    }
    recorded = _modules_with_an_event(set(functions.values()))
    silent = {field for field, name in functions.items() if not recorded.get(name)}
    assert silent == set(_SILENT) & set(functions)

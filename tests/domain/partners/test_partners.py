"""O20, O21: what operators decide about partners, relations, documents and keys, and what a partner sees of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.events import place_recordings
from app.domain.mails.plan import plan_mails
from app.domain.mails.queue import claim_mails
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Affiliation, BrandKey, Document, Mail, Partner
from app.schema.ids import encode_id
from app.tasks.mails import write
from tests.domain.accounts.people import (
    ask,
    change,
    code,
    event_types,
    log_in,
    make_owner,
    still_signed_in,
    token_of,
)
from tests.factories import (
    BOX,
    make_brand,
    make_operator,
    make_partner,
    make_partner_user,
    post_signed,
)

REASON = "a reason of our own"


async def _operator(client: httpx.AsyncClient, clock: ManualClock, **columns: Any) -> str:
    await make_operator(clock, email="operator@staff.test", **columns)
    return await token_of(client, "operator@staff.test", schema="admin")


async def _decide(
    client: httpx.AsyncClient, field: str, by: str, partner_id: int, **values: Any
) -> dict[str, Any]:
    return await change(
        client,
        field,
        "partner { state }",
        by=by,
        schema="admin",
        partnerId=encode_id("Partner", partner_id),
        **values,
    )


@pytest.mark.parametrize(
    ("before", "field", "after"),
    [
        ("pending", "approvePartner", "active"),
        ("rejected", "approvePartner", "active"),
        ("pending", "rejectPartner", "rejected"),
        ("active", "blockPartner", "blocked"),
        ("blocked", "unblockPartner", "active"),
        ("active", "approvePartner", None),
        ("blocked", "approvePartner", None),
        ("active", "rejectPartner", None),
        ("pending", "blockPartner", None),
        ("rejected", "blockPartner", None),
        ("active", "unblockPartner", None),
        ("pending", "unblockPartner", None),
    ],
)
async def test_o21_a_partner_moves_between_states_only_as_decided(
    before: str, field: str, after: str | None, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock, state=before)
    operator = await _operator(client, clock)
    reason = {"reason": REASON} if field in {"rejectPartner", "blockPartner"} else {}
    answer = await _decide(client, field, operator, partner.id, **reason)
    assert code(answer) == (None if after else "CONFLICT")
    assert (await Partner.get(id=partner.id)).state == (after or before)
    changed = [item for item in await event_types() if item.startswith("partner.")]
    # Why it was blocked is an event of its own, for operators alone.
    explained = ["partner.block_explained"] if after == "blocked" else []
    assert changed[1:] == explained
    assert bool(changed) == bool(after)


@pytest.mark.parametrize(
    ("before", "field", "template"),
    [
        ("pending", "approvePartner", "partner_approved"),
        ("pending", "rejectPartner", "partner_rejected"),
        ("active", "blockPartner", "partner_blocked"),
        ("blocked", "unblockPartner", "partner_unblocked"),
    ],
)
async def test_a60_the_decision_about_a_partner_is_mailed_to_the_owner(
    before: str,
    field: str,
    template: str,
    client: httpx.AsyncClient,
    clock: ManualClock,
    system: Scope,
) -> None:
    partner = await make_partner(clock, state=before)
    owner = await make_partner_user(partner, clock)
    operator = await _operator(client, clock)
    reason = {"reason": REASON} if field in {"rejectPartner", "blockPartner"} else {}
    await _decide(client, field, operator, partner.id, **reason)
    await place_recordings(system)
    await plan_mails(system)
    assert [(mail.user_id, mail.template) for mail in await Mail.all()] == [(owner.id, template)]


async def test_o21_a_blocked_partner_is_out_at_once_and_signs_in_again_once_unblocked(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    token = await token_of(client, email)
    operator = await _operator(client, clock)
    await _decide(client, "blockPartner", operator, partner.id, reason=REASON)
    assert not await still_signed_in(client, token)
    assert code(await log_in(client, email)) == "ACCOUNT_BLOCKED"
    await _decide(client, "unblockPartner", operator, partner.id)
    assert not await still_signed_in(client, token)
    assert code(await log_in(client, email)) is None


async def test_o21_why_a_partner_was_blocked_is_never_the_partners_to_see(
    client: httpx.AsyncClient, clock: ManualClock, system: Scope
) -> None:
    partner, _, email = await make_owner(clock)
    operator = await _operator(client, clock)
    await _decide(client, "blockPartner", operator, partner.id, reason=REASON)
    await _decide(client, "unblockPartner", operator, partner.id)
    document = "{ events(first: 100) { nodes { type data } } }"
    owner = await token_of(client, email)
    shown = (await ask(client, document, by=owner))["data"]["events"]["nodes"]
    assert {"partner.blocked", "partner.unblocked"} <= {item["type"] for item in shown}
    assert REASON not in str(shown)
    kept = (await ask(client, document, by=operator, schema="admin"))["data"]["events"]["nodes"]
    explained = {"type": "partner.block_explained", "data": {"reason": REASON}}
    assert explained in kept
    await place_recordings(system)
    await plan_mails(system)
    for mail in await claim_mails(system, 10, timedelta(minutes=1), box=BOX):
        written = write(mail, email, "https://app.example")
        assert REASON not in written.text + written.html


@pytest.mark.parametrize(
    "role", [StaffRole.FINANCE, StaffRole.CONTENT, StaffRole.SUPPORT, StaffRole.ADVERTISER]
)
async def test_o21_other_roles_neither_approve_nor_block(
    role: StaffRole, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock)
    operator = await _operator(client, clock, role=role)
    told = [
        code(await _decide(client, "approvePartner", operator, partner.id)),
        code(await _decide(client, "blockPartner", operator, partner.id, reason=REASON)),
    ]
    assert told == ["FORBIDDEN"] * 2


async def test_o21_notes_and_tags_are_never_the_partners_to_see(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    operator = await _operator(client, clock)
    target = {"partnerId": encode_id("Partner", partner.id)}
    noted = await change(
        client, "addPartnerNote", by=operator, schema="admin", text="watch this one", **target
    )
    tagged = await change(
        client,
        "setPartnerTags",
        "partner { tags }",
        by=operator,
        schema="admin",
        tags=["suspicious", "vip"],
        **target,
    )
    assert (noted["done"], tagged["partner"]["tags"]) == (True, ["suspicious", "vip"])
    assert {"partner.note_added", "partner.tags_set"} <= set(await event_types())
    owner = await token_of(client, email)
    events = await ask(client, "{ events(first: 100) { nodes { type data } } }", by=owner)
    nodes = events["data"]["events"]["nodes"]
    assert nodes
    assert not [n for n in nodes if n["type"] in {"partner.note_added", "partner.tags_set"}]
    assert "suspicious" not in str(events)
    assert "watch this one" not in str(events)


async def _affiliation(clock: ManualClock, state: str) -> Affiliation:
    brand, partner = await make_brand(clock), await make_partner(clock)
    return await Affiliation.create(
        partner=partner, brand=brand, state=state, created_at=clock.now()
    )


async def _decide_relation(
    client: httpx.AsyncClient, by: str, affiliation_id: int, decision: str
) -> str | None:
    answer = await change(
        client,
        "decideAffiliation",
        "affiliation { state }",
        by=by,
        schema="admin",
        affiliationId=encode_id("Affiliation", affiliation_id),
        decision=decision,
    )
    return code(answer)


_ALLOWED = {
    "ACCEPTED": {"pending", "rejected", "suspended"},
    "REJECTED": {"pending"},
    "SUSPENDED": {"accepted"},
    "DELETED": {"pending", "accepted", "rejected", "suspended"},
}


@pytest.mark.parametrize("decision", list(_ALLOWED))
async def test_o21_a_relation_is_decided_only_from_the_states_that_allow_it(
    decision: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    operator = await _operator(client, clock)
    for state in ("pending", "accepted", "rejected", "suspended", "deleted"):
        made = await _affiliation(clock, state)
        allowed = state in _ALLOWED[decision]
        told = await _decide_relation(client, operator, made.id, decision)
        assert told == (None if allowed else "CONFLICT"), state
        found = await Affiliation.get(id=made.id)
        assert found.state == (decision.lower() if allowed else state)
    decided = [item for item in await event_types() if item.startswith("affiliation.")]
    assert len(decided) == len(_ALLOWED[decision])


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (None, None),
        ("rejected", None),
        ("deleted", None),
        ("pending", "CONFLICT"),
        ("accepted", "CONFLICT"),
        ("suspended", "CONFLICT"),
    ],
)
async def test_o21_a_partner_applies_where_no_relation_stands_in_the_way(
    state: str | None, told: str | None, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, _, email = await make_owner(clock)
    brand = await make_brand(clock)
    if state is not None:
        await Affiliation.create(partner=partner, brand=brand, state=state, created_at=clock.now())
    owner = await token_of(client, email)
    answer = await change(
        client,
        "applyToBrand",
        "affiliation { state }",
        by=owner,
        brandId=encode_id("Brand", brand.id),
    )
    assert code(answer) == told
    assert (await Affiliation.get()).state == ("pending" if told is None else state)


async def test_o21_an_advertiser_decides_for_its_own_brands_alone(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    own, foreign = await _affiliation(clock, "pending"), await _affiliation(clock, "pending")
    advertiser = await _operator(
        client, clock, role=StaffRole.ADVERTISER, brand_ids=(own.brand_id,)
    )
    assert await _decide_relation(client, advertiser, own.id, "ACCEPTED") is None
    assert await _decide_relation(client, advertiser, foreign.id, "ACCEPTED") == "NOT_FOUND"
    assert (await Affiliation.get(id=foreign.id)).state == "pending"


async def _document(partner: Partner, uploader: int, clock: ManualClock) -> Document:
    return await Document.create(
        partner=partner,
        uploaded_by_id=uploader,
        name="passport.pdf",
        content_type="application/pdf",
        size=10,
        sha256="0" * 64,
        storage_key="documents/1/a.pdf",
        created_at=clock.now(),
    )


async def _review(
    client: httpx.AsyncClient, by: str, document_id: int, **values: Any
) -> dict[str, Any]:
    return await change(
        client,
        "reviewDocument",
        "document { state reason }",
        by=by,
        schema="admin",
        documentId=encode_id("Document", document_id),
        **values,
    )


@pytest.mark.parametrize(
    ("approve", "reason", "told", "state"),
    [
        (True, None, None, "approved"),
        (False, "not readable", None, "declined"),
        (False, None, "INVALID", "pending"),
        (False, "   ", "INVALID", "pending"),
    ],
)
async def test_o20_a_document_is_approved_or_declined_with_a_reason(
    approve: bool,
    reason: str | None,
    told: str | None,
    state: str,
    client: httpx.AsyncClient,
    clock: ManualClock,
) -> None:
    partner, user, _ = await make_owner(clock)
    document = await _document(partner, user.id, clock)
    operator = await _operator(client, clock)
    answer = await _review(client, operator, document.id, approve=approve, reason=reason)
    assert (code(answer), (await Document.get()).state) == (told, state)


async def test_o20_a_document_is_reviewed_once_and_an_approved_one_is_not_deleted(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner, user, email = await make_owner(clock)
    document = await _document(partner, user.id, clock)
    operator, owner = await _operator(client, clock), await token_of(client, email)
    await _review(client, operator, document.id, approve=True)
    again = await _review(client, operator, document.id, approve=False, reason="no")
    deleted = await change(
        client, "deleteDocument", by=owner, documentId=encode_id("Document", document.id)
    )
    assert [code(again), code(deleted)] == ["CONFLICT"] * 2


async def test_o21_an_intake_key_rotates_with_a_grace_over_real_requests(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    operator = await _operator(client, clock)

    async def make() -> tuple[tuple[str, str], str]:
        answer = await change(
            client,
            "createBrandKey",
            "brandKey { id key } secret",
            by=operator,
            schema="admin",
            brandId=encode_id("Brand", brand.id),
        )
        return (answer["brandKey"]["key"], answer["secret"]), answer["brandKey"]["id"]

    async def works(key: tuple[str, str]) -> bool:
        answer = await post_signed(client, "/api/v1/players", key, {"players": []})
        return answer.status_code != 401

    first, first_id = await make()
    second, _ = await make()
    assert [await works(first), await works(second)] == [True, True]
    assert not await works((first[0], second[1]))
    ended = await change(
        client,
        "expireBrandKey",
        "brandKey { expiresAt }",
        by=operator,
        schema="admin",
        keyId=first_id,
        graceHours=24,
    )
    assert code(ended) is None
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert [await works(first), await works(second)] == [True, True]
    clock.advance(timedelta(seconds=1))
    assert [await works(first), await works(second)] == [False, True]


async def test_o21_the_grace_of_a_key_can_be_shortened_and_not_lengthened(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    operator = await _operator(client, clock)
    made = await change(
        client,
        "createBrandKey",
        "brandKey { id }",
        by=operator,
        schema="admin",
        brandId=encode_id("Brand", brand.id),
    )
    for hours, left in ((24, 24), (1, 1), (48, 1)):
        await change(
            client,
            "expireBrandKey",
            "brandKey { id }",
            by=operator,
            schema="admin",
            keyId=made["brandKey"]["id"],
            graceHours=hours,
        )
        assert (await BrandKey.get()).expires_at == clock.now() + timedelta(hours=left)


@pytest.mark.parametrize("hours", [-1, 2161])
async def test_o21_a_grace_beyond_its_limits_is_refused(
    hours: int, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    operator = await _operator(client, clock)
    made = await change(
        client,
        "createBrandKey",
        "brandKey { id }",
        by=operator,
        schema="admin",
        brandId=encode_id("Brand", brand.id),
    )
    refused = await change(
        client,
        "expireBrandKey",
        "brandKey { id }",
        by=operator,
        schema="admin",
        keyId=made["brandKey"]["id"],
        graceHours=hours,
    )
    assert code(refused) == "INVALID"

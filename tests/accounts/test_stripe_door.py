"""The door for Stripe's webhooks: who is let in, and that nothing else is."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from inbox import web as edge
from inbox.accounts import stripe_door as door
from inbox.accounts.base import SourceNotice
from inbox.accounts.rereading import Notices
from inbox.accounts.stripe import StripeSource
from inbox.accounts.tables import source_events
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import jobs
from inbox.errors import Malformed, Unauthentic
from inbox.settings import Company, Stripe, Web
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import StripeEmulator
from tests.flows.stripe_world import SECRETS
from tests.world import NOW

SENT = int(NOW.timestamp())
EVENT = objects.event("evt_1", "invoice.paid", SENT, objects.invoice("in_1", "cus_1", SENT, 100))


@pytest.fixture
async def url(sqlite_store: Store, clock: SetClock) -> AsyncIterator[str]:
    source = StripeSource(Stripe(api_keys=("sk_1",), webhook_secrets=SECRETS), Company(), "https://x", clock=clock)
    routes = source.routes(Notices(sqlite_store, clock))
    app = edge.application(sqlite_store, clock, routes, edge.Readiness(), Web(secrets=("x" * 32,)))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield str(server.make_url("/stripe/webhook"))
    await server.close()


def stored(store: Store) -> tuple[int, int]:
    from sqlalchemy import select

    from inbox.db.store import Sql

    return store.read_now(lambda tx: (len(tx.all(Sql(select(source_events)))), len(tx.all(Sql(select(jobs))))))


@pytest.mark.parametrize("secret", SECRETS)
async def test_each_current_secret_opens(url: str, sqlite_store: Store, secret: str) -> None:
    assert await StripeEmulator().deliver(url, EVENT, secret) == 200
    assert stored(sqlite_store) == (1, 1)


async def test_the_same_event_is_one(url: str, sqlite_store: Store) -> None:
    for _ in range(3):
        assert await StripeEmulator().deliver(url, EVENT, SECRETS[0]) == 200
    assert stored(sqlite_store) == (1, 1)


@pytest.mark.parametrize(("seconds", "status"), [(-300, 200), (-301, 403), (300, 200), (301, 403), (3600, 403)])
async def test_five_minutes_either_way(url: str, sqlite_store: Store, seconds: int, status: int) -> None:
    assert await StripeEmulator().deliver(url, EVENT, SECRETS[0], at=SENT + seconds) == status
    assert stored(sqlite_store) == ((1, 1) if status == 200 else (0, 0))


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=abc", "t=,v1=", "t=abc,v1=abc", f"t={SENT},v0=abc", f"t={SENT},v1=" + "0" * 64, "=,=,=", "t=9" * 2000, f"t={SENT},v1=ä"],
)  # fmt: skip
async def test_a_bad_signature_is_refused(url: str, sqlite_store: Store, header: str) -> None:
    async with ClientSession() as session:
        answer = await session.post(url, json=EVENT, headers={"Stripe-Signature": header} if header else {})
    assert answer.status == 403
    assert stored(sqlite_store) == (0, 0)


async def test_a_body_written_anew_is_refused(url: str) -> None:
    import stripe

    header = stripe.WebhookSignature.generate_signature_header(json.dumps(EVENT), SECRETS[0], timestamp=SENT)
    async with ClientSession() as session:
        answer = await session.post(url, data=json.dumps(EVENT, indent=1), headers={"Stripe-Signature": header})
    assert answer.status == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}", b'{"id": 1, "type": "invoice.paid", "data": {"object": {}}}',
     b'{"id": "evt", "type": "x", "data": []}', b'{"id": "evt", "type": "invoice.paid", "data": {"object": []}}',
     b"[" * 100_000, b'{"id": "", "type": "invoice.paid", "data": {"object": {}}}'],
)  # fmt: skip
async def test_signed_garbage_is_malformed(url: str, sqlite_store: Store, body: bytes) -> None:
    status = await StripeEmulator().deliver(url, {}, SECRETS[0], body=body or b" ")
    assert status == 400
    assert stored(sqlite_store) == (0, 0)


@pytest.mark.parametrize("size", [door.LARGEST + 1, 2_000_000])
@pytest.mark.parametrize("announced", [True, False])
async def test_too_much_is_malformed(url: str, size: int, *, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 1000 + 1):
            yield b" " * 1000

    data = io.BytesIO(b" " * size) if announced else pieces()
    async with ClientSession() as session:
        answer = await session.post(url, data=data, headers={"Stripe-Signature": "t=1,v1=1"})
    assert answer.status == 400


async def test_an_unknown_event_is_taken_and_ignored(url: str, sqlite_store: Store) -> None:
    for type_ in ("account.updated", "climate.order.created", "v2.core.event", ""):
        event = {**EVENT, "type": type_}
        assert await StripeEmulator().deliver(url, event, SECRETS[0]) == 200
    assert stored(sqlite_store) == (0, 0)


@pytest.mark.parametrize("secrets", [(), ("",), (" ", "\t")])
async def test_without_a_secret_there_is_no_door(
    sqlite_store: Store, clock: SetClock, secrets: tuple[str, ...]
) -> None:
    source = StripeSource(Stripe(api_keys=("sk_1",), webhook_secrets=secrets), Company(), "https://x", clock=clock)
    assert list(source.routes(Notices(sqlite_store, clock))) == []


@pytest.mark.parametrize(
    ("type_", "thing", "kind", "account", "record"),
    [
        ("payment_intent.succeeded", objects.payment_intent("pi_1", "cus_1", 1, 5, latest_charge="ch_1"), "payment", "cus_1", "ch_1"),
        ("charge.succeeded", objects.charge("ch_1", "cus_1", 1, 5), "payment", "cus_1", "ch_1"),
        ("charge.refunded", objects.charge("ch_1", "cus_1", 1, 5), "refund", "cus_1", "ch_1"),
        ("refund.updated", objects.refund("re_1", "ch_1", 1, 5), "refund", "", "ch_1"),
        ("charge.dispute.created", objects.dispute("dp_1", "ch_1", 1, 5), "chargeback", "", "ch_1"),
        ("invoice.paid", objects.invoice("in_1", "cus_1", 1, 5), "invoice", "cus_1", "in_1"),
        ("customer.deleted", objects.customer("cus_1", 1), "account", "cus_1", "cus_1"),
        ("payment_method.attached", objects.card("pm_1", "cus_1", 1), "method", "cus_1", "pm_1"),
    ],
)  # fmt: skip
def test_what_an_event_is_about(type_: str, thing: objects.Object, kind: str, account: str, record: str) -> None:
    told = door.notice(json.dumps(objects.event("evt_1", type_, 1, thing)).encode())
    assert told == SourceNotice(
        source="stripe", event_id="evt_1", kind=kind, type=type_, account_id=account, record_id=record  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_card_that_was_taken_off_names_the_customer_it_was_taken_from() -> None:
    event = objects.event(
        "evt_1", "payment_method.detached", 1, objects.card("pm_1", "", 1) | {"customer": None},
        previous_attributes={"customer": "cus_1"},
    )  # fmt: skip
    told = door.notice(json.dumps(event).encode())
    assert told is not None
    assert told.account_id == "cus_1"


@given(st.binary(max_size=200), st.text(max_size=80) | st.text(max_size=40).map(lambda t: f"t=1773241200,v1={t}"))
def test_nothing_but_two_errors_comes_out_of_any_bytes(raw: bytes, header: str) -> None:
    with pytest.raises(Unauthentic):
        door.verify(raw, header, SECRETS, NOW)
    with pytest.raises(Malformed):
        door.notice(raw)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(["invoice.paid", "charge.dispute.created", "customer.updated"]), _JSON, _JSON)
def test_any_object_in_an_event_is_read_or_malformed(type_: str, thing: object, before: object) -> None:
    event = {"id": "evt_1", "type": type_, "data": {"object": thing, "previous_attributes": before}}
    try:
        told = door.notice(json.dumps(event).encode())
    except Malformed:
        return
    assert told is not None
    assert told.event_id == "evt_1"


async def test_the_clock_is_ours(sqlite_store: Store, clock: SetClock, url: str) -> None:
    clock.move(NOW + timedelta(days=1))
    assert await StripeEmulator().deliver(url, EVENT, SECRETS[0]) == 403

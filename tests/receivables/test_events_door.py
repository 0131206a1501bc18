"""The payment system's signed door: who may speak, what is understood, what is refused and in which words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web as http
from aiohttp.test_utils import TestClient, TestServer

from inbox import web
from inbox.accounts.base import ChargeRequest
from inbox.accounts.charging import ChargeDoor
from inbox.accounts.signing import HEADER, check, sign
from inbox.db.tables import messages
from inbox.errors import Permanent, Transient, Unauthentic
from inbox.paymentevents import PATH, event_routes
from inbox.settings import Web
from tests.receivables.world import LATE, Till
from tests.world import money

OLD, NEW = "an-old-secret", "a-new-secret"
PAID = {"id": "P-1", "amount": "76.25", "currency": "USD", "invoice": "INV-300", "method": "visa ••1881"}


@pytest.fixture
async def client(till: Till) -> AsyncIterator[TestClient]:
    world = till.world
    routes = event_routes(world.store, world.house, world.clock, (NEW, OLD))
    app = web.application(world.store, world.clock, routes, web.Readiness(), Web(secrets=("s",)))
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def tell(client: TestClient, till: Till, event: Any, *, secret: str = NEW, late: int = 0, **headers: str) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    at = int(till.now.timestamp()) + late
    answer = await client.post(PATH, data=body, headers={HEADER: sign(secret, body, at), **headers})
    return answer.status, await answer.text()


def succeeded(**more: Any) -> dict[str, Any]:
    return {"type": "payment.succeeded", "account": "A-300", "payment": {**PAID, **more}}


async def test_a_payment_is_booked_and_confirmed_once_however_often_it_is_told(client: TestClient, till: Till) -> None:
    first = await tell(client, till, succeeded())
    assert first == (200, '{"payment": "P-1", "invoice": "INV-300", "new": "true"}')
    assert json.loads((await tell(client, till, succeeded(), secret=OLD))[1])["new"] == "false"
    assert till.account().outstanding == money("152.50")
    assert len(till.world.rows(messages, direction="outbound")) == 1


@pytest.mark.parametrize("late", [-301, 301])
async def test_old_and_future_signatures_are_refused(client: TestClient, till: Till, late: int) -> None:
    assert (await tell(client, till, succeeded(), late=late))[0] == 403
    assert (await tell(client, till, succeeded(), late=late - late // abs(late)))[0] == 200


@pytest.mark.parametrize("header", ["", "v1=00", "t=x,v1=00", "t=1773241200", "t=1773241200,v1=é", "t=٣,v1=0"])
async def test_without_a_right_signature_nothing_is_read(client: TestClient, till: Till, header: str) -> None:
    answer = await client.post(PATH, data=b"{", headers={HEADER: header} if header else {})
    assert answer.status == 403
    assert till.account() == LATE


async def test_a_changed_body_is_refused(client: TestClient, till: Till) -> None:
    body = json.dumps(succeeded()).encode()
    header = sign(NEW, body, int(till.now.timestamp()))
    answer = await client.post(PATH, data=body.replace(b"76.25", b"7.25"), headers={HEADER: header})
    assert answer.status == 403


def test_no_secret_no_door(till: Till) -> None:
    assert event_routes(till.world.store, till.world.house, till.world.clock, ()) == []
    with pytest.raises(Unauthentic):
        check((), b"", sign("", b"", 1000), 1000)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (b"{", "no JSON"),
        (b"[]", "an object with a type"),
        ({"type": 7}, "an object with a type"),
        ({"type": "payment.succeeded", "payment": PAID}, "account is missing"),
        ({"type": "payment.succeeded", "account": "A-300"}, "payment is missing"),
        (succeeded(amount=76.25), 'a text such as "84.65"'),
        (succeeded(amount="76.255"), "smallest unit"),
        (succeeded(amount="-1.00"), "refund is told as a refund"),
        (succeeded(currency="EUR"), "is in EUR, account A-300 in USD"),
        (succeeded(on="yesterday"), "a day such as"),
        (succeeded(id=""), "id is missing"),
        ({"type": "payment.updated", "account": "A-300", "payment": {"id": "P-1", "status": "gone"}}, "none of pending"),
        ({"type": "payment_method.added", "account": "A-300", "method": {"id": "m", "last4": "4242424242424242"}}, "last four digits"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(client: TestClient, till: Till, event: Any, words: str) -> None:
    status, text = await tell(client, till, event)
    assert status == 400
    assert words in text
    assert till.account() == LATE


NULLS = {"invoice": None, "method": None, "decline_code": None, "on": None, "next_retry_on": None}


async def test_null_is_nothing_and_no_word(client: TestClient, till: Till) -> None:
    event = {**succeeded(**NULLS), "charge": None}
    assert await tell(client, till, event) == (200, '{"payment": "P-1", "invoice": "INV-300", "new": "true"}')
    [paid] = [p for p in till.account().payments if p.id == "P-1"]
    assert (paid.method, paid.invoice_id, paid.decline_code) == ("", "INV-300", "")
    failed = {"type": "payment.failed", "account": "A-300", "payment": {**PAID, **NULLS, "id": "P-2"}}
    assert (await tell(client, till, failed))[0] == 200
    updated = {"id": "P-1", "status": "failed", "decline_code": None}
    assert (await tell(client, till, {"type": "payment.updated", "account": "A-300", "payment": updated}))[0] == 200
    assert [p.decline_code for p in till.account().payments if p.id in ("P-1", "P-2")] == ["", ""]
    method = {"id": "pm_9", "last4": "4305", "type": None, "brand": None, "expires": None}
    assert (await tell(client, till, {"type": "payment_method.added", "account": "A-300", "method": method}))[0] == 200
    [new] = [m for m in till.account().payment_methods if m.id == "pm_9"]
    assert (new.type, new.brand, new.expires) == ("card", "", "")


async def test_money_counts_even_if_it_names_a_charge_that_nobody_knows(
    client: TestClient, till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await tell(client, till, {**succeeded(), "charge": "CH-404"}))[0] == 200
    assert till.account().outstanding == money("152.50")
    assert [e["charge"] for e in till.events("charge.unknown")] == ["CH-404"]
    assert "CH-404" in caplog.text
    failed = {"type": "payment.failed", "account": "A-300", "payment": {**PAID, "id": "P-2"}, "charge": "CH-404"}
    assert (await tell(client, till, failed))[0] == 200


@pytest.mark.parametrize("amount", ["1e30", "9" * 30, "1e999999999", "Infinity", "NaN", "1_000.00", "١٢.00", ""])
async def test_an_amount_that_fits_nowhere_is_refused(client: TestClient, till: Till, amount: str) -> None:
    status, text = await tell(client, till, succeeded(amount=amount))
    assert (status, "payment.amount must be a text" in text) == (400, True)


async def test_what_is_on_its_way_is_told_once(client: TestClient, till: Till) -> None:
    event = {"type": "payment.pending", "account": "A-300", "payment": PAID}
    for _ in range(2):
        assert await tell(client, till, event) == (200, '{"payment": "P-1"}')
    assert [p.status for p in till.account().payments if p.id == "P-1"] == ["pending"]
    assert len(till.events("payment.pending")) == 1
    assert (await tell(client, till, succeeded()))[0] == 200
    assert till.account().outstanding == money("152.50")
    assert (await tell(client, till, event))[0] == 200
    assert [p.status for p in till.account().payments if p.id == "P-1"] == ["succeeded"]


async def test_an_unknown_author_is_404_and_an_unknown_type_is_ignored(client: TestClient, till: Till) -> None:
    assert (await tell(client, till, {**succeeded(), "account": "A-404"}))[0] == 404
    assert await tell(client, till, {"type": "invoice.drawn", "account": "A-300"}) == (
        200,
        '{"ignored": "invoice.drawn"}',
    )


async def test_a_second_payment_page_is_told_to_wait(client: TestClient, till: Till) -> None:
    started = {"type": "payment.started", "account": "A-300", "payment": {**PAID, "id": ""}}
    status, text = await tell(client, till, started)
    assert status == 200
    assert (await tell(client, till, started))[0] == 409
    assert (await tell(client, till, {**succeeded(), "charge": json.loads(text)["charge"]}))[0] == 200
    assert [c["state"] for c in till.charges()] == ["succeeded"]


async def test_a_decline_answers_with_the_next_day(client: TestClient, till: Till) -> None:
    event = {"type": "payment.failed", "account": "A-300", "payment": {**PAID, "decline_code": "do_not_honor"}}
    assert json.loads((await tell(client, till, event))[1])["next_retry_on"] == "2026-03-12"


class TestChargeDoor:
    """Our requests to the payment system."""

    request = ChargeRequest(id="CH-1", ref=LATE.ref, invoice_id="INV-300", amount=money("76.25"), method_id="pm_3")

    async def ask(self, till: Till, answer: Any) -> tuple[Any, list[Any]]:
        seen: list[Any] = []

        async def charge(request: http.Request) -> http.Response:
            body = await request.read()
            check((NEW,), body, request.headers[HEADER], int(till.now.timestamp()))
            seen.append((request.headers["Idempotency-Key"], json.loads(body)))
            return answer

        app = http.Application()
        app.router.add_post("/charge", charge)
        async with TestServer(app) as server:
            door = ChargeDoor(str(server.make_url("/charge")), (NEW,), till.world.clock)
            assert NEW not in repr(door)
            return await door.charge(self.request), seen

    async def test_it_asks_with_amount_method_and_key(self, till: Till) -> None:
        result, [(key, body)] = await self.ask(
            till, http.json_response({"payment": "P-1", "status": "failed", "decline_code": "do_not_honor"})
        )
        assert key == "CH-1"
        assert body == {
            "charge": "CH-1", "account": "A-300", "invoice": "INV-300", "amount": "76.25", "currency": "USD", "method": "pm_3",
        }  # fmt: skip
        assert (result.status, result.decline_code) == ("failed", "do_not_honor")

    async def test_null_is_nothing(self, till: Till) -> None:
        answer = http.json_response({"payment": "P-1", "status": "succeeded", "method": None, "decline_code": None})
        result, _ = await self.ask(till, answer)
        assert (result.method, result.decline_code) == ("", "")

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_busy_is_asked_again(self, till: Till, status: int) -> None:
        with pytest.raises(Transient):
            await self.ask(till, http.Response(status=status))

    @pytest.mark.parametrize(
        "answer",
        ['{"status": "succeeded"}', '{"payment": null, "status": "failed"}', '{"payment": "P-1", "status": "maybe"}', "[]", "no json", '{"payment": "", "status": "failed"}'],
    )  # fmt: skip
    async def test_an_answer_that_cannot_be_read_goes_to_people(self, till: Till, answer: str) -> None:
        with pytest.raises(Permanent, match="CH-1"):
            await self.ask(till, http.Response(text=answer))

    async def test_refused_and_sent_elsewhere_are_for_people(self, till: Till) -> None:
        for response in (http.Response(status=400, text="no"), http.Response(status=302, headers={"Location": "/x"})):
            with pytest.raises(Permanent, match="refused"):
                await self.ask(till, response)

    async def test_a_dead_line_is_asked_again(self, till: Till) -> None:
        with pytest.raises(Transient):
            await ChargeDoor("http://127.0.0.1:9/charge", (NEW,), till.world.clock).charge(self.request)


@pytest.mark.parametrize("header", ["t=100,v1=\udcff", "t=100,v1=é", "", "v1=aa", "t=x,v1=aa", "t=100"])
def test_a_signature_of_other_signs_is_refused_and_nothing_else(header: str) -> None:
    with pytest.raises(Unauthentic):
        check((NEW,), b"{}", header, 100)

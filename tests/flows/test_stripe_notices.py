"""From Stripe's word to a case, a receipt, or nothing; and from our link to Stripe's page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from inbox import paypages, schedule
from inbox.accounts import known
from inbox.accounts.base import AccountRef
from inbox.accounts.mirror import Saved
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import events, holds, parked_jobs
from inbox.receivables import told
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import Fault
from tests.flows.stripe_world import NADIA, StripeWorld, stripe_world
from tests.world import money


@pytest.fixture
async def s(store: Store, clock: SetClock) -> AsyncIterator[StripeWorld]:
    async with stripe_world(store, clock) as made:
        yield made


async def test_a_payment_is_confirmed_once_however_often_it_is_told(s: StripeWorld) -> None:
    await s.asks("how much?", "amount_due")
    before = len(s.world.heard())
    s.later(5)
    s.stripe.paid("ch_50", "cus_nadia", 5000, "in_INV-300")
    intent = s.stripe.get("payment_intents", "pi_ch_50") or {}
    for id_, type_ in (
        ("evt_1", "payment_intent.succeeded"),
        ("evt_1", "payment_intent.succeeded"),
        ("evt_2", "charge.succeeded"),
    ):
        assert await s.hears(type_, intent, id_) == 200
    [told] = s.world.heard()[before:]
    assert "50.00" in told
    assert len(s.world.rows(events, type="payment.received")) == 1
    assert "150.00" in await s.asks("and now?", "amount_due")


async def test_the_same_comparison_twice_has_one_consequence(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    before = await s.source.load(NADIA.ref)
    s.stripe.paid("ch_50", "cus_nadia", 5000, "in_INV-300")
    saved = Saved("cus_nadia", before, await s.source.load(NADIA.ref))
    for _ in range(2):
        await s.world.store.run(lambda tx: told.act(tx, s.world.house, saved, "", s.clock.now()))
    assert len(s.world.rows(events, type="payment.received")) == 1


async def test_a_payment_over_our_page_is_booked_and_confirmed(s: StripeWorld) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    status, _, page = await s.opens(path)
    assert status == 200
    assert 'value="200.00"' in page
    assert s.stripe.sessions == {}  # opening makes nothing
    status, to, _ = await s.opens(f"{path}/go", amount="80.00")
    assert (status, to) == (303, "https://checkout.stripe.com/c/pay/cs_test_1")
    s.later(5)
    s.stripe.pay("cs_test_1", "ch_80")
    await s.hears("payment_intent.succeeded", s.stripe.get("payment_intents", "pi_ch_80") or {})
    assert "80.00" in s.world.last()
    _, _, paper = await s.opens("/l/" + s.world.last().split("/l/")[1].split()[0].rstrip("."))
    assert paper.startswith("%PDF")
    assert "120.00" in await s.asks("what is left?", "amount_due")


@pytest.mark.parametrize("amount", ["200.01", "0", "-5", "1e3", "NaN", "abc", "1.234"])
async def test_the_page_leads_nowhere_with_an_amount_that_is_not_owed(s: StripeWorld, amount: str) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    status, to, page = await s.opens(f"{path}/go", amount=amount)
    assert (status, to) == (409, "")
    assert "Nothing was charged" in page
    assert s.stripe.sessions == {}


async def nights(s: StripeWorld) -> None:
    """A day goes by; everything whose time has come is done."""
    await s.world.store.run(lambda tx: schedule.start(tx, s.clock.now()))
    for minutes in (24 * 60, 1):
        s.later(minutes)
        while await s.world.worker.schedule_one():
            pass
        await s.world.settle()


async def test_what_no_notice_told_is_found_in_the_night(s: StripeWorld) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    await s.opens(f"{path}/go", amount="80.00")
    s.later(5)
    s.stripe.pay("cs_test_1", "ch_80")  # and its webhook is lost
    await nights(s)
    assert "80.00" in s.world.last()
    assert len(s.world.rows(events, type="payment.received")) == 1
    calls = len(s.stripe.calls)
    await nights(s)
    assert len(s.stripe.calls) > calls  # read again
    assert len(s.world.rows(events, type="payment.received")) == 1


async def test_a_source_that_is_away_at_night_is_asked_the_next_night(s: StripeWorld) -> None:
    await s.asks("how much?", "amount_due")
    s.stripe.always = Fault(status=503)
    await nights(s)
    s.stripe.always = None
    assert s.world.rows(parked_jobs) == []
    assert "200" in await s.asks("how much?", "amount_due")


async def test_a_double_press_leads_to_the_page_twice(s: StripeWorld) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    answers = await asyncio.gather(s.opens(f"{path}/go", amount="80.00"), s.opens(f"{path}/go", amount="80.00"))
    assert {status for status, _, _ in answers} == {303}


async def test_who_turns_round_at_the_payment_page_can_press_again_for_an_hour(s: StripeWorld) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    assert (await s.opens(f"{path}/go", amount="80.00"))[0] == 303
    back = s.stripe.sessions["cs_test_1"]["asked"]["cancel_url"]
    assert back.endswith(path)
    s.later(50)
    status, _, page = await s.opens(path)
    assert (status, 'value="200.00"' in page) == (200, True)
    assert (await s.opens(f"{path}/go", amount="90.00"))[0] == 303
    s.later(11)  # an hour after the first press, not after the last
    assert (await s.opens(path))[0] == 404
    assert (await s.opens(f"{path}/go", amount="80.00"))[0] == 404


@pytest.mark.parametrize("ask", [("I want to pay", "make_payment"), ("a statement please", "invoice_copy")])
async def test_figures_in_doubt_are_neither_on_the_page_nor_on_paper(s: StripeWorld, ask: tuple[str, str]) -> None:
    said = await s.asks(*ask, channel="chat")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    s.later(16)
    s.stripe.always = Fault(status=503)
    await s.asks("how much?", "amount_due", channel="chat")
    status, _, page = await s.opens(path)
    assert status == 503
    assert "200" not in page
    assert len(s.cases()) == 1


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("80", "80"), ("80.50", "80.50"), ("80,5", "80.5"), ("1,200", "1200"), ("1.200,50", "1200.50"), ("1,200.50", "1200.50"),
        ("$ 1 200", "1200"), ("1.200.50", "1.200.50"), ("0.500", "0.500"), ("0,500", "0,500"), ("1e3", "1e3"), ("", ""), ("12,3456", "12,3456"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_type_them(typed: str, read: str) -> None:
    assert paypages._plain(typed) == read


async def test_a_link_that_has_ended_or_never_was_tells_nothing(s: StripeWorld) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    assert (await s.opens("/l/never-was/go", amount="1"))[0] == 404
    s.later(8 * 24 * 60)
    assert (await s.opens(f"{path}/go", amount="80.00"))[0] == 404


async def test_a_chargeback_makes_a_case_and_pauses_its_invoice(s: StripeWorld) -> None:
    s.stripe.now -= 1
    s.stripe.put("disputes", objects.dispute("dp_1", "ch_P-502", s.stripe.now, 10000))
    charge = s.stripe.get("charges", "ch_P-502") or {}
    charge["disputed"] = True
    thing = s.stripe.get("disputes", "dp_1") or {}
    for id_, type_ in (
        ("evt_1", "charge.dispute.created"),
        ("evt_2", "charge.dispute.updated"),
        ("evt_1", "charge.dispute.created"),
    ):
        assert await s.hears(type_, thing, id_) == 200
    [case] = s.cases()
    assert (case["reason"], case["severity"]) == ("chargeback", "high")
    [hold] = s.world.rows(holds)
    assert (hold["account_id"], hold["invoice_id"], hold["reason"]) == ("cus_nadia", "INV-300", "dispute_open")
    thing |= {"status": "won"}
    s.later(60)
    await s.hears("charge.dispute.closed", thing, "evt_3")
    assert [json.loads(e["data"])["status"] for e in s.world.rows(events, type="chargeback.closed")] == ["won"]
    assert len(s.cases()) == 1


async def test_the_body_of_an_event_is_never_believed(s: StripeWorld) -> None:
    """An event that is old or made up by whoever has a secret cannot move money or open a case."""
    await s.asks("hello", "greeting")
    s.later(5)
    lie = objects.payment_intent("pi_lie", "cus_nadia", s.stripe.now, 20000)
    await s.hears("payment_intent.succeeded", lie, "evt_1")
    await s.hears("charge.dispute.created", objects.dispute("dp_lie", "ch_P-502", s.stripe.now, 20000), "evt_2")
    assert s.cases() == []
    assert "200.00" in await s.asks("how much?", "amount_due")


async def test_events_in_any_order_end_in_the_same_state(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(5)
    s.stripe.paid("ch_all", "cus_nadia", 20000, "in_INV-300")
    paid = dict(s.stripe.get("invoices", "in_INV-300") or {})
    stale = {**paid, "status": "open", "amount_remaining": 20000, "amount_paid": 10000}
    await s.hears("invoice.paid", paid, "evt_2")
    await s.hears("invoice.updated", stale, "evt_1")
    account = s.world.store.read_now(lambda tx: known.load(tx, AccountRef("ledger", "cus_nadia"), s.clock.now()))
    assert account.outstanding == money("0.00")
    assert account.doubt is None


async def test_between_the_word_and_the_reading_no_figure_is_told(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(5)
    s.stripe.paid("ch_50", "cus_nadia", 5000, "in_INV-300")
    s.stripe.always = Fault(status=503)
    await s.hears("invoice.updated", s.stripe.get("invoices", "in_INV-300") or {})
    said = await s.asks("how much?", "amount_due")
    assert "200" not in said
    assert s.cases()[0]["reason"] == "figures_stale"
    s.stripe.always = None
    s.later(30)  # the notice is tried again by itself
    await s.world.settle()
    account = s.world.store.read_now(lambda tx: known.load(tx, AccountRef("ledger", "cus_nadia"), s.clock.now()))
    assert (account.doubt, account.outstanding) == (None, money("150.00"))


async def test_a_new_card_and_a_refund_are_in_the_history(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(5)
    s.stripe.put("payment_methods", objects.card("pm_2", "cus_nadia", s.stripe.now))
    await s.hears("payment_method.attached", s.stripe.get("payment_methods", "pm_2") or {}, "evt_1")
    s.stripe.put("refunds", objects.refund("re_1", "ch_P-501", s.stripe.now, 1200, status="pending"))
    (s.stripe.get("charges", "ch_P-501") or {})["amount_refunded"] = 1200
    await s.hears("charge.refunded", s.stripe.get("charges", "ch_P-501") or {}, "evt_2")
    assert len(s.world.rows(events, type="payment_method.added")) == 1
    assert [json.loads(e["data"])["status"] for e in s.world.rows(events, type="refund.updated")] == ["pending"]


async def test_a_silenced_author_gets_no_receipt(s: StripeWorld) -> None:
    from inbox.accounts import changes

    await s.asks("hello", "greeting")
    await s.world.store.run(lambda tx: changes.set_flag(tx, "cus_nadia", "deceased_reported", at=s.clock.now()))
    before = len(s.world.heard())
    s.later(5)
    s.stripe.paid("ch_50", "cus_nadia", 5000, "in_INV-300")
    await s.hears("payment_intent.succeeded", s.stripe.get("payment_intents", "pi_ch_50") or {})
    assert s.world.heard()[before:] == []
    assert len(s.world.rows(events, type="payment.received")) == 1

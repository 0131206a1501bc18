"""From an author's question to a figure of Stripe's, and from Stripe's word to a case or a receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from inbox.accounts import known
from inbox.accounts.base import AccountRef
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import conversations, events, holds, messages
from inbox.escalation import posting
from inbox.message import ContactPoint, InboundMessage, SenderProof
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import Fault
from tests.emulators.stripe_seed import seed
from tests.flows.stripe_world import NADIA, StripeWorld, stripe_world
from tests.world import ILSE, MARA, money


@pytest.fixture
async def s(store: Store, clock: SetClock) -> AsyncIterator[StripeWorld]:
    async with stripe_world(store, clock) as made:
        yield made


# --- from the question to the figure ------------------------------------------------------------------------------------


async def test_a_text_is_answered_with_stripes_figure_its_source_and_its_time(s: StripeWorld) -> None:
    said = await s.asks("when is my next payment?", "amount_due")
    assert "200.00" in said
    row = s.world.rows(messages, direction="outbound")[-1]
    fact = json.loads(row["parts"])[0]["sources"]["amount"]
    assert fact == ["stripe:cus_nadia/INV-300", "2026-03-11T15:00:00+00:00"]


async def test_the_request_of_a_channel_waits_for_nobodys_server(s: StripeWorld) -> None:
    s.world.reader.teach("how much?", "amount_due")
    await s.world.intake.message(
        InboundMessage(
            channel="sms", source_id="m1", sender=ContactPoint("phone", NADIA.phone), text="how much?",
            received_at=s.clock.now(), proof=SenderProof.CARRIER,
        )
    )  # fmt: skip
    assert s.stripe.calls == []
    await s.world.settle()
    assert "200.00" in s.world.last()


async def test_a_fresh_copy_costs_no_call_and_decides_at_once(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    calls = len(s.stripe.calls)
    s.later(14)
    accepted = await s.world.says(s.world.reader.teach("how much?", "amount_due"), by=NADIA)
    assert accepted.decided
    assert len(s.stripe.calls) == calls
    assert "200.00" in s.world.last()


async def test_an_old_copy_is_read_again_first(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.stripe.paid("ch_new", "cus_nadia", 5000, "in_INV-300")
    s.later(16)
    assert "150.00" in await s.asks("how much?", "amount_due")


async def test_when_stripe_is_away_a_person_looks_and_nothing_is_guessed(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(16)
    s.stripe.always = Fault(status=503)
    said = await s.asks("how much?", "amount_due")
    assert "200" not in said
    [case] = s.cases()
    assert case["reason"] == "figures_stale"
    assert str(case["number"]) in said
    card = s.world.store.read_now(lambda tx: posting.card_of(tx, s.world.house, case["number"], s.clock.now()))
    assert any("stripe could not be read" in line for line in card.bot_withheld)


async def test_what_needs_no_figure_is_answered_while_stripe_is_away(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(16)
    s.stripe.always = Fault(status=503)
    assert await s.asks("which cards do you take?", "payment_methods_accepted")
    assert s.cases() == []


async def test_a_hanging_stripe_ends_in_time_and_others_are_not_kept_waiting(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    await s.asks("hello there", "greeting", by=ILSE)  # looked for at Stripe, not found
    s.later(16)
    s.stripe.always = Fault(status=503, wait=30)
    for author, text in ((NADIA, "how much?"), (replace(ILSE), "STOP")):
        await s.world.intake.message(
            InboundMessage(
                channel="sms", source_id=text, sender=ContactPoint("phone", author.phone), text=s.world.reader.teach(text, "amount_due"),
                received_at=s.clock.now(), proof=SenderProof.CARRIER,
            )
        )  # fmt: skip
    sent = s.world.heard()
    assert len(sent) == 3  # the opt-out was confirmed at once, the question waits for its reading alone
    await s.world.settle()
    assert s.cases()[0]["reason"] == "figures_stale"


async def test_the_running_worker_answers_others_while_one_account_hangs(s: StripeWorld) -> None:
    other = replace(
        NADIA, ref=AccountRef("stripe", "cus_other"), email="other@okafor.example", phone="+12125550404", plans=(), payments=(),
        payment_methods=(), invoices=(replace(NADIA.invoices[0], id="INV-400", paid=money("0.00"), balance=money("300.00")),),
    )  # fmt: skip
    seed(s.stripe, other)
    await s.asks("hello", "greeting")
    await s.asks("hello from me too", "greeting", by=other)
    s.later(16)
    s.stripe.slow["cus_nadia"] = 30
    running = asyncio.create_task(s.world.worker.run())
    try:
        for author in (NADIA, other):
            await s.world.intake.message(
                InboundMessage(
                    channel="sms", source_id=author.ref.id, sender=ContactPoint("phone", author.phone),
                    text=s.world.reader.teach("how much?", "amount_due"), received_at=s.clock.now(), proof=SenderProof.CARRIER,
                )
            )  # fmt: skip
        answered, given_up = "", ""
        async with asyncio.timeout(20):
            while not (answered and given_up):
                await asyncio.sleep(0.05)
                said = s.world.heard()[2:]
                answered = answered or next((t for t in said if "300.00" in t), "")
                cases = s.cases()
                given_up = given_up or (cases[0]["reason"] if cases else "")
                assert answered or not given_up  # the other one did not wait for the one that hangs
        assert given_up == "figures_stale"
        assert not any("200.00" in t for t in s.world.heard())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_after_a_failure_the_next_question_tries_again(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(16)
    s.stripe.faults = [Fault(status=503)]
    await s.asks("thanks for the fish", "thanks")
    assert "200.00" in await s.asks("how much?", "amount_due")


async def test_an_account_that_disappears_ends_with_a_person(s: StripeWorld) -> None:
    assert "200.00" in await s.asks("how much?", "amount_due")
    s.stripe.put(
        "customers",
        {"id": "cus_nadia", "object": "customer", "deleted": True, "created": 1, "email": None, "phone": None},
    )
    s.later(16)
    said = await s.asks("and how much now?", "amount_due")
    assert "200" not in said
    assert [c["reason"] for c in s.cases()] == ["account_gone"]


async def test_two_systems_that_differ_by_a_cent_are_not_told(store: Store, clock: SetClock) -> None:
    linked = replace(MARA, ref=AccountRef("ledger", "A-100"))
    async with stripe_world(store, clock, linked) as s:
        theirs = replace(
            MARA, ref=AccountRef("stripe", "cus_mara"), plans=(), refunds=(), outstanding=money("200.01"),
            invoices=(replace(MARA.invoices[0], total=money("300.01"), balance=money("200.01")), MARA.invoices[1]),
        )  # fmt: skip
        seed(s.stripe, theirs, author_id="A-100")
        said = await s.asks("how much?", "amount_due", by=MARA)
        assert "200" not in said
        [case] = s.cases()
        assert case["reason"] == "figures_contradict"
        card = s.world.store.read_now(lambda tx: posting.card_of(tx, s.world.house, case["number"], clock.now()))
        shown = " ".join((*card.bot_withheld, *(line.value for line in card.money)))
        assert "stripe says 300.01 USD, the ledger 300.00 USD" in shown
        await s.asks("royalties?", "royalty_balance", by=MARA, channel="chat")
        assert "120.00" in s.world.last()  # the ledger is the truth for royalties, and says so


async def test_the_ledgers_author_and_stripes_customer_are_one(store: Store, clock: SetClock) -> None:
    async with stripe_world(store, clock, MARA) as s:
        theirs = replace(MARA, ref=AccountRef("stripe", "cus_mara"), refunds=())
        seed(s.stripe, theirs)  # nothing names A-100; the mail address is the same
        await s.asks("how much?", "amount_due", by=MARA)
        account = s.world.store.read_now(lambda tx: known.load(tx, MARA.ref, clock.now()))
        assert account.billing == theirs.ref
        assert account.outstanding == money("200.00")
        assert account.royalties == MARA.royalties
        assert account.source_of("INV-900") == "stripe:cus_mara/INV-900"
        assert account.source_of("royalties") == "ledger:A-100/royalties"


async def test_an_author_of_the_ledger_who_could_not_be_looked_for_hears_no_figure(s: StripeWorld) -> None:
    s.stripe.always = Fault(status=503)
    said = await s.asks("how much?", "amount_due", by=ILSE)
    assert "777" not in said
    assert [c["reason"] for c in s.cases()] == ["figures_stale"]


async def test_an_author_of_the_ledger_alone_is_answered_from_it(s: StripeWorld) -> None:
    assert "777.70" in await s.asks("how much?", "amount_due", by=ILSE)
    looked = len(s.stripe.calls)
    await s.asks("and again, how much?", "amount_due", by=ILSE)
    assert len(s.stripe.calls) == looked


async def test_a_stranger_who_names_an_address_at_stripe_gets_the_code_there(s: StripeWorld) -> None:
    await s.asks("what do I owe?", "account_balance", by=None)
    await s.world.says(s.world.reader.teach("it is nadia@okafor.example", emails=("nadia@okafor.example",)), by=None)
    assert s.world.rows(messages, direction="outbound")[-2]["address"] == "email:nadia@okafor.example"
    await s.world.says(s.world.code(), by=None)
    assert "200.00" in s.world.last()


async def test_a_stranger_without_an_account_stays_one(s: StripeWorld) -> None:
    await s.asks("what do I owe?", "account_balance", by=None)
    calls = len(s.stripe.calls)
    await s.asks("well?", "greeting", by=None)
    assert len(s.stripe.calls) == calls  # an address is looked for once in a while, not with every message


async def test_a_plan_that_is_kept_at_stripe_is_changed_by_a_person(s: StripeWorld) -> None:
    record = s.stripe.get("invoices", "in_INV-300") or {}
    record["metadata"] = {"instalments": "2026-02-05=100.00, 2026-03-05=100.00, 2026-06-05=100.00"}
    text = s.world.reader.teach("in two halves please", "payment_plan", wishes=("split",))
    await s.world.says(text, by=NADIA, channel="chat")
    [case] = s.cases()
    assert case["reason"] == "plan_change_beyond_authority"
    assert "kept at stripe" in case["facts"]


async def test_a_promise_about_stripes_invoice_is_kept_by_stripes_payment(s: StripeWorld) -> None:
    text = s.world.reader.teach("I pay on the 18th", "promise_to_pay", dates=(date(2026, 3, 18),))
    await s.world.says(text, by=NADIA)
    assert [h["reason"] for h in s.world.rows(holds)] == ["promise_running"]
    s.later(5)
    s.stripe.paid("ch_18", "cus_nadia", 20000, "in_INV-300")
    await s.hears("payment_intent.succeeded", s.stripe.get("payment_intents", "pi_ch_18") or {})
    account = s.world.store.read_now(lambda tx: known.load(tx, AccountRef("ledger", "cus_nadia"), s.clock.now()))
    assert [p.status for p in account.promises] == ["kept"]
    assert s.world.rows(holds)[0]["lifted_at"] > 0


async def test_a_signed_in_author_is_read_by_the_id_the_portal_vouches_for(s: StripeWorld) -> None:
    said = await s.asks("what do I owe?", "account_balance", channel="chat")
    assert "200.00" in said


async def test_a_stranger_with_an_open_chargeback_is_known_and_the_case_opens_where_they_write(s: StripeWorld) -> None:
    s.stripe.put("disputes", objects.dispute("dp_1", "ch_P-502", s.stripe.now, 10000))
    (s.stripe.get("charges", "ch_P-502") or {})["disputed"] = True
    await s.asks("hello", "greeting")
    [case] = s.cases()
    [conversation] = s.world.rows(conversations)
    assert (case["reason"], case["conversation_id"]) == ("chargeback", conversation["id"])


async def test_many_messages_wait_for_one_reading(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(16)
    calls = len(s.stripe.calls)
    for n in range(4):
        await s.world.intake.message(
            InboundMessage(
                channel="sms", source_id=f"q{n}", sender=ContactPoint("phone", NADIA.phone),
                text=s.world.reader.teach(f"how much, {n}?", "amount_due"), received_at=s.clock.now(), proof=SenderProof.CARRIER,
            )
        )  # fmt: skip
    await s.world.settle()
    read = [name for name, _ in s.stripe.calls[calls:]]
    assert read.count("GET /v1/customers/ID") == 1
    assert len(s.world.heard()) == 5


async def test_a_burst_of_notices_is_read_once(s: StripeWorld) -> None:
    await s.asks("hello", "greeting")
    s.later(5)
    calls = len(s.stripe.calls)
    invoice = s.stripe.get("invoices", "in_INV-300") or {}
    for n in range(5):
        event = objects.event(f"evt_{n}", "invoice.updated", s.stripe.now, invoice)
        assert await s.stripe.deliver(s.door, event, "whsec_old") == 200
    await s.world.settle()
    assert [name for name, _ in s.stripe.calls[calls:]].count("GET /v1/customers/ID") == 1


# --- from Stripe's word ---------------------------------------------------------------------------------------------------


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
    assert "120.00" in await s.asks("what is left?", "amount_due")


@pytest.mark.parametrize("amount", ["200.01", "0", "-5", "1e3", "NaN", "abc", "1.234"])
async def test_the_page_leads_nowhere_with_an_amount_that_is_not_owed(s: StripeWorld, amount: str) -> None:
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    status, to, page = await s.opens(f"{path}/go", amount=amount)
    assert (status, to) == (409, "")
    assert "Nothing was charged" in page
    assert s.stripe.sessions == {}


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

"""From an author's question to a figure of Stripe's, or to a person where there is none to tell."""

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
from inbox.db.tables import conversations, holds, messages
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


async def test_a_customer_who_only_shares_the_address_is_not_told_as_ones_own(s: StripeWorld) -> None:
    boris = replace(NADIA, ref=AccountRef("stripe", "cus_boris"), name="Boris Other", email=ILSE.email)
    seed(s.stripe, boris)
    said = await s.asks("how much?", "amount_due", by=ILSE, channel="email")
    assert "100.00" not in said
    assert "200.00" not in said
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

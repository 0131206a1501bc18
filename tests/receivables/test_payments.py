"""Money came: invoice, instalments, promises, tries and the one confirmation; whoever tells it and however often."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import date, timedelta

import pypdf
import pytest

from inbox.accounts import changes
from inbox.accounts.base import PaymentMethod
from inbox.db.tables import handoffs, holds, messages
from inbox.db.tables import links as links_table
from inbox.errors import Conflict, Malformed, NotFound
from inbox.message import ContactPoint
from inbox.money import Money
from inbox.papers.papers import Wanted, make
from inbox.receivables import holds as pausing
from inbox.receivables import payments
from tests.receivables.world import LATE, MARA, Till, promise
from tests.world import ILSE, money


def parts(till: Till) -> list[str]:
    return [i.status for i in till.account().plans[0].instalments]


async def test_it_pays_the_oldest_part_and_is_confirmed_once_with_its_receipt(any_till: Till) -> None:
    await any_till.wrote()
    done = await any_till.pays()
    assert done.new
    assert done.cleared
    assert done.applied == money("76.25")
    assert parts(any_till) == ["paid", "paid", "scheduled", "scheduled"]
    assert any_till.account().outstanding == money("152.50")
    [_, said] = any_till.heard()
    assert said.channel == "sms"
    assert "$76.25" in said.text
    assert "152.50" not in said.text  # the whole balance and the card are for those who proved themselves
    assert "1881" not in said.text
    assert re.search(r"http://127\.0\.0\.1:8080/l/\S+", said.text)
    link = any_till.world.rows(links_table)[-1]
    assert link["kind"] == "document"
    paper = make(Wanted(kind="receipt", record_id="P-1"), any_till.account(), any_till.world.house.company, "en")
    assert "$76.25" in pypdf.PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()


async def test_told_again_nothing_more_happens(till: Till) -> None:
    await till.wrote()
    await till.pays()
    before, account = len(till.heard()), till.account()
    again = await till.pays()
    assert not again.new
    assert len(till.heard()) == before
    assert till.account() == account


async def test_told_twenty_times_at_once_it_is_one_payment_and_one_message(any_till: Till) -> None:
    await any_till.wrote()
    done = await asyncio.gather(*(any_till.pays() for _ in range(20)))
    assert sum(d.new for d in done) == 1
    assert any_till.account().outstanding == money("152.50")
    assert sum("76.25" in m.text for m in any_till.heard()) == 1


async def test_a_refunded_payment_is_not_captured_again_by_a_late_event(till: Till) -> None:
    await till.pays()
    await till.run(lambda tx: payments.updated(tx, till.world.house, "A-300", "P-1", "refunded", till.now))
    count = len(till.heard())
    await till.pays()
    assert [p.status for p in till.account().payments if p.id == "P-1"] == ["refunded"]
    assert len(till.heard()) == count


async def test_a_part_of_the_part_says_what_is_still_open_of_it(till: Till) -> None:
    await till.wrote()
    done = await till.pays("50.00")
    assert not done.cleared
    assert "$26.25 is still open" in till.heard()[-1].text
    assert parts(till)[1] == "failed"
    assert (await till.pays("26.25", "P-2")).cleared
    assert "still open" not in till.heard()[-1].text


async def test_too_much_lowers_the_invoice_to_nothing_and_the_rest_is_named(till: Till) -> None:
    await till.wrote()
    done = await till.pays("300.00")
    assert done.applied == money("228.75")
    assert done.surplus == money("71.25")
    assert till.account().outstanding == money("0.00")
    assert "$71.25 of it is more than was open" in till.heard()[-1].text
    assert till.events("payment.overpaid")[0]["surplus"] == "71.25"


async def test_without_an_invoice_the_due_of_that_amount_is_meant_else_the_oldest(till: Till) -> None:
    assert (await till.pays("100.00", "P-1", MARA, invoice="")).invoice_id == "INV-900"
    assert (await till.pays("12.00", "P-2", invoice="")).invoice_id == "INV-300"


async def test_money_for_an_unknown_invoice_is_kept_and_goes_to_a_person(till: Till) -> None:
    done = await till.pays(invoice="INV-404")
    assert done.applied == money("0.00")
    assert till.account().outstanding == LATE.outstanding
    assert [c["reason"] for c in till.world.rows(handoffs)] == ["payment_unmatched"]
    assert till.heard() == []
    await till.pays(invoice="INV-404")
    assert len(till.world.rows(handoffs)) == 1


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Money.of("10.00", "EUR"), "is in EUR, account A-300 in USD"),
        (money("0.00"), "refund is told as a refund"),
        (money("-5.00"), "refund is told as a refund"),
    ],
)
async def test_what_cannot_be_a_payment_is_refused_in_words(till: Till, amount: Money, words: str) -> None:
    from dataclasses import replace

    wrong = replace(till.payment(), amount=amount)
    for verb in (payments.settled, payments.failed):
        with pytest.raises(Malformed, match=words):
            await till.world.store.run(lambda tx, do=verb: do(tx, till.world.house, "A-300", wrong, till.now))
    assert till.account().payments == LATE.payments


async def test_an_id_on_record_for_somebody_or_something_else_is_refused(till: Till) -> None:
    await till.pays()
    with pytest.raises(Conflict, match="another amount"):
        await till.pays("1.00")
    with pytest.raises(Conflict, match="another author"):
        await till.pays(who=ILSE, invoice="INV-777")
    with pytest.raises(NotFound):
        await till.world.store.run(lambda tx: payments.settled(tx, till.world.house, "A-404", till.payment(), till.now))


class TestWhatHangsOnIt:
    async def test_a_promise_is_kept_and_its_pause_ends(self, till: Till) -> None:
        await till.run(lambda tx: changes.save_promise(tx, "A-300", promise(), at=till.now))
        await till.run(lambda tx: pausing.pause(tx, "A-300", "promise_running", "", till.now, invoices=("INV-300",)))
        done = await till.pays()
        assert done.kept == ("PR-1",)
        assert [p.status for p in till.account().promises] == ["kept"]
        assert all(h["lifted_at"] for h in till.world.rows(holds))

    async def test_several_parts_keep_a_promise_together(self, till: Till) -> None:
        await till.run(lambda tx: changes.save_promise(tx, "A-300", promise(), at=till.now))
        assert (await till.pays("40.00")).kept == ()
        assert (await till.pays("36.25", "P-2")).kept == ("PR-1",)

    async def test_a_dispute_stays_paused_whatever_is_paid(self, till: Till) -> None:
        await till.run(lambda tx: pausing.pause(tx, "A-300", "dispute_open", "", till.now, invoices=("INV-300",)))
        await till.pays("228.75")
        assert [h["lifted_at"] for h in till.world.rows(holds)] == [0]

    async def test_the_scheduled_try_is_cancelled(self, till: Till) -> None:
        assert await till.fails() == date(2026, 3, 12)
        assert till.account().plans[0].next_retry_on == date(2026, 3, 12)
        done = await till.pays("152.50")
        assert done.retry_cancelled == date(2026, 3, 12)
        assert till.account().plans[0].next_retry_on is None
        assert [c["state"] for c in till.charges()] == ["cancelled"]
        assert till.events("retry.cancelled")

    async def test_a_part_payment_leaves_the_try_of_the_rest(self, till: Till) -> None:
        await till.fails()
        await till.pays("10.00")
        assert [c["state"] for c in till.charges()] == ["scheduled"]


class TestWhereItIsConfirmed:
    async def test_without_any_conversation_by_mail_and_the_new_one_waits_for_nothing(self, any_till: Till) -> None:
        await any_till.pays()
        [said] = any_till.heard()
        assert said.channel == "email"
        assert said.to == ContactPoint("email", "viktor@halloran.example")
        assert said.subject == "A receipt from Larkmoor"
        assert any_till.talk().status == "resolved"

    async def test_in_the_open_chat_of_a_signed_in_author_with_card_and_balance(self, till: Till) -> None:
        await till.wrote("chat")
        await till.pays()
        said = till.heard()[-1]
        assert said.channel == "chat"
        assert "Visa ending in 1881" in said.text
        assert "$152.50" in said.text

    async def test_not_in_a_chat_of_yesterday(self, till: Till) -> None:
        await till.wrote("chat")
        till.world.clock.tick(timedelta(days=1).total_seconds())
        await till.pays()
        assert till.heard()[-1].channel == "email"

    async def test_after_an_opt_out_of_texts_by_mail(self, till: Till) -> None:
        from inbox import contacts

        await till.wrote()
        await till.run(lambda tx: contacts.suppress(tx, ContactPoint("phone", LATE.phone), till.now))
        await till.pays()
        assert till.heard()[-1].channel == "email"

    @pytest.mark.parametrize("flag", ["bankruptcy", "attorney_represented", "deceased_reported", "self_harm_cue"])
    async def test_nothing_is_said_where_nothing_about_money_may_be(self, till: Till, flag: str) -> None:
        await till.run(lambda tx: changes.set_flag(tx, "A-300", flag, at=till.now))
        done = await till.pays()
        assert done.new
        assert till.heard() == []
        assert till.events("outbound.suppressed")[0]["reason"] == flag

    async def test_in_the_language_of_the_author(self, till: Till) -> None:
        from dataclasses import replace

        from inbox.accounts import records

        await till.run(lambda tx: records.author(tx, replace(LATE, language="pt"), till.now))
        await till.pays()
        assert "Obrigado" in till.heard()[-1].text
        assert "US$ 76,25" in till.heard()[-1].text


class TestUpdates:
    async def test_pending_became_captured(self, till: Till) -> None:
        from inbox.accounts import booking

        waiting = till.payment(status="pending")
        await till.run(lambda tx: booking.record_payment(tx, "A-300", waiting, at=till.now))
        await till.run(lambda tx: payments.updated(tx, till.world.house, "A-300", "P-1", "succeeded", till.now))
        assert till.account().outstanding == money("152.50")
        assert sum("76.25" in m.text for m in till.heard()) == 1
        await till.run(lambda tx: payments.updated(tx, till.world.house, "A-300", "P-1", "pending", till.now))
        assert [p.status for p in till.account().payments if p.id == "P-1"] == ["succeeded"]

    async def test_a_returned_payment_opens_its_part_again(self, till: Till) -> None:
        await till.pays()
        await till.run(lambda tx: payments.updated(tx, till.world.house, "A-300", "P-1", "failed", till.now, "R02"))
        assert till.account().outstanding == LATE.outstanding
        assert till.events("payment.returned")

    async def test_an_unknown_payment_has_no_new_state(self, till: Till) -> None:
        with pytest.raises(NotFound, match="P-9"):
            await till.world.store.run(
                lambda tx: payments.updated(tx, till.world.house, "A-300", "P-9", "succeeded", till.now)
            )


class TestNewMethod:
    async def test_the_old_try_is_cancelled_and_the_new_one_stated(self, till: Till) -> None:
        await till.wrote()
        await till.fails()
        new = PaymentMethod(id="pm_9", type="card", brand="visa", last4="4305", expires="03/29", default=True)
        await till.run(lambda tx: payments.method_added(tx, till.world.house, "A-300", new, till.now))
        said = till.heard()[-1].text
        assert "$76.25 on March 12, 2026" in said
        assert "4305" not in said  # not proven in this conversation
        old, fresh = till.charges()
        assert (old["state"], old["method_id"]) == ("cancelled", "pm_3")
        assert (fresh["state"], fresh["method_id"], fresh["run_on"]) == ("scheduled", "pm_9", "2026-03-12")
        count = len(till.heard())
        await till.run(lambda tx: payments.method_added(tx, till.world.house, "A-300", new, till.now))
        assert len(till.heard()) == count
        assert len(till.charges()) == 2

    async def test_one_that_is_not_the_default_changes_no_try(self, till: Till) -> None:
        await till.fails()
        count = len(till.heard())
        other = PaymentMethod(id="pm_9", type="card", brand="visa", last4="4305")
        await till.run(lambda tx: payments.method_added(tx, till.world.house, "A-300", other, till.now))
        assert [c["state"] for c in till.charges()] == ["scheduled"]
        assert len(till.heard()) == count


async def test_every_row_that_goes_out_names_the_record_behind_each_figure(till: Till) -> None:
    await till.pays()
    import json

    [part, _] = json.loads(till.world.rows(messages, direction="outbound")[-1]["parts"])
    assert part["sources"]["amount"][0] == "ledger:A-300/P-1"

"""An author pays by hand: never beside an automatic try, and a page that was left stops nothing."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from inbox.accounts import records
from inbox.accounts.base import Invoice, PaymentMethod
from inbox.db.store import Tx
from inbox.errors import Conflict, NotFound
from inbox.money import Money
from inbox.receivables import charges, payments
from inbox.receivables.charges import Charge
from inbox.receivables.payments import Told
from tests.receivables.world import LATE, Bank, Till, by_hand, collect, days, run_due
from tests.world import ILSE, money


class TestByHand:
    async def test_the_scheduled_try_makes_room_and_is_never_made(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        charge = await by_hand(till)
        assert await run_due(till) == []
        await till.pays(told=Told(charge_id=charge.id))
        assert [c["state"] for c in till.charges()] == ["cancelled", "succeeded"]

    async def test_while_a_try_is_under_way_nobody_pays_by_hand(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)
        with pytest.raises(Conflict, match="being made right now"):
            await by_hand(till)

    async def test_hand_and_machine_race_twenty_times_and_one_wins(self, any_till: Till) -> None:
        for n in range(20):
            await any_till.fails(key=f"P-F{n}", method=f"visa ••{1000 + n}")
            days(any_till, 1)
            hand, machine = await asyncio.gather(by_hand(any_till), run_due(any_till), return_exceptions=True)
            begun = [x for x in machine if isinstance(x, Charge)] if isinstance(machine, list) else []
            assert isinstance(hand, Charge) != bool(begun), (hand, machine)
            live = [c for c in any_till.charges() if c["state"] == "running"]
            assert len(live) == 1
            charge = hand if isinstance(hand, Charge) else begun[0]
            await any_till.fails(key=f"P-G{n}", code="expired_card", told=Told(charge_id=charge.id, by_author=True))
            any_till.world.clock.tick(60)

    async def test_a_payment_by_hand_that_fails_gives_the_planned_day_back(self, till: Till) -> None:
        planned = await till.fails()
        charge = await by_hand(till)
        await till.fails("incorrect_cvc", "P-H", told=Told(charge_id=charge.id), method="visa ••4242")
        [again] = [c for c in till.charges() if c["state"] == "scheduled"]
        assert again["run_on"] == planned.isoformat() if planned else False
        assert again["method_id"] == "pm_3"
        assert sum("declined" in m.text for m in till.heard()) == 1  # they saw it on the page

    async def test_a_page_left_open_does_not_keep_the_invoice(self, till: Till) -> None:
        await by_hand(till)
        with pytest.raises(Conflict):
            await by_hand(till)
        till.world.clock.tick(31 * 60)
        assert (await by_hand(till)).state == "running"

    async def test_a_page_that_was_left_gives_the_planned_try_back(self, any_till: Till) -> None:
        await any_till.fails()
        await by_hand(any_till)
        days(any_till, 1)
        [begun] = await run_due(any_till)
        assert isinstance(begun, Charge)
        assert (begun.kind, begun.method_id, begun.try_number) == ("retry", "pm_3", 2)
        bank = Bank()
        await collect(any_till, bank)
        assert [r.amount for r in bank.asked] == [money("76.25")]
        assert any_till.account().outstanding == money("152.50")

    async def test_a_page_that_was_left_keeps_no_instalment_from_its_day(self, till: Till) -> None:
        await till.pays()
        await by_hand(till)
        days(till, 9)  # March 20
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        assert begun.kind == "autopay"

    async def test_what_was_paid_another_way_is_not_tried_after_a_page_was_left(self, till: Till) -> None:
        await till.fails()
        await by_hand(till)
        await till.pays()  # by cheque, say: it names no charge of ours
        days(till, 1)
        assert await run_due(till) == []
        assert till.account().plans[0].next_retry_on is None
        assert [c["state"] for c in till.charges()] == ["cancelled", "running"]
        days(till, 8)  # March 20
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        assert begun.kind == "autopay"

    @pytest.mark.parametrize("left", [True, False])
    async def test_a_new_method_given_on_the_page_is_tried_when_the_page_is_left(self, till: Till, left: bool) -> None:
        await till.fails()
        await by_hand(till)
        if left:
            till.world.clock.tick(31 * 60)
        new = PaymentMethod(id="pm_9", type="card", brand="visa", last4="4305", expires="03/29", default=True)
        await till.run(lambda tx: payments.method_added(tx, till.world.house, "A-300", new, till.now))
        days(till, 1)
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        assert (begun.method_id, begun.try_number) == ("pm_9", 1)

    async def test_a_decline_after_a_page_was_left_plans_the_next_try(self, till: Till) -> None:
        await by_hand(till)
        till.world.clock.tick(31 * 60)
        assert await till.fails() == date(2026, 3, 12)
        assert [c["state"] for c in till.charges()] == ["cancelled", "scheduled"]

    async def test_a_long_answer_of_the_bank_is_no_page_that_was_left(self, till: Till) -> None:
        """It may still take the money: paid by hand meanwhile, it would be taken twice."""
        await till.fails()
        days(till, 1)
        await run_due(till)
        till.world.clock.tick(31 * 60)
        with pytest.raises(Conflict, match="being made right now"):
            await by_hand(till)
        assert [c["state"] for c in till.charges()] == ["running"]

    @pytest.mark.parametrize("amount", ["0.00", "-1.00", "228.76"])
    async def test_an_amount_that_cannot_be_is_refused(self, till: Till, amount: str) -> None:
        with pytest.raises(Conflict, match=r"228\.75"):
            await by_hand(till, amount)

    async def test_another_currency_or_another_authors_invoice_is_refused(self, till: Till) -> None:
        for amount, invoice, error in ((Money.of("5", "EUR"), "INV-300", Conflict), (money("5"), "INV-777", NotFound)):
            with pytest.raises(error):
                await till.world.store.run(
                    lambda tx, a=amount, i=invoice: charges.begin_manual(tx, LATE.ref, i, a, till.now)
                )

    async def test_the_outcome_of_another_authors_charge_is_refused(self, till: Till) -> None:
        charge = await by_hand(till)
        with pytest.raises(Conflict, match="another author"):
            await till.pays("777.70", who=ILSE, invoice="INV-777", told=Told(charge_id=charge.id))


class TestNoInvoiceIsTold:
    """The provider answers our own request and names only that: it is for its invoice, whatever else fits the amount."""

    OTHER = Invoice(
        id="INV-301", description="Cover", issued_on=date(2026, 1, 2), due_on=date(2026, 3, 1), total=money("50.00"),
        paid=money("0"), balance=money("50.00"), status="open",
    )  # fmt: skip

    def _also(self, tx: Tx) -> None:
        records.invoice(tx, LATE.ref.id, self.OTHER)

    async def begun(self, till: Till) -> Told:
        await till.run(self._also)
        return Told(charge_id=(await by_hand(till, "50.00")).id)

    async def test_captured(self, till: Till) -> None:
        told = await self.begun(till)
        done = await till.pays("50.00", invoice="", told=told)
        assert (done.new, done.invoice_id) == (True, "INV-300")
        assert [c["state"] for c in till.charges()] == ["succeeded"]
        assert not (await till.pays("50.00", invoice="", told=told)).new

    async def test_declined(self, till: Till) -> None:
        told = await self.begun(till)
        await till.fails(amount="50.00", invoice="", told=told)
        assert [p.invoice_id for p in till.account().payments if p.status == "failed"] == ["INV-300"]
        assert [c["state"] for c in till.charges()] == ["failed"]

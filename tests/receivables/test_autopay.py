"""What is charged by itself on a day, and what is not: money on its way, arrangements, parts whose tries have ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inbox.accounts import changes
from inbox.accounts.base import ChargeResult, PaymentMethod
from inbox.db.tables import holds
from inbox.receivables import arrangements, dunning, notices, payments, reminders
from inbox.receivables import holds as pausing
from inbox.receivables.autopay import HeldBack
from inbox.receivables.reminders import NotNow, Reminder
from tests.receivables.world import LATE, Bank, Till, collect, days, promise, run_due
from tests.world import money

DENVER = ZoneInfo("America/Denver")


def move(till: Till, month: int, day: int, hour: int = 7) -> None:
    till.world.clock.move(datetime(2026, month, day, hour, tzinfo=DENVER))


async def charged(till: Till) -> list[str]:
    """The amounts that the bank is asked for today."""
    await run_due(till)
    bank = Bank()
    await collect(till, bank)
    return [str(r.amount) for r in bank.asked]


class TestOnItsWay:
    """Money that was begun and is not decided is neither taken nor asked for again."""

    async def begun(self, till: Till, amount: str = "76.25") -> None:
        on_its_way = till.payment(amount, "P-W", status="pending")
        await till.run(lambda tx: payments.pending(tx, till.world.house, "A-300", on_its_way, till.now))

    async def test_it_is_not_taken_again_and_the_try_waits(self, any_till: Till) -> None:
        await any_till.fails()
        await self.begun(any_till)
        days(any_till, 1)
        [held] = await run_due(any_till)
        assert isinstance(held, HeldBack)
        assert held.denied.reason == "payment_pending"
        assert [c["state"] for c in any_till.charges()] == ["scheduled"]
        assert any_till.events("autopay.suspended") == []
        await any_till.run(
            lambda tx: payments.updated(tx, any_till.world.house, "A-300", "P-W", "succeeded", any_till.now)
        )
        assert await charged(any_till) == []
        assert any_till.account().outstanding == money("152.50")

    async def test_it_came_to_nothing_and_is_tried_on(self, till: Till) -> None:
        await till.fails()
        await self.begun(till)
        days(till, 1)
        await run_due(till)
        await till.run(
            lambda tx: payments.updated(tx, till.world.house, "A-300", "P-W", "failed", till.now, "do_not_honor")
        )
        days(till, 3)
        assert await charged(till) == ["76.25"]

    async def test_nobody_is_reminded_of_it(self, till: Till) -> None:
        await self.begun(till)
        move(till, 2, 27, 11)  # seven days after
        await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert till.heard() == []
        past_due = Reminder(kind="past_due_reminder")
        found = await till.run(lambda tx: reminders.send(tx, till.world.house, LATE.ref, past_due, till.now))
        assert isinstance(found, NotNow)
        assert found.denied.reason == "payment_pending"

    async def test_while_a_part_is_on_its_way_nothing_is_charged_and_then_the_rest(self, till: Till) -> None:
        await till.fails()
        await self.begun(till, "70.00")
        days(till, 1)
        assert await charged(till) == []
        paid = till.payment("70.00", "P-W")
        await till.run(lambda tx: payments.settled(tx, till.world.house, "A-300", paid, till.now, None))
        days(till, 2)
        assert await charged(till) == ["6.25"]

    async def test_an_answer_of_the_bank_that_stays_out_is_on_its_way_too(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="pending", method="visa ••1881")))
        assert [p.status for p in till.account().payments if p.id == "P-2"] == ["pending"]
        past_due = Reminder(kind="past_due_reminder")
        found = await till.run(lambda tx: reminders.send(tx, till.world.house, LATE.ref, past_due, till.now))
        assert found.denied.reason == "payment_pending"
        till.world.clock.tick(601)
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="succeeded", method="visa ••1881")))
        assert till.account().outstanding == money("152.50")
        assert [c["state"] for c in till.charges()] == ["succeeded"]


class TestWhatIsOpenNow:
    async def test_a_part_payment_lowers_what_the_try_takes(self, till: Till) -> None:
        await till.fails()
        await till.pays("10.00")
        days(till, 1)
        assert await charged(till) == ["66.25"]
        assert till.account().outstanding == money("152.50")


class TestArranged:
    """What was past due is paid in parts that the author agreed to."""

    async def split(self, till: Till, *on: date) -> None:
        parts = [{"due": d.isoformat(), "amount": a} for d, a in zip(on, ("38.13", "38.12"), strict=True)]
        agreed: dict[str, Any] = {"kind": "split", "invoice": "INV-300", "parts": parts, "total": "76.25"}
        await till.run(lambda tx: arrangements.split(tx, till.account(), agreed, "C-1", till.now))

    async def test_the_planned_try_of_the_whole_is_not_made_and_each_part_is_on_its_day(self, any_till: Till) -> None:
        assert await any_till.fails() == date(2026, 3, 12)
        await self.split(any_till, date(2026, 3, 18), date(2026, 4, 18))
        assert [c["state"] for c in any_till.charges()] == ["cancelled"]
        for day in range(12, 18):
            move(any_till, 3, day)
            assert await charged(any_till) == []
        assert any_till.events("autopay.suspended") == []
        move(any_till, 3, 18, 6)
        assert await charged(any_till) == ["38.13"]
        move(any_till, 3, 20, 6)
        assert await charged(any_till) == ["76.25"]
        move(any_till, 4, 18, 6)
        assert await charged(any_till) == ["38.12"]

    async def test_the_parts_that_did_not_change_are_charged_while_reminders_rest(self, till: Till) -> None:
        await self.split(till, date(2026, 3, 25), date(2026, 4, 25))
        move(till, 3, 20, 6)
        assert await charged(till) == ["76.25"]
        assert till.events("charge.suppressed") == []

    async def test_two_parts_of_one_day_are_two_charges(self, till: Till) -> None:
        await self.split(till, date(2026, 3, 20), date(2026, 4, 20))
        move(till, 3, 20, 6)
        assert await charged(till) == ["76.25"]
        move(till, 3, 21, 6)
        assert await charged(till) == ["38.13"]

    async def test_no_reminder_goes_out_before_the_first_of_the_dates(self, till: Till) -> None:
        no_card = replace(LATE.payment_methods[0], status="removed", default=False)
        await till.run(lambda tx: changes.add_payment_method(tx, "A-300", no_card, at=till.now))
        await self.split(till, date(2026, 3, 18), date(2026, 4, 18))
        for day in range(11, 18):
            move(till, 3, day, 11)
            await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert till.heard() == []
        assert [e["reason"] for e in till.events("outbound.suppressed")] == ["promise_running"] * 2
        until = till.world.rows(holds)[0]["until"]
        assert until == int(datetime(2026, 3, 18, tzinfo=DENVER).timestamp() * 1_000_000)

    async def test_what_a_person_paused_stays_paused(self, till: Till) -> None:
        await till.run(
            lambda tx: pausing.pause(tx, "A-300", "promise_running", "C-1", till.now, invoices=("INV-300",), case=7)
        )
        await self.split(till, date(2026, 3, 18), date(2026, 4, 18))
        move(till, 3, 18, 6)
        assert await charged(till) == []

    async def test_a_promise_made_after_it_stops_the_charge_as_ever(self, till: Till) -> None:
        await self.split(till, date(2026, 3, 18), date(2026, 4, 18))
        await till.run(lambda tx: changes.save_promise(tx, "A-300", promise(on=date(2026, 3, 19)), at=till.now))
        move(till, 3, 18, 6)
        assert await charged(till) == []


class TestAfterTheTries:
    """A part whose tries have ended is left to the author; the later ones go on."""

    async def exhausted(self, till: Till) -> None:
        assert await till.fails("lost_card") is None

    async def test_the_next_instalment_is_charged_on_its_day_once(self, any_till: Till) -> None:
        await self.exhausted(any_till)
        move(any_till, 3, 19)
        assert await charged(any_till) == []
        move(any_till, 3, 20)
        assert await charged(any_till) == ["76.25"]
        # The oldest part is paid first; the one of today is the author's to pay then, and is not taken the day after.
        assert [i.status for i in any_till.account().plans[0].instalments] == ["paid", "paid", "scheduled", "scheduled"]
        for day in (21, 22):
            move(any_till, 3, day)
            assert await charged(any_till) == []
        move(any_till, 4, 20)
        assert await charged(any_till) == ["76.25"]
        assert any_till.account().outstanding == money("76.25")

    async def test_one_that_is_declined_too_is_not_tried_every_day(self, till: Till) -> None:
        await self.exhausted(till)
        move(till, 3, 20)
        await run_due(till)
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="failed", decline_code="lost_card")))
        move(till, 3, 21)
        assert await charged(till) == []

    async def test_a_charge_that_was_given_up_was_not_made(self, till: Till) -> None:
        from inbox.errors import Permanent

        await till.pays()
        move(till, 3, 20)
        await run_due(till)
        await collect(till, Bank(Permanent("401 wrong key")))
        await till.run(lambda tx: pausing.lift(tx, "A-300", "INV-300", "charge_unclear", till.now))
        move(till, 3, 21)
        assert await charged(till) == ["76.25"]


class TestAnnounced:
    """What a new method is told to be charged next comes; what is held back is not announced."""

    def announced(self, till: Till) -> tuple[str, date] | None:
        account = till.account()
        found = till.world.store.read_now(lambda tx: notices.next_charge(tx, till.world.house, account, till.now))
        return (str(found[0]), found[1]) if found else None

    async def test_the_try_that_is_planned_with_what_is_open_of_it(self, till: Till) -> None:
        await till.fails()
        await till.pays("10.00")
        assert self.announced(till) == ("66.25", date(2026, 3, 12))

    async def test_the_instalment_after_a_part_whose_tries_have_ended(self, till: Till) -> None:
        await till.fails("lost_card")
        assert self.announced(till) == ("76.25", date(2026, 3, 20))

    async def test_not_before_the_try_that_goes_first(self, till: Till) -> None:
        move(till, 3, 19)
        for n in range(2):
            planned = await till.fails(key=f"P-F{n}")
        assert planned == date(2026, 3, 22)
        assert self.announced(till) == ("76.25", date(2026, 3, 22))

    async def test_not_what_was_charged_today(self, till: Till) -> None:
        await till.fails("lost_card")
        move(till, 3, 20)
        assert await charged(till) == ["76.25"]
        assert self.announced(till) == ("76.25", date(2026, 4, 20))

    @pytest.mark.parametrize(
        ("until", "on"), [(date(2026, 3, 19), date(2026, 3, 20)), (date(2026, 3, 20), date(2026, 4, 20))]
    )
    async def test_not_what_a_promise_holds_back(self, till: Till, until: date, on: date) -> None:
        await till.run(lambda tx: changes.save_promise(tx, "A-300", promise(on=until), at=till.now))
        assert self.announced(till) == ("76.25", on)

    async def test_nothing_while_everything_is_stopped_or_there_is_no_method(self, till: Till) -> None:
        await till.run(lambda tx: changes.set_flag(tx, "A-300", "bankruptcy", at=till.now))
        assert self.announced(till) is None
        await till.run(lambda tx: changes.set_flag(tx, "A-300", "bankruptcy", on=False, at=till.now))
        assert self.announced(till) is not None
        gone = PaymentMethod(id="pm_3", type="card", brand="visa", last4="1881", status="removed")
        await till.run(lambda tx: changes.add_payment_method(tx, "A-300", gone, at=till.now))
        assert self.announced(till) is None

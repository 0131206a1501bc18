"""Reminders, promises and the calendar: sent once or refused with one reason, and everything by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inbox import schedule
from inbox.accounts import changes, records
from inbox.accounts.base import Account
from inbox.db.tables import handoffs, holds, jobs
from inbox.receivables import autopay, dunning, promises, reminders, timers
from inbox.receivables import holds as pausing
from inbox.receivables.reminders import NotNow, Ready, Reminder
from inbox.replies import Said
from tests.receivables.world import LATE, Till, promise

DENVER = ZoneInfo("America/Denver")
PAST_DUE = Reminder(kind="past_due_reminder")


async def remind(till: Till, reminder: Reminder = PAST_DUE) -> Any:
    return await till.run(lambda tx: reminders.send(tx, till.world.house, LATE.ref, reminder, till.now))


def move(till: Till, day: int, hour: int, month: int = 3) -> None:
    till.world.clock.move(datetime(2026, month, day, hour, tzinfo=DENVER))


@pytest.fixture(autouse=True)
def forenoon(till: Till) -> None:
    move(till, 11, 11)


async def ticks(till: Till) -> None:
    """Everything whose time has come."""
    while await till.world.worker.schedule_one():
        pass
    await till.world.settle()


async def promised(till: Till, **more: Any) -> None:
    def unit(tx: Any) -> None:
        made = promise(**more)
        changes.save_promise(tx, "A-300", made, at=till.now)
        pausing.pause(tx, "A-300", "promise_running", "", till.now, invoices=("INV-300",))

    await till.run(unit)


class TestReminders:
    async def test_it_names_company_amount_date_link_and_the_way_out(self, till: Till) -> None:
        assert isinstance(await remind(till), Said)
        [said] = till.heard()
        assert said.text.startswith("Larkmoor: $76.25 was due on February 20, 2026")
        assert "/l/" in said.text
        assert said.text.endswith("Reply STOP to opt out.")
        assert till.account().contact_log[-1].channel == "sms"

    async def test_ten_at_once_are_one_message(self, till: Till) -> None:
        done = await asyncio.gather(*(remind(till) for _ in range(10)))
        assert sum(isinstance(d, Said) for d in done) == 1
        assert {d.denied.reason for d in done if isinstance(d, NotNow)} == {"frequency_limit"}
        assert len(till.heard()) == 1

    async def test_a_dry_run_says_what_the_real_run_does_and_leaves_nothing(self, till: Till) -> None:
        store, house = till.world.store, till.world.house
        found = store.read_now(lambda tx: reminders.ready(tx, house, LATE.ref, PAST_DUE, till.now))
        assert isinstance(found, Ready)
        assert till.account() == replace(LATE, as_of=till.account().as_of)
        assert isinstance(await remind(till), Said)
        again = store.read_now(lambda tx: reminders.ready(tx, house, LATE.ref, PAST_DUE, till.now))
        assert isinstance(again, NotNow)
        assert again.denied.reason == (await remind(till)).denied.reason

    async def test_what_is_stopped_is_passed_over_for_what_is_not(self, till: Till) -> None:
        other = replace(LATE.invoices[0], id="INV-301", due_on=date(2026, 3, 1), total=LATE.plans[0].instalments[0].amount,
                        paid=LATE.outstanding - LATE.outstanding, balance=LATE.plans[0].instalments[0].amount)  # fmt: skip
        await till.run(lambda tx: records.invoice(tx, "A-300", other))
        await till.run(lambda tx: records.touch(tx, "A-300", till.now))
        await till.run(lambda tx: pausing.pause(tx, "A-300", "dispute_open", "", till.now, invoices=("INV-300",)))
        assert isinstance(await remind(till), Said)
        assert "March 1, 2026" in till.heard()[-1].text
        refused = await remind(till, replace(PAST_DUE, invoice_id="INV-300"))
        assert refused.denied.reason == "dispute_open"

    async def test_nothing_due_is_no_reason_to_write(self, till: Till) -> None:
        await till.pays("228.75")
        count = len(till.heard())
        assert (await remind(till)).denied.reason == "nothing_due"
        assert len(till.heard()) == count

    async def test_a_call_is_a_persons(self, till: Till) -> None:
        found = await remind(till, Reminder(kind="past_due_call", channel="call"))
        assert isinstance(found, NotNow)

    async def test_without_approved_words_nothing_goes_out_and_that_is_on_record(self, till: Till) -> None:
        from sqlalchemy import update

        from inbox.db.store import Sql
        from inbox.db.tables import template_versions as v

        await till.run(
            lambda tx: tx.run(Sql(update(v).values(status="suspended").where(v.c.answer == "reminder_past_due")))
        )
        await remind(till)
        assert till.heard() == []
        assert till.account().contact_log == ()
        assert till.events("outbound.suppressed")[0]["reason"] == "template_not_approved"


class TestOptedOut:
    """Who wants no reminders gets none, and the calendar does not ask about it again and again."""

    @pytest.fixture(autouse=True)
    async def opted_out(self, till: Till) -> None:
        from inbox import contacts

        await till.wrote("email")
        for point in LATE.points():
            await till.run(lambda tx, p=point: contacts.suppress(tx, p, till.now))

    async def few_ticks(self, till: Till) -> int:
        for n in range(10):
            if not await till.world.worker.schedule_one():
                return n
        raise AssertionError("each job queues the next at once")

    async def test_a_step_of_the_plan_is_one_refusal(self, till: Till) -> None:
        move(till, 27, 11, month=2)  # seven days after
        count = len(till.heard())
        await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert await self.few_ticks(till) == 0
        assert [e["reason"] for e in till.events("outbound.suppressed")] == ["contact_preference"]
        assert len(till.heard()) == count

    async def test_a_reminder_by_mail_that_waited_is_refused_once(self, till: Till) -> None:
        by_mail = replace(PAST_DUE, channel="email", invoice_id="INV-300")
        await till.run(lambda tx: reminders.later(tx, LATE.ref, by_mail, till.now, till.now))
        assert await self.few_ticks(till) == 1
        assert len(till.events("outbound.suppressed")) == 1
        assert not till.world.rows(jobs, kind="reminder")


class TestPromises:
    async def check(self, till: Till, key: str = "PR-1") -> str:
        found: str = await till.run(lambda tx: promises.check(tx, till.world.house, LATE.ref, key, till.now))
        return found

    async def test_a_first_broken_one_gets_one_friendly_message(self, till: Till) -> None:
        await promised(till)
        assert await self.check(till) == "too_early"
        move(till, 13, 17)
        assert await self.check(till) == "broken"
        [said] = till.heard()
        assert "we have not seen the $76.25 planned for March 12, 2026 yet" in said.text
        assert await self.check(till) == "broken"
        assert len(till.heard()) == 1
        assert till.world.rows(handoffs) == []

    async def test_the_second_in_ninety_days_is_a_persons_and_nothing_is_sent(self, till: Till) -> None:
        await promised(till, key="PR-0", on=date(2026, 2, 26), status="broken", made_on=date(2026, 2, 20))
        await promised(till)
        move(till, 13, 17)
        assert await self.check(till) == "broken_twice"
        assert till.heard() == []
        [case] = till.world.rows(handoffs)
        assert case["reason"] == "promise_broken_twice"
        assert till.events("outbound.suppressed")[0]["reason"] == "two_broken_promises_agent_only"
        assert (await remind(till)).denied.reason == "two_broken_promises_agent_only"

    async def test_a_friday_is_checked_on_monday(self, till: Till) -> None:
        await promised(till, on=date(2026, 3, 13))
        move(till, 15, 12)
        assert await self.check(till) == "too_early"
        move(till, 16, 12)
        assert await self.check(till) == "broken"

    async def test_out_of_hours_the_message_waits(self, till: Till) -> None:
        await promised(till)
        move(till, 13, 22)
        assert await self.check(till) == "broken"
        assert till.heard() == []
        move(till, 14, 9)
        await ticks(till)
        assert "planned for March 12, 2026" in till.heard()[-1].text

    async def test_a_kept_one_is_left_alone(self, till: Till) -> None:
        await promised(till)
        await till.pays()
        count = len(till.heard())
        move(till, 13, 17)
        assert await self.check(till) == "kept"
        assert len(till.heard()) == count
        assert till.events("outbound.suppressed")[0]["reason"] == "promise_kept"

    async def test_a_debt_settled_another_way_breaks_no_promise(self, till: Till) -> None:
        from inbox.accounts import booking

        await promised(till)
        await till.run(lambda tx: booking.void_invoice(tx, "A-300", "INV-300", at=till.now))
        move(till, 13, 17)
        assert await self.check(till) == "kept"


class TestCorrected:
    """ "Friday", then "sorry, Monday": one promise, for Monday."""

    FRIDAY, MONDAY = date(2026, 3, 13), date(2026, 3, 16)

    async def says(self, till: Till, text: str, on: date, **more: Any) -> None:
        await till.world.says(till.world.reader.teach(text, "promise_to_pay", dates=(on,), **more), by=LATE)

    async def corrected(self, till: Till) -> None:
        await self.says(till, "I pay on Friday", self.FRIDAY)
        await self.says(till, "sorry, Monday", self.MONDAY)

    def states(self, till: Till) -> list[str]:
        return [p.status for p in sorted(till.account().promises, key=lambda p: p.on)]

    async def test_the_later_word_takes_the_place_of_the_first(self, till: Till) -> None:
        await self.corrected(till)
        first, second = sorted(till.account().promises, key=lambda p: p.on)
        assert [(first.on, first.status), (second.on, second.status)] == [
            (self.FRIDAY, "replaced"),
            (self.MONDAY, "open"),
        ]
        [replaced] = till.events("promise.replaced")
        assert (replaced["promise"], replaced["by"]) == (first.id, second.id)
        [running] = [h for h in till.world.rows(holds) if not h["lifted_at"]]
        assert running["until"] == int(datetime(2026, 3, 17, tzinfo=DENVER).timestamp() * 1_000_000)

    async def test_the_check_of_the_first_does_nothing_and_the_second_is_checked(self, till: Till) -> None:
        await self.corrected(till)
        count = len(till.heard())
        move(till, 16, 17)
        await ticks(till)
        assert self.states(till) == ["replaced", "open"]
        assert len(till.heard()) == count
        assert till.events("outbound.suppressed") == []
        move(till, 17, 17)
        await ticks(till)
        assert self.states(till) == ["replaced", "broken"]
        assert till.world.rows(handoffs) == []  # one broken promise, not two

    async def test_the_reminder_that_was_asked_for_moves_along(self, till: Till) -> None:
        await self.says(till, "I pay on Friday", self.FRIDAY)
        asked = till.world.reader.teach("remind me please", "promise_to_pay", wishes=("remind",))
        await till.world.says(asked, by=LATE)
        await self.says(till, "sorry, Wednesday", date(2026, 3, 18))
        count = len(till.heard())
        move(till, 13, 11)
        await ticks(till)
        assert len(till.heard()) == count
        move(till, 17, 11)
        await ticks(till)
        assert [m.text for m in till.heard()[count:] if "March 18, 2026" in m.text]
        assert len(till.heard()) == count + 1

    async def test_a_promise_of_what_is_then_paid_in_parts_is_not_broken(self, till: Till) -> None:
        from inbox.receivables import arrangements

        await self.says(till, "I pay on Friday", self.FRIDAY)
        parts = [{"due": "2026-03-18", "amount": "38.13"}, {"due": "2026-04-18", "amount": "38.12"}]
        agreed = {"kind": "split", "invoice": "INV-300", "parts": parts, "total": "76.25"}
        await till.run(lambda tx: arrangements.split(tx, till.account(), agreed, "C-1", till.now))
        move(till, 17, 17)
        await ticks(till)
        assert [p.status for p in till.account().promises] == ["replaced"]
        [running] = [h for h in till.world.rows(holds) if not h["lifted_at"]]
        assert running["until"] == int(datetime(2026, 3, 18, tzinfo=DENVER).timestamp() * 1_000_000)

    async def test_what_a_person_paused_stays_paused(self, till: Till) -> None:
        await till.run(
            lambda tx: pausing.pause(tx, "A-300", "promise_running", "C-1", till.now, invoices=("INV-300",), case=7)
        )
        await self.corrected(till)
        assert [h["lifted_at"] for h in till.world.rows(holds)] == [0]


class TestByItself:
    async def test_a_promise_is_checked_without_anybody_asking(self, till: Till) -> None:
        await promised(till)
        account = till.account()
        await till.run(lambda tx: timers.check_promise(tx, till.world.house, account, account.promises[0], till.now))
        move(till, 13, 16)
        await ticks(till)
        assert till.account().promises[0].status == "open"
        move(till, 13, 17)
        await ticks(till)
        assert till.account().promises[0].status == "broken"

    async def test_the_reminder_that_was_asked_for_comes_the_day_before_once(self, till: Till) -> None:
        await promised(till, on=date(2026, 3, 20))
        account = till.account()
        for _ in range(2):
            day = await till.run(
                lambda tx: timers.remind_of_promise(tx, till.world.house, account, account.promises[0], till.now)
            )
            assert day == date(2026, 3, 19)
        assert len(till.events("outbound.scheduled")) == 1
        move(till, 19, 10)
        await ticks(till)
        [said] = till.heard()
        assert "a reminder of the $76.25 you plan to pay on March 20, 2026" in said.text

    async def test_a_stored_promise_brings_its_check_along(self, till: Till) -> None:
        text = till.world.reader.teach("I pay on the 16th", "promise_to_pay", dates=(date(2026, 3, 16),))
        await till.world.says(text, by=LATE)
        [job] = till.world.rows(jobs, kind="promise_check")
        assert job["lane"] == reminders.LANE

    async def sweep(self, till: Till) -> None:
        await till.run(lambda tx: schedule.start(tx, till.now))
        await till.run(lambda tx: schedule.start(tx, till.now))
        assert len(till.world.rows(jobs, kind="sweep")) == 1

    async def test_a_day_charges_in_the_morning_and_reminds_in_the_forenoon(self, till: Till) -> None:
        move(till, 5, 19)
        await self.sweep(till)
        move(till, 5, 21)
        await ticks(till)
        move(till, 6, 9)  # 14 days after the part was due
        await ticks(till)
        assert till.heard() == []
        move(till, 6, 10)
        await ticks(till)
        assert [m.text for m in till.heard() if "76.25 was due" in m.text]
        assert len(till.world.rows(jobs, kind="sweep")) == 1  # tomorrow's
        await ticks(till)
        assert len(till.heard()) == len({m.id for m in till.heard()})

    @pytest.mark.parametrize(("days", "wrote"), [(2, 0), (3, 1), (4, 0), (7, 1), (14, 1), (15, 0), (30, 0)])
    async def test_the_steps_are_3_7_and_14_days_after(self, till: Till, days: int, wrote: int) -> None:
        till.world.clock.move(datetime(2026, 2, 20, 11, tzinfo=DENVER) + timedelta(days=days))
        await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert len(till.heard()) == wrote

    async def test_after_21_days_a_person_looks(self, till: Till) -> None:
        till.world.clock.move(datetime(2026, 2, 20, 11, tzinfo=DENVER) + timedelta(days=21))
        await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert [c["reason"] for c in till.world.rows(handoffs)] == ["past_due_review"]
        assert till.heard() == []

    @pytest.mark.parametrize("by_card", [True, False])
    async def test_what_is_charged_by_itself_needs_no_note_before(self, till: Till, by_card: bool) -> None:
        await till.pays()
        count = len(till.heard())
        if not by_card:
            method = replace(LATE.payment_methods[0], status="removed", default=False)
            await till.run(lambda tx: changes.add_payment_method(tx, "A-300", method, at=till.now))
        move(till, 17, 11)  # three days before March 20
        await till.run(lambda tx: dunning.day(tx, till.world.house, LATE.ref, till.now))
        assert len(till.heard()) - count == (0 if by_card else 1)
        if not by_card:
            assert "a friendly note that $76.25 is due on Friday, March 20, 2026" in till.heard()[-1].text

    async def test_an_author_who_is_gone_stops_nobody(self, till: Till) -> None:
        from inbox import jobs as queue

        await till.run(lambda tx: queue.enqueue(tx, reminders.LANE, "step", "step:A-404", till.now, account="A-404"))
        await ticks(till)
        assert till.world.rows(jobs) == []

    async def test_a_sweep_goes_over_pages(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schedule, "PAGE", 1)
        move(till, 10, 20)
        await self.sweep(till)
        move(till, 10, 23)
        await ticks(till)
        waiting = {j["lock"] for j in till.world.rows(jobs)}
        assert {"step:A-100", "step:A-200", "step:A-300", "charge_due:A-300"} <= waiting

    async def test_an_imported_plan_is_tried_on_the_day_it_says(self, till: Till) -> None:
        def known(account: Account) -> Account:
            return replace(account, plans=(replace(account.plans[0], next_retry_on=date(2026, 3, 12)),))

        await till.run(lambda tx: records.plan(tx, "A-300", known(LATE).plans[0]))
        await till.run(lambda tx: records.touch(tx, "A-300", till.now))
        assert await till.run(lambda tx: autopay.run(tx, till.world.house, LATE.ref, till.now)) == []
        move(till, 12, 6)
        assert len(await till.run(lambda tx: autopay.run(tx, till.world.house, LATE.ref, till.now))) == 1

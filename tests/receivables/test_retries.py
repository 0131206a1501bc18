"""Declined charges: which are tried again, when, never two at once; what the author hears, and what not."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from inbox.accounts import changes
from inbox.accounts.base import ChargeResult
from inbox.db.tables import links
from inbox.errors import Transient
from inbox.receivables import payments
from inbox.receivables.autopay import HeldBack
from inbox.receivables.charges import Charge
from inbox.receivables.payments import Told
from tests.receivables.world import LATE, Bank, Till, collect, days, promise, run_due
from tests.world import money


class TestTheNextTry:
    async def test_its_day_is_stated_and_stands_in_the_plan(self, till: Till) -> None:
        await till.wrote()
        assert await till.fails("insufficient_funds") == date(2026, 3, 12)
        said = till.heard()[-1].text
        assert "your bank declined $76.25 on March 11, 2026" in said
        assert "We try again on March 12, 2026" in said
        assert "STOP" in said
        for word in ("insufficient", "funds", "stolen", "fraud", "balance was too low"):
            assert word not in said.lower()
        assert till.account().plans[0].next_retry_on == date(2026, 3, 12)

    async def test_days_0_1_3_5_8_12_then_no_more(self, till: Till) -> None:
        first, planned = till.now.date(), []
        for n in range(6):
            on = await till.fails("do_not_honor", f"P-F{n}")
            planned.append((on - first).days if on else None)
            if on:
                till.world.clock.move(till.now + (on - till.now.date()))
        assert planned == [1, 3, 5, 8, 12, None]
        assert till.events("retry.stopped")[0]["tries"] == 6
        assert till.account().plans[0].next_retry_on is None
        # The first failure and the end of the tries are told; one message a try would be pressing.
        assert len(till.heard()) == 2
        assert "We try again" not in till.heard()[-1].text

    @pytest.mark.parametrize("code", ["stolen_card", "expired_card", "R02", "a_code_of_tomorrow"])
    async def test_a_hard_or_unknown_decline_is_never_tried_again(self, till: Till, code: str) -> None:
        await till.wrote()
        assert await till.fails(code) is None
        assert till.charges() == []
        days(till, 1)
        assert await run_due(till) == []
        said = till.heard()[-1].text
        assert "We try again" not in said
        assert "stolen" not in said
        assert till.world.rows(links)[-1]["kind"] == "update_method"

    async def test_a_hard_one_after_a_soft_one_ends_the_tries(self, till: Till) -> None:
        await till.fails("do_not_honor")
        assert await till.fails("lost_card", "P-F2") is None
        assert [c["state"] for c in till.charges()] == ["cancelled"]
        assert till.account().plans[0].next_retry_on is None

    async def test_told_again_it_is_one_failure(self, till: Till) -> None:
        await till.fails()
        assert await till.fails() is None
        assert [c["state"] for c in till.charges()] == ["scheduled"]
        assert len(till.heard()) == 1

    async def test_a_failure_told_after_the_capture_changes_nothing(self, till: Till) -> None:
        await till.pays(key="P-1")
        await till.fails(key="P-1")
        assert till.account().outstanding == money("152.50")

    async def test_news_that_come_late_never_plan_a_day_that_has_passed(self, till: Till) -> None:
        from dataclasses import replace

        old = replace(till.payment(key="P-F", status="failed", decline_code="do_not_honor"), on=date(2026, 3, 1))
        on = await till.run(lambda tx: payments.failed(tx, till.world.house, "A-300", old, till.now))
        assert on == date(2026, 3, 12)

    async def test_where_the_biller_charges_only_its_own_day_is_named(self, till: Till) -> None:
        from dataclasses import replace

        till.world.house = replace(till.world.house, can_charge=False)
        assert await till.fails() is None
        assert "We try again" not in till.heard()[-1].text
        told = Told(next_retry_on=date(2026, 3, 15))
        assert await till.fails(key="P-F2", told=told) == date(2026, 3, 15)

    async def test_out_of_hours_the_notice_waits_for_the_morning(self, till: Till) -> None:
        till.world.clock.tick(-9 * 3600)  # midnight in Denver
        await till.fails()
        assert till.heard() == []
        assert till.events("outbound.suppressed")[0]["reason"] == "quiet_hours"
        till.world.clock.tick(10 * 3600)
        while await till.world.worker.schedule_one():
            pass
        await till.world.settle()
        assert "your bank declined" in till.heard()[-1].text

    async def test_paid_in_the_meantime_it_is_not_sent_at_all(self, till: Till) -> None:
        till.world.clock.tick(-9 * 3600)
        await till.fails()
        await till.pays()
        till.world.clock.tick(10 * 3600)
        while await till.world.worker.schedule_one():
            pass
        await till.world.settle()
        assert not any("declined" in m.text for m in till.heard())


class TestCharging:
    async def test_a_retry_is_made_on_its_day_and_books_itself(self, any_till: Till) -> None:
        await any_till.fails()
        assert await run_due(any_till) == []  # not before its day
        days(any_till, 1)
        [begun] = await run_due(any_till)
        assert isinstance(begun, Charge)
        bank = Bank()
        await collect(any_till, bank)
        [request] = bank.asked
        assert (request.amount, request.method_id, request.id) == (money("76.25"), "pm_3", begun.id)
        assert any_till.account().outstanding == money("152.50")
        assert [c["state"] for c in any_till.charges()] == ["succeeded"]

    async def test_run_again_or_by_two_nodes_at_once_nothing_is_charged_twice(self, any_till: Till) -> None:
        await any_till.fails()
        days(any_till, 1)
        found = await asyncio.gather(*(run_due(any_till) for _ in range(20)))
        assert sum(len(f) for f in found) == 1
        bank = Bank()
        await collect(any_till, bank)
        assert len(bank.asked) == 1
        assert await run_due(any_till) == []

    async def test_a_crash_between_asking_and_booking_asks_with_the_same_key(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)
        bank = Bank(Transient("connection reset"))
        await collect(till, bank)
        assert till.account().outstanding == LATE.outstanding
        till.world.clock.tick(60)
        await collect(till, bank)
        assert len({r.id for r in bank.asked}) == 1
        assert till.account().outstanding == money("152.50")

    async def test_the_providers_event_and_its_answer_are_one_payment(self, till: Till) -> None:
        """Whichever comes first."""
        await till.fails()
        days(till, 1)
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        await till.pays(key=f"P-{begun.id}", told=Told(charge_id=begun.id))
        bank = Bank()
        await collect(till, bank)
        assert bank.asked == []  # settled meanwhile, so nobody is asked
        assert till.account().outstanding == money("152.50")
        assert sum("76.25 on" in m.text and "Thank you" in m.text for m in till.heard()) == 1

    async def test_declined_again_the_next_day_is_planned(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)
        await collect(
            till,
            Bank(ChargeResult(payment_id="P-2", status="failed", method="visa ••1881", decline_code="try_again_later")),
        )
        assert [(c["state"], c["run_on"]) for c in till.charges()] == [
            ("failed", "2026-03-12"),
            ("scheduled", "2026-03-14"),
        ]

    async def test_an_instalment_is_charged_on_its_day_once(self, till: Till) -> None:
        await till.pays()
        days(till, 9)  # March 20
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        assert begun.kind == "autopay"
        assert await run_due(till) == []
        await collect(till, Bank())
        assert till.account().outstanding == money("76.25")

    async def test_a_pending_answer_is_asked_again_later_not_charged_again(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)
        bank = Bank(ChargeResult(payment_id="P-2", status="pending"))
        await collect(till, bank)
        assert [c["state"] for c in till.charges()] == ["running"]
        till.world.clock.tick(601)
        await collect(till, bank)
        assert [r.id for r in bank.asked] == [bank.asked[0].id] * 2
        assert till.account().outstanding == money("152.50")


class TestHeldBack:
    async def held(self, till: Till) -> list[tuple[str, str]]:
        days(till, 1)
        found = await run_due(till)
        assert all(isinstance(h, HeldBack) for h in found)
        return [(h.invoice_id, h.denied.reason) for h in found if isinstance(h, HeldBack)]

    @pytest.mark.parametrize(
        ("flag", "reason"),
        [("bankruptcy", "bankruptcy"), ("attorney_represented", "attorney_represented"), ("hardship", "hardship_review"),
         ("deceased_reported", "deceased_reported"), ("self_harm_cue", "self_harm_cue"), ("fraud", "security_hold")],
    )  # fmt: skip
    async def test_a_flag_stops_every_charge_and_the_planned_try(self, till: Till, flag: str, reason: str) -> None:
        await till.fails()
        await till.run(lambda tx: changes.set_flag(tx, "A-300", flag, at=till.now))
        assert await self.held(till) == [("", reason)]
        assert [c["state"] for c in till.charges()] == ["cancelled"]
        assert till.events("charge.suppressed")[0]["reason"] == reason
        assert till.events("autopay.suspended")[0]["status"] == "suspended"

    async def test_a_dispute_stops_its_own_invoice(self, till: Till) -> None:
        from inbox.accounts.base import Dispute

        await till.fails()
        dispute = Dispute(
            id="D-1", invoice_id="INV-300", amount=money("76.25"), reason="x", opened_on=date(2026, 3, 11), status="needs_response"
        )  # fmt: skip
        await till.run(lambda tx: changes.open_dispute(tx, "A-300", dispute, at=till.now))
        assert await self.held(till) == [("INV-300", "dispute_open")]

    async def test_a_running_promise_stops_it_until_its_day_is_over(self, till: Till) -> None:
        await till.fails()
        await till.run(lambda tx: changes.save_promise(tx, "A-300", promise(on=date(2026, 3, 12)), at=till.now))
        assert await self.held(till) == [("INV-300", "promise_running")]


async def test_the_answer_names_the_next_day_and_the_class_only_when_proven(till: Till) -> None:
    """Asked by text without a code: declined, when the next try is, and nothing of why."""
    await till.fails("insufficient_funds")
    asked = till.world.reader.teach("what happened to my payment?", "payment_failed")
    await till.world.says(asked, by=LATE)
    said = till.heard()[-1].text
    assert "We will try again on March 12, 2026" in said
    assert "too low" not in said
    await till.world.says(asked, by=LATE, channel="chat")
    assert "because the balance was too low that day" in till.heard()[-1].text

"""The answers to our own requests: told twice in either order, refused for good, never coming."""

from __future__ import annotations

from datetime import date

import pytest

from inbox.accounts.base import ChargeRequest, ChargeResult
from inbox.db.tables import handoffs, jobs
from inbox.errors import Permanent, Transient
from inbox.receivables import autopay
from inbox.receivables.autopay import HeldBack
from inbox.receivables.charges import Charge
from inbox.receivables.payments import Told
from tests.receivables.world import Bank, Till, by_hand, collect, days, run_due
from tests.world import money


class TestTheTwoAnswers:
    """The provider tells the outcome as an event and as the answer to our request, in either order."""

    async def under_way(self, till: Till) -> Charge:
        await till.fails()
        days(till, 1)
        [begun] = await run_due(till)
        assert isinstance(begun, Charge)
        return begun

    @pytest.mark.parametrize("named", [True, False])
    async def test_captured_event_first(self, any_till: Till, named: bool) -> None:
        begun = await self.under_way(any_till)
        await any_till.pays(key="P-2", told=Told(charge_id=begun.id if named else ""))
        await collect(any_till, Bank(ChargeResult(payment_id="P-2", status="succeeded")))
        assert [c["state"] for c in any_till.charges()] == ["succeeded"]
        assert any_till.account().outstanding == money("152.50")
        await by_hand(any_till)  # the invoice is free

    async def test_captured_answer_first(self, till: Till) -> None:
        begun = await self.under_way(till)
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="succeeded")))
        for told in (Told(), Told(charge_id=begun.id)):
            assert not (await till.pays(key="P-2", told=told)).new
        assert [c["state"] for c in till.charges()] == ["succeeded"]
        assert till.account().outstanding == money("152.50")

    @pytest.mark.parametrize("named", [True, False])
    @pytest.mark.parametrize("event_first", [True, False])
    async def test_declined(self, till: Till, named: bool, event_first: bool) -> None:
        begun = await self.under_way(till)
        told, heard = Told(charge_id=begun.id if named else ""), len(till.heard())
        bank = Bank(ChargeResult(payment_id="P-2", status="failed", method="visa ••1881", decline_code="do_not_honor"))
        if event_first:
            await till.fails(key="P-2", told=told)
        await collect(till, bank)
        if not event_first:
            await till.fails(key="P-2", told=told)
        assert [(c["state"], c["run_on"]) for c in till.charges()] == [
            ("failed", "2026-03-12"),
            ("scheduled", "2026-03-14"),
        ]
        assert till.account().plans[0].next_retry_on == date(2026, 3, 14)
        assert len(till.heard()) == heard

    async def test_the_end_of_the_tries_is_told_once(self, till: Till) -> None:
        await self.under_way(till)
        heard = len(till.heard())
        await till.fails("lost_card", "P-2")
        assert len(till.heard()) == heard
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="failed", decline_code="lost_card")))
        assert [c["state"] for c in till.charges()] == ["failed"]
        assert len(till.heard()) == heard + 1
        assert till.account().plans[0].next_retry_on is None
        await by_hand(till)


class TestGivenUp:
    """A charge that cannot be made holds nobody up, and a person finds out what became of it."""

    async def under_way(self, till: Till) -> None:
        await till.fails()
        days(till, 1)
        await run_due(till)

    async def check(self, till: Till) -> None:
        assert [c["state"] for c in till.charges()] == ["failed"]
        [case] = till.world.rows(handoffs)
        assert case["reason"] == "charge_unclear"
        assert not till.world.rows(jobs, lane=autopay.LANE)
        days(till, 1)
        assert [(h.invoice_id, h.denied.reason) for h in await run_due(till) if isinstance(h, HeldBack)] == [
            ("INV-300", "charge_unclear")
        ]
        assert (await by_hand(till)).state == "running"

    async def test_a_refusal_for_good(self, any_till: Till) -> None:
        await self.under_way(any_till)
        await collect(any_till, Bank(Permanent("the payment system refused charge CH-1: 400 card 4111111111111111")))
        assert "4111111111111111" not in str([dict(c) for c in any_till.world.rows(handoffs)])
        await self.check(any_till)

    async def test_an_answer_that_contradicts_the_record(self, till: Till) -> None:
        await self.under_way(till)
        await till.pays("10.00", "P-2")
        await collect(till, Bank(ChargeResult(payment_id="P-2", status="succeeded")))
        await self.check(till)

    async def test_a_payment_system_that_is_away_is_asked_for_a_day(self, till: Till) -> None:
        await self.under_way(till)
        bank = Bank(*[Transient("down")] * 400)
        for _ in range(100):
            till.world.clock.tick(601)
            await collect(till, bank)
        assert [c["state"] for c in till.charges()] == ["running"]
        assert len({r.id for r in bank.asked}) == 1
        for _ in range(50):
            till.world.clock.tick(601)
            await collect(till, bank)
        await self.check(till)

    async def test_told_by_an_event_meanwhile_there_is_no_case(self, till: Till) -> None:
        await self.under_way(till)
        charge = till.charges()[0]["id"]

        class Late(Bank):
            async def charge(self, request: ChargeRequest) -> ChargeResult:
                await till.pays(key="P-2", told=Told(charge_id=charge))
                raise Permanent("it answered 400")

        await collect(till, Late())
        assert [c["state"] for c in till.charges()] == ["succeeded"]
        assert till.world.rows(handoffs) == []

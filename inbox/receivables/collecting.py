"""Carry out the charges that are under way: ask the provider, and book what it answers. The request has the charge's id as
its key, so a crash between asking and booking asks again and takes nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from inbox import jobs
from inbox.accounts import ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef, ChargeRequest, ChargeResult, Collector, Payment
from inbox.clock import Clock
from inbox.db.store import Store, Tx
from inbox.errors import NotFound
from inbox.house import House
from inbox.jobs import Job
from inbox.money import Money
from inbox.receivables import charges, payments
from inbox.receivables.payments import Told

#: While an answer stays out, how long until we ask for it again (the same key: it is a question, not a second charge).
ASK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Ready:
    job: Job
    request: ChargeRequest


@dataclass(frozen=True, slots=True)
class Collections:
    """The work of the lane ``charges``: ``begin`` in the commit that claims the job, ``run`` outside of any."""

    store: Store
    house: House
    collector: Collector
    clock: Clock

    def begin(self, tx: Tx, job: Job, now: datetime) -> Ready | None:
        """None if the charge was settled meanwhile, by the provider's own event for example."""
        p = job.payload
        try:
            charge = charges.get(tx, p["charge"], p["currency"])
            ledger.load(tx, AccountRef(SOURCE, p["account"]), now)
        except NotFound:
            jobs.finish(tx, job)
            return None
        if charge.state != "running":
            jobs.finish(tx, job)
            return None
        request = ChargeRequest(
            id=charge.id, ref=AccountRef(SOURCE, p["account"]), invoice_id=charge.invoice_id,
            amount=Money.of(p["amount"], p["currency"]), method_id=charge.method_id,
        )  # fmt: skip
        return Ready(job, request)

    async def run(self, ready: Ready) -> None:
        result = await self.collector.charge(ready.request)
        await self.store.run(lambda tx: self._book(tx, ready, result, self.clock.now()))

    def _book(self, tx: Tx, ready: Ready, result: ChargeResult, now: datetime) -> None:
        request = ready.request
        if result.status == "pending":
            jobs.retry(
                tx, ready.job, now, "the provider has not decided yet", wait=ASK_AGAIN.total_seconds(), free=True
            )
            return
        jobs.finish(tx, ready.job)
        payment = Payment(
            id=result.payment_id, on=now.date(), amount=request.amount, method=result.method, status=result.status,
            invoice_id=request.invoice_id, decline_code=result.decline_code,
        )  # fmt: skip
        told = Told(charge_id=request.id)
        verb = payments.settled if result.status == "succeeded" else payments.failed
        verb(tx, self.house, request.ref.id, payment, now, told)

"""Carry out the charges that are under way: ask the provider, and book what it answers. The request has the charge's id as
its key, so a crash between asking and booking asks again and takes nothing twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from inbox import jobs, redaction
from inbox.accounts import ledger, records
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef, ChargeRequest, ChargeResult, Collector, Payment
from inbox.clock import Clock
from inbox.db.store import Store, Tx
from inbox.errors import Conflict, NotFound, Permanent, Transient
from inbox.escalation import handoffs
from inbox.house import House
from inbox.jobs import Job
from inbox.money import Money
from inbox.receivables import charges, payments, reaching
from inbox.receivables.payments import Told

log = logging.getLogger(__name__)

#: While an answer stays out, how long until we ask for it again (the same key: it is a question, not a second charge).
ASK_AGAIN = timedelta(minutes=10)
#: A payment system that cannot be asked for so long keeps the invoice no longer: a person finds out what became of it.
GIVE_UP_AFTER = timedelta(days=1)
#: Why reminders and automatic charges of the invoice rest until that person has closed the case.
HOLD = "charge_unclear"


@dataclass(frozen=True, slots=True)
class Ready:
    job: Job
    request: ChargeRequest
    begun_at: datetime


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
        return Ready(job, request, charge.updated_at)

    async def run(self, ready: Ready) -> None:
        """A refusal for good, or an answer that cannot be booked, ends the charge and is a person's."""
        try:
            result = await self.collector.charge(ready.request)
            await self.store.run(lambda tx: self._book(tx, ready, result, self.clock.now()))
        except Transient as wait:
            words = str(wait)
            if ready.job.attempts < jobs.MAX_ATTEMPTS:
                raise
            if self.clock.now() - ready.begun_at >= GIVE_UP_AFTER:
                await self.store.run(lambda tx: self._give_up(tx, ready, words, self.clock.now()))
            else:
                await self.store.run(lambda tx: _ask_again(tx, ready, words, self.clock.now()))
        except Permanent as refusal:
            why = str(refusal)
            log.warning("charge given up: %s", why)
            await self.store.run(lambda tx: self._give_up(tx, ready, why, self.clock.now()))

    def _book(self, tx: Tx, ready: Ready, result: ChargeResult, now: datetime) -> None:
        request = ready.request
        payment = Payment(
            id=result.payment_id, on=now.date(), amount=request.amount, method=result.method, status=result.status,
            invoice_id=request.invoice_id, decline_code=result.decline_code,
        )  # fmt: skip
        if result.status == "pending":
            payments.pending(tx, self.house, request.ref.id, payment, now)
            _ask_again(tx, ready, "the provider has not decided yet", now)
            return
        jobs.finish(tx, ready.job)
        told = Told(charge_id=request.id)
        verb = payments.settled if result.status == "succeeded" else payments.failed
        try:
            verb(tx, self.house, request.ref.id, payment, now, told)
        except Conflict as clash:  # it contradicts what is on record; asked again it would say the same
            raise Permanent(f"the answer to charge {request.id} cannot be booked: {clash}") from clash

    def _give_up(self, tx: Tx, ready: Ready, why: str, now: datetime) -> None:
        """The charge ends, so that the author may pay by hand; whether money was taken, a person finds out."""
        jobs.finish(tx, ready.job)
        request = ready.request
        records.lock(tx, request.ref.id)
        account = ledger.load(tx, request.ref, now)
        words = redaction.mask(why).text[:300]
        if not charges.given_up(tx, account, charges.get(tx, request.id, account.currency), words, now):
            return
        subject = f"Charge of {request.invoice_id}"
        conversation = reaching.conversation_with(tx, self.house, account, "email", subject, now)
        ask = handoffs.Ask(
            reason="charge_unclear", account_id=request.ref.id, invoice_ids=(request.invoice_id,),
            amounts=(request.amount,), quote=f"{request.id}, {request.amount} {request.amount.currency}: {words}",
            did=("Ended the charge; the author may pay by hand.",),
            withheld=("reminders and automatic charges of this invoice, until the case is closed",),
            hold=HOLD, hold_invoices=(request.invoice_id,),
        )  # fmt: skip
        handoffs.open_case(tx, self.house, conversation, ask, now)


def _ask_again(tx: Tx, ready: Ready, why: str, now: datetime) -> None:
    jobs.retry(tx, ready.job, now, why, wait=ASK_AGAIN.total_seconds(), free=True)

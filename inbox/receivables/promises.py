"""Promises to pay: kept when the money comes, checked a business day after their date, broken if it did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Literal

from inbox import events
from inbox.accounts import changes, dues, ledger, records
from inbox.accounts.base import Account, AccountRef, Payment, Promise
from inbox.accounts.factsheet import business_days_after
from inbox.clock import zone
from inbox.contact_policy import Denied, broken_lately
from inbox.db.store import Tx
from inbox.escalation import handoffs
from inbox.house import House
from inbox.money import Money
from inbox.receivables import holds, reaching, reminders, timers
from inbox.receivables.reminders import NotNow, Reminder

Checked = Literal["kept", "too_early", "broken", "broken_twice", "replaced"]


def store(tx: Tx, house: House, account: Account, promise: Promise, conversation_id: str, now: datetime) -> None:
    """A new promise takes the place of the one that runs for its invoice; reminders rest until its day is over, and it is
    checked after that. A reminder that was asked for moves along.
    """
    replaced = replace_open(tx, account, promise.invoice_id, conversation_id, now, by=promise.id)
    changes.save_promise(tx, account.ref.id, promise, at=now)
    end_of_day = datetime.combine(promise.on + timedelta(days=1), time.min, zone(account.timezone or "UTC"))
    holds.pause(
        tx, account.ref.id, "promise_running", conversation_id, now, invoices=(promise.invoice_id,), until=end_of_day
    )
    timers.check_promise(tx, house, account, promise, now)
    if any(timers.reminds_of(tx, old, now) for old in replaced):
        timers.remind_of_promise(tx, house, account, promise, now)


def replace_open(
    tx: Tx, account: Account, invoice_id: str, conversation_id: str, now: datetime, *, by: str
) -> list[Promise]:  # fmt: skip
    """End the open promises of this invoice without calling them broken; ``by`` names what takes their place."""
    running = [p for p in account.promises if p.status == "open" and p.invoice_id == invoice_id]
    for promise in running:
        changes.replace_promise(tx, account.ref.id, promise.id, at=now)
        holds.lift_own(tx, account.ref.id, invoice_id, "promise_running", now)
        events.record(
            tx, conversation_id, "promise.replaced", now, "author", promise=promise.id, by=by, invoice=invoice_id,
            on=promise.on.isoformat(),
        )  # fmt: skip
    return running


def match(tx: Tx, ref: AccountRef, payment: Payment, now: datetime) -> list[str]:
    """Close the open promises that what was paid of their invoice since fulfils; returns their ids."""
    account = ledger.load(tx, ref, now)
    if all(p.id != payment.id for p in account.payments):  # it is on record at another billing system only
        account = replace(account, payments=(*account.payments, payment))
    kept = [
        p
        for p in account.promises
        if p.status == "open" and p.invoice_id == payment.invoice_id and p.amount <= _paid_since(account, p, payment.id)
    ]
    for promise in kept:
        _keep(tx, account, promise, now, payment.id)
    return [p.id for p in kept]


def _paid_since(account: Account, promise: Promise, this: str = "") -> Money:
    """What came for its invoice after it was made; several parts add up. ``this`` counts whatever its day."""
    return Money.total(
        (
            p.amount
            for p in account.payments
            if p.status == "succeeded" and p.invoice_id == promise.invoice_id and (p.on > promise.made_on or p.id == this)
        ),
        promise.amount.currency,
    )  # fmt: skip


def _keep(tx: Tx, account: Account, promise: Promise, now: datetime, payment_id: str = "") -> None:
    changes.keep_promise(tx, account.ref.id, promise.id, at=now)
    holds.lift(tx, account.ref.id, promise.invoice_id, "promise_running", now)
    events.record(
        tx, reaching.stream_of(tx, account), "promise.kept", now, "system", promise=promise.id, payment=payment_id,
        amount=str(promise.amount), invoice=promise.invoice_id,
    )  # fmt: skip


def check(tx: Tx, house: House, ref: AccountRef, promise_id: str, now: datetime) -> Checked:
    """Was it kept? One business day after its date at the earliest. After a first broken one the author gets one
    friendly message, after the second in 90 days a person takes over and nothing automatic is sent. Checked again,
    nothing happens twice. Raises ``NotFound`` for an unknown author.
    """
    records.lock(tx, ref.id)
    account = ledger.load(tx, ref, now)
    promise = next((p for p in account.promises if p.id == promise_id), None)
    if promise is None or promise.status == "kept":
        reminders.suppressed(
            tx, account, Denied("promise_kept", "the promise was kept, there is nothing to remind of"), now,
            kind="promise_check", channel="", invoice=promise.invoice_id if promise else "",
        )  # fmt: skip
        return "kept"
    if promise.status == "replaced":
        return "replaced"
    if promise.status == "broken":
        return "broken"
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    if today < business_days_after(promise.on, 1):
        return "too_early"
    if promise.amount <= _paid_since(account, promise) or not _is_owed(account, promise):
        _keep(tx, account, promise, now)
        return "kept"
    return _break(tx, house, account, promise, now)


def _is_owed(account: Account, promise: Promise) -> bool:
    """Is anything of that invoice past due? Then the promise was not fulfilled another way, by a credit for example."""
    invoice = account.invoice(promise.invoice_id)
    if invoice is None or not invoice.balance:
        return False
    planned = [d for d in dues.unpaid(account) if d.invoice.id == invoice.id]
    return not planned or any(d.due_on <= promise.on or d.status == "failed" for d in planned)


def _break(tx: Tx, house: House, account: Account, promise: Promise, now: datetime) -> Checked:
    changes.break_promise(tx, account.ref.id, promise.id, at=now)
    holds.lift(tx, account.ref.id, promise.invoice_id, "promise_running", now)
    events.record(
        tx, reaching.stream_of(tx, account), "promise.broken", now, "system", promise=promise.id,
        amount=str(promise.amount), on=promise.on.isoformat(), invoice=promise.invoice_id,
    )  # fmt: skip
    account = ledger.load(tx, account.ref, now)
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    if broken_lately(account, today) >= house.rules.promises_broken_limit:
        _to_person(tx, house, account, promise, now)
        return "broken_twice"
    # The one friendly message, at the next hour that allows it.
    missed = Reminder(kind="past_due_reminder", invoice_id=promise.invoice_id, about="missed", record_id=promise.id)
    said = reminders.send(tx, house, account.ref, missed, now)
    if isinstance(said, NotNow) and said.again_at is not None:
        reminders.later(tx, account.ref, missed, said.again_at, now)
    return "broken"


def _to_person(tx: Tx, house: House, account: Account, promise: Promise, now: datetime) -> None:
    """Agents only from here: a case with the history, and no message."""
    conversation = reaching.conversation_with(
        tx, house, account, "email", f"Promise of {promise.on} not kept", now
    )  # fmt: skip
    broken = [p for p in account.promises if p.status == "broken"]
    ask = handoffs.Ask(
        reason="promise_broken_twice",
        quote=promise.words or f"Promised {promise.amount} {promise.amount.currency} for {promise.on}; it did not come.",
        account_id=account.ref.id, invoice_ids=(promise.invoice_id,), amounts=(promise.amount,),
        did=tuple(f"Promise of {p.amount} for {p.on}: broken." for p in broken), withheld=("every automatic reminder",),
    )  # fmt: skip
    handoffs.open_case(tx, house, conversation, ask, now)
    denied = Denied("two_broken_promises_agent_only", "two promises were broken in 90 days: agents only")
    reminders.suppressed(tx, account, denied, now, kind="promise_check", channel="", invoice=promise.invoice_id)

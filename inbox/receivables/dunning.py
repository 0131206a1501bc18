"""The steps of a debt, day by day: a friendly note before, reminders 3, 7 and 14 days after, a person after 21 (house rule
H4). What a step may not do now for the hour alone, it does at the next hour; what the rules forbid, it leaves.
"""

from __future__ import annotations

from datetime import datetime

from inbox import events
from inbox.accounts import dues, ledger
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.dues import Due
from inbox.clock import zone
from inbox.contact_policy import stop_of
from inbox.db.store import Tx
from inbox.escalation import handoffs
from inbox.house import House
from inbox.message import Severity
from inbox.receivables import reaching, reminders
from inbox.receivables.reminders import NotNow, Reminder


def day(tx: Tx, house: House, ref: AccountRef, now: datetime) -> Reminder | None:
    """Today's step for this author, if today is the day of one; returns the reminder that was tried."""
    account = ledger.load(tx, ref, now)
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    open_dues = dues.unpaid(account)
    late = next((d for d in open_dues if d.is_past_due(today)), None)
    if late is not None:
        days = (today - late.due_on).days
        if days == house.rules.review_days_after:
            _review(tx, house, account, late, now)
            return None
        if days in _steps(house):
            return _remind(tx, house, ref, Reminder(kind="past_due_reminder", invoice_id=late.invoice.id), now)
        return None
    coming = next((d for d in open_dues if (d.due_on - today).days == house.rules.reminder_days_before), None)
    if coming is not None and dues.default_method(account) is None:  # what is charged by itself needs no reminder
        return _remind(tx, house, ref, Reminder(kind="due_reminder", invoice_id=coming.invoice.id), now)
    return None


def _steps(house: House) -> frozenset[int]:
    return frozenset(int(n) for n in house.rules.reminder_days_after.split(",") if n.strip())


def _remind(tx: Tx, house: House, ref: AccountRef, reminder: Reminder, now: datetime) -> Reminder:
    said = reminders.send(tx, house, ref, reminder, now)
    if isinstance(said, NotNow) and said.again_at is not None:
        reminders.later(tx, ref, reminder, said.again_at, now)
    return reminder


def _review(tx: Tx, house: House, account: Account, late: Due, now: datetime) -> None:
    """A person looks and decides; nothing automatic follows. Not while something stops collections anyway."""
    pauses = reaching.pauses(tx, account, now)
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    if stop_of(account, pauses, late.invoice.id, today, house.rules) is not None:
        return
    subject = f"{late.invoice.id} is past due"
    conversation = reaching.conversation_with(tx, house, account, "email", subject, now)
    ask = handoffs.Ask(
        reason="past_due_review", severity=Severity.LOW, account_id=account.ref.id, invoice_ids=(late.invoice.id,),
        amounts=(late.amount,), quote=f"{late.amount} {late.amount.currency} was due on {late.due_on} and is still open.",
        did=("Sent the reminders that the rules allow.",), withheld=("further automatic reminders",),
    )  # fmt: skip
    handoffs.open_case(tx, house, conversation, ask, now)
    events.record(
        tx, conversation.id, "dunning.reviewed", now, "bot", account=account.ref.id, invoice=late.invoice.id
    )  # fmt: skip

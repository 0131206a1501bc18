"""Reminders of ours: what is due, whether we may say it here and now, and the message if we may.

``ready`` only looks, so a dry run and a real run agree; ``send`` takes the author's lock first, so that two runs at
once never write twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from inbox import contacts, events, jobs, links
from inbox.accounts import changes, dues, ledger, records
from inbox.accounts.base import Account, AccountRef, ContactAttempt, Promise
from inbox.accounts.declines import decline_of
from inbox.accounts.dues import Due
from inbox.clock import zone
from inbox.contact_policy import (
    Denied,
    Outreach,
    OutreachChannel,
    OutreachKind,
    Pause,
    may_remind,
    next_opening,
    stop_of,
)
from inbox.db.store import Tx
from inbox.house import House
from inbox.message import ChannelName
from inbox.money import Money
from inbox.receivables import reaching
from inbox.replies import Said, Say, To, Unsaid, say

LANE = "schedule"
#: The approved words of each kind, and of what a past-due one may be about.
ANSWERS = {
    "promise_reminder": "promise_reminder", "due_reminder": "reminder_due", "past_due_reminder": "reminder_past_due",
    "past_due_call": "reminder_past_due", "missed": "promise_missed", "declined": "payment_failed_notice",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    kind: OutreachKind
    channel: str = ""  # sms | email | call; "" = the one the author prefers
    invoice_id: str = ""  # "" = what is due first and not stopped
    about: str = ""  # missed | declined: other words, about the promise or payment below
    record_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """It may go out now."""

    account: Account
    channel: OutreachChannel
    facts: dict[str, Any]
    record: str
    invoice_id: str
    link: str = "pay"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """It may not, and why; ``again_at`` is when the hours allow it, if the hours are all that is in the way."""

    account: Account
    denied: Denied
    channel: str
    invoice_id: str
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    """What is asked for."""

    invoice_id: str
    amount: Money
    on: date
    record: str
    link: str = "pay"  # the kind of secure link the message carries


@dataclass(frozen=True, slots=True)
class _Look:
    """An author as they stand now, read once."""

    tx: Tx
    house: House
    account: Account
    pauses: tuple[Pause, ...]
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(zone(self.account.timezone or self.house.company.timezone)).date()

    def stop(self, invoice_id: str, *, of_promise: bool = False) -> Denied | None:
        return stop_of(
            self.account, self.pauses, invoice_id, self.today, self.house.rules, of_promise=of_promise
        )  # fmt: skip


def ready(tx: Tx, house: House, ref: AccountRef, reminder: Reminder, now: datetime) -> Ready | NotNow:
    """May it go out, and with which facts. Raises ``NotFound`` for an unknown author."""
    account = ledger.load(tx, ref, now)
    look = _Look(tx, house, account, reaching.pauses(tx, account, now), now)
    item, stopped = _item(look, reminder)
    if item is None:
        return NotNow(account=account, denied=stopped, channel=reminder.channel, invoice_id=reminder.invoice_id)
    refusals: list[NotNow] = []
    for channel in _channels(look, reminder):
        outreach = _outreach(look, channel, item, reminder.kind)
        denied = may_remind(outreach, house.rules)
        if denied is None:
            facts = _facts(account, reminder, item, look.today)
            return Ready(
                account=account, channel=channel, facts=facts, record=item.record, invoice_id=item.invoice_id,
                link=item.link,
            )  # fmt: skip
        again = next_opening(outreach, house.rules) if denied.by_hours else None
        refusals.append(
            NotNow(account=account, denied=denied, channel=channel, invoice_id=item.invoice_id, again_at=again)
        )
    return next((r for r in refusals if r.again_at), refusals[0])


def _facts(account: Account, reminder: Reminder, item: _Item, today: date) -> dict[str, Any]:
    if reminder.about == "declined":
        plan = next((p for p in account.plans if p.invoice_id == item.invoice_id), None)
        retry = plan.next_retry_on if plan is not None else None
        return {
            "amount": item.amount,
            "failed_on": item.on,
            "next_retry_on": retry if retry and retry > today else None,
        }
    of_promise = reminder.kind == "promise_reminder" or reminder.about == "missed"
    return {"amount": item.amount, "on" if of_promise else "due_on": item.on}


def send(tx: Tx, house: House, ref: AccountRef, reminder: Reminder, now: datetime) -> Said | Unsaid | NotNow:
    """Write it if we may; a refusal is recorded with its one reason."""
    records.lock(tx, ref.id)
    found = ready(tx, house, ref, reminder, now)
    if isinstance(found, NotNow):
        suppressed(
            tx, found.account, found.denied, now, kind=reminder.kind, channel=found.channel, invoice=found.invoice_id
        )
        return found
    return _write(tx, house, found, reminder, now)


def later(tx: Tx, ref: AccountRef, reminder: Reminder, at: datetime, now: datetime) -> None:
    """Send it then, if it may go out then; the same reminder waits once only."""
    lock = f"remind:{ref.id}:{reminder.kind}:{reminder.record_id or reminder.invoice_id}"
    if not jobs.is_waiting(tx, LANE, "reminder", lock, now):
        jobs.enqueue(tx, LANE, "reminder", lock, now, run_at=at, account=ref.id, reminder=asdict(reminder))


def suppressed(tx: Tx, account: Account, denied: Denied, now: datetime, **about: str) -> None:
    events.record(
        tx, reaching.stream_of(tx, account), "outbound.suppressed", now, "bot", account=account.ref.id,
        reason=denied.reason, words=denied.words, **about,
    )  # fmt: skip


def _write(tx: Tx, house: House, ready: Ready, reminder: Reminder, now: datetime) -> Said | Unsaid:
    account, answer = ready.account, ANSWERS[reminder.about or reminder.kind]
    point = reaching.point_on_file(account, ready.channel)
    assert point is not None  # the policy refused an author without such an address
    conversation = reaching.conversation_with(
        tx, house, account, ready.channel, f"A note from {house.company.name}", now
    )
    facts = dict(ready.facts)
    data = {"amount": str(facts["amount"]), "invoice_id": ready.invoice_id}
    facts["link"] = links.create(tx, house, ready.link, account.ref, conversation.id, data, now)
    source = (account.source_of(ready.record), account.as_of.isoformat())
    channel: ChannelName = "email" if ready.channel == "email" else "sms"
    to = To(channel=channel, point=point, name=reaching.called(account), timezone=account.timezone)
    said = say(
        tx, house, conversation, to, [Say(answer=answer, facts=facts, sources=dict.fromkeys(facts, source))], now,
        purpose="reminder", meta={"reminder": reminder.kind},
    )  # fmt: skip
    reaching.rest(tx, conversation, now)
    if isinstance(said, Said):
        attempt = ContactAttempt(at=now, channel=ready.channel, outcome="sent")
        changes.log_contact(tx, account.ref.id, attempt, at=now)
        events.record(
            tx, conversation.id, "reminder.sent", now, "bot", kind=reminder.kind, channel=ready.channel,
            invoice=ready.invoice_id, message=said.message_id,
        )  # fmt: skip
    else:
        suppressed(
            tx, account, Denied(said.reason, said.words), now, kind=reminder.kind, channel=ready.channel,
            invoice=ready.invoice_id,
        )  # fmt: skip
    return said


# -- what it is about


def _item(look: _Look, reminder: Reminder) -> tuple[_Item | None, Denied]:
    """The first thing due that nothing stops; else the reason that stops the first one, or that nothing is due."""
    nothing, account = Denied("nothing_due", "nothing of that kind is open"), look.account
    running = reminder.kind == "promise_reminder"
    found = _named(look, reminder) if running or reminder.about else _candidates(account, reminder, look.today)
    if running and not found and any(p.status == "kept" for p in account.promises):
        return None, Denied("promise_kept", "the promise was kept")
    stops = [(item, look.stop(item.invoice_id, of_promise=running)) for item in found]
    free = next((item for item, stop in stops if stop is None), None)
    first = next((stop for _, stop in stops if stop is not None), None)
    return free, first or look.stop(reminder.invoice_id) or nothing


def _named(look: _Look, reminder: Reminder) -> list[_Item]:
    """The running promise that ends first; the broken promise or the declined payment it is about, if still open."""
    account = look.account
    if reminder.about == "declined":
        return _declined(account, reminder.record_id, look.today)
    if reminder.about == "missed":
        broken = [p for p in account.promises if p.id == reminder.record_id and p.status == "broken"]
        return [_promised(account, p) for p in broken]
    running = [p for p in account.promises if p.status == "open" and reminder.invoice_id in ("", p.invoice_id)]
    return [_promised(account, p) for p in sorted(running, key=lambda p: (p.on, p.id))]


def _declined(account: Account, payment_id: str, today: date) -> list[_Item]:
    payment = next((p for p in account.payments if p.id == payment_id and p.status == "failed"), None)
    if payment is None:
        return []
    late = [d for d in dues.unpaid(replace(account, disputes=())) if d.invoice.id == payment.invoice_id]
    link = "pay" if decline_of(payment.decline_code).may_retry else "update_method"
    amount = next((d.amount for d in late if d.is_past_due(today) or d.due_on <= today), None)
    return [_Item(payment.invoice_id, amount, payment.on, payment.id, link)] if amount else []


def _promised(account: Account, promise: Promise) -> _Item:
    invoice = account.invoice(promise.invoice_id)
    amount = min(promise.amount, invoice.balance) if invoice else promise.amount
    return _Item(promise.invoice_id, amount, promise.on, promise.id)


def _candidates(account: Account, reminder: Reminder, today: date) -> list[_Item]:
    """The oldest open part of each invoice that fits the kind; disputed ones too, for they are refused by that name."""
    late = reminder.kind in ("past_due_reminder", "past_due_call")
    found: dict[str, Due] = {}
    for due in dues.unpaid(replace(account, disputes=())):
        if reminder.invoice_id in ("", due.invoice.id) and (due.is_past_due(today) or not late):
            found.setdefault(due.invoice.id, due)
    return [_Item(d.invoice.id, d.amount, d.due_on, d.plan.id if d.plan else d.invoice.id) for d in found.values()]


# -- where to


def _channels(look: _Look, reminder: Reminder) -> list[OutreachChannel]:
    if reminder.kind == "past_due_call" or reminder.channel == "call":
        return ["call"]
    if reminder.channel in ("sms", "email"):
        return ["sms"] if reminder.channel == "sms" else ["email"]
    latest = reaching.latest(look.tx, look.account)
    return ["email", "sms"] if latest is not None and latest.channel == "email" else ["sms", "email"]


def _outreach(look: _Look, channel: OutreachChannel, item: _Item, kind: OutreachKind) -> Outreach:
    account, point = look.account, reaching.point_on_file(look.account, channel)
    habits = reaching.habits(look.tx, account)
    return Outreach(
        kind=kind, channel=channel, account=account, invoice_id=item.invoice_id, now=look.now, pauses=look.pauses,
        suppression=contacts.suppression(look.tx, point) if point else "", wished=habits.wished,
        talked_at=habits.talked_at, with_person=habits.with_person, switched_on=channel in look.house.channels,
        home=look.house.company.timezone, phone_zones=reaching.zones_of(account.phone) if account.phone else (),
    )  # fmt: skip

"""What the author hears of a payment: that it came, that it was declined, that another method is used now. One message
each, to addresses on file only.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from inbox import events, links
from inbox.accounts import dues
from inbox.accounts.base import Account, Payment, PaymentMethod
from inbox.clock import zone
from inbox.contact_policy import Denied, stop_of
from inbox.conversations import Conversation
from inbox.db.store import Tx
from inbox.house import House
from inbox.money import Money
from inbox.receivables import autopay, charges, reaching, reminders, timers
from inbox.receivables.reminders import NotNow, Reminder
from inbox.replies import Said, Say, To, say
from inbox.verification import proven_here

#: After these reports nothing automatic says a word about money, not even thanks (playbook section 8.2).
SILENT = frozenset({"self_harm_cue", "deceased_reported", "bankruptcy", "attorney_represented"})


def received(tx: Tx, house: House, account: Account, payment: Payment, surplus: Money | None, now: datetime) -> str:
    """The one confirmation with its receipt; returns the message's id, "" if none may be sent."""
    to, conversation = _where(tx, house, account, "A receipt", now)
    if to is None or conversation is None:
        return ""
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    late = next((d for d in dues.unpaid(account) if d.invoice.id == payment.invoice_id and d.due_on <= today), None)
    facts: dict[str, Any] = {"amount": payment.amount, "paid_on": payment.on}
    if late is not None:
        facts |= {"still_due": late.amount, "due_on": late.due_on}
    if surplus:
        facts["surplus"] = surplus
    if _level_two(house, conversation, to, now):
        disputed = account.disputed_invoice_ids
        live = [i.balance for i in account.invoices if i.status != "void" and i.id not in disputed]
        facts |= {"outstanding": Money.total(live, account.currency), "method": _card(payment.method) or None}
    data = {"document_id": payment.id, "kind": "receipt", "language": conversation.language}
    facts["link"] = links.create(tx, house, "document", account.ref, conversation.id, data, now)
    events.record(
        tx, conversation.id, "document.sent", now, "bot", document=payment.id, to="address on file"
    )  # fmt: skip
    return _say(tx, house, account, conversation, to, Say(answer="payment_received", facts=facts), payment.id, now)


def declined(tx: Tx, house: House, account: Account, payment: Payment, retry: date | None, now: datetime) -> None:
    """After a first decline, one that needs another method, and the last try. It counts as a reminder, so the same rules
    hold; what only the hour forbids goes out later.
    """
    mine = [p for p in account.payments if p.invoice_id == payment.invoice_id and p.status == "failed"]
    if retry is not None and len(mine) > 1:
        return  # the first message named the next try; one for each would be pressing
    reminder = Reminder(
        kind="past_due_reminder", invoice_id=payment.invoice_id, about="declined", record_id=payment.id
    )  # fmt: skip
    said = reminders.send(tx, house, account.ref, reminder, now)
    if isinstance(said, NotNow) and said.again_at is not None:
        reminders.later(tx, account.ref, reminder, said.again_at, now)


def method_added(tx: Tx, house: House, account: Account, method: PaymentMethod, now: datetime) -> str:
    """Confirm it, and state the next charge; returns the message's id, "" if none may be sent."""
    to, conversation = _where(tx, house, account, "Payment method", now)
    if to is None or conversation is None:
        return ""
    facts: dict[str, Any] = {}
    if _level_two(house, conversation, to, now):
        facts["method"] = dues.masked(method)
    if upcoming := next_charge(tx, house, account, now):
        facts |= {"next_amount": upcoming[0], "next_on": upcoming[1]}
    return _say(tx, house, account, conversation, to, Say(answer="method_added", facts=facts), method.id, now)


def next_charge(tx: Tx, house: House, account: Account, now: datetime) -> tuple[Money, date] | None:
    """What is charged next by itself, and when: a scheduled try, or the next instalment. Nothing that is held back."""
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    tries = {x.invoice_id: x for x in charges.of(tx, account) if x.state == "scheduled"}
    found = [
        (x.run_on, x.invoice_id, charges.failed_due(account, x.invoice_id) or x.amount)
        for x in tries.values()
        if x.run_on is not None
    ]
    for due in dues.unpaid(account) if dues.default_method(account) else ():
        first = tries.get(due.invoice.id)
        waits = first is not None and first.run_on is not None and first.run_on >= due.due_on
        if due.status == "scheduled" and due.due_on >= today and not waits and not charges.was_made(tx, account, due):
            found.append((due.due_on, due.invoice.id, due.amount))
    coming = ((amount, on) for on, invoice_id, amount in sorted(found) if _is_free(tx, house, account, invoice_id, on))
    return next(coming, None)


def _is_free(tx: Tx, house: House, account: Account, invoice_id: str, on: date) -> bool:
    """Does nothing that is known today stop a charge of that day?"""
    at = timers.local(house, account, on, timers.CHARGE_AT)
    pauses = autopay.of_charges(account, reaching.pauses(tx, account, at))
    return stop_of(account, pauses, invoice_id, on, house.rules) is None


# -- shared


def _where(
    tx: Tx, house: House, account: Account, subject: str, now: datetime
) -> tuple[To | None, Conversation | None]:
    """Where to, and the conversation it belongs to; nothing while the account is silenced or no address may be used."""
    silent = next((f for f in account.flags if f in SILENT), "")
    to = None if silent else reaching.receipt_to(tx, house, account, reaching.latest(tx, account), now)
    if to is None:
        why = Denied(silent or "no_consent", "nothing automatic is said to this author now" if silent else "no address")
        reminders.suppressed(tx, account, why, now, kind="notice", channel="", invoice="")
        return None, None
    return to, reaching.conversation_with(tx, house, account, to.channel, f"{subject} from {house.company.name}", now)


def _level_two(house: House, conversation: Conversation, to: To, now: datetime) -> bool:
    """The signed-in chat, or an address that gave a right code a moment ago."""
    return to.channel == "chat" or proven_here(conversation, to.point, now, house.rules)


def _card(method: str) -> str:
    """A masked card or account; "secure link" and the like are not a method a person knows."""
    return method if "••" in method else ""


def _say(
    tx: Tx, house: House, account: Account, conversation: Conversation, to: To, words: Say, record: str, now: datetime
) -> str:
    source = (account.source_of(record), account.as_of.isoformat())
    words = Say(answer=words.answer, facts=words.facts, sources=dict.fromkeys(words.facts, source))
    said = say(tx, house, conversation, to, [words], now, purpose="notice")
    reaching.rest(tx, conversation, now)
    if isinstance(said, Said):
        return said.message_id
    reminders.suppressed(
        tx, account, Denied(said.reason, said.words), now, kind="notice", channel=to.channel, invoice=""
    )  # fmt: skip
    return ""

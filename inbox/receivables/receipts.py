"""A payment came in at the billing system: promises are kept, their pause ends, and the author hears it once."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from inbox import contacts, conversations, events, links
from inbox.accounts import booking, known, ledger
from inbox.accounts.base import Account, AccountRef, Payment
from inbox.accounts.facts import SILENCING_FLAGS
from inbox.conversations import BOT, Conversation
from inbox.db.store import Tx
from inbox.errors import Conflict
from inbox.escalation import acts, handoffs
from inbox.house import House
from inbox.receivables import holds, promises
from inbox.replies import Said, Say, To, say

log = logging.getLogger(__name__)


def settled(tx: Tx, house: House, account_id: str, payment: Payment, now: datetime) -> None:
    """Call once for each payment. Who never wrote to us gets the billing system's own receipt and nothing from here."""
    ref = AccountRef("ledger", account_id)
    _book(tx, ref, payment, now)
    account = known.load(tx, ref, now)
    kept = promises.match(tx, ref, payment, now)
    invoice = account.invoice(payment.invoice_id)
    if kept or (invoice is not None and not invoice.balance):
        holds.lift(tx, account_id, payment.invoice_id, "promise_running", now)
    contact = contacts.by_account(tx, ref.source, ref.id)
    conversation = conversations.latest(tx, contact.id) if contact else None
    if conversation is None:
        return
    message = _tell(tx, house, conversation, account, payment, now)
    events.record(
        tx, conversation.id, "payment.received", now, "processor", payment=payment.id, amount=str(payment.amount),
        currency=payment.amount.currency, invoice=payment.invoice_id, promises=kept, message=message,
    )  # fmt: skip


def _book(tx: Tx, ref: AccountRef, payment: Payment, now: datetime) -> None:
    """An invoice that the ledger has too is paid there as well: otherwise the two would contradict each other."""
    invoice = ledger.load(tx, ref).invoice(payment.invoice_id)
    if invoice is None or invoice.balance.currency != payment.amount.currency:
        return
    try:
        booking.record_payment(tx, ref.id, payment, at=now)
    except Conflict as refusal:  # the ledger has that id with another amount: the contradiction goes to a person
        log.warning("payment not booked in the ledger: %s", refusal)


def _tell(
    tx: Tx, house: House, conversation: Conversation, account: Account, payment: Payment, now: datetime
) -> str:  # fmt: skip
    """On the channel used last that may be used; returns the message's id, "" if nothing may be said."""
    if set(account.flags) & set(SILENCING_FLAGS) or conversation.owner not in ("", BOT):
        return ""  # a person has the conversation, or nothing automatic speaks of money
    source, as_of = account.source_of(payment.id), account.as_of.isoformat()
    where = acts.reply_channels(tx, house, conversation, account.points())
    if not where:
        return ""
    facts: dict[str, Any] = {"amount": payment.amount, "paid_on": payment.on}
    paper = {"document_id": payment.id, "kind": "receipt", "language": conversation.language}
    facts["link"] = links.create(tx, house, "document", account.ref, conversation.id, paper, now)
    words = Say(answer="payment_received", facts=facts, sources=dict.fromkeys(facts, (source, as_of)))
    for channel, point in where.items():
        to = To(channel=channel, point=point, name=(account.name.split() or [""])[0], timezone=account.timezone)
        said = say(tx, house, conversation, to, [words], now, purpose="notice", meta={"payment": payment.id})
        if isinstance(said, Said):
            case = handoffs.live(tx, conversation.id)
            if case is not None:
                handoffs.append(tx, house, case, said.message_id, now)
            return said.message_id
    return ""

"""A bank reversed a payment: the case opens by itself, with its deadline, and the disputed invoice is left alone."""

from __future__ import annotations

from datetime import datetime

from inbox import contacts, conversations, events
from inbox.accounts import changes, ledger, records
from inbox.accounts.base import AccountRef, Dispute
from inbox.db.store import Tx
from inbox.escalation import handoffs
from inbox.escalation.handoffs import Case
from inbox.house import House
from inbox.message import Severity
from inbox.receivables import reaching


def opened(tx: Tx, house: House, ref: AccountRef, dispute: Dispute, now: datetime) -> Case:
    """Record the chargeback and hand it to people. Told twice, it is one dispute and one case."""
    changes.open_dispute(tx, ref.id, dispute, at=now)
    account = ledger.load(tx, ref, now)
    conversation = reaching.conversation_with(tx, house, account, "email", f"Chargeback {dispute.id}", now)
    events.record(
        tx, conversation.id, "chargeback.opened", now, "processor", dispute=dispute.id, invoice=dispute.invoice_id,
        amount=str(dispute.amount), network=dispute.network,
        respond_by=dispute.respond_by.isoformat() if dispute.respond_by else "",
    )  # fmt: skip
    ask = handoffs.Ask(
        reason="chargeback", severity=Severity.HIGH,
        quote=f"{dispute.network} chargeback {dispute.id}: {dispute.reason}; respond by {dispute.respond_by}",
        account_id=ref.id, invoice_ids=(dispute.invoice_id,),
        payment_ids=(dispute.payment_id,) if dispute.payment_id else (), amounts=(dispute.amount,), proof="",
        did=("Opened by the processor's notice.",), hold="dispute_open", hold_invoices=(dispute.invoice_id,),
    )  # fmt: skip
    return handoffs.open_case(tx, house, conversation, ask, now)[0]


def closed(tx: Tx, ref: AccountRef, dispute: Dispute, now: datetime) -> None:
    """The bank decided. The pause of its invoice ends with the case, which a person closes."""
    if records.owner(tx, "disputes", dispute.id) == ref.id:
        changes.close_dispute(tx, ref.id, dispute.id, dispute.status, at=now)
    author = contacts.by_account(tx, ref.source, ref.id)
    conversation = conversations.latest(tx, author.id) if author else None
    if conversation is not None:
        events.record(
            tx, conversation.id, "chargeback.closed", now, "processor", dispute=dispute.id, status=dispute.status,
            invoice=dispute.invoice_id, amount=str(dispute.amount),
        )  # fmt: skip

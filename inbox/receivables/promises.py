"""Promises to pay: kept when the money comes."""

from __future__ import annotations

from datetime import datetime

from inbox import contacts, conversations, events
from inbox.accounts import changes, ledger
from inbox.accounts.base import AccountRef, Payment
from inbox.db.store import Tx


def match(tx: Tx, ref: AccountRef, payment: Payment, now: datetime) -> list[str]:
    """Close the open promises that a captured payment of their invoice fulfils; returns their ids."""
    account = ledger.load(tx, ref, now)
    kept = [
        p
        for p in account.promises
        if p.status == "open" and p.invoice_id == payment.invoice_id and p.amount <= payment.amount
    ]
    author = contacts.by_account(tx, ref.source, ref.id)
    conversation = conversations.latest(tx, author.id) if author else None
    for promise in kept:
        changes.keep_promise(tx, ref.id, promise.id, at=now)
        if conversation is not None:
            events.record(
                tx, conversation.id, "promise.kept", now, "system", promise=promise.id, payment=payment.id,
                amount=str(promise.amount), invoice=promise.invoice_id,
            )  # fmt: skip
    return [p.id for p in kept]

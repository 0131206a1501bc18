"""What follows when a billing system's account reads differently from before: payments, chargebacks, methods, refunds.

Each consequence has a key of its own and happens once, however often the change is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from inbox import contacts, conversations, events
from inbox.accounts import mirror
from inbox.accounts.base import Account, AccountRef, Payment
from inbox.accounts.mirror import Saved
from inbox.db.store import Tx
from inbox.house import House
from inbox.receivables import chargebacks, receipts

NEWS_DAYS = 3  # a payment found later than that is no news to the author any more
SOURCE = "ledger"


def act(tx: Tx, house: House, saved: Saved, news: str, now: datetime) -> None:
    """``news`` is the record a notice named: on a first reading only that is new."""
    author, after = AccountRef(SOURCE, saved.author_id), saved.after
    for payment in _settled(saved, news, now):
        if mirror.first_time(tx, f"{after.ref.source}:{payment.id}:settled", "payment", author.id, now):
            receipts.settled(tx, house, author.id, payment, now)
    was_open = {d.id for d in saved.before.disputes if d.is_open} if saved.before else set()
    for dispute in after.disputes:
        key = f"{after.ref.source}:{dispute.id}"
        if dispute.is_open and mirror.first_time(tx, f"{key}:opened", "chargeback", author.id, now):
            chargebacks.opened(tx, house, author, dispute, now)
        elif not dispute.is_open and dispute.id in was_open:
            chargebacks.closed(tx, author, dispute, now)
    if saved.before is not None:
        _note(tx, author, saved.before, after, now)


def _settled(saved: Saved, news: str, now: datetime) -> Iterator[Payment]:
    before = {p.id for p in saved.before.payments if p.status != "pending"} if saved.before else None
    since = (now - timedelta(days=NEWS_DAYS)).date()
    for payment in saved.after.payments:
        is_new = payment.id == news if before is None else payment.id not in before
        if payment.status == "succeeded" and payment.on >= since and is_new:
            yield payment


def _note(tx: Tx, author: AccountRef, before: Account, after: Account, now: datetime) -> None:
    """For the history of the author's conversation: new methods, and refunds that moved."""
    contact = contacts.by_account(tx, author.source, author.id)
    conversation = conversations.latest(tx, contact.id) if contact else None
    if conversation is None:
        return
    had = {m.id for m in before.payment_methods}
    for method in after.payment_methods:
        if method.id not in had:
            events.record(
                tx, conversation.id, "payment_method.added", now, after.ref.source, method=method.id, type=method.type,
                default=method.default,
            )  # fmt: skip
    states = {r.id: r.status for r in before.refunds}
    for refund in after.refunds:
        if states.get(refund.id) != refund.status:
            events.record(
                tx, conversation.id, "refund.updated", now, after.ref.source, refund=refund.id, status=refund.status,
                amount=str(refund.amount), invoice=refund.invoice_id,
            )  # fmt: skip

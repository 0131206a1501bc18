"""Royalties set off against an invoice: only with the author's consent on record, and approved by a second person.

Without consent a wish for it is a case (reason ``royalty_offset_request``), and nothing is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events
from inbox.accounts import booking, known, ledger, records
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef, Payment
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import messages
from inbox.errors import Conflict, Forbidden, Malformed, NotFound
from inbox.house import House
from inbox.ids import new_id
from inbox.message import SenderProof
from inbox.money import Money
from inbox.payouts import telling, withdrawals
from inbox.payouts.royalties import BAR_WORDS, bar
from inbox.payouts.tables import setoffs
from inbox.receivables import promises
from inbox.staffing import Staff

#: What stops a set-off: money stays with us, so a hold, a form or a payout method does not.
_STOPS = frozenset({"fraud", "negative", "copies_disputed"})
#: How the sender of a consent must have been proven.
PROVEN = frozenset({SenderProof.PORTAL.value, SenderProof.DMARC_PASS.value, SenderProof.CARRIER.value})
s, b = setoffs.c, sa.bindparam
_ADD = insert(
    setoffs, "id", "author_id", "invoice_id", "amount", "message_id", "words", "recorded_by", "recorded_at"
)  # fmt: skip
_ONE = Sql(sa.select(setoffs).where(s.id == b("setoff")).with_for_update())
_OPEN = Sql(sa.select(setoffs).where(s.status == "consented").order_by(s.recorded_at).limit(200))
_DECIDE = Sql(
    sa.update(setoffs)
    .where(s.id == b("setoff"), s.status == "consented")
    .values(status=b("now_status"), decided_by=b("who"), decided_at=b("at"))
)
_KNOWN = Sql(
    sa.select(s.id).where(s.message_id == b("message"), s.invoice_id == b("invoice"), s.status != "refused")
)  # fmt: skip
_MESSAGE = Sql(sa.select(messages).where(messages.c.id == b("message")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """``message_id`` is the author's own message that says yes; ``amount`` in the currency of the account."""

    author_id: str
    invoice_id: str
    amount: Money
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setoff:
    id: str
    author_id: str
    invoice_id: str
    amount: Money
    message_id: str
    words: str
    status: str
    recorded_by: str
    recorded_at: datetime
    decided_by: str


def record_consent(tx: Tx, consent: Consent, by: Staff, at: datetime) -> Setoff:
    """Keep the author's own words as consent. Raises ``Malformed`` if the message is not theirs, ``Conflict``, ``NotFound``."""
    if by.disabled:
        raise Forbidden("This account is switched off.")
    row = tx.one(_MESSAGE, message=consent.message_id.strip())
    if row is None or row["direction"] != "inbound" or not _is_theirs(tx, row, consent.author_id):
        raise Malformed("Consent is a message that the author wrote to us. Give the id of that message.")
    if row["proof"] not in PROVEN:
        raise Malformed("That message is not proven to come from the author.")
    records.touch(tx, consent.author_id, at)
    if tx.one(_KNOWN, message=row["id"], invoice=consent.invoice_id) is not None:
        raise Conflict("This message was used as consent for that invoice already.")
    _check(_account(tx, consent.author_id, at), consent.invoice_id, consent.amount, at)
    key = new_id()
    tx.run(
        _ADD, id=key, author_id=consent.author_id, invoice_id=consent.invoice_id, amount=consent.amount.minor,
        message_id=row["id"], words=str(row["text"])[:500], recorded_by=by.id, recorded_at=to_micros(at),
    )  # fmt: skip
    _record(
        tx,
        consent.author_id,
        row["conversation_id"],
        "setoff.consented",
        at,
        by,
        key,
        consent.amount,
        consent.invoice_id,
    )
    return get(tx, key)


def apply(tx: Tx, house: House, setoff_id: str, by: Staff, at: datetime) -> Setoff:
    """The second person's yes: royalties go down, the invoice is paid with them, the author is told."""
    agreed = _open(tx, setoff_id)
    if by.disabled or not by.is_supervisor:
        raise Forbidden("Only a supervisor may approve this.")
    if by.id == agreed.recorded_by:
        raise Forbidden("You recorded the consent. Another supervisor must approve it.")
    records.touch(tx, agreed.author_id, at)
    account = _account(tx, agreed.author_id, at)
    _check(account, agreed.invoice_id, agreed.amount, at)
    if not withdrawals.take(tx, agreed.author_id, agreed.amount):
        raise Conflict("There are not enough royalties any more.")
    tx.run(_DECIDE, setoff=setoff_id, now_status="applied", who=by.id, at=to_micros(at))
    payment = Payment(
        id=f"SO-{setoff_id}",
        on=at.date(),
        amount=agreed.amount,
        method="royalties",
        status="succeeded",
        invoice_id=agreed.invoice_id,
    )
    booking.record_payment(tx, agreed.author_id, payment, at=at)
    promises.match(tx, account.ref, payment, at)
    _record(tx, agreed.author_id, "", "setoff.applied", at, by, setoff_id, agreed.amount, agreed.invoice_id)
    facts: dict[str, Any] = {"amount": agreed.amount, "invoice_id": agreed.invoice_id, "on": at.date()}
    notice = telling.Notice(
        subject=setoff_id, step="applied", answer="setoff_done", facts=facts,
        sources={name: (account.source_of(agreed.invoice_id), at.isoformat()) for name in facts},
    )  # fmt: skip
    telling.tell(tx, house, account, notice, at)
    return get(tx, setoff_id)


def refuse(tx: Tx, setoff_id: str, by: Staff, at: datetime) -> Setoff:
    """Nothing is moved. The author's words stand: recorded again, with the right amount say, they are decided anew."""
    agreed = _open(tx, setoff_id)
    tx.run(_DECIDE, setoff=setoff_id, now_status="refused", who=by.id, at=to_micros(at))
    _record(tx, agreed.author_id, "", "setoff.refused", at, by, setoff_id, agreed.amount, agreed.invoice_id)
    return get(tx, setoff_id)


def get(tx: Tx, setoff_id: str) -> Setoff:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, setoff=setoff_id)
    if row is None:
        raise NotFound("There is no such set-off.")
    return _setoff(tx, row)


def open_ones(tx: Tx) -> list[Setoff]:
    return [_setoff(tx, row) for row in tx.all(_OPEN)]


def _check(account: Account, invoice_id: str, amount: Money, at: datetime) -> None:
    """Raises ``Conflict`` with the reason if this amount cannot be set off now."""
    stop = bar(account, at)
    invoice = account.invoice(invoice_id)
    if account.royalties is None:
        raise Conflict("This author has no royalty account.")
    if stop in _STOPS:
        raise Conflict(f"Not now: {BAR_WORDS[stop]}.")
    if account.doubt is not None:
        raise Conflict(f"Not now: {account.doubt.text}.")
    if invoice is None:
        raise Conflict(f"There is no invoice {invoice_id} of this author.")
    if account.billing is not None and invoice_id in account.billed:
        raise Conflict(f"{invoice_id} is kept at {account.billing.source} and would stay open there. Settle it there.")
    if invoice_id in account.disputed_invoice_ids:
        raise Conflict(f"{invoice_id} is in dispute; nothing is collected for it.")
    if amount.currency != account.royalties.available.currency or amount.minor <= 0:
        raise Conflict(f"The amount must be in {account.royalties.available.currency} and more than nothing.")
    if amount > account.royalties.available:
        raise Conflict(f"Only {account.royalties.available} of royalties is available.")
    if amount > invoice.balance:
        raise Conflict(f"Only {invoice.balance} of {invoice_id} is left to pay.")


def _is_theirs(tx: Tx, row: Any, author_id: str) -> bool:
    conversation = conversations.by_id_plain(tx, row["conversation_id"])
    contact = contacts.by_id(tx, conversation.contact_id) if conversation else None
    return contact is not None and contact.account_id == author_id


def _record(
    tx: Tx, author_id: str, conversation_id: str, kind: str, at: datetime, by: Staff, key: str, amount: Money, invoice_id: str
) -> None:  # fmt: skip
    events.record(
        tx, withdrawals.stream_of(tx, author_id, conversation_id), kind, at, by.id, setoff=key, account=author_id,
        amount=str(amount), invoice=invoice_id, name=by.name,
    )  # fmt: skip


def _account(tx: Tx, author_id: str, at: datetime) -> Account:
    """With what its billing system says: an invoice kept there is not paid here."""
    return known.load(tx, AccountRef(SOURCE, author_id), at)


def _open(tx: Tx, setoff_id: str) -> Setoff:
    known = get(tx, setoff_id)
    if known.status != "consented":
        raise Conflict(f"This set-off is {known.status} already.")
    return known


def _setoff(tx: Tx, row: Any) -> Setoff:
    currency = ledger.load(tx, AccountRef(SOURCE, row["author_id"])).currency
    return Setoff(
        id=row["id"], author_id=row["author_id"], invoice_id=row["invoice_id"], amount=Money(row["amount"], currency),
        message_id=row["message_id"], words=row["words"], status=row["status"], recorded_by=row["recorded_by"],
        recorded_at=from_micros(row["recorded_at"]), decided_by=row["decided_by"],
    )  # fmt: skip

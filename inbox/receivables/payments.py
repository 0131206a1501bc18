"""What follows when money came, did not come, or will come another way. One verb for each, whoever tells it: the
payment provider's event, an agent, a simulation. Told twice, nothing happens twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from inbox import events
from inbox.accounts import booking, changes, dues, ledger, records
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef, Payment, PaymentMethod
from inbox.clock import zone
from inbox.db.store import Tx
from inbox.errors import Conflict, Malformed, NotFound
from inbox.escalation import handoffs
from inbox.house import House
from inbox.message import Severity
from inbox.money import Money
from inbox.receivables import charges, holds, notices, promises, reaching
from inbox.receivables.charges import Charge

log = logging.getLogger(__name__)

#: Holds that end when what they waited for is paid; disputes, hardship and the law do not end by money.
ENDED_BY_MONEY = ("promise_running",)
FINAL = ("succeeded", "refunded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a captured payment did."""

    new: bool  # False = it was on record already, and nothing more was done
    invoice_id: str = ""
    applied: Money | None = None  # the part that lowered the invoice
    surplus: Money | None = None  # the part that was more than was open
    kept: tuple[str, ...] = ()  # promises
    cleared: bool = False  # something was past due on this invoice and is not any more
    retry_cancelled: date | None = None
    message_id: str = ""  # the confirmation, "" if none could be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What else the provider said of a payment."""

    charge_id: str = ""  # our own request that it answers
    by_author: bool = False  # the author tried it by hand
    next_retry_on: date | None = None  # the provider tries again by itself then


def settled(
    tx: Tx, house: House, account_id: str, payment: Payment, now: datetime, told: Told | None = None
) -> Settled:
    """A payment was captured. It lowers its invoice and pays the instalments, oldest first; promises it fulfils are
    kept, scheduled tries of what is paid are cancelled, and the author gets one confirmation with the receipt.

    Without an ``invoice_id`` it is matched: the due of exactly that amount, else the oldest. Raises ``Malformed`` for an
    amount that is not above zero or in another currency, ``NotFound`` for an unknown author or invoice, ``Conflict`` if
    the id is on record for another author or amount.
    """
    told = told or Told()
    records.lock(tx, account_id)
    ref = AccountRef(SOURCE, account_id)
    before = ledger.load(tx, ref, now)
    _refuse(before, payment, house)
    payment = replace(payment, status="succeeded", decline_code="")
    known = next((p for p in before.payments if p.id == payment.id), None)
    charge = _named(tx, before, told, payment, now)
    payment = _of_charge(payment, known, charge)
    if known is not None and known.status in FINAL:
        if known.amount != payment.amount:
            raise Conflict(f"payment {payment.id} is on record already with another amount, {known.amount}")
        _end(tx, before, charge, replace(payment, invoice_id=payment.invoice_id or known.invoice_id), now)
        return Settled(new=False, invoice_id=known.invoice_id)
    payment = _matched(before, known or payment, payment, now)
    if before.invoice(payment.invoice_id) is None:
        return _unmatched(tx, house, before, payment, now)
    booking.record_payment(tx, account_id, payment, at=now)
    after = ledger.load(tx, ref, now)
    _end(tx, after, charge, payment, now)
    done = _follow(tx, house, before, after, payment, now)
    message = notices.received(tx, house, after, payment, done.surplus, now)
    return replace(done, message_id=message)


def _named(tx: Tx, account: Account, told: Told, payment: Payment, now: datetime) -> Charge | None:
    """The request of ours that this answers. Money counts even if it names one that nobody knows."""
    if not told.charge_id:
        return None
    try:
        return charges.get(tx, told.charge_id, account.currency)
    except NotFound:
        log.warning("payment %r names charge %r, which is not on record", payment.id, told.charge_id)
        _tell(tx, account, "charge.unknown", now, charge=told.charge_id, payment=payment.id, status=payment.status)
        return None


def _of_charge(payment: Payment, known: Payment | None, charge: Charge | None) -> Payment:
    """With our own request's invoice, where none is told: it is for that and for no other that fits the amount."""
    if charge is None or payment.invoice_id or (known is not None and known.invoice_id):
        return payment
    return replace(payment, invoice_id=charge.invoice_id)


def _end(tx: Tx, account: Account, charge: Charge | None, payment: Payment, now: datetime) -> bool:
    """True if a charge was under way and has ended by this."""
    return charge is not None and charges.ended(tx, account, charge, payment, now)


def _refuse(account: Account, payment: Payment, house: House) -> None:
    _ = house
    if payment.amount.currency != account.currency:
        raise Malformed(
            f"payment {payment.id} is in {payment.amount.currency}, account {account.ref.id} in {account.currency};"
            f" tell it in {account.currency}, as it was credited"
        )
    if payment.amount.minor <= 0:
        raise Malformed(f"payment {payment.id} is of {payment.amount}; a refund is told as a refund, not as a payment")


def _matched(account: Account, known: Payment, payment: Payment, now: datetime) -> Payment:
    """The payment with its invoice: the one it names, the one it was announced for, or the one that fits."""
    if payment.invoice_id or known.invoice_id:
        return replace(
            payment, invoice_id=payment.invoice_id or known.invoice_id, method=payment.method or known.method
        )
    open_dues = dues.unpaid(account)
    exact = [d for d in open_dues if d.amount == payment.amount]
    today = now.astimezone(zone(account.timezone)).date()
    oldest = dues.current_due(open_dues, today)
    found = exact[0] if exact else oldest
    return replace(payment, invoice_id=found.invoice.id) if found is not None else payment


def _unmatched(tx: Tx, house: House, account: Account, payment: Payment, now: datetime) -> Settled:
    """Money came for nothing we know: it is kept on record, and a person finds out what it is for."""
    records.touch(tx, account.ref.id, now)
    records.payment(tx, account.ref.id, payment, applied=0)
    what = f"invoice {payment.invoice_id}" if payment.invoice_id else "no invoice, and nothing is open"
    conversation = reaching.conversation_with(tx, house, account, "email", f"Payment {payment.id}", now)
    ask = handoffs.Ask(
        reason="payment_unmatched", severity=Severity.NORMAL, account_id=account.ref.id, payment_ids=(payment.id,),
        quote=f"{payment.amount} {payment.amount.currency} came as {payment.id} for {what}.", amounts=(payment.amount,),
        did=("Recorded without lowering any invoice.",), withheld=("the confirmation",),
    )  # fmt: skip
    handoffs.open_case(tx, house, conversation, ask, now)
    _tell(tx, account, "payment.unmatched", now, payment=payment.id, amount=str(payment.amount))
    zero = Money.zero(account.currency)
    return Settled(new=True, invoice_id=payment.invoice_id, applied=zero, surplus=payment.amount)


def _follow(tx: Tx, house: House, before: Account, after: Account, payment: Payment, now: datetime) -> Settled:
    """Everything that hangs on the invoice: promises, holds, tries that are now too many."""
    invoice_id, today = payment.invoice_id, now.astimezone(zone(after.timezone or house.company.timezone)).date()
    was, is_ = before.invoice(invoice_id), after.invoice(invoice_id)
    assert was is not None
    assert is_ is not None
    applied = was.balance - is_.balance
    surplus = payment.amount - applied
    _tell(
        tx, after, "payment.received", now, payment=payment.id, invoice=invoice_id, amount=str(payment.amount),
        applied=str(applied), left=str(is_.balance),
    )  # fmt: skip
    if surplus:
        _tell(tx, after, "payment.overpaid", now, payment=payment.id, invoice=invoice_id, surplus=str(surplus))
    kept = promises.match(tx, after.ref, payment, now)
    late_before, late_now = _is_late(before, invoice_id, today), _is_late(after, invoice_id, today)
    cleared, cancelled = late_before and not late_now, None
    if not late_now:
        for reason in ENDED_BY_MONEY:
            if is_.balance.minor <= 0 or kept:
                holds.lift(tx, after.ref.id, invoice_id, reason, now)
        cancelled = charges.cancel(tx, before if cleared else after, invoice_id, "paid another way", now)
    if cleared:
        _tell(tx, after, "dunning.cleared", now, invoice=invoice_id, payment=payment.id)
    return Settled(
        new=True, invoice_id=invoice_id, applied=applied, surplus=surplus or None, kept=tuple(kept), cleared=cleared,
        retry_cancelled=cancelled,
    )  # fmt: skip


def _is_late(account: Account, invoice_id: str, today: date) -> bool:
    mine = [d for d in dues.unpaid(replace(account, disputes=())) if d.invoice.id == invoice_id]
    return any(d.is_past_due(today) for d in mine)


# -- what is on its way, what did not come


def pending(tx: Tx, house: House, account_id: str, payment: Payment, now: datetime) -> None:
    """A payment was begun and is not decided: on record, so that what it covers is neither asked for nor taken again
    meanwhile. A known one stays as it is. Raises as ``settled`` does.
    """
    records.lock(tx, account_id)
    account = ledger.load(tx, AccountRef(SOURCE, account_id), now)
    _refuse(account, payment, house)
    if any(p.id == payment.id for p in account.payments):
        return
    payment = _matched(account, payment, replace(payment, status="pending", decline_code=""), now)
    booking.record_payment(tx, account_id, payment, at=now)
    _tell(
        tx, account, "payment.pending", now, payment=payment.id, invoice=payment.invoice_id, amount=str(payment.amount)
    )  # fmt: skip


def failed(
    tx: Tx, house: House, account_id: str, payment: Payment, now: datetime, told: Told | None = None
) -> date | None:
    """A payment was declined. Returns the day of the next try, None if there is none: the decline forbids it, all tries
    were made, or the author tried by hand. After the first failure, a decline that needs another method, and the last
    try, the author is told, within the rules of a reminder. Raises as ``settled`` does.
    """
    told = told or Told()
    records.lock(tx, account_id)
    ref = AccountRef(SOURCE, account_id)
    before = ledger.load(tx, ref, now)
    _refuse(before, payment, house)
    known = next((p for p in before.payments if p.id == payment.id), None)
    charge = _named(tx, before, told, payment, now)
    payment = _of_charge(payment, known, charge)
    by_author = told.by_author or (charge is not None and charge.kind == "manual")
    if known is not None and known.status in (*FINAL, "failed"):  # told again, or overtaken by the capture
        known = replace(known, invoice_id=payment.invoice_id or known.invoice_id)
        if not _end(tx, before, charge, known, now) or by_author or known.status != "failed":
            return None
        return _after_decline(tx, house, before, known, told, now)
    payment = _matched(before, known or payment, replace(payment, status="failed"), now)
    if before.invoice(payment.invoice_id) is None:
        raise NotFound(f"there is no invoice {payment.invoice_id!r} on this account")
    booking.record_payment(tx, account_id, payment, at=now)
    account = ledger.load(tx, ref, now)
    _tell(
        tx, account, "payment.failed", now, payment=payment.id, invoice=payment.invoice_id, amount=str(payment.amount),
        decline_code=payment.decline_code,
    )  # fmt: skip
    ended = _end(tx, account, charge, payment, now)
    if by_author:
        return None  # they see it on the page, and what was scheduled stays
    if not ended and _is_asked(tx, account, payment):
        return None  # the news overtook the answer to our own request, and that decides what follows
    return _after_decline(tx, house, account, payment, told, now)


def _is_asked(tx: Tx, account: Account, payment: Payment) -> bool:
    """Is an automatic charge of ours of this invoice under way?"""
    live = charges.live(tx, account, payment.invoice_id)
    return live is not None and live.state == "running" and live.kind != "manual"


def _after_decline(tx: Tx, house: House, account: Account, payment: Payment, told: Told, now: datetime) -> date | None:
    retry = charges.after_failure(tx, house, account, payment, now, told.next_retry_on)
    notices.declined(tx, house, ledger.load(tx, account.ref, now), payment, retry, now)
    return retry


def updated(
    tx: Tx, house: House, account_id: str, payment_id: str, status: str, now: datetime, decline_code: str = ""
) -> None:
    """A payment on record has a new state: ``pending`` became ``succeeded`` or ``failed``, ``succeeded`` was returned
    (``failed``) or ``refunded``. Raises ``NotFound`` for an unknown one; a final state never moves back to ``pending``.
    """
    records.lock(tx, account_id)
    account = ledger.load(tx, AccountRef(SOURCE, account_id), now)
    known = next((p for p in account.payments if p.id == payment_id), None)
    if known is None:
        raise NotFound(f"there is no payment {payment_id!r} of author {account_id!r}")
    if status == "succeeded" and known.status not in FINAL:
        settled(tx, house, account_id, known, now)
    elif status == "failed" and known.status == "pending":
        failed(tx, house, account_id, replace(known, decline_code=decline_code), now)
    elif known.status != status and status in ("failed", "refunded") and known.status == "succeeded":
        booking.update_payment(tx, account_id, payment_id, status, at=now, decline_code=decline_code)
        after = ledger.load(tx, account.ref, now)
        kind = "payment.returned" if status == "failed" else "payment.refunded"
        _tell(tx, after, kind, now, payment=payment_id, invoice=known.invoice_id, amount=str(known.amount))
        if status == "failed":
            notices.declined(tx, house, after, replace(known, on=now.date(), decline_code=decline_code), None, now)


def method_added(tx: Tx, house: House, account_id: str, method: PaymentMethod, now: datetime) -> None:
    """The author gave a new method over the secure page. If it is the default, scheduled tries on an old one are
    cancelled and what was declined is tried with the new one instead, not before tomorrow; the author is told when and
    how much. The same method told again changes nothing. Raises ``NotFound`` for an unknown author.
    """
    records.lock(tx, account_id)
    ref = AccountRef(SOURCE, account_id)
    before = ledger.load(tx, ref, now)
    if any(m.id == method.id and m.status == method.status for m in before.payment_methods):
        return
    changes.add_payment_method(tx, account_id, method, at=now)
    account = ledger.load(tx, ref, now)
    _tell(tx, account, "payment_method.added", now, method=method.id, last4=method.last4, default=method.default)
    if method.default and method.status == "active":
        charges.change_method(tx, house, account, method.id, now)
        notices.method_added(tx, house, ledger.load(tx, ref, now), method, now)


def _tell(tx: Tx, account: Account, kind: str, now: datetime, **data: Any) -> None:
    events.record(tx, reaching.stream_of(tx, account), kind, now, "system", account=account.ref.id, **data)


__all__ = ["Settled", "Told", "failed", "method_added", "pending", "settled", "updated"]

"""What happens to an author's money, booked into the embedded ledger: payments, credits, plans, refunds, withdrawals.

Verbs are plain functions over one unit of work: ``tx`` first, then the author's id, the values, and ``at``, the moment.
Each takes a new revision of the author first, which also serialises writers of one author, and keeps invoices,
instalments and the outstanding amount consistent. A record that is told twice (a repeated webhook) changes nothing the
second time. They raise ``NotFound`` for an unknown author or record and ``Conflict`` where the ledger's state forbids it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from inbox.accounts import base, records, tables
from inbox.accounts.dues import falls_on
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.errors import Conflict, NotFound
from inbox.money import Money

_invoices, _parts, _plans, _payments = tables.invoices, tables.instalments, tables.plans, tables.payments
_INVOICE = Sql(
    sa.select(_invoices).where(_invoices.c.id == bindparam("id"), _invoices.c.author_id == bindparam("author"))
)
_SET_INVOICE = Sql(
    sa.update(_invoices)
    .values(paid=bindparam("now_paid"), credited=bindparam("now_credited"), status=bindparam("now_status"))
    .where(_invoices.c.id == bindparam("key"))
)
_SET_DUE = Sql(sa.update(_invoices).values(due_on=bindparam("due")).where(_invoices.c.id == bindparam("key")))
_PARTS = Sql(
    sa.select(_parts)
    .join(_plans, _plans.c.id == _parts.c.plan_id)
    .where(_plans.c.invoice_id == bindparam("invoice"), _plans.c.status == "active")
    .order_by(_parts.c.due_on, _parts.c.number)
)
_SET_PART = Sql(
    sa.update(_parts)
    .values(paid=bindparam("now_paid"), status=bindparam("now_status"), due_on=bindparam("due"))
    .where(_parts.c.plan_id == bindparam("plan"), _parts.c.number == bindparam("n"))
)
_PLAN = Sql(sa.select(_plans).where(_plans.c.id == bindparam("id"), _plans.c.author_id == bindparam("author")))
_SET_RETRY = Sql(
    sa.update(_plans)
    .values(next_retry_on=bindparam("retry"))
    .where(_plans.c.invoice_id == bindparam("invoice"), _plans.c.status == "active")
)
_REPLACE = Sql(
    sa.update(_plans)
    .values(status="replaced")
    .where(_plans.c.invoice_id == bindparam("invoice"), _plans.c.id != bindparam("key"))
)
_MOVED = Sql(sa.update(_plans).values(moves=_plans.c.moves + 1).where(_plans.c.id == bindparam("key")))
_PAYMENT = Sql(sa.select(_payments).where(_payments.c.id == bindparam("id")))
_SET_PAYMENT = Sql(
    sa.update(_payments)
    .values(status=bindparam("now_status"), applied=bindparam("now_applied"), decline_code=bindparam("decline"))
    .where(_payments.c.id == bindparam("key"))
)
_CREDIT = Sql(sa.select(tables.credit_notes).where(tables.credit_notes.c.id == bindparam("id")))
_ADD_CREDIT = insert(
    tables.credit_notes, "id", "author_id", "invoice_id", "amount", "applied", "given_by", "created_at"
)


# --- payments ---------------------------------------------------------------------------------------------------------


def record_payment(
    tx: Tx, author_id: str, payment: base.Payment, *, at: datetime, next_retry_on: date | None = None
) -> None:
    """A payment in any state. What is captured lowers the invoice and pays its instalments, oldest first; what exceeds
    the balance stays on the payment. A failed one marks the oldest instalment due as failed.
    """
    records.touch(tx, author_id, at)
    known = tx.one(_PAYMENT, id=payment.id)
    if known is not None:
        _known_payment(tx, author_id, known, payment)
        return
    applied = 0
    if payment.status == "succeeded":
        applied = _apply(tx, author_id, payment.invoice_id, payment.amount.minor)
    elif payment.status == "failed":
        _fail_oldest(tx, payment.invoice_id, payment.on, next_retry_on)
    records.payment(tx, author_id, payment, applied=applied)


def set_next_retry(tx: Tx, author_id: str, invoice_id: str, on: date | None, *, at: datetime) -> None:
    """When the next automatic try of the invoice's plan is made; None = none is planned."""
    records.touch(tx, author_id, at)
    tx.run(_SET_RETRY, invoice=invoice_id, retry=on.isoformat() if on else "")


def _known_payment(tx: Tx, author_id: str, known: Any, payment: base.Payment) -> None:
    if known["author_id"] != author_id or known["amount"] != payment.amount.minor:
        raise Conflict(f"payment {payment.id} is on record already with another author or amount")
    if known["status"] != payment.status:
        _change_payment(tx, known, payment.status, payment.on, payment.decline_code)


def update_payment(
    tx: Tx, author_id: str, payment_id: str, status: str, *, at: datetime, decline_code: str = ""
) -> None:
    """``pending`` became ``succeeded`` or ``failed``; ``succeeded`` became ``failed`` (returned) or ``refunded``."""
    records.touch(tx, author_id, at)
    known = tx.one(_PAYMENT, id=payment_id)
    if known is None or known["author_id"] != author_id:
        raise NotFound(f"there is no payment {payment_id!r} of author {author_id!r}")
    if known["status"] != status:
        _change_payment(tx, known, status, at.date(), decline_code)


def _change_payment(tx: Tx, known: Any, status: str, on: date, decline_code: str) -> None:
    applied = known["applied"]
    if status == "succeeded":
        applied = _apply(tx, known["author_id"], known["invoice_id"], known["amount"])
    elif known["status"] == "succeeded" and status in ("failed", "pending"):
        _take_back(tx, known["author_id"], known["invoice_id"], applied, on)
        applied = 0
    elif status == "failed":
        _fail_oldest(tx, known["invoice_id"], on, None)
    tx.run(_SET_PAYMENT, key=known["id"], now_status=status, now_applied=applied, decline=decline_code)


def _apply(tx: Tx, author_id: str, invoice_id: str, amount: int) -> int:
    """Put an amount on an invoice; returns the part that lowered its balance."""
    invoice = _invoice(tx, author_id, invoice_id)
    applied = min(amount, max(_balance(invoice), 0))
    _set_invoice(tx, invoice, paid=invoice["paid"] + applied)
    settled = _balance(invoice) == applied
    _pay_parts(tx, invoice_id, applied, settled=settled)
    return applied


def _pay_parts(tx: Tx, invoice_id: str, amount: int, *, settled: bool) -> None:
    parts = tx.all(_PARTS, invoice=invoice_id)
    late = False
    for part in parts:
        if part["status"] == "paid":
            continue
        share = min(amount, part["amount"] - part["paid"])
        amount -= share
        paid = part["paid"] + share
        done = settled or paid == part["amount"]  # a settled invoice leaves no odd cent open
        status = "paid" if done else part["status"]
        late = late or status == "failed"
        _set_part(tx, part, paid=paid, status=status)
    if parts and not late:
        tx.run(_SET_RETRY, invoice=invoice_id, retry="")


def _take_back(tx: Tx, author_id: str, invoice_id: str, amount: int, on: date) -> None:
    """A payment was returned: the newest instalments it paid are open again."""
    invoice = _invoice(tx, author_id, invoice_id)
    _set_invoice(tx, invoice, paid=invoice["paid"] - amount)
    for part in reversed(tx.all(_PARTS, invoice=invoice_id)):
        share = min(amount, part["paid"])
        if share:
            amount -= share
            status = "failed" if part["due_on"] <= on.isoformat() else "scheduled"
            _set_part(tx, part, paid=part["paid"] - share, status=status)


def _fail_oldest(tx: Tx, invoice_id: str, on: date, retry: date | None) -> None:
    for part in tx.all(_PARTS, invoice=invoice_id):
        if part["status"] != "paid":
            if part["due_on"] <= on.isoformat():
                _set_part(tx, part, paid=part["paid"], status="failed")
            break
    if retry:
        tx.run(_SET_RETRY, invoice=invoice_id, retry=retry.isoformat())


# --- invoices ---------------------------------------------------------------------------------------------------------


def credit_invoice(
    tx: Tx, author_id: str, invoice_id: str, amount: Money, *, credit_id: str, given_by: str, at: datetime
) -> Money:
    """A credit note: the invoice comes to less. Returns what of it lowered the balance; the rest is owed to the author."""
    records.touch(tx, author_id, at)
    invoice = _invoice(tx, author_id, invoice_id)
    known = tx.one(_CREDIT, id=credit_id)
    if known is not None:
        if known["invoice_id"] != invoice_id or known["amount"] != amount.minor:
            raise Conflict(f"credit {credit_id} is on record already for something else")
        return Money(known["applied"], amount.currency)
    if amount.minor <= 0:
        raise Conflict("a credit must be more than nothing")
    applied = min(amount.minor, max(_balance(invoice), 0))
    tx.run(
        _ADD_CREDIT, id=credit_id, author_id=author_id, invoice_id=invoice_id, amount=amount.minor, applied=applied,
        given_by=given_by, created_at=to_micros(at),
    )  # fmt: skip
    _set_invoice(tx, invoice, credited=invoice["credited"] + applied)
    _credit_parts(tx, invoice_id, applied)
    return Money(applied, amount.currency)


def _credit_parts(tx: Tx, invoice_id: str, amount: int) -> None:
    """The last instalments go first, so that what is due next stays as it was agreed."""
    for part in reversed(tx.all(_PARTS, invoice=invoice_id)):
        share = min(amount, part["amount"] - part["paid"]) if part["status"] != "paid" else 0
        if share:
            amount -= share
            paid = part["paid"] + share
            _set_part(tx, part, paid=paid, status="paid" if paid == part["amount"] else part["status"])


def void_invoice(tx: Tx, author_id: str, invoice_id: str, *, at: datetime) -> None:
    """The invoice is owed no more."""
    records.touch(tx, author_id, at)
    invoice = _invoice(tx, author_id, invoice_id)
    tx.run(_SET_INVOICE, key=invoice_id, now_paid=invoice["paid"], now_credited=invoice["credited"], now_status="void")


def _invoice(tx: Tx, author_id: str, invoice_id: str) -> Any:
    row = tx.one(_INVOICE, id=invoice_id, author=author_id)
    if row is None:
        raise NotFound(f"there is no invoice {invoice_id!r} of author {author_id!r}")
    return row


def _balance(invoice: Any) -> int:
    return 0 if invoice["status"] == "void" else int(invoice["total"] - invoice["credited"] - invoice["paid"])


def _set_invoice(tx: Tx, invoice: Any, *, paid: int | None = None, credited: int | None = None) -> None:
    paid = invoice["paid"] if paid is None else paid
    credited = invoice["credited"] if credited is None else credited
    status = invoice["status"]
    if status != "void":
        status = "paid" if invoice["total"] - credited - paid <= 0 else "open"
    tx.run(_SET_INVOICE, key=invoice["id"], now_paid=paid, now_credited=credited, now_status=status)


def _set_part(tx: Tx, part: Any, *, paid: int, status: str, due_on: str = "") -> None:
    tx.run(
        _SET_PART,
        plan=part["plan_id"],
        n=part["number"],
        now_paid=paid,
        now_status=status,
        due=due_on or part["due_on"],
    )


# --- plans ------------------------------------------------------------------------------------------------------------


def replace_plan(tx: Tx, author_id: str, plan: base.Plan, *, at: datetime) -> None:
    """A new plan for what is left of an invoice; an earlier one ends. Its open parts must add up to the balance, give or
    take a cent each. Parts of the same plan id are overwritten.
    """
    records.touch(tx, author_id, at)
    invoice = _invoice(tx, author_id, plan.invoice_id)
    left = sum(i.amount.minor for i in plan.left)
    if abs(left - _balance(invoice)) > len(plan.left):
        currency = plan.instalments[0].amount.currency if plan.instalments else "USD"
        raise Conflict(
            f"the instalments come to {Money(left, currency)}, but {plan.invoice_id} has"
            f" {Money(_balance(invoice), currency)} left"
        )
    records.plan(tx, author_id, plan)
    tx.run(_REPLACE, invoice=plan.invoice_id, key=plan.id)
    tx.run(_SET_DUE, key=plan.invoice_id, due=max(i.due_on for i in plan.instalments).isoformat())


def move_due_date(
    tx: Tx, author_id: str, plan_id: str, days: int, *, at: datetime, since: date | None = None
) -> tuple[date, date]:
    """Move every instalment that is still scheduled by ``days``, once in a plan's life; with ``since`` only those due on
    that day of a month, from then on. Returns the next due date before and after. Raises ``Conflict`` the second time,
    or if nothing is scheduled.
    """
    records.touch(tx, author_id, at)
    plan = tx.one(_PLAN, id=plan_id, author=author_id)
    if plan is None:
        raise NotFound(f"there is no plan {plan_id!r} of author {author_id!r}")
    if plan["moves"]:
        raise Conflict(f"the due dates of plan {plan_id} were moved before; a plan may be moved once")
    parts = tx.all(_PARTS, invoice=plan["invoice_id"])
    scheduled = [
        p for p in parts if p["plan_id"] == plan_id and p["status"] == "scheduled" and _falls_on(p["due_on"], since)
    ]
    if not scheduled:
        raise Conflict(f"plan {plan_id} has no instalment to come")
    moved = [date.fromisoformat(p["due_on"]) + timedelta(days=days) for p in scheduled]
    for part, due in zip(scheduled, moved, strict=True):
        _set_part(tx, part, paid=part["paid"], status=part["status"], due_on=due.isoformat())
    tx.run(_MOVED, key=plan_id)
    last = max([*(p["due_on"] for p in parts if p not in scheduled), moved[-1].isoformat()])
    tx.run(_SET_DUE, key=plan["invoice_id"], due=last)
    return date.fromisoformat(scheduled[0]["due_on"]), moved[0]


def _falls_on(due_on: str, since: date | None) -> bool:
    return since is None or falls_on(date.fromisoformat(due_on), since)

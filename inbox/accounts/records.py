"""Write single records of the ledger as they are told, without further effects: the importer and the verbs use these.

Every function takes the unit of work first and the author's id; a record with a known id is overwritten, unless it
belongs to another author (``Conflict``).
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime

import sqlalchemy as sa

from inbox.accounts import base, royalties_told, tables
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, upsert
from inbox.disclosure import names
from inbox.errors import Conflict, NotFound


def _saving(table: sa.Table, *left_alone: str) -> Sql:
    key = tuple(c.name for c in table.primary_key.columns)
    return upsert(table, key, *(c.name for c in table.columns if c.name not in (*key, *left_alone)))


_AUTHOR = _saving(tables.authors, "billing", "phone_new_until", "rests_until")
_TITLE = _saving(tables.titles)
_INVOICE = _saving(tables.invoices, "credited")
_PLAN = _saving(tables.plans, "moves")
_INSTALMENT = _saving(tables.instalments)
_PAYMENT = _saving(tables.payments)
_METHOD = _saving(tables.payment_methods)
_ROYALTIES = _saving(tables.royalties, "payout_checked_at")
_WITHDRAWAL = _saving(
    tables.withdrawals, "destination", "conversation_id", "confirmation", "held_from", "sent_on", "changed_at"
)
_CONFIRMED_HERE = Sql(
    sa.select(tables.withdrawals.c.id).where(
        tables.withdrawals.c.id == sa.bindparam("id"), tables.withdrawals.c.confirmation != ""
    )
)
_REFUND = _saving(tables.refunds)
_DISPUTE = _saving(tables.disputes)
_PROMISE = _saving(tables.promises)
_ATTEMPT = _saving(tables.contact_log)
_OWNERS = {
    t.name: Sql(sa.select(t.c.author_id).where(t.c.id == sa.bindparam("id")))
    for t in (
        tables.invoices, tables.plans, tables.payments, tables.withdrawals, tables.refunds, tables.disputes,
        tables.promises,
    )
}  # fmt: skip
_NO_TITLES = Sql(sa.delete(tables.titles).where(tables.titles.c.author_id == sa.bindparam("id")))
_NO_INSTALMENTS = Sql(sa.delete(tables.instalments).where(tables.instalments.c.plan_id == sa.bindparam("id")))
_NO_CREDITS = Sql(sa.update(tables.invoices).values(credited=0).where(tables.invoices.c.id == sa.bindparam("key")))
_LOCK = Sql(sa.select(tables.authors.c.id).where(tables.authors.c.id == sa.bindparam("id")).with_for_update())
_TOUCH = Sql(
    sa.update(tables.authors)
    .values(revision=sa.bindparam("new"), as_of=sa.bindparam("at"))
    .where(tables.authors.c.id == sa.bindparam("key"))
)


def owner(tx: Tx, table: str, record_id: str) -> str:
    """Whose record that is, "" if there is none; ``table`` by its name in ``tables``, those with global ids only."""
    statement = _OWNERS.get(f"ledger_{table}")
    row = tx.one(statement, id=record_id) if statement else None
    return str(row["author_id"]) if row is not None else ""


def _owned(tx: Tx, table: str, record_id: str, author_id: str) -> None:
    if owner(tx, table, record_id) not in ("", author_id):
        raise Conflict(f"{record_id} is a record of another author already")


def lock(tx: Tx, author_id: str) -> None:
    """Keep other writers away from this author until the commit, before anything of them is read. Raises ``NotFound``."""
    if tx.one(_LOCK, id=author_id) is None:
        raise NotFound(f"there is no author {author_id!r} in the ledger")


def touch(tx: Tx, author_id: str, at: datetime) -> None:
    """A new revision, taken first: it also locks the author's row against a second writer. Raises ``NotFound``."""
    if not tx.run(_TOUCH, key=author_id, new=_revision(), at=to_micros(at)):
        raise NotFound(f"there is no author {author_id!r} in the ledger")


def _revision() -> int:
    # Random, so that the number of a rolled-back change is never used again for something else.
    return int.from_bytes(os.urandom(8)) >> 2


def author(tx: Tx, account: base.Account, at: datetime) -> None:
    """The author's own row and titles."""
    name_key, name_key2 = names.keys(account.name)
    tx.run(
        _AUTHOR, id=account.ref.id, name=account.name, name_key=name_key, name_key2=name_key2, email=account.email.lower(), phone=account.phone,
        timezone=account.timezone, language=account.language, region=account.region, currency=account.currency,
        flags=json.dumps(list(account.flags)), consents=json.dumps(dict(account.consents)), revision=_revision(),
        as_of=to_micros(at),
    )  # fmt: skip
    tx.run(_NO_TITLES, id=account.ref.id)
    for position, title in enumerate(account.titles):
        tx.run(_TITLE, author_id=account.ref.id, position=position, title=title)


def invoice(tx: Tx, author_id: str, value: base.Invoice) -> None:
    _owned(tx, "invoices", value.id, author_id)
    tx.run(
        _INVOICE, id=value.id, author_id=author_id, description=value.description, issued_on=value.issued_on.isoformat(),
        due_on=value.due_on.isoformat(), total=value.total.minor, paid=value.paid.minor, status=value.status,
    )  # fmt: skip
    tx.run(_NO_CREDITS, key=value.id)  # a total that is told includes its credit notes


def plan(tx: Tx, author_id: str, value: base.Plan) -> None:
    _owned(tx, "plans", value.id, author_id)
    tx.run(
        _PLAN, id=value.id, author_id=author_id, invoice_id=value.invoice_id, next_retry_on=_text(value.next_retry_on),
        approved_by=value.approved_by, status="active",
    )  # fmt: skip
    tx.run(_NO_INSTALMENTS, id=value.id)
    for part in value.instalments:
        tx.run(
            _INSTALMENT, plan_id=value.id, number=part.number, author_id=author_id, due_on=part.due_on.isoformat(),
            amount=part.amount.minor, paid=part.amount.minor if part.status == "paid" else 0, status=part.status,
        )  # fmt: skip


def payment(tx: Tx, author_id: str, value: base.Payment, *, applied: int) -> None:
    """``applied``: minor units of it that lowered the invoice's balance."""
    _owned(tx, "payments", value.id, author_id)
    tx.run(
        _PAYMENT, id=value.id, author_id=author_id, invoice_id=value.invoice_id, on=value.on.isoformat(),
        amount=value.amount.minor, applied=applied, method=value.method, status=value.status,
        decline_code=value.decline_code,
    )  # fmt: skip


def payment_method(tx: Tx, author_id: str, value: base.PaymentMethod) -> None:
    tx.run(
        _METHOD, author_id=author_id, id=value.id, type=value.type, brand=value.brand, last4=value.last4,
        expires=value.expires, is_default=int(value.default), status=value.status,
    )  # fmt: skip


def royalties(tx: Tx, author_id: str, value: base.Royalties) -> bool:
    """The sums, the tax form and the payout method; withdrawals are records of their own.

    What was decided here stays: what was paid out or set off since ``value.as_of`` is not available again, a payout
    method that people checked is not replaced, and the hold that follows a change is never shortened. False if
    ``available`` stays as it was, because money left here and ``as_of`` is not known.
    """
    kept = royalties_told.kept(tx, author_id, value)
    tx.run(
        _ROYALTIES, author_id=author_id, currency=value.available.currency, available=kept.available,
        pending=value.pending.minor, returns_reserve=value.returns_reserve.minor, threshold=value.threshold.minor,
        next_run_on=_text(value.next_run_on), tax_form=value.tax_form, tax_form_status=value.tax_form_status,
        payout_method=kept.payout_method, hold_until=kept.hold_until,
    )  # fmt: skip
    return not kept.stays


def withdrawal(tx: Tx, author_id: str, value: base.Withdrawal) -> None:
    """One that was confirmed here is left alone: its state moves only by what finance reports."""
    _owned(tx, "withdrawals", value.id, author_id)
    if tx.one(_CONFIRMED_HERE, id=value.id) is not None:
        return
    tx.run(
        _WITHDRAWAL, id=value.id, author_id=author_id, amount=value.amount.minor,
        requested_on=value.requested_on.isoformat(), status=value.status, expected_on=_text(value.expected_on),
        paid_on=_text(value.paid_on), reason=value.reason,
    )  # fmt: skip


def refund(tx: Tx, author_id: str, value: base.Refund) -> None:
    _owned(tx, "refunds", value.id, author_id)
    tx.run(
        _REFUND, id=value.id, author_id=author_id, invoice_id=value.invoice_id, payment_id=value.payment_id,
        amount=value.amount.minor, status=value.status, approved_on=_text(value.approved_on), method=value.method,
        expected=value.expected,
    )  # fmt: skip


def dispute(tx: Tx, author_id: str, value: base.Dispute) -> None:
    _owned(tx, "disputes", value.id, author_id)
    tx.run(
        _DISPUTE, id=value.id, author_id=author_id, invoice_id=value.invoice_id, payment_id=value.payment_id,
        amount=value.amount.minor, reason=value.reason, network=value.network, opened_on=value.opened_on.isoformat(),
        respond_by=_text(value.respond_by), status=value.status,
    )  # fmt: skip


def promise(tx: Tx, author_id: str, value: base.Promise) -> None:
    _owned(tx, "promises", value.id, author_id)
    tx.run(
        _PROMISE, id=value.id, author_id=author_id, invoice_id=value.invoice_id, amount=value.amount.minor,
        on=value.on.isoformat(), status=value.status, made_on=value.made_on.isoformat(), words=value.words,
        approved_by=value.approved_by,
    )  # fmt: skip


def contact_attempt(tx: Tx, author_id: str, value: base.ContactAttempt) -> None:
    tx.run(_ATTEMPT, author_id=author_id, at=to_micros(value.at), channel=value.channel, outcome=value.outcome)


def _text(on: date | None) -> str:
    return on.isoformat() if on else ""


def account(tx: Tx, value: base.Account, at: datetime) -> None:
    """Everything of an account: known ids are overwritten, records that are not in it stay."""
    id_ = value.ref.id
    author(tx, value, at)
    for an_invoice in value.invoices:
        invoice(tx, id_, an_invoice)
    for a_plan in value.plans:
        plan(tx, id_, a_plan)
    _payments(tx, value)
    for method in value.payment_methods:
        payment_method(tx, id_, method)
    if value.royalties:
        royalties(tx, id_, value.royalties)
        for a_withdrawal in value.royalties.withdrawals:
            withdrawal(tx, id_, a_withdrawal)
    _claims(tx, value)
    for attempt in value.contact_log:
        contact_attempt(tx, id_, attempt)


def _payments(tx: Tx, value: base.Account) -> None:
    left = {i.id: i.paid.minor for i in value.invoices}  # a second payment of a paid invoice lowered nothing
    for a_payment in value.payments:
        applied = (
            min(a_payment.amount.minor, left.get(a_payment.invoice_id, 0)) if a_payment.status == "succeeded" else 0
        )
        left[a_payment.invoice_id] = left.get(a_payment.invoice_id, 0) - applied
        payment(tx, value.ref.id, a_payment, applied=applied)


def _claims(tx: Tx, value: base.Account) -> None:
    for a_refund in value.refunds:
        refund(tx, value.ref.id, a_refund)
    for a_dispute in value.disputes:
        dispute(tx, value.ref.id, a_dispute)
    for a_promise in value.promises:
        promise(tx, value.ref.id, a_promise)

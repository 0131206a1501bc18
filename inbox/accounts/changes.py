"""What changes around an author's money in the embedded ledger: methods, claims, promises, royalties, flags, consents.

The same rules as in ``booking``: ``tx`` first, then the author's id, the values, and ``at``; each change takes a new
revision; told twice it changes nothing more; ``NotFound`` and ``Conflict`` are raised.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from inbox.accounts import base, records, tables
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx
from inbox.errors import Conflict, NotFound

_authors, _royalties = tables.authors, tables.royalties
CLOSED = ("won", "lost", "withdrawn", "closed")
_AUTHOR = Sql(sa.select(_authors).where(_authors.c.id == bindparam("id")))
_SET_FLAGS = Sql(sa.update(_authors).values(flags=bindparam("now_flags")).where(_authors.c.id == bindparam("key")))
_SET_CONSENTS = Sql(sa.update(_authors).values(consents=bindparam("given")).where(_authors.c.id == bindparam("key")))
_SET_CONTACT = Sql(
    sa.update(_authors)
    .values(email=bindparam("now_email"), phone=bindparam("now_phone"))
    .where(_authors.c.id == bindparam("key"))
)
_NO_DEFAULT = Sql(
    sa.update(tables.payment_methods)
    .values(is_default=0)
    .where(tables.payment_methods.c.author_id == bindparam("author"), tables.payment_methods.c.id != bindparam("key"))
)
_SET_TAX_FORM = Sql(
    sa.update(_royalties)
    .values(tax_form=bindparam("form"), tax_form_status=bindparam("form_status"))
    .where(_royalties.c.author_id == bindparam("author"))
)
_SET_PAYOUT = Sql(
    sa.update(_royalties)
    .values(payout_method=bindparam("method"), hold_until=bindparam("until"), payout_checked_at=bindparam("checked"))
    .where(_royalties.c.author_id == bindparam("author"))
)
_DISPUTE = Sql(sa.select(tables.disputes).where(tables.disputes.c.id == bindparam("id")))
_SET_DISPUTE = Sql(
    sa.update(tables.disputes).values(status=bindparam("now_status")).where(tables.disputes.c.id == bindparam("key"))
)
_PROMISE = Sql(sa.select(tables.promises).where(tables.promises.c.id == bindparam("id")))
_SET_PROMISE = Sql(
    sa.update(tables.promises).values(status=bindparam("now_status")).where(tables.promises.c.id == bindparam("key"))
)
_REFUNDED = Sql(
    sa.update(tables.payments)
    .values(status="refunded")
    .where(
        tables.payments.c.id == bindparam("key"),
        tables.payments.c.author_id == bindparam("author"),
        tables.payments.c.status == "succeeded",
        tables.payments.c.amount <= bindparam("given_back"),
    )
)


# --- the author -------------------------------------------------------------------------------------------------------


def save_author(tx: Tx, account: base.Account, *, at: datetime) -> None:
    """The author's own data, titles, consents and flags; a new author or a known one."""
    records.author(tx, account, at)


def set_flag(tx: Tx, author_id: str, flag: str, *, on: bool = True, at: datetime) -> None:
    """``hardship``, ``bankruptcy``, ``vip`` … set or lifted."""
    flags = [f for f in json.loads(_author(tx, author_id, at)["flags"]) if f != flag]
    tx.run(_SET_FLAGS, key=author_id, now_flags=json.dumps([*flags, flag] if on else flags))


def set_consent(tx: Tx, author_id: str, channel: str, *, given: bool, at: datetime) -> None:
    """May we write or call there: ``sms``, ``email`` or ``call``."""
    consents = {**json.loads(_author(tx, author_id, at)["consents"]), channel: given}
    tx.run(_SET_CONSENTS, key=author_id, given=json.dumps(consents))


def set_contact(tx: Tx, author_id: str, *, email: str = "", phone: str = "", at: datetime) -> None:
    """A new address on file; "" leaves the old one."""
    known = _author(tx, author_id, at)
    tx.run(_SET_CONTACT, key=author_id, now_email=email.lower() or known["email"], now_phone=phone or known["phone"])


def log_contact(tx: Tx, author_id: str, attempt: base.ContactAttempt, *, at: datetime) -> None:
    """We wrote or called; the contact caps count it."""
    records.touch(tx, author_id, at)
    records.contact_attempt(tx, author_id, attempt)


def add_payment_method(tx: Tx, author_id: str, method: base.PaymentMethod, *, at: datetime) -> None:
    """A new or changed method; if it is the default, no other one is."""
    records.touch(tx, author_id, at)
    records.payment_method(tx, author_id, method)
    if method.default:
        tx.run(_NO_DEFAULT, author=author_id, key=method.id)


def _author(tx: Tx, author_id: str, at: datetime) -> Any:
    records.touch(tx, author_id, at)
    return tx.one(_AUTHOR, id=author_id)


# --- claims and promises ----------------------------------------------------------------------------------------------


def save_refund(tx: Tx, author_id: str, refund: base.Refund, *, at: datetime) -> None:
    """An approved refund or its new state. One that was paid and covers its payment marks that as refunded."""
    records.touch(tx, author_id, at)
    records.refund(tx, author_id, refund)
    if refund.status == "paid" and refund.payment_id:
        tx.run(_REFUNDED, key=refund.payment_id, author=author_id, given_back=refund.amount.minor)


def open_dispute(tx: Tx, author_id: str, dispute: base.Dispute, *, at: datetime) -> None:
    """An objection or a chargeback, new or in a new state."""
    records.touch(tx, author_id, at)
    records.dispute(tx, author_id, dispute)


def close_dispute(tx: Tx, author_id: str, dispute_id: str, status: str, *, at: datetime) -> None:
    """``won``, ``lost``, ``withdrawn`` or ``closed``."""
    if status not in CLOSED:
        raise Conflict(f"a dispute is closed as one of {', '.join(CLOSED)}, not {status!r}")
    records.touch(tx, author_id, at)
    _own(tx.one(_DISPUTE, id=dispute_id), author_id, f"dispute {dispute_id!r}")
    tx.run(_SET_DISPUTE, key=dispute_id, now_status=status)


def save_promise(tx: Tx, author_id: str, promise: base.Promise, *, at: datetime) -> None:
    """A promise to pay; which ones may be taken is decided before."""
    records.touch(tx, author_id, at)
    records.promise(tx, author_id, promise)


def keep_promise(tx: Tx, author_id: str, promise_id: str, *, at: datetime) -> None:
    _end_promise(tx, author_id, promise_id, "kept", at)


def break_promise(tx: Tx, author_id: str, promise_id: str, *, at: datetime) -> None:
    _end_promise(tx, author_id, promise_id, "broken", at)


def replace_promise(tx: Tx, author_id: str, promise_id: str, *, at: datetime) -> None:
    """The author named another day, or agreed to another plan, before it fell due."""
    _end_promise(tx, author_id, promise_id, "replaced", at)


def _end_promise(tx: Tx, author_id: str, promise_id: str, status: str, at: datetime) -> None:
    records.touch(tx, author_id, at)
    known = _own(tx.one(_PROMISE, id=promise_id), author_id, f"promise {promise_id!r}")
    if known["status"] not in ("open", status):
        raise Conflict(f"promise {promise_id} is {known['status']} already")
    tx.run(_SET_PROMISE, key=promise_id, now_status=status)


def _own(row: Any, author_id: str, what: str) -> Any:
    if row is None or row["author_id"] != author_id:
        raise NotFound(f"there is no {what} of author {author_id!r}")
    return row


# --- royalties --------------------------------------------------------------------------------------------------------


def save_royalties(tx: Tx, author_id: str, royalties: base.Royalties, *, at: datetime) -> None:
    """The sums as the royalty system tells them, tax form and payout method; withdrawals are not touched."""
    records.touch(tx, author_id, at)
    records.royalties(tx, author_id, royalties)


def set_tax_form(tx: Tx, author_id: str, form: str, status: str, *, at: datetime) -> None:
    """``W-9`` or ``W-8BEN``; ``approved``, ``missing`` or ``expired``."""
    records.touch(tx, author_id, at)
    if not tx.run(_SET_TAX_FORM, author=author_id, form=form, form_status=status):
        raise NotFound(f"author {author_id!r} has no royalty account")


def set_payout_method(tx: Tx, author_id: str, method: str, *, hold_until: datetime | None, at: datetime) -> None:
    """A destination that people checked, masked ("bank ••5093"), with the hold that follows a change."""
    records.touch(tx, author_id, at)
    until = to_micros(hold_until) if hold_until else 0
    if not tx.run(_SET_PAYOUT, author=author_id, method=method, until=until, checked=to_micros(at)):
        raise NotFound(f"author {author_id!r} has no royalty account")

"""Tries to take money for an invoice: scheduled, under way, past. Of one invoice at most one is to come or under way, so
a retry and a payment the author makes by hand can never both run; the database's own index holds that up.

``scheduled -> running -> succeeded | failed``; ``scheduled -> cancelled``; a try that is cancelled is never made. A payment
page that was opened and left keeps the invoice for half an hour, and then gives back the day of the try it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from inbox import events
from inbox.accounts import booking, dues, ledger, records, tables
from inbox.accounts.base import Account, AccountRef, Payment
from inbox.accounts.declines import next_try
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.errors import Conflict, NotFound
from inbox.house import House
from inbox.ids import new_id
from inbox.money import Money
from inbox.receivables import reaching

Kind = Literal["autopay", "retry", "manual"]
#: A payment page that was opened and left does not keep the invoice for ever.
ABANDONED = timedelta(minutes=30)

b = sa.bindparam
c = tables.charges
_LIVE = Sql(
    sa.select(c).where(
        c.c.author_id == b("author"), c.c.invoice_id == b("invoice"), c.c.state.in_(["scheduled", "running"])
    )
)
_LIVE_OF = Sql(
    sa.select(c)
    .where(c.c.author_id == b("author"), c.c.state.in_(["scheduled", "running"]))
    .order_by(c.c.run_on, c.c.id)
)
_MADE = Sql(
    sa.select(sa.func.count().label("n")).where(
        c.c.author_id == b("author"), c.c.invoice_id == b("invoice"), c.c.kind == "autopay", c.c.run_on == b("day"),
        sa.or_(c.c.state.in_(["running", "succeeded"]), c.c.payment_id != ""),  # not one that was given up
    )
)  # fmt: skip
_ONE = Sql(sa.select(c).where(c.c.id == b("key")))
_ADD = insert(
    c, "id", "author_id", "invoice_id", "amount", "kind", "method_id", "try_number", "first_failed_on", "state", "run_on",
    "created_at", "updated_at",
)  # fmt: skip
_MOVE = Sql(
    sa.update(c)
    .where(c.c.id == b("key"), c.c.state == b("was"))
    .values(state=b("to"), payment_id=b("payment"), reason=b("why"), updated_at=b("at"))
)
_GIVES_BACK = Sql(
    sa.update(c)
    .where(c.c.id == b("key"))
    .values(run_on=b("day"), method_id=b("method"), try_number=b("tried"), first_failed_on=b("first"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    id: str  # also the idempotency key at the provider
    author_id: str
    invoice_id: str
    amount: Money
    kind: Kind
    method_id: str
    try_number: int
    first_failed_on: date | None
    state: str  # scheduled | running | succeeded | failed | cancelled
    #: The day it is made; of an instalment's the day that falls due; of one by hand the day of the try that made room.
    run_on: date | None
    updated_at: datetime


def of(tx: Tx, account: Account) -> list[Charge]:
    """Tries that are to come or under way, the earliest first."""
    return [_charge(row, account.currency) for row in tx.all(_LIVE_OF, author=account.ref.id)]


def get(tx: Tx, charge_id: str, currency: str) -> Charge:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, key=charge_id)
    if row is None:
        raise NotFound(f"there is no charge {charge_id!r}")
    return _charge(row, currency)


def live(tx: Tx, account: Account, invoice_id: str) -> Charge | None:
    """The try that is to come or under way; a payment page that was left counts until ``freed``."""
    row = tx.one(_LIVE, author=account.ref.id, invoice=invoice_id)
    return _charge(row, account.currency) if row else None


def freed(tx: Tx, account: Account, invoice_id: str, now: datetime) -> Charge | None:
    """``live``, after a payment page that was left gave back the try it stopped."""
    found = live(tx, account, invoice_id)
    if found is None or not _is_left(found, now):
        return found
    _move(tx, account, found, "cancelled", now, why=_LEFT)
    _give_back(tx, account, found, date.min, now)
    return live(tx, account, invoice_id)


_LEFT = "the payment page was left"


def _is_left(charge: Charge, now: datetime) -> bool:
    return charge.kind == "manual" and charge.state == "running" and now - charge.updated_at >= ABANDONED


def _give_back(tx: Tx, account: Account, charge: Charge, earliest: date, now: datetime) -> None:
    """The try that made room for a payment by hand is planned again, if what it was for is still open."""
    due = failed_due(account, charge.invoice_id)
    if charge.kind != "manual" or charge.run_on is None or due is None:
        return
    again = replace(
        charge, id=f"CH-{new_id()}", amount=due, kind="retry", state="scheduled", run_on=max(charge.run_on, earliest),
        updated_at=now,
    )  # fmt: skip
    schedule(tx, account, again, now)


# -- the next try after a failure


def after_failure(
    tx: Tx, house: House, account: Account, payment: Payment, now: datetime, told: date | None = None
) -> date | None:
    """Schedule the next try of what was declined, or stop; returns its day. ``account`` has the failed payment already.

    ``told`` is the day the provider itself announced, if it does the trying: where we do not charge ourselves, no other
    day is ever named. Tries are counted per invoice and method since the last payment that went through.
    """
    failures = _failures(account, payment)
    planned = next_try(min(p.on for p in failures), len(failures), payment.decline_code)
    on = None if planned is None else planned if house.can_charge else told
    if on is not None and on <= now.date():
        on = now.date() + timedelta(days=1)  # the news came late
    due = failed_due(account, payment.invoice_id)
    running = freed(tx, account, payment.invoice_id, now)
    if running is not None and running.state == "scheduled":
        _move(tx, account, running, "cancelled", now, why="declined meanwhile")
    if on is None or due is None or (running is not None and running.state == "running"):
        booking.set_next_retry(tx, account.ref.id, payment.invoice_id, None, at=now)
        if due is not None and on is None:
            _tell(tx, account, "retry.stopped", now, invoice=payment.invoice_id, tries=len(failures))
        return None
    schedule(
        tx, account, Charge(
            id=f"CH-{new_id()}", author_id=account.ref.id, invoice_id=payment.invoice_id, amount=due, kind="retry",
            method_id=_method_id(account, payment.method), try_number=len(failures) + 1,
            first_failed_on=min(p.on for p in failures), state="scheduled", run_on=on, updated_at=now,
        ), now,
    )  # fmt: skip
    return on


def _failures(account: Account, payment: Payment) -> list[Payment]:
    mine = [p for p in account.payments if p.invoice_id == payment.invoice_id]
    last_good = max((p.on for p in mine if p.status == "succeeded"), default=date.min)
    counted = [p for p in mine if p.status == "failed" and p.method == payment.method and p.on > last_good]
    return counted or [payment]


def failed_due(account: Account, invoice_id: str) -> Money | None:
    """What a try of that invoice takes now: the oldest part that was declined, or all of it; None if nothing is late."""
    found = [d for d in dues.unpaid(account) if d.invoice.id == invoice_id]
    return next((d.amount for d in found if d.status in ("failed", "open")), None)


def _method_id(account: Account, masked: str) -> str:
    return next((m.id for m in account.payment_methods if dues.masked(m) == masked), "")


def schedule(tx: Tx, account: Account, charge: Charge, now: datetime) -> None:
    """Put a try on the calendar; the invoice must have none."""
    assert charge.run_on is not None
    _add(tx, charge, now)
    booking.set_next_retry(tx, account.ref.id, charge.invoice_id, charge.run_on, at=now)
    _tell(
        tx, account, "retry.scheduled", now, invoice=charge.invoice_id, on=charge.run_on.isoformat(), charge=charge.id,
        try_number=charge.try_number,
    )  # fmt: skip


# -- cancelling


def cancel(tx: Tx, account: Account, invoice_id: str, why: str, now: datetime) -> date | None:
    """No scheduled try of this invoice will be made; returns the day it was planned for. One under way is left alone, but
    one by hand gives no day back any more.
    """
    planned = next((p.next_retry_on for p in account.plans if p.invoice_id == invoice_id and p.next_retry_on), None)
    found = live(tx, account, invoice_id)
    if found is not None and found.state == "scheduled":
        planned = found.run_on
        _move(tx, account, found, "cancelled", now, why=why)
    elif found is not None and found.kind == "manual" and found.run_on is not None:
        planned = planned or found.run_on
        _will_give_back(tx, replace(found, run_on=None))
    if planned is None:
        return None
    booking.set_next_retry(tx, account.ref.id, invoice_id, None, at=now)
    _tell(tx, account, "retry.cancelled", now, invoice=invoice_id, on=planned.isoformat(), why=why)
    return planned


def change_method(tx: Tx, house: House, account: Account, method_id: str, now: datetime) -> None:
    """A new default method: no try on the old one is made any more; where we do the charging, what was declined is
    tried with the new one instead, on the planned day but not before tomorrow.
    """
    tomorrow = now.date() + timedelta(days=1)
    first: dict[str, dues.Due] = {}
    for due in dues.unpaid(account):
        if due.status == "failed" and due.plan is not None:
            first.setdefault(due.invoice.id, due)
    waiting = {x.invoice_id for x in of(tx, account) if x.state == "scheduled" and x.method_id != method_id}
    waiting |= {p.invoice_id for p in account.plans if p.next_retry_on}
    for invoice_id in sorted(waiting | set(first)):
        freed(tx, account, invoice_id, now)
        planned = cancel(tx, account, invoice_id, "another payment method is on file", now)
        due_now, under_way = first.get(invoice_id), live(tx, account, invoice_id)
        if due_now is None or not house.can_charge or (under_way is not None and under_way.kind != "manual"):
            continue
        again = Charge(
            id=f"CH-{new_id()}", author_id=account.ref.id, invoice_id=invoice_id, amount=due_now.amount, kind="retry",
            method_id=method_id, try_number=1, first_failed_on=None, state="scheduled",
            run_on=max(planned or tomorrow, tomorrow), updated_at=now,
        )  # fmt: skip
        if under_way is None:
            schedule(tx, account, again, now)
        else:  # the payment page is open: what is planned now waits for how that ends
            _will_give_back(tx, replace(again, id=under_way.id))


def _will_give_back(tx: Tx, charge: Charge) -> None:
    """What a payment by hand plans again if it comes to nothing."""
    tx.run(
        _GIVES_BACK, key=charge.id, day=charge.run_on.isoformat() if charge.run_on else "", method=charge.method_id,
        tried=charge.try_number, first=charge.first_failed_on.isoformat() if charge.first_failed_on else "",
    )  # fmt: skip


# -- one try


def begin(tx: Tx, account: Account, charge: Charge, now: datetime) -> None:
    """An automatic try starts. Raises ``Conflict`` if it was cancelled or begun meanwhile."""
    if charge.state != "scheduled" or not _move(tx, account, charge, "running", now):
        raise Conflict(f"charge {charge.id} is {charge.state} or was changed meanwhile; it is not made")


def was_made(tx: Tx, account: Account, due: dues.Due) -> bool:
    """Was the charge of this instalment made since its day came? What it took may have paid an older one."""
    found = tx.one(_MADE, author=account.ref.id, invoice=due.invoice.id, day=due.due_on.isoformat())
    of_the_day = sum(i.due_on == due.due_on for i in due.plan.instalments) if due.plan else 1
    return found is not None and found["n"] >= of_the_day


def begin_autopay(tx: Tx, account: Account, due: dues.Due, method_id: str, now: datetime) -> Charge:
    """The charge of an instalment on its day. Raises ``Conflict`` if another try of this invoice is live."""
    invoice_id, amount = due.invoice.id, due.amount
    if freed(tx, account, invoice_id, now) is not None:
        raise Conflict(f"another charge of {invoice_id} is to come or under way; there is never a second one")
    charge = Charge(
        id=f"CH-{new_id()}", author_id=account.ref.id, invoice_id=invoice_id, amount=amount, kind="autopay",
        method_id=method_id, try_number=1, first_failed_on=None, state="running", run_on=due.due_on, updated_at=now,
    )  # fmt: skip
    _add(tx, charge, now)
    _tell(tx, account, "charge.begun", now, invoice=invoice_id, charge=charge.id, of="autopay", amount=str(amount))
    return charge


def begin_manual(tx: Tx, ref: AccountRef, invoice_id: str, amount: Money, now: datetime) -> Charge:
    """The author is about to pay by hand: the scheduled try makes room. Raises ``Conflict`` while another charge of the
    invoice is under way, and what ``refuse_amount`` raises; ``NotFound`` for a foreign invoice.
    """
    records.lock(tx, ref.id)
    account = ledger.load(tx, ref, now)
    invoice = account.invoice(invoice_id)
    if invoice is None:
        raise NotFound(f"there is no invoice {invoice_id!r} on this account")
    if amount.currency != account.currency or not 0 < amount.minor <= invoice.balance.minor:
        raise Conflict(f"{invoice_id} has {invoice.balance} {account.currency} left; pay at most that")
    found = live(tx, account, invoice_id)
    if found is not None and found.state == "running":
        if not _is_left(found, now):
            raise Conflict(f"a payment of {invoice_id} is being made right now; look again in a few minutes")
        _move(tx, account, found, "cancelled", now, why=_LEFT)
    elif found is not None:
        _move(tx, account, found, "cancelled", now, why="the author pays by hand")
    keep = found if found is not None and found.run_on is not None else None
    charge = Charge(
        id=f"CH-{new_id()}", author_id=ref.id, invoice_id=invoice_id, amount=amount, kind="manual",
        method_id=keep.method_id if keep else "", try_number=keep.try_number if keep else 1,
        first_failed_on=keep.first_failed_on if keep else None, state="running", run_on=keep.run_on if keep else None,
        updated_at=now,
    )  # fmt: skip
    _add(tx, charge, now)
    _tell(tx, account, "charge.begun", now, invoice=invoice_id, charge=charge.id, of="manual", amount=str(amount))
    return charge


def ended(tx: Tx, account: Account, charge: Charge, payment: Payment, now: datetime) -> bool:
    """What came of a try that was under way; False if it had ended before. One the author made by hand and that failed
    gives the scheduled try back, not before tomorrow. Raises ``Conflict`` for another author's or invoice's charge.
    """
    if charge.author_id != account.ref.id or charge.invoice_id != payment.invoice_id:
        raise Conflict(f"charge {charge.id} belongs to another author or invoice")
    state = "succeeded" if payment.status == "succeeded" else "failed"
    if not _move(tx, account, charge, state, now, payment_id=payment.id, why=payment.decline_code):
        return False
    if state == "failed":
        _give_back(tx, account, charge, now.date() + timedelta(days=1), now)
    return True


def given_up(tx: Tx, account: Account, charge: Charge, why: str, now: datetime) -> bool:
    """The payment system refused to make it, or cannot say what came of it: it holds the invoice no longer, and no try
    follows. False if it had ended before.
    """
    if not _move(tx, account, charge, "failed", now, why=why):
        return False
    booking.set_next_retry(tx, account.ref.id, charge.invoice_id, None, at=now)
    return True


# -- rows


def due_today(charges: Iterable[Charge], today: date) -> list[Charge]:
    return [x for x in charges if x.state == "scheduled" and x.run_on is not None and x.run_on <= today]


def _add(tx: Tx, charge: Charge, now: datetime) -> None:
    tx.run(
        _ADD, id=charge.id, author_id=charge.author_id, invoice_id=charge.invoice_id, amount=charge.amount.minor,
        kind=charge.kind, method_id=charge.method_id, try_number=charge.try_number,
        first_failed_on=charge.first_failed_on.isoformat() if charge.first_failed_on else "", state=charge.state,
        run_on=charge.run_on.isoformat() if charge.run_on else "", created_at=to_micros(now), updated_at=to_micros(now),
    )  # fmt: skip


def _move(
    tx: Tx, account: Account, charge: Charge, to: str, now: datetime, *, payment_id: str = "", why: str = ""
) -> bool:
    """False if the try left its state meanwhile or long ago."""
    if charge.state not in ("scheduled", "running"):
        return False
    changed = tx.run(
        _MOVE, key=charge.id, was=charge.state, to=to, payment=payment_id, why=why[:200], at=to_micros(now)
    )  # fmt: skip
    if changed:
        _tell(tx, account, f"charge.{_WORD[to]}", now, charge=charge.id, invoice=charge.invoice_id, why=why[:200])
    return changed == 1


_WORD = {"running": "begun", "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}


def _tell(tx: Tx, account: Account, what: str, now: datetime, **data: Any) -> None:
    events.record(tx, reaching.stream_of(tx, account), what, now, "system", account=account.ref.id, **data)


def _charge(row: Any, currency: str) -> Charge:
    return Charge(
        id=row["id"], author_id=row["author_id"], invoice_id=row["invoice_id"], amount=Money(row["amount"], currency),
        kind=row["kind"], method_id=row["method_id"], try_number=row["try_number"],
        first_failed_on=date.fromisoformat(row["first_failed_on"]) if row["first_failed_on"] else None,
        state=row["state"], run_on=date.fromisoformat(row["run_on"]) if row["run_on"] else None,
        updated_at=from_micros(row["updated_at"]),
    )  # fmt: skip

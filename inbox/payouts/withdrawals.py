"""Withdrawals of royalties: asked for, moved through their states, told to the author at each step.

Verbs over one unit of work. Each takes the author's row first, which serialises everything that touches one author's
money. They raise ``NotFound`` for what is not there and ``Conflict`` for what the state forbids.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events, redaction
from inbox.accounts import ledger, records, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.errors import Conflict, NotFound
from inbox.house import House
from inbox.money import Money
from inbox.payouts import telling
from inbox.payouts.royalties import CALLED_OFF, says_called_off, was_called_off
from inbox.payouts.states import STATES, check_move

w, r = tables.withdrawals, tables.royalties
b = sa.bindparam
SHOWN = 200
_COLUMNS = (*w.c, r.c.currency)
_JOINED = sa.select(*_COLUMNS).join(r, r.c.author_id == w.c.author_id)
_ONE = Sql(_JOINED.where(w.c.id == b("withdrawal")))
_CONFIRMED_BY = Sql(_JOINED.where(w.c.confirmation == b("code"), w.c.confirmation != ""))
_IN_STATE = Sql(_JOINED.where(w.c.status == b("state"), w.c.confirmation != "").order_by(w.c.requested_on, w.c.id).limit(b("limit")))  # fmt: skip
_COUNTS = Sql(
    sa.select(w.c.status, sa.func.count().label("n")).where(w.c.confirmation != "").group_by(w.c.status)
)  # fmt: skip
_AVAILABLE = Sql(sa.select(r.c.available, r.c.currency).where(r.c.author_id == b("author")))
_TAKE = Sql(
    sa.update(r)
    .where(r.c.author_id == b("author"), r.c.available >= b("amount"))
    .values(available=r.c.available - b("amount"))
)
_GIVE_BACK = Sql(sa.update(r).where(r.c.author_id == b("author")).values(available=r.c.available + b("amount")))
_ADD = insert(
    w, "id", "author_id", "amount", "requested_on", "status", "expected_on", "destination", "conversation_id",
    "confirmation", "changed_at",
)  # fmt: skip
_SET = Sql(
    sa.update(w)
    .where(w.c.id == b("withdrawal"), w.c.status == b("was"))
    .values(
        status=b("now_status"), reason=b("why"), held_from=b("stopped_in"), sent_on=b("left_on"), paid_on=b("settled_on"),
        changed_at=b("at"),
    )
)  # fmt: skip
_REDIRECT = Sql(
    sa.update(w)
    .where(w.c.author_id == b("author"), w.c.confirmation != "", w.c.status.in_(["requested", "held"]),
           w.c.held_from.in_(["", "requested"]))
    .values(destination=b("to"))
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an author confirmed: ``confirmation`` is the id of the one-time code, ``destination`` masked."""

    id: str
    amount: Money
    destination: str
    confirmation: str
    conversation_id: str
    requested_on: date
    expected_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step: to which state, who took it, when, on which day it happened at the bank, and why."""

    to: str
    by: str  # staff id, "finance", "bot"
    at: datetime
    on: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A withdrawal with all that staff may see; ``destination`` is masked."""

    id: str
    author_id: str
    amount: Money
    status: str
    requested_on: date
    expected_on: date | None
    sent_on: date | None
    paid_on: date | None
    destination: str
    reason: str
    held_from: str
    conversation_id: str
    confirmation: str
    changed_at: datetime | None


def request(tx: Tx, author_id: str, wish: Wish, at: datetime) -> Withdrawal:
    """The amount leaves what is available. The same confirmation again gives the same withdrawal.

    Whether the author may be paid out is asked before, in the same unit and under the author's lock.
    """
    records.touch(tx, author_id, at)
    known = tx.one(_CONFIRMED_BY, code=wish.confirmation) if wish.confirmation else None
    if known is not None:
        return _withdrawal(known)
    row = tx.one(_AVAILABLE, author=author_id)
    if row is None:
        raise NotFound(f"author {author_id!r} has no royalty account")
    have = Money(row["available"], row["currency"])
    if wish.amount.minor <= 0 or wish.amount.currency != have.currency or not take(tx, author_id, wish.amount):
        raise Conflict(f"{wish.amount} {wish.amount.currency} cannot be withdrawn, {have} {have.currency} is available")
    tx.run(
        _ADD, id=wish.id, author_id=author_id, amount=wish.amount.minor, requested_on=wish.requested_on.isoformat(),
        status="requested", expected_on=wish.expected_on.isoformat() if wish.expected_on else "",
        destination=wish.destination, conversation_id=wish.conversation_id, confirmation=wish.confirmation,
        changed_at=to_micros(at),
    )  # fmt: skip
    return get(tx, wish.id)


def take(tx: Tx, author_id: str, amount: Money) -> bool:
    """Lower what is available; False, and nothing happens, if there is not so much."""
    return tx.run(_TAKE, author=author_id, amount=amount.minor) == 1


def move(tx: Tx, house: House, withdrawal_id: str, step: Move) -> Withdrawal:
    """Take an allowed step, record it, and tell the author. The same state and day again changes nothing."""
    author_id = get(tx, withdrawal_id).author_id
    records.touch(tx, author_id, step.at)
    before = get(tx, withdrawal_id)  # again, now that nobody else can change it
    if before.status == step.to and _same_day(before, step):
        return before
    check_move(withdrawal_id, before.status, step.to, before.held_from)
    if step.to == "held" and not step.reason:
        raise Conflict(f"{withdrawal_id}: say why it is put on hold")
    _write(tx, before, step)
    if step.to == "returned":
        tx.run(_GIVE_BACK, author=author_id, amount=before.amount.minor)
    after = get(tx, withdrawal_id)
    _record(tx, before, after, step)
    _tell(tx, house, before, after, step.at)
    return after


def _same_day(before: Withdrawal, step: Move) -> bool:
    """Only these two days are kept; other states have none that could differ."""
    known = {"sent": before.sent_on, "paid": before.paid_on}.get(step.to, step.on)
    return step.on is None or known == step.on


def _write(tx: Tx, before: Withdrawal, step: Move) -> None:
    on = (step.on or step.at.date()).isoformat()
    sent = on if step.to == "sent" else before.sent_on.isoformat() if before.sent_on else ""
    paid = on if step.to == "paid" else before.paid_on.isoformat() if before.paid_on else ""
    reason = redaction.mask(step.reason).text[:200]
    tx.run(
        _SET, withdrawal=before.id, was=before.status, now_status=step.to, why=reason,
        stopped_in=before.status if step.to == "held" else "", left_on=sent,
        settled_on="" if step.to == "returned" else paid, at=to_micros(step.at),
    )  # fmt: skip


def hold(tx: Tx, house: House, withdrawal_id: str, *, by: str, reason: str, at: datetime) -> Withdrawal:
    """Stop it while the money is still here; the reason is for staff, the author hears of a check."""
    if not reason.strip() or says_called_off(reason):
        raise Conflict(f"{withdrawal_id}: say why it is put on hold; to call it off is a step of its own")
    return move(tx, house, withdrawal_id, Move(to="held", by=by, at=at, reason=reason.strip()))


def release(tx: Tx, house: House, withdrawal_id: str, *, by: str, reason: str, at: datetime) -> Withdrawal:
    """It goes on where it was stopped. A payout hold that runs still keeps it out of every batch."""
    known = get(tx, withdrawal_id)
    if known.status != "held":
        raise Conflict(f"{withdrawal_id} is not on hold, it is {known.status.replace('_', ' ')}")
    if not reason.strip() or says_called_off(reason):
        raise Conflict(f"{withdrawal_id}: say why it may go on; to call it off is a step of its own")
    return move(tx, house, withdrawal_id, Move(to=known.held_from or "requested", by=by, at=at, reason=reason.strip()))


def call_off(tx: Tx, house: House, withdrawal_id: str, *, by: str, at: datetime) -> Withdrawal:
    """A withdrawal on hold will not be paid: the amount is available to the author again."""
    known = get(tx, withdrawal_id)
    if known.status != "held":
        raise Conflict(f"{withdrawal_id} is {known.status.replace('_', ' ')}; put it on hold first")
    if known.held_from != "requested":
        raise Conflict(f"{withdrawal_id} is in a batch that finance may have paid; report it as returned in their file")
    return move(tx, house, withdrawal_id, Move(to="returned", by=by, at=at, reason=CALLED_OFF))


def redirect(tx: Tx, author_id: str, destination: str) -> int:
    """A change of payout method was approved: what is not in a batch yet goes there, after the hold."""
    return tx.run(_REDIRECT, author=author_id, to=destination)


# -- reading


def get(tx: Tx, withdrawal_id: str) -> Withdrawal:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, withdrawal=withdrawal_id)
    if row is None:
        raise NotFound(f"there is no withdrawal {withdrawal_id}")
    return _withdrawal(row)


def in_state(tx: Tx, state: str, limit: int = SHOWN) -> list[Withdrawal]:
    """Those that were confirmed here, oldest first."""
    return [_withdrawal(row) for row in tx.all(_IN_STATE, state=state, limit=limit)]


def counts(tx: Tx) -> dict[str, int]:
    """How many there are in each state, all states named."""
    found = {row["status"]: int(row["n"]) for row in tx.all(_COUNTS)}
    return {state: found.get(state, 0) for state in STATES}


# -- shared


def stream_of(tx: Tx, author_id: str, conversation_id: str = "") -> str:
    """Where events about this author's money go: the conversation it began in, else the author's last one."""
    if conversation_id:
        return conversation_id
    author = contacts.by_account(tx, SOURCE, author_id)
    latest = conversations.latest(tx, author.id) if author else None
    return latest.id if latest else f"account:{author_id}"


def _record(tx: Tx, before: Withdrawal, after: Withdrawal, step: Move) -> None:
    released = before.status == "held" and after.status != "returned"
    kind = "withdrawal.released" if released else f"withdrawal.{after.status}"
    events.record(
        tx, stream_of(tx, after.author_id, after.conversation_id), kind, step.at, step.by, withdrawal=after.id,
        before=before.status, after=after.status, amount=str(after.amount), reason=after.reason,
        on=step.on.isoformat() if step.on else "",
    )  # fmt: skip


def _tell(tx: Tx, house: House, before: Withdrawal, after: Withdrawal, at: datetime) -> None:
    account = ledger.load(tx, AccountRef(SOURCE, after.author_id), at)
    step = "released" if before.status == "held" and after.status != "returned" else after.status
    if was_called_off(after.status, after.reason):
        step = "called_off"
    facts: dict[str, Any] = {
        "state": step, "withdrawal_id": after.id, "expected_on": after.expected_on,
        "sent_on": after.sent_on, "paid_on": after.paid_on,
    }  # fmt: skip
    source = (account.source_of(after.id), at.isoformat())
    again = f"@{to_micros(at)}" if step in ("held", "released") else ""  # these may happen more than once
    notice = telling.Notice(
        subject=after.id, step=f"{step}{again}", answer="withdrawal_notice", facts=facts,
        sources={name: source for name, value in facts.items() if value is not None},
    )  # fmt: skip
    telling.tell(tx, house, account, notice, at, conversation_id=after.conversation_id)


def _withdrawal(row: Any) -> Withdrawal:
    return Withdrawal(
        id=row["id"], author_id=row["author_id"], amount=Money(row["amount"], row["currency"]), status=row["status"],
        requested_on=date.fromisoformat(row["requested_on"]), expected_on=_on(row["expected_on"]),
        sent_on=_on(row["sent_on"]), paid_on=_on(row["paid_on"]), destination=row["destination"], reason=row["reason"],
        held_from=row["held_from"], conversation_id=row["conversation_id"], confirmation=row["confirmation"],
        changed_at=from_micros(row["changed_at"]) if row["changed_at"] else None,
    )  # fmt: skip


def _on(text: str) -> date | None:
    return date.fromisoformat(text) if text else None

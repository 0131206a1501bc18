"""Batches for finance: claim what may be paid, write it down for good, and take in what finance reports.

A batch is a snapshot. Its lines never change, so that writing it again gives the same bytes, whatever happens to the
withdrawals afterwards. The database refuses a withdrawal in two batches and a payout inside a hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import events
from inbox.accounts import ledger, records, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.errors import DataError, NotFound
from inbox.house import House
from inbox.money import Money
from inbox.payouts import files, withdrawals
from inbox.payouts.royalties import BAR_WORDS, CALLED_OFF, bar, says_called_off
from inbox.payouts.states import may_move, words
from inbox.payouts.tables import batches, items
from inbox.payouts.withdrawals import Move, Withdrawal

STREAM = "payouts"
MOST = 500  # withdrawals in one batch, which is one unit of the store; the rest is for the next
PAGE = 500  # requests looked at in one query
w, b = tables.withdrawals, sa.bindparam
_PLACE = (w.c.author_id, w.c.requested_on, w.c.id)
_DUE = Sql(
    sa.select(*_PLACE)
    .where(
        w.c.status == "requested", w.c.confirmation != "", w.c.requested_on <= b("until"),
        sa.tuple_(*_PLACE) > sa.tuple_(b("author"), b("day"), b("withdrawal")),
    )
    .order_by(*_PLACE)
    .limit(b("limit"))
)  # fmt: skip
_LAST = Sql(sa.select(sa.func.max(batches.c.number).label("n")))
_ADD = insert(batches, "number", "until_on", "created_by", "created_at")
_ADD_ITEM = insert(items, *(c.name for c in items.c))
_BATCH = Sql(sa.select(batches).where(batches.c.number == b("batch")))
_ITEMS = Sql(sa.select(items).where(items.c.batch == b("of_batch")).order_by(items.c.position))
_ITEM = Sql(sa.select(items).where(items.c.withdrawal_id == b("withdrawal")))
_EVERY = Sql(
    sa.select(
        batches, sa.func.count(items.c.position).label("count"), sa.func.coalesce(sa.func.sum(items.c.amount), 0).label("total"),
        sa.func.min(items.c.currency).label("currency"), sa.func.count(sa.distinct(items.c.currency)).label("currencies"),
    )
    .join(items, items.c.batch == batches.c.number)
    .group_by(*batches.c)
    .order_by(batches.c.number.desc())
    .limit(b("limit"))
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    number: int
    until_on: date
    created_by: str
    created_at: datetime
    count: int = 0
    total: str = ""  # "" where it mixes currencies

    @property
    def id(self) -> str:
        return batch_id(self.number)


@dataclass(frozen=True, slots=True)
class Picked:
    """Requests up to ``until`` that may be paid, in the order of their authors; ``waiting`` says of the others why not."""

    until: date
    ids: tuple[str, ...]
    waiting: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """``batch`` is None if nothing may be paid; ``waiting`` says for each that stays out why."""

    batch: Batch | None
    waiting: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Reconciled:
    """Ids by what the report did to them; ``unchanged`` were told before."""

    moved: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [f"{len(self.moved)} moved on, {len(self.unchanged)} known already"]


def batch_id(number: int) -> str:
    return f"PB-{number:05d}"


def number_of(text: str) -> int:
    """``PB-00012`` or ``12``. Raises ``NotFound`` for what is no batch id."""
    digits = text.strip().upper().removeprefix("PB-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise NotFound(f"{text[:40]!r} is not the id of a batch; it looks like PB-00012")
    return int(digits)


# -- claim


def pick(tx: Tx, until: date, at: datetime) -> Picked:
    """Look for up to ``MOST`` that may be paid, past all that wait, however many there are. Only reads: it may take long."""
    ids: list[str] = []
    waiting: list[tuple[str, str]] = []
    place, account = ("", "", ""), None
    while len(ids) < MOST:
        day, limit = until.isoformat(), min(PAGE, MOST - len(ids))
        due = tx.all(_DUE, until=day, author=place[0], day=place[1], withdrawal=place[2], limit=limit)
        for row in due:
            place = (row["author_id"], row["requested_on"], row["id"])
            if account is None or account.ref.id != row["author_id"]:
                account = ledger.load(tx, AccountRef(SOURCE, row["author_id"]), at)
            why = obstacle(account, withdrawals.get(tx, row["id"]), at)
            if why:
                waiting.append((row["id"], BAR_WORDS[why]))
            else:
                ids.append(row["id"])
        if len(due) < limit:
            break
    return Picked(until, tuple(ids), tuple(waiting))


def claim(tx: Tx, house: House, picked: Picked, *, by: str, at: datetime) -> Claimed:
    """Put what was picked and may still be paid into a new batch, ``in_review``; the authors are told.

    Each is judged at this moment, under its author's lock: whatever stops payouts keeps it out, whoever asks.
    """
    waiting = list(picked.waiting)
    chosen: list[tuple[Withdrawal, Account]] = []
    for key in picked.ids:
        records.touch(tx, withdrawals.get(tx, key).author_id, at)
        withdrawal = withdrawals.get(tx, key)
        if withdrawal.status != "requested":  # somebody was faster
            continue
        account = ledger.load(tx, AccountRef(SOURCE, withdrawal.author_id), at)
        why = obstacle(account, withdrawal, at)
        if why:
            waiting.append((withdrawal.id, BAR_WORDS[why]))
        else:
            chosen.append((withdrawal, account))
    if not chosen:
        return Claimed(None, tuple(waiting))
    number = int((tx.one(_LAST) or {"n": 0})["n"] or 0) + 1
    until = picked.until.isoformat()
    tx.run(_ADD, number=number, until_on=until, created_by=by, created_at=to_micros(at))
    for position, (withdrawal, account) in enumerate(chosen, 1):
        _add_item(tx, number, position, withdrawal, account, at)
        withdrawals.move(tx, house, withdrawal.id, Move(to="in_review", by=by, at=at))
    events.record(
        tx, STREAM, "payout.batch_made", at, by, batch=batch_id(number), count=len(chosen), until=until,
        withdrawals=[x.id for x, _ in chosen],
    )  # fmt: skip
    return Claimed(get(tx, number), tuple(waiting))


def obstacle(account: Account, withdrawal: Withdrawal, at: datetime) -> str:
    """Why it may not be paid now, ``""`` if it may. The amount has left ``available`` already."""
    if account.royalties is None:
        return "no_account"
    why = bar(account, at)
    if why:
        return why
    return "destination_differs" if account.royalties.payout_method != withdrawal.destination else ""


def _add_item(tx: Tx, number: int, position: int, withdrawal: Withdrawal, account: Account, at: datetime) -> None:
    held = account.royalties.hold_until if account.royalties else None
    tx.run(
        _ADD_ITEM, batch=number, position=position, withdrawal_id=withdrawal.id, author_id=withdrawal.author_id,
        name=account.name, amount=withdrawal.amount.minor, currency=withdrawal.amount.currency,
        destination=withdrawal.destination, requested_on=withdrawal.requested_on.isoformat(),
        held_until=to_micros(held) if held else 0, claimed_at=to_micros(at),
    )  # fmt: skip


# -- read


def get(tx: Tx, number: int) -> Batch:
    """Raises ``NotFound``."""
    row = tx.one(_BATCH, batch=number)
    if row is None:
        raise NotFound(f"there is no batch {batch_id(number)}")
    found = tx.all(_ITEMS, of_batch=number)
    amounts = [Money(i["amount"], i["currency"]) for i in found]
    return _batch(row, len(found), _total(amounts))


def every(tx: Tx, limit: int = 100) -> list[Batch]:
    """The newest first."""
    return [
        _batch(
            row, int(row["count"]), f"{Money(int(row['total']), row['currency'])} {row['currency']}" if row["currencies"] == 1 else ""
        )
        for row in tx.all(_EVERY, limit=limit)
    ]  # fmt: skip


def lines(tx: Tx, number: int) -> list[files.Line]:
    """What the batch holds, as it was claimed. Raises ``NotFound``."""
    get(tx, number)
    return [
        files.Line(
            batch=batch_id(number), id=i["withdrawal_id"], author_id=i["author_id"], name=i["name"],
            amount=str(Money(i["amount"], i["currency"])), currency=i["currency"], destination=i["destination"],
            requested_on=i["requested_on"],
        )
        for i in tx.all(_ITEMS, of_batch=number)
    ]  # fmt: skip


def content(tx: Tx, number: int, form: files.Format) -> bytes:
    """The file of a batch: the same bytes every time."""
    return files.write(lines(tx, number), form)


def batch_of(tx: Tx, withdrawal_id: str) -> str:
    """The id of the batch a withdrawal is in, ``""`` if it is in none."""
    row = tx.one(_ITEM, withdrawal=withdrawal_id)
    return batch_id(row["batch"]) if row else ""


# -- reconcile


def reconcile(tx: Tx, house: House, reports: list[files.Report], *, by: str, at: datetime) -> Reconciled:
    """Apply what finance reports, all of it or, with ``DataError`` naming every bad row, nothing."""
    for author_id in sorted({_author(tx, report.id) for report in reports} - {""}):
        records.touch(tx, author_id, at)  # in one order, so that two reports cannot wait for each other
    if found := problems(tx, reports, at):
        raise DataError(found)
    done = Reconciled()
    for report in reports:
        before = withdrawals.get(tx, report.id)
        step = Move(to=report.status, by=by, at=at, on=report.on, reason=report.reason)
        after = withdrawals.move(tx, house, report.id, step)
        (done.unchanged if after == before else done.moved).append(report.id)
    if done.moved:
        events.record(tx, STREAM, "payout.reconciled", at, by, moved=done.moved, unchanged=len(done.unchanged))
    return done


def problems(tx: Tx, reports: list[files.Report], at: datetime) -> list[str]:
    """Every row that does not fit what is on record, with its line. Changes nothing."""
    return [text for report in reports if (text := _problem(tx, report, at))]


def _author(tx: Tx, withdrawal_id: str) -> str:
    return records.owner(tx, "withdrawals", withdrawal_id)


def _problem(tx: Tx, report: files.Report, at: datetime) -> str:
    """What is wrong with one row, ``""`` if nothing is."""
    where = f"line {report.line}: {report.id}"
    item = tx.one(_ITEM, withdrawal=report.id)
    if item is None:
        known = bool(_author(tx, report.id))
        return f"{where} was never in a batch" if known else f"{where} is not known"
    amount = Money(item["amount"], item["currency"])
    if report.currency and report.currency != amount.currency:
        return f"{where} is in {amount.currency}, not in {report.currency}"
    if report.amount is not None and report.amount != amount.decimal:
        return f"{where} is {amount} {amount.currency}, the file says {report.amount}"
    if says_called_off(report.reason):
        return f"{where}: say what the bank said; {CALLED_OFF!r} is only for what was stopped before it left"
    if report.on is not None:
        # A day of grace: the bank may be a time zone ahead of us.
        if report.on > at.date() + timedelta(days=1):
            return f"{where}: {report.on} has not come yet"
        if report.on < from_micros(item["claimed_at"]).date() - timedelta(days=1):
            return f"{where}: {report.on} is before it was given to finance"
    return _state_problem(where, withdrawals.get(tx, report.id), report)


def _state_problem(where: str, known: Withdrawal, report: files.Report) -> str:
    if known.status == report.status:
        told = known.sent_on if report.status == "sent" else known.paid_on if report.status == "paid" else None
        if report.status in ("sent", "paid") and report.on != told:
            return f"{where} is {words(known.status)} on {told} already, the file says {report.on}"
        return ""
    if may_move(known.status, report.status, known.held_from):
        return ""
    if known.status == "held":
        return f"{where} is on hold ({known.reason}); stop the payment, or release it first"
    return f"{where} is {words(known.status)}; it cannot go back to {words(report.status)}"


def _batch(row: Any, count: int, total: str) -> Batch:
    return Batch(
        number=row["number"], until_on=date.fromisoformat(row["until_on"]), created_by=row["created_by"],
        created_at=from_micros(row["created_at"]), count=count, total=total,
    )  # fmt: skip


def _total(amounts: list[Money]) -> str:
    currencies = {a.currency for a in amounts}
    if len(currencies) != 1:
        return ""
    currency = currencies.pop()
    return f"{Money.total(amounts, currency)} {currency}"

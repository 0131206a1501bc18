"""What happens by itself: each due thing is a job of the lane ``schedule``, done and finished in one transaction, so a
node that dies loses nothing and two nodes do nothing twice.

Once a day a sweep walks the authors who owe something, a page at a time, and gives each a charge in the early morning
and a step of the dunning plan in the forenoon, both on the author's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import jobs, pruning
from inbox.accounts import freshness, ledger, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.clock import zone
from inbox.db.store import Sql, Tx
from inbox.errors import NotFound
from inbox.house import House
from inbox.jobs import Job
from inbox.receivables import autopay, dunning, promises, reminders, timers
from inbox.receivables.reminders import LANE, NotNow, Reminder

#: When a day begins for the sweep; each author's hour is the next one from then on.
SWEEP_AT = time(3, tzinfo=UTC)
PAGE = 500  # authors of one sweep job
STEP_AT = time(10)  # on the author's clock

_OWING = Sql(
    sa.select(tables.invoices.c.author_id)
    .where(tables.invoices.c.status == sa.literal("open"), tables.invoices.c.author_id > sa.bindparam("after"))
    .group_by(tables.invoices.c.author_id)
    .order_by(tables.invoices.c.author_id)
    .limit(sa.bindparam("limit"))
)


def start(tx: Tx, now: datetime) -> None:
    """See to it that there is a sweep to come; asked by every node that starts."""
    if not jobs.is_busy(tx, "sweep"):
        jobs.enqueue(tx, LANE, "sweep", "sweep", now, run_at=_next_sweep(now), after="")


def run(tx: Tx, house: House, job: Job, now: datetime) -> None:
    """Do one due thing. An author who is gone from the ledger meanwhile needs nothing more."""
    try:
        _KINDS[job.kind](tx, house, job.payload, now)
    except NotFound:
        if "account" not in job.payload:
            raise


def _sweep(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    found = [row["author_id"] for row in tx.all(_OWING, after=payload["after"], limit=PAGE)]
    for author_id in found:
        account = ledger.load(tx, AccountRef(SOURCE, author_id))
        for kind, at in (("charge_due", timers.CHARGE_AT), ("step", STEP_AT)):
            run_at = _next(house, account, at, now)
            lock = f"{kind}:{author_id}"
            if not jobs.is_waiting(tx, LANE, kind, lock, now):
                jobs.enqueue(tx, LANE, kind, lock, now, run_at=run_at, account=author_id)
    if len(found) == PAGE:
        jobs.enqueue(tx, LANE, "sweep", "sweep", now, after=found[-1])
    else:
        pruning.run(tx, now)
        if house.billing:
            jobs.enqueue(tx, LANE, "again", "again", now, after="")
        jobs.enqueue(tx, LANE, "sweep", "sweep", now, run_at=_next_sweep(now), after="")


def _again(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    """What is kept elsewhere is read once a day, even if nobody asks and no notice comes."""
    if after := freshness.read_again(tx, house, payload["after"], PAGE, now):
        jobs.enqueue(tx, LANE, "again", "again", now, run_at=now + timedelta(minutes=30), after=after)


def _next(house: House, account: Account, at: time, now: datetime) -> datetime:
    """The next time it is that hour where the author is."""
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    first = timers.local(house, account, today, at)
    return first if first >= now else timers.local(house, account, today + timedelta(days=1), at)


def _next_sweep(now: datetime) -> datetime:
    today = datetime.combine(now.astimezone(UTC).date(), SWEEP_AT)
    return today if now < today else today + timedelta(days=1)


def _charge_due(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    autopay.run(tx, house, AccountRef(SOURCE, payload["account"]), now)


def _step(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    dunning.day(tx, house, AccountRef(SOURCE, payload["account"]), now)


def _promise_check(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    promises.check(tx, house, AccountRef(SOURCE, payload["account"]), payload["promise"], now)


def _promise_reminder(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    account = ledger.load(tx, AccountRef(SOURCE, payload["account"]), now)
    if any(p.id == payload.get("promise") and p.status == "replaced" for p in account.promises):
        return  # the one that took its place has a reminder of its own
    _remind(tx, house, payload["account"], Reminder(kind="promise_reminder", invoice_id=payload["invoice"]), now)


def _reminder(tx: Tx, house: House, payload: Mapping[str, Any], now: datetime) -> None:
    _remind(tx, house, payload["account"], Reminder(**payload["reminder"]), now)


def _remind(tx: Tx, house: House, account_id: str, reminder: Reminder, now: datetime) -> None:
    ref = AccountRef(SOURCE, account_id)
    said = reminders.send(tx, house, ref, reminder, now)
    if isinstance(said, NotNow) and said.again_at is not None:
        reminders.later(tx, ref, reminder, said.again_at, now)


_KINDS: Mapping[str, Callable[[Tx, House, Mapping[str, Any], datetime], None]] = {
    "sweep": _sweep, "again": _again, "charge_due": _charge_due, "step": _step, "promise_check": _promise_check,
    "promise_reminder": _promise_reminder, "reminder": _reminder,
}  # fmt: skip

"""Things to do by themselves at a later moment, each a durable job of the lane ``schedule``; ``inbox.schedule`` does them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from inbox import events, jobs
from inbox.accounts.base import Account, Promise
from inbox.accounts.factsheet import business_days_after
from inbox.clock import zone
from inbox.db.store import Tx
from inbox.house import House
from inbox.receivables import reaching
from inbox.receivables.reminders import LANE

#: On the author's own clock: when a promise is looked at, when a reminder that was asked for goes out, and when charges
#: are made.
CHECK_AT, REMIND_AT, CHARGE_AT = time(17), time(10), time(6)


def check_promise(tx: Tx, house: House, account: Account, promise: Promise, now: datetime) -> datetime:
    """Look at it one business day after its date; returns when."""
    at = local(house, account, business_days_after(promise.on, 1), CHECK_AT)
    jobs.enqueue(
        tx, LANE, "promise_check", f"promise:{promise.id}", now, run_at=at, account=account.ref.id, promise=promise.id
    )  # fmt: skip
    return at


def remind_of_promise(tx: Tx, house: House, account: Account, promise: Promise, now: datetime) -> date:
    """The author wants a reminder: the day before, or the day itself if that is all that is left. Asked twice, it is
    one reminder. Returns the day.
    """
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    day = max(promise.on - timedelta(days=1), min(today + timedelta(days=1), promise.on))
    if not reminds_of(tx, promise, now):
        jobs.enqueue(
            tx, LANE, "promise_reminder", _lock(promise), now, run_at=local(house, account, day, REMIND_AT),
            account=account.ref.id, invoice=promise.invoice_id, promise=promise.id,
        )  # fmt: skip
        events.record(
            tx, reaching.stream_of(tx, account), "outbound.scheduled", now, "bot", kind="promise_reminder",
            on=day.isoformat(), promise=promise.id, account=account.ref.id,
        )  # fmt: skip
    return day


def reminds_of(tx: Tx, promise: Promise, now: datetime) -> bool:
    """Does a reminder of it wait?"""
    return jobs.is_waiting(tx, LANE, "promise_reminder", _lock(promise), now)


def _lock(promise: Promise) -> str:
    return f"remind:{promise.id}"


def local(house: House, account: Account, day: date, at: time) -> datetime:
    """That hour of that day on the author's clock."""
    return datetime.combine(day, at, zone(account.timezone or house.company.timezone))

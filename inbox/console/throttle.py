"""Slow down guessing of passwords: a share of tries for each address and account, and for each address alone.

Tries are counted before the password is checked, in one unit of work, so that many at once get no more than one after
the other. The counters live beside those of the one-time codes, under names of their own, and every node sees them.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox import events
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, upsert
from inbox.db.tables import code_locks

TRIES = 5  # wrong passwords for one account from one address
TRIES_OF_ADDRESS = 30  # for all accounts from one address
WINDOW = timedelta(minutes=15)
LOCK = timedelta(minutes=15)

_ROW = Sql(sa.select(code_locks).where(code_locks.c.subject == sa.bindparam("of")).with_for_update())
_SET = upsert(code_locks, ("subject",), "until", "failures", "since")


def take_try(tx: Tx, address: str, email: str, now: datetime) -> timedelta:
    """Count one try; zero if it may go on, else how long to wait."""
    pair, alone = subjects(address, email)
    wait = max(_left(tx, pair, now), _left(tx, alone, now))
    if wait:
        return wait
    locked = _count(tx, pair, TRIES, now)
    locked = _count(tx, alone, TRIES_OF_ADDRESS, now) or locked
    if locked:
        events.record(tx, "security", "login.locked", now, "console", address=address, minutes=LOCK.seconds // 60)
    return timedelta()


def forgive(tx: Tx, address: str, email: str, now: datetime) -> None:
    """The password was right: that account's tries from this address start anew."""
    tx.run(_SET, subject=subjects(address, email)[0], until=0, failures=0, since=to_micros(now))


def subjects(address: str, email: str) -> tuple[str, str]:
    """What is counted. Hashed: a password typed into the wrong field must not be kept."""
    account = hashlib.sha256(email.strip().lower().encode("utf-8", "replace")).hexdigest()[:32]
    return f"login:{address}:{account}", f"login:{address}"


def _left(tx: Tx, subject: str, now: datetime) -> timedelta:
    row = tx.one(_ROW, of=subject)
    return max(from_micros(row["until"]) - now, timedelta()) if row and row["until"] else timedelta()


def _count(tx: Tx, subject: str, most: int, now: datetime) -> bool:
    """One more; True if that was the last of the share."""
    row = tx.one(_ROW, of=subject)
    fresh = row is None or row["until"] or from_micros(row["since"]) < now - WINDOW
    tried = 1 if fresh or row is None else row["failures"] + 1
    since = to_micros(now) if fresh or row is None else row["since"]
    last = tried >= most
    tx.run(_SET, subject=subject, failures=tried, since=since, until=to_micros(now + LOCK) if last else 0)
    return last

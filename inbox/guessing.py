"""How often a code may be asked for and guessed: shares and locks of addresses, accounts and networks.

An account is never seen through its limits: a locked one gets the same words and the same bookkeeping as an unknown one,
only that no code leaves and none is right. What strangers spend for an account is not taken from the author's own share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox import events
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, upsert
from inbox.db.tables import code_locks
from inbox.settings import Rules

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MINUTE = 60_000_000  # microseconds
_ROW = Sql(sa.select(code_locks).where(code_locks.c.subject == sa.bindparam("of")).with_for_update())
_SET = upsert(code_locks, ("subject",), "until", "failures", "sent", "since")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a code or gives one: all three are counted."""

    address: str  # "phone:+1…", with "?" where nobody vouches for it
    network: str  # ``disclosure.networks``, with "?" likewise; "" = not counted
    whose: str  # "account:A-1", "account:A-1:own", or a stand-in where no account is known

    @property
    def subjects(self) -> tuple[str, str, str]:
        return f"point:{self.address}", f"network:{self.network or self.address}", self.whose


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether the address and the network may go on, else for how long not; and whether a code may be right for that account.

    Of the account's own lock nobody hears.
    """

    allowed: bool
    account_open: bool
    minutes: int = 0  # until it may go on


def may_ask(tx: Tx, asker: Asker, now: datetime, rules: Rules) -> Asked:
    """Count one more code. Every counter is read and written, whatever the others say."""
    point, network, whose = asker.subjects
    first = _spend(tx, point, now, rules.codes_per_hour)
    second = _spend(tx, network, now, rules.codes_per_hour_network)
    third = _spend(tx, whose, now, rules.codes_per_hour)
    return _asked(asker, (first, second), third, now)


def may_guess(tx: Tx, asker: Asker, now: datetime) -> Asked:
    point, network, whose, days = [_locked_until(tx, subject, now) for subject in (*asker.subjects, _days(asker))]
    return _asked(asker, (point, network), whose or days, now)


def _asked(asker: Asker, ends: tuple[int, int], account_ends: int, now: datetime) -> Asked:
    """``ends`` of what stops the address and the network, in microseconds; 0 = nothing does."""
    end = max(ends[0], ends[1] if asker.network else 0)
    return Asked(not end, not account_ends, math.ceil((end - to_micros(now)) / _MINUTE) if end else 0)


def wrong(tx: Tx, asker: Asker, tries: int, now: datetime, rules: Rules) -> None:
    """Count ``tries`` wrong guesses against the account of a day and the network of an hour."""
    if _fail(tx, _days(asker), tries, now, (_DAY, rules.wrong_codes_per_day)):
        events.record(
            tx, "security", "security.code_guessing", now, "bot", whose=asker.whose, address=asker.address, hours=24
        )  # fmt: skip
    over = _fail(tx, asker.subjects[1], tries, now, (_HOUR, rules.wrong_codes_per_hour_network))
    if over and asker.network:
        events.record(
            tx, "security", "security.network_locked", now, "bot", network=asker.network, address=asker.address, minutes=60
        )  # fmt: skip


def lock(tx: Tx, asker: Asker, now: datetime, minutes: int) -> None:
    """Nothing more from this address, and nothing right for that account, for a while."""
    point, _, whose = asker.subjects
    until = to_micros(now + timedelta(minutes=minutes))
    for subject in (point, whose):
        row = tx.one(_ROW, of=subject)
        sent, since = (row["sent"], row["since"]) if row else (0, to_micros(now))
        tx.run(_SET, subject=subject, until=until, failures=0, sent=sent, since=since)


def _days(asker: Asker) -> str:
    return f"guesses:{asker.whose}"


def _locked_until(tx: Tx, subject: str, now: datetime) -> int:
    row = tx.one(_ROW, of=subject)
    return int(row["until"]) if row is not None and row["until"] > to_micros(now) else 0


def _spend(tx: Tx, subject: str, now: datetime, share: int) -> int:
    """One more code of this hour's share; until when there is none if it is spent or locked, else 0.

    A clock that was set back gives nothing new.
    """
    row, micros = tx.one(_ROW, of=subject), to_micros(now)
    if row is not None and row["until"] > micros:
        tx.run(
            _SET, subject=subject, until=row["until"], failures=row["failures"], sent=row["sent"], since=row["since"]
        )
        return int(row["until"])
    fresh = row is None or row["since"] <= to_micros(now - _HOUR)
    sent, since = (0, micros) if fresh or row is None else (row["sent"], row["since"])
    failures = row["failures"] if row is not None and not fresh else 0
    tx.run(_SET, subject=subject, until=0, failures=failures, sent=min(sent + 1, share + 1), since=since)
    return 0 if sent < share else int(since) + 60 * _MINUTE


def _fail(tx: Tx, subject: str, tries: int, now: datetime, limit: tuple[timedelta, int]) -> bool:
    """Count; True if that was the last of the share, and the subject is locked for the same span now."""
    span, most = limit
    row, micros = tx.one(_ROW, of=subject), to_micros(now)
    fresh = row is None or row["since"] < to_micros(now - span)
    failures, since, sent = (0, micros, 0) if fresh or row is None else (row["failures"], row["since"], row["sent"])
    until = row["until"] if row is not None else 0
    over = failures + tries >= most > failures
    until = to_micros(now + span) if over else until
    tx.run(_SET, subject=subject, until=until, failures=failures + tries, sent=sent, since=since)
    return over

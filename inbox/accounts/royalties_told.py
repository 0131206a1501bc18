"""What a royalty system tells of an author, less what it cannot know yet: payouts and set-offs that were made here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from inbox.accounts import base, contacts_told, tables
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx
from inbox.errors import Conflict
from inbox.payouts.tables import changes, setoffs

b = sa.bindparam
r, w, s, c = tables.royalties.c, tables.withdrawals.c, setoffs.c, changes.c
_KNOWN = Sql(sa.select(tables.royalties).where(r.author_id == b("author")))
#: Days are those of the bank: one that left on the day of the file may be in it or not, and counts as later. The bank may
#: be where that day began last, and its evening is our next day.
_FURTHEST_BEHIND = timedelta(hours=12)
_PAID_OUT = Sql(
    sa.select(sa.func.count().label("n"), sa.func.coalesce(sa.func.sum(w.amount), 0).label("amount")).where(
        w.author_id == b("author"),
        w.confirmation != "",
        sa.or_(
            w.status.in_(["requested", "in_review", "held"]),
            sa.and_(w.status.in_(["sent", "paid"]), sa.or_(w.sent_on >= b("day"), w.paid_on >= b("day"))),
        ),
    )
)
_SET_OFF = Sql(
    sa.select(sa.func.count().label("n"), sa.func.coalesce(sa.func.sum(s.amount), 0).label("amount")).where(
        s.author_id == b("author"), s.status == "applied", s.decided_at >= b("since")
    )
)
_CHECKED = Sql(
    sa.select(
        sa.func.coalesce(sa.func.max(c.hold_until), 0).label("until"),
        sa.func.coalesce(sa.func.sum(sa.case((c.kind == "payout", 1), else_=0)), 0).label("methods"),
    ).where(c.author_id == b("author"), c.status == "approved")
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What to write: minor units, the masked method, microseconds. ``stays``: the file's ``available`` was not taken."""

    available: int
    payout_method: str
    hold_until: int
    stays: bool = False


def kept(tx: Tx, author_id: str, value: base.Royalties) -> Kept:
    """The author's row is locked. Raises ``Conflict`` if the currency is another one than that of withdrawals made here."""
    row = tx.one(_KNOWN, author=author_id)
    checked = tx.one(_CHECKED, author=author_id)
    told_until = to_micros(value.hold_until) if value.hold_until else 0
    until = max(told_until, checked["until"] if checked else 0, contacts_told.rests_until(tx, author_id))
    method = row["payout_method"] if row and checked and checked["methods"] else value.payout_method
    out = _taken(tx, author_id, value)
    if row is None or out is None:
        return Kept(value.available.minor, method, until)
    if row["currency"] != value.available.currency:
        raise Conflict(
            f"the royalties of {author_id} are in {row['currency']}, and so is what was paid out here;"
            f" they cannot be told in {value.available.currency}"
        )
    if value.as_of is None:
        return Kept(row["available"], method, until, stays=True)
    told = value.available.minor
    # A system that knows of a payout already has lowered the sum itself: that must not look like a debt.
    return Kept(max(min(told, 0), told - out), method, until)


def _taken(tx: Tx, author_id: str, value: base.Royalties) -> int | None:
    """Minor units that left here and are not in a sum of that moment; None if nothing did."""
    day, since = "0", 0
    if value.as_of is not None:
        day, since = (value.as_of - _FURTHEST_BEHIND).date().isoformat(), to_micros(value.as_of)
    found = [tx.one(_PAID_OUT, author=author_id, day=day), tx.one(_SET_OFF, author=author_id, since=since)]
    rows = [row for row in found if row is not None and row["n"]]
    return sum(int(row["amount"]) for row in rows) if rows else None

"""How a billing system or a file says that an author is reached, against what people checked here, and what a new address entails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox import events
from inbox.accounts import tables
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx
from inbox.payouts.tables import changes

#: How long payouts rest after a new contact in a file; the house's own wait is `rules.payout_hold_hours`.
REST = timedelta(hours=72)

b = sa.bindparam
a, r, c = tables.authors.c, tables.royalties.c, changes.c
_NOW = Sql(sa.select(a.email, a.phone).where(a.id == b("author")))
_CHECKED = Sql(
    sa.select(c.kind).where(c.author_id == b("author"), c.status == "approved", c.kind != "payout").distinct()
)
_NEW_PHONE = Sql(sa.update(tables.authors).where(a.id == b("author")).values(phone_new_until=b("until")))
_REST = Sql(
    sa.update(tables.authors).where(a.id == b("author"), a.rests_until < b("until")).values(rests_until=b("until"))
)
_HOLD = Sql(
    sa.update(tables.royalties)
    .where(r.author_id == b("author"), r.hold_until < b("until"))
    .values(hold_until=b("until"))
)
_UNTIL = Sql(sa.select(a.phone_new_until, a.rests_until).where(a.id == b("author")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """``email`` in lower case, ``phone`` in E.164; "" = none. ``source`` says so."""

    email: str
    phone: str
    source: str


def kept(tx: Tx, author_id: str, told: Contact, now: datetime, until: datetime) -> Contact:
    """What to write. A contact that two people changed here stays; where another one is new, payouts rest ``until`` then
    and a new number is not called: who can change it there could take the payouts over. The author's row is locked.
    """
    row = tx.one(_NOW, author=author_id)
    if row is None:
        return told
    checked = {x["kind"] for x in tx.all(_CHECKED, author=author_id)}
    email = row["email"] if "email" in checked else told.email
    phone = row["phone"] if "phone" in checked else told.phone
    new = [what for what, value in (("email", email), ("phone", phone)) if value and value != row[what]]
    if "phone" in new:
        tx.run(_NEW_PHONE, author=author_id, until=to_micros(until))
    if new:
        tx.run(_REST, author=author_id, until=to_micros(until))
    if new and tx.run(_HOLD, author=author_id, until=to_micros(until)):
        for stream in (f"account:{author_id}", "security"):
            events.record(
                tx, stream, "payout.held", now, told.source, account=author_id, what=" and ".join(new),
                until=until.isoformat(),
            )  # fmt: skip
    return Contact(email=email, phone=phone, source=told.source)


def phone_new_until(tx: Tx, author_id: str) -> int:
    """Microseconds: until then the number on file is not called for a change, because it is new itself."""
    row = tx.one(_UNTIL, author=author_id)
    return int(row["phone_new_until"]) if row else 0


def rests_until(tx: Tx, author_id: str) -> int:
    """Microseconds: until then payouts rest after a new contact, whatever a file says of the royalties."""
    row = tx.one(_UNTIL, author=author_id)
    return int(row["rests_until"]) if row else 0

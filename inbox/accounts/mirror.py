"""Copies of accounts at another system: kept whole, so that a decision needs no call, and told apart from the ledger.

A copy belongs to one author of the ledger: the one the source names, else the only one with its mail address, else a
new one under the source's own id. The copy is outdated when the source says that something changed, and in doubt when a
reading failed or the account is gone; then no figure of it is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox.accounts import contacts_told, records, tables
from inbox.accounts.base import Account, AccountRef, Doubt
from inbox.accounts.compose import compose
from inbox.accounts.frozen import freeze, thaw
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert, upsert
from inbox.disclosure import names
from inbox.errors import Conflict
from inbox.settings import Rules

REST = timedelta(hours=Rules().payout_hold_hours)
b = sa.bindparam
_m, _a = tables.mirrors, tables.authors
_ONE = Sql(sa.select(_m).where(_m.c.source == b("source"), _m.c.id == b("id")))
_ONE_LOCKED = Sql(sa.select(_m).where(_m.c.source == b("source"), _m.c.id == b("id")).with_for_update())
_OF_AUTHOR = Sql(sa.select(_m).where(_m.c.author_id == b("author"), _m.c.source == b("source")))
_SAVE = upsert(
    _m, ("source", "id"), "author_id", "owns_author", "body", "as_of", "changed_at", "failed_at", "gone_at", "problem"
)
_CHANGED = Sql(
    sa.update(_m)
    .where(_m.c.source == b("of_source"), _m.c.id == b("of_id"), _m.c.changed_at < b("at"))
    .values(changed_at=b("at"))
)
_FAILED = Sql(
    sa.update(_m)
    .where(_m.c.source == b("of_source"), _m.c.id == b("of_id"), _m.c.as_of <= b("at"))
    .values(failed_at=b("at"), problem=b("why"))
)
_GONE = Sql(
    sa.update(_m).where(_m.c.source == b("of_source"), _m.c.id == b("of_id")).values(gone_at=b("at"), problem=b("why"))
)
_AUTHOR = Sql(sa.select(_a.c.id, _a.c.billing).where(_a.c.id == b("id")))
_SAME_MAIL = Sql(
    sa.select(_a.c.id, _a.c.billing, _a.c.name_key, _a.c.name_key2)
    .where(_a.c.email == b("mail"), _a.c.email != "")
    .limit(2)
)
_LINK = Sql(sa.update(_a).where(_a.c.id == b("key")).values(billing=b("by")))
_FOLLOW = Sql(
    sa.update(_a)
    .where(_a.c.id == b("key"))
    .values(
        name=b("called"), email=b("mail"), phone=b("tel"), timezone=b("zone"), language=b("speaks"), region=b("lives"),
        currency=b("pays"), name_key=b("first"), name_key2=b("second"),
    )
)  # fmt: skip
_ONCE = Sql(sa.select(tables.source_events.c.id).where(tables.source_events.c.id == b("id")))
_DONE = insert(tables.source_events, "id", "type", "account_id", "created_at")
_INDEXED = Sql(
    sa.select(tables.mirrored_records.c.id).where(
        tables.mirrored_records.c.author_id == b("author"), tables.mirrored_records.c.source == b("at")
    )
)
_INDEX = upsert(tables.mirrored_records, ("id", "source"), "author_id", "kind")
_UNREAD = Sql(
    sa.select(tables.mirrors.c.id)
    .where(
        tables.mirrors.c.source == b("at"), tables.mirrors.c.id > b("after"), tables.mirrors.c.as_of < b("before"),
        tables.mirrors.c.gone_at == 0,
    )
    .order_by(tables.mirrors.c.id)
    .limit(b("most"))
)  # fmt: skip
_LOOKED = Sql(sa.select(tables.lookups.c.at).where(tables.lookups.c.point == b("address")))
_LOOK = upsert(tables.lookups, ("point",), "at")


@dataclass(frozen=True, slots=True)
class Saved:
    """The author whose copy it is, what it said before (None = the first reading), and what it says now."""

    author_id: str
    before: Account | None
    after: Account


def save(tx: Tx, account: Account, now: datetime, *, alone: bool = True, rest: timedelta = REST) -> Saved | None:
    """Keep what was read; None if a later reading is there already. ``alone`` False: the source has several accounts with
    this address. ``rest``: for how long a new address keeps payouts back. Raises ``Conflict`` if two accounts are one
    author's.
    """
    ref, micros = account.ref, to_micros(account.as_of)
    row = tx.one(_ONE_LOCKED, source=ref.source, id=ref.id)  # two readings at once: the later one stays
    if row is not None and row["as_of"] > micros:
        return None
    author, owns = (row["author_id"], row["owns_author"]) if row else _author(tx, account, now, alone=alone)
    if row is not None and not owns and account.known_as not in ("", author):
        raise Conflict(
            f"{ref.source}:{ref.id} was author {author} and is called {account.known_as} now; correct its author_id"
        )
    if owns:
        _follow(tx, author, account, now, rest)
    tx.run(
        _SAVE, source=ref.source, id=ref.id, author_id=author, owns_author=owns, body=freeze(account), as_of=micros,
        changed_at=row["changed_at"] if row else 0, failed_at=0, gone_at=0, problem="",
    )  # fmt: skip
    _index(tx, author, account)
    before = thaw(row["body"]) if row and row["body"] else None
    return Saved(author, before, account)


def _author(tx: Tx, account: Account, now: datetime, *, alone: bool) -> tuple[str, int]:
    """The author this new copy belongs to, and whether they are known from there alone. An address proves nothing where
    couples or agents share it: the name has to agree, and nobody else may have the address, here or there.
    """
    ref = account.ref
    by = f"{ref.source}:{ref.id}"
    wanted = account.known_as or ref.id
    found = tx.one(_AUTHOR, id=wanted)
    if found is None and not account.known_as and alone:
        same = tx.all(_SAME_MAIL, mail=account.email.lower())
        open_for_it = len(same) == 1 and same[0]["billing"] in ("", f"{ref.source}:?")
        found = same[0] if open_for_it and _agree(account.name, same[0]) else None
    if found is None:
        records.author(tx, replace(account, ref=AccountRef("ledger", wanted)), now)
        tx.run(_LINK, key=wanted, by=by)
        return wanted, 1
    if found["billing"] not in ("", by, f"{ref.source}:?"):
        raise Conflict(f"{by} and {found['billing']} both claim the author {found['id']}; correct the author_id of one")
    tx.run(_LINK, key=found["id"], by=by)
    records.touch(tx, found["id"], now)
    return found["id"], 0


def _index(tx: Tx, author_id: str, account: Account) -> None:
    """Whose records these are, for the guard that lets no record of one author go to another."""
    source = account.ref.source
    known = {row["id"] for row in tx.all(_INDEXED, author=author_id, at=source)}
    for kind, records_of in (
        ("invoice", account.invoices), ("payment", account.payments), ("refund", account.refunds), ("dispute", account.disputes),
    ):  # fmt: skip
        for record in records_of:
            if record.id not in known:
                tx.run(_INDEX, id=record.id, source=source, author_id=author_id, kind=kind)


def _agree(name: str, row: Any) -> bool:
    return bool({key for key in names.keys(name) if key} & {row["name_key"], row["name_key2"]})


def _follow(tx: Tx, author_id: str, account: Account, now: datetime, rest: timedelta) -> None:
    records.touch(tx, author_id, now)
    told = contacts_told.Contact(email=account.email.lower(), phone=account.phone, source=account.ref.source)
    reached = contacts_told.kept(tx, author_id, told, now, now + rest)
    name_key, name_key2 = names.keys(account.name)
    tx.run(
        _FOLLOW, key=author_id, called=account.name, mail=reached.email, tel=reached.phone, zone=account.timezone,
        speaks=account.language, lives=account.region, pays=account.currency, first=name_key, second=name_key2,
    )  # fmt: skip


def unread_since(tx: Tx, source: str, after: str, most: int, before: datetime) -> list[str]:
    """Ids of accounts at that source whose copy is older, in their order."""
    return [row["id"] for row in tx.all(_UNREAD, at=source, after=after, most=most, before=to_micros(before))]


def changed(tx: Tx, ref: AccountRef, now: datetime) -> bool:
    """The source says that something changed; False if there is no copy."""
    return tx.run(_CHANGED, of_source=ref.source, of_id=ref.id, at=to_micros(now)) > 0


def failed(tx: Tx, ref: AccountRef, now: datetime, problem: str) -> None:
    """It could not be read: until it can, its figures are in doubt."""
    tx.run(_FAILED, of_source=ref.source, of_id=ref.id, at=to_micros(now), why=problem[:500])


def gone(tx: Tx, ref: AccountRef, now: datetime) -> None:
    tx.run(_GONE, of_source=ref.source, of_id=ref.id, at=to_micros(now), why=f"{ref.source} has no account {ref.id}")


def author_of(tx: Tx, ref: AccountRef) -> str:
    """The author whose copy that is, "" if there is none."""
    row = tx.one(_ONE, source=ref.source, id=ref.id)
    return str(row["author_id"]) if row else ""


def outdated(tx: Tx, source: str, author_id: str, now: datetime, minutes: int) -> AccountRef | None:
    """The account to read again before figures of this author are told; None if the copy is fresh, or there is none."""
    row = tx.one(_OF_AUTHOR, author=author_id, source=source)
    return AccountRef(source, row["id"]) if row is not None and _is_outdated(row, now, minutes) else None


def is_settled(tx: Tx, ref: AccountRef, asked_at: datetime, now: datetime, minutes: int) -> bool:
    """Was a reading that was asked for then done meanwhile, or did it fail since?"""
    row = tx.one(_ONE, source=ref.source, id=ref.id)
    return row is not None and (not _is_outdated(row, now, minutes) or row["failed_at"] > to_micros(asked_at))


def _is_outdated(row: Any, now: datetime, minutes: int) -> bool:
    old = now - from_micros(row["as_of"]) > timedelta(minutes=minutes)
    return old or row["changed_at"] > row["as_of"] or bool(row["failed_at"] or row["gone_at"])


def is_linked(tx: Tx, source: str, author_id: str) -> bool:
    return tx.one(_OF_AUTHOR, author=author_id, source=source) is not None


def suspect(tx: Tx, author_id: str, source: str, now: datetime, *, is_one: bool) -> None:
    """It could not be asked whether this author is billed there: until it can, no figure is told. ``is_one`` False: it
    could, and they are not.
    """
    row = tx.one(_AUTHOR, id=author_id)
    if row is None or is_linked(tx, source, author_id) or row["billing"] == (f"{source}:?" if is_one else ""):
        return
    records.touch(tx, author_id, now)
    tx.run(_LINK, key=author_id, by=f"{source}:?" if is_one else "")


def whole(tx: Tx, local: Account) -> Account:
    """The ledger's account with what its billing system says; ``doubt`` is set where that must not be told."""
    if local.billing is None:
        return local
    row = _row(tx, local)
    if row is None or not row["body"]:
        text = f"{local.billing.source} could not be asked yet what this author owes"
        return replace(local, doubt=Doubt("figures_stale", text))
    told = replace(thaw(row["body"]), as_of=from_micros(row["as_of"]))
    doubt = _doubt(row)
    return compose(local, replace(told, doubt=doubt) if doubt else told)


def _row(tx: Tx, account: Account) -> Any:
    if account.billing is None:
        return None
    return tx.one(_OF_AUTHOR, author=account.ref.id, source=account.billing.source)


def _doubt(row: Any) -> Doubt | None:
    read = f"{from_micros(row['as_of']):%Y-%m-%d %H:%M} UTC"
    if row["gone_at"]:
        return Doubt("account_gone", f"{row['problem']} any more; the last figures are of {read}")
    if row["failed_at"]:
        return Doubt("figures_stale", f"{row['source']} could not be read ({row['problem']}); last figures of {read}")
    if row["changed_at"] > row["as_of"]:
        return Doubt("figures_stale", f"something changed at {row['source']} after the last reading of {read}")
    return None


# --- once and no more -------------------------------------------------------------------------------------------------


def first_time(tx: Tx, key: str, what: str, account_id: str, now: datetime) -> bool:
    """Remember that this came in or was acted upon; False if it is known already."""
    if tx.one(_ONCE, id=key) is not None:
        return False
    tx.run(_DONE, id=key, type=what, account_id=account_id, created_at=to_micros(now))
    return True


def may_look_up(tx: Tx, point: str, now: datetime, minutes: int) -> bool:
    """Was this address not looked for within the last ``minutes``? Remembers that it is now."""
    row = tx.one(_LOOKED, address=point)
    if row is not None and now - from_micros(row["at"]) < timedelta(minutes=minutes):
        return False
    tx.run(_LOOK, point=point, at=to_micros(now))
    return True


def look_again(tx: Tx, points: list[str]) -> None:
    """The looking failed: the next message may try again."""
    for point in points:
        tx.run(_LOOK, point=point, at=0)

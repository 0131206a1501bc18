"""Authorisations that come with an import: checked like those that staff record, approved only if two people are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from inbox import authorisations
from inbox.accounts import tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.import_fields import Problem, Row
from inbox.authorisations import Proposal
from inbox.db.store import Sql, Tx
from inbox.disclosure.parties import Scope
from inbox.message import ContactPoint

_AUTHOR = Sql(sa.select(tables.authors).where(tables.authors.c.id == sa.bindparam("id")))
_TITLES = Sql(sa.select(tables.titles.c.title).where(tables.titles.c.author_id == sa.bindparam("id")))


def problems(tx: Tx, rows: Sequence[Row], at: datetime) -> Iterator[Problem]:
    """What is wrong with the authorisations among the rows, against the author as this import leaves them."""
    own = {r.author_id: r.values for r in rows if r.table == "authors"}
    for row in rows:
        if row.table != "authorisations" or row.values["status"] == "revoked":
            continue
        account = _author(tx, row.author_id, own.get(row.author_id), at)
        for reason in authorisations.problems(_proposal(row, account.timezone, at), account, at, imported=True):
            yield row.problem(reason)


def write(tx: Tx, row: Row, at: datetime) -> None:
    """One row; its author is in the ledger by now."""
    key = f"{SOURCE}:{row.author_id}:{row.values['id']}"
    if row.values["status"] == "revoked":
        authorisations.revoke_imported(tx, key, at)
        return
    account = _author(tx, row.author_id, None, at)
    proposal = _proposal(row, account.timezone, at)
    if proposal.ends_at is not None and proposal.ends_at <= at:
        return  # it has run out: history, no mistake
    authorisations.record_imported(tx, key, proposal, (row.values["recorded_by"], row.values["approved_by"]), at)


def _proposal(row: Row, timezone: str, at: datetime) -> Proposal:
    v = row.values
    point = ContactPoint("email" if "@" in v["contact"] else "phone", v["contact"])
    return Proposal(
        ref=AccountRef(SOURCE, row.author_id), person=v["person"], relation=v["relation"], point=point,
        scope=Scope(intents=tuple(v["intents"]), titles=tuple(v["titles"]), money=bool(v["money"])), evidence=v["evidence"],
        called_back="", starts_at=_begin(v["from"], timezone) if v["from"] else at,
        ends_at=_begin(v["until"], timezone) + timedelta(days=1) if v["until"] else None,
    )  # fmt: skip


def _begin(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(timezone or "UTC"))


def _author(tx: Tx, author_id: str, told: Mapping[str, object] | None, at: datetime) -> Account:
    """Name, addresses and titles only: from the import if it has the author, else from the ledger."""
    if told is not None:
        v, titles = told, told["titles"]
    else:
        row = tx.one(_AUTHOR, id=author_id)
        assert row is not None  # checked: an author neither here nor in the ledger is a problem of its own
        v, titles = row, [r["title"] for r in tx.all(_TITLES, id=author_id)]
    return Account(
        ref=AccountRef(SOURCE, author_id), as_of=at, name=str(v["name"]), email=str(v["email"]), phone=str(v["phone"]),
        timezone=str(v["timezone"]), language="en", region="", titles=tuple(titles),  # type: ignore[arg-type]  # a list of texts
    )  # fmt: skip

"""Whose are these ids, addresses and names? One query over indexes alone, whatever the number of authors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from inbox import authorisations, contacts, jsontext
from inbox.accounts import known, ledger, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.db.store import Sql, Tx
from inbox.disclosure import names
from inbox.disclosure.wrong_author import Candidates, Culprit, Speaker, candidates
from inbox.errors import NotFound
from inbox.house import House
from inbox.money import Money

_RECORDS = (
    ("invoice", tables.invoices), ("payment", tables.payments), ("withdrawal", tables.withdrawals), ("plan", tables.plans),
    ("refund", tables.refunds), ("dispute", tables.disputes), ("promise", tables.promises), ("credit note", tables.credit_notes),
)  # fmt: skip


def _among(column: Any, bind: str, engine: str) -> Any:
    """``column`` is one of a list that is handed over as one value, so that the statement is always the same."""
    if engine == "postgresql":
        return column == sa.any_(sa.cast(sa.bindparam(bind), sa.ARRAY(sa.Text)))
    listed = sa.func.json_each(sa.bindparam(bind)).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def _owners(engine: str) -> sa.Executable:
    a = tables.authors

    def found(kind: str, what: Any, owner: Any, condition: Any) -> Any:
        return sa.select(
            sa.literal_column(f"'{kind}'").label("kind"), what.label("what"), owner.label("account"),
        ).where(condition)  # fmt: skip

    parts = [found(kind, t.c.id, t.c.author_id, _among(t.c.id, "ids", engine)) for kind, t in _RECORDS]
    m = tables.mirrored_records
    copied = sa.select(m.c.kind, m.c.id.label("what"), m.c.author_id.label("account"))
    parts.append(copied.where(_among(m.c.id, "ids", engine)))
    parts += [
        found("account", a.c.id, a.c.id, _among(a.c.id, "ids", engine)),
        found("email", a.c.email, a.c.id, _among(a.c.email, "emails", engine)),
        found("phone", a.c.phone, a.c.id, _among(a.c.phone, "phones", engine)),
        found("name", a.c.name_key, a.c.id, _among(a.c.name_key, "names", engine)),
        found("name", a.c.name_key2, a.c.id, _among(a.c.name_key2, "names", engine)),
    ]
    return sa.union_all(*parts)


_OWNERS = Sql(_owners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What is about to leave, and to whom."""

    texts: Sequence[str]  # text, subject, names of attachments
    contact_id: str
    at: datetime  # which authorisations are in force
    own: Account | None = None  # the author's account, where the caller has it at hand
    agent: str = ""  # display name of the person who wrote it, "" for an automatic message


def culprits(tx: Tx, house: House, going: Going) -> list[Culprit]:
    """What in these texts belongs to another author, in the order of the texts; usually nothing."""
    contact = contacts.by_id(tx, going.contact_id) if going.own is None else None
    own = going.own or (_account(tx, AccountRef(contact.account_source, contact.account_id)) if contact else None)
    speaker = _speaker(house, going.agent)
    found = candidates(going.texts, own, speaker)
    if contact is not None and contact.name:  # as they introduced themselves
        mine = names.keys(contact.name)
        found = Candidates(
            found.ids, found.emails, found.phones, {k: v for k, v in found.names.items() if k not in mine}
        )
    if not found:
        return []
    if found.too_many:
        return [Culprit("text", "too many numbers and names to check", "any")]
    rows = _rows(tx, found)
    return _foreign(tx, going, own, found, rows) if rows else []


def _rows(tx: Tx, found: Candidates) -> list[Any]:
    def listed(values: Mapping[str, str]) -> Any:
        return list(values) if tx.engine == "postgresql" else jsontext.dumps(list(values))

    return tx.all(
        _OWNERS,
        ids=listed(found.ids),
        emails=listed(found.emails),
        phones=listed(found.phones),
        names=listed(found.names),
    )


def _foreign(tx: Tx, going: Going, own: Account | None, found: Candidates, rows: Sequence[Any]) -> list[Culprit]:
    allowed = _allowed(tx, going, own)
    shown: Mapping[str, Mapping[str, str]] = {"email": found.emails, "phone": found.phones, "name": found.names}
    ours = {row["what"] for row in rows if row["account"] in allowed}  # two authors of one name, a shared address
    staff = _staff(tx) if any(row["kind"] == "name" for row in rows) else frozenset()
    culprits: dict[tuple[str, str], Culprit] = {}
    for row in rows:
        if row["what"] in ours or (row["kind"] == "name" and row["what"] in staff):
            continue
        said = shown.get(row["kind"], found.ids).get(row["what"], row["what"])
        amounts = _amounts(tx, row, going.texts, own) if row["kind"] == "invoice" else ()
        culprits.setdefault((said, row["account"]), Culprit(row["kind"], said, row["account"], amounts))
    return list(culprits.values())


def _allowed(tx: Tx, going: Going, own: Account | None) -> frozenset[str]:
    """The author's accounts, those whose address is one of theirs, and those this person is authorised to hear about.

    An address that several accounts have on file tells of none of them: who was proven from there is the one author.
    """
    ids = {own.ref.id} if own else set()
    for point in contacts.points(tx, going.contact_id):
        refs = ledger.find(tx, point) if own else []
        ids |= {refs[0].id} if len(refs) == 1 else set()
        ids |= {authority.ref.id for authority in authorisations.of_point(tx, point, going.at)}
    return frozenset(ids)


_STAFF = Sql(sa.select(sa.table("staff", sa.column("name")).c.name))


def _staff(tx: Tx) -> frozenset[str]:
    return frozenset(k for row in tx.all(_STAFF) for k in names.keys(row["name"]) if k)


def _amounts(tx: Tx, row: Any, texts: Sequence[str], own: Account | None) -> tuple[str, ...]:
    """Sums of the other author's record that stand in the text and not in the author's own account."""
    account = _account(tx, AccountRef(SOURCE, row["account"]))
    invoice = account.invoice(row["what"]) if account else None
    if invoice is None:
        return ()
    mine = {m for i in own.invoices for m in (i.total, i.balance, i.paid)} if own else set()
    told: list[Money] = [m for m in (invoice.total, invoice.balance, invoice.paid) if m.minor and m not in mine]
    return tuple(dict.fromkeys(str(m) for m in told if any(str(m) in t.replace(",", "") for t in texts)))


def _account(tx: Tx, ref: AccountRef) -> Account | None:
    if not ref.id:
        return None
    try:
        return known.load(tx, ref)
    except NotFound:
        return None


def _speaker(house: House, agent: str) -> Speaker:
    c = house.company
    return _known_speaker((c.name, c.legal_name), (c.support_email.lower(), c.support_phone), agent)


@lru_cache(maxsize=500)
def _known_speaker(company: tuple[str, ...], addresses: tuple[str, ...], agent: str) -> Speaker:
    return Speaker(ours=names.of_words(company), addresses=frozenset(addresses), name=agent, typed=bool(agent))

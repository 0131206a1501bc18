"""People and their addresses. A contact with an account is the author; without one, somebody who wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import contact_points, contacts, suppressions
from inbox.ids import new_id
from inbox.message import ContactPoint

b = sa.bindparam
_BY_POINT = Sql(
    sa.select(contacts)
    .join(contact_points, contact_points.c.contact_id == contacts.c.id)
    .where(contact_points.c.kind == b("kind"), contact_points.c.value == b("value"))
)
_BY_ACCOUNT = Sql(
    sa.select(contacts).where(
        contacts.c.account_source == b("source"), contacts.c.account_id == b("account"), contacts.c.account_id != ""
    )
)
_BY_ID = Sql(sa.select(contacts).where(contacts.c.id == b("contact")))
_ADD = insert(contacts, "id", "account_source", "account_id", "name", "language", "timezone", "created_at")
_GIVE_ACCOUNT = Sql(
    sa.update(contacts)
    .where(contacts.c.id == b("contact"), contacts.c.account_id == "")
    .values(account_source=b("source"), account_id=b("account"))
)
_ADD_POINT = insert(contact_points, "kind", "value", "contact_id", "created_at")
_MOVE_POINT = Sql(
    sa.update(contact_points)
    .where(contact_points.c.kind == b("of_kind"), contact_points.c.value == b("of_value"))
    .values(contact_id=b("contact"))
)
_POINTS = Sql(
    sa.select(contact_points)
    .where(contact_points.c.contact_id == b("contact"))
    .order_by(contact_points.c.kind, contact_points.c.value)
)
_SUPPRESSED = Sql(
    sa.select(suppressions)
    .where(suppressions.c.kind == b("kind"), suppressions.c.value == b("value"), suppressions.c.lifted_at == 0)
    .order_by(suppressions.c.id)
    .limit(1)
)
_SUPPRESS = insert(suppressions, "id", "kind", "value", "scope", "reason", "message_id", "created_at")
_LIFT = Sql(
    sa.update(suppressions)
    .where(suppressions.c.kind == b("of_kind"), suppressions.c.value == b("of_value"), suppressions.c.lifted_at == 0)
    .values(lifted_at=b("at"))
)
_LANGUAGE = Sql(sa.update(contacts).where(contacts.c.id == b("contact")).values(language=b("to")))


@dataclass(frozen=True, slots=True)
class Contact:
    id: str
    account_source: str
    account_id: str
    name: str
    language: str
    timezone: str


def by_point(tx: Tx, point: ContactPoint) -> Contact | None:
    row = tx.one(_BY_POINT, kind=point.kind, value=point.value)
    return _contact(row) if row else None


def by_account(tx: Tx, source: str, account_id: str) -> Contact | None:
    row = tx.one(_BY_ACCOUNT, source=source, account=account_id)
    return _contact(row) if row else None


def by_id(tx: Tx, contact_id: str) -> Contact | None:
    row = tx.one(_BY_ID, contact=contact_id)
    return _contact(row) if row else None


def add(
    tx: Tx,
    at: datetime,
    *,
    source: str = "",
    account_id: str = "",
    name: str = "",
    language: str = "",
    timezone: str = "",
) -> Contact:
    contact = Contact(new_id(), source if account_id else "", account_id, name, language, timezone)
    tx.run(
        _ADD, id=contact.id, account_source=contact.account_source, account_id=account_id, name=name, language=language,
        timezone=timezone, created_at=to_micros(at),
    )  # fmt: skip
    return contact


def add_point(tx: Tx, contact_id: str, point: ContactPoint, at: datetime) -> None:
    """Give the contact this address, taking it from whoever had it."""
    if tx.run(_MOVE_POINT, of_kind=point.kind, of_value=point.value, contact=contact_id) == 0:
        tx.run(_ADD_POINT, kind=point.kind, value=point.value, contact_id=contact_id, created_at=to_micros(at))


def add_first_point(tx: Tx, contact_id: str, point: ContactPoint, at: datetime) -> None:
    """Give a new contact an address that nobody has. Whoever had it meanwhile keeps it: the unique key raises, and the
    unit that runs again finds them.
    """
    tx.run(_ADD_POINT, kind=point.kind, value=point.value, contact_id=contact_id, created_at=to_micros(at))


def give_account(tx: Tx, contact_id: str, source: str, account_id: str) -> None:
    """Somebody who wrote turns out to be an author; one who is an author already stays that one."""
    tx.run(_GIVE_ACCOUNT, contact=contact_id, source=source, account=account_id)


def points(tx: Tx, contact_id: str) -> list[ContactPoint]:
    return [ContactPoint(row["kind"], row["value"]) for row in tx.all(_POINTS, contact=contact_id)]


def remember_language(tx: Tx, contact_id: str, language: str) -> None:
    tx.run(_LANGUAGE, contact=contact_id, to=language)


def suppression(tx: Tx, point: ContactPoint) -> str:
    """Why this address must not be used, ``""`` if it may."""
    row = tx.one(_SUPPRESSED, kind=point.kind, value=point.value)
    return str(row["reason"]) if row else ""


def suppress(
    tx: Tx,
    point: ContactPoint,
    at: datetime,
    *,
    reason: str = "opt_out",
    scope: str = "all_outbound",
    message_id: str = "",
) -> bool:
    """Stop using this address; False if it already was suppressed."""
    if tx.one(_SUPPRESSED, kind=point.kind, value=point.value):
        return False
    tx.run(
        _SUPPRESS, id=new_id(), kind=point.kind, value=point.value, scope=scope, reason=reason, message_id=message_id,
        created_at=to_micros(at),
    )  # fmt: skip
    return True


def lift_suppression(tx: Tx, point: ContactPoint, at: datetime) -> bool:
    return tx.run(_LIFT, of_kind=point.kind, of_value=point.value, at=to_micros(at)) > 0


def _contact(row: object) -> Contact:
    r: dict[str, str] = row  # type: ignore[assignment]  # a driver row: only [] is used
    return Contact(r["id"], r["account_source"], r["account_id"], r["name"], r["language"], r["timezone"])

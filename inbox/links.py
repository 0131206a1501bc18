"""Secure links: one author, one purpose, an end. Only the hash of a token is kept; the token stands in the message."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import events, jsontext
from inbox.accounts.base import AccountRef
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import links
from inbox.errors import NotFound
from inbox.house import House

LIFE = {
    "pay": timedelta(days=7),
    "update_method": timedelta(days=3),
    "document": timedelta(days=3),
    "tax_form": timedelta(days=7),
}

#: After the first press: time to turn round at the billing system's page and to come again, not to be found by others.
AFTER_USE = timedelta(hours=1)

_ADD = insert(
    links, "hash", "kind", "account_source", "account_id", "conversation_id", "data", "created_at", "expires_at"
)
_GET = Sql(sa.select(links).where(links.c.hash == sa.bindparam("digest")))
_USE = Sql(
    sa.update(links)
    .where(links.c.hash == sa.bindparam("digest"), links.c.used_at == 0)
    .values(used_at=sa.bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    kind: str  # pay | update_method | document | tax_form
    ref: AccountRef
    conversation_id: str
    data: dict[str, Any]
    expires_at: datetime
    used_at: datetime | None


def create(
    tx: Tx, house: House, kind: str, ref: AccountRef, conversation_id: str, data: dict[str, Any], now: datetime
) -> str:
    """The address to put into a message."""
    token = secrets.token_urlsafe(24)
    tx.run(
        _ADD, hash=_digest(token), kind=kind, account_source=ref.source, account_id=ref.id, conversation_id=conversation_id,
        data=jsontext.dumps(data), created_at=to_micros(now), expires_at=to_micros(now + LIFE[kind]),
    )  # fmt: skip
    events.record(tx, conversation_id, "link.made", now, "bot", link=kind, account=ref.id, **data)
    return f"{house.public_url}/l/{token}"


def find(tx: Tx, token: str, now: datetime) -> Link:
    """Raises ``NotFound`` for an unknown one, an expired one and one used some time ago, in the same words."""
    row = tx.one(_GET, digest=_digest(token))
    if row is None or row["expires_at"] <= to_micros(now) or 0 < row["used_at"] <= to_micros(now - AFTER_USE):
        raise NotFound("this link has ended; ask us for a new one")
    return Link(
        kind=row["kind"], ref=AccountRef(row["account_source"], row["account_id"]), conversation_id=row["conversation_id"],
        data=jsontext.loads(row["data"]), expires_at=from_micros(row["expires_at"]),
        used_at=from_micros(row["used_at"]) if row["used_at"] else None,
    )  # fmt: skip


def use(tx: Tx, token: str, now: datetime) -> None:
    """The author goes on to where it leads: from now on it lives for ``AFTER_USE``. Raises ``NotFound`` as ``find`` does."""
    link = find(tx, token, now)
    tx.run(_USE, digest=_digest(token), at=to_micros(now))
    events.record(tx, link.conversation_id, "link.used", now, "author", link=link.kind, account=link.ref.id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

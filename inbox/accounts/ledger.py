"""The embedded ledger: accounts kept in the inbox's own database, and the port over them. Reading is here; ``booking`` and
``changes`` hold the verbs that write.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from inbox.accounts import tables
from inbox.accounts.assembly import ACCOUNT, SOURCE, build
from inbox.accounts.base import Account, AccountRef, PaymentLink
from inbox.clock import Clock, SystemClock
from inbox.db.store import Sql, Store, Tx
from inbox.errors import NotFound, Unsupported
from inbox.message import ContactPoint
from inbox.money import Money

_CACHED = 2_000  # accounts, some 10 kB each
_BY_EMAIL = Sql(
    sa.select(tables.authors.c.id).where(tables.authors.c.email == sa.bindparam("value")).order_by(tables.authors.c.id)
)
_BY_PHONE = Sql(
    sa.select(tables.authors.c.id).where(tables.authors.c.phone == sa.bindparam("value")).order_by(tables.authors.c.id)
)
_LOCK = Sql(sa.select(tables.authors.c.id).where(tables.authors.c.id == sa.bindparam("id")).with_for_update())
_REVISION = Sql(sa.select(tables.authors.c.revision).where(tables.authors.c.id == sa.bindparam("id")))


def find(tx: Tx, point: ContactPoint) -> list[AccountRef]:
    """Every account that has this address on file, in the order of their ids."""
    value = point.value.strip()
    if point.kind == "chat" or not value:
        return []
    rows = tx.all(_BY_EMAIL, value=value.lower()) if point.kind == "email" else tx.all(_BY_PHONE, value=value)
    return [AccountRef(SOURCE, row["id"]) for row in rows]


def lock(tx: Tx, ref: AccountRef) -> None:
    """Hold the author against other units until the commit: what is read after this stays as it is."""
    if ref.source == SOURCE:
        tx.one(_LOCK, id=ref.id)


def load(tx: Tx, ref: AccountRef, at: datetime | None = None) -> Account:
    """The whole account, frozen. ``as_of`` is ``at``, the moment of reading, where it is given (the ledger is the book of
    record), else the moment of the last change. Raises ``NotFound``.
    """
    row = tx.one(_REVISION, id=ref.id) if ref.source == SOURCE else None
    if row is None:
        raise NotFound(f"there is no account {ref.source}:{ref.id}")
    account = _cache.get(ref.id, row["revision"]) or load_anew(tx, ref)
    return account if at is None else dataclasses.replace(account, as_of=at)


def load_anew(tx: Tx, ref: AccountRef) -> Account:
    """The same from the database, whatever was kept. Raises ``NotFound``."""
    whole = tx.one(ACCOUNT, id=ref.id)
    if whole is None:
        raise NotFound(f"there is no account {ref.source}:{ref.id}")
    account = build(whole)
    _cache.put(ref.id, whole["revision"], account)
    return account


class _Cache:
    """The latest accounts by id and revision; revisions are random, so that an entry is right in any database."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, tuple[int, Account]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, author_id: str, revision: int) -> Account | None:
        with self._lock:
            known = self._entries.get(author_id)
            if known is None or known[0] != revision:
                return None
            self._entries.move_to_end(author_id)
            return known[1]

    def put(self, author_id: str, revision: int, account: Account) -> None:
        with self._lock:
            self._entries[author_id] = (revision, account)
            self._entries.move_to_end(author_id)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)


_cache = _Cache(_CACHED)


class LedgerSource:
    """The account port over the embedded ledger."""

    def __init__(self, store: Store, payment_url: str = "", clock: Clock | None = None) -> None:
        self._store = store
        self._payment_url = payment_url
        self._clock = clock or SystemClock()

    @property
    def name(self) -> str:
        return SOURCE

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        return await self._store.read(lambda tx: find(tx, point))

    async def load(self, ref: AccountRef) -> Account:
        at = self._clock.now()
        return await self._store.read(lambda tx: load(tx, ref, at))

    async def payment_link(self, ref: AccountRef, amount: Money, invoice_id: str = "") -> PaymentLink:
        return payment_link(self._payment_url, ref, amount, invoice_id)


def payment_link(url: str, ref: AccountRef, amount: Money, invoice_id: str = "") -> PaymentLink:
    """The address from ``ledger.payment_url`` with ``{invoice}``, ``{amount}``, ``{currency}`` and ``{account}`` filled in."""
    if not url:
        raise Unsupported("the ledger takes no payments; set ledger.payment_url to the address where invoices are paid")
    values = {"invoice": invoice_id, "amount": str(amount), "currency": amount.currency, "account": ref.id}
    for name, value in values.items():
        url = url.replace("{" + name + "}", quote(value, safe=""))
    return PaymentLink(url=url)

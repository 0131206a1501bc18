"""Every account the inbox knows, whoever is the truth for its figures: the ledger's, with what a billing system says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from inbox.accounts import ledger, mirror
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.ledger import find
from inbox.db.store import Tx

__all__ = ["find", "load"]


def load(tx: Tx, ref: AccountRef, at: datetime | None = None) -> Account:
    """The whole account, as of ``at`` where the ledger alone keeps it, else as of the last reading of the billing system.
    Raises ``NotFound``.
    """
    account = ledger.load(tx, ref)
    if account.billing is not None:
        return mirror.whole(tx, account)
    return account if at is None else replace(account, as_of=at)

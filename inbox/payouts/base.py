"""The port that money leaves by. The default is a batch file for finance, which needs no rail; a rail pays a batch itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from inbox.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One payout. ``withdrawal_id`` is the key: the rail pays it once, however often it is asked."""

    withdrawal_id: str
    author_id: str
    amount: Money
    account: str  # at the rail, "acct_…"
    batch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """``reference`` is the rail's own id of the payment, ``on`` the day it left."""

    reference: str
    on: date


class PayoutRail(Protocol):
    @property
    def name(self) -> str: ...

    async def pay(self, order: Order) -> Sent:
        """Pay, or say that it was paid before. Raises ``Transient`` (ask again later, with the same order),
        ``Permanent`` (refused: a person must look) or ``Uncertain`` (it may have been paid; ask again with the same order).
        """
        ...

    async def close(self) -> None: ...

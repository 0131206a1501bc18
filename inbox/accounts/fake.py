"""A source of accounts in memory: tests, simulation and the demo. It passes the contract of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inbox.accounts.base import Account, AccountRef, PaymentLink
from inbox.errors import NotFound, Unsupported
from inbox.message import ContactPoint
from inbox.money import Money


@dataclass
class FakeAccounts:
    """``accounts`` by id; ``fail`` holds errors to raise, one for each coming call."""

    source: str = "fake"
    accounts: dict[str, Account] = field(default_factory=dict)
    fail: list[Exception] = field(default_factory=list)
    payment_url: str = "https://pay.example/{account}/{invoice}"  # "" = takes no payments
    loaded: list[AccountRef] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.source

    def add(self, account: Account) -> None:
        self.accounts[account.ref.id] = account

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        self._maybe_fail()
        wanted = ContactPoint(point.kind, point.value.strip().lower())
        return [a.ref for _, a in sorted(self.accounts.items()) if wanted in a.points()]

    async def load(self, ref: AccountRef) -> Account:
        self._maybe_fail()
        self.loaded.append(ref)
        account = self.accounts.get(ref.id)
        if account is None or account.ref != ref:
            raise NotFound(f"there is no account {ref.source}:{ref.id}")
        return account

    async def payment_link(self, ref: AccountRef, amount: Money, invoice_id: str = "") -> PaymentLink:
        self._maybe_fail()
        if not self.payment_url:
            raise Unsupported("this source takes no payments")
        url = self.payment_url.replace("{account}", ref.id).replace("{invoice}", invoice_id)
        return PaymentLink(url=url.replace("{amount}", str(amount)))

    def _maybe_fail(self) -> None:
        if self.fail:
            raise self.fail.pop(0)

"""A till: what the payment provider, the calendar and an author do, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from inbox import contacts, conversations
from inbox.accounts import ledger, tables
from inbox.accounts.base import (
    Account,
    AccountRef,
    ChargeRequest,
    ChargeResult,
    Instalment,
    Invoice,
    Payment,
    PaymentMethod,
    Plan,
    Promise,
)
from inbox.db.tables import events
from inbox.receivables import autopay, charges, payments
from inbox.receivables.autopay import HeldBack
from inbox.receivables.charges import Charge
from inbox.receivables.payments import Settled, Told
from tests.world import MARA, World, money

#: One part behind, two to come; pays by a card on file.
LATE = replace(
    MARA, ref=AccountRef("ledger", "A-300"), name="Viktor Halloran", email="viktor@halloran.example", phone="+13035550177",
    timezone="America/Denver", outstanding=money("228.75"), refunds=(), royalties=None,
    invoices=(
        Invoice(id="INV-300", description="Layout", issued_on=date(2026, 1, 2), due_on=date(2026, 4, 20), total=money("305.00"),
                paid=money("76.25"), balance=money("228.75"), status="open"),
    ),
    plans=(
        Plan(id="PL-300", invoice_id="INV-300", instalments=tuple(
            Instalment(number=n, due_on=date(2026, n, 20), amount=money("76.25"), status=s)
            for n, s in ((1, "paid"), (2, "failed"), (3, "scheduled"), (4, "scheduled"))
        )),
    ),
    payments=(Payment(id="P-300", on=date(2026, 1, 20), amount=money("76.25"), method="visa ••1881", status="succeeded", invoice_id="INV-300"),),
    payment_methods=(PaymentMethod(id="pm_3", type="card", brand="visa", last4="1881", expires="08/28", default=True),),
)  # fmt: skip


@dataclass
class Till:
    world: World

    @property
    def now(self) -> Any:
        return self.world.clock.now()

    async def run(self, unit: Callable[[Any], Any]) -> Any:
        done = await self.world.store.run(unit)
        await self.world.settle()
        return done

    def account(self, who: Account = LATE) -> Account:
        return self.world.store.read_now(lambda tx: ledger.load(tx, who.ref, self.now))

    def payment(self, amount: str = "76.25", key: str = "P-1", invoice: str = "INV-300", **more: Any) -> Payment:
        base: dict[str, Any] = {"method": "visa ••1881", "status": "succeeded", **more}
        return Payment(id=key, on=self.now.date(), amount=money(amount), invoice_id=invoice, **base)

    async def pays(
        self, amount: str = "76.25", key: str = "P-1", who: Account = LATE, told: Told | None = None, **more: Any
    ) -> Settled:
        paid = self.payment(amount, key, **more)
        result: Settled = await self.run(
            lambda tx: payments.settled(tx, self.world.house, who.ref.id, paid, self.now, told)
        )
        return result

    async def fails(
        self, code: str = "do_not_honor", key: str = "P-F", told: Told | None = None, **more: Any
    ) -> date | None:
        declined = self.payment(key=key, status="failed", decline_code=code, **more)
        day: date | None = await self.run(
            lambda tx: payments.failed(tx, self.world.house, LATE.ref.id, declined, self.now, told)
        )
        return day

    async def wrote(self, channel: str = "sms", who: Account = LATE) -> None:
        """The author asked something, so there is a conversation on that channel."""
        await self.world.says(self.world.reader.teach("hello", "greeting"), by=who, channel=channel)

    def heard(self, since: int = 0) -> list[Any]:
        return self.world.messages()[since:]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(e["data"]) for e in self.world.rows(events, type=kind)]

    def charges(self, **where: Any) -> list[Any]:
        return self.world.rows(tables.charges, **where)

    def talk(self, who: Account = LATE) -> Any:
        def unit(tx: Any) -> Any:
            author = contacts.by_account(tx, "ledger", who.ref.id)
            return conversations.latest_plain(tx, author.id) if author else None

        return self.world.store.read_now(unit)


def promise(
    key: str = "PR-1", on: date = date(2026, 3, 12), amount: str = "76.25", status: str = "open", **more: Any
) -> Promise:
    base: dict[str, Any] = {"invoice_id": "INV-300", "made_on": date(2026, 3, 9), **more}
    return Promise(id=key, amount=money(amount), on=on, status=status, **base)


class Bank:
    """A collector that remembers what it was asked and by which key it answered."""

    def __init__(self, *results: ChargeResult | Exception) -> None:
        self.results = list(results)
        self.asked: list[ChargeRequest] = []

    async def charge(self, request: ChargeRequest) -> ChargeResult:
        self.asked.append(request)
        result = self.results.pop(0) if self.results else ChargeResult(payment_id=f"P-{request.id}", status="succeeded")
        if isinstance(result, Exception):
            raise result
        return result


async def run_due(till: Till) -> list[Charge | HeldBack]:
    found: list[Charge | HeldBack] = await till.run(lambda tx: autopay.run(tx, till.world.house, LATE.ref, till.now))
    return found


async def collect(till: Till, bank: Bank) -> None:
    till.world.worker.collector = bank
    while await till.world.worker.run_lane_once(autopay.LANE):
        pass
    await till.world.settle()


def days(till: Till, n: float) -> None:
    till.world.clock.tick(timedelta(days=n).total_seconds())


async def by_hand(till: Till, amount: str = "76.25") -> Charge:
    """The author opens the payment page."""
    found: Charge = await till.run(lambda tx: charges.begin_manual(tx, LATE.ref, "INV-300", money(amount), till.now))
    return found

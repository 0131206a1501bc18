"""The cast: a few authors with accounts, a reader that understands what the test says, and the house they live in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from inbox.accounts import records
from inbox.accounts.base import (
    Account,
    AccountRef,
    Instalment,
    Invoice,
    Payment,
    PaymentMethod,
    Plan,
    Refund,
    Royalties,
)
from inbox.clock import SetClock
from inbox.crm.base import CaseBook
from inbox.db.store import Store, Tx
from inbox.delivery import outbound
from inbox.fakes import FakeChannel
from inbox.house import House
from inbox.intake import Reception
from inbox.intents.understanding import Context, Entities, Finding, Understanding
from inbox.message import (
    Accepted,
    ContactPoint,
    InboundMessage,
    Route,
    SenderProof,
    Severity,
)
from inbox.money import Money
from inbox.settings import Company, Rules
from inbox.staffing import Staff, add
from inbox.templates import catalog, versions
from inbox.worker import Worker

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)  # Wednesday, 11:00 in New York
PASSWORD = "a long enough password"


def money(text: str) -> Money:
    return Money.of(text)


#: Two payments of one invoice, one plan that is behind, royalties above the minimum.
MARA = Account(
    ref=AccountRef("ledger", "A-100"), as_of=NOW, name="Mara Lindqvist", email="mara@lindqvist.example",
    phone="+12125550101", timezone="America/New_York", language="en", region="US-NY", titles=("The Tin Orchard",),
    outstanding=money("200.00"),
    invoices=(
        Invoice(id="INV-900", description="Cover design", issued_on=date(2026, 1, 5), due_on=date(2026, 6, 5),
                total=money("300.00"), paid=money("100.00"), balance=money("200.00"), status="open"),
        Invoice(id="INV-901", description="Author site", issued_on=date(2026, 2, 1), due_on=date(2026, 2, 15),
                total=money("64.00"), paid=money("64.00"), balance=money("0.00"), status="paid"),
    ),
    plans=(
        Plan(id="PL-90", invoice_id="INV-900", instalments=(
            Instalment(number=1, due_on=date(2026, 2, 5), amount=money("100.00"), status="paid"),
            Instalment(number=2, due_on=date(2026, 4, 5), amount=money("100.00"), status="scheduled"),
            Instalment(number=3, due_on=date(2026, 6, 5), amount=money("100.00"), status="scheduled"),
        )),
    ),
    payments=(
        Payment(id="P-501", on=date(2026, 2, 15), amount=money("64.00"), method="visa ••7318", status="succeeded", invoice_id="INV-901"),
        Payment(id="P-502", on=date(2026, 2, 5), amount=money("100.00"), method="visa ••7318", status="succeeded", invoice_id="INV-900"),
    ),
    payment_methods=(PaymentMethod(id="pm_1", type="card", brand="visa", last4="7318", expires="02/29", default=True),),
    royalties=Royalties(
        available=money("120.00"), pending=money("15.50"), returns_reserve=money("3.00"), threshold=money("50.00"),
        next_run_on=date(2026, 3, 20), tax_form="W-9", tax_form_status="approved", payout_method="bank ••5093",
    ),
    refunds=(
        Refund(id="RF-77", invoice_id="INV-901", payment_id="P-501", amount=money("12.00"), status="approved",
               approved_on=date(2026, 3, 9), method="visa ••7318", expected="5-10 business days"),
    ),
    consents={"sms": True, "email": True, "call": True},
)  # fmt: skip
ILSE = replace(
    MARA, ref=AccountRef("ledger", "A-200"), name="Ilse Brandt", email="ilse@brandt.example", phone="+12125550202",
    titles=("Ferry Weather",), outstanding=money("777.70"), plans=(), payments=(), refunds=(), royalties=None, payment_methods=(),
    invoices=(
        Invoice(id="INV-777", description="Marketing", issued_on=date(2026, 2, 1), due_on=date(2026, 3, 1), total=money("777.70"),
                paid=money("0.00"), balance=money("777.70"), status="open"),
    ),
)  # fmt: skip


@dataclass
class ScriptedReader:
    """Understands exactly the texts that a test taught it; everything else asks for clarification."""

    lessons: dict[str, Understanding] = field(default_factory=dict)
    contexts: list[Context] = field(default_factory=list)

    def teach(
        self, text: str, *intents: str, route: Route = Route.ANSWER, finding: Finding | None = None, language: Any = "en",
        severity: Severity = Severity.LOW, wishes: tuple[str, ...] = (), **entities: Any,
    ) -> str:  # fmt: skip
        self.lessons[text] = Understanding(
            text=text, language=language, wishes=frozenset(wishes), intents=intents, route=route, severity=severity, entities=Entities(**entities),
            findings=(finding,) if finding else (), reason="as taught",
        )  # fmt: skip
        return text

    def read(self, text: str, context: Context) -> Understanding:
        self.contexts.append(context)
        for lesson, understood in self.lessons.items():
            if text.endswith(lesson):
                return understood
        return Understanding(text=text, language="en", route=Route.CLARIFY, reason="not taught")


@dataclass
class World:
    """The whole pipeline on one store, with fake far ends."""

    store: Store
    clock: SetClock
    reader: ScriptedReader
    house: House
    intake: Reception
    channels: dict[Any, FakeChannel]
    worker: Worker
    agents: dict[str, Staff]
    sent: int = 0

    async def says(
        self, text: str, *, by: Account | None = MARA, channel: Any = "sms", point: ContactPoint | None = None,
        proof: SenderProof | None = None, source_id: str = "", **more: Any,
    ) -> Accepted:  # fmt: skip
        """An author writes; afterwards everything that can be done is done."""
        self.sent += 1
        sender, natural, account_id = _sender(by, channel)
        accepted = await self.intake.message(
            InboundMessage(
                channel=channel,
                source_id=source_id or f"src-{self.sent}",
                sender=point or sender,
                text=text,
                received_at=self.clock.now(),
                proof=proof or natural,
                account_id=account_id,
                **more,
            )
        )
        await self.settle()
        return accepted

    async def settle(self) -> None:
        """Run every due job."""
        busy = True
        while busy:
            busy = await self.worker.triage_one()
            if self.worker.source is not None:
                busy = await self.worker.run_lane_once("accounts") or busy
            for name in self.channels:
                busy = await self.worker.run_lane_once(f"deliver:{name}") or busy

    def heard(self) -> list[str]:
        """Every text that was sent to anybody, oldest first, with codes filled in."""
        return [m.text for m in self.messages()]

    def messages(self) -> list[Any]:
        from sqlalchemy import select

        from inbox.db.store import Sql
        from inbox.db.tables import messages

        rows = self.store.read_now(
            lambda tx: tx.all(Sql(select(messages).where(messages.c.direction == "outbound").order_by(messages.c.id)))
        )
        return [outbound(row, self.house) for row in rows if row["status"] != "suppressed"]

    def last(self) -> str:
        return self.heard()[-1]

    def code(self) -> str:
        """The one-time code that was sent last."""
        from inbox.triage import codes_in

        for text in reversed(self.heard()):
            if found := codes_in(text):
                return found[0]
        raise AssertionError("no code was sent")

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """Oldest first: a server returns rows in any order, and moves those that were updated."""
        from sqlalchemy import select

        from inbox.db.store import Sql

        made = [table.c[name] for name in _MADE if name in table.c][:1]
        statement = select(table).order_by(*made, *table.primary_key)
        for name, value in where.items():
            statement = statement.where(table.c[name] == value)
        return self.store.read_now(lambda tx: tx.all(Sql(statement)))


_MADE = ("at", "created_at", "recorded_at", "asked_at", "opened_at", "merged_at", "parked_at")


def _sender(by: Account | None, channel: str) -> tuple[ContactPoint, SenderProof, str]:
    if by is None:
        kind = {"sms": "phone", "voice": "phone", "email": "email", "chat": "chat"}[channel]
        value = {"phone": "+12125550999", "email": "nobody@elsewhere.example", "chat": "visitor-1"}[kind]
        return ContactPoint(kind, value), SenderProof.NONE, ""  # type: ignore[arg-type]
    if channel == "chat":
        return ContactPoint("chat", "visitor-9"), SenderProof.PORTAL, by.ref.id
    if channel == "email":
        return ContactPoint("email", by.email), SenderProof.DMARC_PASS, ""
    proof = SenderProof.CARRIER if channel == "sms" else SenderProof.CALLER_ID
    return ContactPoint("phone", by.phone), proof, ""


async def make_world(store: Store, clock: SetClock, *authors: Account, crm: CaseBook | None = None) -> World:
    reader = ScriptedReader()
    house = House(
        company=Company(), rules=Rules(), answers=catalog.load(), reader=reader, secrets=("s3cret-for-tests",),
        channels=frozenset({"chat", "email", "sms", "voice"}), crm=crm.name if crm else "",
    )  # fmt: skip
    channels = {name: FakeChannel(name) for name in ("chat", "email", "sms", "voice")}  # type: ignore[arg-type]
    intake = Reception(store, house, clock)
    worker = Worker(store=store, house=house, clock=clock, channels=channels, intake=intake, crm=crm)  # type: ignore[arg-type]
    agents = await store.run(lambda tx: _fill(tx, house, clock.now(), authors or (MARA, ILSE)))
    return World(store, clock, reader, house, intake, channels, worker, agents)


def _fill(tx: Tx, house: House, now: datetime, authors: tuple[Account, ...]) -> dict[str, Staff]:
    versions.sync(tx, house.answers, now, approve_as="supervisor")
    for account in authors:
        records.account(tx, account, now)
    return {
        name: add(tx, now, email=f"{name}@larkmoor.example", name=name.title(), role=role, password=PASSWORD, slack_user_id=f"U-{name}")
        for name, role in (("noor", "agent"), ("petra", "agent"), ("sanjay", "supervisor"))
    }  # fmt: skip

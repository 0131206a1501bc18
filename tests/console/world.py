"""A small house with a few authors and a supervisor, and a browser-like client: what the console tests share.

Messages come in through the real intake and are decided by the real rules; only the reading of words is made up.
"""

from __future__ import annotations

import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from inbox import staffing
from inbox import web as edge
from inbox.accounts import records
from inbox.accounts.base import Account, AccountRef, Invoice, Payment, Promise
from inbox.clock import SetClock
from inbox.console import pages
from inbox.db.store import Sql, Store
from inbox.db.tables import template_versions
from inbox.deskwork import Deskwork
from inbox.house import House
from inbox.intake import Reception
from inbox.intents.understanding import Candidate, Finding, Understanding
from inbox.message import ContactPoint, InboundMessage, Route, SenderProof, Severity
from inbox.money import Money
from inbox.settings import Company, Rules, Web
from inbox.templates import catalog, versions

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
PASSWORD = "quiet-harbour-lamps"
#: As the product makes it, but quick to check: real ones are slow on purpose.
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
PHONE = ContactPoint("phone", "+15555550142")
MAIL = ContactPoint("email", "imelda@farrow.example")

#: All at once: one by one takes half a second, in every test.
APPROVE_ALL = Sql(sa.update(template_versions).values(status="approved", decided_by="a chief"))


class WordReader:
    """Understands a few words, the same way every time."""

    def read(self, text, context):
        said = text.lower()
        if "twice" in said:
            finding = Finding(
                guard="double_charge.twice", route=Route.ESCALATE, reason="says the same payment was taken twice",
                intent="double_charge", case_reason="double_charge", quote="twice",
            )  # fmt: skip
            return _read(text, "double_charge", Route.ESCALATE, (finding,))
        if "gun" in said:
            finding = Finding(
                guard="harm.self", route=Route.ESCALATE, reason="may be in danger", severity=Severity.HIGH,
                case_reason="vulnerability_self_harm", quote="gun",
            )  # fmt: skip
            return _read(text, "", Route.ESCALATE, (finding,), Severity.HIGH)
        if "new bank" in said or "my royalties" in said:
            reason = "payout_destination_change" if "bank" in said else "royalty_offset_request"
            finding = Finding(
                guard="identity.payout",
                route=Route.ESCALATE,
                reason="about royalties",
                case_reason=reason,
                quote="royalties",
            )
            return _read(text, "", Route.ESCALATE, (finding,))
        if "owe" in said:
            return _read(text, "account_balance", Route.ANSWER)
        if "thank" in said:
            return _read(text, "thanks", Route.ANSWER)
        return _read(text, "", Route.CLARIFY)


def _read(text, intent, route, findings=(), severity=Severity.LOW):
    candidates = (
        Candidate(intent or "greeting", 0.87, "what do i <owe> you"),
        Candidate("amount_due", 0.41, "next bill"),
    )
    return Understanding(
        text=text, language="en", intents=(intent,) if intent else (), candidates=candidates, findings=findings, route=route,
        severity=severity, reason="a made-up reader",
    )  # fmt: skip


def make_house(**changes) -> House:
    whole = {
        "company": Company(name="Larkmoor"), "rules": Rules(), "answers": catalog.load(), "reader": WordReader(),
        "secrets": ("a-secret-for-tests",), "public_url": "http://127.0.0.1", "channels": frozenset({"chat", "email", "sms"}),
    }  # fmt: skip
    return House(**{**whole, **changes})


def author_account(**changes) -> Account:
    whole = {
        "ref": AccountRef("ledger", "A-3307"), "as_of": NOW, "name": "Imelda Farrow", "email": MAIL.value, "phone": PHONE.value,
        "timezone": "America/Chicago", "language": "en", "region": "US-MN", "titles": ("Salt and Lamplight",),
        "outstanding": Money.of("120.00"), "consents": {"sms": True, "email": True, "call": True},
        "invoices": (
            Invoice(
                id="INV-801", description="Cover design", issued_on=date(2026, 2, 1), due_on=date(2026, 4, 1),
                total=Money.of("180.00"), paid=Money.of("60.00"), balance=Money.of("120.00"), status="open",
            ),
        ),
        "payments": (
            Payment(
                id="P-31", on=date(2026, 3, 2), amount=Money.of("30.00"), method="visa ••4410", status="succeeded", invoice_id="INV-801"
            ),
            Payment(
                id="P-32", on=date(2026, 3, 2), amount=Money.of("30.00"), method="visa ••4410", status="succeeded", invoice_id="INV-801"
            ),
        ),
        "promises": (
            Promise(
                id="PR-4", invoice_id="INV-801", amount=Money.of("20.00"), on=date(2026, 3, 20), status="open", made_on=date(2026, 3, 9)
            ),
        ),
    }  # fmt: skip
    return Account(**{**whole, **changes})


class _Fields(HTMLParser):
    """The forms of a page: action -> its fields."""

    def __init__(self):
        super().__init__()
        self.forms = {}
        self._fields = None

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self._fields = self.forms.setdefault(a.get("action", ""), {})
        elif tag == "input" and self._fields is not None and a.get("name"):
            self._fields[a["name"]] = a.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._fields = None


def forms_of(html: str) -> dict[str, dict[str, str]]:
    parser = _Fields()
    parser.feed(html)
    return parser.forms


@dataclass
class Visitor:
    """One browser: cookies, pages, forms."""

    client: TestClient
    csrf: str = ""
    last: str = ""
    status: int = 0
    headers: dict = field(default_factory=dict)

    async def get(self, path: str, *, follow: bool = True, **kwargs) -> str:
        async with self.client.get(path, allow_redirects=follow, **kwargs) as response:
            return await self._seen(response)

    async def post(self, path: str, *, follow: bool = True, csrf: str | None = None, **fields) -> str:
        token = self.csrf if csrf is None else csrf
        async with self.client.post(path, data={"csrf": token, **fields}, allow_redirects=follow) as response:
            return await self._seen(response)

    async def _seen(self, response) -> str:
        self.status, self.headers = response.status, response.headers
        self.last = await response.text()
        return self.last

    async def log_in(self, email: str, password: str = PASSWORD) -> str:
        form = forms_of(await self.get("/console/login"))["/console/login?next=%2Fconsole"]
        await self.post("/console/login?next=%2Fconsole", csrf=form["csrf"], email=email, password=password)
        found = forms_of(self.last).get("/console/logout")
        self.csrf = found["csrf"] if found else ""
        return self.last

    def form(self, action: str) -> dict[str, str]:
        return forms_of(self.last)[action]


@dataclass
class World:
    store: Store
    house: House
    clock: SetClock
    app: web.Application
    server: TestServer
    clients: list[TestClient] = field(default_factory=list)
    people: dict[str, staffing.Staff] = field(default_factory=dict)
    said: int = 0

    @property
    def intake(self) -> Reception:
        return Reception(self.store, self.house, self.clock)

    async def visitor(self, email: str = "") -> Visitor:
        client = TestClient(self.server)
        self.clients.append(client)
        visitor = Visitor(client)
        if email:
            await visitor.log_in(email)
            assert visitor.csrf, visitor.last
        return visitor

    async def agent(self) -> Visitor:
        return await self.visitor("ana@larkmoor.example")

    async def supervisor(self) -> Visitor:
        return await self.visitor("sol@larkmoor.example")

    async def hear(self, text: str, *, channel: str = "email", sender: ContactPoint = MAIL, **more) -> tuple[str, str]:
        """A message comes in; returns conversation and message id."""
        self.said += 1
        proof = {"email": SenderProof.DMARC_PASS, "sms": SenderProof.CARRIER}.get(channel, SenderProof.NONE)
        accepted = await self.intake.message(
            InboundMessage(
                channel=channel, source_id=f"s-{self.said}", sender=sender, text=text, received_at=self.clock.now(),
                **{"proof": proof, **more},
            )
        )  # fmt: skip
        return accepted.conversation_id, accepted.message_id


async def add_staff(store: Store, name: str, role: str) -> staffing.Staff:
    """Without hashing a password for each."""

    def unit(tx):
        kept = staffing.hashed
        staffing.hashed = lambda _: HASH
        try:
            return staffing.add(
                tx, NOW, email=f"{name.lower()}@larkmoor.example", name=f"{name} Reyes", role=role, password=PASSWORD
            )
        finally:
            staffing.hashed = kept

    return await store.run(unit)


@asynccontextmanager
async def opened(store: Store, clock: SetClock, **changes):
    house = make_house(**changes)
    desk = Deskwork(store, house, clock)
    routes = pages.routes(store, house, clock, desk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the health pages of the edge are plain functions
        app = edge.application(store, clock, routes, edge.Readiness(), Web())
    server = TestServer(app)
    await server.start_server()
    world = World(store, house, clock, app, server)
    world.people = {"ana": await add_staff(store, "Ana", "agent"), "sol": await add_staff(store, "Sol", "supervisor")}
    await store.run(lambda tx: versions.sync(tx, house.answers, NOW))
    await store.run(lambda tx: tx.run(APPROVE_ALL))
    await store.run(lambda tx: records.account(tx, author_account(), NOW))
    try:
        yield world
    finally:
        for client in world.clients:
            await client.close()
        await server.close()

"""One author, one case, and a desk with its far end: what the tests of this folder share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer

from inbox.accounts.base import (
    Account,
    AccountRef,
    ContactAttempt,
    Dispute,
    Instalment,
    Invoice,
    Payment,
    Plan,
    Promise,
    Refund,
    Royalties,
    Withdrawal,
)
from inbox.clock import Clock, SystemClock
from inbox.demo.slack_stand_in import SlackStandIn
from inbox.errors import InboxError, Malformed, NotFound, Overloaded, Unauthentic
from inbox.escalation.base import CaseRef, HandoffCard, TranscriptEntry
from inbox.escalation.card import CaseFacts
from inbox.escalation.fake import RecordingDeskEvents
from inbox.escalation.slack import SlackDesk
from inbox.message import Severity
from inbox.money import Money
from inbox.settings import Slack

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
SECRET = "an-invented-signing-secret"
TOKEN = "xoxb-invented-token"


def usd(text: str) -> Money:
    return Money.of(text)


def paid(id_, on, amount, status="succeeded", invoice="INV-311", code=""):
    return Payment(
        id=id_, on=on, amount=usd(amount), method="visa ••4410", status=status, invoice_id=invoice, decline_code=code
    )


def account(**changes) -> Account:
    """Philippa Stroud: a plan with a failed instalment, a double charge on INV-311, royalties on hold."""
    whole = {
        "ref": AccountRef("ledger", "A-9001"),
        "as_of": NOW,
        "name": "Philippa Stroud",
        "email": "philippa@stroud.example",
        "phone": "+15555550123",
        "timezone": "America/Denver",
        "language": "en",
        "region": "US-NM",
        "titles": ("The Quarry Road",),
        "outstanding": usd("250.50"),
        "invoices": (
            Invoice(
                id="INV-311", description="Cover design", issued_on=date(2026, 2, 2), due_on=date(2026, 3, 2),
                total=usd("64.00"), paid=usd("64.00"), balance=usd("0.00"), status="paid",
            ),
            Invoice(
                id="INV-312", description="Copyedit", issued_on=date(2026, 1, 5), due_on=date(2026, 5, 5),
                total=usd("334.00"), paid=usd("83.50"), balance=usd("250.50"), status="open",
            ),
        ),
        "plans": (
            Plan(
                id="PL-5", invoice_id="INV-312", next_retry_on=date(2026, 3, 13),
                instalments=(
                    Instalment(number=1, due_on=date(2026, 2, 5), amount=usd("83.50"), status="paid"),
                    Instalment(number=2, due_on=date(2026, 3, 5), amount=usd("83.50"), status="failed"),
                    Instalment(number=3, due_on=date(2026, 4, 5), amount=usd("83.50"), status="scheduled"),
                    Instalment(number=4, due_on=date(2026, 5, 5), amount=usd("83.50"), status="scheduled"),
                ),
            ),
        ),
        "payments": (
            paid("P-71", date(2026, 2, 5), "83.50", invoice="INV-312"),
            paid("P-72", date(2026, 3, 2), "64.00"),
            paid("P-73", date(2026, 3, 3), "64.00"),
            paid("P-74", date(2026, 3, 5), "83.50", "failed", "INV-312", "insufficient_funds"),
        ),
        "royalties": Royalties(
            available=usd("120.40"), pending=usd("15.00"), returns_reserve=usd("9.10"), threshold=usd("50.00"),
            next_run_on=date(2026, 3, 20), tax_form="W-9", tax_form_status="missing", payout_method="bank ••5093",
            hold_until=NOW + timedelta(hours=20),
            withdrawals=(
                Withdrawal(
                    id="WD-3", amount=usd("61.00"), requested_on=date(2026, 2, 9), status="paid", paid_on=date(2026, 2, 12)
                ),
            ),
        ),
        "promises": (
            Promise(
                id="PR-1", invoice_id="INV-312", amount=usd("83.50"), on=date(2026, 3, 17), status="open",
                made_on=date(2026, 3, 9),
            ),
        ),
        "contact_log": (ContactAttempt(at=NOW - timedelta(days=2), channel="sms", outcome="delivered"),),
        "consents": {"sms": True, "email": True, "call": False},
        "flags": ("hardship",),
    }  # fmt: skip
    return Account(**{**whole, **changes})


def chargeback(**changes) -> Dispute:
    whole = {
        "id": "dp-41", "invoice_id": "INV-311", "amount": usd("64.00"), "reason": "13.1 not provided", "opened_on": date(2026, 3, 9),
        "status": "needs_response", "payment_id": "P-72", "network": "visa", "respond_by": date(2026, 3, 18),
    }  # fmt: skip
    return Dispute(**{**whole, **changes})


def refund() -> Refund:
    return Refund(
        id="RF-8", invoice_id="INV-311", payment_id="P-73", amount=usd("64.00"), status="approved",
        approved_on=date(2026, 3, 10), method="visa ••4410",
    )  # fmt: skip


def facts(**changes) -> CaseFacts:
    whole = {
        "number": 1041,
        "conversation_id": "c-1",
        "reason": "double_charge",
        "severity": Severity.NORMAL,
        "due_at": NOW + timedelta(hours=4),
        "author_name": "Philippa Stroud",
        "quote": "You took the $64 twice. I want one of them back.",
        "language": "en",
        "channel": "sms",
        "reply_channels": ("sms", "email"),
        "proof": "L2: one-time code to the number on file",
        "transcript": (
            TranscriptEntry(kind="author", who="Philippa Stroud", text="You took the $64 twice.", at=NOW, channel="sms", key="m1"),
            TranscriptEntry(kind="bot", who="Bot", text="Thank you, a person looks into it.", at=NOW, channel="sms", key="m2"),
        ),
        "bot_did": ("confirmed receipt with the case number",),
        "bot_withheld": ("whether a refund follows",),
        "url": "https://inbox.example/conversations/c-1",
        "holds": ("reminders for INV-311 are paused",),
    }  # fmt: skip
    return CaseFacts(**{**whole, **changes})


def handoff(number=1041, **changes) -> HandoffCard:
    """A card as small as can be."""
    whole = {
        "number": number, "conversation_id": f"c-{number}", "status": "open", "reason": "double_charge",
        "headline": "Says the same thing was charged twice", "severity": Severity.NORMAL, "author_name": "Philippa Stroud",
        "quote": "Twice!", "channel": "sms", "reply_channels": ("sms", "email"), "due_at": NOW, "proof": "L1: number on file",
    }  # fmt: skip
    return HandoffCard(**{**whole, **changes})


def entry(key="m1", text="Any news?", **changes) -> TranscriptEntry:
    whole = {
        "kind": "author",
        "who": "Philippa Stroud",
        "text": text,
        "at": datetime.now(UTC),
        "channel": "sms",
        "key": key,
    }
    return TranscriptEntry(**{**whole, **changes})


@web.middleware
async def edge(request, handler):
    """Maps our errors to statuses, as the web edge does."""
    try:
        return await handler(request)
    except InboxError as error:
        table = {Unauthentic: 403, Malformed: 400, NotFound: 404, Overloaded: 503}
        return web.Response(status=table.get(type(error), 500), text=str(error))


@dataclass
class SlackWorld:
    """The inbox's Slack desk and Slack itself, each on its own loopback port."""

    slack: SlackStandIn
    desk: SlackDesk
    events: RecordingDeskEvents
    settings: Slack
    inbox: TestServer
    servers: list[TestServer] = field(default_factory=list)

    async def case(self, **changes) -> CaseRef:
        card = handoff(**changes)
        ref = await self.desk.open(card)
        self.events.opened(ref, card)
        return ref


def agent_name(names):
    async def team(user: str) -> str:
        return names.get(user, "")

    return team


TEAM = {"U0MAREN": "Maren V.", "U0TOBIN": "Tobin A."}


@asynccontextmanager
async def slack_world(*, clock: Clock | None = None, edit_seconds: float = 0.0, **settings):
    stand_in = SlackStandIn(SECRET, TOKEN, "")
    stand_in.retry_after = (0.0, 0.0, 0.0)
    outer = web.Application()
    outer.add_subapp("/demo/slack", stand_in.app())
    far = TestServer(outer)
    await far.start_server()
    chosen = {
        "bot_token": (TOKEN,), "signing_secrets": (SECRET,), "channel": stand_in.channel,
        "api_base": str(far.make_url("/demo/slack/api/")),
    }  # fmt: skip
    config = Slack(**{**chosen, **settings})
    desk = SlackDesk(config, agent_name(TEAM), clock=clock or SystemClock(), edit_seconds=edit_seconds)
    events = RecordingDeskEvents()
    app = web.Application(middlewares=[edge])
    app.add_routes(list(desk.routes(events)))
    inbox = TestServer(app)
    await inbox.start_server()
    stand_in.inbox_base_url = str(inbox.make_url("")).rstrip("/")
    try:
        yield SlackWorld(stand_in, desk, events, config, inbox, [far, inbox])
    finally:
        await inbox.close()
        await far.close()

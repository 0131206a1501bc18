"""The stage a dialogue is played on: the real pipeline over a fresh store, with fake far ends and a set clock."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inbox import conversations, staffing
from inbox.accounts import importing
from inbox.accounts.base import AccountRef
from inbox.channels import mail_inbound, mime
from inbox.clock import SetClock
from inbox.db import migrate
from inbox.db.store import Sql, Store, Tx, open_store
from inbox.db.tables import decisions, events, messages
from inbox.delivery import outbound
from inbox.deskwork import Deskwork
from inbox.errors import DataError
from inbox.escalation import handoffs
from inbox.escalation.fake import FakeDesk
from inbox.fakes import FakeChannel
from inbox.house import House
from inbox.intake import Reception
from inbox.intents.understanding import Reader
from inbox.message import CHANNELS, ContactPoint, InboundMessage, SenderProof
from inbox.settings import Company, Rules
from inbox.simulate.script import Dialogue, Turn
from inbox.templates import versions
from inbox.templates.catalog import Answers
from inbox.triage import codes_in
from inbox.worker import Worker

SUPERVISOR = "supervisor@simulation.example"
SUPPORT = "billing@larkmoor.example"
AUTHSERV = "mx.larkmoor.example"
_PROOF = {
    "portal": SenderProof.PORTAL, "number_match": SenderProof.CARRIER, "caller_id": SenderProof.CALLER_ID,
    "dmarc_pass": SenderProof.DMARC_PASS, "dmarc_fail": SenderProof.DMARC_FAIL, "": SenderProof.NONE,
}  # fmt: skip
b = sa.bindparam
_OUT = Sql(
    sa.select(messages).where(messages.c.direction == "outbound", messages.c.id > b("after")).order_by(messages.c.id)
)
_EVENTS = Sql(sa.select(events).order_by(events.c.at, events.c.stream, events.c.seq))
_DECISION = Sql(sa.select(decisions).where(decisions.c.message_id == b("message")))
_INBOUND = Sql(sa.select(messages).where(messages.c.id == b("message")))
_ALL_MESSAGES = Sql(sa.select(messages).order_by(messages.c.id))


@dataclass
class Stage:
    dialogue: Dialogue
    store: Store
    house: House
    clock: SetClock
    intake: Reception
    deskwork: Deskwork
    desk: FakeDesk
    worker: Worker
    folder: Path
    said: int = 0
    last_channel: str = ""

    @property
    def ref(self) -> AccountRef:
        return AccountRef("ledger", str(self.dialogue.account["author_id"]))

    async def says(self, turn: Turn, subject: str, text: str) -> str:
        """The author writes; returns the id of the message after everything it sets off is done."""
        self.said += 1
        message = self._mail(turn, subject, text) if turn.channel == "email" else self._message(turn, text)
        accepted = await self.intake.message(message)
        await self.settle()
        return accepted.message_id

    def _message(self, turn: Turn, text: str) -> InboundMessage:
        return InboundMessage(
            channel=turn.name, source_id=f"{self.dialogue.id}-{self.said}", sender=self._sender(turn), text=text,
            received_at=self.clock.now(), proof=self._proof(turn),
            account_id=self.ref.id if turn.authenticated == "portal" else "", meta=self._call(turn),
        )  # fmt: skip

    def _call(self, turn: Turn) -> dict[str, str]:
        """A call begins with the announcement that the phone channel makes; its first utterance says so."""
        begins = turn.channel == "voice" and self.last_channel != "voice"
        self.last_channel = turn.channel
        return {"announced": "1"} if begins else {}

    def _mail(self, turn: Turn, subject: str, text: str) -> InboundMessage:
        """The mail as its bytes would come from the mailbox, read by the product's own parser."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = turn.sender, SUPPORT, subject
        mail["Message-ID"] = f"<{self.dialogue.id}-{self.said}@author.example>"
        verdict = "pass" if turn.authenticated == "dmarc_pass" else "fail"
        domain = turn.sender.rpartition("@")[2]
        mail["Authentication-Results"] = f"{AUTHSERV}; dmarc={verdict} header.from={domain}"
        mail.set_content(text)
        raw = mail.as_bytes()
        parsed = mime.parse(raw, mime.ParseSettings(own_addresses=(SUPPORT,), authserv_ids=(AUTHSERV,)))
        message = mail_inbound.message_of(parsed, raw, self.clock.now(), (SUPPORT,), self.house.secrets)
        assert message is not None
        return message

    def _sender(self, turn: Turn) -> ContactPoint:
        if turn.channel == "chat":
            return ContactPoint("chat", f"{self.dialogue.id}-visitor")
        return ContactPoint("email" if turn.channel == "email" else "phone", turn.sender.lower())

    def _proof(self, turn: Turn) -> SenderProof:
        if turn.channel == "sms":
            return SenderProof.CARRIER  # the carrier vouches for the number; whether it is on file is ours to know
        return _PROOF[turn.authenticated]

    async def settle(self) -> None:
        busy = True
        while busy:
            busy = await self.worker.triage_one()
            for lane in (*(f"deliver:{c}" for c in CHANNELS), "desk"):
                busy = await self.worker.run_lane_once(lane) or busy

    # -- looking

    def outbound_after(self, mark: str) -> list[Any]:
        """Rows of what went out since, codes filled in."""
        rows = self.store.read_now(lambda tx: tx.all(_OUT, after=mark))
        return [(row, outbound(row, self.house)) for row in rows if row["status"] != "suppressed"]

    def mark(self) -> str:
        rows = self.store.read_now(lambda tx: tx.all(_ALL_MESSAGES))
        return str(rows[-1]["id"]) if rows else ""

    def events(self) -> list[Any]:
        return self.store.read_now(lambda tx: tx.all(_EVENTS))

    def event_keys(self) -> set[tuple[str, int]]:
        return {(row["stream"], row["seq"]) for row in self.events()}

    def events_but(self, known: set[tuple[str, int]]) -> list[Any]:
        return [row for row in self.events() if (row["stream"], row["seq"]) not in known]

    def decision(self, message_id: str) -> Any:
        return self.store.read_now(lambda tx: tx.one(_DECISION, message=message_id))

    def inbound(self, message_id: str) -> Any:
        return self.store.read_now(lambda tx: tx.one(_INBOUND, message=message_id))

    def conversation(self, message_id: str) -> conversations.Conversation:
        row = self.inbound(message_id)
        found = self.store.read_now(lambda tx: conversations.by_id_plain(tx, row["conversation_id"]))
        assert found is not None
        return found

    def cases(self) -> list[handoffs.Case]:
        def every(tx: Tx) -> list[handoffs.Case]:
            found = {row["conversation_id"] for row in tx.all(_ALL_MESSAGES)}
            found |= {row["stream"] for row in tx.all(_EVENTS) if row["type"] == "conversation.opened"}
            return sorted((c for key in found for c in handoffs.of_conversation(tx, key)), key=lambda c: c.number)

        return self.store.read_now(every)

    def last_code(self) -> str:
        """The code the system really sent last."""
        for _, message in reversed(self.outbound_after("")):
            if "code_id" in message.meta and (found := codes_in(message.text)):
                return found[0]
        return ""

    def written(self) -> str:
        """Everything that was stored or posted, as one text, for numbers that must not land anywhere."""
        rows = self.store.read_now(lambda tx: [*tx.all(_ALL_MESSAGES), *tx.all(_EVENTS)])
        stored = "\n".join(str(tuple(row)) for row in rows)
        return f"{stored}\n{self.desk.roots}\n{self.desk.lines}"

    def close(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


async def set_up(dialogue: Dialogue, reader: Reader, answers: Answers, template: Path) -> Stage:
    """A fresh store with the dialogue's accounts, and the clock at its beginning."""
    folder = Path(tempfile.mkdtemp(prefix="inbox-simulation-"))
    shutil.copyfile(template, folder / "inbox.db")
    store = open_store(f"sqlite:///{folder / 'inbox.db'}")
    clock = SetClock(dialogue.now)
    house = House(
        company=Company(), rules=Rules(), answers=answers, reader=reader, secrets=("simulation",),
        public_url="https://inbox.simulation.example", channels=frozenset(CHANNELS), desk="fake",
    )  # fmt: skip
    intake, deskwork, desk = Reception(store, house, clock), Deskwork(store, house, clock), FakeDesk()
    worker = Worker(
        store=store, house=house, clock=clock, channels={c: FakeChannel(c) for c in CHANNELS}, intake=intake, desk=desk,
        desk_events=deskwork,
    )  # fmt: skip
    now = dialogue.now

    def fill(tx: Tx) -> None:
        versions.sync(tx, answers, now, approve_as=SUPERVISOR)
        accounts = json.dumps([dialogue.account, *dialogue.others])
        report = importing.load_accounts(accounts, dialogue.id, tx, at=now)
        if report.problems:
            raise DataError([str(p) for p in report.problems])

    await store.run(fill)
    return Stage(dialogue, store, house, clock, intake, deskwork, desk, worker, folder)


def template_database(folder: Path) -> Path:
    """A migrated, empty database to copy for each dialogue."""
    path = folder / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


async def agent(stage: Stage, desk_id: str, role: str = "agent") -> staffing.Staff:
    """The staff member with this desk id, added when first needed."""
    name = desk_id.removeprefix("U-").title()

    def find_or_add(tx: Tx) -> staffing.Staff:
        return staffing.by_desk_id(tx, desk_id) or staffing.add(
            tx, stage.clock.now(), email=f"{name.lower()}@simulation.example", name=name, role=role,
            password=secrets.token_urlsafe(16), slack_user_id=desk_id,
        )  # fmt: skip

    return await stage.store.run(find_or_add)


def details_of(turn: Turn, values: Mapping[str, str]) -> Any:
    """The event's details with placeholders filled in."""
    text = json.dumps(turn.details)
    for name, value in values.items():
        text = text.replace(name, value)
    return json.loads(text)
